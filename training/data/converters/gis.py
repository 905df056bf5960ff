"""A user's own layers: any raster and any polygon layer with a class, seen through the product's pyramid of windows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple

import numpy as np
from PIL import Image

from core_model.errors import RasterError, RegionError
from core_model.geo.gdal_raster import GdalRaster
from core_model.geo.raster import Picture
from core_model.geo.regions import PlacedRegion, Placer
from core_model.geo.source import Window
from core_model.geo.tiling import TileId, group_by_tile, tile_window
from core_model.geo.vector import open_layer
from training.data.converters.base import Origin, Report, category_turns, words
from training.data.manifest import rle
from training.data.manifest.masks import HALF, Mask
from training.data.manifest.record import ManifestError, Record, RegionEntry

Labelled = Tuple[PlacedRegion, str]
# What a record's ``extra`` says of its picture: left, top, width and height in the raster's pixels; and where it is
# asked for, as run lengths, what is ``COVERED``.
WINDOW, COVERED = "window", "covered"


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


def gis(layers: Layers, origin: Origin, report: Report, *, covered: bool = False) -> Iterator[Record]:
    """One record a window, its picture written under ``origin.images``, with the polygons that are seen through it.

    Its ``extra`` says which pixels of the raster it shows. With ``covered`` it also says where any polygon of the layer
    is, also one that is seen through another window or has no class, and where the raster shows nothing.
    """
    try:
        with GdalRaster(layers.raster) as raster:
            picture = Picture(raster, layers.bands)
            placer = Placer(raster, layers.size)
            everything = list(_placed(layers, placer, report))
            shapes = [placed for placed, _ in everything] if covered else None
            origin.images.mkdir(parents=True, exist_ok=True)
            for tile, members in group_by_tile([entry for entry in everything if entry[1]], _tile_of):
                yield from _tile_record(tile, members, layers, picture, placer, origin, report, shapes)
    except (RasterError, RegionError) as error:
        raise ManifestError(str(error)) from None


def _tile_of(entry: Labelled) -> TileId:
    if entry[0].tile is None:
        raise ValueError("a polygon without a place has no tile")
    return entry[0].tile


def _placed(layers: Layers, placer: Placer, report: Report) -> Iterator[Labelled]:
    """The polygons that can be seen with their classes, "" for none."""
    with open_layer(layers.polygons, layers.layer, layers.where) as layer:
        names = [field.name for field in layer.fields]
        if layers.label_field not in names:
            raise ManifestError(
                f"{layers.polygons} has no field {layers.label_field!r}; name one of its fields with --label-field: "
                f"{', '.join(names) or 'it has none'}.")
        for feature in layer:
            value = feature.attributes[layers.label_field]
            label = "" if value is None or not words(str(value)) else str(value).strip()
            placed = placer.place(feature.region)
            if not label:
                said = "empty" if value in (None, "") else f"{value!r}, which is no word"
                report.problem(f"feature {feature.fid}", f"its {layers.label_field} is {said}")
            elif placed.tile is None:
                report.problem(f"feature {feature.fid}", f"it cannot be seen ({placed.status})")
            if placed.tile is not None:
                yield placed, label


def _tile_record(
    tile: TileId, members: Sequence[Labelled], layers: Layers, picture: Picture, placer: Placer, origin: Origin,
    report: Report, shapes: Optional[Sequence[PlacedRegion]],
) -> Iterator[Record]:
    """The window's record, unless none of its polygons has a pixel to show."""
    window = tile_window(tile, layers.size)
    rgb, valid = picture.read(window, layers.size)
    regions: List[RegionEntry] = []
    for placed, label in members:
        mask = _solid(placer.mask(placed, window, layers.size)) & valid
        if mask.any():
            regions.append(RegionEntry(label, rle=rle.encode(mask)))
        else:
            report.problem(f"feature {placed.id}", "it cannot be seen (no valid pixels)")
    if not regions:
        return
    name = f"{Path(layers.raster).stem}_{tile.level}_{tile.row}_{tile.column}"
    Image.fromarray(rgb).save(origin.images / f"{name}.png")
    gsd = members[0][0].gsd_m * 2.0**tile.level
    record = origin.record(
        name, f"{name}.png", width=layers.size, height=layers.size, regions=tuple(regions),
        conversations=category_turns(regions), place=_place(window, layers, picture),
        extra={WINDOW: [window.x, window.y, window.width, window.height]} | (
            {} if shapes is None else {COVERED: rle.encode(_covered(shapes, placer, window, layers.size) | ~valid)}))
    yield replace(record, gsd=gsd) if math.isfinite(gsd) else record


def _covered(shapes: Sequence[PlacedRegion], placer: Placer, window: Window, size: int) -> Mask:
    """Where any of the polygons shows in a window, however little of a pixel it covers."""
    found = np.zeros((size, size), bool)
    for placed in shapes:
        left, top, right, bottom = placed.bounds or (0.0, 0.0, 0.0, 0.0)
        if left < window.x + window.width and right > window.x and top < window.y + window.height and bottom > window.y:
            found |= placer.mask(placed, window, size) > 0
    return found


def _solid(share: np.ndarray) -> Mask:
    """Pixels covered to a half, or the one covered most where a polygon is smaller than that."""
    covered = share >= HALF
    return np.asarray(covered if covered.any() else (share == share.max()) & (share > 0))


def _place(window: Window, layers: Layers, picture: Picture) -> str:
    """The place that the window's middle lies in; windows may reach over the raster's edge."""
    column, row = (
        min(max(int(middle / length * layers.blocks), 0), layers.blocks - 1) for middle, length in (
            (window.x + window.width / 2, picture.source.width), (window.y + window.height / 2, picture.source.height)))
    return f"{Path(layers.raster).stem} r{row}c{column}"
