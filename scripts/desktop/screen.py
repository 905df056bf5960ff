"""A screen without a monitor, with a window manager, for the real QGIS desktop; mouse and keyboard by xdotool."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator

SIZE = (1600, 1000)
TITLE_BAR = 24


class Screen:
    """One X display: pictures of it, and clicks and keys on it."""

    def __init__(self, display: str) -> None:
        self.environment: Dict[str, str] = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}

    def _xdotool(self, *arguments: object) -> None:
        subprocess.run(["xdotool", *map(str, arguments)], env=self.environment, check=True, capture_output=True)

    def click(self, x: int, y: int, button: int = 1, repeat: int = 1) -> None:
        """Move the pointer there, let the window see it, and click."""
        self._xdotool("mousemove", x, y)
        time.sleep(0.15)
        self._xdotool("click", "--repeat", repeat, "--delay", 60, button)

    def drag(self, x0: int, y0: int, x1: int, y1: int) -> None:
        """Press at one place and release at another, moving between as a hand does."""
        self._xdotool("mousemove", x0, y0, "mousedown", 1)
        for step in range(1, 9):
            self._xdotool("mousemove", x0 + (x1 - x0) * step // 8, y0 + (y1 - y0) * step // 8)
            time.sleep(0.03)
        self._xdotool("mouseup", 1)

    def type(self, text: str) -> None:
        """Type a text into whatever has the focus."""
        self._xdotool("type", "--delay", 20, text)

    def key(self, name: str) -> None:
        """Press a key, for example ``ctrl+z``."""
        self._xdotool("key", name)

    def fill(self, title: str) -> None:
        """Move the window with this in its title to the corner and make it as large as the screen."""
        shown = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", title], env=self.environment, check=True,
            capture_output=True, text=True,
        )
        window = shown.stdout.split()[0]
        self._xdotool("windowmove", window, 0, 0, "windowsize", window, SIZE[0] - 2, SIZE[1] - TITLE_BAR)

    def picture(self, path: Path) -> Path:
        """A PNG of the whole screen."""
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["import", "-window", "root", str(path)], env=self.environment, check=True)
        return path


@contextmanager
def screen() -> Iterator[Screen]:
    """A new screen, taken down at the end.

    Raises:
        RuntimeError: Xvfb or openbox is not installed.
    """
    missing = [tool for tool in ("Xvfb", "openbox", "xdotool", "import") if shutil.which(tool) is None]
    if missing:
        raise RuntimeError(f"missing: {', '.join(missing)}; make setup-qgis installs them")
    reading, writing = os.pipe()
    size = f"{SIZE[0]}x{SIZE[1]}x24"
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-nolisten", "tcp"],
        pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as answer:
        shown = Screen(f":{int(answer.readline())}")
    manager = subprocess.Popen(
        ["openbox"], env=shown.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield shown
    finally:
        for process in (manager, server):
            process.terminate()
            process.wait(timeout=20)
