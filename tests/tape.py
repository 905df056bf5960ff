"""What a CUDA graph does, on a CPU: a step's operations are kept with their tensors and done again, without Python."""

from __future__ import annotations

from typing import Any, Callable

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

# They give a number to Python, which would not be asked again.
_READS = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.equal.default)


class _Keeping(TorchDispatchMode):
    """Keeps every operation with what went in and what came out."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _READS:
            raise RuntimeError(f"operation not permitted when stream is capturing: {func}")
        made = func(*args, **(kwargs or {}))
        self.kept.append((func, args, kwargs or {}, made))
        return made


class Tape:
    """A recorder for tests, see ``core_model.writing.fixed_steps.Recorder``; ``recorded`` and ``repeated`` count."""

    def __init__(self) -> None:
        self.usable = True
        self.recorded = self.repeated = 0

    def record(self, step: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], Tensor] | None]:
        first = step().clone()
        with _Keeping() as keeping:
            result = step()
        kept = keeping.kept
        self.recorded += 1

        def repeat() -> Tensor:
            self.repeated += 1
            for func, args, kwargs, made in kept:
                _put(made, func(*args, **kwargs))
            return result

        return first, repeat


def _put(places: Any, values: Any) -> None:
    """Into the tensors that came out first; a view, or a tensor changed in place, is there already."""
    for place, value in zip(*(one if isinstance(one, (tuple, list)) else (one,) for one in (places, values))):
        if isinstance(place, Tensor) and value.data_ptr() != place.data_ptr():
            place.copy_(value)
