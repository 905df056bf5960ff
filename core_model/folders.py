"""Where models and other files lie; needs no torch."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import List

from core_model.errors import ModelError

MODELS = Path(__file__).resolve().parent / "models"


def built_in_models() -> List[str]:
    """The names of the models that come with Aquila."""
    return sorted(path.parent.name for path in MODELS.glob("*/config.json"))


def model_folder(name: str) -> Path:
    """The folder of a built-in model by name, or the folder given; raises ``ModelError`` where there is none."""
    if name in built_in_models():
        return MODELS / name
    folder = typed_path(name)
    if not name or not folder.is_dir():
        known = ", ".join(built_in_models()) or "none"
        raise ModelError(f"no model is called {name!r} and no such folder exists; built-in models: {known}.")
    return folder


def exists(name: str) -> bool:
    """Whether there is a file or folder of this name; a connection string may be too long for one."""
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def typed_path(typed: str) -> Path:
    """A path as the user typed it; "~" is the own folder."""
    with suppress(RuntimeError):  # for a user that there is not
        return Path(typed).expanduser()
    return Path(typed)
