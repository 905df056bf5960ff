"""One language model over several GPUs, layer by layer, by the library accelerate (an optional dependency)."""

from __future__ import annotations

import importlib
from typing import Any, Dict, Mapping

import torch
from torch import nn

from core_model.errors import ModelError

# Of each GPU, what is left for keys and values, activations and the image encoder.
_SHARE = 0.85


def layer_devices(language: nn.Module, dtype: torch.dtype, free: Mapping[int, int]) -> Dict[str, torch.device]:
    """Which GPU each part of an empty language model goes to, given their free bytes; empty where they do not do."""
    parts = getattr(language, "_no_split_modules", None) or []
    room: Dict[Any, int] = {number: int(count * _SHARE) for number, count in free.items()}
    found = _library().infer_auto_device_map(
        language, max_memory={**room, "cpu": 0}, no_split_module_classes=list(parts), dtype=dtype)
    if not set(found.values()) <= set(free):
        return {}
    return {name: torch.device("cuda", number) for name, number in found.items()}


def join_devices(language: nn.Module, devices: Mapping[str, torch.device]) -> None:
    """Make a model whose parts lie on ``devices`` run as one: each part fetches what comes from another GPU."""
    _library().dispatch_model(
        language, device_map={name: str(device) for name, device in devices.items()}, force_hooks=True,
        skip_keys=getattr(language, "_skip_keys_device_placement", None))


def _library() -> Any:
    try:
        return importlib.import_module("accelerate")
    except ImportError as error:
        raise ModelError(
            "the model does not fit on one GPU, and using several needs the package accelerate; install it, or "
            "choose a smaller number format.") from error
