"""Whether torch and its companions are there for QGIS's Python, and making them importable. Imports none of them."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, Optional, Tuple

from aquila_qgis_plugin import settings
from aquila_qgis_plugin.environment.folders import InstallFolder, Progress, own_folder
from aquila_qgis_plugin.environment.inspection import Findings, examine, site_packages
from aquila_qgis_plugin.environment.packages import minor_text
from aquila_qgis_plugin.paths import is_folder, whole_path
from aquila_qgis_plugin.translation import tr

_FRESH_SECONDS = 3.0


class RuntimeUnavailable(Exception):  # noqa: N818 (a state, not a fault)
    """The packages that the model needs are not there; the text is one sentence that says what to do."""


@dataclass(frozen=True)
class RuntimeState:
    """Whether the model can run here; ``reason`` says in one sentence what is missing and what to do.

    ``folder`` is what has to be appended to Python's path, ``None`` if QGIS's own Python has everything.
    """

    usable: bool
    reason: str = ""
    folder: Optional[Path] = None
    versions: Dict[str, str] = field(default_factory=dict)


class _Memory:
    """The last state found, and the folder that is on the path since ``activate``."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.state: Optional[RuntimeState] = None
        self.until = 0.0
        self.active: Optional[Path] = None


_MEMORY = _Memory()


def state() -> RuntimeState:
    """What was found, kept for a few seconds; callable from any thread."""
    with _MEMORY.lock:
        if _MEMORY.state is None or time.monotonic() > _MEMORY.until:
            _MEMORY.state = _find()
            _MEMORY.until = time.monotonic() + _FRESH_SECONDS
        return _MEMORY.state


def forget() -> None:
    """Let ``state`` look anew: something was installed, removed or chosen."""
    with _MEMORY.lock:
        _MEMORY.state = None


def activate() -> None:
    """Make torch and its companions importable in this process, behind everything that QGIS has itself.

    Raises ``RuntimeUnavailable`` where they are not there or cannot be used.
    """
    with _MEMORY.lock:
        found = state()
        if not found.usable:
            raise RuntimeUnavailable(found.reason)
        if found.folder is not None and _MEMORY.active is None:
            from aquila_qgis_plugin.environment.activation import make_importable  # noqa: PLC0415 (slow to import)

            _check_loaded(found.folder)
            make_importable(found.folder)
            _MEMORY.active = found.folder


def chosen_problem(folder: Path) -> str:
    """What keeps a folder that the user points to from being used, in one sentence; "" if nothing does."""
    if not is_folder(folder):
        return tr("The folder {folder} does not exist; choose another one.").format(folder=folder)
    return _problem(site_packages(folder))


def own_problem(folder: InstallFolder) -> str:
    """What keeps Aquila's own installation from being used, in one sentence; "" if nothing does or there is none."""
    progress = folder.progress()
    if progress is Progress.ABSENT:
        return ""
    if progress is Progress.UNFINISHED:
        return tr("The installation in {folder} was not finished; repair or remove it.").format(folder=folder.root)
    findings = _examine(folder.packages)
    changed = progress is Progress.COMPLETE and any(
        findings.versions.get(project) != version for project, version in folder.mark().get("versions", {}).items()
    )
    if changed or not findings.usable:
        return tr("The installation in {folder} is damaged; repair or remove it.").format(folder=folder.root)
    return ""


def _find() -> RuntimeState:
    if _MEMORY.active is not None:
        # What a running process has loaded stays, whatever is chosen or removed meanwhile.
        return RuntimeState(True, folder=_MEMORY.active, versions=examine(sys.path).versions)
    own = examine(sys.path)
    if own.usable:
        return RuntimeState(True, versions=own.versions)
    problems = []
    for folder, problem in _folders():
        if not problem:
            return RuntimeState(True, folder=folder, versions=_examine(folder).versions)
        problems.append(problem)
    return RuntimeState(False, reason=(problems or [_absent(own)])[0])


def _folders() -> Iterator[Tuple[Path, str]]:
    """The folders to look at beside QGIS's own, each with what is wrong with it."""
    chosen = settings.load().runtime_folder
    if chosen:
        folder = whole_path(chosen)
        yield site_packages(folder), chosen_problem(folder)
    own = own_folder()
    if own.progress() is not Progress.ABSENT:
        yield own.packages, own_problem(own)


def _examine(folder: Path) -> Findings:
    """What a folder gives when it is appended to QGIS's own path; its own versions go before for what must be new."""
    return examine([str(folder), *sys.path])


def _problem(folder: Path) -> str:
    findings = _examine(folder)
    if findings.foreign:
        return tr(
            "The packages in {folder} are not for QGIS's Python {python}; choose an environment of that version."
        ).format(folder=folder, python=minor_text())
    if findings.missing:
        return tr("The folder {folder} lacks {packages}; choose another one, or install into Aquila's own.").format(
            folder=folder, packages=", ".join(findings.missing))
    if findings.outdated:
        return tr("Too old in {folder}: {packages}; choose another one, or install into Aquila's own.").format(
            folder=folder, packages=", ".join(findings.outdated))
    return ""


def _absent(own: Findings) -> str:
    if own.empty:
        return tr("The model needs PyTorch, which is not part of QGIS; choose “Set up…” in Aquila's menu.")
    return tr("QGIS's Python lacks, or has too old: {packages}; choose “Set up…” in Aquila's menu.").format(
        packages=", ".join(own.missing + own.outdated))


def _check_loaded(folder: Path) -> None:
    """Raise ``RuntimeUnavailable`` where another plugin has loaded a torch that is too old to go with the folder."""
    torch = sys.modules.get("torch")
    place = getattr(torch, "__file__", None)
    if torch is not None and place and folder not in Path(place).parents and examine(sys.path).outdated:
        raise RuntimeUnavailable(tr(
            "Another plugin has already loaded PyTorch {version}, which is too old; switch it off and restart QGIS."
        ).format(version=getattr(torch, "__version__", "")))
