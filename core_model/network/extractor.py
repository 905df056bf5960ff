"""The mask-aware extractor of Aquila-plus (arXiv 2411.06142, section 3; after Osprey, arXiv 2312.10032).

A region's mask is laid over every level of the feature pyramid; the masked means of the levels are projected to one
width, summed and projected to the language model's width: the mask token. The mask itself, resized to a small square,
goes through a multilayer perceptron: the spatial token, which says where the region lies and what shape it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from core_model.config import ExtractorConfig
from core_model.network.encoder import FeaturePyramid

RING_GRID = 64


def resize_mask(masks: Tensor, height: int, width: int, pooling: str) -> Tensor:
    """Masks [R, H, W] to the grid of one level [R, height, width].

    "area" weights every cell by the covered share of it, so that no region ever vanishes; "osprey" samples bilinearly
    and takes everything above zero, as the published weights expect.
    """
    stacked = masks.unsqueeze(1)
    if pooling == "osprey":
        sampled = functional.interpolate(stacked, (height, width), mode="bilinear", align_corners=False)
        return (sampled > 0).to(masks.dtype).squeeze(1)
    if height > masks.shape[-2] or width > masks.shape[-1]:
        return functional.interpolate(stacked, (height, width), mode="bilinear", align_corners=False).squeeze(1)
    return functional.adaptive_avg_pool2d(stacked, (height, width)).squeeze(1)


def surrounding_ring(masks: Tensor, share: float) -> Tensor:
    """The ring around each region: masks [R, H, W] to soft rings [R, 64, 64], ``share`` of the side wide."""
    coarse = functional.adaptive_avg_pool2d(masks.unsqueeze(1), (RING_GRID, RING_GRID))
    cells = max(1, round(share * RING_GRID))
    grown = functional.max_pool2d((coarse > 0).to(masks.dtype), 2 * cells + 1, stride=1, padding=cells)
    return (grown - coarse).clamp(min=0).squeeze(1)


def sectors(rings: Tensor, masks: Tensor, count: int) -> Tensor:
    """Rings [R, 64, 64] cut into ``count`` sectors around their regions' centres: [R, count, 64, 64].

    They run clockwise from north; one sector is the whole ring. ``masks`` [R, H, W] give the centres.
    """
    coarse = functional.adaptive_avg_pool2d(masks.unsqueeze(1), (RING_GRID, RING_GRID)).squeeze(1)
    weights = coarse / (coarse.sum(dim=(1, 2), keepdim=True) + 1e-8)
    places = torch.arange(RING_GRID, device=masks.device, dtype=masks.dtype)
    row = (weights.sum(dim=2) * places).sum(dim=1).view(-1, 1, 1)
    column = (weights.sum(dim=1) * places).sum(dim=1).view(-1, 1, 1)
    turn = torch.atan2(places.view(1, 1, -1) - column, row - places.view(1, -1, 1)) / (2 * torch.pi)
    sector = torch.floor((turn * count + 0.5) % count).clamp(max=count - 1)
    return torch.stack([rings * (sector == number) for number in range(count)], dim=1)


def masked_mean(features: Tensor, weights: Tensor, image_index: Tensor) -> Tensor:
    """Mean of features [T, C, h, w] under weights [R, h, w], region r in picture ``image_index[r]``: [R, C]."""
    shares = weights / (weights.sum(dim=(1, 2), keepdim=True) + 1e-8)
    flat = shares.flatten(1).to(features.dtype)
    pooled = features.new_zeros(weights.shape[0], features.shape[1])
    for picture in torch.unique(image_index).tolist():
        chosen = (image_index == picture).nonzero().squeeze(1)
        pooled = pooled.index_copy(0, chosen, flat[chosen] @ features[picture].flatten(1).t())
    return pooled


@dataclass(frozen=True)
class Measured:
    """What masks select, before any weight.

    ``levels`` hold masked means [R, 1 + context_tokens, C_k], the region first, then the sectors around it; ``small``
    the masks at the spatial token's size [R, side²].
    """

    levels: Tuple[Tensor, ...]
    small: Tensor


class MaskExtractor(nn.Module):
    """Masks over a feature pyramid to region tokens of the language model's width."""

    def __init__(self, *, config: ExtractorConfig, channels: Sequence[int], hidden: int) -> None:
        super().__init__()
        self.config = config
        self.hidden = hidden
        self.levels = nn.ModuleList(nn.Linear(channel, config.width) for channel in channels)
        self.feat_linear = nn.Linear(config.width, hidden * config.mask_tokens)
        self.context_linear = nn.Linear(config.width, hidden) if config.context_tokens else None
        side = config.spatial_size
        self.spatial = nn.Sequential(
            nn.Linear(side * side, config.spatial_width), nn.ReLU(),
            nn.Linear(config.spatial_width, config.spatial_width), nn.ReLU(),
            nn.Linear(config.spatial_width, hidden),
        )

    def pooled(self, pyramid: FeaturePyramid, masks: Tensor, image_index: Tensor) -> List[Tensor]:
        """The masked mean of every level: four tensors [R, C_k]."""
        return [
            masked_mean(level, resize_mask(masks, level.shape[2], level.shape[3], self.config.pooling), image_index)
            for level in pyramid
        ]

    def measure(self, pyramid: FeaturePyramid, masks: Tensor, image_index: Tensor) -> Measured:
        """Everything that needs no weight; masks [R, H, W] lie over the pictures ``image_index`` [R]."""
        parts = [[value] for value in self.pooled(pyramid, masks, image_index)]
        count = self.config.context_tokens
        if count:
            around = sectors(surrounding_ring(masks, self.config.context_ring), masks, count).flatten(0, 1)
            for part, value in zip(parts, self.pooled(pyramid, around, image_index.repeat_interleave(count))):
                part += value.unflatten(0, (-1, count)).unbind(1)
        return Measured(tuple(torch.stack(part, dim=1) for part in parts), self._small(masks))

    def mask_features(self, pyramid: FeaturePyramid, masks: Tensor, image_index: Tensor) -> Tensor:
        """The levels' masked means, projected to one width and summed: [R, width]."""
        return self._summed(self.pooled(pyramid, masks, image_index))

    def _summed(self, levels: Sequence[Tensor]) -> Tensor:
        return torch.stack([linear(value) for linear, value in zip(self.levels, levels)]).sum(dim=0)

    def _small(self, masks: Tensor) -> Tensor:
        """Masks [R, H, W] at the spatial token's size: [R, side²]."""
        side = self.config.spatial_size
        # The published weights were trained on bilinear samples; everywhere else the area rule keeps thin regions.
        if self.config.pooling == "osprey":
            small = functional.interpolate(masks.unsqueeze(1), (side, side), mode="bilinear", align_corners=False)
        else:
            small = resize_mask(masks, side, side, "area")
        return small.flatten(1)

    def spatial_token(self, masks: Tensor) -> Tensor:
        """Masks [R, H, W] to spatial tokens [R, hidden]."""
        return self.spatial(self._small(masks).to(self.feat_linear.weight.dtype))

    def tokens(self, measured: Measured) -> Tensor:
        """Region tokens [R, tokens_per_region, hidden]: mask tokens, context tokens, spatial token."""
        summed = self._summed(measured.levels)  # [R, 1 + context_tokens, width]
        found = [self.feat_linear(summed[:, 0]).unflatten(1, (-1, self.hidden))]
        if self.context_linear is not None:
            found.append(self.context_linear(summed[:, 1:]))
        spatial = self.spatial(measured.small.to(self.feat_linear.weight.dtype))
        return torch.cat([*found, spatial.unsqueeze(1)], dim=1)

    def forward(self, pyramid: FeaturePyramid, masks: Tensor, image_index: Tensor) -> Tensor:
        """Region tokens [R, tokens_per_region, hidden]; see ``tokens``.

        ``masks`` is [R, H, W] coverage in 0…1 on the pictures' pixel grid; ``image_index`` [R] names their pictures.
        """
        return self.tokens(self.measure(pyramid, masks, image_index))
