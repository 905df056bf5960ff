"""The plugin in QGIS: what it adds when it is loaded is gone when it is unloaded, and loading costs next to nothing."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Iterator, Set

import pytest
from qgis.core import QgsApplication
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QAction, QDockWidget

from aquila_qgis_plugin import classFactory
from aquila_qgis_plugin.plugin import AquilaPlugin
from tests.plugin.interface import Interface

REPOSITORY = Path(__file__).resolve().parents[2]
ACTIONS = {
    "aquilaDockAction", "aquilaMapToolAction", "aquilaSetupAction", "aquilaOptionsAction", "aquilaDiagnosticsAction",
    "aquilaHelpAction",
}


@pytest.fixture()
def plugin(iface: Interface) -> Iterator[AquilaPlugin]:
    found = classFactory(iface)
    found.initGui()
    yield found
    found.unload()


def action(iface: Interface, name: str) -> QAction:
    return next(found for found in iface.menu_actions if found.objectName() == name)


def test_loading_adds_everything(plugin: AquilaPlugin, iface: Interface) -> None:
    assert {found.objectName() for found in iface.menu_actions} == ACTIONS
    assert [found.objectName() for found in iface.toolbar_actions] == ["aquilaDockAction", "aquilaMapToolAction"]
    assert iface.docks == [plugin.dock]
    assert len(iface.options_factories) == 1
    assert [found.text() for found in iface.help_menu.actions()] == ["Aquila"]
    assert QgsApplication.processingRegistry().providerById("aquila") is not None
    assert all(not found.icon().isNull() for found in iface.toolbar_actions)


def test_unloading_takes_everything_away(iface: Interface) -> None:
    plugin = classFactory(iface)
    plugin.initGui()
    plugin.dock.content()
    iface.mapCanvas().setMapTool(plugin.map_tool)
    plugin.unload()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not (iface.menu_actions or iface.toolbar_actions or iface.docks or iface.options_factories)
    assert iface.help_menu.actions() == []
    assert QgsApplication.processingRegistry().providerById("aquila") is None
    assert iface.mapCanvas().mapTool() is None
    window = iface.mainWindow()
    left = [found.objectName() for kind in (QAction, QDockWidget) for found in window.findChildren(kind)]
    assert [name for name in left if name.startswith("aquila")] == []


def test_it_can_be_loaded_again_and_again(iface: Interface) -> None:
    for _ in range(5):
        plugin = classFactory(iface)
        plugin.initGui()
        plugin.dock.show()
        plugin.unload()
    assert iface.docks == []


def test_unloading_twice_does_no_harm(iface: Interface) -> None:
    plugin = classFactory(iface)
    plugin.initGui()
    plugin.unload()
    plugin.unload()


def test_processing_alone_needs_no_window() -> None:
    plugin = classFactory(None)
    plugin.initProcessing()
    assert QgsApplication.processingRegistry().providerById("aquila") is not None
    plugin.unload()
    assert QgsApplication.processingRegistry().providerById("aquila") is None


def test_the_button_shows_and_hides_the_dock(plugin: AquilaPlugin, iface: Interface) -> None:
    iface.mainWindow().show()
    assert not plugin.dock.isVisible()
    action(iface, "aquilaDockAction").trigger()
    assert plugin.dock.isVisible()
    action(iface, "aquilaDockAction").trigger()
    assert not plugin.dock.isVisible()


def test_the_map_tools_button_is_down_while_the_tool_is_in_use(plugin: AquilaPlugin, iface: Interface) -> None:
    button = action(iface, "aquilaMapToolAction")
    button.trigger()
    assert iface.mapCanvas().mapTool() is plugin.map_tool
    assert button.isChecked()
    iface.mapCanvas().unsetMapTool(plugin.map_tool)
    assert not button.isChecked()


def test_diagnostics_are_copied_without_the_users_paths(plugin: AquilaPlugin, iface: Interface) -> None:
    action(iface, "aquilaDiagnosticsAction").trigger()
    text = QgsApplication.clipboard().text()
    assert "Aquila" in text
    assert str(Path.home()) not in text
    assert "clipboard" in iface.messageBar().currentItem().text()


def test_help_opens_a_page_that_ships_with_the_plugin(
    plugin: AquilaPlugin, iface: Interface, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or True)
    action(iface, "aquilaHelpAction").trigger()
    iface.help_menu.actions()[0].trigger()
    assert len(opened) == 2
    assert all(Path(page).is_file() for page in opened)


def test_options_open_at_aquilas_page(plugin: AquilaPlugin, iface: Interface) -> None:
    action(iface, "aquilaOptionsAction").trigger()
    page = iface.options_factories[0].createWidget(iface.mainWindow())
    assert iface.opened_options == [page.objectName()]


@pytest.mark.parametrize(("module", "heavy"), [
    ("plugin", {"torch", "transformers", "open_clip", "numpy"}),
    ("dock", {"torch", "numpy"}), ("map_tools", {"torch", "numpy"}), ("options_page", {"torch", "numpy"}),
])
def test_loading_is_light(module: str, heavy: Set[str]) -> None:
    code = f"""
        import sys
        from qgis.core import QgsApplication
        app = QgsApplication([], True)
        before = set(sys.modules)
        import aquila_qgis_plugin.{module}
        found = {heavy!r} & (set(sys.modules) - before)
        sys.exit(f"imports {{sorted(found)}}" if found else 0)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
