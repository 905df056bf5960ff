"""Draws the demo scene: 384 m × 384 m of invented countryside at 0.5 m, and fourteen polygons over it.

Nothing here is a photograph: fields, crowns, roofs and water are painted with seeded noise, so that the demo needs no
download and its picture has no owner. The raster is in UTM 33 N and the polygons are in degrees, as users have them.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr, osr

SIZE_M = 384
GSD_M = 0.5
# Painted twice as fine as it is kept, so that edges are mixed pixels, as a camera's are.
PER_M = 4
ORIGIN = (500_400.0, 5_400_800.0)  # upper left corner, EPSG:32633
# Where the tip of a shadow falls for each metre of height: the sun stands in the south-east.
SHADOW = (-0.45, -0.8)

Points = Sequence[tuple[float, float]]
Colour = tuple[float, float, float]


def box(x: float, y: float, width: float, height: float, turn: float = 0) -> list[tuple[float, float]]:
    """A rectangle about its centre, turned by degrees."""
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    corners = [(-width / 2, -height / 2), (width / 2, -height / 2), (width / 2, height / 2), (-width / 2, height / 2)]
    return [(x + a * cosine - b * sine, y + a * sine + b * cosine) for a, b in corners]


def river_centre(y: float | np.ndarray) -> np.ndarray:
    """Where (x in metres) the river runs at ``y``."""
    return 108 + 16 * np.sin(np.asarray(y) / 52) + 7 * np.sin(np.asarray(y) / 23 + 1)


def _bank(y0: int, y1: int, half_width: float) -> list[tuple[float, float]]:
    rows = range(y0, y1 + 1, 8)
    left = [(float(river_centre(y)) - half_width, float(y)) for y in rows]
    return left + [(x + 2 * half_width, y) for x, y in reversed(left)]


def _oval(x: float, y: float, a: float, b: float) -> list[tuple[float, float]]:
    turns = np.linspace(0, 2 * math.pi, 28, endpoint=False)
    return [(float(x + a * np.cos(turn)), float(y + b * np.sin(turn))) for turn in turns]


# The polygons of the demo, in metres from the upper left corner, by what is drawn there.
PLACES: dict[str, Points] = {
    "forest": [(6, 8), (70, 5), (78, 60), (66, 110), (76, 178), (40, 186), (5, 180)],
    "river": _bank(40, 176, 10.5),
    "ploughed field": [(152, 8), (242, 6), (243, 84), (150, 92)],
    "green crop": [(149, 98), (243, 90), (243, 188), (138, 189)],
    "stubble field": [(258, 8), (376, 12), (372, 96), (257, 88)],
    "meadow": [(257, 96), (372, 104), (376, 188), (257, 188)],
    "road": box(308, 200, 118, 10),
    "houses": [(262, 212), (380, 212), (380, 286), (262, 286)],
    "house": box(291, 231, 13, 9, 4),
    "parking lot": box(198, 242, 84, 54),
    "warehouse": box(196, 303, 76, 40, -2),
    "bare ground": [(150, 338), (214, 332), (242, 346), (240, 380), (146, 381)],
    "lake": _oval(48, 326, 37, 33),
    "orchard": box(45, 244, 72, 58, 3),
}


class Canvas:
    """An RGB picture in metres, x to the right and y down, with one generator for all its randomness."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        side = SIZE_M * PER_M
        self.rgb = np.zeros((side, side, 3), np.float32)
        axis = (np.arange(side, dtype=np.float32) + 0.5) / PER_M
        self.x, self.y = np.meshgrid(axis, axis)
        self.fine = self.noise(0.6)
        self.coarse = self.noise(1.6)

    def noise(self, slope: float) -> np.ndarray:
        """Noise [h, w] of unit variance whose amplitude falls with frequency to the power of ``slope``."""
        side = SIZE_M * PER_M
        frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
        frequency[0, 0] = 1
        spectrum = np.fft.rfft2(self.rng.standard_normal((side, side))) / frequency**slope
        spectrum[0, 0] = 0
        field = np.fft.irfft2(spectrum, s=(side, side))
        return (field / field.std()).astype(np.float32)

    def fill(self, mask: np.ndarray, colour: Colour, fine: float = 5, coarse: float = 6) -> None:
        """Paint ``mask`` [h, w] in a colour that noise makes lighter and darker."""
        tone = 1 + (self.fine[mask] * fine + self.coarse[mask] * coarse) / 100
        self.rgb[mask] = np.array(colour, np.float32) * tone[:, None]

    def shade(self, mask: np.ndarray, factor: float | np.ndarray) -> None:
        """Darken or lighten ``mask`` by a factor, a number or an array [h, w]."""
        values = np.broadcast_to(np.asarray(factor, np.float32), mask.shape)
        self.rgb[mask] *= values[mask][:, None]

    def polygon(self, points: Points) -> np.ndarray:
        """The inside of a polygon in metres, bool [h, w], by the even-odd rule."""
        inside = np.zeros(self.x.shape, bool)
        low, high = np.min(points, axis=0), np.max(points, axis=0)
        columns = slice(max(0, int(low[0] * PER_M) - 1), max(0, int(high[0] * PER_M) + 2))
        rows = slice(max(0, int(low[1] * PER_M) - 1), max(0, int(high[1] * PER_M) + 2))
        x, y = self.x[rows, columns], self.y[rows, columns]
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]]):
            if y0 != y1:
                crosses = (y0 > y) != (y1 > y)
                inside[rows, columns] ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
        return inside

    def crown(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """One tree: its shadow, then a lumpy dome lit from the south-east."""
        self._dab(x + SHADOW[0] * radius * 1.5, y + SHADOW[1] * radius * 1.5, radius, None)
        self._dab(x, y, radius, colour)

    def _dab(self, x: float, y: float, radius: float, colour: Colour | None) -> None:
        reach = math.ceil(radius * PER_M * 1.25)
        column, row = round(x * PER_M), round(y * PER_M)
        rows = slice(max(0, row - reach), max(0, row + reach))
        columns = slice(max(0, column - reach), max(0, column + reach))
        dx, dy = (self.x[rows, columns] - x) / radius, (self.y[rows, columns] - y) / radius
        lumps = 1 + 0.12 * self.fine[rows, columns]
        inside = np.hypot(dx, dy) < lumps
        part = self.rgb[rows, columns]
        if colour is None:
            part[inside] *= 0.5
            return
        light = 0.85 + 0.3 * dx + 0.35 * dy + 0.1 * self.fine[rows, columns]
        part[inside] = (np.array(colour, np.float32) * light[..., None].clip(0.35, 1.35))[inside]

    def picture(self) -> np.ndarray:
        """What a camera keeps: uint8 RGB at GSD_M, slightly soft, with haze and sensor noise."""
        step = round(GSD_M * PER_M)
        side = self.rgb.shape[0] // step
        small = self.rgb.clip(0, 255).reshape(side, step, side, step, 3).mean(axis=(1, 3))
        padded = np.pad(small, ((1, 1), (1, 1), (0, 0)), mode="edge")
        small = 0.6 * small + 0.1 * (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:])
        hazy = 0.95 * small + np.array([7, 9, 12]) + self.rng.normal(0, 1.6, small.shape)
        return hazy.clip(0, 255).round().astype(np.uint8)


def draw_land(canvas: Canvas) -> None:
    """Grass everywhere, and the fields with their rows."""
    canvas.fill(np.ones(canvas.x.shape, bool), (104, 120, 72), 7, 8)
    for points, colour, spacing, depth, turn in (
        (PLACES["ploughed field"], (134, 104, 78), 1.8, 0.10, 12),
        (PLACES["green crop"], (78, 112, 54), 2.4, 0.16, 98),
        (PLACES["stubble field"], (186, 164, 108), 3.2, 0.07, 35),
    ):
        field = canvas.polygon(points)
        canvas.fill(field, colour, 5, 7)
        angle = math.radians(turn)
        across = canvas.x * math.cos(angle) + canvas.y * math.sin(angle) + 0.15 * canvas.coarse
        canvas.shade(field, 1 + depth * np.sin(2 * math.pi * across / spacing))
        canvas.shade(field & (np.mod(across, 24) < 0.9), 0.82)  # wheel tracks
    canvas.fill(canvas.polygon(PLACES["meadow"]), (112, 138, 72), 6, 9)
    canvas.fill(canvas.polygon(PLACES["bare ground"]), (188, 164, 130), 6, 10)
    canvas.fill(canvas.polygon(PLACES["orchard"]), (128, 128, 84), 7, 6)


def draw_water(canvas: Canvas) -> None:
    """The river and the lake, each with a muddy bank."""
    distance = np.abs(canvas.x - river_centre(canvas.y)) + 0.7 * canvas.coarse
    lake = np.hypot((canvas.x - 48) / 40, (canvas.y - 326) / 36) + 0.03 * canvas.coarse
    canvas.fill((distance < 14) | (lake < 1.07), (128, 116, 86), 6, 6)
    canvas.fill(distance < 11.5, (62, 82, 74), 1.5, 4)
    canvas.fill(lake < 1, (38, 62, 74), 1.2, 4)


def draw_roads(canvas: Canvas) -> None:
    """A main road with markings and a bridge, a lane to the north and a street between the houses."""
    tarmac, kerb = (122, 122, 122), (150, 144, 132)
    x, y = canvas.x, canvas.y
    canvas.fill(np.abs(y - 200) < 6.5, kerb, 5, 3)
    canvas.fill((np.abs(x - 250) < 3.8) & (y < 200), kerb, 5, 3)
    canvas.fill((np.abs(x - 252) < 4.6) & (y > 200), kerb, 5, 3)
    canvas.fill((np.abs(y - 292) < 4.2) & (x > 252), kerb, 5, 3)
    for mask in (
        np.abs(y - 200) < 5.2,
        (np.abs(x - 250) < 3) & (y < 200),
        (np.abs(x - 252) < 3.4) & (y > 200),
        (np.abs(y - 292) < 3) & (x > 252),
    ):
        canvas.fill(mask, tarmac, 4, 3)
    canvas.shade((np.abs(y - 200) < 0.2) & (np.mod(x, 9) < 4.5), 1.75)
    canvas.shade(np.abs(np.abs(y - 200) - 4.6) < 0.15, 1.6)
    bridge = (np.abs(np.abs(y - 200) - 5.8) < 0.5) & (np.abs(x - river_centre(200)) < 18)
    canvas.fill(bridge, (190, 186, 178), 2, 2)
    for _ in range(14):
        lane = canvas.rng.choice([-2.4, 2.4])
        draw_car(canvas, canvas.rng.uniform(5, 380), 200 + lane, 90)


def draw_car(canvas: Canvas, x: float, y: float, turn: float) -> None:
    """A car with its shadow and windows; ``turn`` 0 points north."""
    paints = ((225, 225, 225), (40, 42, 46), (150, 152, 156), (140, 40, 36), (46, 66, 110), (190, 184, 170))
    paint = paints[int(canvas.rng.integers(len(paints)))]
    canvas.shade(canvas.polygon(box(x + SHADOW[0], y + SHADOW[1], 2.0, 4.6, turn)), 0.5)
    canvas.fill(canvas.polygon(box(x, y, 1.9, 4.5, turn)), paint, 2, 0)
    canvas.shade(canvas.polygon(box(x, y, 1.6, 2.2, turn)), 0.6)


def draw_parking(canvas: Canvas) -> None:
    """Asphalt with six rows of marked bays, two thirds of them taken."""
    canvas.fill(canvas.polygon(PLACES["parking lot"]), (112, 112, 114), 4, 3)
    for y in (220.5, 231.5, 237.0, 248.0, 253.5, 264.5):
        for x in np.arange(158, 240, 2.7):
            canvas.fill(canvas.polygon(box(float(x) - 1.35, y, 0.14, 5)), (205, 205, 200), 2, 0)
            if canvas.rng.uniform() < 0.68:
                draw_car(canvas, float(x), y + float(canvas.rng.normal(0, 0.2)), 0)


def draw_building(canvas: Canvas, outline: Points, height: float, roof: Colour, ridge_turn: float | None) -> None:
    """A roof and its shadow; with a ridge direction in degrees the two slopes differ in light."""
    shadow = np.zeros(canvas.x.shape, bool)
    for reach in np.linspace(0, height, 8):
        shadow |= canvas.polygon([(x + SHADOW[0] * reach, y + SHADOW[1] * reach) for x, y in outline])
    canvas.shade(shadow, 0.45)
    inside = canvas.polygon(outline)
    canvas.fill(inside, roof, 3, 2)
    if ridge_turn is None:
        return
    middle = np.mean(outline, axis=0)
    angle = math.radians(ridge_turn)
    side = -(canvas.x - middle[0]) * math.sin(angle) + (canvas.y - middle[1]) * math.cos(angle)
    canvas.shade(inside, np.where(side > 0, 1.15, 0.8))
    canvas.shade(inside, 1 + 0.05 * np.sin(2 * math.pi * side / 1.1))  # courses of tiles


def draw_buildings(canvas: Canvas) -> None:
    """A flat-roofed warehouse and two rows of houses with hedges, drives and trees."""
    warehouse = PLACES["warehouse"]
    canvas.fill(canvas.polygon(box(196, 303, 92, 58, -2)), (146, 143, 138), 4, 4)
    draw_building(canvas, warehouse, 9, (176, 180, 184), None)
    for x in np.arange(168, 230, 9.0):
        for y in (294, 312):
            canvas.fill(canvas.polygon(box(float(x), y, 3, 2, -2)), (214, 218, 222), 1, 0)
    roofs = ((150, 84, 64), (136, 72, 58), (112, 104, 100), (162, 104, 76))
    for row, (y, drive) in enumerate(((231, 270), (270, 289), (318, 295), (356, 340))):
        for column, x in enumerate((271, 291, 314, 337, 360)):
            turn = 4 if (row, column) == (0, 1) else float(canvas.rng.normal(0, 4))
            outline = box(x, y, 13, 9, turn)
            if row in (1, 2):
                canvas.fill(canvas.polygon(box(x + 8, (y + drive) / 2, 3, abs(y - drive))), (150, 146, 138), 4, 2)
            canvas.fill(canvas.polygon(box(x, y + 1, 17, 14, turn)), (138, 134, 112), 6, 4)
            draw_building(canvas, outline, 6, roofs[int(canvas.rng.integers(len(roofs)))], turn)
            canvas.crown(x + 9, y - 9, float(canvas.rng.uniform(1.6, 3.4)), _leaf(canvas))
            canvas.crown(x - 9, y + 10, float(canvas.rng.uniform(1.2, 2.8)), _leaf(canvas))
    for x in np.arange(260, 384, 1.6):
        canvas.crown(float(x), 250, 0.9, _leaf(canvas))
        canvas.crown(float(x), 337, 0.9, _leaf(canvas))


def _leaf(canvas: Canvas) -> Colour:
    dark, warm = canvas.rng.uniform(0.75, 1.2), canvas.rng.uniform(-8, 12)
    return float(62 * dark + warm), float(88 * dark), float(48 * dark)


def draw_trees(canvas: Canvas) -> None:
    """The forest, the orchard's grid, and trees along the river and around the lake."""
    forest = PLACES["forest"]
    floor = canvas.polygon(forest)
    canvas.fill(floor, (44, 58, 36), 8, 6)
    places = np.argwhere(floor[::8, ::8])
    for row, column in places[np.argsort(places[:, 0] + canvas.rng.uniform(0, 3, len(places)))]:
        if canvas.rng.uniform() < 0.28:
            at = (np.array([column, row]) * 8 + canvas.rng.uniform(0, 8, 2)) / PER_M
            canvas.crown(float(at[0]), float(at[1]), float(canvas.rng.uniform(1.8, 4.0)), _leaf(canvas))
    for row in np.arange(220, 270, 6.5):
        for column in np.arange(14, 79, 6.0):
            canvas.crown(float(column), float(row), float(canvas.rng.uniform(1.6, 2.2)), _leaf(canvas))
    for y in np.arange(4, 380, 4.0):
        for side in (-1, 1):
            if abs(y - 200) > 14 and canvas.rng.uniform() < 0.55:
                bank = river_centre(y) + side * canvas.rng.uniform(14.5, 19)
                canvas.crown(float(bank), float(y), float(canvas.rng.uniform(1.4, 3.2)), _leaf(canvas))
    for turn in np.linspace(0, 2 * math.pi, 46):
        if canvas.rng.uniform() < 0.5:
            reach = canvas.rng.uniform(1.16, 1.28)
            x, y = 48 + 40 * reach * math.cos(turn), 326 + 36 * reach * math.sin(turn)
            canvas.crown(float(x), float(y), float(canvas.rng.uniform(1.4, 3.4)), _leaf(canvas))


def utm() -> osr.SpatialReference:
    """The picture's coordinate system."""
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32633)
    return reference


def write_raster(path: Path, rgb: np.ndarray) -> None:
    """An RGB GeoTIFF of uint8 [h, w, 3]."""
    options = ["COMPRESS=DEFLATE", "PREDICTOR=2", "TILED=YES", "PHOTOMETRIC=RGB"]
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), rgb.shape[1], rgb.shape[0], 3, gdal.GDT_Byte, options)
    dataset.SetGeoTransform((ORIGIN[0], GSD_M, 0, ORIGIN[1], 0, -GSD_M))
    dataset.SetProjection(utm().ExportToWkt())
    for band in range(3):
        dataset.GetRasterBand(band + 1).WriteArray(rgb[..., band])
    dataset.FlushCache()


def write_polygons(path: Path) -> None:
    """The places as a GeoPackage layer in degrees, with what is drawn there for comparison."""
    degrees = osr.SpatialReference()
    degrees.ImportFromEPSG(4326)
    degrees.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    transform = osr.CoordinateTransformation(utm(), degrees)
    path.unlink(missing_ok=True)
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = dataset.CreateLayer("places", degrees, ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn("drawn", ogr.OFTString))
    for name, points in PLACES.items():
        ring = ogr.Geometry(ogr.wkbLinearRing)
        for x, y in [*points, points[0]]:
            ring.AddPoint_2D(ORIGIN[0] + x, ORIGIN[1] - y)
        polygon = ogr.Geometry(ogr.wkbPolygon)
        polygon.AddGeometry(ring)
        polygon.Transform(transform)
        feature = ogr.Feature(layer.GetLayerDefn())
        feature["drawn"] = name
        feature.SetGeometry(polygon)
        layer.CreateFeature(feature)


def main() -> None:
    """Draw and write both files."""
    parser = argparse.ArgumentParser(description="Draws the demo scene and its polygons.")
    parser.add_argument("--raster", type=Path, default=Path("demo/scene.tif"))
    parser.add_argument("--polygons", type=Path, default=Path("demo/places.gpkg"))
    arguments = parser.parse_args()
    gdal.UseExceptions()
    ogr.UseExceptions()
    canvas = Canvas(seed=7)
    for draw in (draw_land, draw_water, draw_roads, draw_parking, draw_buildings, draw_trees):
        draw(canvas)
    for path in (arguments.raster, arguments.polygons):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_raster(arguments.raster, canvas.picture())
    write_polygons(arguments.polygons)
    print(f"{arguments.raster} and {arguments.polygons}: {SIZE_M} m at {GSD_M} m, {len(PLACES)} polygons")


if __name__ == "__main__":
    main()
