"""Draws the demo scene: 384 m × 384 m of invented countryside at 0.5 m, and fourteen polygons over it.

Nothing here is a photograph: fields, crowns, roofs and water are painted with seeded noise, so that the demo needs no
download and its picture has no owner. The raster is in UTM 33 N and the polygons are in degrees, as users have them.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr, osr

from training.data.painting import Canvas, Points, box, building, car, everywhere, furrows, leaf, oval, wood

SIZE_M = 384
GSD_M = 0.5
ORIGIN = (500_400.0, 5_400_800.0)  # upper left corner, EPSG:32633


def river_centre(y: float | np.ndarray) -> np.ndarray:
    """Where (x in metres) the river runs at ``y``."""
    return 108 + 16 * np.sin(np.asarray(y) / 52) + 7 * np.sin(np.asarray(y) / 23 + 1)


def _bank(y0: int, y1: int, half_width: float) -> list[tuple[float, float]]:
    rows = range(y0, y1 + 1, 8)
    left = [(float(river_centre(y)) - half_width, float(y)) for y in rows]
    return left + [(x + 2 * half_width, y) for x, y in reversed(left)]


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
    "lake": oval(48, 326, 37, 33),
    "orchard": box(45, 244, 72, 58, 3),
}


def draw_land(canvas: Canvas) -> None:
    """Grass everywhere, and the fields with their rows."""
    canvas.fill(everywhere(np.ones(canvas.x.shape, bool)), (104, 120, 72), 7, 8)
    for points, colour, spacing, depth, turn in (
        (PLACES["ploughed field"], (134, 104, 78), 1.8, 0.10, 12),
        (PLACES["green crop"], (78, 112, 54), 2.4, 0.16, 98),
        (PLACES["stubble field"], (186, 164, 108), 3.2, 0.07, 35),
    ):
        field = canvas.polygon(points)
        canvas.fill(field, colour, 5, 7)
        furrows(canvas, field, spacing, depth, turn)
    canvas.fill(canvas.polygon(PLACES["meadow"]), (112, 138, 72), 6, 9)
    canvas.fill(canvas.polygon(PLACES["bare ground"]), (188, 164, 130), 6, 10)
    canvas.fill(canvas.polygon(PLACES["orchard"]), (128, 128, 84), 7, 6)


def draw_water(canvas: Canvas) -> None:
    """The river and the lake, each with a muddy bank."""
    distance = np.abs(canvas.x - river_centre(canvas.y)) + 0.7 * canvas.coarse
    lake = np.hypot((canvas.x - 48) / 40, (canvas.y - 326) / 36) + 0.03 * canvas.coarse
    canvas.fill(everywhere((distance < 14) | (lake < 1.07)), (128, 116, 86), 6, 6)
    canvas.fill(everywhere(distance < 11.5), (62, 82, 74), 1.5, 4)
    canvas.fill(everywhere(lake < 1), (38, 62, 74), 1.2, 4)


def draw_roads(canvas: Canvas) -> None:
    """A main road with markings and a bridge, a lane to the north and a street between the houses."""
    tarmac, kerb = (122, 122, 122), (150, 144, 132)
    x, y = canvas.x, canvas.y
    canvas.fill(everywhere(np.abs(y - 200) < 6.5), kerb, 5, 3)
    canvas.fill(everywhere((np.abs(x - 250) < 3.8) & (y < 200)), kerb, 5, 3)
    canvas.fill(everywhere((np.abs(x - 252) < 4.6) & (y > 200)), kerb, 5, 3)
    canvas.fill(everywhere((np.abs(y - 292) < 4.2) & (x > 252)), kerb, 5, 3)
    for mask in (
        np.abs(y - 200) < 5.2,
        (np.abs(x - 250) < 3) & (y < 200),
        (np.abs(x - 252) < 3.4) & (y > 200),
        (np.abs(y - 292) < 3) & (x > 252),
    ):
        canvas.fill(everywhere(mask), tarmac, 4, 3)
    canvas.shade(everywhere((np.abs(y - 200) < 0.2) & (np.mod(x, 9) < 4.5)), 1.75)
    canvas.shade(everywhere(np.abs(np.abs(y - 200) - 4.6) < 0.15), 1.6)
    bridge = (np.abs(np.abs(y - 200) - 5.8) < 0.5) & (np.abs(x - river_centre(200)) < 18)
    canvas.fill(everywhere(bridge), (190, 186, 178), 2, 2)
    for _ in range(14):
        lane = canvas.rng.choice([-2.4, 2.4])
        car(canvas, canvas.rng.uniform(5, 380), 200 + lane, 90)


def draw_parking(canvas: Canvas) -> None:
    """Asphalt with six rows of marked bays, two thirds of them taken."""
    canvas.fill(canvas.polygon(PLACES["parking lot"]), (112, 112, 114), 4, 3)
    for y in (220.5, 231.5, 237.0, 248.0, 253.5, 264.5):
        for x in np.arange(158, 240, 2.7):
            canvas.fill(canvas.polygon(box(float(x) - 1.35, y, 0.14, 5)), (205, 205, 200), 2, 0)
            if canvas.rng.uniform() < 0.68:
                car(canvas, float(x), y + float(canvas.rng.normal(0, 0.2)), 0)


def draw_buildings(canvas: Canvas) -> None:
    """A flat-roofed warehouse and two rows of houses with hedges, drives and trees."""
    warehouse = PLACES["warehouse"]
    canvas.fill(canvas.polygon(box(196, 303, 92, 58, -2)), (146, 143, 138), 4, 4)
    building(canvas, warehouse, 9, (176, 180, 184), None)
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
            building(canvas, outline, 6, roofs[int(canvas.rng.integers(len(roofs)))], turn)
            canvas.crown(x + 9, y - 9, float(canvas.rng.uniform(1.6, 3.4)), leaf(canvas.rng))
            canvas.crown(x - 9, y + 10, float(canvas.rng.uniform(1.2, 2.8)), leaf(canvas.rng))
    for x in np.arange(260, 384, 1.6):
        canvas.crown(float(x), 250, 0.9, leaf(canvas.rng))
        canvas.crown(float(x), 337, 0.9, leaf(canvas.rng))


def draw_trees(canvas: Canvas) -> None:
    """The forest, the orchard's grid, and trees along the river and around the lake."""
    wood(canvas, canvas.polygon(PLACES["forest"]))
    for row in np.arange(220, 270, 6.5):
        for column in np.arange(14, 79, 6.0):
            canvas.crown(float(column), float(row), float(canvas.rng.uniform(1.6, 2.2)), leaf(canvas.rng))
    for y in np.arange(4, 380, 4.0):
        for side in (-1, 1):
            if abs(y - 200) > 14 and canvas.rng.uniform() < 0.55:
                bank = river_centre(y) + side * canvas.rng.uniform(14.5, 19)
                canvas.crown(float(bank), float(y), float(canvas.rng.uniform(1.4, 3.2)), leaf(canvas.rng))
    for turn in np.linspace(0, 2 * math.pi, 46):
        if canvas.rng.uniform() < 0.5:
            reach = canvas.rng.uniform(1.16, 1.28)
            x, y = 48 + 40 * reach * math.cos(turn), 326 + 36 * reach * math.sin(turn)
            canvas.crown(float(x), float(y), float(canvas.rng.uniform(1.4, 3.4)), leaf(canvas.rng))


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
    canvas = Canvas(np.random.default_rng(7), SIZE_M, GSD_M)
    for draw in (draw_land, draw_water, draw_roads, draw_parking, draw_buildings, draw_trees):
        draw(canvas)
    for path in (arguments.raster, arguments.polygons):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_raster(arguments.raster, canvas.picture())
    write_polygons(arguments.polygons)
    print(f"{arguments.raster} and {arguments.polygons}: {SIZE_M} m at {GSD_M} m, {len(PLACES)} polygons")


if __name__ == "__main__":
    main()
