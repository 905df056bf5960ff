"""A few results into a layer's fields, as the map tool and the chat do it."""

from __future__ import annotations

from typing import Optional, Sequence

from qgis.core import QgsVectorLayer
from qgis.gui import QgisInterface

from aquila_qgis_plugin import messages, settings
from aquila_qgis_plugin.origin import Origin
from aquila_qgis_plugin.results import Targets, publish, target_problem
from aquila_qgis_plugin.translation import tr
from core_model.description import Description
from core_model.geo.regions import Region


def store(
    iface: QgisInterface, origin: Origin, results: Sequence[Description], targets: Targets, regions: Sequence[Region]
) -> bool:
    """Write results about ``regions`` to a layer in one undo step; the message bar says what could not be done."""
    layer = layer_of(iface, origin)
    if layer is None:
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


def layer_of(iface: QgisInterface, origin: Origin) -> Optional[QgsVectorLayer]:
    """The layer that a text can be stored in; where it is lost the message bar says so."""
    layer = origin.layer()
    if layer is None:
        messages.warn(iface, tr("{reason} Copy the text instead.").format(reason=origin.why_lost()))
    return layer
