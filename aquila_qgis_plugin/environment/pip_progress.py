"""How far pip has come, from the lines it writes and the files it makes: its own bar is not for programs to read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List

from aquila_qgis_plugin.translation import tr

# Of the whole installation, in percent: the end of the downloads, and of unpacking them.
FETCHED, UNPACKED = 65, 92


class PipProgress:
    """Follows one run of ``pip install --target`` whose temporary folder is ``scratch``. It never goes back."""

    def __init__(self, scratch: Path, download_bytes: float) -> None:
        self.percent = 1
        self.doing = tr("Looking for the packages…")
        self._scratch = scratch
        self._download_bytes = download_bytes
        self._packages = 0

    def follow(self, line: str) -> None:
        """See what pip is doing from a line of its output."""
        fetching = re.match(r"\s*(?:Downloading|Processing) (?:\S*[/\\])?([\w.]+)-\S+\.whl(.*)", line)
        if fetching:
            self.doing = tr("Fetching {package}{size}…").format(package=fetching.group(1), size=fetching.group(2))
        elif line.startswith("Installing collected packages:"):
            self._packages = line.count(",") + 1
            self.doing = tr("Unpacking {count} packages…").format(count=self._packages)

    def look(self) -> None:
        """See how much there is: the size of what is fetched, then the number of packages unpacked."""
        if self._packages:
            unpacked = len(self._found("pip-target-*/lib/python/*.dist-info"))
            reached = FETCHED + min(1.0, unpacked / self._packages) * (UNPACKED - FETCHED)
        else:
            fetched = sum(_size(wheel) for wheel in self._found("pip-*/*.whl"))
            reached = min(1.0, fetched / self._download_bytes) * FETCHED
        self.percent = max(self.percent, int(reached))

    def _found(self, pattern: str) -> List[Path]:
        try:
            return list(self._scratch.glob(pattern))
        except OSError:
            return []  # pip has just removed a folder that was about to be looked into


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # pip has just moved it
