"""Algorithms that look at every polygon of a layer: feature by feature from outside, tile by tile inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from qgis.core import (
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureBasedAlgorithm,
    QgsProcessingFeatureSource,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsVectorLayer,
    QgsWkbTypes,
)

from aquila_qgis_plugin.cancelled import CancelledError
from aquila_qgis_plugin.fields import encoding_of, limit_of_file
from aquila_qgis_plugin.polygons import regions
from aquila_qgis_plugin.processing import parameters as common
from aquila_qgis_plugin.processing import statuses
from aquila_qgis_plugin.processing.algorithm import AquilaAlgorithm, looking, progress
from aquila_qgis_plugin.processing.columns import Column, Filler, columns_problem, in_place_problem, with_columns
from aquila_qgis_plugin.translation import tr

if TYPE_CHECKING:
    from core_model.describer import Describer
    from core_model.geo.raster import Picture
    from core_model.geo.regions import Region

INPUT, OUTPUT = "INPUT", "OUTPUT"
# An invalid polygon is described as far as it can be, or gets its status; QGIS would stop the whole run.
_AS_THEY_ARE = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks


class PolygonAlgorithm(AquilaAlgorithm, QgsProcessingFeatureBasedAlgorithm):
    """One outcome (with ``id`` and ``status``) per polygon, into fields of its row.

    QGIS edits a layer in place by asking ``processFeature`` for one feature after the other. Polygons share the tiles
    they are seen through, so the first such call describes them all, and the others only hand out what was found.
    ``LAYERS`` are the parameters whose polygons are looked at.
    """

    LAYERS: Tuple[str, ...] = (INPUT,)

    def __init__(self) -> None:
        super().__init__()
        self.in_place = False
        self._values: Dict[str, Any] = {}
        self._setup: Optional[common.Setup] = None
        self._filled: Optional[Dict[int, Dict[int, Any]]] = None

    def add_parameters(self) -> None:
        """Add the algorithm's own parameters, those in sight."""
        raise NotImplementedError

    def columns(self, values: Mapping[str, Any], context: QgsProcessingContext) -> List[Column]:
        """The fields to write to, as far as they are known without the model."""
        raise NotImplementedError

    def read_values(self, values: Mapping[str, Any], context: QgsProcessingContext) -> None:
        """Keep what ``outcomes`` will need of the checked values; on the main thread."""

    def outcomes(
        self, describer: Describer, picture: Picture, polygons: Iterator[Region], setup: common.Setup,
        told: Callable[[int, int], None], is_cancelled: Callable[[], bool],
    ) -> Iterator[Any]:
        """What becomes of each polygon, as it is found."""
        raise NotImplementedError

    def more_outputs(
        self, found: Mapping[int, Any], values: Mapping[str, Any], context: QgsProcessingContext,  # noqa: ARG002
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> Dict[str, Any]:
        """What else a run gives, besides the layer and the counts."""
        return {}

    def inputLayerTypes(self) -> List[Any]:  # noqa: N802 (QGIS's name)
        """Polygons only."""
        return [QgsProcessing.SourceType.TypeVectorPolygon]

    def inputParameterDescription(self) -> str:  # noqa: N802 (QGIS's name)
        """What the input is called."""
        return tr("Polygons")

    def sourceFlags(self) -> Any:  # noqa: N802 (QGIS's name)
        """Invalid polygons are not refused: they get a status."""
        return _AS_THEY_ARE

    def supportInPlaceEdit(self, layer: Any) -> bool:  # noqa: N802 (QGIS's name)
        """Polygon layers only."""
        polygon = QgsWkbTypes.GeometryType.PolygonGeometry
        return isinstance(layer, QgsVectorLayer) and layer.geometryType() == polygon

    def initParameters(self, configuration: Mapping[str, Any] = {}) -> None:  # noqa: N802 (QGIS's)
        """Add the raster, the algorithm's own parameters, the advanced ones and the counts."""
        self.in_place = bool(configuration.get("IN_PLACE"))
        self.addParameter(common.raster_parameter())
        self.add_parameters()
        common.add_advanced(self)
        for name, text in statuses.outputs():
            self.addOutput(QgsProcessingOutputNumber(name, text))

    def problem(self, values: Mapping[str, Any], context: QgsProcessingContext) -> str:
        """See ``AquilaAlgorithm.problem``."""
        problem = common.polygons_problem(self, values, INPUT, context) or super().problem(values, context)
        if problem:
            return problem
        columns = self.columns(values, context)
        problem = columns_problem(columns, self.parameterAsSource(values, INPUT, context).fields())
        return problem or (in_place_problem(columns, self._edited(values, context)) if self.in_place else "")

    def _edited(self, values: Mapping[str, Any], context: QgsProcessingContext) -> QgsVectorLayer:
        """The layer that is edited in place."""
        given = values[INPUT]
        layer = given.source if isinstance(given, QgsProcessingFeatureSourceDefinition) else given
        return self.parameterAsVectorLayer({INPUT: layer}, INPUT, context)

    def prepareAlgorithm(  # noqa: N802 (QGIS's name)
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Check everything, and copy what a worker must not share; on the main thread."""
        self._values = dict(parameters)
        try:
            self.check_all(parameters, context)
            self._setup = common.read_setup(self, parameters, context)
            self.read_values(parameters, context)
            for name in self.LAYERS:
                common.tell_of_coordinates(self, name, parameters, context, feedback)
        except QgsProcessingException as error:
            self._fail_gently(error, feedback)
        return True

    def processAlgorithm(  # noqa: N802 (QGIS's name)
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        """A copy of the layer with its polygons' outcomes; a cancelled run keeps the rows that are done."""
        source = self.parameterAsSource(parameters, INPUT, context)
        columns = self.columns(parameters, context)
        fields = with_columns(source.fields(), columns)
        sink, destination = self.parameterAsSink(
            parameters, OUTPUT, context, fields, source.wkbType(), source.sourceCrs())
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, OUTPUT))
        found = self._look_at_all(source, feedback)
        limit = limit_of_file(destination)
        # UTF-8 needs as many bytes as any encoding that the file may get.
        filler = Filler(fields, columns, limit, "utf-8" if limit else "")
        for feature in source.getFeatures(QgsFeatureRequest(), _AS_THEY_ARE):
            if feature.id() in found:
                row = filler.filled(feature, found[feature.id()])
                if not sink.addFeature(row, QgsFeatureSink.Flag.FastInsert):
                    raise QgsProcessingException(self.writeFeatureError(sink, parameters, OUTPUT))
        _report(found, filler, feedback)
        more = self.more_outputs(found, parameters, context, feedback)
        return {OUTPUT: destination, **statuses.counts([outcome.status for outcome in found.values()]), **more}

    def processFeature(  # noqa: N802 (QGIS's name)
        self, feature: QgsFeature, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> List[QgsFeature]:
        """A row of a layer edited in place, with what was found; as it was where nothing was."""
        if self._filled is None:
            self._filled = self._fill_in_place(context, feedback)
        for index, value in self._filled.get(feature.id(), {}).items():
            feature.setAttribute(index, value)
        return [feature]

    def _fill_in_place(
        self, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[int, Dict[int, Any]]:
        """New values by feature and field; those of a cancelled run are written at once, as QGIS asks for no more rows.

        Where there is no new value the old one stays.
        """
        layer = self._edited(self._values, context)
        filler = Filler(layer.fields(), self.columns(self._values, context), encoding=encoding_of(layer))
        try:
            found = self._look_at_all(self.parameterAsSource(self._values, INPUT, context), feedback)
        except QgsProcessingException as error:
            self._fail_gently(error, feedback)
            return {}
        filled = {
            number: {index: value for index, value in filler.values(outcome).items() if value is not None}
            for number, outcome in found.items()
        }
        _report(found, filler, feedback)
        if feedback.isCanceled():
            for number, values in filled.items():
                layer.changeAttributeValues(number, values)
        return filled

    def _fail_gently(self, error: QgsProcessingException, feedback: QgsProcessingFeedback) -> None:
        """In place an exception would make QGIS roll back the layer, with all edits that the user has not saved."""
        if not self.in_place:
            raise error
        self._filled = {}
        feedback.reportError(str(error), False)

    def _look_at_all(self, source: QgsProcessingFeatureSource, feedback: QgsProcessingFeedback) -> Dict[int, Any]:
        """Outcomes by feature id: of all polygons, or of those that were done when the user cancelled."""
        setup = self._setup
        if setup is None:
            raise QgsProcessingException(tr("The algorithm was not prepared; run it through Processing."))
        found: Dict[int, Any] = {}
        bare = QgsFeatureRequest().setSubsetOfAttributes([])
        try:
            with looking(setup, feedback) as (describer, picture):
                polygons = regions(source.getFeatures(bare, _AS_THEY_ARE), source.sourceCrs())
                for outcome in self.outcomes(
                    describer, picture, polygons, setup, progress(feedback), feedback.isCanceled
                ):
                    found[outcome.id] = outcome
        except CancelledError:
            feedback.pushInfo(tr("Cancelled."))
        return found


def _report(found: Mapping[int, Any], filler: Filler, feedback: QgsProcessingFeedback) -> None:
    """Say what became of the polygons and of their texts."""
    statuses.report([outcome.status for outcome in found.values()], feedback)
    if filler.shortened:
        feedback.pushWarning(tr("{count} texts were too long for their field and are cut short.").format(
            count=filler.shortened))
