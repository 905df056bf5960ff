"""How much work a run is, counted without reading pixels and without torch."""

from __future__ import annotations

from collections.abc import Iterable

from core_model.description import Plan
from core_model.geo.regions import Placer, Region
from core_model.geo.source import RasterSource


def plan(source: RasterSource, regions: Iterable[Region], size: int) -> Plan:
    """How many polygons and tiles of ``size`` pixels a run would see; reads no pixels."""
    placer = Placer(source, size)
    tiles = [placer.place(region).tile for region in regions]
    found = [tile for tile in tiles if tile is not None]
    return Plan(len(tiles), len(found), len(set(found)))
