"""Results written beside the input's attributes, in any vector format, so that no crash loses or repeats a row.

While a run goes on, all rows live in one GeoPackage beside the result, ``NAME.partial.gpkg``: the input's rows in the
input's order, whose result columns fill up in small transactions. A row without ``status`` is still to be described.
At the end it becomes the result; after an interruption it stays, and ``resume`` continues from it alone.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from osgeo import gdal, ogr

from core_model.description import Description
from core_model.errors import OutputError
from core_model.folders import exists
from core_model.formats import (
    Export,
    create_field,
    create_layer,
    drop_journals,
    files_of,
    format_of,
    free_name,
    free_names,
    succeed,
)
from core_model.geo.gdal_calls import attempt, crs_wkt_of, readable, spatial_reference
from core_model.geo.regions import Region
from core_model.geo.vector import VectorLayer

# The result columns, always the last of the layer; a name the input already has gets _1, _2, … behind it.
COLUMNS: Tuple[Tuple[str, int], ...] = (
    ("description", ogr.OFTString), ("label", ogr.OFTString), ("confidence", ogr.OFTReal),
    ("status", ogr.OFTString), ("area_m2", ogr.OFTReal), ("model", ogr.OFTString),
)
_STATUS = [name for name, _ in COLUMNS].index("status") - len(COLUMNS)
_PREFIX = "AQUILA_"
_COMMIT_EVERY = 64
# Letters that a shapefile leaves of a column's name, the _1 behind it included.
_CUT_NAME = 8
_LAST_ROW = 2**63 - 1
# A run may be continued by another version of Aquila.
_MAY_DIFFER = ("version",)
# What a GeoPackage's metadata, which is XML, does not give back as it was; and layer names that it does not take.
_NOT_KEPT = re.compile(r'^[\s"]|\s$|[\x00-\x1f]')
_RESERVED_NAME = re.compile(r"gpkg|sqlite|rtree|\W", re.IGNORECASE)


def partial_path(target: Path) -> Path:
    """Where the rows of an unfinished run are."""
    return target.with_name(target.name + ".partial.gpkg")


def parts_path(target: Path) -> Path:
    """The folder of an unfinished run by many workers (``core_model.many``)."""
    return target.with_name(target.name + ".parts")


def is_complete(target: Path) -> bool:
    """Whether a run for this file is finished: there is nothing to resume."""
    return target.exists() and not partial_path(target).exists() and not parts_path(target).exists()


class Results:
    """The rows of one run, from the copy of the input to the finished file."""

    def __init__(self, target: Path) -> None:
        """Open the unfinished run of ``target``; ``begin`` and ``resume`` are the ways to get one."""
        self.target = target
        self.path = partial_path(target)
        self._dataset, reason = attempt(gdal.OpenEx, str(self.path), gdal.OF_VECTOR | gdal.OF_UPDATE)
        if self._dataset is None:
            raise OutputError(f"{self.path} cannot be continued ({reason}); add --overwrite to start again.")
        self._layer = self._dataset.GetLayer(0)
        definition = self._layer.GetLayerDefn()
        self._crs_wkt = crs_wkt_of(self._layer.GetSpatialRef())
        self._first: int = definition.GetFieldCount() - len(COLUMNS)
        self._status: int = definition.GetFieldCount() + _STATUS
        self._waiting = 0

    def __len__(self) -> int:
        return int(self._layer.GetFeatureCount())

    def waiting(self) -> int:
        """How many regions are still to be described."""
        return sum(1 for _ in self.regions())

    def regions(self, *, described: bool = False) -> Iterator[Region]:
        """The regions still to be described, or all with ``described``; their ids are the row numbers."""
        self._layer.ResetReading()
        for record in iter(self._layer.GetNextFeature, None):
            if described or not record.IsFieldSetAndNotNull(self._status):
                geometry = record.GetGeometryRef()
                wkb = b"" if geometry is None else bytes(geometry.ExportToIsoWkb())
                yield Region(record.GetFID(), wkb, self._crs_wkt)

    def put(self, found: Description) -> None:
        """Fill in the row of a region; every few rows are safe on disk together.

        :raises OutputError: if it cannot be written.
        """
        record = self._layer.GetFeature(found.id)
        if record is None:
            raise OutputError(f"{self.path} has lost row {found.id}; add --overwrite to start again.")
        for index, value in enumerate(column_values(found), self._first):
            if value is None:
                record.SetFieldNull(index)
            else:
                record.SetField(index, value)
        if self._waiting == 0:
            succeed(self._dataset.StartTransaction)
        succeed(self._layer.SetFeature, record)
        self._waiting += 1
        if self._waiting >= _COMMIT_EVERY:
            self.commit()

    def commit(self) -> None:
        """Make all rows so far safe on disk."""
        if self._waiting:
            succeed(self._dataset.CommitTransaction)
            self._waiting = 0

    def finish(self) -> List[str]:
        """Write the result file and, unless rows are still to be described, remove the working file.

        Returns sentences on what the format could not hold.
        """
        self.commit()
        unfinished = next(self.regions(), None) is not None
        notes: List[str] = []
        if self.target.suffix.lower() == ".gpkg":
            self._close()
            drop_journals(self.target)
            shutil.copyfile(self.path, self.target) if unfinished else self.path.replace(self.target)
            return notes
        notes = Export(self._layer, self.target, self.path).run()
        self._close()
        if not unfinished:
            self.path.unlink()
        return notes

    def check_same_run(self, run: Mapping[str, str]) -> None:
        """Raises ``OutputError`` if the unfinished run was begun with other options."""
        stored = self._layer.GetMetadata()
        try:
            _compare(self.path, stored, run)
        except OutputError:
            self._close()
            raise

    def _close(self) -> None:
        succeed(self._layer.SyncToDisk)
        self._layer = self._dataset = None


def begin(
    target: Path, layer: VectorLayer, run: Mapping[str, str], *, limit: int | None = None, overwrite: bool = False,
    crs_wkt: str = "",
) -> Results:
    """Start a run: copy the rows of ``layer`` (the first ``limit`` of them) and note ``run``, what they are asked.

    A layer without a CRS is taken to be in ``crs_wkt``, and so are the results.

    :raises OutputError: if the file cannot be written, or exists and is not to be overwritten.
    """
    check_target(target, layer.files)
    if not overwrite:
        refuse_existing(files_of(target))
    if partial_path(target).exists() and not overwrite:
        raise OutputError(
            f"an unfinished run for {target} is there; add --resume to continue it or --overwrite to start again.")
    if parts_path(target).exists():
        raise OutputError(f"an unfinished run with --engine ray is in {parts_path(target)}; continue it so, with "
                          "--resume, or delete that folder.")
    # Copied under another name first: a working file that exists is a whole one.
    unfinished = target.with_name(target.name + ".copying.gpkg")
    unfinished.unlink(missing_ok=True)
    try:
        _copy(layer, unfinished, _layer_name(target.stem), run, limit, layer.crs_wkt or crs_wkt)
    except OutputError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    drop_journals(partial_path(target))
    unfinished.replace(partial_path(target))
    return Results(target)


def resume(target: Path, run: Mapping[str, str]) -> Results:
    """Continue the unfinished run of ``target``; raises ``OutputError`` if it was begun with other options."""
    check_target(target)
    results = Results(target)
    results.check_same_run(run)
    return results


def check_finished(target: Path, run: Mapping[str, str]) -> None:
    """Raises ``OutputError`` if the file ``target`` is not the result of such a ``run``, as far as it tells.

    Only a GeoPackage notes what was asked; of other files the columns have to do.
    """
    dataset, _ = attempt(gdal.OpenEx, str(target), gdal.OF_VECTOR)
    layer = None if dataset is None else dataset.GetLayer(0)
    names = [] if layer is None else [field.GetName().lower() for field in layer.schema]
    has_all = all(any(name.startswith(column[:_CUT_NAME]) for name in names) for column, _ in COLUMNS)
    # Some formats keep no columns, or no layer, where there are no rows.
    if dataset is None or not (has_all or layer is None or layer.GetFeatureCount() == 0):
        raise OutputError(f"{target} exists and is no result that could be resumed; choose another name, or add "
                          "--overwrite to replace it.")
    if target.suffix.lower() == ".gpkg" and layer is not None:
        _compare(target, layer.GetMetadata(), run)


def _compare(path: Path, stored: Mapping[str, str], run: Mapping[str, str]) -> None:
    for key, value in run.items():
        before = stored.get(_PREFIX + key.upper(), "")
        if key not in _MAY_DIFFER and before != _kept(value):
            raise other_run(path, key, before, value)


def other_run(path: Path, option: str, before: str, now: str) -> OutputError:
    """The error for an unfinished run that was begun with another option."""
    return OutputError(
        f"the run in {path} was begun with {option} '{before}', not '{now}'; "
        "use the same options, or add --overwrite to start again.")


def check_target(target: Path, inputs: Sequence[str] = ()) -> None:
    """Raises ``OutputError`` if no result can be written to ``target``, or one of the ``inputs``' files would go."""
    format_of(target)
    if not target.absolute().parent.is_dir():
        raise OutputError(f"the folder {target.absolute().parent} does not exist; make it first.")
    ours = [path.resolve() for path in files_of(target)]
    for source in map(Path, filter(exists, inputs)):
        if source.resolve() in ours:
            which = "is the input itself" if source.resolve() == ours[0] else f"would replace {source}, an input"
            raise OutputError(f"{target} {which}; choose another name for the results.")


def refuse_existing(files: Sequence[Path]) -> None:
    """Raises ``OutputError`` if the result, the first of its ``files``, or one of those beside it is there already."""
    found = next((path for path in files if path.exists()), None)
    if found is not None:
        beside = "" if found == files[0] else f", which {files[0].name} would replace"
        raise OutputError(f"{found} exists{beside}; choose another name, or add --overwrite to replace it.")


def _kept(value: str) -> str:
    """A text as a GeoPackage's metadata gives it back."""
    return json.dumps(value, ensure_ascii=False) if _NOT_KEPT.search(value) else value


def _layer_name(stem: str) -> str:
    """The working file's layer is called as the result, or nearly so."""
    return f"results_{stem}" if _RESERVED_NAME.match(stem) else stem


def _copy(
    layer: VectorLayer, path: Path, name: str, run: Mapping[str, str], limit: int | None, crs_wkt: str
) -> None:
    kind = _common_type(layer, limit)
    names = free_names(field.name for field in layer.fields)
    fields = [replace(field, name=name) for field, name in zip(layer.fields, names)]
    taken = {field.name.lower() for field in fields}
    numbers = free_name(layer.fid_column or "fid", taken)
    shapes = free_name("geom", taken | {numbers.lower()})
    taken |= {numbers.lower(), shapes.lower()}
    options = [f"FID={numbers}", f"GEOMETRY_NAME={shapes}"]
    driver = gdal.GetDriverByName("GPKG")
    reference = spatial_reference(crs_wkt) if crs_wkt else None
    dataset, copied = create_layer(driver, path, name, reference, kind, options)
    copied.SetMetadata({_PREFIX + key.upper(): _kept(value) for key, value in run.items()})
    succeed(dataset.StartTransaction)
    mapping = [create_field(driver, copied, field.to_ogr()) for field in fields]
    for name, (_, field_type) in zip(free_names((column for column, _ in COLUMNS), taken), COLUMNS):
        succeed(copied.CreateField, ogr.FieldDefn(name, field_type))
    lists = [(place, field.name) for place, field in zip(mapping, layer.fields) if field.is_list]
    last = -1
    for feature in islice(layer, limit):
        row = ogr.Feature(copied.GetLayerDefn())
        row.SetFromWithMap(feature.record, True, mapping)
        for place, name in lists:
            if feature.attributes[name] is not None:
                row.SetField(place, json.dumps(feature.attributes[name], ensure_ascii=False))
        _mend_texts(row, mapping)
        if row.GetGeometryRef() is not None:
            row.SetGeometry(_of_type(row.GetGeometryRef().Clone(), kind))
        # Rows keep the input's order and, where they rise, its row numbers.
        last = last + 1 if feature.fid == _LAST_ROW else max(feature.fid, last + 1)
        row.SetFID(last)
        succeed(copied.CreateFeature, row)
    succeed(dataset.CommitTransaction)
    succeed(copied.SyncToDisk)


def _common_type(layer: VectorLayer, limit: int | None) -> int:
    """The narrowest geometry type that holds all rows: polygons, multipolygons or anything."""
    found = set()
    for feature in islice(layer, limit):
        geometry = feature.record.GetGeometryRef()
        if geometry is not None:
            found.add(geometry.GetGeometryType())
    if not found:
        return layer.geometry_type
    flat = {ogr.GT_Flatten(kind) for kind in found}
    if not flat <= {ogr.wkbPolygon, ogr.wkbMultiPolygon}:
        return ogr.wkbUnknown
    kind = ogr.wkbMultiPolygon if ogr.wkbMultiPolygon in flat else ogr.wkbPolygon
    kind = ogr.GT_SetZ(kind) if any(ogr.GT_HasZ(each) for each in found) else kind
    return int(ogr.GT_SetM(kind) if any(ogr.GT_HasM(each) for each in found) else kind)


def _of_type(geometry: ogr.Geometry, kind: int) -> ogr.Geometry:
    """The geometry as one of the layer's type: some formats refuse rows, or drop them, that differ in it."""
    if ogr.GT_Flatten(kind) == ogr.wkbMultiPolygon:
        geometry = ogr.ForceToMultiPolygon(geometry)
    if ogr.GT_Flatten(kind) != ogr.wkbUnknown:
        geometry.Set3D(bool(ogr.GT_HasZ(kind)))
        geometry.SetMeasured(bool(ogr.GT_HasM(kind)))
    return geometry


def _mend_texts(row: ogr.Feature, places: Sequence[int]) -> None:
    for place in places:
        text = row.GetField(place)
        mended = readable(text) if isinstance(text, str) else text
        if mended != text:
            row.SetField(place, mended)


def column_values(found: Description) -> List[Any]:
    """A description's result columns, ``None`` for what is unknown."""
    values: Dict[str, Any] = {
        "description": found.description, "label": found.label, "status": found.status, "model": found.model,
        "confidence": None if found.confidence is None else round(found.confidence, 4),
        "area_m2": None if math.isnan(found.area_m2) else found.area_m2,
    }
    return [values[name] for name, _ in COLUMNS]
