"""Letting QGIS work until something has come about."""

from __future__ import annotations

import time
from typing import Callable

from qtpy.QtWidgets import QApplication


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Process events until ``condition`` holds; fails if it does not in a time that only a fault can take."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        QApplication.processEvents()
        time.sleep(0.005)
