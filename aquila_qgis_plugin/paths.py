"""Files and folders that users name: typed as they like, and on drives that may be gone or closed to them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


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
    with suppress(RuntimeError):  # for a user that there is not
        return Path(typed).expanduser().absolute()
    return Path(typed).absolute()
