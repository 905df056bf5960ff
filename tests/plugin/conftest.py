"""The plugin's tests run inside one real QGIS, which pytest-qgis starts; its windows are drawn off screen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Iterator, List

import pytest

# Before Qt starts. `QT_QPA_PLATFORM=xcb` in the environment shows the windows.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# The texts that are asked for are English ones.
os.environ.update(LANG="C.UTF-8", LC_ALL="C.UTF-8")
os.environ.pop("LANGUAGE", None)

try:
    import qgis.core  # noqa: F401
except ImportError as error:
    raise pytest.UsageError(
        "tests/plugin needs QGIS 3.22 or newer and its Python module (apt-get install qgis python3-qgis), "
        f"and this Python has none: {error}"
    ) from error

if TYPE_CHECKING:
    from pathlib import Path

    from qgis.core import QgsRasterLayer, QgsVectorLayer

    from tests.plugin.held_tasks import FakeTask
    from tests.plugin.interface import Interface
    from tests.plugin.map_world import World

# pyproject.toml keeps pytest-qgis out of the other tests by its entry point's name; its module's name brings it in.
pytest_plugins = ["pytest_qgis.pytest_qgis"]


@pytest.fixture(scope="session", autouse=True)
def _plugin_importable(qgis_app: object) -> None:
    """Importing the plugin makes core_model and qtpy importable, as QGIS's plugin manager would."""
    import aquila_qgis_plugin  # noqa: F401


@pytest.fixture(autouse=True)
def _fresh_project(qgis_app: object) -> Iterator[None]:
    """Every test starts with an empty project and the plugin's settings as they were after installation."""
    from qgis.core import QgsProject, QgsSettings

    QgsSettings().remove("aquila")
    QgsProject.instance().clear()
    yield
    QgsProject.instance().clear()
    QgsSettings().remove("aquila")


@pytest.fixture(scope="module")
def registered(qgis_processing: None) -> Iterator[None]:
    """Aquila's algorithms in QGIS's registry."""
    from tests.plugin.processing_runs import registered_provider

    with registered_provider():
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a tiny untrained model."""
    from tests.tiny import save_tiny

    return str(save_tiny(tmp_path_factory.mktemp("tiny")))


@pytest.fixture()
def raster(tmp_path: Path) -> QgsRasterLayer:
    """A raster layer of noise."""
    from tests.plugin.scenes import raster_layer

    return raster_layer(tmp_path)


@pytest.fixture()
def iface(qgis_app: object) -> Iterator[Interface]:
    """QGIS's interface for plugins, with a real message bar, main window and map canvas, new for every test."""
    from unittest import mock

    from qgis.core import QgsProject
    from qgis.gui import QgsMapCanvas
    from qtpy.QtWidgets import QMainWindow

    from tests.plugin.interface import Interface

    window = QMainWindow()
    window.resize(1000, 800)
    canvas = QgsMapCanvas(window)
    window.setCentralWidget(canvas)
    interface = Interface(canvas, window)
    with mock.patch("qgis.utils.iface", interface):
        yield interface
    # A failed test's frames keep the interface alive; it must not hear of the next test's layers.
    project = QgsProject.instance()
    project.layersAdded.disconnect(interface.addLayers)
    project.removeAll.disconnect(interface.removeAllLayers)
    project.readProject.disconnect(interface.projectRead)
    canvas.deleteLater()
    window.deleteLater()


@pytest.fixture()
def tasks(monkeypatch: pytest.MonkeyPatch) -> List[FakeTask]:
    """The tasks that were started from the map, none of which runs."""
    from aquila_qgis_plugin import describe_one
    from tests.plugin.held_tasks import held_tasks

    return held_tasks(monkeypatch, describe_one, "DescribeTask")


@pytest.fixture()
def two_squares() -> QgsVectorLayer:
    """A layer of a field and a pond inside it."""
    from tests.plugin.map_world import FIELD, POND
    from tests.plugin.scenes import polygon_layer

    return polygon_layer(["description:string", "name:string"], [FIELD, POND])


@pytest.fixture()
def world(iface: Interface, two_squares: QgsVectorLayer, tmp_path: Path) -> Iterator[World]:
    """A map with the two squares and the tool in hand."""
    from tests.plugin.map_world import World

    made = World(iface, two_squares, tmp_path)
    yield made
    made.canvas.unsetMapTool(made.tool)
    made.tool.close()
