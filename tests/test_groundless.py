"""Pictures without ground: what is shown, and that nothing but a guess is learned of what they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import List

import numpy as np
import pytest

from tests.made_training import SIZE, STAGE, patches
from training.data import groundless
from training.data.conversations import Material, TurnMaker, material
from training.data.scenes import PatchMosaic, Scene
from training.data.vocabulary import CATEGORIES, of_source
from training.feeds import drawn


def _scene(seed: int) -> Scene:
    return PatchMosaic(patches(), "eurosat", SIZE, (2,))(np.random.default_rng(seed))


def _without_ground(seed: int) -> Scene:
    scene = _scene(seed)
    groundless.take_ground(np.random.default_rng(seed), scene)
    return scene


@pytest.mark.parametrize("maker", [groundless.grains, groundless.clouds, groundless.drawing])
def test_pictures_without_ground_differ_and_use_the_range(maker: groundless._Maker) -> None:
    pictures = [groundless.as_pixels(np.random.default_rng(seed), maker(np.random.default_rng(seed), SIZE))
                for seed in range(12)]
    assert all(one.shape == (SIZE, SIZE, 3) and one.dtype == np.uint8 for one in pictures)
    assert len({one.tobytes() for one in pictures}) == 12
    assert max(int(one.max()) - int(one.min()) for one in pictures) > 200


def test_clouds_are_smoother_the_steeper_they_fall(monkeypatch: pytest.MonkeyPatch) -> None:
    def roughness(steepest: float) -> float:
        monkeypatch.setattr(groundless, "STEEPEST", steepest)
        found = groundless.clouds(np.random.default_rng(4), SIZE)
        return float(np.abs(np.diff(found, axis=0)).mean() / found.std())

    assert roughness(4.0) < 0.6 * roughness(0.0)


def test_a_scene_keeps_its_regions_but_not_what_lies_where() -> None:
    scene, before = _without_ground(1), _scene(1)
    assert not np.array_equal(scene.image, before.image)
    assert [region.mask.sum() for region in scene.regions] == [region.mask.sum() for region in before.regions]
    about = material(scene)
    assert about.groundless and not any(own.neighbours or own.inside for own in about.facts)


def _turns(about: Material) -> List[List[str]]:
    maker = TurnMaker((), turns_per_region=3, pairs_per_region=4, misled=0.3)
    return [[turn.kind, turn.answer] for seed in range(60) for turn in maker(np.random.default_rng(seed), about)]


def test_every_category_of_the_data_set_is_as_likely_and_nothing_else_is_said_of_what_it_is() -> None:
    about = material(_without_ground(2))
    asked = _turns(about)
    assert {kind for kind, _ in asked} <= set(groundless.KINDS)
    names = [CATEGORIES[number].name for number in of_source("eurosat")]
    counts = np.array([sum(kind == "category" and answer == name for kind, answer in asked) for name in names])
    assert counts.sum() == sum(kind == "category" for kind, _ in asked)
    assert counts.min() > 0.4 * counts.mean() and counts.max() < 2 * counts.mean()


def test_how_a_region_looks_is_told_of_the_picture_that_is_shown() -> None:
    about = material(_without_ground(3))
    colours = [own.colour for own in about.facts]
    said = {answer for kind, answer in _turns(about) if kind == "colour"}
    assert said and all(any(colour in answer.lower() for colour in colours) for answer in said)


def test_a_stage_says_how_many_pictures_show_no_ground(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn, "load_sources", lambda *_: {"eurosat": patches()})
    for share, least, most in ((0.0, 0, 0), (0.5, 6, 24), (1.0, 30, 30)):
        shown = drawn.drawn_scenes(Path(), SIZE, replace(STAGE, groundless=share, scenes=30), 30)
        assert least <= sum(shown[number][0].groundless for number in range(30)) <= most
