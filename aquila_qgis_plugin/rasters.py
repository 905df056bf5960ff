"""Raster layers as the pixels that ``core_model`` reads: plain values and copies, made on the main thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional, Tuple, Union

from qgis.core import QgsMapLayer, QgsProviderRegistry, QgsRasterBlockFeedback, QgsRasterLayer
from qtpy import sip

from aquila_qgis_plugin.compat import crs_text
from aquila_qgis_plugin.provider_copy import ProviderCopy, complex_bands, copy_provider, unknown_bands
from aquila_qgis_plugin.provider_raster import ProviderRaster, ShownPicture
from aquila_qgis_plugin.sources import source_problem
from aquila_qgis_plugin.translation import tr
from core_model.geo.raster import GdalRaster, Picture

Source = Union[GdalRaster, ProviderRaster]


@dataclass(eq=False)
class RasterSpec:
    """A raster layer as one worker may have it: a file that GDAL opens (``is_file``), or a copy of the data provider.

    ``crs`` and ``transform`` are set where QGIS places a file in another way than the file itself says.
    """

    name: str
    is_file: bool
    path: str = ""
    crs: Optional[str] = None
    transform: Optional[Tuple[float, ...]] = None
    copied: Optional[ProviderCopy] = None

    def open(self, feedback: Optional[QgsRasterBlockFeedback] = None) -> Source:
        """The layer as a ``RasterSource`` with ``close()``, in the worker; ``feedback`` can cancel a slow read.

        :raises RasterError: if the file cannot be opened.
        """
        if self.copied is not None:
            return ProviderRaster(self.copied, feedback)
        source = GdalRaster(self.path)
        source.name = self.name
        source.crs_wkt = source.crs_wkt if self.crs is None else self.crs
        source.transform = self.transform or source.transform
        return source

    def open_picture(
        self, bands: Optional[Sequence[int]] = None, feedback: Optional[QgsRasterBlockFeedback] = None
    ) -> Picture:
        """The layer as the pictures that the model sees, in the worker; close its ``source`` when done.

        :raises RasterError: if the layer cannot be read or does not have the bands.
        """
        source = self.open(feedback)
        if isinstance(source, ProviderRaster) and self.copied is not None and self.copied.is_colour:
            return ShownPicture(source, bands, is_web=self.copied.is_web)
        return Picture(source, bands)


def raster_spec(layer: QgsRasterLayer, *, as_displayed: bool = False) -> RasterSpec:
    """What a worker needs to read ``layer``: its data, or with ``as_displayed`` the colours QGIS draws it in.

    For the main thread, and for a layer with which ``raster_problem`` finds no fault.
    """
    if as_displayed or not _is_plain_file(layer):
        return RasterSpec(layer.name(), False, copied=copy_provider(layer, as_displayed=as_displayed))
    provider = layer.dataProvider()
    crs = crs_text(layer.crs()) if layer.crs().isValid() and layer.crs() != provider.crs() else None
    return RasterSpec(layer.name(), True, provider.dataSourceUri(), crs, _unplaced(layer))


def has_crs(layer: QgsRasterLayer, *, as_displayed: bool = False) -> bool:
    """Whether a layer that ``raster_spec`` takes has a CRS then: of a plain file, its own does where QGIS has none."""
    if layer.crs().isValid():
        return True
    return not as_displayed and _is_plain_file(layer) and bool(layer.dataProvider().crs().isValid())


def raster_problem(layer: Optional[QgsMapLayer]) -> str:
    """One sentence that says why a layer cannot be described, "" if it can; for the main thread."""
    if layer is None or sip.isdeleted(layer):
        return tr("Choose a raster layer.")
    if not isinstance(layer, QgsRasterLayer):
        return tr("{name} is no raster layer; choose one.").format(name=layer.name())
    unreadable = source_problem(layer)
    if unreadable:
        return unreadable
    provider = layer.dataProvider()
    extent = provider.extent()
    if provider.bandCount() < 1 or not extent.isFinite() or extent.isEmpty():
        return tr("{name} has no pixels; choose another raster layer.").format(name=layer.name())
    if complex_bands(provider):
        return tr("{name} holds complex numbers; convert it to amplitudes first.").format(name=layer.name())
    if unknown_bands(provider) and not _is_plain_file(layer):
        return tr("{name} holds numbers that this version of QGIS cannot read; convert it to 32 bits first.").format(
            name=layer.name())
    return ""


def _is_plain_file(layer: QgsRasterLayer) -> bool:
    """Whether GDAL gets the same pixels from the layer's path as QGIS does."""
    provider = layer.dataProvider()
    if provider.name() != "gdal":
        return False
    uri = provider.dataSourceUri()
    parts = QgsProviderRegistry.instance().decodeUri("gdal", uri)
    if parts.get("openOptions") or parts.get("credentialOptions") or "authcfg=" in uri:
        return False
    return not any(_has_own_nodata(provider, band) for band in range(1, provider.bandCount() + 1))


def _has_own_nodata(provider: Any, band: int) -> bool:
    """Whether the user changed in QGIS what counts as nodata."""
    ignored = provider.sourceHasNoDataValue(band) and not provider.useSourceNoDataValue(band)
    return bool(ignored or provider.userNoDataValues(band))


def _unplaced(layer: QgsRasterLayer) -> Optional[Tuple[float, ...]]:
    """The geotransform that QGIS gives a picture without any: y is up, so its rows are at negative y."""
    extent = layer.extent()
    is_unplaced = (extent.xMinimum(), extent.yMaximum()) == (0, 0) and extent.width() == layer.width()
    return (0.0, 1.0, 0.0, 0.0, 0.0, -1.0) if is_unplaced and extent.height() == layer.height() else None
