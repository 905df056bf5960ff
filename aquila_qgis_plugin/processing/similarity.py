"""Similarity to a region: which places of a raster look like a reference polygon, as a raster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingOutputNumber,
    QgsProcessingParameterExtent,
    QgsProcessingParameterRasterDestination,
    QgsProperty,
    QgsRectangle,
)

from aquila_qgis_plugin.cancelled import CancelledError
from aquila_qgis_plugin.processing import parameters as common
from aquila_qgis_plugin.processing.algorithm import AquilaAlgorithm, looking, progress
from aquila_qgis_plugin.processing.reference import REFERENCE, read_reference, reference_parameter, reference_problem
from aquila_qgis_plugin.translation import tr

if TYPE_CHECKING:
    from core_model.geo.regions import Region

EXTENT, OUTPUT = "EXTENT", "OUTPUT"


class Similarity(AquilaAlgorithm, QgsProcessingAlgorithm):
    """The cosine between the vectors of a reference polygon and of every place of a raster."""

    NAME = "similarity"

    def __init__(self) -> None:
        super().__init__()
        self._extent: Optional[QgsRectangle] = None
        self._setup: Optional[common.Setup] = None
        self._reference: Optional[Region] = None

    def displayName(self) -> str:  # noqa: N802 (QGIS's name)
        """The name in the toolbox."""
        return tr("Similarity to a region")

    def tags(self) -> List[str]:
        """Words to find it by."""
        return tr("similarity,cosine,search,find similar,embedding,heat map,raster,AI,explain,features").split(",")

    def shortDescription(self) -> str:  # noqa: N802 (QGIS's name)
        """One sentence for the tooltip."""
        return tr("Maps how alike every place of a raster is to one reference polygon.")

    def shortHelpString(self) -> str:  # noqa: N802 (QGIS's name)
        """What the dialog explains."""
        return tr(
            "Compares the model's vector of a <b>reference polygon</b> (exactly one; select it and tick “Selected "
            "features only”) with every place of the raster. The cosine similarity is 1 for what looks the same to the "
            "model, 0 for what has nothing in common, and may be negative.\n\n"
            "The vector of a polygon is a linear map of the mean of the picture's features inside it. Here the same "
            "map is applied to each single cell: four pixels of the picture the model sees, at the scale at which it "
            "sees the reference. The result is what the mask-aware extractor looks at, in the blocks it sees it in; "
            "coarse features are repeated, not smoothed. Features reach beyond their cell, so edges are soft.\n\n"
            "A small reference in a large raster makes a large map, as its scale is fine; an <b>extent</b> limits it. "
            "A cancelled run keeps the part that is done. Similarity is no probability: look at the map before "
            "choosing a threshold."
        )

    def initAlgorithm(self, configuration: Mapping[str, Any] = {}) -> None:  # noqa: N802, ARG002 (QGIS's)
        """Add the parameters."""
        self.addParameter(common.raster_parameter())
        self.addParameter(reference_parameter())
        self.addParameter(QgsProcessingParameterExtent(EXTENT, tr("Extent of the map"), optional=True))
        common.add_advanced(self)
        self.addParameter(QgsProcessingParameterRasterDestination(OUTPUT, tr("Similarity map")))
        self.addOutput(QgsProcessingOutputNumber("TILE_COUNT", tr("Tiles looked at")))

    def problem(self, values: Mapping[str, Any], context: QgsProcessingContext) -> str:
        """See ``AquilaAlgorithm.problem``."""
        from aquila_qgis_plugin.processing.raster_output import output_problem  # noqa: PLC0415 (loads numpy)

        return (
            super().problem(values, context) or reference_problem(self, values, context)
            or output_problem(_wanted_path(values.get(OUTPUT), context))
        )

    def prepareAlgorithm(  # noqa: N802 (QGIS's name)
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Check everything, and copy what a worker must not share; on the main thread."""
        self.check_all(parameters, context)
        self._setup = common.read_setup(self, parameters, context)
        self._reference = read_reference(self, parameters, context)
        common.tell_of_coordinates(self, REFERENCE, parameters, context, feedback)
        if parameters.get(EXTENT):
            layer = self.parameterAsRasterLayer(parameters, common.RASTER, context)
            self._extent = self.parameterAsExtent(parameters, EXTENT, context, layer.crs())
        return True

    def processAlgorithm(  # noqa: N802 (QGIS's name)
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        """The map, tile by tile."""
        setup, region = self._setup, self._reference
        if setup is None or region is None:
            raise QgsProcessingException(tr("The algorithm was not prepared; run it through Processing."))
        path, tiles = self.parameterAsOutputLayer(parameters, OUTPUT, context), 0
        try:
            with looking(setup, feedback) as (describer, picture):
                from aquila_qgis_plugin.processing.raster_output import (  # noqa: PLC0415 (loads numpy)
                    RasterOutput,
                    pixel_window,
                )
                from core_model.embeddings import Embedder  # noqa: PLC0415 (needs torch)

                embedder = Embedder(describer.loaded, batch_size=describer.batch_size)
                reference = embedder.reference(picture, region, wider=setup.wider)
                window = None if self._extent is None else pixel_window(picture.source, self._extent)
                found = embedder.similarity(picture, reference, window)
                tiles = found.tiles
                feedback.pushInfo(tr("{tiles} tiles make a map of {width} × {height} cells.").format(
                    tiles=tiles, width=found.width, height=found.height))
                with RasterOutput(path, found.width, found.height, found.transform, found.crs_wkt) as output:
                    for block in found.blocks(progress(feedback), feedback.isCanceled):
                        output.write(block.values, block.column, block.row)
        except CancelledError:
            feedback.pushInfo(tr("Cancelled."))
        return {OUTPUT: path, "TILE_COUNT": tiles}


def _wanted_path(wanted: Any, context: QgsProcessingContext) -> str:
    """Where the map shall go, "" for a temporary file.

    ``parameterAsOutputLayer`` would make up a new temporary file at every call, and have QGIS look for each in the end.
    """
    if isinstance(wanted, QgsProcessingOutputLayerDefinition):
        wanted = wanted.sink
    if isinstance(wanted, QgsProperty):
        wanted, _ = wanted.valueAsString(context.expressionContext(), "")
    path = str(wanted or "")
    return "" if path == QgsProcessing.TEMPORARY_OUTPUT else path
