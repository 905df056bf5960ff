"""How every caller comes to see regions: placed, grouped by tile, each with its picture and its mask, in batches.

``stream`` is the one loop that describing and embedding share; they differ in what they make of a batch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Generic, List, Tuple, TypeVar, Union

import numpy as np

from core_model.errors import AquilaError, RasterError
from core_model.geo.raster import GdalRaster, Picture
from core_model.geo.regions import PlacedRegion, Placer, Region, Status, error_status
from core_model.geo.source import RasterSource
from core_model.geo.tiling import TileId, choose_tile, group_by_tile, tile_window

_LOG = logging.getLogger(__name__)
# What reading pixels or running the network raises on bad data or a full memory; anything else is a fault of ours.
EXPECTED = (AquilaError, RuntimeError, OSError)

Raster = Union[str, Path, RasterSource, Picture]
Progress = Callable[[int, int], None]
Cancelled = Callable[[], bool]
Result = TypeVar("Result")
Part = Tuple[TileId, List[PlacedRegion]]


@dataclass(frozen=True)
class Seen:
    """A region with its picture [S, S, 3] and its mask [S, S] on that."""

    placed: PlacedRegion
    tile: TileId
    rgb: np.ndarray
    mask: np.ndarray


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


def look(placer: Placer, region: PlacedRegion, tile: TileId, size: int, rgb: np.ndarray, valid: np.ndarray) -> (
    Seen | None
):
    """The region on its picture, only where that is data; ``None`` if that is nowhere."""
    mask = placer.mask(region, tile_window(tile, size), size) * valid
    return Seen(region, tile, rgb, mask) if mask.any() else None


def side_by_side(seen: Sequence[Seen]) -> Tuple[np.ndarray, np.ndarray, List[int]]:
    """Pictures uint8 [T, S, S, 3], masks float32 [R, S, S] and the picture of each region [R]."""
    pictures = {item.tile: item.rgb for item in seen}
    places = {tile: number for number, tile in enumerate(pictures)}
    masks = np.stack([item.mask for item in seen]).astype(np.float32)
    return np.stack(list(pictures.values())), masks, [places[item.tile] for item in seen]


class Walk(Generic[Result]):
    """One result per region: ``work`` makes them of a batch that is seen, ``blank`` of a region that cannot be.

    ``size`` is the pictures' side, ``most`` the regions of a batch; ``wider`` levels of the pyramid are added to the
    usual one, so that 1 shows twice as much around every region.
    """

    def __init__(
        self, *, size: int, most: int, work: Callable[[Sequence[Seen]], List[Result]],
        blank: Callable[[PlacedRegion, str], Result], wider: int = 0,
    ) -> None:
        self._size, self._most, self._wider = size, most, wider
        self._work, self._blank = work, blank

    def stream(
        self, picture: Picture, opened: GdalRaster | None, regions: Iterable[Region],
        progress: Progress | None = None, is_cancelled: Cancelled | None = None,
    ) -> Iterator[Result]:
        """Results in the order of the tiles, as they are made; closes ``opened`` at the end."""
        progress, is_cancelled = progress or _ignore, is_cancelled or never
        try:
            placer = Placer(picture.source, self._size)
            placed = []
            for region in regions:
                if is_cancelled():
                    return
                placed.append(self._further_out(placer.place(region), picture.source))
            good = [region for region in placed if region.tile is not None]
            total, done = len(placed), len(placed) - len(good)
            yield from (self._blank(region, region.status) for region in placed if region.tile is None)
            progress(done, total)
            for batch in _batches(group_by_tile(good, _tile_of), self._most):
                if is_cancelled():
                    return
                found = self._batch(picture, placer, batch)
                done += len(found)
                yield from found
                progress(done, total)
        finally:
            if opened is not None:
                opened.close()

    def _further_out(self, placed: PlacedRegion, source: RasterSource) -> PlacedRegion:
        if not self._wider or placed.tile is None or placed.bounds is None:
            return placed
        level = placed.tile.level + self._wider
        tile = choose_tile(placed.bounds, self._size, level, (source.width, source.height))
        return replace(placed, tile=tile)

    def _batch(self, picture: Picture, placer: Placer, batch: Sequence[Part]) -> List[Result]:
        results: List[Result] = []
        seen: List[Seen] = []
        for tile, regions in batch:
            try:
                rgb, valid = picture.read(tile_window(tile, self._size), self._size)
            except EXPECTED as error:
                _LOG.warning("a tile of %s cannot be read: %s", picture.source.name, error)
                results += [self._blank(region, error_status(str(error))) for region in regions]
                continue
            for region in regions:
                item = look(placer, region, tile, self._size, rgb, valid)
                if item is None:
                    results.append(self._blank(region, str(Status.NO_VALID_PIXELS)))
                else:
                    seen.append(item)
        return results + (self._worked(seen) if seen else [])

    def _worked(self, seen: Sequence[Seen]) -> List[Result]:
        """What ``work`` makes of them; a batch that fails is tried in halves, so a fault stays alone."""
        try:
            return self._work(seen)
        except EXPECTED as error:
            reason = str(error)
        if len(seen) == 1:
            return [self._blank(seen[0].placed, error_status(reason))]
        _LOG.warning("a batch of %d regions failed and is tried in halves: %s", len(seen), reason)
        half = len(seen) // 2
        return self._worked(seen[:half]) + self._worked(seen[half:])


def _batches(groups: Iterable[Part], most: int) -> Iterator[List[Part]]:
    """Tiles with their regions, at most ``most`` regions together; only a tile at the seam is seen twice."""
    batch: List[Part] = []
    room = most
    for tile, regions in groups:
        start = 0
        while start < len(regions):
            part = regions[start : start + room]
            batch.append((tile, part))
            start += len(part)
            room -= len(part)
            if room == 0:
                yield batch
                batch, room = [], most
    if batch:
        yield batch


def _tile_of(placed: PlacedRegion) -> TileId:
    if placed.tile is None:
        raise ValueError("a region without a place has no tile")
    return placed.tile


def _ignore(done: int, total: int) -> None:
    """Progress that nobody watches."""


def never() -> bool:
    """Whether to stop, where nobody asks."""
    return False
