"""The fields that results go to: existing ones that can hold them, or new ones within the limits of the format."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from qgis.core import QgsField, QgsFields, QgsVectorDataProvider, QgsVectorLayer, QgsWkbTypes
from qtpy import sip
from qtpy.QtCore import QMetaType

from aquila_qgis_plugin.compat import as_its_database_calls_it, capability, number_of, real_field, text_field
from aquila_qgis_plugin.translation import tr

TEXTS, NUMBERS = ("description", "label", "status"), ("confidence", "area")
_DBASE_TEXT = 254
# Formats that hold less than a description may need: longest field name, longest text.
_LIMITS = {"ESRI Shapefile": (10, _DBASE_TEXT), "MapInfo File": (31, _DBASE_TEXT)}
_UNLIMITED = (0, 0)
_DBASE_FILES = (".shp", ".dbf", ".tab", ".mif")
# The names that fields were given in a layer because those wished for were too long or taken.
_GIVEN_NAMES = "aquila/field_names"
_STRING, _DOUBLE = number_of(QMetaType.Type.QString), number_of(QMetaType.Type.Double)
_PROVIDER, _EDIT = 1, 3  # QgsFields.FieldOrigin, the same numbers in all versions


@dataclass(frozen=True)
class Targets:
    """The names of the fields to write to, existing or new; "" is not written."""

    description: str
    label: str = ""
    confidence: str = ""
    status: str = ""
    area: str = ""

    def wished(self) -> Dict[str, str]:
        """The names by what they hold, those that are written only."""
        names = {role: getattr(self, role).strip() for role in (*TEXTS, *NUMBERS)}
        return {role: name for role, name in names.items() if name}


@dataclass(frozen=True)
class Column:
    """Where one kind of result goes; ``field`` is to be added first where it is new."""

    role: str
    wished: str
    name: str
    is_new: bool
    field: QgsField

    @property
    def holds_text(self) -> bool:
        """Whether values are written as text."""
        return number_of(self.field.type()) == _STRING


def target_problem(layer: Optional[QgsVectorLayer], targets: Targets) -> str:
    """One sentence that says why results cannot be written to a layer, "" if they can; for the main thread."""
    return _layer_problem(layer) or _names_problem(targets) or _fields_problem(layer, targets)


def columns(layer: QgsVectorLayer, targets: Targets) -> List[Column]:
    """Where each kind of result goes; nothing is added yet."""
    found: List[Column] = []
    for role, wished in targets.wished().items():
        index = _index_for(layer, wished)
        if index >= 0:
            field = layer.fields().at(index)
            found.append(Column(role, wished, field.name(), False, field))
        else:
            taken = [*(field.name() for field in layer.fields()), *(column.name for column in found)]
            name = free_name(wished, _limits(layer)[0], taken)
            field = text_field(name, _limits(layer)[1]) if role in TEXTS else real_field(name)
            found.append(Column(role, wished, name, True, as_its_database_calls_it(field, layer.dataProvider())))
    return found


def remember_names(layer: QgsVectorLayer, used: List[Column]) -> None:
    """Note in the layer what names the wished-for ones became, so that the next run finds the same fields."""
    given = {column.wished: column.name for column in used if column.name.lower() != column.wished.lower()}
    if given:
        layer.setCustomProperty(_GIVEN_NAMES, {**_given_names(layer), **given})


def encoding_of(layer: QgsVectorLayer) -> str:
    """The encoding of a layer whose format counts a text's bytes, "" where letters count."""
    return _encoding(layer) if _limits(layer) != _UNLIMITED else ""


def limit_of_file(path: str) -> int:
    """How many bytes a text field of a new file can have, by the file's name; 0 if there is no limit worth naming."""
    return _DBASE_TEXT if path.lower().endswith(_DBASE_FILES) else 0


def shorten(text: str, limit: int, encoding: str) -> str:
    """A text of at most ``limit`` letters, or bytes in an encoding: cut after a word and ended with dots if longer.

    A limit of 0 is none.
    """
    if limit <= 0 or _size(text, encoding) <= limit:
        return text
    dots = "..." if encoding else "…"  # not every encoding has the one letter
    cut = _beginning(text, limit - len(dots), encoding)
    if not cut:
        return _beginning(text, limit, encoding)
    words = cut.rsplit(None, 1)
    ends_with_word = text[len(cut)].isspace()
    return (cut if ends_with_word or len(words) < 2 else words[0]).rstrip(" \n\t,;:.") + dots


def number_fits(value: float, field: QgsField, layer: QgsVectorLayer) -> bool:
    """Whether a field has as many digits as a number needs; such formats write another number instead."""
    if _limits(layer) == _UNLIMITED or field.length() <= 0:
        return True
    if layer.storageType() == "ESRI Shapefile":  # which leaves decimals out where they do not fit
        return len(f"{value:.0f}") <= field.length()
    point = 1 if field.precision() > 0 else 0  # is not in the length that QGIS tells
    return len(f"{value:.{max(0, field.precision())}f}") <= field.length() + point


def name_limit(layer: QgsVectorLayer) -> int:
    """The longest name a field of the layer's format can have, 0 if there is no limit worth naming."""
    return _limits(layer)[0]


def _layer_problem(layer: Optional[QgsVectorLayer]) -> str:
    if layer is None or sip.isdeleted(layer):
        return tr("The polygon layer is gone; add it again.")
    if not isinstance(layer, QgsVectorLayer) or not layer.isValid():
        return tr("{name} is no usable polygon layer; choose another one.").format(name=layer.name())
    if number_of(layer.geometryType()) != number_of(QgsWkbTypes.GeometryType.PolygonGeometry):
        return tr("{name} holds no polygons; choose a polygon layer.").format(name=layer.name())
    if layer.readOnly():
        return tr(
            "{name} is read-only; allow editing it in the project's properties, or export it to a new file."
        ).format(name=layer.name())
    if not capability(layer, "ChangeAttributeValues"):
        return tr("The source of {name} cannot be edited; export the layer, for example to a GeoPackage.").format(
            name=layer.name())
    return ""


def _names_problem(targets: Targets) -> str:
    wished = targets.wished()
    if "description" not in wished:
        return tr("Choose the field that descriptions are written to.")
    names = [name.lower() for name in wished.values()]
    for role, name in wished.items():
        if names.count(name.lower()) > 1:
            return tr("The field {name} is chosen for two kinds of results; choose another one for the {kind}.").format(
                name=name, kind=_kind(role))
    return ""


def _fields_problem(layer: QgsVectorLayer, targets: Targets) -> str:
    found = columns(layer, targets)
    if any(column.is_new for column in found) and not capability(layer, "AddAttributes"):
        return tr("{name} cannot be given new fields; choose an existing text field, or export the layer.").format(
            name=layer.name())
    problems = [_field_problem(layer, column) for column in found if not column.is_new]
    return next((problem for problem in problems if problem), "")


def written_problem(layer: QgsVectorLayer, index: int) -> str:
    """One sentence that says why nothing can be written to a layer's field whatever its type, "" if it can."""
    name = layer.fields().at(index).name()
    if number_of(layer.fields().fieldOrigin(index)) not in (_PROVIDER, _EDIT):
        return tr("The field {name} is computed or joined and cannot be written to; choose another one.").format(
            name=name)
    if index in layer.primaryKeyAttributes():
        return tr("The field {name} identifies the polygons; choose another one.").format(name=name)
    return ""


def _field_problem(layer: QgsVectorLayer, column: Column) -> str:
    problem = written_problem(layer, layer.fields().indexOf(column.name))
    if problem:
        return problem
    if column.holds_text or (column.role in NUMBERS and number_of(column.field.type()) == _DOUBLE):
        return ""
    if column.role in NUMBERS:
        return tr("The field {name} is of type {type}; choose one for decimal numbers, or write a new name.").format(
            name=column.name, type=column.field.typeName() or column.field.type())
    return tr("The field {name} is of type {type}; choose a text field, or write the name of a new one.").format(
        name=column.name, type=column.field.typeName() or column.field.type())


def _kind(role: str) -> str:
    names = {
        "description": tr("description"), "label": tr("label"), "status": tr("status"),
        "confidence": tr("confidence"), "area": tr("area"),
    }
    return names[role]


def _index_for(layer: QgsVectorLayer, wished: str) -> int:
    """The field of that name, whatever its case, or the one that was made for that name; -1 for none."""
    for name in (wished, _given_names(layer).get(wished, "")):
        index = index_of(layer.fields(), name)
        if index >= 0:
            return index
    return -1


def index_of(fields: QgsFields, name: str) -> int:
    """The place of the field of that name, whatever its case; -1 for none."""
    # Not lookupField, which also takes another field whose alias is the name.
    names = [field.name() for field in fields]
    if name in names:
        return names.index(name)
    lowered = [each.lower() for each in names]
    return lowered.index(name.lower()) if name.lower() in lowered else -1


def _given_names(layer: QgsVectorLayer) -> Dict[str, str]:
    return dict(layer.customProperty(_GIVEN_NAMES) or {})


def free_name(wished: str, limit: int, taken: List[str]) -> str:
    """A name that is not taken, of at most ``limit`` letters (0: any): the one wished for, or with _1, _2, … behind."""
    used = {name.lower() for name in taken}
    name, number = wished[: limit or None], 0
    while name.lower() in used:
        number += 1
        ending = f"_{number}"
        name = wished[: limit - len(ending)] + ending if limit else wished + ending
    return name


def _limits(layer: QgsVectorLayer) -> Tuple[int, int]:
    return _LIMITS.get(layer.storageType(), _UNLIMITED)


def _encoding(layer: QgsVectorLayer) -> str:
    """The encoding of a format that counts bytes, not letters."""
    provider: QgsVectorDataProvider = layer.dataProvider()
    try:
        return codecs.lookup(provider.encoding()).name
    except LookupError:
        return "utf-8"


def _size(text: str, encoding: str) -> int:
    return len(text.encode(encoding, "replace")) if encoding else len(text)


def _beginning(text: str, size: int, encoding: str) -> str:
    if size <= 0:
        return ""
    return text.encode(encoding, "replace")[:size].decode(encoding, "ignore") if encoding else text[:size]
