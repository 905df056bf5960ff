"""Polygons to pixels, sizes on the ground and masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from geo_helpers import UTM_33, BlankRaster, banepa_mosaic
from osgeo import gdal, ogr

from core_model.errors import RegionError
from core_model.geo.coverage import coverage
from core_model.geo.gdal_calls import PointTransform
from core_model.geo.raster import GdalRaster, Picture, Window
from core_model.geo.regions import PlacedRegion, Placer, Region, Status, error_status
from core_model.geo.tiling import group_by_tile, tile_window
from core_model.geo.vector import open_layer
from core_model.geo.wkb import to_wkb

SIZE = 256
EVERY_STATUS = {str(status) for status in Status}


def _square(x: float, y: float, side: float) -> str:
    """A square of the pixel grid of UTM_33, upper left corner at column x and row y."""
    x0, y0 = UTM_33[0] + x, UTM_33[3] - y
    return f"POLYGON(({x0} {y0},{x0 + side} {y0},{x0 + side} {y0 - side},{x0} {y0 - side},{x0} {y0}))"


def _place(wkt: str, crs: str = "EPSG:32633", raster: BlankRaster | None = None) -> PlacedRegion:
    return Placer(raster or BlankRaster(), SIZE).place(Region.from_wkt(1, wkt, crs))


def _mask(placed: PlacedRegion) -> tuple[np.ndarray, float]:
    """The mask in the polygon's tile, and its area in raster pixels."""
    window = tile_window(placed.tile, SIZE)
    mask = Placer(BlankRaster(), SIZE).mask(placed, window, SIZE)
    return mask, float(mask.sum()) * (window.width / SIZE) ** 2


def test_square_is_placed_measured_and_masked() -> None:
    placed = _place(_square(100, 200, 50))
    assert placed.status == "ok" and placed.bounds == pytest.approx((100, 200, 150, 250))
    assert placed.area_m2 == pytest.approx(2500 / 0.9996**2, rel=1e-5)
    assert placed.perimeter_m == pytest.approx(200 / 0.9996, rel=1e-5)
    assert placed.gsd_m == pytest.approx(1 / 0.9996, rel=1e-5)
    assert placed.centroid_lonlat == pytest.approx((15.00184, 52.34827), abs=1e-4)
    mask, area = _mask(placed)
    assert area == pytest.approx(2500) and set(np.unique(mask)) == {0, 1}


def test_statuses_have_the_words_of_the_output() -> None:
    assert {"ok", "partly outside", "outside raster", "no valid pixels", "invalid geometry"} == EVERY_STATUS
    assert f"{Status.OUTSIDE}" == "outside raster"
    assert error_status("two\nlines") == "error: two lines"


@pytest.mark.parametrize(
    ("wkt", "status"),
    [
        (_square(-20, 10, 50), "partly outside"),
        (_square(-5000, -5000, 20000), "partly outside"),
        (_square(0, 0, 1000), "ok"),
        (_square(-0.001, 10, 50), "ok"),
        (_square(2000, 10, 50), "outside raster"),
        (_square(1000, 10, 50), "outside raster"),
        ("POLYGON((499900 5800010,500010 5800200,499900 5800200,499900 5800010))", "outside raster"),
        ("POLYGON EMPTY", "invalid geometry"),
        ("GEOMETRYCOLLECTION EMPTY", "invalid geometry"),
        ("POLYGON((500010 5799990,500010 5799990,500010 5799990,500010 5799990))", "invalid geometry"),
        ("POLYGON((500010 5799990,500020 5799990,500030 5799990,500010 5799990))", "invalid geometry"),
    ],
)
def test_every_polygon_ends_with_a_status(wkt: str, status: str) -> None:
    placed = _place(wkt)
    assert placed.status == status
    assert placed.can_be_described == (status in ("ok", "partly outside"))


NAN_POLYGON = to_wkb([[np.array([[500010, 5799990], [500020, 5799990], [500020, np.nan], [500010, 5799990]])]])


@pytest.mark.parametrize("wkb", [b"", b"nonsense", b"\x01\x03\x00\x00\x00\x05", NAN_POLYGON])
def test_missing_or_broken_geometry_is_invalid(wkb: bytes) -> None:
    assert Placer(BlankRaster(), SIZE).place(Region(1, wkb, "")).status == "invalid geometry"


def test_lines_and_points_are_refused_with_a_sentence() -> None:
    assert _place("POINT(500010 5799990)").status.startswith("error: a point cannot be described, only polygons")
    assert _place("LINESTRING(500010 5799990,500020 5799990)").status.startswith("error: a line cannot")
    assert _place("CIRCULARSTRING(0 0,1 1,2 0)").status.startswith("error: a line cannot")


def test_foreign_crs_and_places_off_the_map_are_errors_not_exceptions() -> None:
    assert _place(_square(1, 1, 5), "no such crs").status.startswith("error: the polygon's coordinate system")
    whole_world = "POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))"
    geos = BlankRaster("+proj=geos +lon_0=-75 +h=35786023 +sweep=x", (-5434895, 10870, 0, 5434895, 0, -10870))
    assert _place(whole_world, "EPSG:4326", geos).status.startswith("error: the polygon reaches")


def test_wkt_that_is_none_is_refused() -> None:
    with pytest.raises(RegionError, match="is not a WKT geometry"):
        Region.from_wkt(1, "POLIGON((0 0))")


def test_bow_tie_is_repaired() -> None:
    placed = _place("POLYGON((500000 5800000,500040 5799960,500040 5800000,500000 5799960,500000 5800000))")
    assert placed.status == "ok" and len(placed.rings) == 2
    assert placed.area_m2 == pytest.approx(800, rel=0.002)
    assert _mask(placed)[1] == pytest.approx(800, rel=1e-6)


def test_holes_parts_and_overlapping_parts_count_once() -> None:
    holed = "POLYGON((0 0,40 0,40 40,0 40,0 0),(10 10,30 10,30 30,10 30,10 10))"
    multi = "MULTIPOLYGON(((0 0,10 0,10 10,0 10,0 0)),((20 20,30 20,30 30,20 30,20 20)))"
    overlapping = "MULTIPOLYGON(((0 0,20 0,20 20,0 20,0 0)),((10 10,30 10,30 30,10 30,10 10)))"
    raster = BlankRaster("", (0, 1, 0, 0, 0, 1))
    for wkt, area in ((holed, 1200), (multi, 200), (overlapping, 700)):
        placed = _place(wkt, "", raster)
        assert placed.status == "ok" and _mask(placed)[1] == pytest.approx(area, rel=1e-6)
        assert np.isnan(placed.area_m2) and np.isnan(placed.gsd_m)


@pytest.mark.parametrize(
    ("wkt", "area"),
    [
        ("POLYGON Z((0 0 5,10 0 5,10 10 5,0 10 5,0 0 5))", 100),
        ("MULTIPOLYGON ZM(((0 0 5 1,10 0 5 1,10 10 5 1,0 10 5 1,0 0 5 1)))", 100),
        ("POLYHEDRALSURFACE Z(((0 0 0,10 0 0,10 10 0,0 10 0,0 0 0)))", 100),
        ("TIN Z(((0 0 0,10 0 0,0 10 0,0 0 0)))", 50),
        ("CURVEPOLYGON(CIRCULARSTRING(0 10,10 0,20 10,10 20,0 10))", 100 * np.pi),
        ("MULTISURFACE(CURVEPOLYGON(CIRCULARSTRING(0 10,10 0,20 10,10 20,0 10)))", 100 * np.pi),
        ("GEOMETRYCOLLECTION(POINT(3 3),POLYGON((0 0,10 0,10 10,0 10,0 0)))", 100),
        ("POLYGON((0 0,10 0,10 10,0 10))", 100),
    ],
)
def test_every_kind_of_polygon_is_read(wkt: str, area: float) -> None:
    placed = _place(wkt, "", BlankRaster("", (0, 1, 0, 0, 0, 1)))
    assert placed.status == "ok" and _mask(placed)[1] == pytest.approx(area, rel=0.001)


def test_raster_without_crs_is_taken_to_be_in_the_polygons() -> None:
    placed = _place(_square(100, 100, 50), "EPSG:32633", BlankRaster(""))
    assert placed.status == "ok" and placed.area_m2 == pytest.approx(2500 / 0.9996**2, rel=1e-5)
    assert _place(_square(100, 100, 50), "").area_m2 == placed.area_m2


def test_rotated_and_south_up_rasters() -> None:
    turned = BlankRaster("EPSG:32633", (500000, 0.6, 0.8, 5800000, 0.8, -0.6))
    south_up = BlankRaster("EPSG:32633", (500000, 1, 0, 5799000, 0, 1))
    for raster in (turned, south_up):
        placed = _place(_square(300, 50, 40), raster=raster)
        assert placed.status == "ok" and _mask(placed)[1] == pytest.approx(1600, rel=1e-5)
    assert _place(_square(300, 50, 40), raster=south_up).bounds == pytest.approx((300, 910, 340, 950))


def _strip(angle: float, length: float = 60, width: float = 20, hole: bool = False) -> str:
    """A box of UTM 33's metres about a place in the rasters, turned by ``angle`` degrees counterclockwise from east."""
    turn = np.exp(1j * np.radians(angle))
    rings = []
    for scale in (1, 0.5)[: 1 + hole]:
        square = ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
        corners = [complex(x * length, y * width) * scale / 2 * turn for x, y in square]
        rings.append("(" + ",".join(f"{500300 + one.real} {5799800 + one.imag}" for one in corners) + ")")
    return f"POLYGON({','.join(rings)})"


@pytest.mark.parametrize("angle, direction", [
    (0, "east to west"), (20, "east to west"), (45, "northeast to southwest"), (90, "north to south"),
    (135, "northwest to southeast"), (170, "east to west")])
def test_long_polygons_have_the_compass_direction_however_the_raster_is_turned(angle: float, direction: str) -> None:
    turned = BlankRaster("EPSG:32633", (500000, 0.6, 0.8, 5800000, 0.8, -0.6))
    south_up = BlankRaster("EPSG:32633", (500000, 1, 0, 5799000, 0, 1))
    degrees = BlankRaster("EPSG:4326", (14.99, 1e-5, 0, 52.36, 0, -1e-5), size=3000)
    for raster in (BlankRaster(), turned, south_up, degrees):
        for hole in (False, True):
            assert _place(_strip(angle, hole=hole), raster=raster).form.direction == direction


def test_what_is_not_twice_as_long_as_wide_has_no_direction() -> None:
    assert _place(_strip(30, 60, 31)).form.direction == "" and _place(_strip(30, 60, 29)).form.direction != ""
    assert _place(_square(100, 100, 50)).form.direction == ""
    line = f"POLYGON(({UTM_33[0] + 5} {UTM_33[3] - 5},{UTM_33[0] + 9} {UTM_33[3] - 9},{UTM_33[0] + 5} {UTM_33[3] - 5}))"
    assert _place(line).form.direction == ""


def test_without_any_crs_the_top_of_the_picture_is_north() -> None:
    up, down = "POLYGON((10 10,50 50,45 55,5 15,10 10))", "POLYGON((10 50,50 10,45 5,5 45,10 50))"
    for transform, rising in (((0, 1, 0, 0, 0, 1), down), ((0, 1, 0, 1000, 0, -1), up)):
        assert _place(rising, "", BlankRaster("", transform)).form.direction == "northeast to southwest"


def test_long_edges_follow_the_other_crs() -> None:
    """A parallel of latitude is a curve in a conic projection."""
    lambert = BlankRaster("EPSG:3034", (2500000, 1000, 0, 4500000, 0, -1000), size=4000)
    placed = _place("POLYGON((-5 50,25 50,25 51,-5 51,-5 50))", "EPSG:4326", lambert)
    many = (
        ",".join(f"{x} 50" for x in np.linspace(-5, 25, 2000)),
        ",".join(f"{x} 51" for x in np.linspace(25, -5, 2000)),
    )
    exact = _place(f"POLYGON(({many[0]},{many[1]},-5 50))", "EPSG:4326", lambert)
    assert placed.bounds == pytest.approx(exact.bounds, abs=0.2)
    assert placed.area_m2 == pytest.approx(exact.area_m2, rel=1e-3)


def test_area_is_that_on_the_ellipsoid() -> None:
    """One degree by one degree; values by Karney's geodesic series for the same graticule cells."""
    raster = BlankRaster("EPSG:4326", (-180, 0.36, 0, 90, 0, -0.18))
    equator = _place("POLYGON((10 0,11 0,11 1,10 1,10 0))", "EPSG:4326", raster)
    assert equator.area_m2 == pytest.approx(12308778361, rel=2e-4)
    assert equator.perimeter_m == pytest.approx(2 * 110574.39 + 111319.49 + 111302.65, rel=1e-4)
    north = _place("POLYGON((10 60,11 60,11 61,10 61,10 60))", "EPSG:4326", raster)
    assert north.area_m2 == pytest.approx(6122.98e6, rel=5e-3)


def test_whole_world_has_its_area() -> None:
    raster = BlankRaster("EPSG:4326", (-180, 0.36, 0, 90, 0, -0.18))
    ring = [(x, -89.999) for x in range(-179, 180, 2)] + [(x, 89.999) for x in range(179, -180, -2)]
    text = ",".join(f"{x} {y}" for x, y in [*ring, ring[0]])
    placed = _place(f"POLYGON(({text}))", "EPSG:4326", raster)
    assert placed.status == "ok" and placed.area_m2 == pytest.approx(510.0656e12 * 358 / 360, rel=0.01)


def test_date_line_is_no_border(shared_data: Path) -> None:
    across = "POLYGON((179.5 51.5,-179.8 51.5,-179.8 51.8,179.5 51.8,179.5 51.5))"
    split = (
        "MULTIPOLYGON(((179.5 51.5,180 51.5,180 51.8,179.5 51.8,179.5 51.5)),"
        "((-180 51.5,-179.8 51.5,-179.8 51.8,-180 51.8,-180 51.5)))"
    )
    beyond = "POLYGON((179.5 51.5,180.2 51.5,180.2 51.8,179.5 51.8,179.5 51.5))"
    degrees = BlankRaster("EPSG:4326", (175, 0.01, 0, 55, 0, -0.01))
    with GdalRaster(shared_data / "scenes" / "awkward" / "cog_dateline.tif") as utm:
        for raster in (utm, degrees):
            placed = [_place(wkt, "EPSG:4326", raster) for wkt in (across, split, beyond)]
            assert [region.status for region in placed] == ["ok"] * 3
            assert placed[0].bounds == pytest.approx(placed[2].bounds, abs=0.5)
            assert placed[1].bounds == pytest.approx(placed[2].bounds, abs=0.5)
            assert placed[0].area_m2 == pytest.approx(1617e6, rel=0.01)


@pytest.mark.parametrize("side", [0.0001, 0.01, 0.3, 1.0, 2.5, 7.3])
def test_tiny_polygons_have_a_mask(side: float) -> None:
    placed = _place(_square(500.3, 500.4, side))
    mask, area = _mask(placed)
    assert placed.status == "ok" and mask.sum() > 0
    if side >= 0.3:
        assert area == pytest.approx(side * side, rel=1e-4)
    assert placed.area_m2 == pytest.approx(side * side / 0.9996**2, rel=1e-3)


def test_coverage_is_exact_for_a_triangle_and_a_disc() -> None:
    triangle = coverage([np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [0.0, 0.0]])], 4)
    assert np.allclose(triangle, np.fliplr(np.triu(np.ones((4, 4)), 1)) + 0.5 * np.fliplr(np.eye(4)))
    angle = np.linspace(0, 2 * np.pi, 721)
    disc = np.column_stack([20.3 + 9 * np.cos(angle), 18.7 + 9 * np.sin(angle)])
    mask = coverage([disc], 40)
    assert mask.sum() == pytest.approx(81 * np.pi, rel=1e-4)
    rows, columns = np.mgrid[0:40, 0:40] + 0.5
    assert (mask * columns).sum() / mask.sum() == pytest.approx(20.3, abs=1e-3)
    assert (mask * rows).sum() / mask.sum() == pytest.approx(18.7, abs=1e-3)


def test_coverage_agrees_with_fine_sampling_for_random_polygons_across_the_edge() -> None:
    generator = np.random.default_rng(3)
    for _ in range(20):
        angle = np.sort(generator.uniform(0, 2 * np.pi, 9))
        reach = generator.uniform(4, 30, 9)
        ring = generator.uniform(-5, 37, 2) + np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])
        ring = np.concatenate([ring, ring[:1]])
        mask = coverage([ring], 32)
        memory = gdal.GetDriverByName("MEM").Create("", 512, 512, 1, gdal.GDT_Byte)
        memory.SetGeoTransform((0, 1 / 16, 0, 0, 0, 1 / 16))
        shapes = ogr.GetDriverByName("Memory").CreateDataSource("")
        layer = shapes.CreateLayer("one")
        feature = ogr.Feature(layer.GetLayerDefn())
        text = ",".join(f"{x} {y}" for x, y in ring)
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POLYGON(({text}))"))
        layer.CreateFeature(feature)
        gdal.RasterizeLayer(memory, [1], layer, burn_values=[1])
        sampled = memory.ReadAsArray().reshape(32, 16, 32, 16).mean(axis=(1, 3))
        assert np.abs(mask - sampled).max() < 0.1 and abs(mask.sum() - sampled.sum()) < 1


def test_mask_of_a_part_outside_the_window_is_cut() -> None:
    placed = _place(_square(100, 100, 100))
    mask = Placer(BlankRaster(), SIZE).mask(placed, Window(150, 150, 100, 100), 50)
    assert mask[:25, :25].min() == 1 and mask.sum() == pytest.approx(625)
    assert not Placer(BlankRaster(), SIZE).mask(placed, Window(500, 500, 64, 64), 64).any()


def test_polygon_over_nodata_has_no_valid_pixels(shared_data: Path) -> None:
    with GdalRaster(shared_data / "scenes" / "awkward" / "all-nodata.tif") as raster:
        placer = Placer(raster, 64)
        placed = placer.place(Region.from_wkt(1, "POLYGON((10 -10,40 -10,40 -40,10 -40,10 -10))"))
        assert placed.status == "outside raster"
        x, y = raster.transform[0] + 60, raster.transform[3] - 600
        wkt = f"POLYGON(({x} {y},{x + 90} {y},{x + 90} {y - 90},{x} {y}))"
        placed = placer.place(Region.from_wkt(1, wkt))
        window = tile_window(placed.tile, 64)
        _, valid = Picture(raster).read(window, 64)
        assert placed.status == "ok"
        assert placed.seen_status(placer.mask(placed, window, 64), valid) == "no valid pixels"
        assert placed.seen_status(placer.mask(placed, window, 64), ~valid) == "ok"


def test_drone_areas_in_two_crss_are_the_same_place(shared_data: Path) -> None:
    folder = shared_data / "scenes" / "fotomap_drone"
    with GdalRaster(folder / "dummy_fotomap_small.tif") as raster:
        placer = Placer(raster, SIZE)
        layers = [open_layer(folder / f"dummy_fotomap_area{end}.gpkg") for end in ("", "_3857")]
        one, two = (placer.place(next(iter(layer)).region) for layer in layers)
    assert one.status == two.status == "ok" and one.tile == two.tile
    assert one.bounds == pytest.approx(two.bounds, abs=0.01)
    assert one.area_m2 == pytest.approx(two.area_m2, rel=1e-6) == pytest.approx(195.853, abs=0.01)


@pytest.mark.parametrize("scene", ["atlanta", "banepa"])
def test_buildings_are_placed_and_masked_to_their_area(shared_data: Path, tmp_path: Path, scene: str) -> None:
    scenes = shared_data / "scenes"
    if scene == "atlanta":
        path, layer = (
            scenes / "atlanta_pan16" / "sample_geotiff.tif",
            scenes / "atlanta_pan16" / "geotiff_labels.geojson",
        )
        count, tiles = 43, 43
    else:
        path, layer = banepa_mosaic(shared_data, tmp_path), next((scenes / "banepa_drone").glob("*.geojson"))
        count, tiles = 1466, 1200
    with GdalRaster(path) as raster:
        placer = Placer(raster, SIZE)
        placed = [placer.place(feature.region) for feature in open_layer(layer)]
        assert len(placed) == count
        assert {region.status for region in placed} <= {"ok", "partly outside"}
        groups = group_by_tile(placed, lambda region: region.tile)
        assert 1 < len(groups) < tiles
        for tile, regions in groups:
            window = tile_window(tile, SIZE)
            for region in regions:
                ground = placer.mask(region, window, SIZE).sum() * (window.width / SIZE * region.gsd_m) ** 2
                if region.status == "ok":
                    assert ground == pytest.approx(region.area_m2, rel=1e-4)


def test_placing_prints_nothing_and_leaves_the_error_style_alone(capfd: pytest.CaptureFixture[str]) -> None:
    texts = ["POLYGON((0 0,1 1,1 0,0 1,0 0))", "POINT(1 1)", "POLYGON((0 95,1 95,1 99,0 95))"]
    styles = gdal.GetUseExceptions(), ogr.GetUseExceptions()
    for wkt in texts:
        _place(wkt, "EPSG:4326")
    assert (gdal.GetUseExceptions(), ogr.GetUseExceptions()) == styles
    captured = capfd.readouterr()
    assert captured.err == captured.out == ""


@pytest.mark.parametrize("exceptions", [False, True])
def test_bad_polygons_never_raise_in_either_error_style(exceptions: bool) -> None:
    texts = [_square(1, 1, 9), "POLYGON((0 0,1 1,1 0,0 1,0 0))", "POINT(1 1)", "POLYGON((0 95,1 95,1 99,0 95))"]
    regions = [Region.from_wkt(wkt, wkt, "EPSG:4326") for wkt in texts] + [Region("none", b"", "junk")]
    (ogr.UseExceptions if exceptions else ogr.DontUseExceptions)()
    try:
        placer = Placer(BlankRaster(), SIZE)
        for region in regions:
            status = placer.place(region).status
            assert status in EVERY_STATUS or status.startswith("error: ")
    finally:
        ogr.DontUseExceptions()


@pytest.mark.parametrize("crs", ["EPSG:32760", "EPSG:3832"])
def test_polygons_in_metres_lie_across_the_date_line_of_a_raster_in_degrees(crs: str) -> None:
    corners = np.array([[179.9, -17.0], [180.1, -17.0], [180.1, -17.1], [179.9, -17.1], [179.9, -17.0]])
    hole = np.array([[180.04, -17.04], [180.06, -17.04], [180.06, -17.06], [180.04, -17.06], [180.04, -17.04]])
    to_own = PointTransform("EPSG:4326", crs)
    rings = [to_own(ring) for ring in (corners, hole)]
    raster = BlankRaster("EPSG:4326", (179, 0.001, 0, -16, 0, -0.001), 2000)
    placed = Placer(raster, SIZE).place(Region(1, to_wkb([rings]), crs))
    assert placed.status == "ok" and placed.bounds == pytest.approx((900, 1000, 1100, 1100), abs=1)
    assert placed.area_m2 == pytest.approx(235.6e6 * (1 - 0.02), rel=0.01)


def test_islands_beside_the_date_line_have_the_sum_of_their_areas() -> None:
    """Their middle lies on the far side of the globe, where nothing can be measured."""
    def box(west: float, east: float) -> str:
        return f"(({west} 0,{east} 0,{east} 0.1,{west} 0.1,{west} 0))"

    raster = BlankRaster("EPSG:4326", (-180, 0.1, 0, 90, 0, -0.1), 3600)
    texts = [f"MULTIPOLYGON({box(179.9, 180)},{box(-180, -179.9)})", f"POLYGON{box(179.9, 180)}"]
    both, one = (Placer(raster, SIZE).place(Region.from_wkt(1, text, "EPSG:4326")) for text in texts)
    assert one.area_m2 == pytest.approx(1.23e8, rel=0.01) and both.area_m2 == pytest.approx(2 * one.area_m2, rel=1e-6)


def test_a_polygon_round_a_pole_is_no_sliver_of_a_raster_in_degrees() -> None:
    angles = np.radians(np.arange(0, 361, 10))
    ring = np.column_stack([np.cos(angles), np.sin(angles)]) * 1e6
    raster = BlankRaster("EPSG:4326", (-180, 0.1, 0, 90, 0, -0.1), 3600)
    placed = Placer(raster, SIZE).place(Region(1, to_wkb([[ring]]), "EPSG:3995"))
    assert placed.status.startswith("error: the polygon reaches places") and not placed.can_be_described
    for wide in ("-180 80,-90 80,0 80,90 80,180 80,180 90,-180 90,-180 80", "0 -60,180 -60,180 60,0 60,0 -60"):
        assert Placer(raster, SIZE).place(Region.from_wkt(1, f"POLYGON(({wide}))", "EPSG:4326")).status == "ok"
