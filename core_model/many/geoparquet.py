"""Rows as GeoParquet 1.1 (https://geoparquet.org/releases/v1.1.0/): Parquet whose metadata tells of a WKB column.

pyarrow writes it on every machine alike; GDAL's own driver for the format is missing from many builds.
"""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pyarrow as pa
import pyarrow.parquet as pq
from osgeo import gdal, ogr

from core_model.description import Description
from core_model.errors import OutputError
from core_model.geo.gdal_calls import attempt, crs_wkt_of, quiet
from core_model.geo.regions import Region
from core_model.output import COLUMNS, column_values

_TYPES = {
    ogr.wkbPoint: "Point", ogr.wkbLineString: "LineString", ogr.wkbPolygon: "Polygon", ogr.wkbMultiPoint: "MultiPoint",
    ogr.wkbMultiLineString: "MultiLineString", ogr.wkbMultiPolygon: "MultiPolygon",
    ogr.wkbGeometryCollection: "GeometryCollection",
}
# The last column of a part is the geometry, and the results are before it.
_RESULTS = slice(-len(COLUMNS) - 1, -1)


class WorkingCopy:
    """The rows of a run as every worker reads them: by number, from a GeoPackage that nobody writes meanwhile."""

    def __init__(self, path: Path) -> None:
        """:raises OutputError: if the file cannot be read here."""
        # File locks are what network file systems are worst at; with no writer none is needed.
        self._dataset, reason = attempt(
            gdal.OpenEx, str(path), gdal.OF_VECTOR | gdal.OF_VERBOSE_ERROR, open_options=["NOLOCK=YES"])
        if self._dataset is None:
            raise OutputError(f"a worker cannot read {path} ({reason}); all machines must see this folder.")
        self._layer = self._dataset.GetLayer(0)
        reference = self._layer.GetSpatialRef()
        self._crs_wkt = crs_wkt_of(reference)
        self._crs: Any = _projjson(reference) if self._crs_wkt else None

    def table(self, rows: Sequence[int]) -> pa.Table:
        """The rows in the order given; their number is the first column, their geometry the last.

        :raises OutputError: if one is missing.
        """
        condition = f'"{self._layer.GetFIDColumn()}" IN ({",".join(map(str, rows))})'
        with quiet():
            self._layer.SetAttributeFilter(condition)
            stream = self._layer.GetArrowStreamAsPyArrow()
            schema = pa.schema(list(stream.schema))  # gone with the last batch
            table = pa.Table.from_batches(map(pa.RecordBatch.from_struct_array, stream), schema)
        places = {row: place for place, row in enumerate(table.column(0).to_pylist())}
        if places.keys() != set(rows):
            raise OutputError("rows are missing from the working copy; add --overwrite to start again.")
        return table.take(pa.array([places[row] for row in rows], pa.int64()))

    def regions(self, table: pa.Table) -> Iterator[Region]:
        """The polygons of a table's rows."""
        for row, wkb in zip(table.column(0).to_pylist(), table.column(-1).to_pylist()):
            yield Region(row, wkb or b"", self._crs_wkt)

    def write(self, path: Path, table: pa.Table, found: Iterable[Description]) -> None:
        """Write a table's rows with what was found for them, all at once: a file that is there is whole."""
        of_row = {each.id: column_values(each) for each in found}
        columns = list(zip(*(of_row[row] for row in table.column(0).to_pylist())))
        for at, values in enumerate(columns, len(table.schema) + _RESULTS.start):
            field = table.schema.field(at)
            table = table.set_column(at, field, pa.array(values, field.type))
        shapes, wkbs = _shapes(table.column(-1).to_pylist())
        last = len(table.schema) - 1
        table = table.set_column(last, table.schema.field(last), pa.array(wkbs, pa.binary()))
        notes = self._layer.GetMetadata() or {}
        _write_whole(path, table.replace_schema_metadata(self._metadata(table.schema.names[-1], shapes, notes)))

    def _metadata(self, geometry: str, shapes: Sequence[ogr.Geometry], notes: Mapping[str, str]) -> Dict[str, str]:
        column: Dict[str, Any] = {"encoding": "WKB", "geometry_types": _geometry_types(shapes), "crs": self._crs}
        column.update(_bbox(shapes))
        geo = {"version": "1.1.0", "primary_column": geometry, "columns": {geometry: column}}
        return {**notes, "geo": json.dumps(geo)}


def read_part(path: Path) -> Iterator[Description]:
    """What was found for the rows of a part, as far as the result columns tell.

    :raises OutputError: if the file is damaged.
    """
    try:
        names = pq.read_schema(path).names
        table = pq.read_table(path, columns=[names[0], *names[_RESULTS]])
    except (pa.ArrowException, OSError) as error:
        raise OutputError(f"{path} is damaged ({error}); delete it, and --resume makes it again.") from None
    for row, *values in zip(*(column.to_pylist() for column in table.columns)):
        known = {name: value for (name, _), value in zip(COLUMNS, values) if value is not None}
        yield Description(row, **known)


def _projjson(reference: Any) -> Any:
    text, _ = attempt(reference.ExportToPROJJSON, [])
    return json.loads(text) if text else None


def _shapes(wkbs: Sequence[bytes | None]) -> Tuple[List[ogr.Geometry], List[bytes | None]]:
    """Geometries as the format holds them, without arcs and measures, and each row's as WKB, ``None`` for none."""
    shapes: List[ogr.Geometry] = []
    kept: List[bytes | None] = []
    for wkb in wkbs:
        shape = None if wkb is None else attempt(ogr.CreateGeometryFromWkb, bytes(wkb))[0]
        if shape is None:
            kept.append(None)
            continue
        shape = shape.GetLinearGeometry() if shape.HasCurveGeometry(True) else shape
        shape.SetMeasured(False)
        shapes.append(shape)
        kept.append(bytes(shape.ExportToIsoWkb()))
    return shapes, kept


def _geometry_types(shapes: Sequence[ogr.Geometry]) -> List[str]:
    """The types as the format names them; empty, which is "unknown" to it, where it has no name for one."""
    kinds = {shape.GetGeometryType() for shape in shapes}
    if any(ogr.GT_Flatten(kind) not in _TYPES for kind in kinds):
        return []
    return sorted(_TYPES[ogr.GT_Flatten(kind)] + (" Z" if ogr.GT_HasZ(kind) else "") for kind in kinds)


def _bbox(shapes: Sequence[ogr.Geometry]) -> Dict[str, List[float]]:
    """The bounds of flat geometries, which readers may skip a file by; nothing where they are unknown."""
    bounds = [shape.GetEnvelope() for shape in shapes if not shape.IsEmpty()]
    if not bounds or any(shape.Is3D() for shape in shapes) or not all(map(math.isfinite, sum(bounds, ()))):
        return {}
    west, east, south, north = zip(*bounds)
    return {"bbox": [min(west), min(south), max(east), max(north)]}


def _write_whole(path: Path, table: pa.Table) -> None:
    """Write beside and rename: two workers may be at the same unit where one was only thought lost."""
    unfinished = path.with_name(f"{path.name}.{platform.node()}-{os.getpid()}.writing")
    pq.write_table(table, unfinished)
    unfinished.replace(path)
