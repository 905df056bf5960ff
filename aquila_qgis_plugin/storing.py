"""A few results into a layer's fields, as the map tool and the chat do it."""

from __future__ import annotations

from typing import Sequence

from qgis.core import QgsProject, QgsVectorLayer
from qgis.gui import QgisInterface

from aquila_qgis_plugin import messages, settings
from aquila_qgis_plugin.results import Targets, publish, target_problem
from aquila_qgis_plugin.translation import tr
from core_model.description import Description
from core_model.geo.regions import Region


def store(
    iface: QgisInterface, layer_id: str, results: Sequence[Description], targets: Targets, regions: Sequence[Region]
) -> bool:
    """Write results about ``regions`` to a layer in one undo step; the message bar says what could not be done."""
    layer = QgsProject.instance().mapLayer(layer_id)
    if not isinstance(layer, QgsVectorLayer):
        messages.warn(iface, tr("The layer is no longer in the project; copy the text instead."))
        return False
    problem = target_problem(layer, targets)
    if problem:
        messages.warn(iface, problem)
        return False
    # A layer that nobody edits stays open for looking and undoing, unless the user chose once to save at once.
    commit = None if layer.isEditable() else settings.load().after_run == settings.COMMIT
    published = publish(layer, results, targets, commit=commit, regions=regions)
    if published.unwritten:
        messages.warn(iface, published.message, published.details)
    elif published.message:
        messages.inform(iface, published.message, published.details)
    return published.written > 0
