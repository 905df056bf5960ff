"""The form of regions: what polygons and their masks say of shape and direction, and the words for sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core_model.form import NO_FORM, Form, size_term
from core_model.geo.coverage import coverage
from core_model.geo.outline import form_of_mask, form_of_rings, outline_of_mask

SIDE = 256
CIRCLE = [(math.cos(turn), math.sin(turn)) for turn in np.linspace(0, 2 * math.pi, 73)]
OUTLINES = {
    "square": [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)],
    "rectangular": [(-1.5, -1), (1.5, -1), (1.5, 1), (-1.5, 1), (-1.5, -1)],
    "round": CIRCLE,
    "compact": [(-1, -1), (1.2, -1), (0, 1), (-1, -1)],
    "elongated": [(-3, -1), (3, -1), (3, 1), (-3, 1), (-3, -1)],
    "irregular": [(-1, -1), (1, -1), (1, -0.6), (-0.6, -0.6), (-0.6, 1), (-1, 1), (-1, -1)],
}


def _turned(shape: str, angle: float, scale: float = 30.0) -> np.ndarray:
    """A closed ring about the origin, turned counterclockwise from east."""
    turn = np.exp(1j * np.radians(angle))
    points = [complex(x, y) * turn * scale for x, y in OUTLINES[shape]]
    return np.array([(point.real, point.imag) for point in points])


def _mask(ring: np.ndarray) -> np.ndarray:
    """The pixels of a ring about the middle of a picture, y upwards."""
    return coverage([ring * (1, -1) + SIDE / 2], SIDE) >= 0.5


@pytest.mark.parametrize("shape", OUTLINES)
@pytest.mark.parametrize("angle", [0, 30, 100])
def test_polygons_and_their_masks_have_one_form(shape: str, angle: float) -> None:
    ring = _turned(shape, angle)
    form = form_of_rings([ring])
    assert form.shape == shape and bool(form.direction) == (shape == "elongated")
    assert form_of_mask(_mask(ring)) == form
    far_away = form_of_rings([ring[::-1] + (5e5, 5e6)])  # the other sense, in map coordinates
    assert far_away == form


def test_an_outline_has_the_numbers_of_its_region() -> None:
    box = outline_of_mask(_mask(_turned("rectangular", 0)))
    assert box.ratio == pytest.approx(1.5, rel=0.02) and box.angle % 180 == pytest.approx(0, abs=0.1)
    assert box.fill == pytest.approx(1) == box.solidity and box.roundness == pytest.approx(3 / math.pi, rel=2e-3)
    turned = outline_of_mask(_mask(_turned("elongated", 30)))
    assert turned.ratio == pytest.approx(3, rel=0.02) and turned.angle % 180 == pytest.approx(30, abs=0.5)
    circle = outline_of_mask(_mask(_turned("round", 0)))
    assert circle.fill == pytest.approx(math.pi / 4, rel=0.03) and circle.roundness == pytest.approx(1, rel=2e-3)


def test_holes_and_parts_count() -> None:
    whole, hole = _turned("square", 0), _turned("square", 0, 27)[::-1]
    assert form_of_rings([whole, hole]).shape == "irregular"  # a thin frame fills little of its hull
    two = [_turned("square", 0) - (100, 0), _turned("square", 0) + (100, 0)]
    assert form_of_rings(two) == Form("irregular", "east to west")


def test_what_has_no_area_has_no_form() -> None:
    assert form_of_rings([np.array([(0.0, 0.0), (5.0, 5.0), (0.0, 0.0), (0.0, 0.0)])]) == NO_FORM
    few = np.zeros((SIDE, SIDE), bool)
    few[10:15, 10:20] = True
    assert form_of_mask(few) == NO_FORM
    few[10:16, 10:20] = True
    assert form_of_mask(few).shape == "rectangular"


def test_size_classes() -> None:
    areas = {9.9: "very small", 10: "small", 500: "medium-sized", 1e3: "large", 99999: "very large", 1e9: "extensive"}
    assert {area: size_term(area) for area in areas} == areas
    assert size_term(math.nan) == size_term(0) == ""
