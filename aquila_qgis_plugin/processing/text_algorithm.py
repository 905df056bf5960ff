"""Algorithms that write a text about every polygon, with what goes along with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterEnum,
    QgsProcessingParameterField,
    QgsProcessingParameterString,
)

from aquila_qgis_plugin.compat import real_field, text_field
from aquila_qgis_plugin.processing.columns import Column
from aquila_qgis_plugin.processing.parameters import Setup
from aquila_qgis_plugin.processing.polygon_algorithm import INPUT, PolygonAlgorithm
from aquila_qgis_plugin.translation import tr
from core_model.description import Description

if TYPE_CHECKING:
    from core_model.describer import Describer
    from core_model.geo.raster import Picture
    from core_model.geo.regions import Region

FIELD, EXTRAS = "FIELD", "EXTRAS"


@dataclass(frozen=True)
class Wording:
    """What is asked of the model; see ``Describer.describe``."""

    style: Optional[str] = None
    prompt: Optional[str] = None
    labels: Optional[Tuple[str, ...]] = None


@dataclass(frozen=True)
class Extra:
    """A field besides the text: its name, what it is called, how it is made, what goes into it, whether by default."""

    name: str
    title: str
    make: Callable[[str], Any]
    value: Callable[[Description], Any]
    wanted: bool = True

    @property
    def parameter(self) -> str:
        """The parameter that names an existing field, for editing in place."""
        return f"{self.name.upper()}_FIELD"


def label_extra() -> Extra:
    """What the polygon is, in a word or two."""
    return Extra("label", tr("Label"), text_field, lambda found: found.label or None)


def confidence_extra(name: str, title: str) -> Extra:
    """How sure the model is, 0…1."""
    return Extra(name, title, real_field, lambda found: found.confidence)


def common_extras() -> List[Extra]:
    """Status and area."""
    return [
        Extra("status", tr("Status"), text_field, lambda found: found.status),
        Extra("area_m2", tr("Area in square metres"), real_field, _area, wanted=False),
    ]


class TextAlgorithm(PolygonAlgorithm):
    """A text per polygon; ``FIELD_NAME`` is what its field is called unless the user says otherwise."""

    FIELD_NAME = ""

    def extras(self) -> List[Extra]:
        """The fields that can be had besides the text."""
        raise NotImplementedError

    def wording(self, values: Mapping[str, Any], context: QgsProcessingContext) -> Wording:
        """What is asked, from the parameters."""
        raise NotImplementedError

    def read_values(self, values: Mapping[str, Any], context: QgsProcessingContext) -> None:
        """See ``PolygonAlgorithm.read_values``."""
        self._wording = self.wording(values, context)

    def add_fields(self, text: str) -> None:
        """Add the parameters that say where the results go; in place these are fields that the layer has."""
        if self.in_place:
            kind = QgsProcessingParameterField.DataType.String
            self.addParameter(QgsProcessingParameterField(FIELD, text, self.FIELD_NAME, INPUT, kind))
            for extra in self.extras():
                kind = _kind(extra)
                self.addParameter(QgsProcessingParameterField(
                    extra.parameter, extra.title, None, INPUT, kind, optional=True))
            return
        self.addParameter(QgsProcessingParameterString(FIELD, text, self.FIELD_NAME))
        titles = [extra.title for extra in self.extras()]
        wanted = [number for number, extra in enumerate(self.extras()) if extra.wanted]
        self.addParameter(QgsProcessingParameterEnum(
            EXTRAS, tr("Further fields"), titles, allowMultiple=True, defaultValue=wanted, optional=True))

    def columns(self, values: Mapping[str, Any], context: QgsProcessingContext) -> List[Column]:
        """See ``PolygonAlgorithm.columns``."""
        field = self.parameterAsString(values, FIELD, context).strip()
        columns = [Column(text_field(field), lambda found: found.description or None)]
        for number, extra in enumerate(self.extras()):
            if self.in_place:
                name = self.parameterAsString(values, extra.parameter, context)
            else:
                name = extra.name if number in self.parameterAsEnums(values, EXTRAS, context) else ""
            if name:
                columns.append(Column(extra.make(name), extra.value))
        return columns

    def outcomes(
        self, describer: Describer, picture: Picture, polygons: Iterator[Region], setup: Setup,
        told: Callable[[int, int], None], is_cancelled: Callable[[], bool],
    ) -> Iterator[Description]:
        """See ``PolygonAlgorithm.outcomes``."""
        asked = self._wording
        return describer.describe(
            picture, polygons, style=asked.style, prompt=asked.prompt, labels=asked.labels, wider=setup.wider,
            progress=told, is_cancelled=is_cancelled)


def _kind(extra: Extra) -> Any:
    kinds = QgsProcessingParameterField.DataType
    return kinds.String if extra.make is text_field else kinds.Numeric


def _area(found: Description) -> Optional[float]:
    """Nothing where the area is unknown: a file's number field holds no nan."""
    return found.area_m2 if found.area_m2 == found.area_m2 else None
