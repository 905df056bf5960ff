"""The real QGIS desktop on a screen of its own, with a profile of its own."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from scripts.desktop.screen import Screen

Question = Callable[[Dict[str, Any]], Any]
# The names of the demo's files, in a folder that project.py makes a project of.
SCENE, PLACES, PROJECT = "scene.tif", "places.gpkg", "project.qgs"
PROBE = Path(__file__).resolve().parent / "probe.py"
SETTINGS = """\
[app]
askToSaveMemoryLayers=false
plugin_repositories\\ask=false

[qgis]
askToSaveProjectChanges=false
checkVersion=false
iconSize=24
showTips={version}=false

[migration]
fileVersion=2
settings=true

[plugin-manager]
check-on-start=false

[core]
NewsFeed\\httpsfeedqgisorg\\disabled=true
"""


def clean_home(folder: Path, settings: str = "") -> Path:
    """A home folder with an empty QGIS profile in it; ``settings`` is more for its settings file."""
    profile = folder / "profiles" / "default"
    (profile / "QGIS").mkdir(parents=True)
    (profile / "QGIS" / "QGIS3.ini").write_text(SETTINGS + settings, encoding="utf-8")
    return folder


class Desktop:
    """A running QGIS: what the probe sees in it, and the mouse and keyboard on its screen."""

    def __init__(self, screen: Screen, process: subprocess.Popen[bytes], state: Path, pictures: Path) -> None:
        self.screen = screen
        self._process = process
        self._state = state
        self._pictures = pictures

    def state(self) -> Dict[str, Any]:
        """What is on the screen now; waits for the first word of the probe."""
        begun = time.monotonic()
        while not self._state.exists():
            self._alive()
            if time.monotonic() - begun > 300:
                self.picture("not_started")
                raise TimeoutError("QGIS did not come up within five minutes")
            time.sleep(0.2)
        return json.loads(self._state.read_text(encoding="utf-8"))

    def _alive(self) -> None:
        if self._process.poll() is not None:
            raise AssertionError(f"QGIS ended with status {self._process.returncode}")

    def wait(self, what: str, until: Question, seconds: float = 400) -> Any:
        """Wait until a question about the state has an answer; the answer."""
        begun = time.monotonic()
        while True:
            self._alive()
            seen = self.state()
            if seen["errors"]:
                raise AssertionError("QGIS logged: " + "\n".join(seen["errors"]))
            answer = until(seen)
            if answer:
                return answer
            if time.monotonic() - begun > seconds:
                self.picture("waited_in_vain")
                raise TimeoutError(f"waited {seconds} s in vain: {what}; message bar: {seen['message']!r}")
            time.sleep(0.2)

    def settled(self, what: str = "nothing moves any more", until: Question = lambda seen: True) -> Dict[str, Any]:
        """The state once a question has an answer and nothing moves: a place read while windows move is no use."""
        before: Dict[str, Any] = {}

        def unmoved(seen: Dict[str, Any]) -> bool:
            nonlocal before
            if seen["number"] == before.get("number"):
                return False
            before, last = seen, before
            return bool(last) and not seen["drawing"] and _places(last) == _places(seen) and bool(until(seen))

        self.wait(what, unmoved)
        return before

    def widget(self, name: str) -> Dict[str, Any]:
        """A visible widget by its object name, once it is there, enabled and at rest."""
        seen = self.settled(f"the widget {name}", lambda seen: seen["widgets"].get(name, {}).get("enabled"))
        return seen["widgets"][name]

    def click(self, name: str, button: int = 1) -> None:
        """Click in the middle of a named widget."""
        x, y, width, height = self.widget(name)["at"]
        self.screen.click(x + width // 2, y + height // 2, button)

    def click_menu(self, text: str) -> None:
        """Click an entry of an open menu."""
        x, y, width, height = self.wait(
            f"the menu entry {text}",
            lambda seen: next((at for entry, at in seen["menus"].items() if entry.startswith(text)), None),
        )
        self.screen.click(x + min(40, width // 2), y + height // 2)

    def on_map(self, x: float, y: float) -> Tuple[int, int]:
        """Where a place of the map is on the screen."""
        seen = self.settled()
        left, top, width, height = seen["canvas"]
        xmin, ymin, xmax, ymax = seen["extent"]
        return (
            round(left + (x - xmin) / (xmax - xmin) * width), round(top + (ymax - y) / (ymax - ymin) * height)
        )

    def picture(self, name: str) -> Path:
        """A picture of the screen as it is now."""
        return self.screen.picture(self._pictures / f"{name}.png")

    def close(self) -> int:
        """Close QGIS as a user does; the exit status."""
        self.settled()
        self.screen.key("ctrl+q")
        try:
            return self._process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self.picture("not_closed")
            raise


def _places(seen: Dict[str, Any]) -> Dict[str, Any]:
    """Where everything is."""
    at = {name: widget["at"] for name, widget in seen["widgets"].items() if widget["kind"] != "QProgressBar"}
    return {"widgets": at, "canvas": seen["canvas"], "extent": seen["extent"], "menus": seen["menus"]}


@contextmanager
def desktop(
    screen: Screen, home: Path, pictures: Path, project: Optional[Path] = None, archive: Optional[Path] = None
) -> Iterator[Desktop]:
    """QGIS with a clean profile; ``archive`` is a plugin's zip, installed as "Install from ZIP" does."""
    state = home / "state.json"
    environment = {**screen.environment, "HOME": str(home), "AQUILA_PROBE": str(state), "LANG": "C.UTF-8"}
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "PYTHONHOME"):
        environment.pop(name, None)
    if archive is not None:
        environment["AQUILA_ZIP"] = str(archive)
    command = [
        "qgis", "--nologo", "--noversioncheck", "--profiles-path", str(home), "--profile", "default",
        "--code", str(PROBE),
    ]
    with (home / "qgis.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *([str(project)] if project else [])], env=environment, stdout=log, stderr=log, cwd=home
        )
        try:
            yield Desktop(screen, process, state, pictures)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(timeout=30)
