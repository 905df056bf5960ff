"""A canvas in metres on which ground seen from above is painted: noise, rows, crowns, cars and roofs.

Nothing on it is a photograph, so what is painted has no owner. ``examples/make_scene.py`` draws the demo with it and
``training.data.countryside`` scenes to learn from.
"""

from __future__ import annotations

import math
from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray

from training.data.sources import Pixels

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Point = Tuple[float, float]
Points = Sequence[Point]
Colour = Tuple[float, float, float]
# Painted twice as fine as it is kept, so that edges are mixed pixels, as a camera's are.
FINER = 2
# Where the tip of a shadow falls for each metre of height: the sun stands in the south-east.
SHADOW: Point = (-0.45, -0.8)
PAINTS: Sequence[Colour] = (
    (225, 225, 225), (40, 42, 46), (150, 152, 156), (140, 40, 36), (46, 66, 110), (190, 184, 170))


class Area(NamedTuple):
    """A part of a canvas: the rows and columns of its bounds, and what of them it covers, bool [h, w]."""

    bounds: Tuple[slice, slice]
    inside: Mask

    def where(self, mask: Mask) -> Area:
        """The part of it that a mask [h, w] of its bounds covers, too."""
        return Area(self.bounds, self.inside & mask)


def everywhere(mask: Mask) -> Area:
    """A mask of the whole canvas as an area."""
    return Area((slice(None), slice(None)), mask)


def box(x: float, y: float, width: float, height: float, turn: float = 0) -> List[Point]:
    """A rectangle about its centre, turned by degrees."""
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    corners = [(-width / 2, -height / 2), (width / 2, -height / 2), (width / 2, height / 2), (-width / 2, height / 2)]
    return [(x + a * cosine - b * sine, y + a * sine + b * cosine) for a, b in corners]


def oval(x: float, y: float, a: float, b: float) -> List[Point]:
    """A polygon about an ellipse of the half axes ``a`` along x and ``b`` along y."""
    turns = np.linspace(0, 2 * math.pi, 28, endpoint=False)
    return [(float(x + a * np.cos(turn)), float(y + b * np.sin(turn))) for turn in turns]


class Canvas:
    """An RGB picture of ``side`` metres, x to the right and y down, with one generator for all its randomness."""

    def __init__(self, rng: np.random.Generator, side: int, gsd: float = 0.5, shadow: Point = SHADOW) -> None:
        self.rng, self.per_m, self.shadow = rng, FINER / gsd, shadow
        cells = round(side * self.per_m)
        self.rgb = np.zeros((cells, cells, 3), np.float32)
        axis = (np.arange(cells, dtype=np.float32) + 0.5) / self.per_m
        self.x, self.y = np.meshgrid(axis, axis)
        self.fine = self.noise(0.6)
        self.coarse = self.noise(1.6)

    def noise(self, slope: float) -> Floats:
        """Noise [h, w] of unit variance whose amplitude falls with frequency to the power of ``slope``."""
        cells = len(self.rgb)
        frequency = np.hypot(np.fft.fftfreq(cells)[:, None], np.fft.rfftfreq(cells)[None])
        frequency[0, 0] = 1
        spectrum = np.fft.rfft2(self.rng.standard_normal((cells, cells))) / frequency**slope
        spectrum[0, 0] = 0
        field = np.fft.irfft2(spectrum, s=(cells, cells))
        return np.asarray(field / field.std(), np.float32)

    def fill(self, area: Area, colour: Colour, fine: float = 5, coarse: float = 6) -> None:
        """Paint an area in a colour that noise makes lighter and darker, by so many per cent."""
        bounds, inside = area
        tone = 1 + (self.fine[bounds][inside] * fine + self.coarse[bounds][inside] * coarse) / 100
        self.rgb[bounds][inside] = np.array(colour, np.float32) * tone[:, None]

    def shade(self, area: Area, factor: Union[float, Floats]) -> None:
        """Darken or lighten an area by a factor, a number or an array [h, w] of its bounds."""
        bounds, inside = area
        values = np.broadcast_to(np.asarray(factor, np.float32), inside.shape)
        self.rgb[bounds][inside] *= values[inside][:, None]

    def bounds(self, points: Points) -> Tuple[slice, slice]:
        """The rows and columns in which points in metres lie."""
        low, high = np.min(points, axis=0), np.max(points, axis=0)
        columns, rows = (slice(max(0, int(low[axis] * self.per_m) - 1), max(0, int(high[axis] * self.per_m) + 2))
                         for axis in (0, 1))
        return rows, columns

    def polygon(self, points: Points, within: Optional[Tuple[slice, slice]] = None) -> Area:
        """The inside of a polygon in metres by the even-odd rule; with ``within`` these are the area's bounds."""
        bounds = within or self.bounds(points)
        x, y = self.x[bounds], self.y[bounds]
        inside = np.zeros(x.shape, bool)
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]]):
            if y0 != y1:
                crosses = (y0 > y) != (y1 > y)
                inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
        return Area(bounds, inside)

    def crown(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """One tree: its shadow, then a lumpy dome lit from where the sun stands."""
        self._dab(x + self.shadow[0] * radius * 1.5, y + self.shadow[1] * radius * 1.5, radius, None)
        self._dab(x, y, radius, colour)

    def _dab(self, x: float, y: float, radius: float, colour: Optional[Colour]) -> None:
        reach = math.ceil(radius * self.per_m * 1.25)
        column, row = round(x * self.per_m), round(y * self.per_m)
        rows = slice(max(0, row - reach), max(0, row + reach))
        columns = slice(max(0, column - reach), max(0, column + reach))
        dx, dy = (self.x[rows, columns] - x) / radius, (self.y[rows, columns] - y) / radius
        lumps = 1 + 0.12 * self.fine[rows, columns]
        inside = np.hypot(dx, dy) < lumps
        part = self.rgb[rows, columns]
        if colour is None:
            part[inside] *= 0.5
            return
        across, down = self.shadow[0] / SHADOW[0], self.shadow[1] / SHADOW[1]
        light = 0.85 + 0.3 * across * dx + 0.35 * down * dy + 0.1 * self.fine[rows, columns]
        part[inside] = (np.array(colour, np.float32) * light[..., None].clip(0.35, 1.35))[inside]

    def picture(self) -> Pixels:
        """What a camera keeps: uint8 RGB at the GSD, slightly soft, with haze and sensor noise."""
        side = len(self.rgb) // FINER
        small = self.rgb.clip(0, 255).reshape(side, FINER, side, FINER, 3).mean(axis=(1, 3))
        padded = np.pad(small, ((1, 1), (1, 1), (0, 0)), mode="edge")
        small = 0.6 * small + 0.1 * (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:])
        hazy = 0.95 * small + np.array([7, 9, 12]) + self.rng.normal(0, 1.6, small.shape)
        return np.asarray(hazy.clip(0, 255).round(), np.uint8)


def furrows(canvas: Canvas, field: Area, spacing: float, depth: float, turn: float) -> None:
    """Rows of a crop every ``spacing`` metres across the direction ``turn`` (degrees), and wheel tracks every 24."""
    angle = math.radians(turn)
    x, y, coarse = (values[field.bounds] for values in (canvas.x, canvas.y, canvas.coarse))
    across = x * math.cos(angle) + y * math.sin(angle) + 0.15 * coarse
    canvas.shade(field, 1 + depth * np.sin(2 * math.pi * across / spacing))
    canvas.shade(field.where(np.mod(across, 24) < 0.9), 0.82)


def leaf(rng: np.random.Generator) -> Colour:
    """A tree's green."""
    dark, warm = rng.uniform(0.75, 1.2), rng.uniform(-8, 12)
    return float(62 * dark + warm), float(88 * dark), float(48 * dark)


def wood(canvas: Canvas, floor: Area, dense: float = 0.28, radii: Point = (1.8, 4.0)) -> None:
    """A forest: its floor, and crowns on a share ``dense`` of places two metres apart."""
    canvas.fill(floor, (44, 58, 36), 8, 6)
    step = round(2 * canvas.per_m)
    covered = np.zeros(canvas.x.shape, bool)
    covered[floor.bounds] = floor.inside
    places = np.argwhere(covered[::step, ::step])
    for row, column in places[np.argsort(places[:, 0] + canvas.rng.uniform(0, 3, len(places)))]:
        if canvas.rng.uniform() < dense:
            at = (np.array([column, row]) * step + canvas.rng.uniform(0, step, 2)) / canvas.per_m
            canvas.crown(float(at[0]), float(at[1]), float(canvas.rng.uniform(*radii)), leaf(canvas.rng))


def car(canvas: Canvas, x: float, y: float, turn: float) -> None:
    """A car with its shadow and windows; ``turn`` 0 points north."""
    paint = PAINTS[int(canvas.rng.integers(len(PAINTS)))]
    canvas.shade(canvas.polygon(box(x + canvas.shadow[0], y + canvas.shadow[1], 2.0, 4.6, turn)), 0.5)
    canvas.fill(canvas.polygon(box(x, y, 1.9, 4.5, turn)), paint, 2, 0)
    canvas.shade(canvas.polygon(box(x, y, 1.6, 2.2, turn)), 0.6)


def building(canvas: Canvas, outline: Points, height: float, roof: Colour, ridge_turn: Optional[float]) -> Area:
    """A roof and its shadow; with a ridge direction in degrees the two slopes differ in light. Gives the roof."""
    shadows = [[(x + canvas.shadow[0] * reach, y + canvas.shadow[1] * reach) for x, y in outline]
               for reach in np.linspace(0, height, 8).tolist()]
    bounds = canvas.bounds([point for shadow in shadows for point in shadow])
    canvas.shade(Area(bounds, np.any([canvas.polygon(shadow, bounds).inside for shadow in shadows], axis=0)), 0.45)
    area = canvas.polygon(outline)
    canvas.fill(area, roof, 3, 2)
    if ridge_turn is None:
        return area
    middle = np.mean(outline, axis=0)
    angle = math.radians(ridge_turn)
    x, y = canvas.x[area.bounds], canvas.y[area.bounds]
    side = -(x - middle[0]) * math.sin(angle) + (y - middle[1]) * math.cos(angle)
    canvas.shade(area, np.where(side > 0, np.float32(1.15), np.float32(0.8)))
    canvas.shade(area, 1 + 0.05 * np.sin(2 * math.pi * side / 1.1))  # courses of tiles
    return area
