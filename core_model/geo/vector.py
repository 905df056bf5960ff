"""Polygon layers of any format OGR reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osgeo import gdal, ogr

from core_model.errors import RegionError
from core_model.folders import exists
from core_model.geo.gdal_calls import NO_REASON, attempt, crs_wkt_of, readable
from core_model.geo.polygons import kind_of
from core_model.geo.regions import Region

_PEEK = 100
_LISTS = (ogr.OFTIntegerList, ogr.OFTInteger64List, ogr.OFTRealList, ogr.OFTStringList)


@dataclass(frozen=True)
class FieldInfo:
    """One attribute of a layer; ``type`` and ``subtype`` are OGR's numbers (ogr.OFTString, …)."""

    name: str
    type: int
    subtype: int
    width: int
    precision: int

    @property
    def is_list(self) -> bool:
        """Whether a row holds several values here."""
        return self.type in _LISTS

    def to_ogr(self) -> ogr.FieldDefn:
        """The same as OGR wants it for ``Layer.CreateField``; a list becomes JSON, which most formats can hold."""
        if self.is_list:
            definition = ogr.FieldDefn(self.name, ogr.OFTString)
            definition.SetSubType(ogr.OFSTJSON)
            return definition
        definition = ogr.FieldDefn(self.name, self.type)
        definition.SetSubType(self.subtype)
        definition.SetWidth(self.width)
        definition.SetPrecision(self.precision)
        return definition


@dataclass(frozen=True, eq=False)
class Feature:
    """One row: its number, its attributes by name, its polygon, and the OGR feature itself.

    ``record`` is good for as long as the layer is open.
    """

    fid: int
    attributes: dict[str, Any]
    region: Region
    record: ogr.Feature


class VectorLayer:
    """A polygon layer; iterating it (again and again, but one loop at a time) gives its ``Feature`` rows."""

    def __init__(self, dataset: gdal.Dataset, layer: ogr.Layer, path: str) -> None:
        # The layer is only good while its data set is alive.
        self._dataset, self._layer = dataset, layer
        self.path = path
        self.name: str = layer.GetName()
        self.crs_wkt = crs_wkt_of(layer.GetSpatialRef())
        definition = layer.GetLayerDefn()
        self.fields = tuple(_field(definition.GetFieldDefn(i)) for i in range(definition.GetFieldCount()))
        self.geometry_type: int = layer.GetGeomType()
        self.fid_column: str = layer.GetFIDColumn()
        self.files: list[str] = list(dataset.GetFileList() or [path])

    def __len__(self) -> int:
        count = int(self._layer.GetFeatureCount())
        return count if count >= 0 else sum(1 for _ in self)  # a driver that would have to read all gives −1

    def __iter__(self) -> Iterator[Feature]:
        self._layer.ResetReading()
        while True:
            record, reason = attempt(self._layer.GetNextFeature)
            if record is None and reason != NO_REASON:
                raise RegionError(f"layer {self.name} of {self.path} cannot be read to its end ({reason}); repair it.")
            if record is None:
                return
            yield self._feature(record)

    def __enter__(self) -> VectorLayer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._layer = self._dataset = None

    def _feature(self, record: ogr.Feature) -> Feature:
        geometry = record.GetGeometryRef()
        wkb = b"" if geometry is None else bytes(geometry.ExportToIsoWkb())
        values = {field.name: record.GetField(i) for i, field in enumerate(self.fields)}
        fid = record.GetFID()
        return Feature(fid, values, Region(fid, wkb, self.crs_wkt), record)


def open_layer(path: str | Path, layer: str | None = None, where: str | None = None) -> VectorLayer:
    """The polygon layer of a file, connection string or VSI path; ``where`` is an OGR SQL condition on its rows.

    Without ``layer``, the only polygon layer is taken.

    :raises RegionError: if there is no such file, layer or column, or the layer holds no polygons.
    """
    text = str(path)
    dataset, reason = attempt(gdal.OpenEx, text, gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR)
    if dataset is None:
        missing = not exists(text) and ":" not in text and not text.startswith("/vsi")
        problem = "there is no such file" if missing else reason
        raise RegionError(f"{text} cannot be opened as a vector layer ({problem}); check the path and the format.")
    chosen = _find_layer(dataset, text, layer)
    _require_polygons(chosen)
    if where:
        _filter(chosen, where)
    return VectorLayer(dataset, chosen, text)


def _find_layer(dataset: gdal.Dataset, path: str, name: str | None) -> ogr.Layer:
    layers = [dataset.GetLayer(index) for index in range(dataset.GetLayerCount())]
    names = ", ".join(layer.GetName() for layer in layers) or "none"
    if name is not None:
        for layer in layers:
            if layer.GetName() == name:
                return layer
        raise RegionError(f"{path} has no layer '{name}'; its layers are: {names}.")
    if not layers:
        raise RegionError(f"{path} has no layers; choose a file with polygons.")
    polygons = [layer for layer in layers if _holds(layer) in ("polygon", "nothing yet")]
    if len(layers) > 1 and len(polygons) != 1:
        raise RegionError(f"{path} has several layers; name the one with your polygons: {names}.")
    return polygons[0] if polygons else layers[0]


def _holds(layer: ogr.Layer) -> str:
    """What a layer holds: polygon, point, line, table, mixture, or "nothing yet" if it does not say and has no rows."""
    declared = layer.GetGeomType()
    if declared == ogr.wkbNone:
        return "table"
    kind = kind_of(declared)
    if kind != "mixture":
        return kind
    found = _kinds_in(layer)
    return "polygon" if "polygon" in found else sorted(found)[0] if found else "nothing yet"


def _kinds_in(layer: ogr.Layer) -> set[str]:
    """The kinds of geometry in the first rows of a layer that declares none."""
    layer.ResetReading()
    found = set()
    for _ in range(_PEEK):
        record, _ = attempt(layer.GetNextFeature)
        if record is None:
            break
        geometry = record.GetGeometryRef()
        if geometry is not None and not geometry.IsEmpty():
            kind = kind_of(geometry.GetGeometryType())
            # A collection may hold polygons: that is for each row to say.
            found.add("polygon" if kind == "mixture" else kind)
    layer.ResetReading()
    return found


def _require_polygons(layer: ogr.Layer) -> None:
    kind = _holds(layer)
    if kind in ("polygon", "nothing yet"):
        return
    if kind == "table":
        raise RegionError(f"layer {layer.GetName()} is a table without geometry; choose a polygon layer.")
    raise RegionError(f"layer {layer.GetName()} holds {kind}s; choose a polygon layer, or buffer the {kind}s first.")


def _filter(layer: ogr.Layer, where: str) -> None:
    """Keep the rows of a condition; some drivers only find it wrong when they first read."""
    failure, reason = attempt(layer.SetAttributeFilter, where)
    if failure == 0:
        row, reason = attempt(layer.GetNextFeature)
        layer.ResetReading()
        if row is not None or reason == NO_REASON:
            return
    columns = [layer.GetLayerDefn().GetFieldDefn(i).GetName() for i in range(layer.GetLayerDefn().GetFieldCount())]
    known = ", ".join(columns) or "none"
    raise RegionError(
        f"the condition '{where}' cannot be used on layer {layer.GetName()} ({reason}); columns: {known}."
    )


def _field(definition: ogr.FieldDefn) -> FieldInfo:
    return FieldInfo(
        readable(definition.GetName()),
        definition.GetType(),
        definition.GetSubType(),
        definition.GetWidth(),
        definition.GetPrecision(),
    )
