"""Reading and writing weight files without ever executing anything from them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, Callable, Collection, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from core_model.errors import ModelError

WEIGHTS_NAME = "model.safetensors"
INDEX_NAME = "model.safetensors.index.json"
TORCH_NAME = "pytorch_model.bin"
TORCH_INDEX_NAME = "pytorch_model.bin.index.json"
SHARD_BYTES = 2 * 1024**3
# What torch's weights-only reader raises for foreign, truncated or hostile files.
_UNREADABLE = (
    RuntimeError, OSError, EOFError, ValueError, LookupError, TypeError,
    torch.serialization.pickle.UnpicklingError,  # type: ignore[attr-defined]
)
Place = Callable[[str, Tensor, Tensor], Tensor]


def read_weights(path: Path) -> Dict[str, Tensor]:
    """All tensors of one file: safetensors, or a torch file that holds tensors only.

    Raises ``ModelError`` with one sentence for a missing, truncated or foreign file.
    """
    if not path.is_file():
        raise ModelError(f"the weight file {path} does not exist; copy the model folder again.")
    if path.suffix == ".safetensors":
        return dict(_iterate_safetensors(path))
    try:
        loaded = _load_tensors(path)
    except _UNREADABLE as error:
        reason = str(error).split("\n", 1)[0]
        raise ModelError(f"{path} is no readable weight file (truncated, or not weights only): {reason}") from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise ModelError(f"{path} does not hold a mapping of names to tensors.")
    return dict(state)


def iterate_folder(folder: Path) -> Iterator[Tuple[str, Tensor]]:
    """Name and tensor of every weight in a folder's file or shards, one shard open at a time.

    Tensors are views of the mapped file where its layout allows that: nothing is read before it is used.
    """
    for path in weight_files(folder):
        if path.suffix == ".safetensors":
            yield from _iterate_safetensors(path)
            continue
        shard = read_weights(path)
        while shard:
            yield shard.popitem()


def weight_files(folder: Path) -> List[Path]:
    """The weight files of a folder: the shards its index names, or the single file; safetensors before torch files."""
    for index_name, name in ((INDEX_NAME, WEIGHTS_NAME), (TORCH_INDEX_NAME, TORCH_NAME)):
        if (folder / index_name).is_file():
            return _indexed(folder / index_name)
        if (folder / name).is_file():
            return [folder / name]
    return [folder / WEIGHTS_NAME]


def write_folder(folder: Path, weights: Mapping[str, Tensor], shard_bytes: int = SHARD_BYTES) -> None:
    """Write ``model.safetensors``, or shards of at most ``shard_bytes`` with their index."""
    write_stream(folder, weights.items(), shard_bytes)


def write_stream(folder: Path, weights: Iterable[Tuple[str, Tensor]], shard_bytes: int = SHARD_BYTES) -> None:
    """As ``write_folder`` for weights that come one after the other; no more than one shard is held."""
    written: List[Tuple[Path, List[str]]] = []
    total = 0
    for shard in _shards(weights, shard_bytes):
        path = folder / f"model-{len(written) + 1:05d}.safetensors"
        save_file(shard, str(path), metadata={"format": "pt"})
        written.append((path, list(shard)))
        total += sum(_bytes(value) for value in shard.values())
        shard.clear()  # the generator holds the same dictionary: a source file must not stay mapped
    if len(written) == 1:
        written[0][0].replace(folder / WEIGHTS_NAME)
        _remove_older(folder, (WEIGHTS_NAME,))
        return
    places: Dict[str, str] = {}
    for number, (path, names) in enumerate(written, 1):
        name = f"model-{number:05d}-of-{len(written):05d}.safetensors"
        path.replace(folder / name)
        places.update(dict.fromkeys(names, name))
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / INDEX_NAME).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    _remove_older(folder, (INDEX_NAME, *places.values()))


def _remove_older(folder: Path, written: Collection[str]) -> None:
    """Remove weights that lay in the folder before, which may be read instead of those ``written``."""
    for name in (INDEX_NAME, WEIGHTS_NAME, "model-*-of-*.safetensors"):
        for path in folder.glob(name):
            if path.name not in written:
                path.unlink()


def load_weights(
    model: nn.Module, folder: Path, ignored: Tuple[str, ...] = (), *, place: Optional[Place] = None
) -> None:
    """Fill a model from a folder's weights; weights whose names end like one of ``ignored`` are passed over.

    With ``place`` the model's parameters may lie on the meta device: ``place(name, parameter, value)`` makes of each
    mapped value what stands in its stead. Raises ``ModelError`` for missing, unknown or mis-shaped weights.
    """
    wanted: Dict[str, Tensor] = dict(model.state_dict(keep_vars=True))
    required = set(own_weights(model))
    slots = _slots(model) if place else {}
    found: List[str] = []
    with torch.no_grad():
        for name, value in iterate_folder(folder):
            if name.endswith(ignored):
                continue
            check_weight(folder, wanted, name, value)
            if place and id(wanted[name]) in slots:
                made = place(name, wanted[name], value)
                for module, attribute in slots[id(wanted[name])]:
                    setattr(module, attribute, made)
            else:
                wanted[name].copy_(value)
            found.append(name)
    check_complete(folder, required, found)


def check_weight(source: Path, wanted: Mapping[str, Tensor], name: str, value: Tensor) -> None:
    """Raises ``ModelError`` for a weight that ``wanted`` does not hold or holds in another shape."""
    if name not in wanted:
        raise ModelError(f"{source} holds an unknown weight {name}; its config.json is of another model.")
    if wanted[name].shape != value.shape:
        raise ModelError(
            f"{source}: the weight {name} has shape {tuple(value.shape)}, but config.json asks for "
            f"{tuple(wanted[name].shape)}; they are of different models.")


def check_complete(source: Path, required: Iterable[str], found: Iterable[str]) -> None:
    """Raises ``ModelError`` where a required weight was not found."""
    missing = sorted(set(required) - set(found))
    if missing:
        raise ModelError(f"{source} lacks {len(missing)} weights, first {missing[0]}; copy the model folder again.")


def own_weights(model: nn.Module) -> Dict[str, Tensor]:
    """Every weight once: tied weights are one parameter and are kept under their first name."""
    kept: Dict[str, Tensor] = {}
    seen = set()
    for name, value in model.state_dict(keep_vars=True).items():
        if id(value) not in seen:
            kept[name] = value.detach()
            seen.add(id(value))
    return kept


def _slots(model: nn.Module) -> Dict[int, List[Tuple[nn.Module, str]]]:
    """Where each parameter stands; a tied one stands in several places."""
    slots: Dict[int, List[Tuple[nn.Module, str]]] = {}
    for module in model.modules():
        for attribute, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            slots.setdefault(id(parameter), []).append((module, attribute))
    return slots


def _indexed(index: Path) -> List[Path]:
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return [index.parent / Path(name).name for name in sorted(names)]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError(f"{index} is no index of weight files ({error}); copy the model folder again.") from error


def _shards(weights: Iterable[Tuple[str, Tensor]], shard_bytes: int) -> Iterator[Dict[str, Tensor]]:
    shard: Dict[str, Tensor] = {}
    filled = 0
    for name, value in weights:
        if shard and filled + _bytes(value) > shard_bytes:
            yield shard
            shard, filled = {}, 0
        shard[name] = value.detach().cpu().contiguous()
        filled += _bytes(value)
    yield shard


def _bytes(value: Tensor) -> int:
    return value.numel() * value.element_size()


def _load_tensors(path: Path) -> Any:
    """A torch file's content, mapped where it is one of the zipped layout that torch writes since 1.6."""
    mapped = zipfile.is_zipfile(path)
    return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)


def _iterate_safetensors(path: Path) -> Iterator[Tuple[str, Tensor]]:
    if not path.is_file():
        raise ModelError(f"the weight file {path} does not exist; copy the model folder again.")
    try:
        with safe_open(str(path), framework="pt", device="cpu") as opened:
            for name in sorted(opened.keys()):
                yield name, opened.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is truncated or no safetensors file ({error}); copy it again.") from error
