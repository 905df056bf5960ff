"""From an empty model and a folder to a model on its device: the weights go straight from the mapped file to it."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Mapping, Sequence

import torch
from torch import Tensor, nn

from core_model.loading.memory import check_room, free_bytes, needed_bytes
from core_model.loading.quantised import BYTES, quantisable, quantise_layers, quantised
from core_model.loading.several import join_devices, layer_devices
from core_model.loading.wide import needs_wide, widen_layers
from core_model.network.aquila import Aquila
from core_model.weights import load_weights, own_weights

_LANGUAGE = "language."
_CPU_DTYPES = ("bfloat16", "float32")


class Filler:
    """Fills one empty model. ``dtype`` is the number format's name, ``compute`` what is calculated in."""

    def __init__(self, model: Aquila, *, device: torch.device, dtype: str, compute: torch.dtype) -> None:
        self.model, self.device, self.dtype, self.compute = model, device, dtype, compute
        self._devices: Dict[str, torch.device] = {}

    def fill(self, folder: Path, *, cards: Sequence[int] = ()) -> None:
        """Load a folder's weights; ``cards`` are the GPUs that may share the model where the device is too small.

        Raises ``ModelError`` before anything is loaded where memory will not do.
        """
        self._devices = self._spread(cards)
        if not self._devices:
            check_room(weight_bytes(self.model, self.compute), self.dtype, self.device, cpu_dtypes=_CPU_DTYPES)
        if self.dtype in BYTES:
            quantise_layers(self.model.language, self.dtype, self.compute)
        if needs_wide(self.device, self.compute):
            widen_layers(self.model, self.model.language.get_output_embeddings())
        load_weights(self.model, folder, place=self._place)
        move_buffers(self.model, self.device, self.compute)
        # Convolutions read weights and pixels channel by channel fastest; the files hold them row by row.
        self.model.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self._devices:
            join_devices(self.model.language, self._devices)

    def _spread(self, cards: Sequence[int]) -> Dict[str, torch.device]:
        """A GPU for every part of the language model, where one alone is too small and several do."""
        if len(cards) < 2 or self.dtype in BYTES:
            return {}
        free = {card: free_bytes(torch.device("cuda", card)) or 0 for card in cards}
        if needed_bytes(weight_bytes(self.model, self.compute)[self.dtype]) <= free[cards[0]]:
            return {}
        language = sum(value.numel() for value in own_weights(self.model.language).values()) * self.compute.itemsize
        free[cards[0]] -= weight_bytes(self.model)[self.dtype] - language  # everything else goes there
        return layer_devices(self.model.language, self.compute, free)

    def _place(self, name: str, empty: Tensor, value: Tensor) -> Tensor:
        device = device_of(name, self._devices, self.device)
        if type(empty) is not nn.Parameter:
            return quantised(empty, value.to(self.compute), device)
        # A copy, not a view of the mapped file: the folder may be replaced or removed while the model runs.
        made = torch.empty(value.shape, dtype=self.compute, device=device).copy_(value)
        return nn.Parameter(made, requires_grad=empty.requires_grad)


def weight_bytes(model: Aquila, compute: torch.dtype = torch.bfloat16) -> Dict[str, int]:
    """The bytes of a model's weights in each number format; what is not quantised is kept in ``compute``."""
    total = sum(value.numel() for value in own_weights(model).values())
    few = sum(layer.weight.numel() for _, _, layer in quantisable(model.language))
    whole = {"float32": 4 * total, "bfloat16": 2 * total, "float16": 2 * total}
    rest = (total - few) * compute.itemsize
    return {**whole, **{kind: int(few * share) + rest for kind, share in BYTES.items()}}


def device_of(name: str, devices: Mapping[str, torch.device], default: torch.device) -> torch.device:
    """The device of a weight by the longest part of its name that ``devices``, of the language model, knows."""
    if not devices or not name.startswith(_LANGUAGE):
        return default
    inner = name[len(_LANGUAGE):]
    fitting = [part for part in devices if part == "" or inner == part or inner.startswith(part + ".")]
    return devices[max(fitting, key=len)] if fitting else default


def move_buffers(model: Aquila, device: torch.device, dtype: torch.dtype) -> None:
    """The language model's buffers stay in float32: rounded rotary frequencies would blur distant positions."""
    inside = set(model.language.modules())
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            kept = module in inside or not buffer.is_floating_point()
            setattr(module, name, buffer.to(device, buffer.dtype if kept else dtype))
