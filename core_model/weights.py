"""Reading and writing weight files without ever executing anything from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Tuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from core_model.errors import ModelError

WEIGHTS_NAME = "model.safetensors"
INDEX_NAME = "model.safetensors.index.json"
SHARD_BYTES = 4 * 1024**3
# What torch's weights-only reader raises for foreign, truncated or hostile files.
_UNREADABLE = (
    RuntimeError, OSError, EOFError, ValueError, LookupError, TypeError,
    torch.serialization.pickle.UnpicklingError,  # type: ignore[attr-defined]
)


def read_weights(path: Path) -> Dict[str, Tensor]:
    """All tensors of one file: safetensors, or a torch file that holds tensors only.

    Raises ``ModelError`` with one sentence for a missing, truncated or foreign file.
    """
    if not path.is_file():
        raise ModelError(f"the weight file {path} does not exist; copy the model folder again.")
    if path.suffix == ".safetensors":
        return dict(_iterate_safetensors(path))
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise ModelError(f"{path} is no readable weight file (truncated, or not weights only): {error}") from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise ModelError(f"{path} does not hold a mapping of names to tensors.")
    return dict(state)


def iterate_folder(folder: Path) -> Iterator[Tuple[str, Tensor]]:
    """Name and tensor of every weight in a folder's safetensors file or shards, one at a time."""
    for path in weight_files(folder):
        yield from _iterate_safetensors(path)


def weight_files(folder: Path) -> List[Path]:
    """The safetensors files of a folder: the shards its index names, or the single file."""
    index = folder / INDEX_NAME
    if not index.is_file():
        return [folder / WEIGHTS_NAME]
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError(f"{index} is no index of weight files ({error}); copy the model folder again.") from error
    return [folder / Path(name).name for name in sorted(names)]


def write_folder(folder: Path, weights: Mapping[str, Tensor], shard_bytes: int = SHARD_BYTES) -> None:
    """Write ``model.safetensors``, or shards of at most ``shard_bytes`` with their index."""
    shards = _split(weights, shard_bytes)
    if len(shards) == 1:
        save_file(shards[0], str(folder / WEIGHTS_NAME), metadata={"format": "pt"})
        return
    places: Dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        name = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        save_file(shard, str(folder / name), metadata={"format": "pt"})
        places.update(dict.fromkeys(shard, name))
    total = sum(value.numel() * value.element_size() for value in weights.values())
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / INDEX_NAME).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def load_weights(model: nn.Module, folder: Path, ignored: Tuple[str, ...] = ()) -> None:
    """Fill a model from a folder's safetensors; weights whose names end like one of ``ignored`` are passed over.

    Raises ``ModelError`` for missing, unknown or mis-shaped weights.
    """
    wanted: Dict[str, Tensor] = dict(model.state_dict())
    required = set(own_weights(model))
    found: List[str] = []
    with torch.no_grad():
        for name, value in iterate_folder(folder):
            if name.endswith(ignored):
                continue
            if name not in wanted:
                raise ModelError(f"{folder} holds an unknown weight {name}; its config.json is of another model.")
            if wanted[name].shape != value.shape:
                raise ModelError(
                    f"{folder}: the weight {name} has shape {tuple(value.shape)}, but config.json asks for "
                    f"{tuple(wanted[name].shape)}; they are of different models.")
            wanted[name].copy_(value)
            found.append(name)
    missing = sorted(required - set(found))
    if missing:
        raise ModelError(f"{folder} lacks {len(missing)} weights, first {missing[0]}; copy the model folder again.")


def own_weights(model: nn.Module) -> Dict[str, Tensor]:
    """Every weight once: tied weights share their memory and are kept under their first name."""
    kept: Dict[str, Tensor] = {}
    places = set()
    for name, value in model.state_dict().items():
        place = (value.data_ptr(), value.shape)
        if place not in places or value.numel() == 0:
            kept[name] = value
            places.add(place)
    return kept


def _split(weights: Mapping[str, Tensor], shard_bytes: int) -> List[Dict[str, Tensor]]:
    shards: List[Dict[str, Tensor]] = [{}]
    filled = 0
    for name, value in weights.items():
        size = value.numel() * value.element_size()
        if shards[-1] and filled + size > shard_bytes:
            shards.append({})
            filled = 0
        shards[-1][name] = value.detach().cpu().contiguous()
        filled += size
    return shards


def _iterate_safetensors(path: Path) -> Iterator[Tuple[str, Tensor]]:
    if not path.is_file():
        raise ModelError(f"the weight file {path} does not exist; copy the model folder again.")
    try:
        with safe_open(str(path), framework="pt", device="cpu") as opened:
            for name in sorted(opened.keys()):
                yield name, opened.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is truncated or no safetensors file ({error}); copy it again.") from error
