"""Files and folders that users name: typed as they like, and on drives that may be gone or closed to them."""

from __future__ import annotations

from pathlib import Path

from core_model.folders import typed_path


def is_file(path: Path) -> bool:
    """Whether a file is there; it is not where nobody may look."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder is there; it is not where nobody may look."""
    try:
        return path.is_dir()
    except OSError:
        return False


def whole_path(typed: str) -> Path:
    """A folder as the user typed it, from the disk's root: pip and QGIS work in other folders. "~" is the own one."""
    return typed_path(typed).absolute()
