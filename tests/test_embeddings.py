"""Vectors of regions, and maps of how alike a raster's places are to one of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from osgeo import gdal

from core_model.checkpoint import LoadedModel, load_model
from core_model.embeddings import CELL, Embedder, Embedding, SimilarityMap, cell_features, cosine
from core_model.errors import RegionError
from core_model.geo.raster import GdalRaster, Picture
from core_model.geo.regions import Placer, Region
from core_model.geo.source import Window
from core_model.geo.tiling import tile_window
from tests.geo_helpers import UTM_33, write_raster
from tests.tiny import loaded_tiny

CRS = "EPSG:32633"
SIDE = 200


def box(number: int, x: float, y: float, width: float, height: float) -> Region:
    """A rectangle from its upper left corner in pixels (metres) of the test rasters."""
    west, north = UTM_33[0] + x, UTM_33[3] - y
    wkt = f"POLYGON(({west} {north},{west + width} {north},{west + width} {north - height},{west} {north - height}," \
          f"{west} {north}))"
    return Region.from_wkt(number, wkt, CRS)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise, 200 × 200 m, whose right upper corner is nodata."""
    values = np.random.default_rng(0).integers(1, 250, (3, SIDE, SIDE)).astype(np.uint8)
    values[:, :60, 150:] = 0
    return write_raster(tmp_path_factory.mktemp("scene") / "scene.tif", values, nodata=0)


@pytest.fixture(scope="module")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Green forest left, a blue lake in the middle, bright noisy roofs right: 600 × 300 m."""
    rng = np.random.default_rng(1)
    values = np.zeros((3, 300, 600))
    for band, colours in enumerate(((30, 20, 200), (80, 60, 190), (35, 130, 180))):
        for part, (colour, noise) in enumerate(zip(colours, (14, 2, 50))):
            values[band, :, part * 200 : part * 200 + 200] = colour + rng.normal(0, noise, (300, 200))
    return write_raster(tmp_path_factory.mktemp("stripes") / "stripes.tif", np.clip(values, 1, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(loaded_tiny(), batch_size=3)


@pytest.fixture(scope="module")
def nano() -> LoadedModel:
    return load_model("nano", device="cpu")


REGIONS = [box(0, 20, 20, 25, 20), box(1, 64, 32, 12, 16), box(2, 120, 100, 60, 64), box(3, 3, 150, 9, 7)]


def _by_hand(loaded: LoadedModel, scene: Path, region: Region) -> np.ndarray:
    """The mask token, from the extractor's own output for the region's tile."""
    with GdalRaster(scene) as source, torch.inference_mode():
        size = loaded.model.config.encoder.image_size
        placer = Placer(source, size)
        placed = placer.place(region)
        assert placed.tile is not None
        window = tile_window(placed.tile, size)
        rgb, valid = Picture(source).read(window, size)
        masks = torch.from_numpy(placer.mask(placed, window, size) * valid)[None].float()
        pyramid = loaded.model.encode(torch.from_numpy(rgb[None])).pyramid
        tokens = loaded.model.region_tokens(pyramid, masks, torch.tensor([0]))
        return np.asarray(tokens[0, : loaded.model.config.extractor.mask_tokens].flatten())


def test_the_vector_is_the_extractors_mask_token(embedder: Embedder, nano: LoadedModel, scene: Path) -> None:
    for loaded, made in ((loaded_tiny(), embedder), (nano, Embedder(nano))):
        found = {each.id: each.vector for each in made.embed(scene, REGIONS, unit=False)}
        assert len(found) == len(REGIONS)
        for region in REGIONS:
            vector = found[region.id]
            assert vector is not None and vector.dtype == np.float32 and vector.shape == (made.length,)
            assert np.allclose(vector, _by_hand(loaded, scene, region), rtol=1e-3, atol=1e-4 * np.abs(vector).max())


def test_unit_vectors_have_length_one_and_the_same_direction(embedder: Embedder, scene: Path) -> None:
    plain = {each.id: each.vector for each in embedder.embed(scene, REGIONS, unit=False) if each.vector is not None}
    for each in embedder.embed(scene, REGIONS):
        assert each.vector is not None and np.linalg.norm(each.vector) == pytest.approx(1, abs=1e-5)
        assert cosine(each.vector, plain[each.id]) == pytest.approx(1, abs=1e-5)


def test_a_region_that_cannot_be_seen_has_a_status_and_no_vector(embedder: Embedder, scene: Path) -> None:
    bad = [box(10, 900, 900, 10, 10), box(11, 165, 10, 20, 20), Region(12, b"", CRS)]
    found = {each.id: each for each in embedder.embed(scene, [*REGIONS, *bad])}
    statuses = {number: found[number].status for number in (10, 11, 12)}
    assert statuses == {10: "outside raster", 11: "no valid pixels", 12: "invalid geometry"}
    assert all(found[number].vector is None for number in statuses)
    assert all(found[region.id].vector is not None for region in REGIONS)
    with pytest.raises(RegionError, match="outside raster"):
        embedder.reference(scene, bad[0])


def test_progress_is_counted_and_cancelling_ends_the_stream(embedder: Embedder, scene: Path) -> None:
    steps: list[tuple[int, int]] = []
    found = list(embedder.embed(scene, REGIONS, progress=lambda done, total: steps.append((done, total)),
                                is_cancelled=lambda: bool(steps) and steps[-1][0] >= 2))
    assert len(found) == 2 and steps[-1] == (2, 4)  # two batches of two: no more than three go together


def test_wider_shows_more_around_the_region(embedder: Embedder, scene: Path) -> None:
    usual, wide = (embedder.reference(scene, REGIONS[0], wider=wider) for wider in (0, 1))
    assert wide.level == usual.level + 1
    assert usual.vector is not None and wide.vector is not None
    assert cosine(usual.vector, wide.vector) < 1 - 1e-4


def test_a_region_is_wholly_like_itself_and_less_like_others(nano: LoadedModel, stripes: Path) -> None:
    made = Embedder(nano)
    lake, other_lake, roofs = box(0, 250, 60, 60, 60), box(1, 300, 180, 60, 60), box(2, 460, 120, 60, 60)
    reference = made.reference(stripes, lake)
    assert reference.vector is not None
    found = made.embed(stripes, [lake, other_lake, roofs])
    likeness = {each.id: cosine(each.vector, reference.vector) for each in found if each.vector is not None}
    assert likeness[0] == pytest.approx(1, abs=1e-5)
    assert likeness[1] > 0.9 and likeness[2] < likeness[1] - 0.3


def test_the_mean_of_a_regions_cells_is_its_vector(scene: Path) -> None:
    loaded = loaded_tiny()
    extractor = loaded.model.extractor
    pictures = torch.from_numpy(np.random.default_rng(2).integers(0, 255, (1, 64, 64, 3)).astype(np.uint8))
    masks = torch.zeros(1, 64, 64)
    masks[0, 5:39, 17:50] = 1
    with torch.inference_mode():
        pyramid = loaded.model.encode(pictures).pyramid
        cells = cell_features(extractor, pyramid)
        covered = torch.nn.functional.avg_pool2d(masks, CELL)[0]
        mean = (cells[0] * covered.unsqueeze(-1)).sum(dim=(0, 1)) / covered.sum()
        expected = extractor.mask_features(pyramid, masks, torch.tensor([0]))[0]
    assert cells.shape[:3] == (1, 16, 16)
    assert torch.allclose(mean, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def _laid_out(found: SimilarityMap) -> np.ndarray:
    """All blocks in one array; every cell must be written once."""
    values = np.full((found.height, found.width), np.nan, dtype=np.float32)
    written = np.zeros(values.shape, dtype=int)
    for block in found.blocks():
        height, width = block.values.shape
        place = np.s_[block.row : block.row + height, block.column : block.column + width]
        values[place] = block.values
        written[place] += 1
    assert (written == 1).all()
    return values


def _map(made: Embedder, path: Path, reference: Embedding, window: Window | None = None) -> np.ndarray:
    with GdalRaster(path) as source:
        return _laid_out(made.similarity(Picture(source), reference, window))


def test_the_map_is_highest_on_the_references_class(nano: LoadedModel, stripes: Path) -> None:
    made = Embedder(nano)
    for part in range(3):
        reference = made.reference(stripes, box(0, part * 200 + 70, 120, 60, 60))
        values = _map(made, stripes, reference)
        columns = (np.arange(values.shape[1]) + 0.5) * 600 / values.shape[1]
        means = [values[:, (columns > 200 * each + 20) & (columns < 200 * each + 180)].mean() for each in range(3)]
        assert int(np.argmax(means)) == part
        # The stripes are drawn, so how far apart they are changes with every training: 0.08 at least with 11bfc85dda9f,
        # 0.045 with 03857fcf9d00.
        assert means[part] > 0.7 and means[part] > sorted(means)[1] + 0.03


def test_the_map_has_the_rasters_place_and_no_values_where_there_is_no_data(embedder: Embedder, scene: Path) -> None:
    reference = embedder.reference(scene, REGIONS[2])
    assert reference.level == 1
    with GdalRaster(scene) as source:
        found = embedder.similarity(Picture(source), reference)
        values = _laid_out(found)
    cell = CELL * 2
    assert found.transform == pytest.approx((UTM_33[0], cell, 0, UTM_33[3], 0, -cell))
    assert "WGS 84 / UTM zone 33N" in found.crs_wkt
    assert values.shape == (SIDE // cell, SIDE // cell) and np.nanmax(np.abs(values)) <= 1 + 1e-5
    empty = np.isnan(values)
    assert empty[:7, 19:].all() and not empty[8:].any() and not empty[:, :18].any()


def test_a_window_gives_the_same_values_as_the_whole(embedder: Embedder, scene: Path) -> None:
    reference = embedder.reference(scene, REGIONS[1])
    whole = _map(embedder, scene, reference)
    cell = CELL * 2.0**reference.level
    part = _map(embedder, scene, reference, Window(20 * cell + 0.5, 9 * cell, 30 * cell, 25 * cell))
    assert part.shape == (25, 31)
    assert np.allclose(part, whole[9:34, 20:51], atol=1e-4, equal_nan=True)
    with GdalRaster(scene) as source, pytest.raises(RegionError, match="outside the raster"):
        embedder.similarity(Picture(source), reference, Window(900, 900, 10, 10))


def test_a_reference_without_a_vector_is_refused(embedder: Embedder, scene: Path) -> None:
    with GdalRaster(scene) as source, pytest.raises(RegionError, match="reference polygon cannot be used"):
        embedder.similarity(Picture(source), Embedding(1, "outside raster"))


def test_blocks_end_between_batches_when_cancelled(embedder: Embedder, scene: Path) -> None:
    reference = embedder.reference(scene, REGIONS[3])
    steps: list[tuple[int, int]] = []
    with GdalRaster(scene) as source:
        found = embedder.similarity(Picture(source), reference)
        blocks = list(found.blocks(lambda done, total: steps.append((done, total)), lambda: len(steps) == 2))
    assert len(blocks) == 6 and steps == [(3, found.tiles), (6, found.tiles)] and found.tiles > 6


def test_a_rotated_raster_keeps_its_turn(embedder: Embedder, tmp_path: Path) -> None:
    turned = (500000.0, 0.8, 0.6, 5800000.0, 0.6, -0.8)
    values = np.random.default_rng(3).integers(1, 250, (3, 100, 100)).astype(np.uint8)
    path = write_raster(tmp_path / "turned.tif", values, transform=turned)
    corners = [(30, 30), (60, 30), (60, 60), (30, 60), (30, 30)]
    places = [gdal.ApplyGeoTransform(turned, *corner) for corner in corners]
    region = Region.from_wkt(1, "POLYGON((" + ",".join(f"{x} {y}" for x, y in places) + "))", CRS)
    with GdalRaster(path) as source:
        found = embedder.similarity(Picture(source), embedder.reference(source, region), Window(40, 20, 30, 30))
        cell = CELL * 2.0**embedder.reference(source, region).level
    x, y = gdal.ApplyGeoTransform(turned, 40 // cell * cell, 20 // cell * cell)
    assert found.transform == pytest.approx((x, 0.8 * cell, 0.6 * cell, y, 0.6 * cell, -0.8 * cell))
