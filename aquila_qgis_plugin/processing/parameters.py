"""The parameters that several algorithms have: made, checked and read in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Sequence, Tuple

from qgis.core import (
    QgsFeatureRequest,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsWkbTypes,
)

from aquila_qgis_plugin import settings
from aquila_qgis_plugin.coordinates import crs_note
from aquila_qgis_plugin.model_options import ModelOptions
from aquila_qgis_plugin.models import picture_size
from aquila_qgis_plugin.translation import tr
from aquila_qgis_plugin.wording import sentence
from core_model.errors import AquilaError
from core_model.folders import built_in_models

if TYPE_CHECKING:
    from aquila_qgis_plugin.rasters import RasterSpec

RASTER, BANDS, AS_DISPLAYED, CONTEXT = "RASTER", "BANDS", "AS_DISPLAYED", "CONTEXT"
MODEL, DEVICE, BATCH_SIZE = "MODEL", "DEVICE", "BATCH_SIZE"
DEVICES = ("auto", "cpu", "cuda")
_MOST_COUNTED = 1000


@dataclass(frozen=True)
class Setup:
    """What is looked at and with which model; ``wider`` levels of the pyramid more are shown around each polygon."""

    raster: RasterSpec
    model: ModelOptions
    bands: Optional[Tuple[int, ...]] = None
    wider: int = 0


def raster_parameter() -> QgsProcessingParameterDefinition:
    """The raster that is looked at."""
    return QgsProcessingParameterRasterLayer(RASTER, tr("Raster"))


def polygons_parameter(name: str, text: str) -> QgsProcessingParameterDefinition:
    """A layer of polygons."""
    return QgsProcessingParameterFeatureSource(name, text, [QgsProcessing.SourceType.TypeVectorPolygon])


def add_advanced(algorithm: Any) -> None:
    """Bands, rendering, surroundings, model, device and batch size, with the user's own defaults."""
    chosen = settings.load()
    made = (
        QgsProcessingParameterString(
            BANDS, tr("Bands shown as red, green, blue (for example 4,3,2; empty: the raster's own)"), optional=True),
        QgsProcessingParameterBoolean(AS_DISPLAYED, tr("Look at the colours as displayed instead of the data"), False),
        QgsProcessingParameterEnum(
            CONTEXT, tr("Surroundings shown around each polygon"),
            [tr("As the model was taught"), tr("Twice as much"), tr("Four times as much")], defaultValue=0),
        _hinted(
            QgsProcessingParameterString(MODEL, tr("Model (a built-in name or a folder)"), chosen.model),
            [*built_in_models(), *chosen.model_folders, chosen.model]),
        _hinted(QgsProcessingParameterString(DEVICE, tr("Device"), chosen.device), [*DEVICES, chosen.device]),
        QgsProcessingParameterNumber(
            BATCH_SIZE, tr("Polygons at a time"), QgsProcessingParameterNumber.Type.Integer, chosen.batch_size,
            minValue=1, maxValue=1024),
    )
    for parameter in made:
        algorithm.addParameter(advanced(parameter))


def advanced(parameter: QgsProcessingParameterDefinition) -> QgsProcessingParameterDefinition:
    """The parameter, moved below "Advanced"."""
    parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
    return parameter


def raster_problem(algorithm: Any, values: Mapping[str, Any], context: QgsProcessingContext) -> str:
    """One sentence about the raster or its bands, "" if they can be used."""
    from aquila_qgis_plugin import rasters  # noqa: PLC0415 (loads numpy)

    layer = algorithm.parameterAsRasterLayer(values, RASTER, context)
    if layer is None:
        return tr("The raster cannot be opened; choose a raster layer or file.")
    problem = rasters.raster_problem(layer)
    if problem:
        return problem
    text = algorithm.parameterAsString(values, BANDS, context)
    if not text.strip():
        return ""
    if algorithm.parameterAsBool(values, AS_DISPLAYED, context):
        return tr("Bands and “as displayed” exclude each other; empty the bands or untick it.")
    bands = read_bands(text)
    if bands is None or len(bands) not in (1, 3):
        return tr("The bands are “{text}”; give one number (grey) or three (red, green, blue), as 4,3,2.").format(
            text=text)
    if not all(1 <= band <= layer.bandCount() for band in bands):
        return tr("The bands are “{text}”, but {name} has bands 1 to {count}.").format(
            text=text, name=layer.name(), count=layer.bandCount())
    return ""


def model_problem(algorithm: Any, values: Mapping[str, Any], context: QgsProcessingContext) -> str:
    """One sentence about the model or device, "" if they are there; loads nothing."""
    device = algorithm.parameterAsString(values, DEVICE, context)
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        return tr("“{device}” is no device; use auto, cpu, cuda or cuda:0.").format(device=device)
    return sentence_of(lambda: picture_size(_options(algorithm, values, context)))


def polygons_problem(algorithm: Any, values: Mapping[str, Any], name: str, context: QgsProcessingContext) -> str:
    """One sentence about a layer of polygons, "" if it is one."""
    source = algorithm.parameterAsSource(values, name, context)
    if source is None:
        return tr("The polygon layer cannot be opened; choose another one.")
    kind = QgsWkbTypes.geometryType(source.wkbType())
    known = (QgsWkbTypes.GeometryType.PolygonGeometry, QgsWkbTypes.GeometryType.UnknownGeometry)
    if kind not in known:
        return tr("{name} is no polygon layer; choose one, or buffer its features first.").format(
            name=source.sourceName())
    given = values.get(name)
    only_selected = isinstance(given, QgsProcessingFeatureSourceDefinition) and given.selectedFeaturesOnly
    if only_selected and source.featureCount() == 0:
        return tr("No polygon of {name} is selected; select some or untick “Selected features only”.").format(
            name=source.sourceName())
    return ""


def source_count(source: QgsProcessingFeatureSource) -> int:
    """How many polygons a source has; of a filtered one, which does not know, at most ``_MOST_COUNTED``."""
    count = int(source.featureCount())
    if count >= 0:
        return count
    request = QgsFeatureRequest().setLimit(_MOST_COUNTED).setSubsetOfAttributes([])
    request.setFlags(QgsFeatureRequest.Flag.NoGeometry)
    return sum(1 for _ in source.getFeatures(request, QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks))


def sentence_of(check: Callable[[], Any]) -> str:
    """What a check raises on purpose, as a sentence; "" if it raises nothing."""
    try:
        check()
    except AquilaError as error:
        return sentence(str(error))
    return ""


def read_setup(algorithm: Any, values: Mapping[str, Any], context: QgsProcessingContext) -> Setup:
    """The checked values, with a copy of the raster that a worker may use; for the main thread."""
    from aquila_qgis_plugin import rasters  # noqa: PLC0415 (loads numpy)

    layer = algorithm.parameterAsRasterLayer(values, RASTER, context)
    shown = algorithm.parameterAsBool(values, AS_DISPLAYED, context)
    return Setup(
        rasters.raster_spec(layer, as_displayed=shown), _options(algorithm, values, context),
        read_bands(algorithm.parameterAsString(values, BANDS, context)),
        algorithm.parameterAsEnum(values, CONTEXT, context),
    )


def tell_of_coordinates(
    algorithm: Any, name: str, values: Mapping[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
) -> None:
    """Warn where only one of the raster and the polygons of the parameter ``name`` has a CRS."""
    source = algorithm.parameterAsSource(values, name, context)
    layer = algorithm.parameterAsRasterLayer(values, RASTER, context)
    shown = algorithm.parameterAsBool(values, AS_DISPLAYED, context)
    note = crs_note(layer, source.sourceName(), source.sourceCrs(), as_displayed=shown)
    if note:
        feedback.pushWarning(note)


def read_bands(text: str) -> Optional[Tuple[int, ...]]:
    """The numbers in "4,3,2", ``None`` where there are none."""
    parts = [part for part in re.split(r"[,;\s]+", text.strip()) if part]
    if not parts or not all(part.isdecimal() for part in parts):
        return None
    return tuple(int(part) for part in parts)


def _options(algorithm: Any, values: Mapping[str, Any], context: QgsProcessingContext) -> ModelOptions:
    return ModelOptions(
        model=algorithm.parameterAsString(values, MODEL, context).strip(),
        device=algorithm.parameterAsString(values, DEVICE, context).strip(),
        dtype=settings.load().dtype, batch_size=algorithm.parameterAsInt(values, BATCH_SIZE, context),
    )


def _hinted(parameter: QgsProcessingParameterString, hints: Sequence[str]) -> QgsProcessingParameterString:
    """A text that a script may choose freely, and a dialog out of a list."""
    metadata: Dict[str, Any] = {"widget_wrapper": {"value_hints": list(dict.fromkeys(hints))}}
    parameter.setMetadata(metadata)
    return parameter
