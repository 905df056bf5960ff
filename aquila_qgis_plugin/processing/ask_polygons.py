"""Ask about polygons: the answer to one question for each, or for all of them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Callable, Dict, List

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterString,
)

from aquila_qgis_plugin.processing.parameters import Setup, sentence_of, source_count
from aquila_qgis_plugin.processing.polygon_algorithm import INPUT
from aquila_qgis_plugin.processing.text_algorithm import Extra, TextAlgorithm, Wording, common_extras
from aquila_qgis_plugin.translation import tr
from core_model.description import Description
from core_model.prompts import check_prompt

if TYPE_CHECKING:
    from core_model.describer import Describer
    from core_model.geo.raster import Picture
    from core_model.geo.regions import Region

QUESTION, TOGETHER, ANSWER = "QUESTION", "TOGETHER", "ANSWER"
# More regions than this do not fit beside a question in what a small model reads at once.
_MOST_TOGETHER = 16


class AskPolygons(TextAlgorithm):
    """One question, an answer for every polygon, or one for all."""

    NAME = "ask_polygons"
    FIELD_NAME = "answer"

    def displayName(self) -> str:  # noqa: N802 (QGIS's name)
        """The name in the toolbox."""
        return tr("Ask about polygons")

    def tags(self) -> List[str]:
        """Words to find it by."""
        return tr("question,answer,visual question answering,VQA,raster,language model,AI,text,attribute").split(",")

    def shortDescription(self) -> str:  # noqa: N802 (QGIS's name)
        """One sentence for the tooltip."""
        return tr("Asks the same question about each polygon and writes the answers into a field.")

    def shortHelpString(self) -> str:  # noqa: N802 (QGIS's name)
        """What the dialog explains."""
        return tr(
            "Asks one question about every polygon, each by itself, and writes the answers into a text field. The "
            "model looks at the raster inside the polygon and runs on this computer.\n\n"
            "<b>Question</b>: for example “Is there water in &lt;region&gt;?”; &lt;region&gt; stands for the polygon "
            "and may be left out. Asked about <b>all polygons together</b>, up to {most} are seen in one "
            "picture; they are &lt;region1&gt;, &lt;region2&gt; and so on, by their feature id, and all get the one "
            "answer.\n\n"
            "The <i>status</i> says why a polygon has no answer. The built-in model was taught few kinds of questions; "
            "a larger model answers more.\n\n"
            "Edited in place, an existing text field is filled in one undo step. A cancelled run keeps the polygons "
            "that are done."
        ).format(most=_MOST_TOGETHER)

    def outputName(self) -> str:  # noqa: N802 (QGIS's name)
        """What the result is called."""
        return tr("Polygons with answers")

    def extras(self) -> List[Extra]:
        """See ``TextAlgorithm.extras``."""
        return common_extras()

    def add_parameters(self) -> None:
        """Question and field."""
        self.addParameter(QgsProcessingParameterString(QUESTION, tr("Question"), multiLine=True))
        self.addParameter(QgsProcessingParameterBoolean(TOGETHER, tr("Ask about all polygons together"), False))
        self.add_fields(tr("Field for the answer"))
        self.addOutput(QgsProcessingOutputString(ANSWER, tr("Answer about all polygons together")))

    def wording(self, values: Mapping[str, Any], context: QgsProcessingContext) -> Wording:
        """The question."""
        return Wording(prompt=self.parameterAsString(values, QUESTION, context).strip())

    def read_values(self, values: Mapping[str, Any], context: QgsProcessingContext) -> None:
        """See ``PolygonAlgorithm.read_values``."""
        super().read_values(values, context)
        self._together = self.parameterAsBool(values, TOGETHER, context)

    def problem(self, values: Mapping[str, Any], context: QgsProcessingContext) -> str:
        """See ``AquilaAlgorithm.problem``."""
        problem = super().problem(values, context)
        if problem:
            return problem
        question, count = self.parameterAsString(values, QUESTION, context), 1
        if self.parameterAsBool(values, TOGETHER, context):
            count = source_count(self.parameterAsSource(values, INPUT, context))
        if count > _MOST_TOGETHER:
            return tr("{count} polygons are too many for one question; select at most {most}.").format(
                count=count, most=_MOST_TOGETHER)
        return sentence_of(lambda: check_prompt(question, max(1, count)))

    def outcomes(
        self, describer: Describer, picture: Picture, polygons: Iterator[Region], setup: Setup,
        told: Callable[[int, int], None], is_cancelled: Callable[[], bool],
    ) -> Iterator[Description]:
        """See ``PolygonAlgorithm.outcomes``."""
        if not self._together:
            yield from super().outcomes(describer, picture, polygons, setup, told, is_cancelled)
            return
        regions = sorted(polygons, key=lambda region: int(str(region.id)))
        if not regions:
            return
        answer = describer.ask(picture, regions, self._wording.prompt or "")
        from core_model.geo.regions import error_status  # noqa: PLC0415 (loads numpy)

        status = answer.status if answer.text else error_status(answer.status)
        for number, region in enumerate(regions):
            area = answer.areas_m2[number] if answer.areas_m2 else float("nan")
            yield Description(region.id, status, answer.text, area_m2=area)
        told(len(regions), len(regions))

    def more_outputs(
        self, found: Mapping[int, Any], values: Mapping[str, Any], context: QgsProcessingContext,  # noqa: ARG002
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> Dict[str, Any]:
        """The one answer, if there is one."""
        return {ANSWER: next((each.description for each in found.values()), "")} if self._together else {}
