"""What number formats training calculates in, on CPU and GPU."""

from __future__ import annotations

import contextlib
import types
from typing import Any, ContextManager

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from core_model.loading.wide import cpu_multiplies


def has_bfloat16(device: torch.device) -> bool:
    """Whether the processor calculates bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return cpu_multiplies(torch.bfloat16)


def mixed_precision(device: torch.device) -> ContextManager[Any]:
    """bfloat16 autocast where the processor has it in hardware; plain float32 elsewhere."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if has_bfloat16(device) else contextlib.nullcontext()


def full_precision(device: torch.device) -> ContextManager[Any]:
    """No autocast, for sums over many pixels."""
    return torch.autocast(device.type, enabled=False)


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
