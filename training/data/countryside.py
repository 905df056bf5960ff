"""Invented countryside to learn from: parcels of fields, woods, houses and water between roads, all outlined.

Public sets of patches have no place where a house stands in a garden, a pond lies in a meadow and a road runs between
fields, all of them outlined. This has, as often as wanted; but it is painted, so it is a small share of what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from training.data.painting import (
    FINER,
    Area,
    Canvas,
    Colour,
    Point,
    box,
    building,
    car,
    everywhere,
    furrows,
    leaf,
    oval,
    wood,
)
from training.data.sources import LabelledScene
from training.data.vocabulary import UNKNOWN, index

SOURCE = "countryside"
SIDE_M, GSD_M = 320, 0.5
SHEETS: Dict[str, range] = {"train": range(20), "val": range(100, 104), "test": range(200, 204)}
SMALLEST_PARCEL = 62.0  # metres
FOREST, FIELD, HOUSES, PARKING, RIVER = (
    index("ucmerced", key) for key in ("forest", "agricultural", "mediumresidential", "parkinglot", "river"))
MEADOW, ORCHARD = index("eurosat", "Pasture"), index("eurosat", "PermanentCrop")
BUILDING, BARE, ROAD, WATER = (index("dubai", key) for key in ("building", "land", "road", "water"))
GRASS = index("naip", "low")
CLASSES = (FOREST, FIELD, HOUSES, PARKING, RIVER, MEADOW, ORCHARD, BUILDING, BARE, ROAD, WATER)
CROPS: Sequence[Colour] = (
    (134, 104, 78), (78, 112, 54), (186, 164, 108), (150, 122, 92), (104, 128, 62), (164, 150, 96))
ROOFS: Sequence[Colour] = ((150, 84, 64), (136, 72, 58), (112, 104, 100), (162, 104, 76), (96, 92, 92))
HALLS: Sequence[Colour] = ((176, 180, 184), (204, 204, 200), (128, 132, 138), (146, 156, 170), (150, 96, 84))
Box = Tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Labels:
    """The category of every cell and the number of its object, 0 where none is asked about: [h, w] each."""

    categories: NDArray[np.int16]
    numbers: NDArray[np.int32]

    @classmethod
    def of(cls, shape: Tuple[int, ...]) -> Labels:
        """Nothing but grass."""
        return cls(np.full(shape, GRASS, np.int16), np.zeros(shape, np.int32))


class Sheet:
    """A canvas with what lies where: ``areas`` whole (a garden is part of the houses), ``objects`` single buildings."""

    def __init__(self, rng: np.random.Generator) -> None:
        turn = rng.uniform(0, 2 * np.pi)
        shadow = (0.9 * float(np.cos(turn)), 0.9 * float(np.sin(turn)))
        self.canvas, self.rng = Canvas(rng, SIDE_M, GSD_M, shadow), rng
        self.areas = Labels.of(self.canvas.x.shape)
        self.objects = Labels.of(self.canvas.x.shape)
        self.count = 0

    def mark(self, area: Area, category: int) -> None:
        """Say what lies in an area; a building among houses is an object there, and the area stays the houses'."""
        bounds, inside = area
        self.count += 1
        among_houses = category == BUILDING and bool((self.areas.categories[bounds][inside] == HOUSES).any())
        for labels in (self.objects,) if among_houses else (self.areas, self.objects):
            labels.categories[bounds][inside] = category
            labels.numbers[bounds][inside] = 0 if category == HOUSES and labels is self.objects else self.count

    def tint(self, colour: Colour, most: float = 0.14) -> Colour:
        """A colour somewhat lighter or darker, and somewhat of another hue."""
        tone, hue = self.rng.uniform(1 - most, 1 + most), self.rng.uniform(0.95, 1.05, 3)
        red, green, blue = (float(value) for value in np.array(colour) * tone * hue)
        return red, green, blue

    def pick(self, colours: Sequence[Colour]) -> Colour:
        """One of the colours, tinted."""
        return self.tint(colours[int(self.rng.integers(len(colours)))])


def sheets(split: str) -> List[LabelledScene]:
    """The countryside of a split: every sheet once with its areas and once with its single buildings."""
    found: List[LabelledScene] = []
    middle = slice(FINER // 2, None, FINER)
    for seed in SHEETS[split]:
        sheet = paint(np.random.default_rng((seed, 21)))
        pixels = sheet.canvas.picture()
        for name, labels in (("areas", sheet.areas), ("buildings", sheet.objects)):
            categories, numbers = (np.ascontiguousarray(values[middle, middle])
                                   for values in (labels.categories, labels.numbers))
            found.append(LabelledScene(f"sheet{seed}-{name}", pixels, categories, GSD_M, SOURCE, numbers))
    return found


def paint(rng: np.random.Generator) -> Sheet:
    """One sheet: grass, parcels, sometimes a river through them, and roads over all."""
    sheet = Sheet(rng)
    canvas = sheet.canvas
    canvas.fill(everywhere(np.ones(canvas.x.shape, bool)), sheet.tint((104, 120, 72)), 7, 8)
    parcels, lanes = divided((0, 0, SIDE_M, SIDE_M), rng)
    offset = int(rng.integers(len(PARCELS)))
    for number, parcel in enumerate(parcels):
        PARCELS[(number + offset) % len(PARCELS)](sheet, parcel)
    if rng.uniform() < 0.6:
        river(sheet)
    for lane in lanes:
        road(sheet, lane)
    return sheet


def divided(whole: Box, rng: np.random.Generator) -> Tuple[List[Box], List[Box]]:
    """Parcels of a box, and the strips between the larger ones, which are roads."""
    left, top, right, bottom = whole
    wide, high = right - left, bottom - top
    if max(wide, high) < 2 * SMALLEST_PARCEL or (max(wide, high) < 130 and rng.uniform() < 0.5):
        return [whole], []
    upright = wide >= high
    length = wide if upright else high
    at = (left if upright else top) + float(rng.uniform(SMALLEST_PARCEL, length - SMALLEST_PARCEL))
    half = float(rng.uniform(3, 6.5))
    first, second = (((left, top, at - half, bottom), (at + half, top, right, bottom)) if upright else
                     ((left, top, right, at - half), (left, at + half, right, bottom)))
    strip = (at - half, top, at + half, bottom) if upright else (left, at - half, right, at + half)
    (parcels, roads), (others, lanes) = divided(first, rng), divided(second, rng)
    return parcels + others, ([strip] if length > 150 else []) + roads + lanes


def quad(sheet: Sheet, parcel: Box, margin: float = 4) -> List[Point]:
    """A parcel's outline: its corners moved a little, inside it."""
    left, top, right, bottom = parcel
    corners = ((left, top, 1, 1), (right, top, -1, 1), (right, bottom, -1, -1), (left, bottom, 1, -1))
    return [(x + a * float(sheet.rng.uniform(1, 2 * margin)), y + b * float(sheet.rng.uniform(1, 2 * margin)))
            for x, y, a, b in corners]


def crop(sheet: Sheet, parcel: Box) -> None:
    """A field with rows."""
    area = sheet.canvas.polygon(quad(sheet, parcel))
    sheet.canvas.fill(area, sheet.pick(CROPS), 5, 7)
    furrows(sheet.canvas, area, sheet.rng.uniform(1.2, 4.5), sheet.rng.uniform(0.03, 0.18), sheet.rng.uniform(0, 180))
    sheet.mark(area, FIELD)


def meadow(sheet: Sheet, parcel: Box) -> None:
    """Grass of one tone, in every third a pond."""
    area = sheet.canvas.polygon(quad(sheet, parcel))
    sheet.canvas.fill(area, sheet.tint((112, 138, 72)), 6, 9)
    sheet.mark(area, MEADOW)
    if sheet.rng.uniform() < 0.35:
        lake(sheet, parcel)


def lake(sheet: Sheet, parcel: Box) -> None:
    """Still water with a muddy bank and some trees around it."""
    left, top, right, bottom = parcel
    x, y = (left + right) / 2, (top + bottom) / 2
    a, b = ((end - start) * float(sheet.rng.uniform(0.22, 0.4)) for start, end in ((left, right), (top, bottom)))
    distance = np.hypot((sheet.canvas.x - x) / a, (sheet.canvas.y - y) / b) + 0.03 * sheet.canvas.coarse
    sheet.canvas.fill(everywhere(distance < 1.07), sheet.tint((128, 116, 86)), 6, 6)
    sheet.canvas.fill(everywhere(distance < 1), sheet.tint((38, 62, 74)), 1.2, 4)
    sheet.mark(everywhere(distance < 1), WATER)
    for place in oval(x, y, 1.2 * a, 1.2 * b):
        if sheet.rng.uniform() < 0.5:
            sheet.canvas.crown(*place, float(sheet.rng.uniform(1.4, 3.4)), leaf(sheet.rng))


def bare(sheet: Sheet, parcel: Box) -> None:
    """Ground on which nothing grows."""
    area = sheet.canvas.polygon(quad(sheet, parcel))
    sheet.canvas.fill(area, sheet.tint((188, 164, 130)), 6, 10)
    sheet.mark(area, BARE)


def forest(sheet: Sheet, parcel: Box) -> None:
    """Crown beside crown."""
    area = sheet.canvas.polygon(quad(sheet, parcel))
    least = float(sheet.rng.uniform(1.4, 2.4))
    wood(sheet.canvas, area, float(sheet.rng.uniform(0.2, 0.4)), (least, 2.1 * least))
    sheet.mark(area, FOREST)


def orchard(sheet: Sheet, parcel: Box) -> None:
    """Crowns in a grid."""
    area = sheet.canvas.polygon(quad(sheet, parcel))
    sheet.canvas.fill(area, sheet.tint((128, 128, 84)), 7, 6)
    top, left = (part.start for part in area.bounds)
    apart, radius = float(sheet.rng.uniform(4.5, 8)), float(sheet.rng.uniform(1.2, 2.2))
    for y in np.arange(parcel[1] + 5, parcel[3] - 4, apart):
        for x in np.arange(parcel[0] + 5, parcel[2] - 4, apart):
            row, column = int(y * sheet.canvas.per_m) - top, int(x * sheet.canvas.per_m) - left
            if 0 <= row < len(area.inside) and 0 <= column < area.inside.shape[1] and area.inside[row, column]:
                sheet.canvas.crown(float(x), float(y), radius * float(sheet.rng.uniform(0.85, 1.15)), leaf(sheet.rng))
    sheet.mark(area, ORCHARD)


def houses(sheet: Sheet, parcel: Box) -> None:
    """Rows of houses with gardens, drives and trees."""
    sheet.mark(sheet.canvas.polygon(quad(sheet, parcel, 1)), HOUSES)
    rng, canvas = sheet.rng, sheet.canvas
    apart = float(rng.uniform(17, 25))
    for y in np.arange(parcel[1] + 14, parcel[3] - 10, float(rng.uniform(24, 38))):
        for x in np.arange(parcel[0] + 12, parcel[2] - 10, apart):
            turn, wide, deep = float(rng.normal(0, 5)), float(rng.uniform(9, 14)), float(rng.uniform(7, 10))
            canvas.fill(canvas.polygon(box(x, y + 1, wide + 4, deep + 5, turn)), sheet.tint((138, 134, 112)), 6, 4)
            sheet.mark(building(canvas, box(x, y, wide, deep, turn), 6, sheet.pick(ROOFS), turn), BUILDING)
            canvas.crown(x + 9, y - 9, float(rng.uniform(1.6, 3.4)), leaf(rng))
            canvas.crown(x - 9, y + 10, float(rng.uniform(1.2, 2.8)), leaf(rng))


def parking(sheet: Sheet, parcel: Box) -> None:
    """Asphalt with rows of marked bays, most of them taken."""
    left, top, right, bottom = parcel
    area = sheet.canvas.polygon(quad(sheet, parcel, 2))
    sheet.canvas.fill(area, sheet.tint((112, 112, 114)), 4, 3)
    taken = float(sheet.rng.uniform(0.5, 0.9))
    for y in np.arange(top + 12, min(bottom - 8, top + 75), 7.5):
        for x in np.arange(left + 10, min(right - 10, left + 80), 2.8):
            if sheet.rng.uniform() < taken:
                car(sheet.canvas, float(x), float(y + sheet.rng.normal(0, 0.2)), 0)
    sheet.mark(area, PARKING)


def hall(sheet: Sheet, parcel: Box) -> None:
    """A large flat roof on paved ground."""
    left, top, right, bottom = parcel
    x, y, turn = (left + right) / 2, (top + bottom) / 2, float(sheet.rng.normal(0, 3))
    wide, high = ((end - start) * float(sheet.rng.uniform(0.5, 0.8)) for start, end in ((left, right), (top, bottom)))
    apron = sheet.canvas.polygon(box(x, y, wide + 14, high + 14, turn))
    sheet.canvas.fill(apron, sheet.tint((146, 143, 138)), 4, 4)
    sheet.mark(apron, UNKNOWN)
    roof = building(sheet.canvas, box(x, y, wide, high, turn), 9, sheet.pick(HALLS), None)
    for row in np.arange(y - high / 2 + 6, y + high / 2 - 4, 16):
        for column in np.arange(x - wide / 2 + 6, x + wide / 2 - 4, 9):
            sheet.canvas.fill(sheet.canvas.polygon(box(column, row, 3, 2, turn)), (214, 218, 222), 1, 0)
    sheet.mark(roof, BUILDING)


def river(sheet: Sheet) -> None:
    """Running water from one side to the other, with trees on its banks."""
    rng, canvas = sheet.rng, sheet.canvas
    along, across = (canvas.y, canvas.x) if rng.uniform() < 0.5 else (canvas.x, canvas.y)
    middle, swing, long, half = (float(rng.uniform(*span)) for span in ((60, 260), (4, 20), (36, 70), (5, 13)))
    centre = middle + swing * np.sin(along / long) + 0.4 * swing * np.sin(along / 23 + 1)
    distance = np.abs(across - centre) + 0.7 * canvas.coarse
    canvas.fill(everywhere(distance < half + 2.5), sheet.tint((128, 116, 86)), 6, 6)
    canvas.fill(everywhere(distance < half), sheet.tint((62, 82, 74)), 1.5, 4)
    sheet.mark(everywhere(distance < half + 2.5), UNKNOWN)
    sheet.mark(everywhere(distance < half), RIVER)
    banks = np.argwhere(np.abs(distance - half - 5) < 0.3)
    for row, column in banks[rng.permutation(len(banks))[:120]]:
        canvas.crown(float(column / canvas.per_m), float(row / canvas.per_m), float(rng.uniform(1.4, 3.2)), leaf(rng))


def road(sheet: Sheet, lane: Box) -> None:
    """Asphalt between kerbs, with a broken line in the middle and some cars."""
    left, top, right, bottom = lane
    canvas = sheet.canvas
    upright = right - left < bottom - top
    across, along = (canvas.x, canvas.y) if upright else (canvas.y, canvas.x)
    middle = (left + right) / 2 if upright else (top + bottom) / 2
    half = (right - left if upright else bottom - top) / 2 - 1.2
    start, end = (top, bottom) if upright else (left, right)
    inside = (along >= start - 4) & (along <= end + 4)
    distance = np.abs(across - middle)
    canvas.fill(everywhere(inside & (distance < half + 1.2)), sheet.tint((150, 144, 132)), 5, 3)
    canvas.fill(everywhere(inside & (distance < half)), sheet.tint((122, 122, 122)), 4, 3)
    canvas.shade(everywhere(inside & (distance < 0.2) & (np.mod(along, 9) < 4.5)), 1.75)
    sheet.mark(everywhere(inside & (distance < half + 1.2)), ROAD)
    for place in sheet.rng.uniform(start, end, int(sheet.rng.integers(0, 9))).tolist():
        lane_middle = middle + half / 2 * float(sheet.rng.choice((-1, 1)))
        at = (lane_middle, place, 0.0) if upright else (place, lane_middle, 90.0)
        car(canvas, *at)


PARCELS: Sequence[Callable[[Sheet, Box], None]] = (  # in turn from any of them on, so common ones stand here twice
    crop, forest, houses, meadow, crop, parking, bare, hall, orchard, lake, houses, crop, meadow, hall, forest)
