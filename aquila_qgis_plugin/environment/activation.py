"""Making a folder of packages importable behind everything that QGIS has itself. Knows no Qt and no QGIS."""

from __future__ import annotations

import importlib
import logging
import os
import re
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from importlib.metadata import Distribution, DistributionFinder
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Set

from aquila_qgis_plugin.environment.inspection import find_distribution
from aquila_qgis_plugin.environment.packages import REQUIRED

_LOG = logging.getLogger(__name__)
# QGIS is compiled against these, or they install packages: theirs is always the one that counts.
_NEVER_OURS = frozenset({"numpy", "gdal", "pyqt5", "pyqt6", "pyqt5-sip", "pyqt6-sip", "sip", "setuptools", "pip"})
_LIBRARIES: List[Any] = []


class NewerPackages(DistributionFinder):
    """Finds a few packages in our folder although QGIS has them, since its versions are too old for the model."""

    def __init__(self, folder: Path, modules: Iterable[str], projects: Iterable[str]) -> None:
        self.folder = str(folder)
        self.modules = frozenset(modules)
        self.projects = frozenset(projects)

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None  # noqa: ARG002
    ) -> Optional[ModuleSpec]:
        """Where a module of these packages is; ``None`` for all others."""
        return PathFinder.find_spec(fullname, [self.folder], target) if fullname in self.modules else None

    def find_distributions(self, context: DistributionFinder.Context) -> Iterable[Distribution]:
        """The metadata of these packages, which some of the others ask for by name."""
        if context.name is None or normalised(context.name) not in self.projects:
            return ()
        found = find_distribution(context.name, [self.folder])
        return () if found is None else (found,)


def make_importable(folder: Path) -> None:
    """Append a folder to Python's path; what QGIS has goes before, unless its version is too old for the model.

    Files ending in ``.pth`` are not run. numpy, GDAL and Qt are always QGIS's own.
    """
    if str(folder) in sys.path:
        return
    sys.path.append(str(folder))
    _add_libraries(folder)
    importlib.invalidate_caches()
    newer = list(_newer(folder))
    projects = {normalised(distribution.metadata["Name"]) for distribution in newer}
    modules = {name for distribution in newer for name in _modules(distribution) if _unload(name)}
    if modules:
        _LOG.info("newer than QGIS's own, for the model: %s", ", ".join(sorted(projects)))
        sys.meta_path.insert(0, NewerPackages(folder, modules, projects))


def normalised(project: str) -> str:
    """A project's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", project).lower()


def _newer(folder: Path) -> Iterator[Distribution]:
    """Our distributions of which QGIS has a version that does not meet the requirements of the model's packages."""
    from packaging.requirements import Requirement  # noqa: PLC0415 (may be in the folder only)

    others = [entry for entry in sys.path if entry != str(folder)]
    waiting = [Requirement(f"{package.project}>={package.minimum}") for package in REQUIRED]
    seen: Set[str] = set()
    chosen: Set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = normalised(requirement.name)
        if name in _NEVER_OURS or name in chosen or not _applies(requirement):
            continue
        theirs, ours = find_distribution(name, others), find_distribution(name, [str(folder)])
        if ours is None or (theirs is not None and (_meets(theirs, requirement) or not _meets(ours, requirement))):
            continue
        if theirs is not None:
            chosen.add(name)
            yield ours
        if name not in seen:
            seen.add(name)
            waiting.extend(_requirements(ours))


def _requirements(distribution: Distribution) -> Iterator[Any]:
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415

    for text in distribution.requires or ():
        try:
            yield Requirement(text)
        except InvalidRequirement:
            _LOG.debug("unreadable requirement %s", text)


def _applies(requirement: Any) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _meets(distribution: Distribution, requirement: Any) -> bool:
    from packaging.version import InvalidVersion  # noqa: PLC0415

    try:
        return requirement.specifier.contains(distribution.metadata["Version"], prereleases=True)
    except InvalidVersion:
        return True  # a system's own numbering, which tells nothing


def _modules(distribution: Distribution) -> Set[str]:
    """The top-level modules and packages that a distribution installs."""
    found = set()
    for file in distribution.files or ():
        name = file.parts[0].split(".")[0]
        is_code = file.suffix in (".py", ".so", ".pyd")
        if is_code and name.isidentifier() and not file.parts[0].endswith((".libs", ".data", ".dist-info")):
            found.add(name)
    return found - {"__pycache__"}


def _unload(name: str) -> bool:
    """Let a loaded module be imported anew; those that have the old one keep it. False where it is compiled."""
    loaded: Dict[str, ModuleType] = {
        key: module for key, module in sys.modules.items() if key == name or key.startswith(f"{name}.")
    }
    files = [str(getattr(module, "__file__", "") or "") for module in loaded.values()]
    if any(file.endswith(tuple(EXTENSION_SUFFIXES)) for file in files):
        _LOG.warning("%s is already loaded in an older version and stays", name)
        return False
    for key in loaded:
        del sys.modules[key]
    return True


def _add_libraries(folder: Path) -> None:
    """On Windows, let the packages' own libraries be found; elsewhere they find each other."""
    if sys.platform == "win32":
        # The last is a conda environment's, of which the folder is Lib\site-packages.
        for libraries in (folder / "torch" / "lib", folder / "bin", folder.parent.parent / "Library" / "bin"):
            if libraries.is_dir():
                _LIBRARIES.append(os.add_dll_directory(str(libraries)))
