"""GDAL calls that fail the same way whichever of GDAL's two error styles the host application has chosen.

QGIS leaves the Python exceptions of GDAL off, other hosts turn them on, and the switch is global. So Aquila never
touches it: a failed call becomes ``None`` and a reason, and nothing is printed on the host's stderr.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

import numpy as np
from osgeo import gdal, osr

LONLAT = "EPSG:4326"
NO_REASON = "GDAL gives no reason"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep GDAL's messages of this thread off stderr."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        yield
    finally:
        gdal.PopErrorHandler()


def attempt(call: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, str]:
    """The result of a GDAL call and "", or ``None`` and GDAL's reason if the call failed."""
    with quiet():
        gdal.ErrorReset()
        try:
            result = call(*args, **options)
        except RuntimeError as error:
            return None, _one_line(str(error))
        if result is not None:
            return result, ""
        failed = gdal.GetLastErrorType() >= gdal.CE_Failure
        return None, _one_line(gdal.GetLastErrorMsg()) if failed else NO_REASON


def _one_line(message: str) -> str:
    return " ".join(message.split()).rstrip(".") or NO_REASON


def spatial_reference(definition: str) -> osr.SpatialReference | None:
    """The CRS of a WKT or "EPSG:…" text with x = east or longitude first, ``None`` if it is not understood."""
    reference = osr.SpatialReference()
    failure, _ = attempt(reference.SetFromUserInput, definition)
    if failure != 0:
        return None
    reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return reference


def crs_wkt_of(reference: osr.SpatialReference | None) -> str:
    """A layer's CRS as WKT, "" where it has none: GeoPackage has two names for that, "Undefined … SRS"."""
    if reference is None or (reference.GetName() or "").startswith("Undefined "):
        return ""
    return str(reference.ExportToWkt())


def readable(text: str) -> str:
    """A text of a file as it is, or, if it is not in the UTF-8 that the file claims, read as Windows-1252."""
    try:
        text.encode()
    except UnicodeEncodeError:  # GDAL hands bytes that are no UTF-8 over as surrogates
        return text.encode(errors="surrogateescape").decode("cp1252", errors="replace")
    return text


class PointTransform:
    """Points of one CRS in another, the identity where both are the same or one is unknown; one object per thread."""

    def __init__(self, source: str, target: str) -> None:
        """``source`` and ``target`` are WKT or "EPSG:…" texts, "" for unknown; see ``usable``."""
        self.usable = True
        self.source_is_geographic = self.target_is_geographic = False
        self._transformation: osr.CoordinateTransformation | None = None
        if source or target:
            self._prepare(source or target, target or source)

    def _prepare(self, source: str, target: str) -> None:
        first, second = spatial_reference(source), spatial_reference(target)
        if first is None or second is None:
            self.usable = False
            return
        self.source_is_geographic = bool(first.IsGeographic())
        self.target_is_geographic = bool(second.IsGeographic())
        if not first.IsSame(second):
            self._transformation, _ = attempt(osr.CreateCoordinateTransformation, first, second)
            self.usable = self._transformation is not None

    @property
    def is_identity(self) -> bool:
        """Whether points come out as they go in."""
        return self._transformation is None

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Points float64 [n, 2] in the target CRS; those that have no place there are not finite."""
        if self._transformation is None:
            return points
        placed, _ = attempt(self._transformation.TransformPoints, points.tolist())
        if placed is None:
            return np.full_like(points, np.inf)
        return np.asarray(placed, dtype=np.float64)[:, :2]
