"""Any raster GDAL can open, as a ``RasterSource``."""

from __future__ import annotations

import math
import threading
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal

from core_model.errors import RasterError
from core_model.geo.file_identity import file_identity
from core_model.geo.gdal_calls import attempt
from core_model.geo.source import BandInfo, Window

_NO_GEOREFERENCE = (0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
_COLOURS = {
    gdal.GCI_RedBand: "red",
    gdal.GCI_GreenBand: "green",
    gdal.GCI_BlueBand: "blue",
    gdal.GCI_GrayIndex: "gray",
    gdal.GCI_AlphaBand: "alpha",
}
# A straight-line fit to control points that misses by more than this many pixels is replaced by a warp.
_GCP_TOLERANCE = 1.0
_ALPHA_SAMPLES = 512
_OPAQUE_SHARE = 0.8


class GdalRaster:
    """A raster file, VSI path, VRT or GDAL connection string; implements ``RasterSource``.

    Palettes appear as three bands red, green, blue. Rasters placed by control points only get a geotransform from
    them, or are warped on the fly where a straight-line fit is too coarse. A raster without any georeference has the
    geotransform (0, 1, 0, 0, 0, 1): x right and y down in pixels. A band marked alpha whose values spread as those
    of a picture do (near infrared written as a fourth band) is an ordinary band and masks nothing. Scale and offset
    are not applied: they cancel in the per-band stretch, and raw integers keep all their digits.
    """

    thread_safe = True

    def __init__(self, path: str | Path) -> None:
        """:raises RasterError: if ``path`` is no raster with real-valued bands."""
        self.path = str(path)
        self.name = Path(self.path).name or self.path
        self._lock = threading.Lock()
        self._file = _open(self.path)
        self.files: list[str] = list(self._file.GetFileList() or [])
        self._opened_as = file_identity(self._file, self.path)
        self._dataset: Any = _place(self._file, self.name)
        self.width: int = self._dataset.RasterXSize
        self.height: int = self._dataset.RasterYSize
        transform = self._dataset.GetGeoTransform(can_return_null=True)
        self.transform: tuple[float, ...] = tuple(transform or _NO_GEOREFERENCE)
        self.crs_wkt: str = self._dataset.GetProjection() or ""
        _check_transform(self.transform, self.name)
        infos = [self._band_info(index + 1) for index in range(self._dataset.RasterCount)]
        self._alpha = self._find_alpha(infos)
        self._palette = _palette(self._dataset, infos)
        self._mask_band = self._find_mask()
        self.bands: Sequence[BandInfo] = tuple(infos if self._palette is None else _palette_bands())

    def __enter__(self) -> GdalRaster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._dataset = self._alpha = self._mask_band = self._file = None

    def read(self, window: Window, shape: tuple[int, int], bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """See ``RasterSource.read``; values come in the raster's own number type."""
        with self._lock:
            return self._read(window, shape, bands)

    @property
    def identity(self) -> Hashable | None:
        """See ``RasterSource.identity``; ``None`` too where a file has changed since it was opened."""
        with self._lock:
            now = None if self._file is None else file_identity(self._file, self.path)
        return now if now == self._opened_as else None

    def _read(self, window: Window, shape: tuple[int, int], bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        if self._dataset is None:
            raise RasterError(f"{self.name} is closed; open it again to read from it.")
        stored = [1] if self._palette is not None else list(bands)
        rows = _inside(window.y, window.height, shape[0], self.height)
        columns = _inside(window.x, window.width, shape[1], self.width)
        place = slice(rows[0], rows[1]), slice(columns[0], columns[1])
        valid = np.zeros(shape, dtype=bool)
        count = len(bands)
        if rows[0] >= rows[1] or columns[0] >= columns[1]:
            return np.zeros((count, *shape), dtype=self.bands[bands[0] - 1].dtype), valid
        found, good = self._read_inside(rows, columns, stored)
        if self._palette is not None:
            found, good = _expand(self._palette, found[0], good, bands)
        values = np.zeros((count, *shape), dtype=found.dtype)
        values[(slice(None), *place)], valid[place] = found, good
        return values, valid

    def _read_inside(
        self, rows: tuple[int, int, float, float], columns: tuple[int, int, float, float], bands: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        area = columns[2], rows[2], columns[3] - columns[2], rows[3] - rows[2]
        buffer = {"buf_xsize": columns[1] - columns[0], "buf_ysize": rows[1] - rows[0]}
        values = self._pixels(self._dataset, *area, **buffer, band_list=list(bands))
        values = values.reshape(len(bands), *values.shape[-2:])
        valid = self._data_mask(values, bands)
        for masking in (self._mask_band, self._alpha):
            if masking is not None:
                valid &= self._pixels(masking, *area, **buffer) > 0
        return values, valid

    def _pixels(self, holder: Any, *area: float, **options: Any) -> np.ndarray:
        """Pixels of a data set or band, nearest neighbour (GDAL's default), which no mask of GDAL's interferes with."""
        values, reason = attempt(holder.ReadAsArray, *area, **options)
        if values is None:
            raise RasterError(
                f"{self.name} could not be read; the file seems damaged or out of reach ({reason}). "
                "Copy or download it again."
            )
        return np.asarray(values)

    def _data_mask(self, values: np.ndarray, bands: Sequence[int]) -> np.ndarray:
        """Where the pixels are data: finite in every band and not nodata in all of them."""
        valid = np.ones(values.shape[1:], dtype=bool)
        if values.dtype.kind == "f":
            valid &= np.isfinite(values).all(axis=0)
        nodata = [self._nodata(index) for index in bands]
        if all(value is not None and not math.isnan(value) for value in nodata):
            valid &= ~np.all([_equals(band, value) for band, value in zip(values, nodata)], axis=0)
        return valid

    def _nodata(self, index: int) -> float | None:
        value = self._dataset.GetRasterBand(index).GetNoDataValue()
        return None if value is None else float(value)

    def _band_info(self, index: int) -> BandInfo:
        band = self._dataset.GetRasterBand(index)
        kind = band.DataType
        if gdal.DataTypeIsComplex(kind):
            raise RasterError(f"{self.name} holds complex numbers; convert it to amplitudes first.")
        from_gdal = {gdal.GDT_Byte: "uint8", gdal.GDT_UInt16: "uint16", gdal.GDT_Int16: "int16"}
        dtype = from_gdal.get(kind) or gdal.GetDataTypeName(kind).lower()
        colour = _COLOURS.get(band.GetColorInterpretation(), "undefined")
        return BandInfo(colour, dtype, self._nodata(index), band.GetDescription() or "")

    def _find_alpha(self, infos: list[BandInfo]) -> Any:
        """The band that really is alpha; one that is only called so becomes an ordinary band in ``infos``."""
        for index, info in enumerate(infos):
            if info.colour != "alpha":
                continue
            band = self._dataset.GetRasterBand(index + 1)
            if len(infos) > 1 and self._is_opacity(band):
                return band
            infos[index] = BandInfo("undefined", info.dtype, info.nodata, info.description)
        return None

    def _is_opacity(self, band: Any) -> bool:
        """Opacity is nearly all 0 or full; whatever is not transparent in near infrared spreads over many values."""
        size = {"buf_xsize": min(self.width, _ALPHA_SAMPLES), "buf_ysize": min(self.height, _ALPHA_SAMPLES)}
        values = self._pixels(band, **size).astype(np.float64)
        top = values.max()
        seen = values[values > 0.02 * top]
        # Nowhere opaque: an alpha that was never filled in says nothing about a picture that is there.
        return bool(seen.size and (seen >= 0.97 * top).mean() >= _OPAQUE_SHARE)

    def _find_mask(self) -> Any:
        """The mask that belongs to the data set, ``None`` where the bands' nodata or alpha say it all."""
        band = self._dataset.GetRasterBand(1)
        flags = band.GetMaskFlags()
        of_all_bands = gdal.GMF_NODATA | gdal.GMF_PER_DATASET  # a colour that means none, in no band by itself
        if flags & of_all_bands == of_all_bands:
            return band.GetMaskBand()
        return None if flags & (gdal.GMF_ALL_VALID | gdal.GMF_NODATA | gdal.GMF_ALPHA) else band.GetMaskBand()


def _open(path: str) -> Any:
    dataset, reason = attempt(gdal.OpenEx, path, gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR)
    if dataset is None:
        raise RasterError(f"{path} cannot be opened as a raster ({reason}); check the path and the format.")
    if dataset.RasterCount == 0:
        parts = [name for name, _ in dataset.GetSubDatasets()]
        hint = f"it holds several rasters, name one of them: {', '.join(parts[:8])}" if parts else "choose another file"
        raise RasterError(f"{path} has no bands of its own; {hint}.")
    return dataset


def _place(dataset: Any, name: str) -> Any:
    """The data set with a geotransform made from its control points if these are all the georeference it has."""
    if dataset.GetGeoTransform(can_return_null=True) or dataset.GetGCPCount() < 3:
        return dataset
    points, crs = dataset.GetGCPs(), dataset.GetGCPProjection()
    transform, _ = attempt(gdal.GCPsToGeoTransform, points, 1)
    if transform is not None and _misfit(points, transform) <= _GCP_TOLERANCE:
        placed, reason = attempt(gdal.Translate, "", dataset, format="VRT", outputSRS=crs, noData=None)
        if placed is not None:
            placed.SetGCPs([], "")
            placed.SetProjection(crs)
            placed.SetGeoTransform(transform)
    else:
        nodata = dataset.GetRasterBand(1).GetNoDataValue()
        placed, reason = attempt(gdal.Warp, "", dataset, format="VRT", dstAlpha=nodata is None, multithread=False)
    if placed is None:
        raise RasterError(f"the control points of {name} cannot place it ({reason}); georeference it first.")
    return placed


def _misfit(points: Sequence[Any], transform: Sequence[float]) -> float:
    """The largest distance in pixels between control points and where ``transform`` puts them."""
    inverse = gdal.InvGeoTransform(transform)
    if inverse is None:
        return math.inf
    found = (gdal.ApplyGeoTransform(inverse, point.GCPX, point.GCPY) for point in points)
    return max(math.dist(place, (point.GCPPixel, point.GCPLine)) for place, point in zip(found, points))


def _check_transform(transform: Sequence[float], name: str) -> None:
    determinant = transform[1] * transform[5] - transform[2] * transform[4]
    if not math.isfinite(determinant) or determinant == 0:
        raise RasterError(f"the geotransform of {name} maps all pixels onto one line; georeference the raster again.")


def _palette(dataset: Any, infos: Sequence[BandInfo]) -> np.ndarray | None:
    """Colours uint8 [entries, 4] of a raster whose only band, but for an alpha band, is an index into them."""
    band = dataset.GetRasterBand(1)
    table = band.GetRasterColorTable()
    is_index = band.GetRasterColorInterpretation() == gdal.GCI_PaletteIndex
    if any(info.colour != "alpha" for info in infos[1:]) or not is_index or table is None or table.GetCount() == 0:
        return None
    entries = [table.GetColorEntry(index) for index in range(table.GetCount())]
    return np.clip(np.array(entries), 0, 255).astype(np.uint8)


def _expand(
    palette: np.ndarray, entry: np.ndarray, good: np.ndarray, bands: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Colours [n, h, w] of palette entries [h, w], and valid [h, w] without the transparent ones."""
    colours = palette[np.minimum(entry, len(palette) - 1).astype(np.intp)]
    return np.moveaxis(colours[..., [band - 1 for band in bands]], -1, 0), good & (colours[..., 3] > 0)


def _palette_bands() -> tuple[BandInfo, ...]:
    return tuple(BandInfo(colour, "uint8") for colour in ("red", "green", "blue"))


def _inside(start: float, length: float, count: int, limit: int) -> tuple[int, int, float, float]:
    """Of ``count`` cells from ``start``: first and last + 1 with their centre in 0…limit, and where they lie."""
    step = length / count
    first = max(0, math.ceil(round(-start / step - 0.5, 9)))
    last = min(count, math.ceil(round((limit - start) / step - 0.5, 9)))
    low, high = max(0.0, start + first * step), min(float(limit), start + last * step)
    if high - low < 1:
        # GDAL reads whole pixels: a sliver is taken from the pixel it lies in.
        low = min(math.floor(max(0.0, low)), limit - 1)
        high = low + 1
    return first, last, low, high


def _equals(values: np.ndarray, nodata: float | None) -> np.ndarray:
    if values.dtype == np.float32 and nodata is not None and abs(nodata) <= np.finfo(np.float32).max:
        return values == np.float32(nodata)
    return values == nodata
