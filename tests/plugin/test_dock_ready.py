"""The dock notices when what kept it from describing is gone."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List

import pytest
from qgis.core import QgsProject, QgsVectorLayer
from qtpy.QtTest import QTest

from aquila_qgis_plugin.compat import text_field
from aquila_qgis_plugin.dock.dock import AquilaDock
from aquila_qgis_plugin.environment import runtime
from tests.plugin.dock_fakes import part, shown_dock
from tests.plugin.interface import Interface
from tests.plugin.scenes import add_squares, on_disk, polygon_layer, raster_layer
from tests.plugin.test_dock import button, sentence
from tests.plugin.waiting import wait_until


@pytest.fixture()
def dock(iface: Interface, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AquilaDock]:
    """A dock over a raster, as if torch were installed."""
    monkeypatch.setattr(runtime, "state", lambda: runtime.RuntimeState(True, "", None, {"torch": "2.0+cpu"}))
    QgsProject.instance().addMapLayer(raster_layer(tmp_path))
    with shown_dock(iface) as found:
        yield found


@pytest.fixture()
def plots() -> QgsVectorLayer:
    layer = polygon_layer()
    QgsProject.instance().addMapLayer(layer)
    return layer


def test_a_polygon_layer_whose_source_is_gone_is_said_first(dock: AquilaDock, tmp_path: Path) -> None:
    layer = on_disk(polygon_layer(), tmp_path / "plots.gpkg", "GPKG")
    QgsProject.instance().addMapLayer(layer)
    assert "Select polygons" in sentence(dock)
    source = layer.source()
    layer.setDataSource(str(tmp_path / "gone.gpkg"), "plots", "ogr")
    assert sentence(dock) == "plots cannot be opened; mend its data source in the layer's properties."
    layer.setDataSource(source, "plots", "ogr")
    assert "Select polygons" in sentence(dock)


def test_a_layer_that_may_be_edited_after_all_is_noticed(dock: AquilaDock, plots: QgsVectorLayer) -> None:
    plots.selectAll()
    plots.setReadOnly(True)
    wait_until(lambda: "read-only" in sentence(dock))
    plots.setReadOnly(False)
    wait_until(button(dock).isEnabled)


def test_a_computed_field_that_is_removed_is_noticed(dock: AquilaDock, plots: QgsVectorLayer) -> None:
    plots.selectAll()
    plots.addExpressionField("'a'", text_field("description"))
    wait_until(lambda: "computed" in sentence(dock))
    plots.removeExpressionField(plots.fields().indexOf("description"))
    wait_until(button(dock).isEnabled)


def test_an_empty_layer_that_is_filled_is_noticed(dock: AquilaDock, plots: QgsVectorLayer) -> None:
    plots.dataProvider().truncate()
    part(dock, "aquilaSelectedOnly").setChecked(False)
    assert sentence(dock) == "The layer “plots” has no polygons."
    add_squares(plots)
    plots.dataProvider().dataChanged.emit()
    wait_until(button(dock).isEnabled)
    assert part(dock, "aquilaSelectedOnly").text().endswith("(0 of 7)")


def test_new_fields_and_data_are_looked_at_once_and_after_the_step_that_makes_them(
    dock: AquilaDock, plots: QgsVectorLayer
) -> None:
    heard: List[bool] = []
    dock.content().layers.changed.connect(lambda: heard.append(True))
    for _ in range(3):
        plots.updatedFields.emit()
        plots.dataChanged.emit()
    assert heard == []
    wait_until(lambda: heard)
    QTest.qWait(300)
    assert heard == [True]
