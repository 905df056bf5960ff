"""The vector formats results can be written in, and how a finished GeoPackage becomes one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Tuple

from osgeo import gdal, ogr, osr

from core_model.errors import OutputError
from core_model.geo.gdal_calls import LONLAT, attempt, crs_wkt_of, spatial_reference
from core_model.geo.polygons import POLYGON_TYPES, kind_of, polygons_of

# A text column of a shapefile or of MapInfo holds this many bytes.
DBASE_TEXT = 254
# Columns of these names LIBKML takes for parts of the drawing, and their values are lost.
_KML_NAMES = frozenset((
    "altitudemode", "begin", "draworder", "end", "extrude", "heading", "icon", "model", "roll", "scale_x", "scale_y",
    "scale_z", "tessellate", "tilt", "timestamp", "visibility", "camera_longitude", "camera_latitude",
    "camera_altitude", "camera_altitudemode", "photooverlay", "photooverlay_shape", "leftfov", "rightfov", "bottomfov",
    "topfov", "near"))


@dataclass(frozen=True)
class Format:
    """One format: its OGR drivers, best first, and the suffixes of the files beside the named one."""

    drivers: Tuple[str, ...]
    beside: Tuple[str, ...] = ()
    layer_options: Tuple[str, ...] = ()
    open_options: Tuple[str, ...] = ()
    # Only longitude and latitude can be stored.
    geographic: bool = False
    # Rows keep their numbers.
    numbered: bool = False
    # How many bytes a text column holds; 0 for any number.
    text: int = 0
    # Names, in small letters, that no column may have; and whether names must be ASCII words, as in XML.
    reserved: FrozenSet[str] = frozenset()
    ascii_words: bool = False
    # Control characters cannot be read again; nor are several polygons in a collection one row.
    plain_text: bool = False
    one_kind: bool = False
    # The driver names its files in small letters, whatever it is told.
    lower: bool = False
    # A number column holds 0 for none.
    no_nulls: bool = False
    # Surfaces of several faces are written without their shape, and no error says so.
    no_surfaces: bool = False


_MAPINFO: Dict[str, Any] = {
    "layer_options": ("ENCODING=UTF-8",), "text": DBASE_TEXT, "ascii_words": True, "one_kind": True, "lower": True,
    "no_nulls": True}
# What SQLite keeps beside a file while somebody writes; it is read into whatever file has that name.
_JOURNALS = ("-wal", "-shm", "-journal")
_NUMBERS = (ogr.OFTInteger, ogr.OFTInteger64, ogr.OFTReal)
_SURFACES = (ogr.wkbTIN, ogr.wkbPolyhedralSurface, ogr.wkbTriangle)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

FORMATS: Dict[str, Format] = {
    ".gpkg": Format(("GPKG",), numbered=True),
    ".geojson": Format(("GeoJSON",), numbered=True, no_surfaces=True),
    ".json": Format(("GeoJSON",), numbered=True, no_surfaces=True),
    ".geojsonl": Format(("GeoJSONSeq",), geographic=True, numbered=True, no_surfaces=True),
    ".shp": Format(
        ("ESRI Shapefile",), (".shx", ".dbf", ".prj", ".qpj", ".cpg", ".qix", ".sbn", ".sbx"), ("ENCODING=UTF-8",),
        text=DBASE_TEXT, lower=True),
    # Without the index rows stay in order.
    ".fgb": Format(("FlatGeobuf",), layer_options=("SPATIAL_INDEX=NO",)),
    ".sqlite": Format(
        ("SQLite",), layer_options=("LAUNDER=NO",), numbered=True, reserved=frozenset(("ogc_fid", "geometry"))),
    ".kml": Format(("LIBKML", "KML"), geographic=True, reserved=_KML_NAMES, plain_text=True, no_surfaces=True),
    ".csv": Format(("CSV",), (".csvt",), layer_options=("GEOMETRY=AS_WKT",), open_options=("HEADERS=YES",)),
    ".gml": Format(("GML",), (".xsd", ".gfs"), ascii_words=True, plain_text=True),
    ".tab": Format(("MapInfo File",), (".dat", ".map", ".id", ".ind"), **_MAPINFO),
    ".mif": Format(("MapInfo File",), (".mid",), **_MAPINFO),
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


def named(path: Path) -> Path:
    """The path as the format's driver names the file; one of no known format as it is."""
    found = FORMATS.get(path.suffix.lower())
    return path.with_suffix(path.suffix.lower()) if found is not None and found.lower else path


def files_of(path: Path) -> List[Path]:
    """The file and those beside it that make up one data set."""
    return [path, *(path.with_suffix(suffix) for suffix in format_of(path)[0].beside)]


def drop_journals(path: Path) -> None:
    """Remove what SQLite kept beside a file that is about to be replaced: it would spoil its successor."""
    for ending in _JOURNALS:
        path.with_name(path.name + ending).unlink(missing_ok=True)


def free_name(name: str, taken: Set[str]) -> str:
    """A name that is not ``taken`` (in small letters): itself, or with _1, _2, … behind it."""
    number, free = 0, name
    while free.lower() in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def free_names(names: Iterable[str], taken: Iterable[str] = ()) -> List[str]:
    """``free_name`` of each; they differ in more than capitals, which is all that many formats tell apart."""
    used, found = set(taken), []
    for name in names:
        found.append(free_name(name, used))
        used.add(found[-1].lower())
    return found


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
    """Copies a layer, which is ``kept`` in a GeoPackage, into a file of another format."""

    def __init__(self, source: Any, path: Path, kept: Path) -> None:
        self._source, self._path, self._kept = source, path, kept
        self._format, self._driver = format_of(path)
        self._crs = source.GetSpatialRef() if crs_wkt_of(source.GetSpatialRef()) else None
        self._transformation: Any = None
        self._is_placeless = False
        self._is_shapefile = "ESRI Shapefile" in self._format.drivers
        definition = source.GetLayerDefn()
        self._columns = [definition.GetFieldDefn(index) for index in range(definition.GetFieldCount())]
        self._numbers = [index for index, column in enumerate(self._columns) if column.GetType() in _NUMBERS]
        self._names = self._choose_names()
        self._rows = self._told = self._cut = self._unplaced = self._bare = self._dropped = self._zeros = 0

    def run(self) -> List[str]:
        """Write the file in place of an older one; returns sentences for the user.

        :raises OutputError: if it cannot be written, or not be read again.
        """
        for path in files_of(self._path):
            path.unlink(missing_ok=True)
        drop_journals(self._path)
        options = [*self._format.layer_options, *self._choose_crs()]
        dataset, layer = create_layer(
            self._driver, self._path, self._path.stem, self._crs, self._kind(), options)
        mapping = self._create_fields(layer)
        in_one = bool(dataset.TestCapability(ogr.ODsCTransactions))
        if in_one:  # else every row is made safe on disk by itself, which takes a hundred times as long
            succeed(dataset.StartTransaction)
        self._source.ResetReading()
        for record in iter(self._source.GetNextFeature, None):
            self._write(layer, record, mapping)
        if in_one:
            succeed(dataset.CommitTransaction)
        succeed(layer.SyncToDisk)
        dataset.FlushCache()
        del layer, dataset
        self._read_again()
        return self._notes()

    def _read_again(self) -> None:
        """Raises ``OutputError`` where the file does not hold what was written, as when the disk is full."""
        written, reason = attempt(
            gdal.OpenEx, str(self._path), gdal.OF_VECTOR, open_options=list(self._format.open_options))
        rows, told = (-1, -1) if written is None else self._held(written.GetLayer(0))
        if rows == self._rows - self._bare:  # FlatGeobuf drops rows without a geometry and says nothing
            self._dropped = self._bare
        if rows != self._rows - self._dropped or (told != self._told and not self._dropped):
            why = reason or (f"it has {rows} of {self._rows} rows" if rows != self._rows else "texts are missing in it")
            raise OutputError(
                f"{self._path} cannot be read again ({why}), perhaps since the disk is full; all results are in "
                f"{self._kept}, a GeoPackage: give it another name, or convert it.")

    def _held(self, layer: Any) -> Tuple[int, int]:
        """How many rows a written layer has, and in how many the last column says something.

        They are read, since headers and indexes count rows that a full disk has no room for.
        """
        columns = layer.GetLayerDefn()
        # A shapefile cuts names.
        place = len(self._names) - 1 if self._is_shapefile else columns.GetFieldIndex(self._names[-1])
        is_there = 0 <= place < columns.GetFieldCount()
        values = [is_there and bool(row.GetFieldAsString(place)) for row in layer]
        return len(values), sum(values)

    def _choose_names(self) -> List[str]:
        """The columns' names in the file."""
        names = [column.GetName() for column in self._columns]
        if self._format.ascii_words:
            names = [re.sub("^(?![A-Za-z_])", "_", re.sub("[^A-Za-z0-9_]", "_", name)) for name in names]
        return free_names(names, self._format.reserved)

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
            self._is_placeless = self._transformation is None
        self._crs = lonlat
        return ["RFC7946=YES"] if is_geojson else []

    def _kind(self) -> int:
        kind = int(self._source.GetGeomType())
        return ogr.wkbPolygon if self._is_shapefile and kind == ogr.wkbUnknown else kind

    def _create_fields(self, layer: Any) -> List[int]:
        mapping = []
        for name, field in zip(self._names, self._columns):
            copy = ogr.FieldDefn(name, field.GetType())
            copy.SetSubType(field.GetSubType())
            copy.SetWidth(field.GetWidth())
            copy.SetPrecision(field.GetPrecision())
            if self._format.text and field.GetType() == ogr.OFTString:
                # Widths are in bytes there, and where they come from often in letters; a shapefile's column grows.
                width = field.GetWidth() if self._is_shapefile else 0
                copy.SetWidth(min(width or self._format.text, self._format.text))
            mapping.append(create_field(self._driver, layer, copy))
        return mapping

    def _write(self, layer: Any, record: Any, mapping: List[int]) -> None:
        row = ogr.Feature(layer.GetLayerDefn())
        row.SetFromWithMap(record, True, mapping)
        if self._format.numbered:
            row.SetFID(record.GetFID())
        self._rows += 1
        self._told += bool(row.GetFieldAsString(mapping[-1]))
        self._zeros += self._format.no_nulls and not all(map(record.IsFieldSetAndNotNull, self._numbers))
        self._place(row)
        if self._format.no_surfaces and _is_surface(row.GetGeometryRef()):
            row.SetGeometry(polygons_of(row.GetGeometryRef().Clone()))
        if self._format.one_kind and row.GetGeometryRef() is not None:
            row.SetGeometry(_in_one(row.GetGeometryRef()))
        if self._format.text or self._format.plain_text:
            self._fit_texts(row)
        code, _ = attempt(layer.CreateFeature, row)
        if code != 0:  # a geometry the format cannot hold: the row counts more than its shape
            row.SetGeometry(None)
            self._unplaced += 1
            succeed(layer.CreateFeature, row)
        self._bare += row.GetGeometryRef() is None or row.GetGeometryRef().IsEmpty()

    def _place(self, row: Any) -> None:
        """Move a row's polygon to the file's CRS."""
        geometry = row.GetGeometryRef()
        if geometry is None or (self._transformation is None and not self._is_placeless):
            return
        if self._is_placeless or attempt(geometry.Transform, self._transformation)[0] != 0:
            row.SetGeometry(None)
            self._unplaced += 1

    def _fit_texts(self, row: Any) -> None:
        limit = self._format.text
        for index in range(row.GetFieldCount()):
            text = row.GetField(index)
            if not isinstance(text, str):
                continue
            if self._format.plain_text and _CONTROL.search(text):
                row.SetField(index, _CONTROL.sub(" ", text))
            if limit and len(text.encode()) > limit:
                row.SetField(index, text.encode()[:limit].decode(errors="ignore"))
                self._cut += 1

    def _notes(self) -> List[str]:
        notes = []
        if self._is_shapefile and any(len(name) > 10 for name in self._names):
            notes.append("a shapefile cuts column names to 10 letters; write a .gpkg to keep them whole.")
        renamed = [f"{column.GetName()} is {name}" for column, name in zip(self._columns, self._names)
                   if column.GetName() != name]
        if renamed:
            notes.append(f"columns have other names in {self._path.suffix}: {', '.join(renamed)}.")
        if self._cut:
            notes.append(f"{self._cut} texts were cut to the {self._format.text} bytes that {self._path.suffix} holds; "
                         "write a .gpkg to keep them whole.")
        if self._zeros:
            notes.append(f"in {self._zeros} rows numbers that are not known are 0, since {self._path.suffix} has no "
                         "empty ones; write a .gpkg to tell them apart.")
        if self._dropped:
            notes.append(f"{self._dropped} rows without geometry are not in it, since {self._path.suffix} cannot hold "
                         "them; write a .gpkg to keep them.")
        elif self._unplaced:
            notes.append(f"{self._unplaced} rows were written without geometry, which {self._path.suffix} cannot hold.")
        return notes


def _is_surface(geometry: Any) -> bool:
    """Whether there is a geometry, and it is a surface of several faces."""
    return geometry is not None and ogr.GT_Flatten(geometry.GetGeometryType()) in _SURFACES


def _in_one(geometry: Any) -> Any:
    """A geometry, a collection as one polygon of several parts; ``None`` where there is nothing of it."""
    if geometry.IsEmpty():
        return None
    kind = geometry.GetGeometryType()
    is_plain = ogr.GT_Flatten(kind) in POLYGON_TYPES or kind_of(kind) in ("point", "line")
    return geometry.Clone() if is_plain else polygons_of(geometry.Clone())
