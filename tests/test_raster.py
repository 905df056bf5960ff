"""Reading rasters and showing them as 8-bit pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from geo_helpers import banepa_mosaic, write_raster
from osgeo import gdal

from core_model.errors import RasterError
from core_model.geo.raster import GdalRaster, Picture, Window, ground_sample_distance

RGB = (gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand)
READABLE_AWKWARD = {
    "RGB.byte.tif": 300.0,
    "RGBA.uint16.tif": 1.38,
    "all-nodata.tif": 3.0,
    "cog.tif": 100.0,
    "cog_cmap.tif": 0.916,
    "cog_dateline.tif": 100.0,
    "cog_gcps.tif": 200.0,
    "cog_nodata_nan.tif": 200.0,
    "cog_rgb_mask.tif": 0.15,
    "cog_scale.tif": 428.9,
    "float_nan.tif": None,
    "goes.tif": 20055.0,
    "no_geo.jpg": None,
    "rotated.tif": None,
    "shade.tif": 7.36,
}


def _noise(*shape: int, high: int = 256, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(0).integers(0, high, shape).astype(dtype)


def _whole(raster: GdalRaster) -> Window:
    longer = max(raster.width, raster.height)
    return Window(0, 0, longer, longer)


@pytest.mark.parametrize("name", sorted(READABLE_AWKWARD))
def test_awkward_rasters_are_shown(shared_data: Path, name: str) -> None:
    with GdalRaster(shared_data / "scenes" / "awkward" / name) as raster:
        rgb, valid = Picture(raster).read(_whole(raster), 64)
        gsd = ground_sample_distance(raster, raster.width / 2, raster.height / 2)
    assert rgb.shape == (64, 64, 3) and rgb.dtype == np.uint8
    assert valid.shape == (64, 64) and valid.dtype == bool
    assert valid.any() == (name != "all-nodata.tif")
    if READABLE_AWKWARD[name] is None:
        assert np.isnan(gsd)
    else:
        assert gsd == pytest.approx(READABLE_AWKWARD[name], rel=0.02)


def test_corrupt_raster_gets_one_sentence(shared_data: Path) -> None:
    with pytest.raises(RasterError, match="corrupt.tif could not be read; the file seems damaged"):
        Picture(GdalRaster(shared_data / "scenes" / "awkward" / "corrupt.tif"))


@pytest.mark.parametrize("host_uses_exceptions", [False, True])
def test_missing_and_foreign_files_get_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], host_uses_exceptions: bool
) -> None:
    (tmp_path / "notes.txt").write_text("no raster")
    (gdal.UseExceptions if host_uses_exceptions else gdal.DontUseExceptions)()
    try:
        for name in ("absent.tif", "notes.txt"):
            with pytest.raises(RasterError, match="cannot be opened as a raster"):
                GdalRaster(tmp_path / name)
        assert bool(gdal.GetUseExceptions()) == host_uses_exceptions
    finally:
        gdal.DontUseExceptions()
    assert capfd.readouterr().err == ""


def test_complex_raster_is_refused(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "sar.tif", np.ones((1, 4, 4), dtype=np.complex64))
    with pytest.raises(RasterError, match="complex numbers"):
        GdalRaster(path)


def test_degenerate_geotransform_is_refused(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "flat.tif", _noise(1, 4, 4), transform=(0, 1, 1, 0, 1, 1))
    with pytest.raises(RasterError, match="geotransform"):
        GdalRaster(path)


def test_near_infrared_marked_alpha_masks_nothing(shared_data: Path) -> None:
    for path in sorted((shared_data / "scenes" / "naip").glob("*.tif")):
        with GdalRaster(path) as raster:
            assert [band.colour for band in raster.bands] == ["red", "green", "blue", "undefined"]
            picture = Picture(raster)
            rgb, valid = picture.read(Window(0, 0, 256, 256), 256)
            original = gdal.Open(str(path)).ReadAsArray()
            assert valid.all() and picture.bands == (1, 2, 3)
            assert np.array_equal(np.moveaxis(rgb, -1, 0), original[:3])


def test_dark_near_infrared_over_water_masks_nothing(tmp_path: Path) -> None:
    values = _noise(4, 64, 64, high=200)
    values[3, :60] = 0
    path = write_raster(tmp_path / "lake.tif", values, colours=(*RGB, gdal.GCI_AlphaBand))
    with GdalRaster(path) as raster:
        assert Picture(raster).read(Window(0, 0, 64, 64), 16)[1].all()


def test_real_alpha_masks(tmp_path: Path) -> None:
    values = _noise(4, 64, 64)
    values[3] = 255
    values[3, :, :32] = 0
    path = write_raster(tmp_path / "ortho.tif", values, colours=(*RGB, gdal.GCI_AlphaBand))
    with GdalRaster(path) as raster:
        rgb, valid = Picture(raster).read(Window(0, 0, 64, 64), 64)
    assert not valid[:, :32].any() and valid[:, 32:].all()
    assert (rgb[:, :32] == rgb[0, 0]).all()
    assert np.allclose(rgb[0, 0], rgb[:, 32:].reshape(-1, 3).mean(axis=0), atol=1)


def test_drone_alpha_and_fotomap_are_shown_as_they_are(shared_data: Path) -> None:
    with GdalRaster(shared_data / "scenes" / "fotomap_drone" / "dummy_fotomap_small.tif") as raster:
        rgb, valid = Picture(raster).read(Window(100, 200, 256, 256), 256)
        assert raster.bands[3].colour == "alpha" and valid.all()
        values, _ = raster.read(Window(100, 200, 256, 256), (256, 256), (1, 2, 3))
        assert np.array_equal(np.moveaxis(rgb, -1, 0), values)
        assert ground_sample_distance(raster, 600, 400) == pytest.approx(0.02, rel=0.01)


def test_sixteen_bit_pan_is_stretched_alike_in_every_window(shared_data: Path) -> None:
    with GdalRaster(shared_data / "scenes" / "atlanta_pan16" / "sample_geotiff.tif") as raster:
        picture = Picture(raster)
        whole, valid = picture.read(Window(0, 0, 900, 900), 900)
        part, _ = picture.read(Window(300, 300, 128, 128), 128)
    assert valid.all() and np.array_equal(part, whole[300:428, 300:428])
    assert (whole[..., 0] == whole[..., 2]).all()
    assert (whole == 0).mean() == pytest.approx(0.02, abs=0.01)
    assert (whole == 255).mean() == pytest.approx(0.02, abs=0.01)


def test_banepa_mosaic_is_read_across_its_tiles(shared_data: Path, tmp_path: Path) -> None:
    with GdalRaster(banepa_mosaic(shared_data, tmp_path)) as raster:
        assert (raster.width, raster.height) == pytest.approx((3072, 4096), abs=2)
        rgb, valid = Picture(raster).read(Window(384, 384, 256, 256), 256)
        gsd = ground_sample_distance(raster, 1500, 2000)
    assert valid.all() and rgb.std() > 10
    assert gsd == pytest.approx(0.132, abs=0.003)


def test_a_palette_with_an_alpha_band_is_shown_in_its_colours(tmp_path: Path) -> None:
    """As gdalwarp -dstalpha makes it of a map or a picture of few colours."""
    values = np.zeros((2, 8, 8), np.uint8)
    values[0, :, 4:], values[1, 2:] = 1, 255
    dataset = gdal.GetDriverByName("GTiff").Create(str(tmp_path / "map.tif"), 8, 8, 2)
    table = gdal.ColorTable()
    table.SetColorEntry(0, (10, 20, 30, 255))
    table.SetColorEntry(1, (200, 100, 50, 255))
    dataset.GetRasterBand(1).SetRasterColorTable(table)
    dataset.GetRasterBand(2).SetColorInterpretation(gdal.GCI_AlphaBand)
    dataset.WriteArray(values)
    del dataset
    with GdalRaster(tmp_path / "map.tif") as raster:
        assert [info.colour for info in raster.bands] == ["red", "green", "blue"]
        found, valid = raster.read(Window(0, 0, 8, 8), (8, 8), [1, 2, 3])
    assert found[:, 4, 0].tolist() == [10, 20, 30] and found[:, 4, 7].tolist() == [200, 100, 50]
    assert not valid[:2].any() and valid[2:].all()


def test_palette_is_shown_in_its_colours(shared_data: Path) -> None:
    with GdalRaster(shared_data / "scenes" / "awkward" / "cog_cmap.tif") as raster:
        rgb, valid = Picture(raster).read(Window(3000, 4000, 256, 256), 256)
    dataset = gdal.Open(raster.path)
    indices, table = dataset.ReadAsArray(3000, 4000, 256, 256), dataset.GetRasterBand(1).GetColorTable()
    assert np.array_equal(valid, indices != 0)
    for index in np.unique(indices[valid]):
        assert (rgb[indices == index] == table.GetColorEntry(int(index))[:3]).all()


def test_bands_go_by_colour_then_by_order_then_by_wish(tmp_path: Path) -> None:
    values = _noise(4, 16, 16)
    plain = GdalRaster(write_raster(tmp_path / "plain.tif", values, options=["PHOTOMETRIC=MINISBLACK", "ALPHA=NO"]))
    swapped = GdalRaster(write_raster(tmp_path / "bgr.tif", values[:3], colours=RGB[::-1]))
    assert Picture(plain).bands == (1, 2, 3)
    assert Picture(plain, [4, 1, 2]).bands == (4, 1, 2)
    assert Picture(plain, [4]).bands == (4,)
    assert Picture(swapped).bands == (3, 2, 1)
    grey = GdalRaster(write_raster(tmp_path / "two.tif", values[:2]))
    assert Picture(grey).bands == (1,)


def test_wrong_bands_get_one_sentence(tmp_path: Path) -> None:
    raster = GdalRaster(write_raster(tmp_path / "rgb.tif", _noise(3, 8, 8)))
    with pytest.raises(RasterError, match="bands 1 to 3"):
        Picture(raster, [1, 2, 7])
    with pytest.raises(RasterError, match="one .* or three"):
        Picture(raster, [1, 2])


def test_dull_eight_bit_colours_are_stretched_with_one_low_and_high(tmp_path: Path) -> None:
    values = _noise(3, 64, 64, high=40) + np.array([50, 55, 60], dtype=np.uint8)[:, None, None]
    with GdalRaster(write_raster(tmp_path / "dull.tif", values, colours=RGB)) as raster:
        stretch = Picture(raster).stretch
    assert len(set(stretch.low)) == len(set(stretch.high)) == 1
    assert stretch.high[0] - stretch.low[0] < 60


def test_reflectances_keep_their_colours(tmp_path: Path) -> None:
    """Forest in uint16 is shown green; bands stretched one by one would be as bright as each other."""
    low = np.array([300, 500, 200], dtype=np.uint16)[:, None, None]
    values = low + _noise(3, 64, 64, high=600, dtype="uint16")
    with GdalRaster(write_raster(tmp_path / "forest.tif", values, colours=RGB)) as raster:
        picture = Picture(raster)
        red, green, blue = picture.read(Window(0, 0, 64, 64), 64)[0].mean(axis=(0, 1))
    assert len(set(picture.stretch.low)) == len(set(picture.stretch.high)) == 1
    assert green > red + 40 and red > blue + 15


def test_bands_of_different_scales_are_stretched_one_by_one(tmp_path: Path) -> None:
    values = _noise(3, 64, 64, high=1000, dtype="uint16") * np.array([1, 1, 20], dtype=np.uint16)[:, None, None]
    with GdalRaster(write_raster(tmp_path / "scales.tif", values, colours=RGB)) as raster:
        stretch = Picture(raster).stretch
    assert stretch.high[0] < 1000 and stretch.high[2] > 19_000


@pytest.mark.parametrize(("dtype", "value", "shown"), [("uint8", 77, 77), ("uint16", 9000, 128), ("float32", 0, 128)])
def test_constant_rasters_are_shown_flat(tmp_path: Path, dtype: str, value: float, shown: int) -> None:
    path = write_raster(tmp_path / "flat.tif", np.full((3, 8, 8), value, dtype=dtype), colours=RGB)
    with GdalRaster(path) as raster:
        rgb, valid = Picture(raster).read(Window(0, 0, 8, 8), 8)
    assert valid.all() and np.abs(rgb.astype(int) - shown).max() <= 1


def test_undeclared_zero_collar_does_not_spoil_a_wide_stretch(tmp_path: Path) -> None:
    values = _noise(1, 64, 64, high=100, dtype="uint16") + np.uint16(5000)
    values[0, :, :30] = 0
    with GdalRaster(write_raster(tmp_path / "collar.tif", values)) as raster:
        assert Picture(raster).stretch.low[0] >= 5000


def test_nodata_means_all_bands_and_nan_means_any(tmp_path: Path) -> None:
    values = _noise(3, 8, 8) | np.uint8(1)
    values[:, 0, 0] = 0
    values[0, 1, 1] = 0
    with GdalRaster(write_raster(tmp_path / "dark.tif", values, nodata=0, colours=RGB)) as raster:
        _, valid = raster.read(Window(0, 0, 8, 8), (8, 8), (1, 2, 3))
    assert not valid[0, 0] and valid.sum() == 63
    floats = np.random.default_rng(0).random((3, 8, 8)).astype(np.float32)
    floats[1, 2, 3] = np.nan
    with GdalRaster(write_raster(tmp_path / "float.tif", floats)) as raster:
        _, valid = Picture(raster).read(Window(0, 0, 8, 8), 8)
    assert not valid[2, 3] and valid.sum() == 63


def test_a_colour_that_means_no_data_in_all_bands_together_does(tmp_path: Path) -> None:
    """As GDAL's RFC 15 has it: no band says so by itself."""
    values = _noise(3, 8, 8) | np.uint8(1)
    values[:, 0, :4] = 0
    values[0, 1, 1] = 0
    path = write_raster(tmp_path / "colour.tif", values, colours=RGB)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.SetMetadataItem("NODATA_VALUES", "0 0 0")
    dataset = None
    with GdalRaster(path) as raster:
        _, valid = Picture(raster).read(Window(0, 0, 8, 8), 8)
    assert not valid[0, :4].any() and valid.sum() == 60
    clear = np.concatenate([values, np.full((1, 8, 8), 255, np.uint8)])
    clear[3, 7] = 0
    path = write_raster(tmp_path / "both.tif", clear, colours=[*RGB, gdal.GCI_AlphaBand])
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.SetMetadataItem("NODATA_VALUES", "0 0 0 0")
    dataset = None
    with GdalRaster(path) as raster:
        _, valid = Picture(raster).read(Window(0, 0, 8, 8), 8)
    assert not valid[7].any() and valid[1:7].all()


def test_window_beyond_the_edge_is_padded_and_marked(tmp_path: Path) -> None:
    values = _noise(3, 100, 100)
    with GdalRaster(write_raster(tmp_path / "edge.tif", values, colours=RGB)) as raster:
        picture = Picture(raster)
        rgb, valid = picture.read(Window(60, -24, 64, 64), 64)
        assert valid[24:, :40].all() and valid.sum() == 40 * 40
        assert np.array_equal(np.moveaxis(rgb[24:, :40], -1, 0), values[:, :40, 60:])
        _, outside = picture.read(Window(200, 200, 64, 64), 32)
        assert not outside.any()


def test_reduction_is_the_mean_and_leaves_invalid_pixels_out(tmp_path: Path) -> None:
    values = _noise(1, 64, 64) | np.uint8(1)
    values[0, :32, :32] = 0
    with GdalRaster(write_raster(tmp_path / "mean.tif", values, nodata=0)) as raster:
        rgb, valid = Picture(raster).read(Window(0, 0, 64, 64), 16)
    means = values[0].reshape(16, 4, 16, 4).mean(axis=(1, 3))
    assert not valid[:8, :8].any() and valid.sum() == 192
    assert np.abs(rgb[valid][:, 0] - means[valid]).max() <= 0.51


def test_enlargement_keeps_place_and_valid_edge(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (60, 1))[None]
    with GdalRaster(write_raster(tmp_path / "ramp.tif", ramp)) as raster:
        rgb, valid = Picture(raster).read(Window(-4, 8, 16, 16), 128)
    assert not valid[:, :32].any() and valid[:, 32:].all()
    expected = ((np.arange(128) + 0.5) / 8 - 4 - 0.5) * 4
    assert np.abs(rgb[5, 40:, 0] - expected[40:]).max() <= 1


def test_huge_raster_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.tif"
    options = ["SPARSE_OK=TRUE", "TILED=YES", "COMPRESS=DEFLATE", "BIGTIFF=YES"]
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), 200000, 200000, 3, gdal.GDT_Byte, options)
    dataset.GetRasterBand(1).WriteArray(np.full((256, 256), 200, dtype=np.uint8), 100000, 100000)
    dataset.FlushCache()
    del dataset
    with GdalRaster(path) as raster:
        rgb, valid = Picture(raster).read(Window(100000, 100000, 1024, 1024), 256)
        assert valid.all() and (rgb[:64, :64, 0] == 200).all() and not rgb[64:].any()
        values, _ = raster.read(Window(0, 0, 200000, 200000), (16, 16), (1,))
        assert values.nbytes == 256


@pytest.mark.parametrize(
    ("crs", "transform", "metres"),
    [
        ("EPSG:4326", (10.0, 1e-6, 0, 60.0, 0, -1e-6), 1e-6 * np.sqrt(55802 * 111412)),
        ("EPSG:2263", (980000, 0.5, 0, 200000, 0, -0.5), 0.5 * 0.3048),
        ("EPSG:32633", (500000, 0.6, 0.8, 5800000, 0.8, -0.6), 1.0),
        ("EPSG:3857", (0, 2.0, 0, 8399737.9, 0, -2.0), 1.0),
    ],
)
def test_ground_sample_distance_in_degrees_feet_and_rotation(
    tmp_path: Path, crs: str, transform: tuple[float, ...], metres: float
) -> None:
    with GdalRaster(write_raster(tmp_path / "place.tif", _noise(1, 8, 8), transform, crs)) as raster:
        assert ground_sample_distance(raster, 4, 4) == pytest.approx(metres, rel=0.005)


def test_control_points_on_a_plane_become_a_geotransform(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "gcps.tif", _noise(3, 100, 200), transform=None, crs="", colours=RGB)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    corners = [(0, 0), (200, 0), (0, 100), (200, 100)]
    points = [gdal.GCP(500000 + 2 * column, 5800000 - 2 * row, 0, column, row) for column, row in corners]
    wkt = GdalRaster(write_raster(tmp_path / "crs.tif", _noise(1, 4, 4))).crs_wkt
    dataset.SetGCPs(points, wkt)
    del dataset
    with GdalRaster(path) as raster:
        assert raster.transform == pytest.approx((500000, 2, 0, 5800000, 0, -2))
        assert Picture(raster).read(Window(0, 0, 100, 100), 100)[1].all()
        assert ground_sample_distance(raster, 50, 50) == pytest.approx(2, rel=0.001)


def test_closed_raster_says_so(tmp_path: Path) -> None:
    raster = GdalRaster(write_raster(tmp_path / "rgb.tif", _noise(3, 8, 8)))
    raster.close()
    with pytest.raises(RasterError, match="closed"):
        raster.read(Window(0, 0, 8, 8), (8, 8), (1,))
