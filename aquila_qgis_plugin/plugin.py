"""The plugin as QGIS sees it: actions, dock, map tool, Processing provider, options page. Wiring only."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, List, Optional

from qgis.core import QgsApplication
from qgis.gui import QgisInterface
from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices, QIcon
from qtpy.QtWidgets import QAction

from aquila_qgis_plugin import BUNDLED, forget_modules, messages, translation
from aquila_qgis_plugin.artwork import icon
from aquila_qgis_plugin.dock.dock import AquilaDock
from aquila_qgis_plugin.environment import log_tail
from aquila_qgis_plugin.map_tools import DescribeFeatureAction, DescribeMapTool
from aquila_qgis_plugin.options_page import AquilaOptionsFactory
from aquila_qgis_plugin.processing.provider import AquilaProvider
from aquila_qgis_plugin.translation import tr

_HELP = Path(__file__).resolve().parent / "help" / "index.html"


class AquilaPlugin:
    """Everything Aquila adds to QGIS; ``unload`` takes all of it away again."""

    def __init__(self, iface: Optional[QgisInterface]) -> None:
        self._iface = iface
        # Whatever is added puts here how it is taken away; undone backwards.
        self._undo: List[Callable[[], object]] = []
        self.dock: Optional[AquilaDock] = None
        self.map_tool: Optional[DescribeMapTool] = None

    def initProcessing(self) -> None:  # noqa: N802 - QGIS's name
        """Register the Processing provider, which is all that ``qgis_process`` needs."""
        log_tail.start()
        self._undo.append(log_tail.stop)
        bridge = messages.connect_logging()
        self._undo.append(lambda: messages.disconnect_logging(bridge))
        translator = translation.install()
        self._undo.append(lambda: translation.remove(translator))
        provider = AquilaProvider()
        QgsApplication.processingRegistry().addProvider(provider)
        self._undo.append(lambda: QgsApplication.processingRegistry().removeProvider(provider))

    def initGui(self) -> None:  # noqa: N802 - QGIS's name
        """Add everything to the main window."""
        self.initProcessing()
        self._add_dock()
        self._add_map_tool()
        self._add_options()
        self._add_action(tr("&Set up…"), "setup", self._set_up, "aquilaSetupAction")
        self._add_action(tr("&Options…"), "", self._show_options, "aquilaOptionsAction")
        self._add_action(tr("&Copy diagnostics"), "", self._copy_diagnostics, "aquilaDiagnosticsAction")
        self._add_action(tr("&Help"), "", self._show_help, "aquilaHelpAction")
        self._add_help_entry()
        # The first thing to be done at the end: what runs ends while there is still a dock to take its results.
        self._undo += [_stop_work, self.dock.close_down]

    def unload(self) -> None:
        """Stop what runs and remove everything again."""
        while self._undo:
            self._undo.pop()()
        self.dock = self.map_tool = None
        # QGIS itself forgets the plugin's modules only: an updated plugin would run with the old core_model.
        forget_modules(BUNDLED)

    def _add_dock(self) -> None:
        dock = self.dock = AquilaDock(self._iface, self._iface.mainWindow())
        action = self._add_action(tr("&Describe polygons"), "aquila", None, "aquilaDockAction", toolbar=True)
        action.setToolTip(tr("Aquila: describe polygons over a raster in words"))
        action.setCheckable(True)
        dock.setToggleVisibilityAction(action)
        self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        # Adding shows it. When QGIS starts, it restores its window only after this, with the dock as the user left it.
        dock.hide()
        self._undo.append(lambda: self._remove_dock(dock))

    def _remove_dock(self, dock: AquilaDock) -> None:
        self._iface.removeDockWidget(dock)
        dock.setParent(None)
        dock.deleteLater()

    def _add_map_tool(self) -> None:
        tool = self.map_tool = DescribeMapTool(self._iface, self.dock.choice)
        canvas = self._iface.mapCanvas()
        action = self._add_action(
            tr("Describe by &clicking"), "map_tool", lambda: canvas.setMapTool(tool), "aquilaMapToolAction",
            toolbar=True,
        )
        action.setCheckable(True)
        action.setToolTip(tr("Click a polygon, or draw one, and read its description"))
        tool.setAction(action)
        tool.described.connect(self.dock.show_description)
        feature_action = DescribeFeatureAction(tool, self._iface.mainWindow())
        feature_action.register()
        self._undo += [lambda: canvas.unsetMapTool(tool), tool.close, feature_action.unregister]

    def _add_options(self) -> None:
        factory = AquilaOptionsFactory()
        self._iface.registerOptionsWidgetFactory(factory)
        self._undo.append(lambda: self._iface.unregisterOptionsWidgetFactory(factory))

    def _add_action(
        self, text: str, picture: str, clicked: Optional[Callable[[], object]], object_name: str, *,
        toolbar: bool = False,
    ) -> QAction:
        action = QAction(icon(picture) if picture else QIcon(), text, self._iface.mainWindow())
        action.setObjectName(object_name)
        if clicked is not None:
            action.triggered.connect(clicked)
        menu = tr("&Aquila")
        self._iface.addPluginToMenu(menu, action)
        self._undo += [action.deleteLater, lambda: self._iface.removePluginMenu(menu, action)]
        if toolbar:
            self._iface.addToolBarIcon(action)
            self._undo.append(lambda: self._iface.removeToolBarIcon(action))
        return action

    def _add_help_entry(self) -> None:
        menu = self._iface.pluginHelpMenu()
        action = QAction(icon("aquila"), tr("Aquila"), self._iface.mainWindow())
        action.setObjectName("aquilaHelpMenuAction")
        action.triggered.connect(self._show_help)
        menu.addAction(action)
        self._undo += [action.deleteLater, lambda: menu.removeAction(action)]

    def _set_up(self) -> None:
        from aquila_qgis_plugin.environment.dialog import offer_setup  # noqa: PLC0415 - seldom needed

        offer_setup(self._iface.mainWindow())

    def _show_options(self) -> None:
        self._iface.showOptionsDialog(self._iface.mainWindow(), "aquilaOptions")

    def _copy_diagnostics(self) -> None:
        from aquila_qgis_plugin.environment.report import diagnostics_text  # noqa: PLC0415 - seldom needed

        text = diagnostics_text()
        QgsApplication.clipboard().setText(text)
        messages.inform(self._iface, tr("The diagnostics are on the clipboard."), text)

    def _show_help(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(_HELP)))


def _stop_work() -> None:
    """End all background work and let go of the model; imported here, since these rooms are slow to load."""
    from aquila_qgis_plugin import describe_task, models  # noqa: PLC0415

    describe_task.stop_all()
    models.forget()
