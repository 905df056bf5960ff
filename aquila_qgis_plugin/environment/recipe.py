"""The pip commands that install what the model needs: for the installer to run, and for a user to copy."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Tuple

from aquila_qgis_plugin.environment.folders import InstallFolder
from aquila_qgis_plugin.environment.inspection import find_distribution
from aquila_qgis_plugin.environment.packages import minor_text, numpy_pin, pins
from aquila_qgis_plugin.translation import tr

_WHEELS = "aquila-wheels"


@dataclass(frozen=True)
class Recipe:
    """What is installed where, by which Python; from a folder of wheels, or an index with another one beside it."""

    python: Path
    folder: InstallFolder
    requirements: Tuple[str, ...]
    wheels: Optional[Path] = None
    extra_index: str = ""

    def install(self) -> List[str]:
        """The arguments for Python. Wheels only: nothing is compiled, and no package's own code runs meanwhile."""
        return [
            "-m", "pip", "install", "--only-binary", ":all:", "--no-input", "--no-cache-dir", "--no-color",
            "--progress-bar", "off", "--disable-pip-version-check", "--retries", "2", "--timeout", "30",
            *self._sources(), "--target", str(self.folder.packages), *self.requirements,
        ]

    def offline_text(self) -> str:
        """The steps for a machine without a network, ready to be copied."""
        download = ["-m", "pip", "download", "--only-binary", ":all:", "--dest", _WHEELS, *self._index()]
        install = [
            "-m", "pip", "install", "--no-index", "--find-links", _WHEELS, "--target", str(self.folder.packages),
        ]
        same = tr("{system} and Python {python}").format(
            system=f"{platform.system()} {platform.machine()}", python=minor_text())
        return "\n\n".join((
            tr("1. On a computer with a network, {same}:").format(same=same),
            _command([*_any_python(), *download, *self.requirements]),
            tr("2. Bring the folder {wheels} to this computer. Choose it as the folder of wheels and click Install; or "
               "remove what an installation left unfinished and run, where the folder is:").format(wheels=_WHEELS),
            _command([str(self.python), *install, *self.requirements]),
            tr("3. If you ran the command yourself, restart QGIS. The packages are in:"),
            str(self.folder.packages),
        ))

    def _sources(self) -> List[str]:
        if self.wheels is not None:
            return ["--no-index", "--find-links", str(self.wheels)]
        return self._index()

    def _index(self) -> List[str]:
        return ["--extra-index-url", self.extra_index] if self.extra_index else []


def standard_requirements() -> Tuple[str, ...]:
    """The pinned packages, and packages that run with the numpy that QGIS has."""
    numpy = find_distribution("numpy")
    return pins() if numpy is None else (*pins(), numpy_pin(numpy.metadata["Version"]))


def _any_python() -> List[str]:
    """How Python of this minor version is called on another computer of this kind."""
    return ["py", f"-{minor_text()}"] if platform.system() == "Windows" else [f"python{minor_text()}"]


def _command(words: List[str]) -> str:
    return " ".join(f'"{word}"' if set(word) & set(" *<>&|;()'") else word for word in words)
