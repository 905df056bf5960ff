"""Describe polygons: a category, phrase or sentences about each, in the model's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, List

from qgis.core import QgsProcessingContext, QgsProcessingParameterEnum, QgsProcessingParameterString

from aquila_qgis_plugin.processing.parameters import sentence_of
from aquila_qgis_plugin.processing.text_algorithm import (
    Extra,
    TextAlgorithm,
    Wording,
    common_extras,
    confidence_extra,
    label_extra,
)
from aquila_qgis_plugin.translation import tr
from core_model.prompts import STYLES, check_prompt

STYLE, PROMPT = "STYLE", "PROMPT"


class DescribePolygons(TextAlgorithm):
    """A text about every polygon, in a style or as the user's own prompt asks for it."""

    NAME = "describe_polygons"
    FIELD_NAME = "description"

    def displayName(self) -> str:  # noqa: N802 (QGIS's name)
        """The name in the toolbox."""
        return tr("Describe polygons")

    def tags(self) -> List[str]:
        """Words to find it by."""
        return tr("description,caption,image,raster,text,language model,AI,vision,attribute,remote sensing").split(",")

    def shortDescription(self) -> str:  # noqa: N802 (QGIS's name)
        """One sentence for the tooltip."""
        return tr("Writes what a raster shows inside each polygon into its attributes.")

    def shortHelpString(self) -> str:  # noqa: N802 (QGIS's name)
        """What the dialog explains."""
        return tr(
            "Looks at a raster inside each polygon and writes what is there into a text field, by a model that runs "
            "on this computer.\n\n"
            "<b>Style</b>: a category (a word or two), a phrase, a description (one or two sentences) or a detailed "
            "description. <b>My prompt</b>, if there is one, is asked instead; &lt;region&gt; in it stands for the "
            "polygon.\n\n"
            "Further fields: the <i>label</i> is the category; the <i>confidence</i> (0 to 1) is that of the label, "
            "and below 0.5 the built-in model's text begins with “Perhaps”; the <i>status</i> says why a polygon "
            "has no text, for example because it lies outside the raster.\n\n"
            "Bands, model, device and how much is shown around each polygon are advanced parameters. Batches and "
            "surroundings never mix polygons: a text does not depend on what else is in the layer.\n\n"
            "Edited in place, an existing text field is filled in one undo step; polygons that cannot be described "
            "keep what they had. A cancelled run keeps the polygons that are done."
        )

    def outputName(self) -> str:  # noqa: N802 (QGIS's name)
        """What the result is called."""
        return tr("Described polygons")

    def extras(self) -> List[Extra]:
        """See ``TextAlgorithm.extras``."""
        return [label_extra(), confidence_extra("confidence", tr("Confidence")), *common_extras()]

    def add_parameters(self) -> None:
        """Style, prompt and fields."""
        names = [tr("Category"), tr("Phrase"), tr("Description"), tr("Detailed description")]
        self.addParameter(QgsProcessingParameterEnum(
            STYLE, tr("Style of the text"), names, defaultValue=STYLES.index("description")))
        self.addParameter(QgsProcessingParameterString(
            PROMPT, tr("My prompt (asked instead of the style)"), multiLine=True, optional=True))
        self.add_fields(tr("Field for the text"))

    def wording(self, values: Mapping[str, Any], context: QgsProcessingContext) -> Wording:
        """The prompt if there is one, else the style."""
        prompt = self.parameterAsString(values, PROMPT, context).strip()
        if prompt:
            return Wording(prompt=prompt)
        return Wording(style=STYLES[self.parameterAsEnum(values, STYLE, context)])

    def problem(self, values: Mapping[str, Any], context: QgsProcessingContext) -> str:
        """See ``AquilaAlgorithm.problem``."""
        prompt = self.parameterAsString(values, PROMPT, context).strip()
        wrong = sentence_of(lambda: check_prompt(prompt, 1)) if prompt else ""
        return wrong or super().problem(values, context)
