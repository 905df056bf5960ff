"""The loop that all share: what is read ahead, in which batches, and what is left behind when it ends early."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Callable

import numpy as np
import pytest

from core_model.crew import Crew
from core_model.errors import RasterError
from core_model.geo.placements import Placements
from core_model.geo.raster import GdalRaster, Picture
from core_model.geo.regions import PlacedRegion, Placer, Region
from core_model.geo.source import Window
from core_model.geo.tiling import group_by_tile
from core_model.reading_ahead import ahead
from core_model.seeing import BatchSize, Seen, Walk
from tests.geo_helpers import write_raster
from tests.test_planning import square

SIZE = 64
REGIONS = [square(number, 20 + 37 * number % 530, 25 + 61 * number % 530, 9 + number % 4 * 8) for number in range(30)]
BAD = [Region("none", b""), square("away", 5000, 5000, 10)]


@pytest.fixture()
def scene(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).integers(1, 255, (3, 600, 600)).astype(np.uint8)
    return write_raster(tmp_path / "scene.tif", values)


class Watched(Picture):
    """A picture that notes what is read, and by which thread."""

    def __init__(self, source: GdalRaster) -> None:
        super().__init__(source)
        self.windows: list[Window] = []
        self.threads: set[threading.Thread] = set()
        self.fault: Callable[[], None] = lambda: None

    def read(self, window: Window, size: int) -> tuple[np.ndarray, np.ndarray]:
        self.windows.append(window)
        self.threads.add(threading.current_thread())
        if len(self.windows) > 3:
            self.fault()
        return super().read(window, size)


def summed(seen: Sequence[Seen]) -> list[tuple[object, str, int, float]]:
    return [(each.placed.id, each.placed.status, int(each.rgb.sum()), float(each.mask.sum())) for each in seen]


def blank(placed: PlacedRegion, status: str) -> tuple[object, str, int, float]:
    return placed.id, status, 0, 0.0


def walk(most: int = 4, work: Callable[..., list] = summed, reads_ahead: bool = True) -> Walk:
    return Walk(size=SIZE, batch=BatchSize(most), work=work, blank=blank, reads_ahead=reads_ahead)


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("aquila-ahead")]


def test_batches_and_reading_ahead_change_no_result_and_no_order(scene: Path) -> None:
    found = {}
    for most in (1, 4, 7, 100):
        for reads_ahead in (True, False):
            with GdalRaster(scene) as source:
                found[most, reads_ahead] = list(
                    walk(most, reads_ahead=reads_ahead).stream(Picture(source), None, [*REGIONS, *BAD]))
    first = found[1, False]
    assert len(first) == 32 and [each[1] for each in first[:2]] == ["invalid geometry", "outside raster"]
    assert all(each == first for each in found.values())
    with GdalRaster(scene) as source:
        backwards = list(walk(4).stream(Picture(source), None, [*REGIONS, *BAD][::-1]))
    assert sorted(backwards, key=str) == sorted(first, key=str)


def test_a_crew_changes_no_result_and_works_only_on_many(scene: Path) -> None:
    threads: set[threading.Thread] = set()

    def noted(seen: Sequence[Seen]) -> list[tuple[object, str, int, float]]:
        threads.add(threading.current_thread())
        return summed(seen)

    found = {}
    for most in (4, 100):
        for count in (1, 3):
            threads.clear()
            with GdalRaster(scene) as source:
                working = Walk(size=SIZE, batch=BatchSize(most), work=noted, blank=blank, crew=Crew(count))
                found[most, count] = list(working.stream(Picture(source), None, [*REGIONS, *BAD]))
            assert (threading.current_thread() not in threads) == (most == 4 and count == 3)
    assert len(found[4, 3]) == 32 and all(each == found[4, 1] for each in found.values())


@pytest.mark.parametrize(("most", "threads", "batches"), [(100, 1, 1), (16, 1, 2), (16, 2, 2), (12, 2, 4), (7, 3, 6)])
def test_all_threads_have_as_much_to_do(scene: Path, most: int, threads: int, batches: int) -> None:
    sizes: list[int] = []

    def noted(seen: Sequence[Seen]) -> list[tuple[object, str, int, float]]:
        sizes.append(len(seen))
        return summed(seen)

    with GdalRaster(scene) as source:
        working = Walk(size=SIZE, batch=BatchSize(most), work=noted, blank=blank, crew=Crew(threads))
        assert len(list(working.stream(Picture(source), None, REGIONS))) == 30
    assert sum(sizes) == 30 and len(sizes) == batches
    assert max(sizes) <= most and max(sizes) - min(sizes) <= 1


def test_a_crew_is_cancelled_between_batches(scene: Path) -> None:
    asked: list[int] = []
    with GdalRaster(scene) as source:
        working = Walk(size=SIZE, batch=BatchSize(4), work=summed, blank=blank, crew=Crew(2))
        stream = working.stream(Picture(source), None, REGIONS, is_cancelled=lambda: len(asked) > 5)
        for each in stream:
            asked.append(int(str(each[0])))
    assert 5 < len(asked) < 20
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("aquila-")]


def test_every_tile_is_read_once_by_one_other_thread(scene: Path) -> None:
    with GdalRaster(scene) as source:
        picture = Watched(source)
        assert len(list(walk(4).stream(picture, None, REGIONS))) == 30
    assert len(picture.windows) == len(set(picture.windows)) > 7
    assert len(picture.threads) == 1 and threading.main_thread() not in picture.threads
    assert not readers()


def test_a_raster_that_is_no_other_threads_is_read_in_the_callers(scene: Path) -> None:
    with GdalRaster(scene) as source:
        source.thread_safe = False  # type: ignore[misc]
        picture = Watched(source)
        assert len(list(walk(4).stream(picture, None, REGIONS))) == 30
    assert picture.threads == {threading.main_thread()}


def test_leaving_early_keeps_what_is_done_and_leaves_nothing_behind(scene: Path) -> None:
    opened = GdalRaster(scene)
    stream = walk(4).stream(Picture(opened), opened, REGIONS)
    kept = [next(stream) for _ in range(6)]
    assert len(readers()) == 1
    stream.close()  # type: ignore[attr-defined]
    assert len(kept) == 6 and not readers()
    with pytest.raises(RasterError, match="closed"):
        opened.read(Window(0, 0, 9, 9), (9, 9), (1,))


def test_cancelling_ends_after_a_batch(scene: Path) -> None:
    opened, found = GdalRaster(scene), []
    for each in walk(4).stream(Picture(opened), opened, REGIONS, is_cancelled=lambda: len(found) >= 4):
        found.append(each)
    assert len(found) == 4 and not readers()


def test_a_fault_of_ours_comes_out_in_its_turn_and_ends_the_thread(scene: Path) -> None:
    opened, found = GdalRaster(scene), []
    picture = Watched(opened)
    picture.fault = lambda: 1 / 0  # type: ignore[assignment, return-value]
    with pytest.raises(ZeroDivisionError):
        found.extend(walk(2).stream(picture, opened, REGIONS))
    assert not readers()


def test_a_tile_that_cannot_be_read_is_told_and_the_others_are_seen(scene: Path) -> None:
    def fail() -> None:
        raise RasterError("it is damaged")

    with GdalRaster(scene) as source:
        picture = Watched(source)
        picture.fault = fail
        found = list(walk(4).stream(picture, None, REGIONS))
    assert len(found) == 30 and {each[1] for each in found} == {"ok", "error: it is damaged"}


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")])
def test_batches_shrink_to_what_memory_does_for(scene: Path, error: Exception) -> None:
    tried: list[int] = []

    def work(seen: Sequence[Seen]) -> list[tuple[object, str, int, float]]:
        tried.append(len(seen))
        if len(seen) > 3:
            raise error
        return summed(seen)

    with GdalRaster(scene) as source:
        plain = list(walk(8).stream(Picture(source), None, REGIONS))
        assert list(walk(8, work).stream(Picture(source), None, REGIONS)) == plain
    assert tried[:4] == [8, 4, 2, 2] and max(tried[2:]) == 4 and tried.count(4) <= 2


def test_other_faults_leave_the_batches_as_they_are(scene: Path) -> None:
    tried: list[int] = []

    def work(seen: Sequence[Seen]) -> list[tuple[object, str, int, float]]:
        tried.append(len(seen))
        if any(each.placed.id == 3 for each in seen):
            raise RuntimeError("not a number")
        return summed(seen)

    with GdalRaster(scene) as source:
        found = list(walk(8, work).stream(Picture(source), None, REGIONS))
    assert [each[0] for each in found if each[1] != "ok"] == [3]
    assert sum(size > 4 for size in tried) == 4  # 30 regions: four batches; what is smaller are halves of one


def test_memory_for_not_even_one_region_is_told(scene: Path) -> None:
    def work(seen: Sequence[Seen]) -> list[tuple[object, str, int, float]]:
        raise MemoryError

    with GdalRaster(scene) as source:
        found = list(walk(4, work).stream(Picture(source), None, REGIONS[:5]))
    assert [each[1] for each in found] == ["error: memory is full"] * 5


def test_ahead_is_never_further_than_its_depth() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(9):
            made.append(number)
            yield number

    items = ahead(numbers(), 2)
    assert made == []
    for expected in range(9):
        assert next(items) == expected
        assert len(made) <= expected + 3
    assert list(items) == [] and not readers()


def test_placements_come_back_as_they_went_in(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core_model.geo.placements._MOST_IN_MEMORY", 1000)  # beyond it lies the temporary file
    with GdalRaster(scene) as source:
        placer = Placer(source, SIZE)
        placed = [placer.place(region) for region in [*REGIONS, *BAD]]
    placements = Placements()
    for each in placed:
        placements.add(each)
    assert (len(placements), placements.with_tile) == (32, 30)
    assert [same(each) for each in placements.without_tile()] == [same(each) for each in placed[30:]]
    expected = group_by_tile(placed[:30], lambda each: each.tile)  # type: ignore[arg-type, return-value]
    assert [(tile, [same(each) for each in members]) for tile, members in placements.by_tile()] == [
        (tile, [same(each) for each in members]) for tile, members in expected]
    placements.close()
    assert list(Placements().by_tile()) == []


def same(placed: PlacedRegion) -> str:
    """All there is to a placed region."""
    return repr((placed, [ring.tolist() for ring in placed.rings]))
