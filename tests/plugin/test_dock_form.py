"""How the dock is laid out: narrow, named for screen readers, in order for the tab key."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest
from qgis.core import QgsProject
from qtpy.QtCore import Qt

from aquila_qgis_plugin import settings
from aquila_qgis_plugin.dock.dock import AquilaDock
from aquila_qgis_plugin.environment import runtime
from tests.plugin.dock_fakes import mnemonics, part, shown_dock
from tests.plugin.interface import Interface
from tests.plugin.scenes import polygon_layer, raster_layer


@pytest.fixture()
def dock(iface: Interface, monkeypatch: pytest.MonkeyPatch) -> Iterator[AquilaDock]:
    monkeypatch.setattr(runtime, "state", lambda: runtime.RuntimeState(True))
    with shown_dock(iface) as found:
        yield found


def test_it_fits_into_300_pixels_whatever_layers_are_called(dock: AquilaDock, tmp_path: Path) -> None:
    raster, plots = raster_layer(tmp_path), polygon_layer()
    QgsProject.instance().addMapLayers([raster, plots])
    raster.setName("an orthophoto with a very long name, as they come from the land survey office 2024")
    plots.setName("parcels_of_the_whole_district_with_everything_joined_to_them_final_version_2")
    settings.save(settings.Settings(model_folders=["/models/a model of everything, trained for a year, version 12"]))
    part(dock, "aquilaModelBox").setCurrentIndex(1)
    part(dock, "aquilaExtraFields").setCollapsed(False)
    part(dock, "aquilaStyleBox").setCurrentIndex(part(dock, "aquilaStyleBox").findData("prompt"))
    assert dock.minimumSizeHint().width() <= 300


def test_every_input_has_a_name_for_screen_readers_and_a_tooltip(dock: AquilaDock) -> None:
    dock.content()
    for name in (
        "aquilaRasterBox", "aquilaPolygonsBox", "aquilaSelectedOnly", "aquilaStyleBox", "aquilaLabelsEdit",
        "aquilaPromptEdit", "aquilaFieldBox", "aquilaExtra_label", "aquilaExtraField_area", "aquilaModelBox",
        "aquilaDeviceBox", "aquilaAsDisplayed",
    ):
        assert part(dock, name).accessibleName(), name
        assert part(dock, name).toolTip(), name


def test_the_tab_key_goes_from_top_to_bottom(dock: AquilaDock) -> None:
    dock.content()
    part(dock, "aquilaModelGroup").setCollapsed(False)
    names = []
    widget = part(dock, "aquilaRasterBox")
    for _ in range(200):
        if widget.objectName().startswith("aquila") and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            names.append(widget.objectName())
        widget = widget.nextInFocusChain()
    expected = [
        "aquilaRasterBox", "aquilaPolygonsBox", "aquilaSelectedOnly", "aquilaModelBox", "aquilaDeviceBox",
        "aquilaAsDisplayed", "aquilaTabBar", "aquilaStyleBox", "aquilaLabelsEdit", "aquilaPromptEdit", "aquilaFieldBox",
        "aquilaExtra_label", "aquilaExtraField_label", "aquilaExtra_confidence", "aquilaExtraField_confidence",
        "aquilaExtra_status", "aquilaExtraField_status", "aquilaExtra_area", "aquilaExtraField_area",
        "aquilaDescribeButton",
    ]
    assert [name for name in names if name in expected][:len(expected)] == expected


def test_mnemonics_leave_qgiss_menus_alone(dock: AquilaDock) -> None:
    for letters in mnemonics(dock):
        assert "F" in letters
        assert not set(letters) & set("JEVLSPORDWMCH")
