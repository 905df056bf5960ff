"""Copies of a layer's data provider (or of all it is displayed with), made on the main thread for one worker."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsRasterDataProvider,
    QgsRasterInterface,
    QgsRasterLayer,
    QgsUnitTypes,
)
from qtpy import sip

from aquila_qgis_plugin.compat import crs_text, number_of
from core_model.geo.source import BandInfo

# Qgis.DataType as numbers, which are the same in all versions.
DTYPES = {
    1: "uint8", 2: "uint16", 3: "int16", 4: "uint32", 5: "int32", 6: "float32", 7: "float64", 14: "int8",
}
ARGB32, ARGB32_PREMULTIPLIED = 12, 13
_COMPLEX = range(8, 12)
# GDAL's and QGIS's numbers of colour interpretations.
_PALETTE = 2
_COLOURS = {1: "gray", 3: "red", 4: "green", 5: "blue", 6: "alpha"}
RGB_BANDS = tuple(BandInfo(colour, "uint8") for colour in ("red", "green", "blue"))
# The pixel of a web map that names none, in metres: aerial photographs are about as fine.
_WEB_PIXEL_M = 0.25


@dataclass(eq=False)
class ProviderCopy:
    """What a worker needs to read a layer through QGIS; only ``last`` is asked for pixels, one reader at a time.

    ``stages`` keeps all parts alive and ``last`` is the one that ends the chain. ``is_colour`` says that its pixels are
    colours already, ``is_web`` that a server draws them at any scale asked for. ``palette`` is uint8 [entries, 4].
    """

    name: str
    stages: List[QgsRasterInterface]
    width: int
    height: int
    transform: Tuple[float, ...]
    crs: str
    bands: Tuple[BandInfo, ...]
    is_colour: bool
    is_web: bool
    palette: Optional[np.ndarray] = None
    lock: Any = field(default_factory=threading.Lock)

    @property
    def last(self) -> QgsRasterInterface:
        """The end of the chain."""
        return self.stages[-1]


def copy_provider(layer: QgsRasterLayer, *, as_displayed: bool) -> ProviderCopy:
    """A copy of what ``layer`` reads its pixels with, and draws them with if ``as_displayed``; for the main thread."""
    provider = layer.dataProvider()
    stages = _stages(layer) if as_displayed else [_cloned(provider)]
    is_web = number_of(provider.dataType(1)) in (ARGB32, ARGB32_PREMULTIPLIED)
    palette = None if as_displayed or is_web else _palette(provider)
    is_colour = is_web or as_displayed
    width, height = _size(provider)
    extent = provider.extent()
    transform = (
        extent.xMinimum(), extent.width() / width, 0.0, extent.yMaximum(), 0.0, -extent.height() / height,
    )
    bands = RGB_BANDS if is_colour or palette is not None else _bands(provider)
    return ProviderCopy(
        layer.name(), stages, width, height, transform, crs_text(layer.crs()), bands, is_colour, is_web, palette)


def complex_bands(provider: QgsRasterDataProvider) -> bool:
    """Whether a band holds complex numbers."""
    return any(kind in _COMPLEX for kind in _kinds(provider))


def unknown_bands(provider: QgsRasterDataProvider) -> bool:
    """Whether a band holds numbers that this QGIS cannot read, as older ones with those of 64 bits."""
    return any(kind not in (*DTYPES, ARGB32, ARGB32_PREMULTIPLIED) for kind in _kinds(provider))


def _kinds(provider: QgsRasterDataProvider) -> List[int]:
    return [number_of(provider.dataType(band)) for band in range(1, provider.bandCount() + 1)]


def _stages(layer: QgsRasterLayer) -> List[QgsRasterInterface]:
    """Copies of the parts that make a layer's colours; not of those that resample or reproject."""
    pipe = layer.pipe()
    stages = [_cloned(layer.dataProvider())]
    for part in (pipe.nuller(), pipe.renderer(), pipe.brightnessFilter(), pipe.hueSaturationFilter()):
        if part is not None:
            copied = _cloned(part)
            copied.setInput(stages[-1])
            stages.append(copied)
    return stages


def _cloned(part: QgsRasterInterface) -> QgsRasterInterface:
    """A copy that goes, with the file it holds open, when Python lets go of it."""
    copied = part.clone()
    if not sip.ispyowned(copied):  # a provider's copy: QGIS's bindings leave it to nobody
        sip.transferback(copied)
    return copied


def _size(provider: QgsRasterDataProvider) -> Tuple[int, int]:
    """Columns and rows, those of the finest zoom level (or a fine grid) where a server has no pixels of its own."""
    width, height = provider.xSize(), provider.ySize()
    if width > 0 and height > 0:
        return width, height
    pixel = min(provider.nativeResolutions(), default=0.0) or _WEB_PIXEL_M * _units_per_metre(provider.crs())
    extent = provider.extent()
    return max(1, round(extent.width() / pixel)), max(1, round(extent.height() / pixel))


def _units_per_metre(crs: QgsCoordinateReferenceSystem) -> float:
    newer = getattr(Qgis, "DistanceUnit", None)  # from 3.30 on
    metres = newer.Meters if newer is not None else QgsUnitTypes.DistanceUnit.DistanceMeters
    return float(QgsUnitTypes.fromUnitToUnitFactor(metres, crs.mapUnits())) if crs.isValid() else 1.0


def _bands(provider: QgsRasterDataProvider) -> Tuple[BandInfo, ...]:
    return tuple(_band(provider, number) for number in range(1, provider.bandCount() + 1))


def _band(provider: QgsRasterDataProvider, number: int) -> BandInfo:
    has_nodata = provider.sourceHasNoDataValue(number) and provider.useSourceNoDataValue(number)
    return BandInfo(
        _COLOURS.get(number_of(provider.colorInterpretation(number)), "undefined"),
        DTYPES[number_of(provider.dataType(number))],
        float(provider.sourceNoDataValue(number)) if has_nodata else None,
        str(provider.generateBandName(number)),
    )


def _palette(provider: QgsRasterDataProvider) -> Optional[np.ndarray]:
    """Colours uint8 [entries, 4] of a raster whose only colour band is an index into them."""
    if number_of(provider.colorInterpretation(1)) != _PALETTE or number_of(provider.dataType(1)) != 1:
        return None
    entries: Dict[int, Any] = {int(item.value): item.color for item in provider.colorTable(1)}
    if not entries:
        return None
    palette = np.zeros((256, 4), np.uint8)
    for value, colour in entries.items():
        palette[value] = colour.getRgb()
    return palette
