"""The dock in the main window.

Object names that tests and scripts may rely on: ``aquilaDock``, ``aquilaRasterBox``, ``aquilaPolygonsBox``,
``aquilaSelectedOnly``, ``aquilaTabs``, ``aquilaStyleBox``, ``aquilaLabelsEdit``, ``aquilaPromptEdit``,
``aquilaFieldBox``, ``aquilaExtraFields`` with ``aquilaExtra_KEY`` and ``aquilaExtraField_KEY`` for the keys label,
confidence, status and area, ``aquilaModelGroup``, ``aquilaModelBox``, ``aquilaDeviceBox``, ``aquilaAsDisplayed``,
``aquilaPlanLine``, ``aquilaProgress`` and ``aquilaDescribeButton`` (which is Cancel during a run); the question after
the first run is ``aquilaAfterRunBox`` with ``aquilaSaveNow`` and ``aquilaLeaveOpen``, and "More…" in a message
``aquilaMoreButton``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from qgis.gui import QgisInterface, QgsDockWidget
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QWidget

from aquila_qgis_plugin.choice import Choice
from aquila_qgis_plugin.translation import tr
from core_model.description import Description

if TYPE_CHECKING:
    from aquila_qgis_plugin.dock.content import DockContent


class AquilaDock(QgsDockWidget):
    """Aquila's place in the main window; its content is made when it is first needed, so that QGIS starts fast."""

    def __init__(self, iface: QgisInterface, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Aquila"), parent)
        self.setObjectName("aquilaDock")
        self.setAllowedAreas(Qt.DockWidgetArea.LeftDockWidgetArea | Qt.DockWidgetArea.RightDockWidgetArea)
        self._iface = iface
        self._content: Optional[DockContent] = None

    def content(self) -> DockContent:
        """The form, the panels and the button."""
        if self._content is None:
            from aquila_qgis_plugin.dock.content import DockContent  # noqa: PLC0415 - see the class

            self._content = DockContent(self._iface, self)
            self.setWidget(self._content)
        return self._content

    def choice(self) -> Choice:
        """What the user has chosen to run."""
        return self.content().choice()

    def show_description(self, layer_id: str, description: Description) -> None:
        """Let the preview know of a description made elsewhere, as by the map tool."""
        self.content().preview.show_description(layer_id, description)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Make the content when it is first seen."""
        super().showEvent(event)
        # QGIS shows every dock that is added; one that is hidden again at once stays empty.
        QTimer.singleShot(0, self._fill)

    def close_down(self) -> None:
        """Cancel what runs and listen to nothing any more."""
        if self._content is not None:
            self._content.close_down()

    def _fill(self) -> None:
        if self.isVisible():
            self.content()
