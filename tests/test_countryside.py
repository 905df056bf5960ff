"""Invented countryside: what is painted is what the labels say, and a mixture shows as much of it as is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict, List

import numpy as np
import pytest

from tests.made_training import STAGE
from training.data import countryside
from training.data.countryside import BUILDING, GRASS, HOUSES, ROAD, SHEETS, SOURCE, WATER, divided, paint, sheets
from training.data.facts import scene_facts
from training.data.mixture import MixtureConfig, SceneBatches, scene_makers
from training.data.sources import LabelledScene
from training.feeds import drawn

SMALL = 160  # metres


@pytest.fixture(scope="module")
def small() -> List[LabelledScene]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(countryside, "SIDE_M", SMALL)
        patch.setitem(SHEETS, "train", range(6))
        return sheets("train")


def test_parcels_and_roads_do_not_overlap_and_stay_inside() -> None:
    for seed in range(20):
        parcels, lanes = divided((0, 0, 320, 320), np.random.default_rng(seed))
        covered = np.zeros((320, 320), int)
        for left, top, right, bottom in parcels:
            assert 0 <= left < right <= 320 and 0 <= top < bottom <= 320
            covered[round(top) : round(bottom), round(left) : round(right)] += 1
        assert covered.max() == 1 and lanes and len(parcels) > 3


def test_a_sheet_has_its_areas_and_its_buildings(small: List[LabelledScene]) -> None:
    assert {scene.pixels.shape for scene in small} == {(2 * SMALL, 2 * SMALL, 3)} and len(small) == 12
    for areas, buildings in zip(small[::2], small[1::2]):
        assert areas.instances is not None and buildings.instances is not None
        np.testing.assert_array_equal(areas.pixels, buildings.pixels)
        assert (areas.instances[areas.categories == GRASS] == 0).all(), "grass is named as a neighbour only"
        roofs = (buildings.categories == BUILDING) & (areas.categories == HOUSES)
        assert (buildings.instances[roofs] > 0).all()
        assert (buildings.instances[buildings.categories == HOUSES] == 0).all(), "gardens are no objects beside houses"
        asked = {int(box[0]) for box in areas.boxes}
        assert len(asked) > 2 and GRASS not in asked
    assert any(((b.categories == BUILDING) & (a.categories == HOUSES)).any() for a, b in zip(small[::2], small[1::2]))


def test_what_is_painted_looks_like_what_it_is_called(small: List[LabelledScene]) -> None:
    """Water is dark and blue or green, roads are grey: on every sheet that has them."""
    looks: Dict[int, List[np.ndarray]] = {WATER: [], ROAD: []}
    for scene in small[::2]:
        for category, found in looks.items():
            where = scene.categories == category
            if where.any():
                found.append(np.median(scene.pixels[where], axis=0))
    assert looks[WATER] and looks[ROAD]
    assert all(red < min(green, blue) and blue < 110 for red, green, blue in looks[WATER])
    assert all(np.ptp(colour) < 25 and 80 < colour.mean() < 170 for colour in looks[ROAD])


def test_a_sheet_depends_on_its_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(countryside, "SIDE_M", SMALL)
    once, again, other = (paint(np.random.default_rng(seed)).canvas.picture() for seed in (3, 3, 4))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()
    assert not set(SHEETS["train"]) & (set(SHEETS["val"]) | set(SHEETS["test"]))


def test_scenes_are_cut_from_it_with_neighbours(small: List[LabelledScene]) -> None:
    make = scene_makers({SOURCE: small}, 64, (2,))[SOURCE]
    facts = [own for seed in range(12) for own in scene_facts(make(np.random.default_rng(seed)))]
    assert len({own.category for own in facts}) > 4
    assert any(own.name == "building" and own.neighbours[0][0] == HOUSES for own in facts if own.neighbours)


def test_a_mixture_paints_as_much_as_it_is_asked_for(small: List[LabelledScene]) -> None:
    config = MixtureConfig(shares={"dubai": 2.0}, size=32, scenes_per_batch=40, painted=0.25)
    assert config.all_shares == {"dubai": 0.75, SOURCE: 0.25}
    assert MixtureConfig(shares={"dubai": 2.0}).all_shares == {"dubai": 1.0}
    other = [replace(scene, source="dubai") for scene in small]
    drawn_from = [scene.source for scene in SceneBatches({"dubai": other, SOURCE: small}, config, 1, 0)[0]]
    assert 3 <= drawn_from.count(SOURCE) <= 18


def test_stages_ask_for_it(monkeypatch: pytest.MonkeyPatch, small: List[LabelledScene]) -> None:
    asked: List[List[str]] = []

    def load(folder: Path, split: str, names: List[str]) -> Dict[str, list]:
        asked.append(list(names))
        return {SOURCE: small}

    monkeypatch.setattr(drawn, "load_sources", load)
    shown = drawn.drawn_scenes(Path(), 32, replace(STAGE, painted=0.5), 4)
    assert shown.scenes.config.painted == 0.5 and SOURCE in asked[0]
    drawn.drawn_scenes(Path(), 32, STAGE, 4)
    assert SOURCE not in asked[1]
