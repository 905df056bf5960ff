"""Placed regions by the thousand: a run visits them tile by tile, so all are placed before the first is seen.

A region waits as a record of some hundred bytes, in a temporary file once there are many; in memory stay its id and
its tile. So the memory of a run hardly grows with the number of its regions.
"""

from __future__ import annotations

import struct
import tempfile
from array import array
from collections.abc import Hashable, Iterator
from typing import List, Tuple

import numpy as np

from core_model.form import Form
from core_model.geo.regions import PlacedRegion
from core_model.geo.tiling import TileId

# Records of so many bytes together stay in memory: some 30,000 regions of ten corners.
_MOST_IN_MEMORY = 8 * 1024**2
# Bounds, area, perimeter, longitude, latitude, ground sample distance; bytes of status, shape and direction; rings.
_HEAD = struct.Struct("<9d4I")


class Placements:
    """Placed regions in the order they came; ``by_tile`` gives them back tile by tile."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_MOST_IN_MEMORY)  # noqa: SIM115 (closed by ``close``)
        self._ids: List[Hashable] = []
        self._starts = array("q", [0])
        self._tiles = array("i")  # level, row, column of those that have a tile
        self._seen = array("q")  # which these are
        self._unseen = array("q")

    def __len__(self) -> int:
        return len(self._ids)

    def close(self) -> None:
        """Let go of the temporary file."""
        self._file.close()

    def add(self, placed: PlacedRegion) -> None:
        """Keep one more region."""
        number = len(self._ids)
        self._ids.append(placed.id)
        if placed.tile is None:
            self._unseen.append(number)
        else:
            self._seen.append(number)
            self._tiles.extend((placed.tile.level, placed.tile.row, placed.tile.column))
        self._starts.append(self._starts[-1] + self._file.write(_packed(placed)))

    def without_tile(self) -> Iterator[PlacedRegion]:
        """Those that cannot be seen, in the order they came."""
        return (self._at(number, None) for number in self._unseen)

    @property
    def with_tile(self) -> int:
        """How many can be seen."""
        return len(self._seen)

    def by_tile(self) -> Iterator[Tuple[TileId, List[PlacedRegion]]]:
        """The others by tile, in the order of ``TileId``; those of a tile in the order they came."""
        if not self._seen:
            return
        tiles = np.array(self._tiles).reshape(-1, 3)
        order = np.lexsort(tiles.T[::-1])  # keeps the order of equals
        tiles, members = tiles[order], np.array(self._seen)[order]
        ends = np.append(np.flatnonzero((tiles[1:] != tiles[:-1]).any(axis=1)) + 1, len(tiles))
        start = 0
        for end in ends:
            tile = TileId(*tiles[start].tolist())
            yield tile, [self._at(number, tile) for number in members[start:end].tolist()]
            start = end

    def _at(self, number: int, tile: TileId | None) -> PlacedRegion:
        start, end = self._starts[number], self._starts[number + 1]
        self._file.seek(start)
        return _unpacked(self._ids[number], self._file.read(end - start), tile)


def _packed(placed: PlacedRegion) -> bytes:
    """A region without its id and tile."""
    bounds = placed.bounds or (np.nan,) * 4
    words = [word.encode() for word in (placed.status, placed.form.shape, placed.form.direction)]
    head = _HEAD.pack(
        *bounds, placed.area_m2, placed.perimeter_m, *placed.centroid_lonlat, placed.gsd_m, *map(len, words),
        len(placed.rings))
    lengths = struct.pack(f"<{len(placed.rings)}I", *map(len, placed.rings))
    rings = (np.ascontiguousarray(ring, dtype="<f8").tobytes() for ring in placed.rings)
    return b"".join([head, *words, lengths, *rings])


def _unpacked(id: Hashable, record: bytes, tile: TileId | None) -> PlacedRegion:
    *numbers, status, shape, direction, count = _HEAD.unpack_from(record)
    at, words = _HEAD.size, []
    for letters in (status, shape, direction):
        words.append(record[at : at + letters].decode())
        at += letters
    lengths = struct.unpack_from(f"<{count}I", record, at)
    at += 4 * count
    rings = []
    for length in lengths:
        rings.append(np.frombuffer(record, dtype="<f8", count=2 * length, offset=at).reshape(-1, 2))
        at += 16 * length
    x0, y0, x1, y1, area, perimeter, longitude, latitude, gsd = numbers
    bounds = None if np.isnan(x0) else (x0, y0, x1, y1)
    return PlacedRegion(
        id, words[0], tuple(rings), bounds, area, perimeter, (longitude, latitude), gsd, tile, Form(*words[1:]))
