"""Encoded pictures between two runs: what is kept, how long, and when it must not be used."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from core_model.checkpoint import LoadedModel, load_model
from core_model.describer import Describer
from core_model.description import Description
from core_model.geo.raster import GdalRaster, Picture
from core_model.prefix_cache import Kept, PrefixCache
from tests.geo_helpers import write_raster
from tests.test_planning import square
from tests.tiny import loaded_tiny, tiny_model, tiny_tokenizer

REGIONS = [square(number, 20 + 97 * number % 520, 25 + 61 * number % 520, 9 + number % 4 * 8) for number in range(12)]
LONG_AGO = 1_000_000_000


@pytest.fixture()
def scene(tmp_path: Path) -> Path:
    return drawn(tmp_path / "scene.tif", 0)


def drawn(path: Path, seed: int) -> Path:
    """Noise over blotches of colour, written long ago, so that its time tells when it is written again."""
    rng = np.random.default_rng(seed)
    blotches = np.kron(rng.integers(0, 180, (3, 12, 12)), np.ones((50, 50)))
    write_raster(path, (blotches + rng.integers(1, 75, (3, 600, 600))).astype(np.uint8))
    os.utime(path, (LONG_AGO + seed, LONG_AGO + seed))
    return path


class Counting:
    """How many pictures a describer has encoded."""

    def __init__(self, describer: Describer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pictures = 0
        original = describer._generator.encode

        def encode(images: np.ndarray) -> object:
            self.pictures += len(images)
            return original(images)

        monkeypatch.setattr(describer._generator, "encode", encode)

    def since(self) -> int:
        """Those since this was last asked."""
        found, self.pictures = self.pictures, 0
        return found


def texts(found: list[Description]) -> list[tuple[object, str, str]]:
    return [(each.id, each.description, each.label) for each in found]


def test_a_second_run_reads_and_encodes_nothing(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    describer = Describer(loaded_tiny(), batch_size=5)
    encoded, tiles = Counting(describer, monkeypatch), describer.plan(scene, REGIONS).tiles
    first = list(describer.describe(scene, REGIONS))
    assert encoded.since() == tiles  # a tile at the seam of two batches too
    describer.stopwatch.reset()
    monkeypatch.setattr(Picture, "read", lambda *_: 1 / 0)
    assert texts(list(describer.describe(scene, REGIONS))) == texts(first)
    assert encoded.since() == 0 and "encode" not in describer.stopwatch.seconds()
    answer = describer.ask(scene, REGIONS[:1], "Is <region> wet?")
    assert answer.status == "ok" and encoded.since() == 0


def test_other_bands_and_a_changed_file_are_encoded_anew(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    describer = Describer(loaded_tiny(), batch_size=5)
    encoded, tiles = Counting(describer, monkeypatch), describer.plan(scene, REGIONS).tiles
    first = list(describer.describe(scene, REGIONS))
    encoded.since()
    list(describer.describe(scene, REGIONS, bands=(3, 2, 1)))
    assert encoded.since() == tiles
    drawn(scene, 1)
    changed = list(describer.describe(scene, REGIONS))
    assert encoded.since() == tiles
    alone = list(Describer(loaded_tiny(), batch_size=5).describe(scene, REGIONS))
    assert texts(changed) == texts(alone) != texts(first)


def test_a_raster_that_changes_while_it_is_open_is_not_trusted(scene: Path) -> None:
    with GdalRaster(scene) as source:
        assert source.identity is not None and Picture(source).identity != Picture(source, (3, 2, 1)).identity
        drawn(scene, 1)
        assert source.identity is None


def test_what_cannot_tell_that_it_changed_is_kept_for_its_run_alone(
    scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual = scene.with_suffix(".vrt")
    gdal.Translate(str(virtual), str(scene), format="VRT").FlushCache()
    fresh = Path(shutil.copyfile(scene, scene.with_name("fresh.tif")))
    for path in (virtual, fresh):
        with GdalRaster(path) as source:
            assert source.identity is None and Picture(source).identity is None
    describer = Describer(loaded_tiny(), batch_size=5)
    encoded, tiles = Counting(describer, monkeypatch), describer.plan(virtual, REGIONS).tiles
    assert texts(list(describer.describe(virtual, REGIONS))) == texts(list(describer.describe(virtual, REGIONS)))
    assert encoded.since() == 2 * tiles and len(describer._cache) == 0


def test_the_cache_holds_no_more_bytes_than_it_may(scene: Path) -> None:
    describer = Describer(loaded_tiny(), batch_size=5)
    list(describer.describe(scene, REGIONS))
    kept = [describer._cache.get(key) for key in list(describer._cache._kept)]
    one = kept[0]
    assert one is not None and one.bytes == one.prefix.bytes + 64 * 64
    cache = PrefixCache(3 * one.bytes)
    for number in range(5):
        cache.put(number, Kept(one.prefix, one.valid))
        cache.get(0)
    assert [cache.get(number) is not None for number in range(5)] == [True, False, False, True, True]
    assert cache.bytes == 3 * one.bytes
    cache.put(4, one)
    assert cache.bytes == 3 * one.bytes
    nothing = PrefixCache(0)
    nothing.put("a", one)
    nothing.put("b", one)
    assert nothing.get("a") is None and nothing.get("b") is one
    nothing.clear()
    assert (len(nothing), nothing.bytes) == (0, 0)


def test_a_batch_that_fails_gives_the_caches_memory_back(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    describer = Describer(loaded_tiny(), batch_size=12)
    plain = list(describer.describe(scene, REGIONS))
    write, kept = describer._generator.write, []

    def once(*args: object, **options: object) -> object:
        kept.append(len(describer._cache))
        if len(kept) == 1:
            raise RuntimeError("CUDA out of memory")
        return write(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(describer._generator, "write", once)
    assert texts(list(describer.describe(scene, REGIONS))) == texts(plain)
    assert kept[0] > kept[1]


def test_neither_batches_nor_order_nor_cache_nor_reading_ahead_change_a_text_of_nano(scene: Path) -> None:
    """In float32, every id of every text, though "next to" and "bordered by" are as likely to 1e-6 there once."""
    nano = load_model("nano", device="cpu")
    plain = list(Describer(nano, batch_size=32, cache_bytes=0, reads_ahead=False).describe(scene, REGIONS))
    assert len({each.description for each in plain}) > 1
    for batch_size, cache_bytes, regions in ((1, 0, REGIONS), (5, 2**22, REGIONS[::-1]), (5, 2**28, REGIONS)):
        describer = Describer(nano, batch_size=batch_size, cache_bytes=cache_bytes)
        for _ in range(2):
            found = {each.id: each for each in describer.describe(scene, regions)}
            for each in plain:
                other = found[each.id]
                assert (other.description, other.label, other.status) == (each.description, each.label, each.status)
                assert other.confidence == pytest.approx(each.confidence, rel=1e-3)


def test_in_bfloat16_batches_move_probabilities_a_little(scene: Path) -> None:
    """By no more than 0.02: sums of 8 bits depend on how many rows are multiplied together."""
    tokenizer = tiny_tokenizer()
    loaded = LoadedModel(tiny_model(tokenizer).bfloat16(), tokenizer, Path())
    labels = ["forest", "field", "water"]
    found = {
        batch_size: {each.id: each.probabilities for each in Describer(loaded, batch_size=batch_size).describe(
            scene, REGIONS, labels=labels)}
        for batch_size in (1, 5, 12)
    }
    for number in range(12):
        for batch_size in (5, 12):
            assert found[batch_size][number] == pytest.approx(found[1][number], abs=0.02)


def test_the_stopwatch_tells_every_part(scene: Path) -> None:
    describer = Describer(loaded_tiny(), batch_size=5)
    list(describer.describe(scene, REGIONS))
    seconds = describer.stopwatch.seconds()
    assert set(seconds) == {"place", "wait", "read", "rasterise", "encode", "extract", "prefill", "decode"}
    assert all(value > 0 for value in seconds.values())
