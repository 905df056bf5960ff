"""Model folders: ``config.json``, safetensors, tokenizer and model card; saved and loaded exactly."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from core_model.config import AquilaConfig
from core_model.errors import ModelError
from core_model.folders import model_folder
from core_model.hashes import CARD_NAME, check_hashes, forget_hashes
from core_model.loading.empty import empty_model
from core_model.loading.filling import Filler
from core_model.loading.quantised import BYTES
from core_model.loading.wide import x86_multiplies_bfloat16
from core_model.network.aquila import Aquila
from core_model.text.tokenizer import TextTokenizer, load_tokenizer
from core_model.weights import SHARD_BYTES, load_weights, own_weights, weight_files, write_folder

__all__ = [
    "CARD_NAME", "DTYPES", "QUANTISED", "LoadedModel", "load_model", "load_weights", "pick_device", "pick_dtype",
    "save_model",
]

_LOG = logging.getLogger(__name__)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
QUANTISED = tuple(BYTES)  # number formats of the language model's weights alone
# Hashes of larger files are checked on import and on request: reading 14 GB twice takes too long for every start.
_HASHED_BYTES = 1024**3
# From here on a CPU with matrix units for bfloat16 uses them; smaller models keep the digits they were tuned with.
_LARGE_BYTES = 1024**3


@dataclass(frozen=True)
class LoadedModel:
    """A model ready for use, with its tokenizer and where it came from."""

    model: Aquila
    tokenizer: TextTokenizer
    folder: Path

    @property
    def name(self) -> str:
        """The model's own name."""
        return self.model.config.name


def pick_device(name: str = "auto") -> torch.device:
    """CUDA for "auto" where there is a usable GPU, else the CPU; ``ModelError`` for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ModelError(f"{name!r} is no device; use auto, cpu, cuda or cuda:0.") from None
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise ModelError(f"this machine has no device {name}; use auto or cpu.")
    if device.type not in ("cpu", "cuda"):
        raise ModelError(f"the device {name!r} is not supported; use auto, cpu, cuda or cuda:0.")
    return device


def pick_dtype(name: str, device: torch.device, stored: int = 0) -> torch.dtype:
    """What is calculated in: for "auto", int8 and int4 bfloat16 on CUDA and float32 on the CPU.

    For "auto" and weights that take more than 1 GiB on disk (``stored`` bytes), it is bfloat16 on CPUs that multiply
    these faster than float32, too: those with AMX or AVX512-BF16.
    Raises ``ModelError`` for an unknown name.
    """
    if name == "auto" and stored > _LARGE_BYTES and x86_multiplies_bfloat16():
        return torch.bfloat16
    if name == "auto" or name in QUANTISED:
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if name not in DTYPES:
        raise ModelError(f"{name!r} is no number format; use auto, {', '.join([*DTYPES, *QUANTISED])}.")
    return DTYPES[name]


def load_model(name: str = "nano", *, device: str = "auto", dtype: str = "auto") -> LoadedModel:
    """Load a built-in model by name, or a model folder; weights go from the mapped file straight to the device.

    ``dtype`` is auto, float32, bfloat16 or float16, or int8 or int4 for a language model of fewer bits. A model too
    large for the first GPU is spread over all of them, unless ``device`` names one. Raises ``ModelError`` with one
    sentence for a missing, truncated, changed or mismatched file, for an absent device, and, before anything is
    loaded, where memory will not do.
    """
    folder = model_folder(name)
    config = AquilaConfig.load(folder)
    place = pick_device(device)
    files = weight_files(folder)
    stored = sum(path.stat().st_size for path in files if path.is_file())
    compute = pick_dtype(dtype, place, stored)
    tokenizer = load_tokenizer(folder)
    model = empty_model(config)
    known = model.language.get_input_embeddings().num_embeddings
    if tokenizer.size > known:
        raise ModelError(
            f"the tokenizer in {folder} has {tokenizer.size:,} tokens and the language model {known:,}; they are of "
            "different models.")
    if stored <= _HASHED_BYTES:
        check_hashes(folder, files)
    kind = dtype if dtype in QUANTISED else next(key for key, value in DTYPES.items() if value == compute)
    cards = range(torch.cuda.device_count()) if place == torch.device("cuda") else ()
    Filler(model, device=place, dtype=kind, compute=compute).fill(folder, cards=cards)
    _LOG.info("loaded %s on %s", config.name, place)
    return LoadedModel(model, tokenizer, folder)


def save_model(
    folder: Path, model: Aquila, tokenizer: TextTokenizer, *, card: str = "", shard_bytes: int = SHARD_BYTES
) -> None:
    """Write a model folder that ``load_model`` reads back exactly, in the weights' own number format."""
    folder.mkdir(parents=True, exist_ok=True)
    model.config.save(folder)
    write_folder(folder, own_weights(model), shard_bytes)
    tokenizer.save(folder)
    if card:
        (folder / CARD_NAME).write_text(card, encoding="utf-8")
    else:
        forget_hashes(folder)
