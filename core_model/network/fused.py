"""ConvNeXt blocks in fewer passes over memory: on a CPU, writing and reading between the layers is much of their time.

Imports timm, whose torchvision may first need ``core_model.compat``.
"""

from __future__ import annotations

import torch
from timm.layers import Mlp
from timm.models.convnext import ConvNeXtBlock
from torch import Tensor, nn

# What the wide layer makes in one go, for each core.
_WIDE_BYTES = 5 * 2**19


class FusedBlock(ConvNeXtBlock):
    """A block whose wide layer takes its GELU in, in float32 on a CPU where nothing is learned.

    So many pixels are taken at a time that what the wide layer makes of them is still in the cache when it is read.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Features [T, C, h, w] to features of the same shape."""
        if not self._fuses(x):
            found: Tensor = super().forward(x)
            return found
        features, shortcut = _pixels(self.norm(self.conv_dw(x))), _pixels(x)
        made = torch.empty_like(shortcut)
        wide = self.mlp.fc1.out_channels * features.element_size()
        most = max(1, _WIDE_BYTES * torch.get_num_threads() // wide)
        for part, kept, found in zip(features.split(most), shortcut.split(most), made.split(most)):
            hidden = _pointwise(part, self.mlp.fc1, "gelu")
            # By oneDNN as well: with a single thread PyTorch itself would take a slower way.
            hidden = _pointwise(hidden, self.mlp.fc2, "none")
            if self.gamma is None:
                torch.add(kept, hidden, out=found)
            else:
                torch.addcmul(kept, hidden, self.gamma, out=found)
        return made.view(x.shape[0], *x.shape[2:], x.shape[1]).permute(0, 3, 1, 2)

    def _fuses(self, x: Tensor) -> bool:
        weight = self.mlp.fc1.weight
        learns = self.training or (torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad))
        plain = x.device.type == "cpu" and x.dtype == weight.dtype == torch.float32
        return plain and not learns and torch.backends.mkldnn.is_available()


def _pixels(features: Tensor) -> Tensor:
    """Features [T, C, h, w] as pixels [T·h·w, C]; no copy where the channels come last in memory."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def _pointwise(pixels: Tensor, layer: nn.Conv2d, after: str) -> Tensor:
    """A 1 × 1 convolution of pixels [n, C] with what comes after it."""
    found: Tensor = torch.ops.mkldnn._convolution_pointwise(
        pixels.view(1, 1, *pixels.shape).permute(0, 3, 1, 2), layer.weight, layer.bias,
        [0, 0], [1, 1], [1, 1], 1, after, [], "none")
    return _pixels(found)


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
