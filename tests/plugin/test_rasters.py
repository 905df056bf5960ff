"""Raster layers of all kinds as the pixels that the model sees."""

from __future__ import annotations

import gc
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsMultiBandColorRenderer,
    QgsRasterBlockFeedback,
    QgsRasterDataProvider,
    QgsRasterLayer,
    QgsRasterRange,
    QgsVectorLayer,
)

from aquila_qgis_plugin import provider_copy, provider_raster
from aquila_qgis_plugin.cancelled import CancelledError
from aquila_qgis_plugin.provider_copy import copy_provider
from aquila_qgis_plugin.provider_raster import ProviderRaster
from aquila_qgis_plugin.rasters import raster_problem, raster_spec
from core_model.errors import RasterError
from core_model.geo.raster import GdalRaster, Picture
from core_model.geo.source import Window
from core_model.geo.tiling import TileId, tile_window
from tests.geo_helpers import write_raster
from tests.plugin.scenes import raster_layer

ZOOM, COLUMN, ROW = 19, 386692, 220243
WORLD = 20037508.342789244


def in_worker(work: Callable[[], Any]) -> Any:
    """What ``work`` gives when it runs beside the main thread."""
    found: List[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def local(shared_data: Path, folder: Path, name: str) -> str:
    """A copy of a scene: QGIS writes statistics beside the rasters it opens."""
    return str(shutil.copy(shared_data / "scenes" / name, folder))


def windows(source: Any, size: int = 64) -> List[Tuple[Window, Tuple[int, int]]]:
    """What is read of a raster when tiles over its corners and middle are shown, at all levels."""
    found = [(Window(0, 0, source.width, source.height), (min(1024, source.height), min(1024, source.width)))]
    for level in range(-2, 4):
        step = size / 2 * 2.0**level
        for row, column in ((0, 0), (-1, 1), (source.height / step / 2, source.width / step / 2 - 1),
                            (source.height / step - 1, source.width / step - 1)):
            window = tile_window(TileId(level, round(row), round(column)), size)
            sampling = min(4, max(1, round(2.0**level)))
            found.append((window, (size * sampling, size * sampling)))
    return found


def unlike(ours: ProviderRaster, theirs: GdalRaster) -> List[Window]:
    """Windows that two readers of the same raster see differently."""
    bands = list(range(1, min(3, len(theirs.bands)) + 1))
    has_overviews = theirs._dataset.GetRasterBand(1).GetOverviewCount() > 0
    found = []
    for window, shape in windows(theirs):
        if has_overviews and window.width >= 2 * shape[1]:
            continue  # there GDAL reads an overview, which holds other pixels
        if window.width < shape[1]:  # enlarging reads pixels as they are
            window = Window(round(window.x), round(window.y), round(window.width), round(window.height))
            shape = (int(window.height), int(window.width))
        values, valid = ours.read(window, shape, bands)
        expected, good = theirs.read(window, shape, bands)
        same = np.array_equal(valid, good) and np.array_equal(values[:, valid], expected[:, good])
        if not same or values.shape != expected.shape:
            found.append(window)
    return found


@pytest.mark.parametrize("name", [
    "atlanta_pan16/sample_geotiff.tif", "naip/claremont_2018_27.tif", "banepa_drone/OAM-386690-220241-19.tif",
    "awkward/RGB.byte.tif", "awkward/RGBA.uint16.tif", "awkward/all-nodata.tif", "awkward/cog_rgb_mask.tif",
    "awkward/shade.tif",
])
def test_qgis_reads_the_same_pixels_as_gdal(shared_data: Path, tmp_path: Path, name: str) -> None:
    layer = QgsRasterLayer(local(shared_data, tmp_path, name), "scene")
    with ProviderRaster(copy_provider(layer, as_displayed=False)) as ours, raster_spec(layer).open() as theirs:
        assert isinstance(theirs, GdalRaster)
        assert (ours.width, ours.height) == (theirs.width, theirs.height)
        assert np.allclose(ours.transform, theirs.transform)
        assert in_worker(lambda: unlike(ours, theirs)) == []


@pytest.mark.parametrize("kind", ["nodata", "palette", "float nan"])
def test_nodata_and_palettes_are_read_as_gdal_does(tmp_path: Path, kind: str) -> None:
    generator = np.random.default_rng(3)
    path = tmp_path / "made.tif"
    if kind == "float nan":
        values = generator.normal(size=(2, 90, 70)).astype(np.float32)
        values[:, :30] = np.nan
        write_raster(path, values, nodata=-9999.0)
    elif kind == "nodata":
        values = generator.integers(0, 3, (3, 90, 70)).astype(np.uint8)
        write_raster(path, values, nodata=0)
    else:
        write_raster(path, generator.integers(0, 4, (1, 90, 70)).astype(np.uint8), options=["PHOTOMETRIC=PALETTE"])
        table = gdal.ColorTable()
        for index, colour in enumerate([(9, 8, 7, 255), (200, 0, 0, 255), (0, 99, 0, 255), (0, 0, 50, 255)]):
            table.SetColorEntry(index, colour)
        dataset = gdal.Open(str(path), gdal.GA_Update)
        dataset.GetRasterBand(1).SetColorTable(table)
        del dataset
    copied = copy_provider(QgsRasterLayer(str(path), "made"), as_displayed=False)
    with GdalRaster(path) as theirs:
        ours = ProviderRaster(copied)
        assert [each.colour for each in ours.bands] == [each.colour for each in theirs.bands]
        assert unlike(ours, theirs) == []


def test_large_areas_are_asked_for_in_few_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_raster, "_MOST_PIXELS", 100)
    ramp = np.broadcast_to(np.arange(800, dtype=np.uint16), (1, 600, 800)).copy()
    copied = copy_provider(QgsRasterLayer(str(write_raster(tmp_path / "ramp.tif", ramp)), "ramp"), as_displayed=False)
    values, valid = ProviderRaster(copied).read(Window(-100, 0, 1000, 600), (60, 100), [1])
    assert valid[:, 10:90].all() and not valid[:, :10].any() and not valid[:, 90:].any()
    assert np.abs(values[0, :, 10:90] - np.arange(5, 800, 10)).max() <= 5


def test_files_are_read_by_their_path(tmp_path: Path) -> None:
    layer = raster_layer(tmp_path)
    spec = raster_spec(layer)
    assert spec.is_file and spec.name == "scene" and spec.crs is None and spec.transform is None
    source = in_worker(spec.open)
    assert isinstance(source, GdalRaster) and source.name == "scene"
    source.close()
    picture = in_worker(spec.open_picture)
    assert type(picture) is Picture and picture.bands == (1, 2, 3)
    with pytest.raises(RasterError, match="band 7"):
        spec.open_picture((7,))


def test_a_crs_the_user_gave_the_layer_holds(tmp_path: Path) -> None:
    layer = raster_layer(tmp_path)
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:32634"))
    assert raster_spec(layer).open().crs_wkt == "EPSG:32634"
    assert raster_spec(layer, as_displayed=True).open().crs_wkt == "EPSG:32634"


def test_a_picture_without_georeference_lies_where_qgis_shows_it(shared_data: Path, tmp_path: Path) -> None:
    layer = QgsRasterLayer(local(shared_data, tmp_path, "awkward/no_geo.jpg"), "photo")
    assert layer.extent().yMaximum() == 0
    source = raster_spec(layer).open()
    assert source.transform == (0, 1, 0, 0, 0, -1)
    south_up = QgsRasterLayer(local(shared_data, tmp_path, "awkward/float_nan.tif"), "south up")
    assert raster_spec(south_up).transform is None


def test_nodata_that_the_user_chose_in_qgis_holds(tmp_path: Path) -> None:
    values = np.arange(100, dtype=np.uint8).reshape(1, 10, 10)
    layer = QgsRasterLayer(str(write_raster(tmp_path / "ramp.tif", values, nodata=5)), "ramp")
    layer.dataProvider().setUserNoDataValue(1, [QgsRasterRange(40, 59)])
    spec = raster_spec(layer)
    assert not spec.is_file
    read, valid = spec.open().read(Window(0, 0, 10, 10), (10, 10), [1])
    expected = np.ones((10, 10), bool)
    expected[0, 5], expected[4:6] = False, False
    assert np.array_equal(valid, expected) and np.array_equal(read[:, valid], values[:, valid])
    layer.dataProvider().setUserNoDataValue(1, [])
    layer.dataProvider().setUseSourceNoDataValue(1, False)
    assert raster_spec(layer).open().read(Window(0, 0, 10, 10), (10, 10), [1])[1].all()


def test_as_displayed_gives_the_colours_of_the_style(tmp_path: Path) -> None:
    layer = raster_layer(tmp_path)
    renderer = QgsMultiBandColorRenderer(layer.dataProvider(), 3, 2, 1)
    layer.setRenderer(renderer)
    window = Window(0, 0, 256, 256)
    data = raster_spec(layer).open_picture().read(window, 256)
    shown = in_worker(lambda: raster_spec(layer, as_displayed=True).open_picture().read(window, 256))
    assert np.array_equal(shown[0], data[0][..., ::-1]) and np.array_equal(shown[1], data[1])
    layer.brightnessFilter().setBrightness(100)
    brighter = raster_spec(layer, as_displayed=True).open_picture().read(window, 256)[0]
    assert brighter.mean() > shown[0].mean() + 50
    renderer.setOpacity(0.5)
    half = raster_spec(layer, as_displayed=True).open_picture().read(window, 256)[0]
    assert np.abs(half.astype(int) - brighter).max() <= 4


def test_holes_are_filled_alike_as_data_and_as_displayed(tmp_path: Path) -> None:
    layer = raster_layer(tmp_path)
    window = Window(272, 0, 128, 128)
    data, valid = raster_spec(layer).open_picture().read(window, 64)
    shown, seen = raster_spec(layer, as_displayed=True).open_picture().read(window, 64)
    assert not valid.all() and np.array_equal(valid, seen) and np.array_equal(data, shown)


@pytest.fixture()
def web_map(shared_data: Path, tmp_path: Path) -> QgsRasterLayer:
    """Drone tiles as a web map of one zoom level, from local files."""
    for path in (shared_data / "scenes" / "banepa_drone").glob("OAM*.tif"):
        _, column, row, zoom = path.stem.split("-")
        folder = tmp_path / zoom / column
        folder.mkdir(parents=True, exist_ok=True)
        gdal.Translate(
            str(folder / f"{row}.png"), str(path), format="PNG", width=256, height=256, bandList=[1, 2, 3])
    address = f"{tmp_path.as_uri()}/%7Bz%7D/%7Bx%7D/%7By%7D.png"
    layer = QgsRasterLayer(f"type=xyz&url={address}&zmin={ZOOM}&zmax={ZOOM}", "web map", "wms")
    assert layer.isValid()
    return layer


def test_web_maps_are_read_at_their_finest_zoom(web_map: QgsRasterLayer, tmp_path: Path) -> None:
    assert raster_problem(web_map) == ""
    spec = raster_spec(web_map)
    assert not spec.is_file and spec.copied is not None
    assert spec.copied.width == spec.copied.height == 256 * 2**ZOOM
    assert np.allclose(spec.copied.transform, (-WORLD, 2 * WORLD / 2 ** (ZOOM + 8), 0, WORLD, 0,
                                               -2 * WORLD / 2 ** (ZOOM + 8)))
    picture = in_worker(spec.open_picture)
    assert picture.stretch.low == (0, 0, 0) and picture.source.crs_wkt == "EPSG:3857"
    rgb, valid = in_worker(lambda: picture.read(Window(256 * COLUMN, 256 * ROW, 256, 256), 256))
    tile = gdal.Open(str(tmp_path / str(ZOOM) / str(COLUMN) / f"{ROW}.png")).ReadAsArray()
    assert valid.all() and np.array_equal(rgb, np.moveaxis(tile, 0, -1))
    enlarged, _ = in_worker(lambda: picture.read(Window(256 * COLUMN + 64, 256 * ROW + 64, 64, 64), 256))
    assert enlarged.shape == (256, 256, 3) and abs(enlarged.mean() - rgb[64:128, 64:128].mean()) < 2


def test_copies_of_providers_let_go_of_their_files(tmp_path: Path) -> None:
    layer = raster_layer(tmp_path)
    window = Window(0, 0, 50, 50)

    def open_files() -> int:
        for _ in range(12):
            raster_spec(layer, as_displayed=True).open().read(window, (50, 50), [1, 2, 3])
        gc.collect()
        return sum(1 for path in Path("/proc/self/fd").iterdir() if str(path.resolve()).endswith("scene.tif"))

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not list open files in /proc")
    assert open_files() == open_files() < 12


def test_web_maps_are_asked_for_pictures_no_finer_than_needed(web_map: QgsRasterLayer) -> None:
    spec = raster_spec(web_map)
    picture = spec.open_picture()
    asked: List[Tuple[int, int]] = []
    original = spec.copied.last.block

    class Counting:
        """Stands before the provider and notes the size of what is asked for."""

        def block(self, band: int, extent: Any, wide: int, high: int, feedback: Any) -> Any:
            asked.append((wide, high))
            return original(band, extent, wide, high, feedback)

    spec.copied.stages.append(Counting())  # type: ignore[arg-type]
    picture.read(Window(256 * COLUMN, 256 * ROW, 1024, 1024), 256)
    assert asked == [(256, 256)]


def test_a_cancelled_read_ends_the_work_not_one_polygon(web_map: QgsRasterLayer) -> None:
    feedback = QgsRasterBlockFeedback()
    source = raster_spec(web_map).open(feedback)
    feedback.cancel()
    with pytest.raises(CancelledError):
        source.read(Window(256 * COLUMN, 256 * ROW, 256, 256), (256, 256), [1, 2, 3])


def test_a_read_that_fails_says_so(tmp_path: Path) -> None:
    layer = raster_layer(tmp_path)
    spec = raster_spec(layer, as_displayed=True)

    class Broken:
        """A provider that cannot be reached."""

        def block(self, band: int, extent: Any, wide: int, high: int, feedback: QgsRasterBlockFeedback) -> Any:
            feedback.appendError("Connection refused")
            return original(band, extent, wide, high)

    original = spec.copied.last.block
    spec.copied.stages.append(Broken())  # type: ignore[arg-type]
    with pytest.raises(RasterError, match=r"scene could not be read \(Connection refused\); check"):
        spec.open().read(Window(0, 0, 10, 10), (10, 10), [1, 2, 3])


def test_virtual_rasters_are_read_through_qgis(tmp_path: Path) -> None:
    layer = raster_layer(tmp_path)
    parameters = QgsRasterDataProvider.VirtualRasterParameters()
    parameters.crs, parameters.extent = layer.crs(), layer.extent()
    parameters.width, parameters.height = layer.width(), layer.height()
    parameters.formula = '"scene@1" * 2'
    part = QgsRasterDataProvider.VirtualRasterInputLayers()
    part.name, part.uri, part.provider = "scene", layer.source(), "gdal"
    parameters.rInputLayers = [part]
    uri = QgsRasterDataProvider.encodeVirtualRasterProviderUri(parameters)
    virtual = QgsRasterLayer(uri, "doubled", "virtualraster")
    assert virtual.isValid() and raster_problem(virtual) == ""
    source = in_worker(raster_spec(virtual).open)
    window = Window(20, 150, 100, 100)
    values, valid = in_worker(lambda: source.read(window, (100, 100), [1]))
    expected = raster_spec(layer).open().read(window, (100, 100), [1])[0]
    assert valid.all() and np.array_equal(values, expected * 2.0)


def _problems(folder: Path) -> Dict[str, Optional[Any]]:
    complex_values = np.ones((1, 4, 4), np.complex64)
    write_raster(folder / "complex.tif", complex_values)
    return {
        "Choose a raster layer.": None,
        "is no raster layer": QgsVectorLayer("Polygon", "plots", "memory"),
        "cannot be opened; mend its data source": QgsRasterLayer(str(folder / "none.tif"), "none"),
        "holds complex numbers": QgsRasterLayer(str(folder / "complex.tif"), "radar"),
    }


def test_bands_that_qgis_does_not_know_are_refused_where_it_must_read_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As older ones do not know those of 64 bits; GDAL reads the plain file by itself."""
    layer = raster_layer(tmp_path)
    monkeypatch.setattr(provider_copy, "DTYPES", {})
    assert raster_problem(layer) == ""
    layer.dataProvider().setUserNoDataValue(1, [QgsRasterRange(7, 7)])
    assert raster_problem(layer) == (
        "scene holds numbers that this version of QGIS cannot read; convert it to 32 bits first.")


def test_layers_that_cannot_be_described_are_refused_in_one_sentence(tmp_path: Path) -> None:
    for words, layer in _problems(tmp_path).items():
        problem = raster_problem(layer)
        assert words in problem and problem.endswith(".") and problem.count(".") == 1
    assert raster_problem(raster_layer(tmp_path)) == ""
