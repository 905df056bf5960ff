"""Makes the pictures of the plugin in docs/: the dock, a described map and the toolbox, from the real QGIS desktop.

The plugin comes from a zip built now, the model runs in the Python that runs this script, and every click is a click.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from scripts import package
from scripts.desktop.screen import screen
from scripts.desktop.session import PLACES, PROJECT, SCENE, Desktop, clean_home, desktop

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = REPOSITORY / "docs"
WORK = REPOSITORY / "build" / "pictures"
# As wide as a README shows a picture.
WIDTH = 1200


def _keep(source: Path, name: str) -> None:
    """Put a screenshot into docs/, smaller and in few colours."""
    with Image.open(source) as shot:
        small = shot.convert("RGB").resize((WIDTH, round(shot.height * WIDTH / shot.width)), Image.Resampling.LANCZOS)
    small.quantize(256).save(DOCS / name, optimize=True)


def _dock(at: Desktop) -> None:
    if "aquilaDock" not in at.settled()["widgets"]:
        at.click("aquilaDockAction")
    at.click("mActionZoomFullExtent")
    at.settled()
    at.screen.key("ctrl+a")
    at.settled("the plan", lambda seen: "tile" in seen["widgets"]["aquilaPlanLine"]["text"])
    _keep(at.picture("dock"), "plugin_dock.png")


def _described(at: Desktop) -> None:
    at.click("aquilaDescribeButton")
    at.click("aquilaSaveNow")
    at.click("mActionDeselectAll")
    at.settled(
        "descriptions on the map",
        lambda seen: all(row.get("description") for row in seen["layers"]["places"]["rows"].values()),
    )
    _keep(at.picture("described"), "plugin_described.png")


def _toolbox(at: Desktop) -> None:
    at.click("toolboxAction")
    at.click("searchBox")
    at.screen.type("describe polygons")
    at.settled()
    at.screen.key("Return")
    at.widget("QgsProcessingDialogBase")
    at.click("searchBox")
    at.screen.key("ctrl+a")
    at.screen.type("aquila")
    at.settled()
    _keep(at.picture("toolbox"), "plugin_toolbox.png")


def main() -> int:
    """Make the pictures."""
    WORK.mkdir(parents=True, exist_ok=True)
    for arguments in (
        ["examples/make_scene.py", "--raster", str(WORK / SCENE), "--polygons", str(WORK / PLACES)],
        ["-m", "scripts.desktop.project", str(WORK)],
    ):
        offscreen = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        subprocess.run([sys.executable, *arguments], cwd=REPOSITORY, env=offscreen, check=True)
    with tempfile.TemporaryDirectory() as name:
        home = clean_home(Path(name), f'\n[aquila]\nruntime_folder="\\"{sys.prefix}\\""\n')
        archive = package.build(Path(name))
        with screen() as shown, desktop(shown, home, WORK, project=WORK / PROJECT, archive=archive) as at:
            at.wait("the plugin is active", lambda seen: "aquila_qgis_plugin" in seen["plugins"])
            shown.fill("QGIS")
            _dock(at)
            _described(at)
            _toolbox(at)
            at.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
