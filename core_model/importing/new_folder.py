"""Folders that are there whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core_model.errors import ModelError
from core_model.loading.memory import gib


@contextmanager
def new_folder(out: Path, *, room: int) -> Iterator[Path]:
    """A folder beside ``out`` to write into, which becomes ``out`` at the end and goes away where that fails.

    Raises ``ModelError`` if ``out`` is there already and is not empty, or the disk lacks ``room`` bytes.
    """
    out = out.resolve()  # of a link, the place it leads to is the disk that is filled
    if _is_a_disk(out):
        raise ModelError(f"{out} is a disk of its own; name a folder on it.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ModelError(f"{out} is there already; name a new folder.")
    made = out.with_name(out.name + ".unfinished")
    if made.exists():
        raise ModelError(f"{made} is left from a run that was stopped; remove it.")
    out.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out.parent).free
    if free < room:
        raise ModelError(f"{out} needs {gib(room)} of disk, but {gib(free)} are free there; choose another disk.")
    made.mkdir()
    try:
        yield made
        if out.exists():
            out.rmdir()
        made.rename(out)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _is_a_disk(folder: Path) -> bool:
    """Whether a disk begins there, so that nothing can be renamed to it; before Python 3.12 Windows cannot tell."""
    try:
        return folder.is_mount()
    except NotImplementedError:
        return False
