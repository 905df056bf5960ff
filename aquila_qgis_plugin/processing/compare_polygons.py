"""Compare polygons with a region: how alike each is to one reference polygon, as a number in its row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Hashable, List, Optional

from qgis.core import QgsProcessingContext, QgsProcessingParameterField, QgsProcessingParameterString

from aquila_qgis_plugin.compat import real_field
from aquila_qgis_plugin.processing.columns import Column, status_column
from aquila_qgis_plugin.processing.parameters import Setup
from aquila_qgis_plugin.processing.polygon_algorithm import INPUT, PolygonAlgorithm
from aquila_qgis_plugin.processing.reference import REFERENCE, read_reference, reference_parameter, reference_problem
from aquila_qgis_plugin.translation import tr

if TYPE_CHECKING:
    from core_model.describer import Describer
    from core_model.geo.raster import Picture
    from core_model.geo.regions import Region

FIELD = "FIELD"


@dataclass(frozen=True)
class Compared:
    """A polygon's cosine similarity to the reference, ``None`` where its status says why."""

    id: Hashable
    status: str
    similarity: Optional[float]


class ComparePolygons(PolygonAlgorithm):
    """The cosine between the vectors of a reference polygon and of every polygon of a layer."""

    NAME = "compare_polygons"
    LAYERS = (INPUT, REFERENCE)
    ICON = "similarity"

    def displayName(self) -> str:  # noqa: N802 (QGIS's name)
        """The name in the toolbox."""
        return tr("Similarity of polygons to a region")

    def tags(self) -> List[str]:
        """Words to find it by."""
        return tr("similarity,cosine,search,find similar,embedding,compare,ranking,raster,AI,attribute").split(",")

    def shortDescription(self) -> str:  # noqa: N802 (QGIS's name)
        """One sentence for the tooltip."""
        return tr("Writes how alike each polygon is to one reference polygon into a field.")

    def shortHelpString(self) -> str:  # noqa: N802 (QGIS's name)
        """What the dialog explains."""
        return tr(
            "Compares the model's vector of a <b>reference polygon</b> (exactly one; select it and tick “Selected "
            "features only”) with the vector of every polygon of a layer. The cosine similarity is 1 for what looks "
            "the same to the model, 0 for what has nothing in common, and may be negative.\n\n"
            "Sort or colour the layer by it to find the polygons that are like the reference. Each polygon is seen at "
            "its own scale, as when it is described, so polygons of a very different size are less alike. Similarity "
            "is no probability: look at the ranking before choosing a threshold.\n\n"
            "Edited in place, an existing number field is filled in one undo step; polygons that cannot be seen keep "
            "what they had. A cancelled run keeps the polygons that are done."
        )

    def outputName(self) -> str:  # noqa: N802 (QGIS's name)
        """What the result is called."""
        return tr("Compared polygons")

    def add_parameters(self) -> None:
        """Reference and field."""
        self.addParameter(reference_parameter())
        text = tr("Field for the similarity")
        if self.in_place:
            kind = QgsProcessingParameterField.DataType.Numeric
            self.addParameter(QgsProcessingParameterField(FIELD, text, "similarity", INPUT, kind))
        else:
            self.addParameter(QgsProcessingParameterString(FIELD, text, "similarity"))

    def columns(self, values: Mapping[str, Any], context: QgsProcessingContext) -> List[Column]:
        """See ``PolygonAlgorithm.columns``."""
        field = self.parameterAsString(values, FIELD, context).strip()
        columns = [Column(real_field(field), lambda found: found.similarity)]
        if self.in_place:
            return columns
        return [*columns, status_column(self.parameterAsSource(values, INPUT, context).fields())]

    def problem(self, values: Mapping[str, Any], context: QgsProcessingContext) -> str:
        """See ``AquilaAlgorithm.problem``."""
        return super().problem(values, context) or reference_problem(self, values, context)

    def read_values(self, values: Mapping[str, Any], context: QgsProcessingContext) -> None:
        """See ``PolygonAlgorithm.read_values``."""
        self._reference = read_reference(self, values, context)

    def outcomes(
        self, describer: Describer, picture: Picture, polygons: Iterator[Region], setup: Setup,
        told: Callable[[int, int], None], is_cancelled: Callable[[], bool],
    ) -> Iterator[Compared]:
        """See ``PolygonAlgorithm.outcomes``."""
        from core_model.embeddings import Embedder, cosine  # noqa: PLC0415 (needs torch)

        embedder = Embedder(describer.loaded, batch_size=describer.batch_size)
        reference = embedder.reference(picture, self._reference, wider=setup.wider)
        for found in embedder.embed(picture, polygons, wider=setup.wider, progress=told, is_cancelled=is_cancelled):
            known = found.vector is not None and reference.vector is not None
            yield Compared(found.id, found.status, cosine(found.vector, reference.vector) if known else None)
