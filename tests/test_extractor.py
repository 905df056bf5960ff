"""The mask-aware extractor against values computed by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core_model.config import ExtractorConfig
from core_model.network.extractor import (
    MaskExtractor,
    masked_mean,
    resize_mask,
    resize_to_levels,
    sectors,
    surrounding_rings,
)

ONE_PICTURE = torch.tensor([0])


def _mask(side: int, rows: slice, columns: slice) -> Tensor:
    mask = torch.zeros(1, side, side)
    mask[0, rows, columns] = 1
    return mask


def test_masked_mean_is_the_weighted_mean_of_its_picture() -> None:
    features = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 8.0]]]])
    features = torch.cat([features, -features])
    weights = torch.tensor([[[1.0, 0.0], [0.0, 0.5]], [[0.0, 0.0], [0.0, 1.0]]])
    means = masked_mean(features, weights, torch.tensor([0, 1]))
    assert means.tolist() == [[pytest.approx((1 + 0.5 * 4) / 1.5), pytest.approx(4 / 1.5)], [-4.0, -8.0]]


def test_regions_of_any_picture_order_keep_their_rows() -> None:
    features = torch.arange(3.0).view(3, 1, 1, 1).expand(3, 2, 4, 4)
    weights = torch.ones(4, 4, 4)
    assert masked_mean(features, weights, torch.tensor([2, 0, 1, 0]))[:, 0].tolist() == [2, 0, 1, 0]


def test_area_resizing_weights_cells_by_their_covered_share() -> None:
    mask = _mask(8, slice(0, 4), slice(0, 2))
    assert resize_mask(mask, 2, 2, "area").tolist() == [[[0.5, 0.0], [0.0, 0.0]]]
    assert resize_mask(mask, 4, 4, "area")[0].sum() * 4 == mask.sum()


@pytest.mark.parametrize("place", [(0, 0), (31, 17), (62, 62), (13, 40)])
def test_a_four_pixel_object_has_support_at_every_level(place: tuple[int, int]) -> None:
    mask = _mask(64, slice(place[0], place[0] + 2), slice(place[1], place[1] + 2))
    for cells in (16, 8, 4, 2):
        weights = resize_mask(mask, cells, cells, "area")
        assert float(weights.sum()) * (64 / cells) ** 2 == pytest.approx(4)
        ones = torch.ones(1, 1, cells, cells)
        assert float(masked_mean(ones, weights, ONE_PICTURE)) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("pooling", ["area", "osprey"])
@pytest.mark.parametrize("sides", [(64, 32, 16, 8), (84, 42, 21, 10)])
def test_masks_come_to_every_level_as_if_each_were_alone(pooling: str, sides: tuple[int, ...]) -> None:
    masks = (torch.rand(3, 4 * sides[0], 4 * sides[0], generator=torch.Generator().manual_seed(0)) > 0.7).float()
    found = resize_to_levels(masks, tuple(torch.zeros(1, 1, side, side) for side in sides), pooling)
    for side, level in zip(sides, found):
        torch.testing.assert_close(level, resize_mask(masks, side, side, pooling))


def test_osprey_pooling_loses_a_small_object_as_published() -> None:
    mask = _mask(64, slice(0, 2), slice(0, 2))
    assert not resize_mask(mask, 8, 8, "osprey").any()
    large = _mask(64, slice(0, 32), slice(0, 32))
    kept = resize_mask(large, 8, 8, "osprey")
    assert set(kept.unique().tolist()) == {0.0, 1.0} and float(kept.sum()) == 16


def test_ring_surrounds_the_region_without_it() -> None:
    mask = _mask(64, slice(28, 36), slice(28, 36))
    ring = surrounding_rings(mask, (0.05,))[:, 0]
    assert ring.shape == (1, 64, 64)
    assert float((ring * mask).sum()) == 0
    assert float(ring.sum()) == (8 + 2 * 3) ** 2 - 64
    assert float(surrounding_rings(_mask(64, slice(0, 4), slice(0, 4)), (0.05,)).sum()) == 7 * 7 - 16


def _extractor(**changes: object) -> MaskExtractor:
    """An extractor whose linears are easy to reckon with: width 1, two levels of one channel."""
    config = ExtractorConfig(width=1, spatial_size=2, spatial_width=4, **changes)  # type: ignore[arg-type]
    extractor = MaskExtractor(config=config, channels=(1, 1), hidden=3)
    with torch.no_grad():
        for scale, linear in zip((2.0, 10.0), extractor.levels):
            torch.nn.init.constant_(linear.get_parameter("weight"), scale)
            torch.nn.init.constant_(linear.get_parameter("bias"), 0.5)
        extractor.feat_linear.weight.copy_(torch.arange(1.0, 1 + extractor.feat_linear.out_features).unsqueeze(1))
        extractor.feat_linear.bias.zero_()
    return extractor


def test_mask_token_is_the_projected_sum_over_levels() -> None:
    extractor = _extractor()
    pyramid = (torch.arange(16.0).view(1, 1, 4, 4), torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    mask = _mask(8, slice(0, 4), slice(0, 4))  # the upper left quarter: cells 0, 1, 4, 5 and cell 0
    summed = (2 * 2.5 + 0.5) + (10 * 1.0 + 0.5)
    assert extractor.mask_features(pyramid, mask, ONE_PICTURE).item() == pytest.approx(summed)
    tokens = extractor(pyramid, mask, ONE_PICTURE)
    assert tokens.shape == (1, 2, 3)
    assert tokens[0, 0].tolist() == pytest.approx([summed, 2 * summed, 3 * summed])
    assert torch.equal(tokens[:, 1], extractor.spatial_token(mask))


def test_spatial_token_sees_only_the_masks_shape_and_place() -> None:
    extractor = _extractor()
    mask = _mask(8, slice(0, 4), slice(0, 4))
    expected = extractor.spatial(torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
    assert torch.allclose(extractor.spatial_token(mask), expected)
    moved = extractor.spatial_token(_mask(8, slice(4, 8), slice(0, 4)))
    assert not torch.allclose(moved, expected)


def test_numbers_of_tokens_follow_the_configuration() -> None:
    extractor = _extractor(mask_tokens=2, context_tokens=1)
    pyramid = (torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 2))
    masks = torch.cat([_mask(8, slice(0, 4), slice(0, 4)), _mask(8, slice(2, 5), slice(2, 5))])
    tokens = extractor(pyramid, masks, torch.tensor([0, 0]))
    assert extractor.config.tokens_per_region == 4 and tokens.shape == (2, 4, 3)


def test_context_token_reads_the_surroundings_and_the_mask_token_does_not() -> None:
    extractor = _extractor(context_tokens=1)
    mask = _mask(64, slice(24, 40), slice(24, 40))
    plain = torch.zeros(1, 1, 64, 64)
    ringed = plain + 5 * (1 - mask.unsqueeze(1))
    coarse = torch.zeros(1, 1, 2, 2)
    before, after = (extractor((level, coarse), mask, ONE_PICTURE) for level in (plain, ringed))
    assert torch.equal(before[:, 0], after[:, 0])
    assert not torch.allclose(before[:, 1], after[:, 1])


def test_sectors_share_the_ring_clockwise_from_north() -> None:
    masks = torch.zeros(1, 256, 256)
    masks[0, 112:144, 112:144] = 1
    ring = surrounding_rings(masks, (0.05,))
    parts = ring * sectors(masks, 4)
    assert torch.equal(parts.sum(dim=1), ring[:, 0])
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    centres = [
        (float((part * rows).sum() / part.sum()) - 31.5, float((part * columns).sum() / part.sum()) - 31.5)
        for part in parts[0]
    ]
    north, east, south, west = centres
    assert north[0] < -4 and south[0] > 4 and east[1] > 4 and west[1] < -4
    assert max(abs(north[1]), abs(south[1]), abs(east[0]), abs(west[0])) < 1
    assert bool((sectors(masks, 1) == 1).all())


def test_each_context_token_sees_its_own_side() -> None:
    """Changing the picture north of a region changes the first context token only."""
    config = ExtractorConfig(width=8, spatial_size=16, spatial_width=8, context_tokens=4)
    torch.manual_seed(0)
    extractor = MaskExtractor(config=config, channels=(3,), hidden=8)
    masks = torch.zeros(1, 64, 64)
    masks[0, 28:36, 28:36] = 1
    level = torch.rand(1, 3, 64, 64)
    changed = level.clone()
    changed[:, :, 25:28, 29:35] += 1
    owner = torch.tensor([0])
    difference = (extractor((changed,), masks, owner) - extractor((level,), masks, owner)).abs().amax(dim=2)[0]
    assert (difference > 1e-4).tolist() == [False, True, False, False, False, False]
