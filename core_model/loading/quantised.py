"""4- and 8-bit weights of the language model, by the library bitsandbytes (an optional dependency)."""

from __future__ import annotations

import importlib
from typing import Any, Iterator, Tuple

import torch
from torch import Tensor, nn

from core_model.errors import ModelError

# Bytes a weight takes: 8 bits and a scale per row; 4 bits and a scale (itself of 8 bits) per block of 64.
BYTES = {"int8": 1.002, "int4": 0.52}
# A block that straddles two rows comes out wrong in the library's CPU code (0.50): such layers stay exact.
_BLOCK = 64
_KEPT = ("blocksize", "compress_statistics", "quant_type", "quant_storage", "module", "has_fp16_weights")


def quantisable(language: nn.Module) -> Iterator[Tuple[nn.Module, str, nn.Linear]]:
    """The linear layers that may be quantised, with their parents and names there; the last one stays exact."""
    head = language.get_output_embeddings()  # type: ignore[operator]
    for parent in language.modules():
        for name, layer in parent.named_children():
            if type(layer) is nn.Linear and layer is not head and layer.in_features % _BLOCK == 0:
                yield parent, name, layer


def quantise_layers(language: nn.Module, kind: str, compute: torch.dtype) -> None:
    """Put empty layers of ``kind`` (int8, int4) in the stead of an empty language model's linear layers.

    They are filled through ``quantised``. Raises ``ModelError`` where the library is not installed.
    """
    layers = _library().nn
    for parent, name, layer in list(quantisable(language)):
        shape = layer.in_features, layer.out_features, layer.bias is not None
        with torch.device("meta"):
            if kind == "int4":
                made = layers.Linear4bit(*shape, compute_dtype=compute, quant_type="nf4")
            else:
                # Columns of large activations are multiplied unquantised, as the method's authors advise.
                made = layers.Linear8bitLt(*shape, has_fp16_weights=False, threshold=6.0)
        setattr(parent, name, made.requires_grad_(False))


def quantised(empty: Tensor, value: Tensor, device: torch.device) -> Tensor:
    """A weight quantised on ``device`` as the library's ``empty`` parameter asks."""
    settings = {name: setting for name, setting in vars(empty).items() if name in _KEPT}
    kind: Any = type(empty)
    return kind(value, requires_grad=False, **settings).to(device)


def _library() -> Any:
    try:
        return importlib.import_module("bitsandbytes")
    except ImportError as error:
        raise ModelError(
            f"int8 and int4 need the package bitsandbytes, which cannot be loaded here ({error}); install it, or "
            "choose another number format.") from error
