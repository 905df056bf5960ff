"""Where Aquila installs packages of its own, and how far an installation there has come."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import threading
from dataclasses import dataclass
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from qgis.core import QgsApplication
from qtpy.QtCore import QStandardPaths

from aquila_qgis_plugin import settings
from aquila_qgis_plugin.environment.packages import platform_key
from aquila_qgis_plugin.paths import is_file, is_folder, whole_path
from aquila_qgis_plugin.translation import tr

_LOG = logging.getLogger(__name__)
_MARK = "aquila.json"
_REMOVED = ".removed"


class Progress(Enum):
    """How far an installation has come; without a mark it was made by hand, and only its packages can tell."""

    ABSENT = "absent"
    UNFINISHED = "unfinished"
    COMPLETE = "complete"
    UNMARKED = "unmarked"


class InUseError(Exception):
    """The folder cannot be removed now; the text is one sentence that says what to do."""


@dataclass(frozen=True)
class InstallFolder:
    """A folder for one Python version and platform: the packages, a mark, and scratch space while pip runs."""

    root: Path

    @property
    def packages(self) -> Path:
        """What goes on Python's path."""
        return self.root / "site"

    @property
    def scratch(self) -> Path:
        """Space for pip's downloads, on the same disk: the system's own is often small."""
        return self.root / "tmp"

    def progress(self) -> Progress:
        """How far the installation has come."""
        stage = self.mark().get("stage")
        if stage is not None:
            return Progress.COMPLETE if stage == Progress.COMPLETE.value else Progress.UNFINISHED
        return Progress.UNMARKED if is_folder(self.packages) else Progress.ABSENT

    def mark(self) -> Dict[str, Any]:
        """What was noted about the installation; an unreadable mark is one of an unfinished installation."""
        path = self.root / _MARK
        if not is_file(path):
            return {}
        try:
            noted = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            noted = None
        return noted if isinstance(noted, dict) else {"stage": Progress.UNFINISHED.value}

    def begin(self) -> None:
        """Start afresh: from here on the installation counts as unfinished until ``complete``."""
        self.remove()
        self.scratch.mkdir(parents=True)
        self._write_mark(Progress.UNFINISHED, {})

    def complete(self, notes: Mapping[str, Any]) -> None:
        """Note that everything is in place, with the versions and devices that were found."""
        self._write_mark(Progress.COMPLETE, notes)

    def clear_scratch(self) -> Optional[threading.Thread]:
        """Take away what pip left behind, in a thread, which is returned."""
        try:
            return self._set_aside(self.scratch)
        except OSError:
            _LOG.info("the scratch space stays until the next installation")
            return None

    def remove(self) -> Optional[threading.Thread]:
        """Take the installation away: at once out of its place, and from the disk in a thread, which is returned.

        Raises ``InUseError`` where this or another program uses it.
        """
        in_use = tr("The packages in {folder} are in use; restart QGIS and do this before Aquila describes anything.")
        if str(self.packages) in sys.path:
            raise InUseError(in_use.format(folder=self.root))
        try:
            return self._set_aside(self.root)
        except OSError as error:
            raise InUseError(in_use.format(folder=self.root)) from error

    def _set_aside(self, folder: Path) -> Optional[threading.Thread]:
        """Rename a folder, which is done at once or not at all, then delete it with what earlier tries left."""
        old = sorted(self.root.parent.glob(f"{self.root.name}{_REMOVED}*"))
        if folder.exists():
            names = (self.root.with_name(f"{self.root.name}{_REMOVED}{number}") for number in count())
            aside = next(name for name in names if not name.exists())
            folder.rename(aside)
            old.append(aside)
        if not old:
            return None
        thread = threading.Thread(target=_delete, args=(old,), name="aquila-remove")
        thread.start()
        return thread

    def _write_mark(self, stage: Progress, notes: Mapping[str, Any]) -> None:
        text = json.dumps({**notes, "stage": stage.value}, indent=1)
        part = self.root / f"{_MARK}.part"
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(self.root / _MARK)


def default_base() -> Path:
    """Where packages go unless the user chose a folder: outside the plugin, which updates replace."""
    if sys.platform == "win32":
        # Gigabytes do not belong into a roaming profile, and Windows's path limit asks for a short way.
        return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericDataLocation)) / "aquila"
    return Path(QgsApplication.qgisSettingsDirPath()) / "aquila"


def own_folder() -> InstallFolder:
    """Aquila's own installation for this Python and platform, whether it exists or not."""
    return folder_in(settings.load().install_folder)


def folder_in(chosen: str) -> InstallFolder:
    """The installation for this Python and platform in a folder that the user chose, "" for the usual one."""
    return InstallFolder((whole_path(chosen) if chosen else default_base()) / platform_key())


def free_bytes(folder: Path) -> int:
    """The free space on the disk of a folder that may not exist yet."""
    existing = next((place for place in (folder, *folder.parents) if is_folder(place)), Path.home())
    return shutil.disk_usage(existing).free


def _delete(folders: List[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
