"""What is measured of regions: colours as people say them, shapes, sizes and the ring that the model sees."""

from __future__ import annotations

from typing import Tuple

import numpy as np
import pytest
import torch

from core_model.network.extractor import surrounding_rings
from training.data.facts import COLOURS, RING_GRID, _ring, colour_term, colours_within, lab_of, region_facts
from training.data.scenes import Scene, SceneRegion
from training.data.vocabulary import CATEGORIES, index

SIDE = 256
FOREST, WATER, ROAD = index("dubai", "vegetation"), index("dubai", "water"), index("dubai", "road")
ROWS, COLUMNS = np.mgrid[0:SIDE, 0:SIDE]


def made_scene(mask: np.ndarray, colour: Tuple[int, int, int] = (90, 90, 90), gsd: float = 1.0) -> Scene:
    image = np.full((SIDE, SIDE, 3), 128, np.uint8)
    image[mask] = colour
    categories = np.full((SIDE, SIDE), WATER, np.int16)
    categories[mask] = FOREST
    return Scene(image, gsd, categories, "dubai", np.ones((SIDE, SIDE), bool), [SceneRegion(mask, FOREST)])


def box(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


@pytest.mark.parametrize("rgb, term", [
    ((10, 10, 10), "black"), ((128, 128, 128), "grey"),
    ((60, 60, 62), "dark grey"), ((190, 190, 188), "light grey"),
    ((250, 250, 250), "white"), ((40, 75, 35), "dark green"), ((70, 120, 60), "green"),
    ((150, 200, 140), "light green"),
    ((115, 85, 60), "brown"), ((190, 160, 125), "light brown"),
    ((130, 70, 55), "reddish brown"), ((200, 40, 35), "red"),
    ((230, 130, 40), "orange"), ((235, 215, 60), "yellow"), ((20, 40, 80), "dark blue"), ((50, 100, 170), "blue"),
    ((160, 200, 235), "light blue"), ((30, 130, 130), "blue-green"), ((120, 130, 145), "bluish grey"),
    ((120, 60, 150), "purple"),
])
def test_colours_are_called_what_people_call_them(rgb: Tuple[int, int, int], term: str) -> None:
    assert colour_term(lab_of(np.array(rgb))) == term


def test_every_rgb_colour_has_a_term_of_the_lexicon() -> None:
    levels = range(0, 256, 17)
    colours = [(r, g, b) for r in levels for g in levels for b in levels]
    colours += [(base + r, base + g, base + b) for base in (90, 130) for r in range(0, 25, 6) for g in range(0, 25, 6)
                for b in range(0, 25, 6)]
    found = {colour_term(lab_of(np.array(colour))) for colour in colours}
    assert found == set(COLOURS)


def test_a_borderline_colour_may_be_called_either_way_and_a_clear_one_may_not() -> None:
    border = np.array([42.5, 0.0, 0.0])  # between dark grey and grey
    assert {"dark grey", "grey"} <= colours_within(border, (4.0,))
    assert colours_within(np.array([54.0, 0.0, 0.0]), (4.0,)) == {"grey"}


def test_lab_matches_the_reference_implementation() -> None:
    from skimage.color import rgb2lab

    colours = np.random.default_rng(0).integers(0, 256, (20, 3))
    expected = rgb2lab(colours[None] / 255.0)[0]
    np.testing.assert_allclose([lab_of(colour) for colour in colours], expected, atol=0.1)


@pytest.mark.parametrize("mask, shape", [
    (box(60, 60, 80, 80), "square"), (box(60, 60, 60, 90), "rectangular"), (box(60, 30, 30, 150), "elongated"),
    ((ROWS - 128) ** 2 + (COLUMNS - 128) ** 2 < 50**2, "round"),
    (abs((ROWS - 128) * (COLUMNS - 128)) < 300, "irregular"),
    (abs(ROWS - 128) + abs(COLUMNS - 128) < 60, "square"),
    ((ROWS > 60) & (COLUMNS > 60) & (ROWS + COLUMNS < 240), "compact"),
])
def test_shapes(mask: np.ndarray, shape: str) -> None:
    facts = region_facts(made_scene(mask), 0)
    assert facts.shape == shape
    assert shape in facts.shapes


@pytest.mark.parametrize("mask, orientation", [
    (box(60, 30, 20, 150), "east to west"), (box(30, 60, 150, 20), "north to south"),
    ((abs(ROWS - COLUMNS) < 12) & (ROWS > 60) & (ROWS < 200), "northwest to southeast"),
    ((abs(ROWS + COLUMNS - 256) < 12) & (ROWS > 60) & (ROWS < 200), "northeast to southwest"),
])
def test_elongated_regions_have_a_direction(mask: np.ndarray, orientation: str) -> None:
    facts = region_facts(made_scene(mask), 0)
    assert facts.orientation == orientation
    assert facts.orientations == {orientation}
    assert facts.form.direction == orientation
    square = region_facts(made_scene(box(60, 60, 80, 80)), 0)
    assert square.orientation is None and square.form.direction == ""


@pytest.mark.parametrize("gsd, size", [
    (0.03, "very small"), (0.1, "small"), (0.3, "medium-sized"), (1.0, "large"), (3.0, "very large"),
    (10.0, "extensive"),
])
def test_the_size_class_follows_the_digits_of_the_area(gsd: float, size: str) -> None:
    facts = region_facts(made_scene(box(60, 60, 50, 100), gsd=gsd), 0)
    assert facts.area == pytest.approx(5000 * gsd**2)
    assert facts.size == size


def test_texture_rises_with_local_contrast_and_ignores_the_edge() -> None:
    mask = box(60, 60, 80, 80)
    noise = np.random.default_rng(0).normal(size=(SIDE, SIDE, 1))
    found = []
    for strength in (0, 12, 40):
        scene = made_scene(mask, (255, 255, 255))
        grey = np.where(mask[..., None], np.clip(128 + strength * noise, 0, 255), 0)
        scene.image = grey.astype(np.uint8).repeat(3, axis=2)
        found.append(region_facts(scene, 0).texture)
    assert found == ["smooth", "mottled", "rough"]


def test_tiny_regions_are_not_judged_on_texture_and_shape() -> None:
    facts = region_facts(made_scene(box(60, 60, 5, 8)), 0)
    assert facts.texture is None and facts.shape is None and facts.orientation is None


def test_neighbours_are_the_categories_of_the_ring() -> None:
    scene = made_scene(box(100, 100, 50, 50))
    scene.categories[:, 150:] = ROAD
    facts = region_facts(scene, 0)
    assert [CATEGORIES[number].name for number in facts.stated_neighbours] == ["water", "road"]
    assert facts.ring_known == 1.0
    assert 0.6 < facts.neighbours[0][1] < 0.8


def test_neighbours_are_not_stated_where_the_ring_is_mostly_unknown() -> None:
    scene = made_scene(box(100, 100, 50, 50))
    scene.valid[:, :150] = False
    facts = region_facts(scene, 0)
    assert facts.ring_known < 0.4
    assert facts.stated_neighbours == ()


@pytest.mark.parametrize("mask", [box(101, 90, 33, 47), box(0, 0, 30, 256), box(250, 250, 6, 6), box(0, 0, 256, 250)])
def test_the_ring_is_the_one_the_extractor_pools(mask: np.ndarray) -> None:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    window, ring = _ring(mask, (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)))
    whole = np.zeros((SIDE, SIDE), np.float32)
    whole[window] = ring
    step = SIDE // RING_GRID
    cells = whole.reshape(RING_GRID, step, RING_GRID, step).mean((1, 3))
    expected = surrounding_rings(torch.from_numpy(mask[None].astype(np.float32)), (0.05,))[0, 0].numpy()
    np.testing.assert_allclose(cells, expected, atol=1e-6)


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        region_facts(made_scene(np.zeros((SIDE, SIDE), bool)), 0)
