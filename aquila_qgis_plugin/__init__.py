"""The QGIS plugin: selected polygons over a raster, described into their attributes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent


def _make_importable() -> None:
    """Append the folder of core_model and qtpy to ``sys.path``: the zip's own, or in development the repository."""
    # Never the plugin folder itself: its `processing` would shadow QGIS's.
    bundled = _HERE / "bundled"
    folder = str(bundled if bundled.is_dir() else _HERE.parent)
    if folder not in sys.path:
        sys.path.append(folder)


_make_importable()


def classFactory(iface: Any) -> Any:  # noqa: N802 (QGIS asks for this name)
    """The plugin object, as QGIS asks for it when it loads the plugin."""
    from aquila_qgis_plugin.plugin import AquilaPlugin  # noqa: PLC0415 (after core_model and qtpy are importable)

    return AquilaPlugin(iface)
