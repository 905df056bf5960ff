"""How every caller comes to see regions: placed, grouped by tile, each with its picture and its mask, in batches.

``stream`` is the one loop that describing and embedding share; they differ in what they make of a batch. While a batch
is worked on, another thread reads the pictures and draws the masks of the next ones.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any, Callable, Generic, List, Protocol, Tuple, TypeVar, Union

import numpy as np

from core_model.crew import Crew
from core_model.errors import AquilaError, RasterError, is_out_of_memory
from core_model.geo.placements import Placements
from core_model.geo.raster import GdalRaster, Picture
from core_model.geo.regions import PlacedRegion, Placer, Region, Status, error_status
from core_model.geo.source import RasterSource
from core_model.geo.tiling import TileId, choose_tile, tile_window
from core_model.reading_ahead import ahead
from core_model.stopwatch import Stopwatch

_LOG = logging.getLogger(__name__)
# What reading pixels or running the network raises on bad data or a full memory; anything else is a fault of ours.
EXPECTED = (AquilaError, RuntimeError, OSError, MemoryError)
# Batches that are read before they are asked for.
_AHEAD = 2
# So many regions are enough for a thread of a crew.
_WORTH_A_THREAD = 32
# A batch is nearly full when no more than this part of its places is free.
_NEARLY_FULL = 4

Raster = Union[str, Path, RasterSource, Picture]
Progress = Callable[[int, int], None]
Cancelled = Callable[[], bool]
Result = TypeVar("Result")
Part = Tuple[TileId, List[PlacedRegion]]


class Known(Protocol):
    """What is kept of a picture that was encoded before: at least where its pixels [S, S] are data."""

    @property
    def valid(self) -> np.ndarray:
        """Bool [S, S]."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture [S, S, 3] and where it is data [S, S]; one that is ``known`` has not been read again."""

    tile: TileId
    valid: np.ndarray
    pixels: np.ndarray | None = None
    known: Any = None

    @property
    def rgb(self) -> np.ndarray:
        """The picture uint8 [S, S, 3]; only for one that was read."""
        if self.pixels is None:
            raise ValueError("a picture that is known already has not been read")
        return self.pixels


@dataclass(frozen=True, eq=False)
class Seen:
    """A region with its picture and its mask [S, S] on that."""

    placed: PlacedRegion
    shown: Shown
    mask: np.ndarray

    @property
    def tile(self) -> TileId:
        """The tile it is seen through."""
        return self.shown.tile

    @property
    def rgb(self) -> np.ndarray:
        """Its picture [S, S, 3]."""
        return self.shown.rgb


@dataclass
class BatchSize:
    """At most so many regions share a batch; fewer, from then on, once memory does not do for so many."""

    most: int

    def __post_init__(self) -> None:
        """A batch has a region at least."""
        self.most = max(1, self.most)

    def failed(self, count: int) -> None:
        """Memory ran out with ``count`` regions."""
        self.most = max(1, min(self.most, count // 2))


def open_source(raster: Raster) -> Tuple[RasterSource, GdalRaster | None]:
    """The raster, and the same again if it was opened here and is to be closed."""
    if isinstance(raster, (str, Path)):
        opened = GdalRaster(raster)
        return opened, opened
    return (raster.source if isinstance(raster, Picture) else raster), None


def open_picture(raster: Raster, bands: Sequence[int] | None) -> Tuple[Picture, GdalRaster | None]:
    """The raster as pictures of ``bands``, and what is to be closed afterwards."""
    if isinstance(raster, Picture):
        if bands is not None:
            raise RasterError("bands are given for a picture that has its own; choose them when making the picture.")
        return raster, None
    source, opened = open_source(raster)
    return Picture(source, bands), opened


def look(placer: Placer, region: PlacedRegion, shown: Shown, size: int) -> Seen | None:
    """The region on its picture, only where that is data; ``None`` if that is nowhere."""
    mask = placer.mask(region, tile_window(shown.tile, size), size) * shown.valid
    return Seen(region, shown, mask) if mask.any() else None


def show(picture: Picture, tile: TileId, size: int, known: Known | None = None) -> Shown:
    """The picture of a tile; it is not read where it is known already.

    :raises RasterError: if its pixels cannot be read.
    """
    if known is not None:
        return Shown(tile, known.valid, known=known)
    rgb, valid = picture.read(tile_window(tile, size), size)
    return Shown(tile, valid, rgb)


def side_by_side(seen: Sequence[Seen]) -> Tuple[List[Shown], np.ndarray, List[int]]:
    """The pictures [T], masks float32 [R, S, S] and the picture of each region [R]."""
    pictures = {item.tile: item.shown for item in seen}
    places = {tile: number for number, tile in enumerate(pictures)}
    masks = np.stack([item.mask for item in seen], dtype=np.float32)
    return list(pictures.values()), masks, [places[item.tile] for item in seen]


@dataclass
class _Batch(Generic[Result]):
    """Regions that are seen, and results of those that cannot be."""

    seen: List[Seen] = field(default_factory=list)
    blank: List[Result] = field(default_factory=list)


class Walk(Generic[Result]):
    """One result per region: ``work`` makes them of a batch that is seen, ``blank`` of a region that cannot be.

    ``size`` is the pictures' side, ``batch`` how many regions go together; ``wider`` levels of the pyramid are added to
    the usual one, so that 1 shows twice as much around every region. ``known`` gives what is kept of a tile's picture,
    which is then not read. ``reads_ahead`` reads in another thread where the raster allows it.
    The ``crew`` works where there are regions enough for each of its threads.
    """

    def __init__(
        self, *, size: int, batch: BatchSize, work: Callable[[Sequence[Seen]], List[Result]],
        blank: Callable[[PlacedRegion, str], Result], wider: int = 0,
        known: Callable[[TileId], Known | None] = lambda _: None, stopwatch: Stopwatch | None = None,
        reads_ahead: bool = True, crew: Crew | None = None,
    ) -> None:
        self._size, self._batch_size, self._wider, self._crew = size, batch, wider, crew or Crew()
        self._work, self._blank, self._known = work, blank, known
        self._watch, self._reads_ahead = stopwatch or Stopwatch(), reads_ahead

    def stream(
        self, picture: Picture, opened: GdalRaster | None, regions: Iterable[Region],
        progress: Progress | None = None, is_cancelled: Cancelled | None = None,
    ) -> Iterator[Result]:
        """Results in the order of the tiles, as they are made; closes ``opened`` at the end.

        Until then the raster is the stream's: another thread may be reading it.
        """
        progress, is_cancelled = progress or _ignore, is_cancelled or never
        placer, placements = Placer(picture.source, self._size), Placements()
        try:
            for region in regions:
                if is_cancelled():
                    return
                with self._watch.part("place"):
                    placements.add(self._further_out(placer.place(region), picture.source))
            total, done = len(placements), len(placements) - placements.with_tile
            yield from (self._blank(region, region.status) for region in placements.without_tile())
            progress(done, total)
            for found in self._worked_through(picture, placer, placements, is_cancelled):
                done += len(found)
                yield from found
                progress(done, total)
        finally:
            placements.close()
            if opened is not None:
                opened.close()

    def _further_out(self, placed: PlacedRegion, source: RasterSource) -> PlacedRegion:
        if not self._wider or placed.tile is None or placed.bounds is None:
            return placed
        level = placed.tile.level + self._wider
        tile = choose_tile(placed.bounds, self._size, level, (source.width, source.height))
        return replace(placed, tile=tile)

    def _worked_through(
        self, picture: Picture, placer: Placer, placements: Placements, is_cancelled: Cancelled
    ) -> Iterator[List[Result]]:
        """The results of batch after batch."""
        over = Event()
        # A few regions have their text sooner from a single thread with all the cores.
        many = placements.with_tile >= self._crew.threads * min(self._batch_size.most, _WORTH_A_THREAD)
        crew = self._crew if many else Crew()
        batches = self._batches(picture, placer, placements, over, crew.threads)
        if self._reads_ahead and picture.source.thread_safe and placements.with_tile > self._batch_size.most:
            batches = ahead(batches, _AHEAD)
        results = crew.results(self._waited_for(batches, is_cancelled), self._made_of)
        try:
            for found in results:
                yield found
                if is_cancelled():
                    return
        finally:
            over.set()
            results.close()
            batches.close()

    def _waited_for(
        self, batches: Iterator[_Batch[Result]], is_cancelled: Cancelled
    ) -> Iterator[_Batch[Result]]:
        while not is_cancelled():
            with self._watch.part("wait"):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _made_of(self, batch: _Batch[Result]) -> List[Result]:
        return batch.blank + self._worked(batch.seen)

    def _batches(
        self, picture: Picture, placer: Placer, placements: Placements, over: Event, threads: int
    ) -> Generator[_Batch[Result], None, None]:
        """Pictures read and masks drawn, batch by batch for so many ``threads``, until it is ``over``."""
        shown = None
        for parts in _parts(placements.by_tile(), placements.with_tile, self._batch_size, threads):
            batch: _Batch[Result] = _Batch()
            for tile, regions in parts:
                if over.is_set():
                    return
                try:
                    shown = shown if shown is not None and shown.tile == tile else self._show(picture, tile)
                except EXPECTED as error:
                    _LOG.warning("a tile of %s cannot be read: %s", picture.source.name, error)
                    batch.blank += [self._blank(region, error_status(_said(error))) for region in regions]
                    continue
                self._look(placer, shown, regions, batch)
            yield batch

    def _show(self, picture: Picture, tile: TileId) -> Shown:
        with self._watch.part("read"):
            return show(picture, tile, self._size, self._known(tile))

    def _look(self, placer: Placer, shown: Shown, regions: Sequence[PlacedRegion], batch: _Batch[Result]) -> None:
        with self._watch.part("rasterise"):
            for region in regions:
                item = look(placer, region, shown, self._size)
                if item is None:
                    batch.blank.append(self._blank(region, str(Status.NO_VALID_PIXELS)))
                else:
                    batch.seen.append(item)

    def _worked(self, seen: Sequence[Seen]) -> List[Result]:
        """What ``work`` makes of them, as many at a time as memory does for."""
        results: List[Result] = []
        while len(results) < len(seen):
            results += self._tried(seen[len(results) : len(results) + self._batch_size.most])
        return results

    def _tried(self, seen: Sequence[Seen]) -> List[Result]:
        """What ``work`` makes of them; a batch that fails is tried in halves, so a fault stays alone."""
        try:
            return self._work(seen)
        except EXPECTED as error:
            reason = _said(error)
            if is_out_of_memory(error):
                self._batch_size.failed(len(seen))
        if len(seen) == 1:
            return [self._blank(seen[0].placed, error_status(reason))]
        _LOG.warning("a batch of %d regions failed and is tried in halves: %s", len(seen), reason)
        half = len(seen) // 2
        return self._tried(seen[:half]) + self._tried(seen[half:])


def _said(error: BaseException) -> str:
    return str(error) or ("memory is full" if is_out_of_memory(error) else type(error).__name__)


def _parts(groups: Iterable[Part], count: int, size: BatchSize, threads: int) -> Iterator[List[Part]]:
    """Tiles with their ``count`` regions, so many together that all threads have as much to do.

    They are at most as many as ``size`` says at the time. A batch that is nearly full is closed before a tile that it
    would cut in two, whose picture both would need.
    """
    left, batches = count, threads * -(-count // (threads * size.most))
    batch: List[Part] = []
    full = room = 0
    for tile, regions in groups:
        start = 0
        while start < len(regions):
            if batch and room < len(regions) <= full and room <= full // _NEARLY_FULL:
                yield batch
                batch = []
            if not batch:
                full = room = min(size.most, -(-left // max(1, batches)))
                batches -= 1
            part = regions[start : start + room]
            batch.append((tile, part))
            start, room, left = start + len(part), room - len(part), left - len(part)
            if room == 0:
                yield batch
                batch = []
    if batch:
        yield batch


def _ignore(done: int, total: int) -> None:
    """Progress that nobody watches."""


def never() -> bool:
    """Whether to stop, where nobody asks."""
    return False
