"""Looking for packages in folders without importing them, and telling what is wrong with what is there."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple

from aquila_qgis_plugin.environment.packages import REQUIRED, Package, minor_text
from aquila_qgis_plugin.paths import is_folder

if TYPE_CHECKING:
    from importlib.metadata import Distribution


@dataclass(frozen=True)
class Findings:
    """The versions found by project, and what keeps them from being used."""

    versions: Dict[str, str]
    missing: Tuple[str, ...] = ()
    outdated: Tuple[str, ...] = ()
    foreign: bool = False

    @property
    def usable(self) -> bool:
        """Whether everything is there, new enough and for this Python."""
        return not (self.missing or self.outdated or self.foreign)

    @property
    def empty(self) -> bool:
        """Whether there is no torch at all, the package that none other brings along."""
        return "torch" in self.missing and not self.foreign


def examine(path: Sequence[str]) -> Findings:
    """Look for the required packages in the folders of a path, of which the first that has one counts."""
    versions: Dict[str, str] = {}
    missing: List[str] = []
    outdated: List[str] = []
    for package in REQUIRED:
        version = _version(package, path)
        if version is None:
            missing.append(package.project)
            continue
        versions[package.project] = version
        if _numbers(version) < _numbers(package.minimum):
            outdated.append(f"{package.project} {version}")
    torch = PathFinder.find_spec("torch", list(path))
    foreign = torch is not None and torch.origin is not None and _is_foreign(Path(torch.origin).parent)
    return Findings(versions, tuple(missing), tuple(outdated), foreign)


def site_packages(folder: Path) -> Path:
    """The folder with the packages in what a user points to: itself, or one inside a virtual environment's root."""
    lib = folder / "lib"
    candidates = [
        folder,
        folder / "Lib" / "site-packages",
        lib / f"python{minor_text()}" / "site-packages",
        *(sorted(lib.glob("python3*/site-packages")) if is_folder(lib) else ()),
        folder / "site",
    ]
    return next((found for found in candidates if is_folder(found / "torch")), folder)


def find_distribution(project: str, path: Optional[Sequence[str]] = None) -> Optional[Distribution]:
    """The metadata of a project in the folders of a path (Python's own by default), or ``None``."""
    # Here, since it loads much of the standard library, which QGIS's start need not wait for.
    from importlib.metadata import DistributionFinder, MetadataPathFinder  # noqa: PLC0415

    context = DistributionFinder.Context(name=project, path=list(sys.path if path is None else path))
    return next(iter(MetadataPathFinder.find_distributions(context)), None)


def _version(package: Package, path: Sequence[str]) -> Optional[str]:
    """The version by metadata; a package whose metadata or module is gone is half removed, and counts as missing."""
    spec = PathFinder.find_spec(package.module, list(path))
    found = find_distribution(package.project, path)
    if spec is None or spec.origin is None or found is None:
        return None
    return found.metadata["Version"]


def _numbers(version: str) -> Tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3])


def _is_foreign(torch: Path) -> bool:
    """Whether torch was compiled for another Python or another system than this one."""
    compiled = [path.name for path in torch.glob("_C.*") if path.suffix in (".so", ".pyd")]
    fitting = {f"_C{suffix}" for suffix in EXTENSION_SUFFIXES}
    return bool(compiled) and fitting.isdisjoint(compiled)
