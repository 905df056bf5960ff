"""The last lines that went to QGIS's message log under "Aquila", for the diagnostics: the log itself cannot be read."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Deque, List

from qgis.core import Qgis, QgsApplication

TAG = "Aquila"
_LINES: Deque[str] = deque(maxlen=200)


def start() -> None:
    """Keep what is logged from now on; called when the plugin loads."""
    QgsApplication.messageLog().messageReceived.connect(_keep)


def stop() -> None:
    """Keep nothing any more; called when the plugin unloads."""
    QgsApplication.messageLog().messageReceived.disconnect(_keep)
    _LINES.clear()


def lines() -> List[str]:
    """What was kept, the newest last."""
    return list(_LINES)


def _keep(message: str, tag: str, level: Qgis.MessageLevel) -> None:
    if tag == TAG:
        _LINES.append(f"{datetime.now():%H:%M:%S} {_word(level)} {message}")


def _word(level: Qgis.MessageLevel) -> str:
    names = {Qgis.MessageLevel.Warning: "WARNING", Qgis.MessageLevel.Critical: "ERROR"}
    return names.get(level, "INFO")
