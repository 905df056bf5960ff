"""The mask-aware extractor of Aquila-plus (arXiv 2411.06142, section 3; after Osprey, arXiv 2312.10032).

A region's mask is laid over every level of the feature pyramid; the masked means of the levels are projected to one
width, summed and projected to the language model's width: the mask token. The mask itself, resized to a small square,
goes through a multilayer perceptron: the spatial token, which says where the region lies and what shape it has.
Beyond the paper, context tokens tell what lies around: one for each sector of the rings around the region.
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
    if pooling == "area" and masks.shape[-2:] == (height, width):
        return masks
    stacked = masks.unsqueeze(1)
    if pooling == "osprey":
        sampled = functional.interpolate(stacked, (height, width), mode="bilinear", align_corners=False)
        return (sampled > 0).to(masks.dtype).squeeze(1)
    if height > masks.shape[-2] or width > masks.shape[-1]:
        return functional.interpolate(stacked, (height, width), mode="bilinear", align_corners=False).squeeze(1)
    return functional.adaptive_avg_pool2d(stacked, (height, width)).squeeze(1)


def resize_to_levels(masks: Tensor, pyramid: FeaturePyramid, pooling: str) -> List[Tensor]:
    """``resize_mask`` to the grid of every level, the finest first.

    Areas are taken of a finer grid that was made before where its cells fit: that is the same and far less to add up.
    """
    found: List[Tensor] = []
    held = masks
    for level in pyramid:
        height, width = level.shape[-2:]
        fits = pooling == "area" and held.shape[1] % height == held.shape[2] % width == 0
        found.append(resize_mask(held if fits else masks, height, width, pooling))
        held = found[-1] if fits else held
    return found


def surrounding_rings(masks: Tensor, reaches: Sequence[float]) -> Tensor:
    """The rings around each region, each outside the one before: masks [R, H, W] to soft rings [R, rings, 64, 64].

    ``reaches`` tell how far from the region each ends, as shares of the picture's side.
    """
    inner = functional.adaptive_avg_pool2d(masks.unsqueeze(1), (RING_GRID, RING_GRID))
    covered = (inner > 0).to(masks.dtype)
    places = torch.arange(RING_GRID, device=masks.device)
    rings = []
    for reach in reaches:
        cells = max(1, round(reach * RING_GRID))
        near = ((places.unsqueeze(1) - places).abs() <= cells).to(masks.dtype)
        # How many covered cells lie within reach, by row and column; on a CPU far faster than the maximum over them.
        grown = (near @ covered @ near > 0).to(masks.dtype)
        rings.append((grown - inner).clamp(min=0))
        inner = grown
    return torch.cat(rings, dim=1)


def sectors(masks: Tensor, count: int) -> Tensor:
    """The picture cut into ``count`` sectors around each region's centre: masks [R, H, W] to [R, count, 64, 64].

    They run clockwise from north; one sector is the whole picture.
    """
    coarse = functional.adaptive_avg_pool2d(masks.float().unsqueeze(1), (RING_GRID, RING_GRID)).squeeze(1)
    weights = coarse / (coarse.sum(dim=(1, 2), keepdim=True) + 1e-8)
    places = torch.arange(RING_GRID, device=masks.device, dtype=torch.float32)
    row = (weights.sum(dim=2) * places).sum(dim=1).view(-1, 1, 1)
    column = (weights.sum(dim=1) * places).sum(dim=1).view(-1, 1, 1)
    turn = torch.atan2(places.view(1, 1, -1) - column, row - places.view(1, -1, 1)) / (2 * torch.pi)
    sector = torch.floor((turn * count + 0.5) % count).clamp(max=count - 1)
    return torch.stack([(sector == number).to(masks.dtype) for number in range(count)], dim=1)


def masked_mean(features: Tensor, weights: Tensor, image_index: Tensor) -> Tensor:
    """Mean of features [T, C, h, w] under weights [R, h, w], region r in picture ``image_index[r]``: [R, C]."""
    weights = weights.float()  # in float16 the small number would be 0, and the mean of an empty mask none at all
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

    ``levels`` hold masked means [R, 1 + rings · context_tokens, C_k], the region first, then the sectors of the rings
    around it; ``small`` the masks at the spatial token's size [R, side²].
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
        if config.context_tokens:
            parts = 1 + len(config.context_rings)
            self.context_levels = nn.ModuleList(nn.Linear(parts * channel, config.width) for channel in channels)
            self.context_linear = nn.Linear(config.width, hidden)
        side = config.spatial_size
        self.spatial = nn.Sequential(
            nn.Linear(side * side, config.spatial_width), nn.ReLU(),
            nn.Linear(config.spatial_width, config.spatial_width), nn.ReLU(),
            nn.Linear(config.spatial_width, hidden),
        )

    def pooled(self, pyramid: FeaturePyramid, masks: Tensor, image_index: Tensor) -> List[Tensor]:
        """The masked mean of every level: four tensors [R, C_k]."""
        weights = resize_to_levels(masks, pyramid, self.config.pooling)
        return [masked_mean(level, weight, image_index) for level, weight in zip(pyramid, weights)]

    def measure(self, pyramid: FeaturePyramid, masks: Tensor, image_index: Tensor) -> Measured:
        """Everything that needs no weight; masks [R, H, W] lie over the pictures ``image_index`` [R]."""
        pooling = self.config.pooling
        weights = [level.unsqueeze(1) for level in resize_to_levels(masks, pyramid, pooling)]
        if self.config.context_tokens:
            around = self._around(masks)
            outer = resize_to_levels(around.flatten(0, 1), pyramid, pooling)
            weights = [torch.cat([own, other.unflatten(0, around.shape[:2])], dim=1)
                       for own, other in zip(weights, outer)]
        owners = image_index.repeat_interleave(weights[0].shape[1])
        means = [masked_mean(level, weight.flatten(0, 1), owners).unflatten(0, weight.shape[:2])
                 for level, weight in zip(pyramid, weights)]
        return Measured(tuple(means), self._small(masks))

    def _around(self, masks: Tensor) -> Tensor:
        """The sectors of each ring around masks [R, H, W]: [R, rings · context_tokens, 64, 64]."""
        coarse = functional.adaptive_avg_pool2d(masks.unsqueeze(1), (RING_GRID, RING_GRID)).squeeze(1)
        rings = surrounding_rings(coarse, self.config.context_rings).unsqueeze(2)
        return (rings * sectors(coarse, self.config.context_tokens).unsqueeze(1)).flatten(1, 2)

    def mask_features(self, pyramid: FeaturePyramid, masks: Tensor, image_index: Tensor) -> Tensor:
        """The levels' masked means, projected to one width and summed: [R, width]."""
        return self.summed(self.pooled(pyramid, masks, image_index))

    def context_features(self, levels: Sequence[Tensor]) -> Tensor:
        """``Measured.levels`` to one vector a sector: [R, context_tokens, width].

        Every sector is read beside the region itself, since coarse cells hold some of both.
        """
        count = self.config.context_tokens
        found = []
        for linear, level in zip(self.context_levels, levels):
            own = level[:, :1].expand(-1, count, -1)
            rings = level[:, 1:].unflatten(1, (-1, count)).unbind(1)
            found.append(linear(torch.cat([own, *rings], dim=2)))
        return torch.stack(found).sum(dim=0)

    def summed(self, levels: Sequence[Tensor]) -> Tensor:
        """Masked means of the levels, each [..., C_k], projected to one width and summed: [..., width]."""
        return torch.stack([linear(value) for linear, value in zip(self.levels, levels)]).sum(dim=0)

    def own(self, measured: Measured) -> Tensor:
        """The regions' own features, without what surrounds them: [R, width]."""
        return self.summed([level[:, 0] for level in measured.levels])

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
        found = [self.feat_linear(self.own(measured)).unflatten(1, (-1, self.hidden))]
        if self.config.context_tokens:
            found.append(self.context_linear(self.context_features(measured.levels)))
        spatial = self.spatial(measured.small.to(self.feat_linear.weight.dtype))
        return torch.cat([*found, spatial.unsqueeze(1)], dim=1)

    def forward(self, pyramid: FeaturePyramid, masks: Tensor, image_index: Tensor) -> Tensor:
        """Region tokens [R, tokens_per_region, hidden]; see ``tokens``.

        ``masks`` is [R, H, W] coverage in 0…1 on the pictures' pixel grid; ``image_index`` [R] names their pictures.
        """
        return self.tokens(self.measure(pyramid, masks, image_index))
