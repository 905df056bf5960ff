"""Aquila's own icons, loaded by path: compiled resources are gone in Qt 6."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtGui import QIcon

_FOLDER = Path(__file__).resolve().parent / "icons"


def icon(name: str) -> QIcon:
    """The icon called ``name``, "describe" for one."""
    return QIcon(str(_FOLDER / f"{name}.svg"))
