"""What a model folder holds, read from ``config.json``, the heads of the weight files and the model card: no torch."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

from aquila_qgis_plugin.paths import is_folder
from aquila_qgis_plugin.translation import tr
from aquila_qgis_plugin.wording import sentence
from core_model import folders
from core_model.config import AquilaConfig
from core_model.errors import ModelError

_INDEX, _SINGLE = "model.safetensors.index.json", "model.safetensors"
_TOKENIZERS = ("tokenizer.json", "tokenizer.model")
# A head is a list of names and shapes; one this long is no safetensors file.
_LONGEST_HEAD = 100_000_000
_SMALL, _MEDIUM = 300_000_000, 1_500_000_000
_CARD_LINE = re.compile(r"^[\s>*#-]*licen[cs]e\W*:\s*(?P<text>\S.*)$", re.IGNORECASE | re.MULTILINE)
_CARD_HEADING = re.compile(r"^#+\s*licen[cs]e\s*\n+(?P<text>[^\n#]+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class ModelEntry:
    """One model: ``key`` is what ``ModelOptions.model`` holds, a built-in model's name or a folder.

    ``bytes`` is the size of its weight files and ``gpu_gb`` the memory it takes there, about. ``licence`` is what the
    model card states, "" if nothing. ``problem`` is one sentence saying why the model cannot be used, "" if it can.
    """

    key: str
    name: str
    folder: Path
    built_in: bool = False
    bytes: int = 0
    parameters: int = 0
    image_size: int = 0
    licence: str = ""
    problem: str = ""

    @property
    def gpu_gb(self) -> int:
        """Whole gigabytes that the weights take in 16 bits, with room to work in."""
        return math.ceil(self.parameters * 2 * 1.2 / 1e9 + 1)

    def need(self) -> str:
        """What the model wants to run on, for the user."""
        if self.problem or not self.parameters:
            return ""
        if self.parameters < _SMALL:
            return tr("CPU is enough")
        if self.parameters < _MEDIUM:
            return tr("GPU of {gb} GB; a CPU is slow").format(gb=self.gpu_gb)
        return tr("GPU of {gb} GB").format(gb=self.gpu_gb)


def built_in_models() -> List[ModelEntry]:
    """The models that come with Aquila, ``nano`` among them."""
    return [_inspect(folders.model_folder(name), name, built_in=True) for name in folders.built_in_models()]


def inspect_folder(folder: Path) -> ModelEntry:
    """What a folder of the user's holds; never raises, ``problem`` says what is wrong with it."""
    return _inspect(folder, str(folder), built_in=False)


def _inspect(folder: Path, key: str, *, built_in: bool) -> ModelEntry:
    # What comes with Aquila is under Aquila's licence unless its card says otherwise.
    usual = "GPL-2.0-or-later" if built_in else ""
    try:
        config = _config(folder)
        size, parameters = _weights(folder)
        _require_tokenizer(folder)
        licence = _licence(folder / "README.md") or usual
    except (ModelError, OSError) as error:
        return ModelEntry(key, folder.name, folder, built_in, problem=sentence(str(error)))
    return ModelEntry(key, config.name, folder, built_in, size, parameters, config.encoder.image_size, licence)


def _config(folder: Path) -> AquilaConfig:
    if not is_folder(folder):
        raise ModelError(tr("the folder {folder} is not there; plug its disk in, or remove it from the list.").format(
            folder=folder))
    return AquilaConfig.load(folder)


def _weights(folder: Path) -> Tuple[int, int]:
    """Bytes and numbers in all weight files; raises ``ModelError`` where one is missing, cut off or of another kind."""
    files, named = _weight_files(folder)
    size, parameters = 0, 0
    held: List[str] = []
    for path in files:
        head = _head(path)
        size += path.stat().st_size
        parameters += sum(head.values())
        held += head
    missing = sorted(set(named) - set(held))
    if missing:
        raise ModelError(tr("the weight files lack {name}, which their index names; copy the folder again.").format(
            name=missing[0]))
    return size, parameters


def _weight_files(folder: Path) -> Tuple[List[Path], List[str]]:
    """The weight files, and the names of the tensors that the index of several files promises."""
    index = folder / _INDEX
    if not index.is_file():
        return [folder / _SINGLE], []
    try:
        places = dict(json.loads(index.read_text(encoding="utf-8"))["weight_map"])
        names = sorted({Path(name).name for name in places.values()})
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(tr("The index {name} cannot be read; copy the folder again.").format(name=_INDEX)) from error
    return [folder / name for name in names], list(places)


def _head(path: Path) -> Dict[str, int]:
    """How many numbers each tensor of a safetensors file has; the file must be exactly as long as they need."""
    broken = ModelError(tr("The weight file {name} is cut off or no safetensors file; copy the folder again.").format(
        name=path.name))
    if not path.is_file():
        raise ModelError(tr("The weight file {name} is missing; copy the folder again.").format(name=path.name))
    with path.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if not 2 <= length <= min(_LONGEST_HEAD, path.stat().st_size - 8):
            raise broken
        text = opened.read(length)
    try:
        tensors = {name: entry for name, entry in json.loads(text).items() if name != "__metadata__"}
        counts = {name: math.prod(entry["shape"]) for name, entry in tensors.items()}
        end = max(int(entry["data_offsets"][1]) for entry in tensors.values())
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise broken from error
    if path.stat().st_size != 8 + length + end:
        raise broken
    return counts


def _require_tokenizer(folder: Path) -> None:
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise ModelError(tr("it has no tokenizer.json and no tokenizer.model; copy the folder again."))


def _licence(card: Path) -> str:
    """The licence that a model card states in its head, a line or a section of its own, "" if it does not."""
    if not card.is_file():
        return ""
    text = card.read_text(encoding="utf-8", errors="replace")
    found = _CARD_LINE.search(text) or _CARD_HEADING.search(text)
    return found.group("text").strip(" *`\"'.") if found else ""
