"""Descriptions into the attributes of a layer: one undo step, and nothing of it lost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Optional, Set

from qgis.core import QgsFeatureRequest, QgsVectorLayer

from aquila_qgis_plugin.fields import (
    Column,
    Targets,
    columns,
    encoding_of,
    name_limit,
    number_fits,
    remember_names,
    shorten,
    target_problem,
)
from aquila_qgis_plugin.polygons import wkb_of
from aquila_qgis_plugin.translation import tr
from aquila_qgis_plugin.wording import polygons_text
from core_model.description import Description
from core_model.geo.regions import Region

__all__ = ["Published", "Targets", "publish", "target_problem"]

_MOST_NAMED = 50


@dataclass(frozen=True)
class Published:
    """What became of results: how many were ``written``, ``skipped`` (their feature is gone) and ``shortened``.

    ``renamed`` are fields that were made under another name than wished for. ``message`` is "" if all went as asked,
    else what did not, in a few sentences; ``unwritten`` are results that could go nowhere or could not be saved:
    see ``rescue_layer``.
    """

    written: int = 0
    skipped: int = 0
    shortened: int = 0
    renamed: Dict[str, str] = field(default_factory=dict)
    message: str = ""
    details: str = ""
    unwritten: List[Description] = field(default_factory=list)


def publish(
    layer: Optional[QgsVectorLayer], results: Sequence[Description], targets: Targets, *, commit: Optional[bool],
    regions: Iterable[Region] = (),
) -> Published:
    """Write results to the features they are about, in one undo step that makes missing fields too; main thread only.

    ``regions`` are what was described: files such as shapefiles number their rows anew when some are deleted, so there
    a result is only written to a feature that has that very polygon.

    A layer that is being edited stays so. Another one is saved with ``commit``, else left open for editing. Where
    there is no text, the status says why, and what the text field held before stays.
    """
    problem = target_problem(layer, targets)
    if problem or layer is None:
        return Published(message=problem, unwritten=list(results))
    was_editable = layer.isEditable()
    if not was_editable and not layer.startEditing():
        sentence = tr("{name} cannot be edited now; results are not written.").format(name=layer.name())
        return Published(message=sentence, unwritten=list(results))
    polygons = {region.id: region.wkb for region in regions} if _is_numbered_anew(layer) else {}
    writer = _Writer(layer, columns(layer, targets), polygons)
    writer.write(results)
    if not writer.written and not was_editable:
        layer.rollBack()
    failed = bool(commit) and not was_editable and layer.isEditable() and not layer.commitChanges()
    published = writer.published(_commit_problem(layer) if failed else "")
    return replace(published, unwritten=list(results)) if failed else published


class _Writer:
    """Writes results to one layer that is being edited, and counts."""

    def __init__(self, layer: QgsVectorLayer, wanted: List[Column], polygons: Mapping[Any, bytes]) -> None:
        self._layer, self._columns, self._polygons = layer, wanted, polygons
        self.written = 0
        self._skipped: List[Any] = []
        self._hidden: List[Any] = []
        self._shortened: List[Any] = []
        self._too_large: List[Any] = []
        self._unwritten: List[Description] = []
        self._others: Set[Any] = set()  # features that have the number of what was described, but another polygon
        self._refused = ""

    def write(self, results: Sequence[Description]) -> None:
        """All results as one undo step; a step that comes to nothing is taken back.

        Rows are looked for first: in a transaction QGIS cannot take back a field that was made for nothing.
        """
        before = self._stored([found.id for found in results])
        for found in results:
            if found.id not in before:
                self._miss(found)
        present = [found for found in results if found.id in before]
        if present:
            self._write_in_one_step(present, before)

    def _write_in_one_step(self, results: Sequence[Description], before: Mapping[Any, Mapping[str, Any]]) -> None:
        # Nor can it undo, in a transaction, a step that makes a field and fills it: the field is a step of its own.
        is_ready = self._layer.dataProvider().transaction() is not None and self._add_fields()
        self._layer.beginEditCommand(tr("Describe {polygons}").format(polygons=polygons_text(len(results))))
        is_whole = False
        try:
            if is_ready or (not self._refused and self._add_fields()):
                self._write_rows(results, before)
            else:
                self._unwritten += results
            is_whole = True
        finally:
            if is_whole and self.written:
                self._layer.endEditCommand()
            else:
                self._layer.destroyEditCommand()
        if self.written:
            remember_names(self._layer, self._columns)

    def published(self, commit_problem: str) -> Published:
        """What it came to."""
        renamed = {
            column.wished: column.name for column in self._columns if column.is_new and column.name != column.wished}
        return Published(
            self.written, len(self._skipped), len(self._shortened), renamed if self.written else {},
            self._message(renamed, commit_problem), self._details(commit_problem), self._unwritten)

    def _add_fields(self) -> bool:
        for column in self._columns:
            if column.is_new and not self._layer.addAttribute(column.field):
                self._refused = tr("{layer} does not take the new field {name}; choose an existing one.").format(
                    layer=self._layer.name(), name=column.name)
                return False
        return True

    def _write_rows(self, results: Sequence[Description], before: Mapping[Any, Mapping[str, Any]]) -> None:
        places = {column.role: self._layer.fields().indexOf(column.name) for column in self._columns}
        for found in results:
            by_role = self._values(found)
            values = {places[role]: value for role, value in by_role.items()}
            old = {places[role]: before[found.id].get(role) for role in by_role}
            if not values or self._layer.changeAttributeValues(found.id, values, old):
                self.written += 1
            else:
                self._unwritten.append(found)

    def _miss(self, found: Description) -> None:
        """A feature that is gone was deleted, but one that was never saved may only have a number now.

        Where the layer has a filter it may also be there still: databases show nothing that their filter hides.
        """
        is_absent = isinstance(found.id, int) and found.id >= 0 and found.id not in self._others
        if is_absent and not self._layer.subsetString():
            self._skipped.append(found.id)
            return
        self._unwritten.append(found)
        if is_absent:
            self._hidden.append(found.id)

    def _stored(self, ids: Iterable[Any]) -> Dict[Any, Dict[str, Any]]:
        """The values, by role, of those features that are still there; without them, undo could not bring them back."""
        places = {column.role: self._layer.fields().indexOf(column.name)
                  for column in self._columns if not column.is_new}
        request = QgsFeatureRequest().setFilterFids([number for number in ids if isinstance(number, int)])
        request.setSubsetOfAttributes(list(places.values()))
        if not self._polygons:
            request.setFlags(QgsFeatureRequest.Flag.NoGeometry)
        found: Dict[Any, Dict[str, Any]] = {}
        for feature in self._layer.getFeatures(request):
            expected = self._polygons.get(feature.id())
            if expected is None or wkb_of(feature.geometry()) == expected:
                found[feature.id()] = {role: feature[index] for role, index in places.items()}
            else:
                self._others.add(feature.id())
        return found

    def _values(self, found: Description) -> Dict[str, Any]:
        """What is written for one result, by role."""
        values: Dict[str, Any] = {
            "status": found.status, "confidence": _rounded(found.confidence, 4), "area": _rounded(found.area_m2, 2),
            "description": found.description, "label": found.label,
        }
        if not found.description:  # an older text is better than none
            for role in ("description", "label", "confidence"):
                del values[role]
        return {column.role: self._fitted(values[column.role], column, found)
                for column in self._columns if column.role in values}

    def _fitted(self, value: Any, column: Column, found: Description) -> Any:
        if value is None:
            return None
        if not column.holds_text:
            if number_fits(value, column.field, self._layer):
                return value
            self._too_large.append(found.id)
            return None
        text = shorten(str(value), column.field.length(), encoding_of(self._layer))
        if text != str(value) and found.id not in self._shortened:
            self._shortened.append(found.id)
        return text

    def _message(self, renamed: Dict[str, str], commit_problem: str) -> str:
        parts = [self._refused, commit_problem]
        if self._others and not self._refused:
            parts.append(tr("The polygons of {name} have other numbers or shapes now than when they were described."
                            ).format(name=self._layer.name()))
        if self._hidden:
            parts.append(tr("Polygons that the layer's filter hides, or that are gone: {count}.").format(
                count=len(self._hidden)))
        placeless = len(self._unwritten) - len(self._hidden)
        if placeless and not self._refused:
            parts.append(tr("Results that {name} has no place for: {count}.").format(
                name=self._layer.name(), count=placeless))
        if self._skipped:
            parts.append(tr("Polygons no longer in the layer: {count}.").format(count=len(self._skipped)))
        if self._shortened:
            parts.append(tr("Texts too long for their field, cut after a word: {count}.").format(
                count=len(self._shortened)))
        if self._too_large:
            parts.append(tr("Numbers too large for their field, which is left empty: {count}.").format(
                count=len(self._too_large)))
        if renamed and self.written:
            names = ", ".join(f"{wished} → {name}" for wished, name in renamed.items())
            parts.append(tr("New fields have other names than you chose: {names}.").format(names=names))
        parts = [part for part in parts if part]
        if parts and self.written:
            parts.insert(0, tr("Polygons written: {count}.").format(count=self.written))
        return " ".join(parts)

    def _details(self, commit_problem: str) -> str:
        parts = list(self._layer.commitErrors()) if commit_problem else []
        for text, ids in ((tr("Gone: {ids}"), self._skipped), (tr("Hidden or gone: {ids}"), self._hidden),
                          (tr("Cut: {ids}"), self._shortened), (tr("Too large: {ids}"), self._too_large)):
            if ids:
                listed = ", ".join(str(each) for each in ids[:_MOST_NAMED]) + ("…" if len(ids) > _MOST_NAMED else "")
                parts.append(text.format(ids=listed))
        limit = name_limit(self._layer)
        if limit and any(column.is_new and len(column.wished) > limit for column in self._columns):
            parts.append(tr("{format} keeps {count} letters of a field's name.").format(
                format=self._layer.storageType(), count=limit))
        return "\n".join(parts)


def _rounded(value: Optional[float], digits: int) -> Optional[float]:
    return None if value is None or not math.isfinite(value) else round(value, digits)


def _is_numbered_anew(layer: QgsVectorLayer) -> bool:
    """Whether rows may get other numbers when some are deleted, as in all files that are no database."""
    return layer.providerType() == "ogr" and layer.storageType() not in ("GPKG", "SQLite", "OpenFileGDB")


def _commit_problem(layer: QgsVectorLayer) -> str:
    return tr("{name} could not be saved; it stays open for editing, with the results in it.").format(
        name=layer.name())
