"""Converters of semantic masks and of GIS layers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, Sequence

import numpy as np
import pytest
from osgeo import ogr, osr
from PIL import Image
from typer.testing import CliRunner

from core_model.geo.raster import GdalRaster
from core_model.geo.regions import Placer, Region
from core_model.geo.tiling import tile_window
from tests.geo_helpers import UTM_33, write_raster
from tests.manifest_made import good_records, origin, problems, write_picture
from training.data.__main__ import app
from training.data.converters.base import Report, save
from training.data.converters.classes import TABLES, class_table
from training.data.converters.gis import Layers, gis
from training.data.converters.semantic import semantic
from training.data.manifest.masks import record_masks
from training.data.manifest.reader import sample
from training.data.manifest.record import ManifestError
from training.data.sources import DUBAI_COLOURS


def halves(first: int, second: int) -> np.ndarray:
    """A mask [30, 40] of two numbers, with a speck of the first in the second."""
    mask = np.full((30, 40), first, np.uint8)
    mask[:, 20:] = second
    mask[4:6, 30:32] = first
    return mask


def save_mask(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def test_loveda_masks_become_connected_regions(tmp_path: Path) -> None:
    train = tmp_path / "pictures"
    write_picture(train / "Rural" / "images_png" / "0.png")
    write_picture(train / "Urban" / "images_png" / "1366.png")
    save_mask(train / "Rural" / "masks_png" / "0.png", halves(6, 4))
    save_mask(train / "Urban" / "masks_png" / "1366.png", halves(1, 9))
    save_mask(train / "Urban" / "masks_png" / "1367.png", halves(1, 2))
    report, where = Report(), origin(tmp_path, split="train")
    save(semantic(train, TABLES["loveda"], where, report), where.out, report)
    record, = good_records(where.out)
    assert record.id == "Rural/0"
    assert record.gsd == 0.3
    assert [region.label for region in record.regions] == ["water", "forest"]
    water, forest = record_masks(record)
    assert water.sum() == 30 * 20 - 4
    assert forest.sum() == 30 * 20
    assert sum(report.notes.values()) == 1
    found = problems(report)
    assert "holds 9, which the class table does not list" in found["Urban/images_png/1366.png"]
    assert "no picture of its name" in found["Urban/masks_png/1367.png"]


def test_openearthmaps_rasters_and_flairs_prefixes_find_their_masks(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (3, 30, 40)).astype(np.uint8)
    for folder in ("aachen/images", "aachen/labels"):
        (tmp_path / "pictures" / folder).mkdir(parents=True)
    write_raster(tmp_path / "pictures/aachen/images/aachen_1.tif", rgb)
    write_raster(tmp_path / "pictures/aachen/labels/aachen_1.tif", halves(8, 0)[None])
    report, where = Report(), origin(tmp_path)
    save(semantic(tmp_path / "pictures", TABLES["openearthmap"], where, report), where.out, report)
    record, = good_records(where.out)
    assert (record.place, [region.label for region in record.regions]) == ("aachen", ["building"])
    flair = tmp_path / "flair"
    for folder in ("aerial/D004_2021/Z14_AU/img", "labels/D004_2021/Z14_AU/msk"):
        (flair / folder).mkdir(parents=True)
    bands = np.concatenate([rgb, rgb[:2]])
    write_raster(flair / "aerial/D004_2021/Z14_AU/img/IMG_000001.tif", bands)
    write_raster(flair / "labels/D004_2021/Z14_AU/msk/MSK_000001.tif", halves(18, 19)[None])
    there = origin(tmp_path)
    there = type(there)("flair", "etalab-2.0", flair / "aerial", tmp_path / "flair.jsonl")
    save(semantic(flair / "labels", TABLES["flair"], there, report), there.out, report)
    record, = good_records(there.out)
    assert record.place == "D004_2021"
    assert [region.label for region in record.regions] == ["greenhouse"]
    assert sample(record, tmp_path).image.shape == (30, 40, 3)
    assert not report.problems


def test_dubais_colours_become_classes(tmp_path: Path) -> None:
    mask = np.zeros((30, 40, 3), np.uint8)
    mask[:, :20], mask[:, 20:] = DUBAI_COLOURS["land"], (0x9B, 0x9B, 0x9B)
    write_picture(tmp_path / "pictures" / "Tile 1" / "images" / "image_part_001.jpg")
    save_mask(tmp_path / "pictures" / "Tile 1" / "masks" / "image_part_001.png", mask)
    report, where = Report(), origin(tmp_path)
    save(semantic(tmp_path / "pictures", TABLES["dubai"], where, report), where.out, report)
    record, = good_records(where.out)
    assert (record.place, [region.label for region in record.regions]) == ("Tile 1", ["unpaved land"])
    assert not report.problems


def test_a_table_of_ones_own_and_wrong_ones(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"codes": {"1": "solar field"}, "unlabelled": [0]}))
    assert class_table(str(path)).codes == {1: "solar field"}
    path.write_text(json.dumps({"codes": {"one": "solar field"}}))
    with pytest.raises(ManifestError, match="'one' is no class number"):
        class_table(str(path))
    with pytest.raises(ManifestError, match="no class table is called 'potsdam'"):
        class_table("potsdam")


SQUARES = [
    ("POLYGON ((500010 5799990, 500060 5799990, 500060 5799950, 500010 5799950, 500010 5799990))", "barn"),
    ("POLYGON ((500070 5799990, 500090 5799990, 500090 5799950, 500070 5799950, 500070 5799990),"
     "(500075 5799980, 500085 5799980, 500085 5799960, 500075 5799960, 500075 5799980))", "yard"),
    ("POLYGON ((500200 5799800, 500204 5799800, 500204 5799796, 500200 5799796, 500200 5799800))", "shed"),
    ("POLYGON ((500100 5799900, 500120 5799900, 500120 5799880, 500100 5799880, 500100 5799900))", None),
    ("POLYGON ((600000 5799900, 600020 5799900, 600020 5799880, 600000 5799880, 600000 5799900))", "barn"),
]


def write_plots(path: Path, plots: Sequence) -> Path:
    """A GeoPackage in longitude and latitude, so that polygons must be brought to the raster."""
    utm, lonlat = osr.SpatialReference(), osr.SpatialReference()
    utm.ImportFromEPSG(32633)
    lonlat.ImportFromEPSG(4326)
    for reference in (utm, lonlat):
        reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = dataset.CreateLayer("plots", lonlat, ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn("kind", ogr.OFTString))
    for wkt, kind in plots:
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetField("kind", kind)
        geometry = ogr.CreateGeometryFromWkt(wkt)
        geometry.Transform(osr.CoordinateTransformation(utm, lonlat))
        feature.SetGeometry(geometry)
        layer.CreateFeature(feature)
    return path


@pytest.fixture
def layers(tmp_path: Path) -> Callable[..., Layers]:
    values = np.random.default_rng(1).integers(0, 255, (3, 512, 512)).astype(np.uint8)
    raster = write_raster(tmp_path / "scene.tif", values, UTM_33)
    plots = write_plots(tmp_path / "plots.gpkg", SQUARES)
    return lambda **more: Layers(str(raster), str(plots), **{"label_field": "kind", "size": 128, "blocks": 2, **more})


def test_gis_layers_are_seen_as_the_product_sees_them(tmp_path: Path, layers: Callable[..., Layers]) -> None:
    report, where = Report(), origin(tmp_path)
    save(gis(layers(), where, report), where.out, report)
    records = good_records(where.out)
    by_label = {region.label: (record, mask) for record in records
                for region, mask in zip(record.regions, record_masks(record))}
    assert sorted(by_label) == ["barn", "shed", "yard"]
    found = problems(report)
    assert "its kind is empty" in found["feature 4"]
    assert "outside raster" in found["feature 5"]
    with GdalRaster(str(tmp_path / "scene.tif")) as raster:
        placer = Placer(raster, 128)
        for wkt, label in SQUARES[:3]:
            record, mask = by_label[str(label)]
            placed = placer.place(Region.from_wkt(1, wkt, "EPSG:32633"))
            assert placed.tile is not None
            share = placer.mask(placed, tile_window(placed.tile, 128), 128)
            assert np.abs(mask - share).sum() <= 0.05 * share.sum() + 4
            assert record.gsd == pytest.approx(2.0**placed.tile.level, rel=1e-3)
            assert 32 <= np.ptp(np.nonzero(mask)[0]) + 1 <= 65
    picture = sample(by_label["barn"][0], tmp_path).image
    assert picture.shape == (128, 128, 3)
    assert {record.place for record in records} == {"scene r0c0"}


def test_gis_layers_split_by_places_on_the_ground(tmp_path: Path, layers: Callable[..., Layers]) -> None:
    report, where = Report(), origin(tmp_path)
    save(gis(layers(blocks=8), where, report), where.out, report)
    places = {region.label: record.place for record in good_records(where.out) for region in record.regions}
    assert places == {"barn": "scene r1c1", "yard": "scene r1c1", "shed": "scene r3c3"}


def test_gis_mistakes_are_one_sentence(tmp_path: Path, layers: Callable[..., Layers]) -> None:
    with pytest.raises(ManifestError, match="has no field 'class'; name one of its fields with --label-field: kind"):
        list(gis(layers(label_field="class"), origin(tmp_path), Report()))
    with pytest.raises(ManifestError, match="cannot be opened"):
        list(gis(Layers("none.tif", "none.gpkg", "kind"), origin(tmp_path), Report()))


def test_the_gis_command_makes_pictures_beside_the_manifest(tmp_path: Path, layers: Callable[..., Layers]) -> None:
    chosen = layers()
    out = tmp_path / "set" / "plots.jsonl"
    result = CliRunner().invoke(app, [
        "convert", "gis", "--raster", chosen.raster, "--polygons", chosen.polygons, "--label-field", "kind", "-o",
        str(out), "--source", "mine", "--licence", "own", "--size", "128", "--where", "kind = 'barn'"])
    assert result.exit_code == 0, result.output
    assert [region.label for record in good_records(out) for region in record.regions] == ["barn"]
    assert len(list((tmp_path / "set" / "plots_images").glob("*.png"))) == 1
