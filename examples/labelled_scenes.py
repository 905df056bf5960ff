"""Makes two scenes with classes of their own from public data, to adapt a model to (docs/training.md).

``banepa.vrt`` is the drone mosaic of Banepa, whose tiles are placed by the web-map numbers that are their names; its
buildings are OpenStreetMap's. ``dubai.tif`` is tile 2 of the Dubai set, which the default model never saw in training;
``dubai.gpkg`` holds its masks as polygons, cut at a grid. That set says neither where its pictures lie nor how large
their pixels are, so the ground is put anywhere in UTM 40 N, at the project's estimate of a metre.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr, osr
from PIL import Image

from training.data.sources import DUBAI_GSD, DUBAI_TEST_TILES, LabelledScene, dubai, web_map_transform
from training.data.vocabulary import CATEGORIES, UNKNOWN

ACROSS = 3  # a Dubai tile is 3 × 3 pictures, in rows
ORIGIN = (330_000.0, 2_780_000.0)  # somewhere in Dubai, EPSG:32640
CELL = 128  # pixels; pieces end at a grid, or all streets would be one polygon
SMALLEST = 60  # pixels; masks have specks
FIELD = "cover"


def banepa_scene(data: Path, out: Path) -> tuple[Path, Path]:
    """The mosaic and a copy of its buildings."""
    folder = data / "scenes" / "banepa_drone"
    tiles = sorted(folder.glob("OAM-*.tif"))
    layers = sorted(folder.glob("*.geojson"))
    if not tiles or not layers:
        raise SystemExit(f"{folder} lacks tiles OAM-*.tif or the buildings' GeoJSON; name the data's folder: --data")
    placed = []
    for tile in tiles:
        with Image.open(tile) as picture:
            left, step, _, top, _, _ = web_map_transform(tile.stem, picture.width)
            bounds = [left, top, left + step * picture.width, top - step * picture.height]
        vrt = out / "banepa_tiles" / f"{tile.stem}.vrt"
        vrt.parent.mkdir(parents=True, exist_ok=True)
        gdal.Translate(str(vrt), str(tile.resolve()), format="VRT", outputSRS="EPSG:3857", outputBounds=bounds)
        placed.append(str(vrt))
    gdal.BuildVRT(str(out / "banepa.vrt"), placed).FlushCache()
    shutil.copyfile(layers[0], out / "banepa.geojson")
    return out / "banepa.vrt", out / "banepa.geojson"


def dubai_scene(data: Path, out: Path) -> tuple[Path, Path]:
    """The nine pictures of the tile as one raster, and every connected piece of a class in a cell as a polygon."""
    if not (data / "dubai_segmentation.zip").is_file():
        raise SystemExit(f"{data} lacks dubai_segmentation.zip; name the data's folder: --data")
    tile = DUBAI_TEST_TILES[0]
    scenes = sorted((scene for scene in dubai(data, "test") if scene.name.startswith(f"tile{tile}-")),
                    key=lambda scene: scene.name)
    pixels, classes = _joined(scenes)
    transform = (ORIGIN[0], DUBAI_GSD[tile], 0.0, ORIGIN[1], 0.0, -DUBAI_GSD[tile])
    raster = _dataset("GTiff", out / "dubai.tif", pixels, transform)
    _polygons(_dataset("MEM", "", _numbered(classes)[None], transform), out / "dubai.gpkg")
    raster.FlushCache()
    return out / "dubai.tif", out / "dubai.gpkg"


def _joined(scenes: list[LabelledScene]) -> tuple[np.ndarray, np.ndarray]:
    """Pictures [3, h, w] and classes [h, w] of a tile; pictures of a row may differ by a pixel."""
    width, height = (min(scene.pixels.shape[axis] for scene in scenes) for axis in (1, 0))
    rows = [scenes[first : first + ACROSS] for first in range(0, len(scenes), ACROSS)]
    pixels = np.block([[scene.pixels[:height, :width].transpose(2, 0, 1) for scene in row] for row in rows])
    classes = np.block([[scene.categories[:height, :width] for scene in row] for row in rows])
    return pixels, classes


def _numbered(classes: np.ndarray) -> np.ndarray:
    """A number for every cell and class, 0 for no class; the class is the number's remainder."""
    rows, columns = np.indices(classes.shape) // CELL
    cells = rows * (columns.max() + 1) + columns
    return np.where(classes == UNKNOWN, 0, (cells + 1) * len(CATEGORIES) + classes).astype(np.int32)


def _dataset(driver: str, path: Path | str, bands: np.ndarray, transform: tuple[float, ...]) -> gdal.Dataset:
    """A raster of bands [n, h, w] in EPSG:32640."""
    kind = gdal.GDT_Byte if bands.dtype == np.uint8 else gdal.GDT_Int32
    dataset = gdal.GetDriverByName(driver).Create(str(path), bands.shape[2], bands.shape[1], len(bands), kind)
    dataset.SetGeoTransform(transform)
    dataset.SetProjection(_utm().ExportToWkt())
    dataset.WriteArray(bands)
    return dataset


def _utm() -> osr.SpatialReference:
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32640)
    return reference


def _polygons(masks: gdal.Dataset, path: Path) -> None:
    """The pieces of at least ``SMALLEST`` pixels, with the class's key in ``FIELD``."""
    driver = ogr.GetDriverByName("GPKG")
    if path.exists():
        driver.DeleteDataSource(str(path))
    memory = ogr.GetDriverByName("Memory").CreateDataSource("")
    pieces = memory.CreateLayer("pieces", _utm(), ogr.wkbPolygon)
    pieces.CreateField(ogr.FieldDefn("number", ogr.OFTInteger))
    gdal.Polygonize(masks.GetRasterBand(1), masks.GetRasterBand(1), pieces, 0)
    target = driver.CreateDataSource(str(path))
    layer = target.CreateLayer("cover", _utm(), ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn(FIELD, ogr.OFTString))
    pixel = masks.GetGeoTransform()[1] ** 2
    for piece in pieces:
        if piece.GetGeometryRef().GetArea() >= SMALLEST * pixel:
            feature = ogr.Feature(layer.GetLayerDefn())
            feature.SetGeometry(piece.GetGeometryRef())
            feature.SetField(FIELD, CATEGORIES[piece.GetField("number") % len(CATEGORIES)].key)
            layer.CreateFeature(feature)


def main() -> None:
    """Write both scenes and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder of the data sets")
    parser.add_argument("--out", type=Path, default=Path("demo/labelled"), help="the folder to write to")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    gdal.UseExceptions()
    ogr.UseExceptions()
    for make in (banepa_scene, dubai_scene):
        raster, polygons = make(chosen.data, chosen.out)
        print(f"{raster} with {polygons}")


if __name__ == "__main__":
    main()
