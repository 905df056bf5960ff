"""Regions as vectors, and how alike every place of a raster is to one region.

The vector of a region is its mask token, before the language model reads it: a linear map of the masked means of the
pyramid's levels. A mean over a region is the mean of its cells, and the same linear map can be laid over every single
cell of a picture. So each cell (four picture pixels wide) has a vector of its own, to which a coarser level gives the
value of the coarse cell it lies in, unsmoothed; the mean of a region's cell vectors, weighted by their covered share,
is the region's vector. (Exactly so with "area" pooling; "osprey" pooling takes whole cells at each level.)
The similarity map is the cosine between these cell vectors and the region's vector: what the extractor sees, with the
blocks it sees it in. It holds nothing of the surroundings' tokens and of the spatial token.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import List, Tuple

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from core_model.checkpoint import LoadedModel
from core_model.errors import RegionError
from core_model.geo.raster import Picture
from core_model.geo.regions import PlacedRegion, Region
from core_model.geo.source import RasterSource, Window
from core_model.geo.tiling import TileId, tile_window
from core_model.network.aquila import Aquila
from core_model.network.encoder import STRIDES, FeaturePyramid
from core_model.network.extractor import MaskExtractor
from core_model.network.transfer import on_device
from core_model.seeing import BatchSize, Cancelled, Progress, Raster, Seen, Walk, never, open_picture, side_by_side

# Picture pixels along a side of a cell of the similarity map.
CELL = STRIDES[0]
# Pictures encoded together for a map, and cells [·, hidden] laid out together: both bound the memory it takes.
_PICTURES, _CELLS = 8, 4096


@dataclass(frozen=True, eq=False)
class Embedding:
    """The vector float32 [length] of one region, ``None`` where ``status`` says why; ``level`` is that of its tile."""

    id: Hashable
    status: str
    vector: np.ndarray | None = field(default=None, repr=False)
    level: int = 0


@dataclass(frozen=True)
class Block:
    """A rectangle of a similarity map: float32 [h, w] in -1…1 from ``row``, ``column``; nan where there is no data."""

    row: int
    column: int
    values: np.ndarray


class Embedder:
    """Turns regions into vectors with one model; ``batch_size`` regions share one pass through it."""

    def __init__(self, loaded: LoadedModel, *, batch_size: int = 32) -> None:
        self.model_name = loaded.name
        self.size = loaded.model.config.encoder.image_size
        self.batch_size = max(1, batch_size)
        self._model = loaded.model

    @property
    def length(self) -> int:
        """How many numbers a vector has."""
        return int(self._model.extractor.feat_linear.out_features)

    def embed(
        self, raster: Raster, regions: Iterable[Region], *, unit: bool = True, bands: Sequence[int] | None = None,
        wider: int = 0, progress: Progress | None = None, is_cancelled: Cancelled | None = None,
    ) -> Iterator[Embedding]:
        """One ``Embedding`` for each region, as ``Describer.describe`` sees them; of length 1 if ``unit``.

        :raises RasterError: if the raster cannot be opened. A tile that cannot be read only concerns its regions.
        """
        picture, opened = open_picture(raster, bands)
        walk = Walk(
            size=self.size, batch=BatchSize(self.batch_size), wider=wider, work=lambda seen: self._vectors(seen, unit),
            blank=_blank)
        return walk.stream(picture, opened, regions, progress, is_cancelled)

    def reference(
        self, raster: Raster, region: Region, *, bands: Sequence[int] | None = None, wider: int = 0
    ) -> Embedding:
        """The vector that others are compared with.

        :raises RegionError: if the region cannot be seen on the raster.
        """
        found = next(self.embed(raster, [region], bands=bands, wider=wider))
        if found.vector is None:
            raise RegionError(f"the reference polygon cannot be used ({found.status}); choose one on the raster.")
        return found

    def similarity(
        self, picture: Picture, reference: Embedding, window: Window | None = None
    ) -> SimilarityMap:
        """How alike every place of ``picture``, or of a ``window`` of its raster, is to ``reference`` of that raster.

        :raises RegionError: if the reference has no vector, or the window lies outside the raster.
        """
        return SimilarityMap(self._model, picture, reference, window, min(self.batch_size, _PICTURES))

    @torch.inference_mode()
    def _vectors(self, seen: Sequence[Seen], unit: bool) -> List[Embedding]:
        model = self._model
        pictures, masks, image_index = side_by_side(seen)
        images = np.stack([shown.rgb for shown in pictures])
        found = model.extractor.mask_features(
            model.encoder(on_device(images, model.device)), on_device(masks, model.device).to(model.dtype),
            torch.tensor(image_index, device=model.device),
        )
        vectors = model.extractor.feat_linear(found).float()
        if unit:
            vectors = functional.normalize(vectors, dim=1)
        return [
            Embedding(item.placed.id, item.placed.status, vector, item.tile.level)
            for item, vector in zip(seen, vectors.cpu().numpy())
        ]


class SimilarityMap:
    """The cosine similarity of every place of a raster to one region, computed tile by tile as it is read.

    A cell is ``4 · 2^level`` raster pixels wide, at the level at which the region itself was seen, so that like is
    compared with like. ``width``, ``height``, ``transform`` (GDAL's six numbers) and ``crs_wkt`` are the map's;
    ``tiles`` says how many pictures it takes.
    """

    def __init__(
        self, model: Aquila, picture: Picture, reference: Embedding, window: Window | None, pictures: int
    ) -> None:
        if reference.vector is None:
            raise RegionError(f"the reference polygon cannot be used ({reference.status}); choose one on the raster.")
        self._model, self._picture, self._pictures = model, picture, pictures
        self._size = model.config.encoder.image_size
        self._level = reference.level
        self._vector = torch.from_numpy(reference.vector).to(model.device)
        source, cell = picture.source, CELL * 2.0**reference.level
        columns, rows = math.ceil(source.width / cell), math.ceil(source.height / cell)
        self._left, right = _cells(window.x, window.width, cell, columns) if window else (0, columns)
        self._top, bottom = _cells(window.y, window.height, cell, rows) if window else (0, rows)
        self.width, self.height = right - self._left, bottom - self._top
        if self.width <= 0 or self.height <= 0:
            raise RegionError("the extent lies outside the raster; choose one that overlaps it.")
        self._columns = _spans(self._left, right, columns, self._size // CELL)
        self._rows = _spans(self._top, bottom, rows, self._size // CELL)
        self.transform = _moved(source, self._left * cell, self._top * cell, cell)
        self.crs_wkt = source.crs_wkt
        self.tiles = len(self._rows) * len(self._columns)

    def blocks(
        self, progress: Progress | None = None, is_cancelled: Cancelled | None = None
    ) -> Iterator[Block]:
        """The map's rectangles, which together cover it once; ``progress`` gets (tiles done, tiles).

        :raises RasterError: if the raster cannot be read.
        """
        stopped = is_cancelled or never
        places = [(row, column) for row in self._rows for column in self._columns]
        for start in range(0, len(places), self._pictures):
            if stopped():
                return
            batch = places[start : start + self._pictures]
            yield from self._batch(batch)
            if progress is not None:
                progress(start + len(batch), len(places))

    def _batch(self, places: Sequence[Tuple[_Span, _Span]]) -> Iterator[Block]:
        """The blocks of a few tiles; those without data are not even looked at."""
        read = [self._picture.read(self._window(row, column), self._size) for row, column in places]
        seen = [number for number, (_, valid) in enumerate(read) if valid.any()]
        maps = dict(zip(seen, self._maps(np.stack([read[number][0] for number in seen])))) if seen else {}
        for number, (row, column) in enumerate(places):
            inside = slice(row.inner, row.inner + row.length), slice(column.inner, column.inner + column.length)
            values = np.full((row.length, column.length), np.nan, dtype=np.float32)
            if number in maps:
                known = _any_per_cell(read[number][1])[inside]
                values[known] = maps[number][inside][known]
            yield Block(row.start - self._top, column.start - self._left, values)

    def _window(self, row: _Span, column: _Span) -> Window:
        return tile_window(TileId(self._level, row.tile, column.tile), self._size)

    @torch.inference_mode()
    def _maps(self, images: np.ndarray) -> np.ndarray:
        """Pictures uint8 [T, S, S, 3] to similarities float32 [T, S/4, S/4]."""
        pyramid = self._model.encoder(on_device(images, self._model.device))
        extractor, found = self._model.extractor, []
        for number in range(len(images)):
            cells = cell_features(extractor, [level[number : number + 1] for level in pyramid])[0]
            parts = cells.flatten(0, 1).split(_CELLS)
            likeness = [
                functional.cosine_similarity(extractor.feat_linear(part).float(), self._vector.unsqueeze(0), dim=1)
                for part in parts
            ]
            found.append(torch.cat(likeness).clamp(-1, 1).view(cells.shape[:2]))
        return np.asarray(torch.stack(found).cpu().numpy())


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """The cosine between two vectors, 0 where one of them is nothing."""
    scale = float(np.linalg.norm(one) * np.linalg.norm(other))
    return max(-1.0, min(1.0, float(one @ other) / scale)) if scale > 0 else 0.0


def cell_features(extractor: MaskExtractor, pyramid: FeaturePyramid | Sequence[Tensor]) -> Tensor:
    """The levels at every cell of the finest, projected to one width and summed: [T, S/4, S/4, width].

    ``feat_linear`` makes the cells' vectors of it. Coarse cells are repeated, not smoothed: see the module's text.
    """
    finest = pyramid[0].shape[-2:]
    summed = None
    for linear, level in zip(extractor.levels, pyramid):
        projected = linear(level.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        spread = functional.interpolate(projected, finest, mode="nearest")
        summed = spread if summed is None else summed + spread
    if summed is None:
        raise ValueError("a pyramid has at least one level")
    return summed.permute(0, 2, 3, 1)


@dataclass(frozen=True)
class _Span:
    """Cells ``start`` … ``start + length`` of the raster's grid, seen from ``inner`` on in tile number ``tile``."""

    tile: int
    start: int
    length: int
    inner: int


def _spans(first: int, stop: int, total: int, side: int) -> List[_Span]:
    """Cells ``first`` … ``stop`` of ``total``, each in the tile of ``side`` cells in whose middle half it lies."""
    half, quarter = side // 2, side // 4
    last = max(0, math.ceil(total / half) - 2)
    spans = []
    for tile in range(last + 1):
        start = max(first, tile * half + quarter if tile else 0)
        end = min(stop, (tile + 1) * half + quarter if tile < last else total)
        if end > start:
            spans.append(_Span(tile, start, end - start, start - tile * half))
    return spans


def _cells(start: float, length: float, cell: float, most: int) -> Tuple[int, int]:
    """First cell and last + 1 that pixels from ``start`` touch; a hair over a cell's edge does not touch the next."""
    return max(0, math.floor(start / cell + 1e-6)), min(most, math.ceil((start + length) / cell - 1e-6))


def _moved(source: RasterSource, x: float, y: float, scale: float) -> Tuple[float, ...]:
    """The geotransform of a raster that starts at pixel x, y of ``source`` and has pixels ``scale`` times as large."""
    x0, a, b, y0, c, d = source.transform
    return (x0 + x * a + y * b, a * scale, b * scale, y0 + x * c + y * d, c * scale, d * scale)


def _any_per_cell(valid: np.ndarray) -> np.ndarray:
    """Which cells [S/4, S/4] hold a valid pixel of [S, S]."""
    side = len(valid) // CELL
    return np.asarray(valid.reshape(side, CELL, side, CELL).any(axis=(1, 3)))


def _blank(placed: PlacedRegion, status: str) -> Embedding:
    return Embedding(placed.id, status)
