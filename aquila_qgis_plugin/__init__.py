"""The QGIS plugin: selected polygons over a raster, described into their attributes."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
BUNDLED = _HERE / "bundled"


def _make_importable() -> None:
    """Put the folder of core_model and qtpy on ``sys.path``: the zip's own, or in development the repository."""
    # Never the plugin folder itself: its `processing` would shadow QGIS's.
    folder = str(BUNDLED if BUNDLED.is_dir() else _HERE.parent)
    if folder in sys.path:
        return
    if _has_old_qtpy():
        sys.path.insert(0, folder)
    else:
        sys.path.append(folder)


def _has_old_qtpy() -> bool:
    """Whether QGIS's own qtpy is of before version 2, which lacks what is used here."""
    try:
        return int(metadata.version("qtpy").partition(".")[0]) < 2
    except (metadata.PackageNotFoundError, ValueError):
        return False


def forget_modules(folder: Path) -> None:
    """Forget what was imported from a folder, so that an update of it in this session is read anew."""
    for name, module in list(sys.modules.items()):
        origin = getattr(module, "__file__", None)
        if origin and folder in Path(origin).parents:
            del sys.modules[name]
    if str(folder) in sys.path:
        sys.path.remove(str(folder))


_make_importable()


def classFactory(iface: Any) -> Any:  # noqa: N802 (QGIS asks for this name)
    """The plugin object, as QGIS asks for it when it loads the plugin."""
    from aquila_qgis_plugin.plugin import AquilaPlugin  # noqa: PLC0415 (after core_model and qtpy are importable)

    return AquilaPlugin(iface)
