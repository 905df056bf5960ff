"""The exponential moving average of the weights that training changes."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, Mapping

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from training.parts import divided, trained_weights

NAME = "average.safetensors"
_UPDATES = "updates"


class Average:
    """A moving average in float32, divided over the processes as the weights are; its horizon grows with the steps."""

    def __init__(self, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self._kept: Dict[str, Tensor] = {}

    @torch.no_grad()
    def begin(self, model: nn.Module) -> None:
        """Start from the model's present weights."""
        self._kept = {name: value.detach().float().clone() for name, value in trained_weights(model).items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the model's present weights."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, value in trained_weights(model).items():
            self._kept[name].lerp_(value.detach().float(), 1 - decay)

    @contextmanager
    def instead(self, model: nn.Module) -> Iterator[None]:
        """While open, the model has the average as its weights."""
        weights = trained_weights(model)
        own = {name: value.detach().clone() for name, value in weights.items()}
        _copy(weights, self._kept)
        try:
            yield
        finally:
            _copy(weights, own)
            reshard(model)

    def save(self, folder: Path, writes: bool) -> None:
        """Write the average into a checkpoint's folder; all processes must call this, one of them ``writes``."""
        whole = gathered(self._kept)
        if writes:
            save_file({**whole, _UPDATES: torch.tensor(self.updates)}, str(folder / NAME))

    def load(self, folder: Path, model: nn.Module) -> None:
        """Put a saved average back; ``model`` says how it is divided."""
        self.begin(model)
        found = load_file(str(folder / NAME))
        self.updates = int(found.pop(_UPDATES))
        with torch.no_grad():
            for name, value in found.items():
                self._kept[name].copy_(divided(value, self._kept[name]))


def gathered(weights: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """Copies of weights, whole and on the CPU, whatever they are divided over; all processes must call this."""
    return {name: whole(value.detach()).to("cpu", copy=True).contiguous() for name, value in weights.items()}


def whole(value: Tensor) -> Tensor:
    """A tensor that FSDP2 may have divided, as a whole."""
    gather = getattr(value, "full_tensor", None)
    return value if gather is None else gather()


def reshard(model: nn.Module) -> None:
    """Let go of weights that FSDP2 gathered for a pass that no backward pass followed."""
    for module in model.modules():
        free = getattr(module, "reshard", None)
        if free is not None:
            free()


def _copy(weights: Mapping[str, nn.Parameter], values: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, value in weights.items():
            value.copy_(values[name])


