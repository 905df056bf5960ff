"""Aquila's page in QGIS's Options dialog, made when the dialog is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from qgis.gui import QgsOptionsWidgetFactory
from qtpy.QtWidgets import QWidget

from aquila_qgis_plugin.artwork import icon

if TYPE_CHECKING:
    from aquila_qgis_plugin.options_form import AquilaOptionsPage


class AquilaOptionsFactory(QgsOptionsWidgetFactory):
    """Makes the page; the plugin registers it with ``iface.registerOptionsWidgetFactory``."""

    def __init__(self) -> None:
        super().__init__()
        self.setTitle("Aquila")
        self.setIcon(icon("aquila"))

    def createWidget(self, parent: Optional[QWidget] = None) -> AquilaOptionsPage:  # noqa: N802
        """A page with the saved settings."""
        from aquila_qgis_plugin.options_form import AquilaOptionsPage  # noqa: PLC0415 (QGIS starts without it)

        return AquilaOptionsPage(parent)
