"""Patches that lie inside others in the scenes that the default model learns from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import List

import numpy as np
import pytest
import torch
from scipy import ndimage

from tests.made_training import EXTRACTOR, SIZE, STAGE, VISION, patches
from training.data import insets, vocabulary
from training.data.comparisons import AS_LARGE_OFTEN, compare, larger
from training.data.facts import RegionFacts, scene_facts
from training.data.insets import InsetMosaic
from training.data.mixture import MixtureConfig, SceneBatches, scene_makers
from training.data.questions import Maker, Subject
from training.data.scenes import PatchMosaic, Scene, SceneRegion
from training.data.sources import Patch
from training.evaluation.held_out import nested_scenes, patch_scenes
from training.feeds import drawn
from training.settings import EncoderStage
from training.stages import encoder, regions
from training.stages.anchor import Anchor

SEEDS = 30


def _flat() -> List[Patch]:
    """Patches of one grey each, ten times their category's number."""
    numbers = vocabulary.of_source("eurosat")[:6]
    return [Patch(np.full((32, 32, 3), 10 * (number + 1), np.uint8), number) for number in numbers]


def _scenes(share: float) -> List[Scene]:
    maker = InsetMosaic(PatchMosaic(_flat(), "eurosat", SIZE, (2,)), share, homes=True)
    return [maker(np.random.default_rng(seed)) for seed in range(SEEDS)]


def test_every_region_lies_on_its_own_category_and_on_no_other_region() -> None:
    for scene in _scenes(1.0):
        covered = np.zeros((SIZE, SIZE), int)
        for region in scene.regions:
            assert set(scene.categories[region.mask].tolist()) == {region.category}
            covered += region.mask
        assert covered.max() == 1


def test_an_inset_shows_its_own_patch_inside_another() -> None:
    """Away from their softened edges, pixels are those of the patch that the region is called by."""
    inside = 0
    for scene in _scenes(1.0):
        for region in scene.regions:
            core = ndimage.binary_erosion(region.mask, iterations=6)
            assert np.abs(scene.image[core].astype(int) - 10 * (region.category + 1)).max(initial=0) <= 1
        inset, around = scene.regions[-1].mask, ndimage.binary_dilation(scene.regions[-1].mask, iterations=3)
        beside = scene.categories[around & ~inset & scene.valid]
        inside += bool(len(beside)) and bool((beside != scene.regions[-1].category).all())
    assert inside > SEEDS / 2


def test_at_home_the_last_region_has_its_own_ground_around_it() -> None:
    beside = 0
    for scene in _scenes(1.0):
        if scene.home is None:
            continue
        mask, value = scene.regions[-1].mask, 10 * (scene.regions[-1].category + 1)
        assert (scene.home[mask] == value).all()
        around = ndimage.binary_dilation(mask, iterations=2) & ~mask
        assert (scene.image[around] == value).mean() < 0.5
        beside += bool((scene.home[around] == value).mean() > 0.9)
        elsewhere = (scene.home == scene.image).all(axis=2)
        assert 0 < elsewhere.sum() < elsewhere.size
    assert beside > SEEDS / 2


def test_pictures_have_homes_only_where_they_are_asked_for() -> None:
    maker = InsetMosaic(PatchMosaic(_flat(), "eurosat", SIZE, (2,)), 1.0)
    scenes = [maker(np.random.default_rng(seed)) for seed in range(SEEDS)]
    assert [scene.home for scene in scenes] == [None] * SEEDS
    assert all((one.image == other.image).all() for one, other in zip(scenes, _scenes(1.0)))


def test_homes_are_changed_as_their_pictures_are() -> None:
    """The two have most pixels in common, so they must have them afterwards."""
    config = MixtureConfig(shares={"eurosat": 1.0}, size=SIZE, scenes_per_batch=40, insets=0.7, homes=True)
    scenes = SceneBatches({"eurosat": _flat()}, config, 1, 0)[0]
    homes = [(scene.home, scene.image) for scene in scenes if scene.home is not None]
    assert len(homes) > 15
    near = [np.abs(home.astype(int) - image).max(axis=2) <= 25 for home, image in homes]
    assert np.mean([part.mean() for part in near]) > 0.6
    assert all(home.shape == image.shape and home.dtype == np.uint8 for home, image in homes)


def test_a_region_inside_another_is_drawn_to_what_is_read_of_it_at_home() -> None:
    stage = EncoderStage(anchor=1.0)
    model = encoder.classifier(VISION, EXTRACTOR, stage)
    anchor = Anchor(encoder.classifier(VISION, EXTRACTOR, stage), 1.0)
    batch = regions.collate([scene for scene in _scenes(1.0) if scene.home is not None][:3], EXTRACTOR)
    assert [int(batch["image_index"][place]) for place in batch["housed"]] == [0, 1, 2]
    assert batch["counts"][-1] == 3

    def drift() -> torch.Tensor:
        found: torch.Tensor = anchor(model.features(batch["images"], batch["masks"], batch["image_index"]), batch)[1]
        return found

    apart = drift()
    assert apart.item() > 0.01
    apart.backward()
    assert float(model.extractor.levels[0].weight.grad.norm()) > 0
    batch["images"] = batch["homes"]
    assert drift().item() == pytest.approx(0, abs=1e-6)


def test_scenes_without_insets_are_those_of_the_mosaic() -> None:
    mosaic = PatchMosaic(_flat(), "eurosat", SIZE, (2,))
    for seed, scene in enumerate(_scenes(0.0)):
        plain = mosaic(np.random.default_rng(seed))
        assert np.array_equal(scene.image, plain.image) and not scene.altered
        assert len(scene.regions) == len(plain.regions)


@pytest.mark.parametrize("rows, left", [(4, 12 * 20), (13, 0)])
def test_a_region_that_is_mostly_covered_is_no_longer_one(rows: int, left: int) -> None:
    region, mask = np.zeros((SIZE, SIZE), bool), np.zeros((SIZE, SIZE), bool)
    region[10:26, 10:30] = True
    mask[10 : 10 + rows] = True
    kept = insets._without([SceneRegion(region, 3)], mask)
    assert [(one.category, int(one.mask.sum())) for one in kept] == ([(3, left)] if left else [])
    assert not any((one.mask & mask).any() for one in kept)


@pytest.mark.parametrize("name, inset", [("eurosat", True), ("solar", False)])
def test_roofs_have_no_insets(name: str, inset: bool) -> None:
    """A patch of roofs holds several things, so a part of it is not what the whole is called."""
    makers = scene_makers({name: patches()}, SIZE, (2,), insets=1.0)
    assert isinstance(makers[name], InsetMosaic) is inset


def test_the_mixture_marks_scenes_with_insets_as_altered() -> None:
    config = MixtureConfig(
        shares={"eurosat": 1.0}, size=SIZE, scenes_per_batch=40, stretched=0.0, strong=0.0, insets=0.5)
    scenes = SceneBatches({"eurosat": _flat()}, config, 1, 0)[0]
    assert 8 < sum(scene.altered for scene in scenes) < 32


def test_a_stage_says_how_many_mosaics_have_insets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn, "load_sources", lambda *_: {"eurosat": _flat()})
    shown = drawn.drawn_scenes(Path(), SIZE, replace(STAGE, insets=0.5), 4)
    assert shown.scenes.config.insets == 0.5
    assert drawn.drawn_scenes(Path(), SIZE, STAGE, 4).scenes.config.insets == 0


@pytest.mark.parametrize("maker", [compare, larger])
def test_regions_of_the_same_size_are_compared_more_often(maker: Maker) -> None:
    """One of three partners is as large as the region: with four times its share it is taken twice in three times."""
    facts = _three_partners()
    said = [maker(Subject(facts, 0, np.random.default_rng(seed))) for seed in range(300)]
    turns = [turn for turn in said if turn is not None]
    assert len(turns) == 300
    alike = [facts[turn.regions[1]].area == 104 for turn in turns]
    assert np.mean(alike) == pytest.approx(AS_LARGE_OFTEN / (AS_LARGE_OFTEN + 2), abs=0.09)
    if maker is larger:
        assert [turn.answer == "They are about the same size." for turn in turns] == alike


def _three_partners() -> List[RegionFacts]:
    (one, *_) = scene_facts(_scenes(0.0)[0])
    return [replace(one, area=area) for area in (100.0, 104.0, 300.0, 20.0)]


def test_nested_scenes_ask_for_the_middle_of_another_patch() -> None:
    """Each region is half a cell wide, shows the pixels of its own category, and another one lies around it."""
    mosaics = patch_scenes(_flat()[:4], "eurosat", SIZE)
    (scene,) = nested_scenes(mosaics)
    assert len(scene.regions) == 4
    for region in scene.regions:
        rows, columns = np.nonzero(region.mask)
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (SIZE // 4, SIZE // 4) and region.mask.sum() == SIZE**2 // 16
        assert (scene.image[region.mask] == 10 * (region.category + 1)).all()
        assert (scene.categories[region.mask] == region.category).all()
        around = ndimage.binary_dilation(region.mask, iterations=2) & ~region.mask
        assert region.category not in scene.categories[around]
    assert mosaics[0].regions[0].mask.sum() == SIZE**2 // 4, "the mosaic itself stays as it was"


def test_patches_of_one_category_cannot_be_nested() -> None:
    assert nested_scenes(patch_scenes([_flat()[0]] * 4, "eurosat", SIZE)) == []
