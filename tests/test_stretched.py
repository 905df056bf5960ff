"""Pictures in other colours: what training makes of them, and what keeps an encoder near where it started."""

from __future__ import annotations

from typing import Dict, List

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.made_scenes import mosaic
from tests.made_training import EXTRACTOR, SIZE, VISION, patches
from training.data import augment
from training.data.augment import restretched
from training.data.mixture import MixtureConfig, SceneBatches
from training.data.scenes import Scene
from training.errors import TrainingError
from training.evaluation import asking
from training.settings import EncoderStage
from training.stages import encoder, regions
from training.stages.anchor import Anchor

MASKS = np.ones((1, 256, 256), np.float32)


def _hazy() -> np.ndarray:
    """A bluish picture of little contrast: bands of different middles and spans."""
    grey = np.random.default_rng(0).uniform(0, 1, (256, 256, 1))
    return (np.array([60, 70, 100]) + grey * np.array([60, 40, 20])).astype(np.uint8)


def test_bands_stretched_together_keep_their_order_and_one_by_one_they_lose_it() -> None:
    together = asking.stretched_together(_hazy(), MASKS)[0]
    apart = asking.stretched_by_band(_hazy(), MASKS)[0]
    assert together.dtype == apart.dtype == np.uint8 and together.shape == apart.shape == (256, 256, 3)
    red, _, blue = together.reshape(-1, 3).mean(axis=0)
    assert blue > red + 40
    assert np.ptp(apart.reshape(-1, 3).mean(axis=0)) < 4
    flat = np.full((256, 256, 3), 90, np.uint8)
    assert asking.stretched_by_band(flat, MASKS)[0].std() == 0


def test_restretched_pictures_fill_the_range_in_some_way() -> None:
    found = [restretched(np.random.default_rng(seed), _hazy()) for seed in range(20)]
    assert all(image.dtype == np.uint8 and image.shape == (256, 256, 3) for image in found)
    assert all(np.ptp(image) > 200 for image in found)
    gaps = [np.ptp(image.reshape(-1, 3).mean(axis=0)) for image in found]
    assert min(gaps) < 10 < 40 < max(gaps)


def test_sharpened_pictures_have_steeper_edges_and_compressed_ones_are_nearly_the_same() -> None:
    rows, columns = np.mgrid[0:128, 0:128]
    smooth = (128 + 60 * np.sin(rows / 5) * np.cos(columns / 7)).astype(np.uint8)[..., None].repeat(3, axis=2)
    for seed in range(5):
        sharp = augment._sharpen(np.random.default_rng(seed), smooth)
        assert _steepness(sharp) > _steepness(smooth)
        packed = augment._compressed(np.random.default_rng(seed), smooth)
        assert packed.shape == smooth.shape and packed.dtype == np.uint8
        assert 0 < np.abs(packed.astype(int) - smooth).mean() < 6


def _steepness(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image.astype(int), axis=0)).mean())


def test_strongly_changed_pictures_are_not_in_their_own_colours_and_differ_more() -> None:
    def scenes(strong: float) -> List[Scene]:
        config = MixtureConfig(
            shares={"eurosat": 1.0}, size=SIZE, scenes_per_batch=60, stretched=0.0, strong=strong)
        return SceneBatches({"eurosat": patches()}, config, 1, 0)[0]

    usual, strong = scenes(0.0), scenes(1.0)
    assert not any(scene.altered for scene in usual) and all(scene.altered for scene in strong)
    spreads = [np.std([scene.image.mean() for scene in found]) for found in (usual, strong)]
    assert spreads[1] > 1.3 * spreads[0]


def test_the_mixture_says_which_pictures_it_stretched() -> None:
    config = MixtureConfig(shares={"eurosat": 1.0}, size=SIZE, scenes_per_batch=40, stretched=0.5, strong=0.0)
    scenes = SceneBatches({"eurosat": patches()}, config, 1, 0)[0]
    assert 10 < sum(scene.altered for scene in scenes) < 30
    batch = regions.collate(scenes, EXTRACTOR)
    assert batch["altered"].tolist() == [scene.altered for scene in scenes]
    own = sum(len(scene.regions) for scene in scenes if not scene.altered)
    assert batch["counts"][-2:].tolist() == [own, 0]


def _batch() -> Dict[str, Tensor]:
    """Two pictures, the second in other colours."""
    scenes = [mosaic(np.random.default_rng(seed), "eurosat") for seed in range(2)]
    scenes[1].altered = True
    return regions.collate(scenes, EXTRACTOR)


def test_the_anchor_pulls_where_colours_are_their_own_and_nowhere_else() -> None:
    model = encoder.classifier(VISION, EXTRACTOR, EncoderStage())
    anchor = Anchor(encoder.classifier(VISION, EXTRACTOR, EncoderStage()), weight=2.0)
    batch = _batch()

    def drift() -> Tensor:
        found: Tensor = anchor(model.features(batch["images"], batch["masks"], batch["image_index"]), batch)
        assert found[1] == 0, "nothing lies inside another here"
        return found[0]

    assert drift().item() == pytest.approx(0.0, abs=1e-6)
    with torch.no_grad():
        model.extractor.levels[0].weight.mul_(1.5)
    moved = drift()
    assert moved.item() > 0
    moved.backward()
    assert float(model.extractor.levels[0].weight.grad.norm()) > 0
    assert all(value.grad is None for value in anchor.parameters())
    batch["images"][1] = 255 - batch["images"][1]
    assert drift().item() == pytest.approx(moved.item())
    batch["altered"][:] = True
    assert drift().item() == 0


def test_an_encoder_goes_on_from_a_model_of_its_sizes_only() -> None:
    stage = EncoderStage()
    start = {name: value + 1 for name, value in encoder.classifier(VISION, EXTRACTOR, stage).state_dict().items()}
    model = encoder.classifier(VISION, EXTRACTOR, stage)
    heads = model.category.weight.clone()
    encoder.take_over(model, start)
    assert torch.equal(model.extractor.levels[1].weight, start["extractor.levels.1.weight"])
    assert torch.equal(model.category.weight, heads)
    start["encoder.trunk.stem.0.weight"] = torch.zeros(2, 3, 4, 4)
    with pytest.raises(TrainingError, match="another kind of encoder"):
        encoder.take_over(model, start)
