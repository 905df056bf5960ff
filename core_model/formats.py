"""The vector formats results can be written in, and how a finished GeoPackage becomes one of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

from osgeo import gdal, ogr, osr

from core_model.errors import OutputError
from core_model.geo.gdal_calls import LONLAT, attempt, spatial_reference

# A text column of a shapefile holds this many bytes.
SHAPEFILE_TEXT = 254


@dataclass(frozen=True)
class Format:
    """One format: its OGR drivers, best first, and the suffixes of the files beside the named one."""

    drivers: Tuple[str, ...]
    beside: Tuple[str, ...] = ()
    layer_options: Tuple[str, ...] = ()
    # Only longitude and latitude can be stored.
    geographic: bool = False
    # Rows keep their numbers.
    numbered: bool = False


FORMATS: Dict[str, Format] = {
    ".gpkg": Format(("GPKG",), numbered=True),
    ".geojson": Format(("GeoJSON",), numbered=True),
    ".json": Format(("GeoJSON",), numbered=True),
    ".geojsonl": Format(("GeoJSONSeq",), geographic=True, numbered=True),
    ".shp": Format(("ESRI Shapefile",), (".shx", ".dbf", ".prj", ".cpg", ".qix"), ("ENCODING=UTF-8",)),
    # Without the index rows stay in order, and those without a geometry can be written.
    ".fgb": Format(("FlatGeobuf",), layer_options=("SPATIAL_INDEX=NO",)),
    ".sqlite": Format(("SQLite",), numbered=True),
    ".kml": Format(("LIBKML", "KML"), geographic=True),
    ".csv": Format(("CSV",), layer_options=("GEOMETRY=AS_WKT",)),
    ".gml": Format(("GML",), (".xsd", ".gfs")),
    ".tab": Format(("MapInfo File",), (".dat", ".map", ".id", ".ind")),
    ".mif": Format(("MapInfo File",), (".mid",)),
}


def format_of(path: Path) -> Tuple[Format, Any]:
    """The format a file's extension asks for and its driver; raises ``OutputError`` for one that cannot be written."""
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        known = " ".join(FORMATS)
        raise OutputError(f"results cannot be written as '{path.suffix or path.name}'; use one of {known}.")
    for name in found.drivers:
        driver = gdal.GetDriverByName(name)
        if driver is not None:
            return found, driver
    raise OutputError(f"this GDAL has no driver to write {path.suffix}; use .gpkg.")


def files_of(path: Path) -> List[Path]:
    """The file and those beside it that make up one data set."""
    return [path, *(path.with_suffix(suffix) for suffix in format_of(path)[0].beside)]


def succeed(call: Any, *args: Any) -> None:
    """Make an OGR call that returns 0 on success; raises ``OutputError`` otherwise."""
    code, reason = attempt(call, *args)
    if code != 0:
        why = " ".join((reason or gdal.GetLastErrorMsg() or "GDAL gives no reason").split())
        raise OutputError(f"the results cannot be written ({why}); check the free space and the permissions.")


def create_layer(
    driver: Any, path: Path, name: str, crs: osr.SpatialReference | None, kind: int, options: List[str]
) -> Tuple[Any, Any]:
    """A new data set and its only layer; raises ``OutputError``."""
    dataset, reason = attempt(driver.Create, str(path), 0, 0, 0, gdal.GDT_Unknown)
    layer = None
    if dataset is not None:
        layer, reason = attempt(dataset.CreateLayer, name, crs, kind, options)
    if layer is None:
        raise OutputError(f"{path} cannot be created ({reason}); check the folder and the permissions.")
    return dataset, layer


def create_field(driver: Any, layer: Any, definition: ogr.FieldDefn) -> int:
    """Add a column, as text where the format lacks its type; returns its place."""
    supported = (driver.GetMetadataItem("DMD_CREATIONFIELDDATATYPES") or "").split()
    kind = ogr.GetFieldTypeName(definition.GetType())
    if supported and kind not in supported:
        definition = ogr.FieldDefn(definition.GetName(), ogr.OFTString)
    succeed(layer.CreateField, definition)
    return int(layer.GetLayerDefn().GetFieldCount()) - 1


class Export:
    """Copies a layer into a file of another format; ``notes`` tells what that format could not hold."""

    def __init__(self, source: Any, path: Path) -> None:
        self._source, self._path = source, path
        self._format, self._driver = format_of(path)
        self._crs = source.GetSpatialRef()
        self._transformation: Any = None
        self._is_shapefile = "ESRI Shapefile" in self._format.drivers
        self._cut = self._unplaced = 0

    def run(self) -> List[str]:
        """Write the file in place of an older one; returns sentences for the user."""
        for path in files_of(self._path):
            path.unlink(missing_ok=True)
        options = [*self._format.layer_options, *self._choose_crs()]
        dataset, layer = create_layer(
            self._driver, self._path, self._path.stem, self._crs, self._kind(), options)
        mapping = self._create_fields(layer)
        self._source.ResetReading()
        for record in iter(self._source.GetNextFeature, None):
            self._write(layer, record, mapping)
        succeed(layer.SyncToDisk)
        dataset.FlushCache()
        del layer, dataset
        return self._notes()

    def _choose_crs(self) -> List[str]:
        """Settle on the file's CRS; returns layer options."""
        is_geojson = "GeoJSON" in self._format.drivers
        unnamed = is_geojson and self._crs is not None and self._crs.GetAuthorityCode(None) is None
        if self._crs is None or not (self._format.geographic or unnamed):
            return []
        lonlat = spatial_reference(LONLAT)
        source = self._crs.Clone()
        source.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        if not source.IsSame(lonlat):
            self._transformation, _ = attempt(osr.CreateCoordinateTransformation, source, lonlat)
        self._crs = lonlat
        return ["RFC7946=YES"] if is_geojson else []

    def _kind(self) -> int:
        kind = int(self._source.GetGeomType())
        return ogr.wkbPolygon if self._is_shapefile and kind == ogr.wkbUnknown else kind

    def _create_fields(self, layer: Any) -> List[int]:
        definition = self._source.GetLayerDefn()
        mapping = []
        for index in range(definition.GetFieldCount()):
            field = definition.GetFieldDefn(index)
            copy = ogr.FieldDefn(field.GetName(), field.GetType())
            copy.SetSubType(field.GetSubType())
            copy.SetWidth(field.GetWidth())
            copy.SetPrecision(field.GetPrecision())
            if self._is_shapefile and field.GetType() == ogr.OFTString:
                copy.SetWidth(min(field.GetWidth() or SHAPEFILE_TEXT, SHAPEFILE_TEXT))
            mapping.append(create_field(self._driver, layer, copy))
        return mapping

    def _write(self, layer: Any, record: Any, mapping: List[int]) -> None:
        row = ogr.Feature(layer.GetLayerDefn())
        row.SetFromWithMap(record, True, mapping)
        if self._format.numbered:
            row.SetFID(record.GetFID())
        geometry = row.GetGeometryRef()
        if geometry is not None and self._transformation is not None:
            code, _ = attempt(geometry.Transform, self._transformation)
            if code != 0:
                row.SetGeometry(None)
                self._unplaced += 1
        if self._is_shapefile:
            self._cut_texts(row)
        code, _ = attempt(layer.CreateFeature, row)
        if code != 0:  # a geometry the format cannot hold: the row counts more than its shape
            row.SetGeometry(None)
            self._unplaced += 1
            succeed(layer.CreateFeature, row)

    def _cut_texts(self, row: Any) -> None:
        for index in range(row.GetFieldCount()):
            text = row.GetField(index)
            if isinstance(text, str) and len(text.encode()) > SHAPEFILE_TEXT:
                row.SetField(index, text.encode()[:SHAPEFILE_TEXT].decode(errors="ignore"))
                self._cut += 1

    def _notes(self) -> List[str]:
        notes = []
        if self._is_shapefile:
            names = [self._source.GetLayerDefn().GetFieldDefn(i).GetName() for i in range(self._fields())]
            if any(len(name) > 10 for name in names):
                notes.append("a shapefile cuts column names to 10 letters; write a .gpkg to keep them whole.")
        if self._cut:
            notes.append(f"{self._cut} texts were cut to the {SHAPEFILE_TEXT} bytes that a shapefile holds; "
                         "write a .gpkg to keep them whole.")
        if self._unplaced:
            notes.append(f"{self._unplaced} rows were written without geometry, which {self._path.suffix} cannot hold.")
        return notes

    def _fields(self) -> int:
        return int(self._source.GetLayerDefn().GetFieldCount())
