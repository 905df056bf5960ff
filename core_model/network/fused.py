"""ConvNeXt blocks in fewer passes over memory: on a CPU, writing and reading between the layers is much of their time.

Imports timm, whose torchvision may first need ``core_model.compat``.
"""

from __future__ import annotations

import torch
from timm.layers import Mlp
from timm.models.convnext import ConvNeXtBlock
from torch import Tensor, nn


class FusedBlock(ConvNeXtBlock):
    """A block whose wide layer takes its GELU in, in float32 on a CPU where nothing is learned.

    Scale and shortcut are put onto what the narrow layer made, in place.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Features [T, C, h, w] to features of the same shape."""
        if not self._fuses(x):
            found: Tensor = super().forward(x)
            return found
        hidden = _pointwise(self.norm(self.conv_dw(x)), self.mlp.fc1, "gelu")
        # By oneDNN as well: with a single thread PyTorch itself would take a slower way.
        hidden = _pointwise(hidden, self.mlp.fc2, "none")
        if self.gamma is not None:
            hidden.mul_(self.gamma.view(1, -1, 1, 1))
        return hidden.add_(x)

    def _fuses(self, x: Tensor) -> bool:
        weight = self.mlp.fc1.weight
        learns = self.training or (torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad))
        plain = x.device.type == "cpu" and x.dtype == weight.dtype == torch.float32
        return plain and not learns and torch.backends.mkldnn.is_available()


def _pointwise(features: Tensor, layer: nn.Conv2d, after: str) -> Tensor:
    """A 1 × 1 convolution with what comes after it."""
    found: Tensor = torch.ops.mkldnn._convolution_pointwise(
        features, layer.weight, layer.bias, [0, 0], [1, 1], [1, 1], 1, after, [], "none")
    return found


def fuse_blocks(network: nn.Module) -> None:
    """Make the blocks of a ConvNeXt fused ones where they can be: 1 × 1 convolutions around an exact GELU."""
    if not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        return
    for block in network.modules():
        if type(block) is ConvNeXtBlock and block.use_conv_mlp and _is_plain(block):
            block.__class__ = FusedBlock


def _is_plain(block: ConvNeXtBlock) -> bool:
    act = block.mlp.act
    # timm has a GELU of its own, with nothing in common with torch's but the name.
    exact = type(act).__name__ == "GELU" and getattr(act, "approximate", "none") == "none"
    plain = type(block.mlp) is Mlp and isinstance(block.mlp.norm, nn.Identity)
    return exact and plain and isinstance(block.shortcut, nn.Identity)
