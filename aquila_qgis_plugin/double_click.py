"""Buttons that start something and then cancel it, pressed twice by those who double-click everything."""

from __future__ import annotations

import math
import time

from qtpy.QtWidgets import QApplication


class FirstClick:
    """The click that made a button say "Cancel"; what follows too soon is no wish to cancel."""

    def __init__(self) -> None:
        self._at = -math.inf

    def made(self) -> None:
        """The button says "Cancel" from now on."""
        self._at = time.monotonic()

    def is_fresh(self) -> bool:
        """Whether a click now would be the second one of a double click."""
        return time.monotonic() - self._at < QApplication.doubleClickInterval() / 1000
