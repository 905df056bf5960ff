"""The fields a run fills, new ones or those that a layer already has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable

from qgis.core import QgsFeature, QgsFields, QgsVectorLayer

from aquila_qgis_plugin.compat import number_of, text_field
from aquila_qgis_plugin.fields import free_name, index_of, shorten, written_problem
from aquila_qgis_plugin.translation import tr


@dataclass(frozen=True)
class Column:
    """A field (``QgsField``) of the result, and what the outcome of a polygon puts into it; ``None`` for nothing."""

    field: Any
    value: Callable[[Any], Any]

    @property
    def name(self) -> str:
        """The field's name."""
        return str(self.field.name())


def status_column(fields: QgsFields) -> Column:
    """The field for what became of a polygon: "status", or status_1, … where the layer's own is no text."""
    column = Column(text_field("status"), lambda found: found.status)
    if not columns_problem([column], fields):
        return column
    return replace(column, field=text_field(free_name(column.name, 0, [field.name() for field in fields])))


def columns_problem(columns: Sequence[Column], fields: QgsFields) -> str:
    """One sentence that says why the columns do not go with a layer's fields, "" if they do."""
    names = [column.name.lower() for column in columns]
    for column in columns:
        if not column.name.strip():
            return tr("A field to write to has no name; give it one.")
        if names.count(column.name.lower()) > 1:
            return tr("Two results would be written to the field “{name}”; choose different fields.").format(
                name=column.name)
        index = index_of(fields, column.name)
        if index >= 0 and number_of(fields[index].type()) != number_of(column.field.type()):
            return tr("The layer's field “{name}” is of another type; choose another field.").format(name=column.name)
    return ""


def in_place_problem(columns: Sequence[Column], layer: QgsVectorLayer) -> str:
    """One sentence that says why a layer's own fields cannot take the columns, "" if they can."""
    for column in columns:
        index = index_of(layer.fields(), column.name)
        problem = written_problem(layer, index) if index >= 0 else tr(
            "The layer has no field “{name}”; choose one that it has, or run the algorithm without editing in place."
        ).format(name=column.name)
        if problem:
            return problem
    return ""


def with_columns(fields: QgsFields, columns: Sequence[Column]) -> QgsFields:
    """A layer's fields, and behind them those that it does not have yet."""
    joined = QgsFields(fields)
    for column in columns:
        if index_of(joined, column.name) < 0:
            joined.append(column.field)
    return joined


class Filler:
    """Writes outcomes into features with ``fields``; ``shortened`` counts the texts that were too long for theirs.

    No text has more than ``limit`` letters (0: any), or bytes in an ``encoding``, whatever its field would hold.
    """

    def __init__(self, fields: QgsFields, columns: Sequence[Column], limit: int = 0, encoding: str = "") -> None:
        self.shortened = 0
        self._fields, self._limit, self._encoding = fields, limit, encoding
        self._places = [(index_of(fields, column.name), column.value) for column in columns]

    def values(self, outcome: Any) -> Any:
        """The values by the number of their field."""
        return {index: self._fitted(index, value(outcome)) for index, value in self._places}

    def filled(self, feature: QgsFeature, outcome: Any) -> QgsFeature:
        """A new feature with the fields, whatever the given one had in these columns before."""
        made = QgsFeature(self._fields, feature.id())
        made.setGeometry(feature.geometry())
        attributes = feature.attributes()
        made.setAttributes(attributes + [None] * (len(self._fields) - len(attributes)))
        for index, value in self.values(outcome).items():
            made.setAttribute(index, value)
        return made

    def _longest(self, index: int) -> int:
        """How long a text may be, 0 for any length."""
        return min((limit for limit in (self._fields[index].length(), self._limit) if limit > 0), default=0)

    def _fitted(self, index: int, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = shorten(value, self._longest(index), self._encoding)
        self.shortened += text != value
        return text
