"""Packages a few bytes large that stand for torch and its companions: installed into a folder, or as wheels."""

from __future__ import annotations

import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Dict, Iterable, Mapping

from aquila_qgis_plugin.environment.packages import REQUIRED, Package

# A pip that is told to keep torch below some version, by the machine's settings, must still take these.
GOOD = {**{package.project: "99.0" for package in REQUIRED}, "torch": "2.9", "torchvision": "0.24"}


def files_of(project: str, module: str, version: str, requires: Iterable[str] = ()) -> Dict[str, str]:
    """The files of a package by their path: its module, its metadata and the record of both."""
    info = f"{project.replace('-', '_')}-{version}.dist-info"
    files = {
        f"{module}/__init__.py": f'__version__ = "{version}"\n',
        f"{info}/METADATA": "\n".join([
            "Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}",
            *(f"Requires-Dist: {other}" for other in requires), "",
        ]),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if module == "torch":
        files[f"torch/_C{EXTENSION_SUFFIXES[0]}"] = ""
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    return files


def put(folder: Path, project: str, module: str, version: str, requires: Iterable[str] = ()) -> None:
    """A package, as pip would leave it in the folder."""
    for name, text in files_of(project, module, version, requires).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def put_all(folder: Path, versions: Mapping[str, str] = GOOD) -> Path:
    """Those of the required packages that are named, in these versions."""
    for package in _named(versions):
        put(folder, package.project, package.module, versions[package.project])
    return folder


def make_wheel(folder: Path, project: str, module: str, version: str, requires: Iterable[str] = ()) -> None:
    """A wheel that pip can install."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{project.replace('-', '_')}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as opened:
        for name, text in files_of(project, module, version, requires).items():
            opened.writestr(name, text)


def make_wheels(folder: Path) -> Path:
    """A wheel of each required package, and of a numpy that torchvision asks for."""
    for package in _named(GOOD):
        requires = ["numpy"] if package.project == "torchvision" else []
        make_wheel(folder, package.project, package.module, GOOD[package.project], requires)
    make_wheel(folder, "numpy", "numpy", "99.0")
    return folder


def _named(versions: Mapping[str, str]) -> Iterable[Package]:
    return (package for package in REQUIRED if package.project in versions)
