"""Aquila in the Processing toolbox."""

from __future__ import annotations

from qgis.core import QgsProcessingProvider
from qtpy.QtGui import QIcon

from aquila_qgis_plugin.processing.algorithm import icon_path
from aquila_qgis_plugin.processing.ask_polygons import AskPolygons
from aquila_qgis_plugin.processing.classify_polygons import ClassifyPolygons
from aquila_qgis_plugin.processing.compare_polygons import ComparePolygons
from aquila_qgis_plugin.processing.describe_polygons import DescribePolygons
from aquila_qgis_plugin.processing.region_embeddings import RegionEmbeddings
from aquila_qgis_plugin.processing.similarity import Similarity


class AquilaProvider(QgsProcessingProvider):
    """All algorithms of Aquila, as ``aquila:…``."""

    def id(self) -> str:
        """The name in ``aquila:describe_polygons``."""
        return "aquila"

    def name(self) -> str:
        """The name in the toolbox."""
        return "Aquila"

    def icon(self) -> QIcon:
        """The picture in the toolbox."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:  # noqa: N802 (QGIS's name)
        """The picture's file."""
        return icon_path("aquila")

    def loadAlgorithms(self) -> None:  # noqa: N802 (QGIS's name)
        """Make the algorithms known."""
        for kind in (
            DescribePolygons, ClassifyPolygons, AskPolygons, RegionEmbeddings, ComparePolygons, Similarity,
        ):
            self.addAlgorithm(kind())
