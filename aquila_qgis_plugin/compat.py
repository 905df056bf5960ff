"""What differs between QGIS 3.22 and 4: field types, enums as numbers, the text of a CRS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsField,
    QgsMapLayer,
    QgsVectorDataProvider,
    QgsVectorLayer,
)
from qtpy.QtCore import QMetaType, QVariant

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas

# From 3.38 on fields are declared by QMetaType, and by QVariant only with a warning.
_BY_META_TYPE = Qgis.QGIS_VERSION_INT >= 33800
# From 3.24 on a group can be drawn as one layer, which then stands for those inside it.
_GROUPS_ARE_LAYERS = Qgis.QGIS_VERSION_INT >= 32400
_WKT_VARIANTS = getattr(Qgis, "CrsWktVariant", None) or QgsCoordinateReferenceSystem.WktVariant


def number_of(value: Any) -> int:
    """An enum member as a plain number, whether it is an int (Qt 5) or a Python enum (Qt 6)."""
    return int(getattr(value, "value", value))


def text_field(name: str, length: int = 0) -> QgsField:
    """A text field; ``length`` 0 leaves it to the format."""
    kind = QMetaType.Type.QString if _BY_META_TYPE else QVariant.String
    return QgsField(name, kind, "", length)


def real_field(name: str) -> QgsField:
    """A field of floating-point numbers."""
    return QgsField(name, QMetaType.Type.Double if _BY_META_TYPE else QVariant.Double)


def as_its_database_calls_it(field: QgsField, provider: QgsVectorDataProvider) -> QgsField:
    """The field with the name that a database has for its type, without which PostGIS and others cannot add it."""
    if provider.name() in ("ogr", "memory"):  # which go by the type itself
        return field
    known = [native for native in provider.nativeTypes() if number_of(native.mType) == number_of(field.type())]
    # One without a greatest length, if there is any; of numbers none of single precision.
    known.sort(key=lambda native: (native.mMaxLen > 0, native.mTypeName.lower() in ("real", "float4")))
    if known:
        field.setTypeName(known[0].mTypeName)
    return field


def crs_text(crs: QgsCoordinateReferenceSystem) -> str:
    """A CRS as ``core_model`` wants it: "EPSG:…" where it is one, else WKT 2, "" where it is unknown."""
    if not crs.isValid():
        return ""
    if crs.authid().upper().startswith("EPSG:"):
        return str(crs.authid().upper())
    variant = getattr(_WKT_VARIANTS, "Preferred", None) or _WKT_VARIANTS.WKT_PREFERRED
    return str(crs.toWkt(variant))


def capability(layer: QgsVectorLayer, name: str) -> bool:
    """Whether a layer's provider can do something, such as "AddAttributes"."""
    members = getattr(Qgis, "VectorProviderCapability", None)  # from 3.36 on
    wanted = getattr(members or QgsVectorDataProvider.Capability, name)
    return bool(number_of(layer.dataProvider().capabilities()) & number_of(wanted))


def shown_layers(canvas: QgsMapCanvas) -> List[QgsMapLayer]:
    """All layers that a map shows, those in groups that are drawn as one layer among them."""
    return list(canvas.layers(True) if _GROUPS_ARE_LAYERS else canvas.layers())


def crs_of(text: str) -> QgsCoordinateReferenceSystem:
    """The CRS that ``crs_text`` wrote, an invalid one for ""."""
    if not text:
        return QgsCoordinateReferenceSystem()
    is_code = text.upper().startswith("EPSG:")
    return QgsCoordinateReferenceSystem(text) if is_code else QgsCoordinateReferenceSystem.fromWkt(text)
