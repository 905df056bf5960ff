"""Classify polygons: the likeliest of the user's own labels for each, with its probability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, List

from qgis.core import QgsProcessingContext, QgsProcessingParameterString

from aquila_qgis_plugin.labels import split_labels
from aquila_qgis_plugin.processing.parameters import sentence_of
from aquila_qgis_plugin.processing.text_algorithm import (
    Extra,
    TextAlgorithm,
    Wording,
    common_extras,
    confidence_extra,
)
from aquila_qgis_plugin.translation import tr
from core_model.prompts import clean_labels

LABELS = "LABELS"


class ClassifyPolygons(TextAlgorithm):
    """The likeliest label of a list for every polygon."""

    NAME = "classify_polygons"
    FIELD_NAME = "label"

    def displayName(self) -> str:  # noqa: N802 (QGIS's name)
        """The name in the toolbox."""
        return tr("Classify polygons into my labels")

    def tags(self) -> List[str]:
        """Words to find it by."""
        return tr("classification,zero-shot,labels,land cover,raster,language model,AI,probability").split(",")

    def shortDescription(self) -> str:  # noqa: N802 (QGIS's name)
        """One sentence for the tooltip."""
        return tr("Gives each polygon the likeliest label of a list, with its probability.")

    def shortHelpString(self) -> str:  # noqa: N802 (QGIS's name)
        """What the dialog explains."""
        return tr(
            "Gives each polygon the likeliest of your own labels, by a model that looks at the raster inside it and "
            "runs on this computer. Nothing is trained.\n\n"
            "<b>Labels</b>: two or more, separated by commas, semicolons or lines, in any words: “forest, meadow, car "
            "park with cars”.\n\n"
            "The <i>probability</i> (0 to 1) is that of the label among those given, so it says nothing about labels "
            "that are not in the list: one of them fits best even where none fits. The <i>status</i> says why a "
            "polygon has no label.\n\n"
            "Edited in place, existing fields are filled in one undo step; polygons that cannot be classified keep "
            "what they had. A cancelled run keeps the polygons that are done."
        )

    def outputName(self) -> str:  # noqa: N802 (QGIS's name)
        """What the result is called."""
        return tr("Classified polygons")

    def extras(self) -> List[Extra]:
        """See ``TextAlgorithm.extras``."""
        return [confidence_extra("probability", tr("Probability")), *common_extras()]

    def add_parameters(self) -> None:
        """Labels and fields."""
        self.addParameter(QgsProcessingParameterString(
            LABELS, tr("Labels, separated by commas or lines"), multiLine=True))
        self.add_fields(tr("Field for the label"))

    def wording(self, values: Mapping[str, Any], context: QgsProcessingContext) -> Wording:
        """The labels."""
        return Wording(labels=tuple(split_labels(self.parameterAsString(values, LABELS, context))))

    def problem(self, values: Mapping[str, Any], context: QgsProcessingContext) -> str:
        """See ``AquilaAlgorithm.problem``."""
        labels = split_labels(self.parameterAsString(values, LABELS, context))
        return sentence_of(lambda: clean_labels(labels)) or super().problem(values, context)
