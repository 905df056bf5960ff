"""QGIS's interface for plugins, without QGIS's main window: what pytest-qgis leaves out, with real widgets."""

# The names and arguments are QGIS's.
# ruff: noqa: ARG002, N802, N803, N815

from __future__ import annotations

from typing import List, Optional, Sequence

from pytest_qgis.qgis_interface import QgisInterface
from qgis.core import QgsMapLayer, QgsProject
from qgis.gui import QgsMapCanvas, QgsMessageBar, QgsOptionsWidgetFactory
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAction, QDockWidget, QMainWindow, QMenu


class Interface(QgisInterface):
    """Keeps what a plugin adds, so that a test can see that it was added and taken away again."""

    currentLayerChanged = Signal(QgsMapLayer)
    projectRead = Signal()
    initializationCompleted = Signal()

    def __init__(self, canvas: QgsMapCanvas, window: QMainWindow) -> None:
        super().__init__(canvas, QgsMessageBar(window), window)
        self.toolbar_actions: List[QAction] = []
        self.menu_actions: List[QAction] = []
        self.docks: List[QDockWidget] = []
        self.options_factories: List[QgsOptionsWidgetFactory] = []
        self.opened_options: List[str] = []
        self.message_log_opened = 0
        self.help_menu = QMenu(window)
        self.plugin_menu = QMenu(window)
        QgsProject.instance().readProject.connect(self.projectRead)

    def setActiveLayer(self, layer: Optional[QgsMapLayer]) -> bool:
        self._active_layer_id = layer.id() if layer is not None else None
        self.currentLayerChanged.emit(layer)
        return True

    def addPluginToMenu(self, name: str, action: QAction) -> None:
        self.menu_actions.append(action)

    def removePluginMenu(self, name: str, action: QAction) -> None:
        self.menu_actions.remove(action)

    addPluginToRasterMenu = addPluginToVectorMenu = addPluginToMenu
    removePluginRasterMenu = removePluginVectorMenu = removePluginMenu

    def pluginHelpMenu(self) -> QMenu:
        return self.help_menu

    def pluginMenu(self) -> QMenu:
        return self.plugin_menu

    rasterMenu = vectorMenu = pluginMenu

    def addToolBarIcon(self, action: QAction) -> int:
        self.toolbar_actions.append(action)
        return len(self.toolbar_actions)

    def removeToolBarIcon(self, action: QAction) -> None:
        self.toolbar_actions.remove(action)

    def addDockWidget(self, area: Qt.DockWidgetArea, dock: QDockWidget) -> None:
        self.docks.append(dock)
        self.mainWindow().addDockWidget(area, dock)
        dock.show()  # QGIS does, too

    def addTabifiedDockWidget(
        self, area: Qt.DockWidgetArea, dock: QDockWidget, tabifyWith: Sequence[str] = (), raiseTab: bool = False
    ) -> None:
        self.addDockWidget(area, dock)

    def removeDockWidget(self, dock: QDockWidget) -> None:
        self.docks.remove(dock)
        self.mainWindow().removeDockWidget(dock)

    def registerOptionsWidgetFactory(self, factory: QgsOptionsWidgetFactory) -> None:
        self.options_factories.append(factory)

    def unregisterOptionsWidgetFactory(self, factory: QgsOptionsWidgetFactory) -> None:
        self.options_factories.remove(factory)

    def showOptionsDialog(self, parent: Optional[QMainWindow] = None, currentPage: str = "") -> None:
        self.opened_options.append(currentPage)

    def openMessageLog(self, tabName: str = "") -> None:
        self.message_log_opened += 1
