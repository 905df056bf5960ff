"""The real QGIS desktop, clicked: install from the zip, select polygons, Describe, undo. Screenshots: build/desktop."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from scripts.desktop.screen import Screen
from scripts.desktop.session import Desktop, clean_home, desktop
from tests.desktop.conftest import PICTURES

# Where the scene lies (EPSG:32633), and a box that touches two of its polygons: orchard and pond.
LEFT, TOP = 500_400.0, 5_400_800.0
BOX = ((8.0, 262.0), (60.0, 300.0))


def _settings() -> str:
    """The Python that runs the tests is the environment with torch that the user has pointed to."""
    return f'\n[aquila]\nruntime_folder="\\"{sys.prefix}\\""\n'


def _select(at: Desktop) -> None:
    at.click("mActionSelectFeatures")
    (x0, y0), (x1, y1) = (at.on_map(LEFT + x, TOP - y) for x, y in BOX)
    at.screen.drag(x0, y0, x1, y1)


def _places(seen: dict[str, Any]) -> dict[str, Any]:
    return seen["layers"]["places"]


def _described(seen: dict[str, Any]) -> list[str]:
    return [row["description"] for row in _places(seen)["rows"].values() if row.get("description")]


def test_install_select_describe_undo(shown: Screen, archive: Path, project: Path, tmp_path: Path) -> None:
    home = clean_home(tmp_path / "home", _settings())
    with desktop(shown, home, PICTURES, project=project, archive=archive) as at:
        at.wait("the plugin is active", lambda seen: "aquila_qgis_plugin" in seen["plugins"])
        shown.fill("QGIS")
        if "aquilaDock" not in at.settled()["widgets"]:
            at.click("aquilaDockAction")
        at.widget("aquilaRasterBox")
        at.click("mActionZoomFullExtent")
        at.settled()
        at.picture("1_dock")
        assert at.state()["torch"] is False

        _select(at)
        selected = at.wait("polygons are selected", lambda seen: _places(seen)["selected"])
        plan = f"{len(selected)} polygons"
        at.wait("the plan", lambda seen: plan in seen["widgets"]["aquilaPlanLine"]["text"])
        at.settled()
        at.picture("2_selected")

        at.click("aquilaDescribeButton")
        at.widget("aquilaAfterRunBox")
        at.picture("3_done")
        at.click("aquilaLeaveOpen")
        at.wait("the descriptions are written", lambda seen: len(_described(seen)) == len(selected))
        seen = at.settled()
        assert _places(seen)["editing"] and all(len(text) > 10 for text in _described(seen))
        assert {int(key) for key, row in _places(seen)["rows"].items() if row["description"]} == set(selected)
        at.picture("4_described")

        steps = _places(seen)["undo"]
        at.click("mActionUndo")
        at.wait("one step back takes all of it away", lambda seen: not _described(seen))
        assert _places(at.settled())["undo"] == steps - 1
        at.picture("5_undone")
        at.click("mActionRedo")
        at.wait("and forward again", lambda seen: len(_described(seen)) == len(selected))
        at.click("mActionSaveLayerEdits")
        at.wait("saved", lambda seen: not _places(seen)["undo"])
        at.click("mActionToggleEditing")
        at.wait("no longer edited", lambda seen: not _places(seen)["editing"])
        assert at.close() == 0
