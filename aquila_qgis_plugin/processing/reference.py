"""The one polygon that others, or the places of a raster, are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsFeatureRequest,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsProcessingParameterDefinition,
)

from aquila_qgis_plugin.polygons import regions
from aquila_qgis_plugin.processing import parameters as common
from aquila_qgis_plugin.translation import tr

if TYPE_CHECKING:
    from core_model.geo.regions import Region

REFERENCE = "REFERENCE"


def reference_parameter() -> QgsProcessingParameterDefinition:
    """The layer that holds the reference."""
    return common.polygons_parameter(REFERENCE, tr("Reference polygon"))


def reference_problem(algorithm: Any, values: Mapping[str, Any], context: QgsProcessingContext) -> str:
    """One sentence that says why there is no reference, "" if there is exactly one."""
    problem = common.polygons_problem(algorithm, values, REFERENCE, context)
    if problem:
        return problem
    source = algorithm.parameterAsSource(values, REFERENCE, context)
    count = common.source_count(source)
    if count == 1:
        return ""
    return tr("{name} has {count} polygons, but one reference is needed; select it and tick “Selected features only”."
              ).format(name=source.sourceName(), count=count)


def read_reference(algorithm: Any, values: Mapping[str, Any], context: QgsProcessingContext) -> Region:
    """The reference; for values in which ``reference_problem`` finds no fault."""
    source = algorithm.parameterAsSource(values, REFERENCE, context)
    as_it_is = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
    return next(regions(source.getFeatures(QgsFeatureRequest(), as_it_is), source.sourceCrs()))
