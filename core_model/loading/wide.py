"""Linear layers in 16-bit numbers on a CPU that cannot multiply these: many rows at once are multiplied in float32.

Such a CPU multiplies wide 16-bit matrices several times slower than float32 ones, and a picture of a large model is a
thousand rows. A single row, as in writing, is limited by memory and fastest as it is. The weights stay 16-bit; one
layer's are float32 while they are used.
"""

from __future__ import annotations

import platform

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

# From here on turning the weights into float32 costs less than it saves.
_MANY_ROWS = 24
_X86 = ("x86_64", "amd64")


class WideLinear(nn.Linear):
    """``nn.Linear`` whose products of many rows are summed in float32 and rounded once to the input's format."""

    def forward(self, input: Tensor) -> Tensor:
        """[…, in_features] to […, out_features]."""
        if input.numel() < _MANY_ROWS * self.in_features:
            return super().forward(input)
        bias = None if self.bias is None else self.bias.float()
        return functional.linear(input.float(), self.weight.float(), bias).to(input.dtype)


def needs_wide(device: torch.device, compute: torch.dtype) -> bool:
    """Whether 16-bit products on this device are slower than float32 ones."""
    return device.type == "cpu" and compute in (torch.bfloat16, torch.float16) and not cpu_multiplies(compute)


def cpu_multiplies(compute: torch.dtype) -> bool:
    """Whether this CPU multiplies bfloat16 (or float16) numbers itself, and does not imitate it."""
    if not torch.backends.mkldnn.is_available():
        return False
    kernels = torch.ops.mkldnn
    if compute != torch.bfloat16:
        return bool(kernels._is_mkldnn_fp16_supported())
    # oneDNN also says yes to AVX-512 alone, where it imitates them: four to five times slower than float32.
    imitated = platform.machine().lower() in _X86 and not x86_multiplies_bfloat16()
    return bool(kernels._is_mkldnn_bf16_supported()) and not imitated


def x86_multiplies_bfloat16() -> bool:
    """Whether the CPU has AMX or AVX512-BF16; a torch that cannot tell counts as no."""
    return any(getattr(torch.cpu, name, bool)() for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"))


def widen_layers(model: nn.Module, head: nn.Module | None) -> None:
    """Let a model's linear layers be ``WideLinear``, all but the ``head``.

    The head stays: it may share its weight with the embeddings, and it reads few rows.
    """
    for layer in model.modules():
        if type(layer) is nn.Linear and layer is not head:
            layer.__class__ = WideLinear
