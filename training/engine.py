"""What every stage's loop shares: schedule, moving average, resumable state, precision on CPU and GPU."""

from __future__ import annotations

import contextlib
import copy
import functools
import logging
import math
import time
import types
from pathlib import Path
from typing import Any, ContextManager, Dict, Iterable, List, Tuple

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from core_model.compat import ensure_torchvision

_LOG = logging.getLogger(__name__)


def mixed_precision(device: torch.device) -> ContextManager[Any]:
    """bfloat16 autocast where the processor has it in hardware; plain float32 elsewhere."""
    if device.type == "cuda" or _bfloat16_in_hardware():
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def _bfloat16_in_hardware() -> bool:
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _depthwise_in_float32(self: nn.Conv2d, pixels: Tensor) -> Tensor:
    with torch.autocast(pixels.device.type, enabled=False):
        return functional.conv2d(
            pixels.float(), self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


def faster_depthwise_on_cpu(module: nn.Module, device: torch.device) -> None:
    """Keep depthwise convolutions in float32 on the CPU: their bfloat16 weight gradient is three times slower there."""
    if device.type != "cpu":
        return
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d) and layer.groups == layer.in_channels > 1:
            layer.forward = types.MethodType(_depthwise_in_float32, layer)  # type: ignore[method-assign]


def cosine_rate(step: int, steps: int, warmup: int, floor: float = 0.01) -> float:
    """The share of the peak learning rate at ``step``: linear warm-up, then half a cosine down to ``floor``."""
    if step < warmup:
        return (step + 1) / warmup
    share = (step - warmup) / max(1, steps - warmup)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


class MovingAverage:
    """Exponential moving average of a module's parameters and buffers; its horizon grows with the steps seen."""

    def __init__(self, module: nn.Module, decay: float = 0.999) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move towards the module's present state."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for mine, theirs in zip(self.module.state_dict().values(), module.state_dict().values()):
            if mine.dtype.is_floating_point:
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)


class RunFolder:
    """A stage's folder: its latest resumable state, written so that a kill never leaves half a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "state.pt"

    def save(self, **state: Any) -> None:
        """Write the state beside the old one, then swap."""
        partial = self.path.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(self.path)

    def load(self) -> Dict[str, Any]:
        """The latest state, or an empty mapping."""
        if not self.path.is_file():
            return {}
        return dict(torch.load(self.path, map_location="cpu", weights_only=True))


class Pace:
    """Logs a line every so many seconds: step, rate, time left and the mean of what was noted since."""

    def __init__(self, steps: int, every: float = 30.0) -> None:
        self.steps, self.every = steps, every
        self.since, self.last_step = time.monotonic(), -1
        self.noted: Dict[str, list] = {}

    def note(self, step: int, **values: float) -> None:
        """Remember values of this step; log when it is time."""
        if self.last_step < 0:
            self.last_step = step
        for name, value in values.items():
            self.noted.setdefault(name, []).append(float(value))
        elapsed = time.monotonic() - self.since
        if elapsed < self.every and step + 1 < self.steps:
            return
        rate = max(1e-9, (step - self.last_step) / elapsed)
        means = "  ".join(f"{name} {sum(found) / len(found):.4f}" for name, found in self.noted.items() if found)
        _LOG.info("step %d/%d  %.2f step/s  %.0f min left  %s",
                  step + 1, self.steps, rate, (self.steps - step) / rate / 60, means)
        self.since, self.last_step, self.noted = time.monotonic(), step, {}


def check_finite(loss: Tensor, step: int) -> None:
    """Stop a run whose loss is no number, with a sentence instead of a ruined checkpoint."""
    if not bool(torch.isfinite(loss)):
        raise FloatingPointError(f"the loss is {float(loss)} at step {step}; lower the learning rate and resume.")


def muon(
    parameters: Iterable[Tuple[str, nn.Parameter]], rate: float, weight_decay: float, fallback_scale: float = 1.0
) -> torch.optim.Optimizer:
    """Muon (Jordan et al. 2024) on weight matrices, AdamW on vectors and embeddings.

    From scratch and in few steps it halves the steps AdamW needs (measured on stage 0 of the default model).
    """
    ensure_torchvision()
    from timm.optim import muon as timm_muon  # noqa: PLC0415 (after the torchvision mend)

    if not torch.cuda.is_available() and not _bfloat16_in_hardware():
        # timm orthogonalises in bfloat16, which such a processor imitates: 25 times slower than float32.
        timm_muon.zeropower_via_newtonschulz = functools.partial(
            timm_muon.zeropower_via_newtonschulz, dtype=torch.float32)

    matrices: List[nn.Parameter] = []
    embeddings: List[nn.Parameter] = []
    vectors: List[nn.Parameter] = []
    for name, value in parameters:
        (vectors if value.ndim < 2 else embeddings if "embed" in name else matrices).append(value)
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": embeddings, "weight_decay": 0.0, "use_fallback": True},
        {"params": vectors, "weight_decay": 0.0, "use_fallback": True},
    ]
    return timm_muon.Muon([group for group in groups if group["params"]], lr=rate, fallback_lr_scale=fallback_scale)


def keep(
    run: RunFolder, step: int, model: nn.Module, average: MovingAverage, optimizer: torch.optim.Optimizer
) -> None:
    """Save what ``resume`` needs after ``step`` steps."""
    run.save(step=step, model=model.state_dict(), average=average.module.state_dict(), updates=average.updates,
             optimizer=optimizer.state_dict())


def resume(run: RunFolder, model: nn.Module, average: MovingAverage, optimizer: torch.optim.Optimizer) -> int:
    """Put a saved state back; returns how many steps it has seen, 0 where nothing was saved."""
    state = run.load()
    if not state:
        return 0
    model.load_state_dict(state["model"])
    average.module.load_state_dict(state["average"])
    average.updates = state["updates"]
    optimizer.load_state_dict(state["optimizer"])
    _LOG.info("resuming %s at step %d", run.folder, state["step"])
    return int(state["step"])
