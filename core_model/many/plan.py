"""How a layer is cut into units of work: in tile order, so that neighbours share their pictures.

Each unit is walked over as a single process walks over the whole layer (``core_model.seeing.Walk``). Its texts are
those that one would write; a confidence can differ in its last bits with what else is in a batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import List, Tuple

from core_model.geo.regions import Placer, Region
from core_model.geo.source import RasterSource
from core_model.geo.tiling import TileId, group_by_tile

# With the usual batches of 32 a unit is 256 polygons: minutes of work for a large model, seconds for a small one.
BATCHES_OF_A_UNIT = 8


@dataclass(frozen=True)
class Unit:
    """Rows of the working copy, by their numbers, that one worker describes in one go."""

    number: int
    rows: Tuple[int, ...]


def cut(source: RasterSource, size: int, regions: Iterable[Region], batch_size: int) -> List[Unit]:
    """The units of a run over ``regions``, whose ids are row numbers, seen through tiles of ``size`` pixels.

    First come the polygons that have no place on the raster, then the others in tile order. Reads no pixels.
    """
    placer = Placer(source, size)
    unplaced: List[int] = []
    placed: List[Tuple[TileId, int]] = []
    for region in regions:
        row, tile = int(str(region.id)), placer.place(region).tile
        if tile is None:
            unplaced.append(row)
        else:
            placed.append((tile, row))
    ordered = [row for _, members in group_by_tile(placed, lambda each: each[0]) for _, row in members]
    most = batch_size * BATCHES_OF_A_UNIT
    pieces = [*_pieces(unplaced, most), *_pieces(ordered, most)]
    return [Unit(number, piece) for number, piece in enumerate(pieces)]


def fingerprint(units: Sequence[Unit]) -> str:
    """SHA-256 of which rows are done together, and so of the polygons' places on the raster."""
    digest = hashlib.sha256()
    for unit in units:
        digest.update(repr(unit.rows).encode())
    return digest.hexdigest()


def _pieces(rows: Sequence[int], most: int) -> List[Tuple[int, ...]]:
    return [tuple(rows[at : at + most]) for at in range(0, len(rows), most)]
