"""A user's own layers: any raster and any polygon layer with a class, seen through the product's pyramid of windows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from PIL import Image

from core_model.errors import RasterError, RegionError
from core_model.geo.gdal_raster import GdalRaster
from core_model.geo.raster import Picture
from core_model.geo.regions import PlacedRegion, Placer
from core_model.geo.tiling import TileId, group_by_tile, tile_window
from core_model.geo.vector import open_layer
from training.data.converters.base import Origin, Report, category_turns
from training.data.manifest import rle
from training.data.manifest.images import Pixels
from training.data.manifest.masks import HALF, Mask
from training.data.manifest.record import ManifestError, Record, RegionEntry

Labelled = Tuple[PlacedRegion, str]


@dataclass(frozen=True)
class Layers:
    """A raster, a polygon layer and the field with the class; ``bands``, ``layer`` and ``where`` as in the product.

    The ground is divided into ``blocks`` × ``blocks`` places, so that a split keeps neighbours together.
    """

    raster: str
    polygons: str
    label_field: str
    layer: Optional[str] = None
    where: Optional[str] = None
    bands: Optional[Sequence[int]] = None
    size: int = 256
    blocks: int = 6


def gis(layers: Layers, origin: Origin, report: Report) -> Iterator[Record]:
    """One record a window, its picture written under ``origin.images``, with the polygons that are seen through it."""
    try:
        with GdalRaster(layers.raster) as raster:
            picture = Picture(raster, layers.bands)
            placer = Placer(raster, layers.size)
            placed = list(_placed(layers, placer, report))
            origin.images.mkdir(parents=True, exist_ok=True)
            for tile, members in group_by_tile(placed, _tile_of):
                yield from _tile_records(tile, members, layers, picture, placer, origin, report)
    except (RasterError, RegionError) as error:
        raise ManifestError(str(error)) from None


def _tile_of(entry: Labelled) -> TileId:
    if entry[0].tile is None:
        raise ValueError("a polygon without a place has no tile")
    return entry[0].tile


def _placed(layers: Layers, placer: Placer, report: Report) -> Iterator[Labelled]:
    with open_layer(layers.polygons, layers.layer, layers.where) as layer:
        names = [field.name for field in layer.fields]
        if layers.label_field not in names:
            raise ManifestError(
                f"{layers.polygons} has no field {layers.label_field!r}; its fields are: {', '.join(names) or 'none'}")
        for feature in layer:
            label = feature.attributes[layers.label_field]
            placed = placer.place(feature.region)
            if label is None or not str(label).strip():
                report.problem(f"feature {feature.fid}", f"its {layers.label_field} is empty")
            elif placed.tile is None:
                report.problem(f"feature {feature.fid}", f"it cannot be seen ({placed.status})")
            else:
                yield placed, str(label).strip()


def _tile_records(
    tile: TileId, members: Sequence[Labelled], layers: Layers, picture: Picture, placer: Placer, origin: Origin,
    report: Report,
) -> Iterator[Record]:
    """The window's polygons by the place they lie in: usually one record, two where a border of places runs through."""
    window = tile_window(tile, layers.size)
    rgb, valid = picture.read(window, layers.size)
    groups: Dict[str, List[Tuple[PlacedRegion, RegionEntry]]] = {}
    for placed, label in members:
        mask = _solid(placer.mask(placed, window, layers.size)) & valid
        if not mask.any():
            report.problem(f"feature {placed.id}", "it cannot be seen (no valid pixels)")
            continue
        entry = RegionEntry(label, rle=rle.encode(mask))
        groups.setdefault(_place(placed, layers, picture), []).append((placed, entry))
    for place, found in groups.items():
        name = f"{Path(layers.raster).stem}_{tile.level}_{tile.row}_{tile.column}"
        _save(rgb, origin.images / f"{name}.png")
        regions = tuple(entry for _, entry in found)
        gsd = found[0][0].gsd_m * 2.0**tile.level
        record = origin.record(
            f"{name}_{place.rsplit(' ', 1)[-1]}", f"{name}.png", width=layers.size, height=layers.size, regions=regions,
            conversations=category_turns(regions), place=place)
        yield replace(record, gsd=gsd) if math.isfinite(gsd) else record


def _solid(share: np.ndarray) -> Mask:
    """Pixels covered to a half, or the one covered most where a polygon is smaller than that."""
    covered = share >= HALF
    return np.asarray(covered if covered.any() else (share == share.max()) & (share > 0))


def _place(placed: PlacedRegion, layers: Layers, picture: Picture) -> str:
    if placed.bounds is None:
        raise ValueError("a polygon without a place has no bounds")
    left, top, right, bottom = placed.bounds
    column = int((left + right) / 2 / picture.source.width * layers.blocks)
    row = int((top + bottom) / 2 / picture.source.height * layers.blocks)
    return f"{Path(layers.raster).stem} r{row}c{column}"


def _save(rgb: Pixels, path: Path) -> None:
    Image.fromarray(rgb).save(path)
