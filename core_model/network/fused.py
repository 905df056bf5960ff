"""A convolution and the GELU behind it in one pass: on a CPU, what lies between them is never written to memory."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn


class GeluConv(nn.Conv2d):
    """A convolution with GELU behind it; in one pass of oneDNN in float32 on a CPU, where no gradient is wanted."""

    @classmethod
    def of(cls, conv: nn.Conv2d) -> GeluConv:
        """The same convolution, with the same weights."""
        found = cls(
            conv.in_channels, conv.out_channels, conv.kernel_size,  # type: ignore[arg-type]
            conv.stride, conv.padding, conv.dilation, conv.groups,  # type: ignore[arg-type]
            bias=conv.bias is not None, device="meta")
        found.weight, found.bias = conv.weight, conv.bias
        return found

    def forward(self, input: Tensor) -> Tensor:
        """Pixels [T, C, h, w] to [T, C', h', w']."""
        if not self._fuses(input):
            return functional.gelu(super().forward(input))
        found: Tensor = torch.ops.mkldnn._convolution_pointwise(
            input, self.weight, self.bias, self.padding, self.stride, self.dilation, self.groups, "gelu", [], "none")
        return found

    def _fuses(self, pixels: Tensor) -> bool:
        wanted = torch.is_grad_enabled() and (pixels.requires_grad or self.weight.requires_grad)
        return (
            pixels.device.type == "cpu" and pixels.dtype == self.weight.dtype == torch.float32 and not wanted
            and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise"))


def fuse_gelu(network: nn.Module) -> None:
    """Let the wide layers of a ConvNeXt's blocks, where they are convolutions, take their GELU in."""
    for block in network.modules():
        layer, act = getattr(block, "fc1", None), getattr(block, "act", None)
        if isinstance(layer, nn.Conv2d) and _is_gelu(act):
            block.fc1, block.act = GeluConv.of(layer), nn.Identity()


def _is_gelu(act: object) -> bool:
    """Whether it is the exact GELU, of torch or of timm, which has a class of its own."""
    return type(act).__name__ == "GELU" and getattr(act, "approximate", "none") == "none"
