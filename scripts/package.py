"""Builds the plugin's zip: ``dist/aquila_qgis_plugin-VERSION.zip``, the same bytes from the same sources every time.

In it are the plugin, ``core_model`` with the default model, and a copy of qtpy, through which the plugin reaches PyQt5
and PyQt6 alike. `QTPY_NOTICE` says what is left out of qtpy and changed in it, and goes into the zip with it.
"""

from __future__ import annotations

import argparse
import configparser
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Dict, Iterable, List

REPOSITORY = Path(__file__).resolve().parent.parent
PLUGIN = "aquila_qgis_plugin"
# The repository of QGIS takes no more.
MAX_BYTES = 25_000_000
# What may ship, by the end of its name. Everything else in the folders stops the build: a forgotten file must be seen.
SHIPPED = {".py", ".svg", ".html", ".css", ".png", ".md", ".json", ".safetensors", ".txt", ".typed"}
# Translations ship compiled, as Qt reads them; their sources do not.
LEFT_OUT = {".ts", ".qm", ".pyc"}
QTPY_LEFT_OUT = {"tests", "__pycache__", "cli.py", "__main__.py"}
QTPY_NOTICE = """\
# qtpy {qtpy}, with a module of packaging {packaging}

Copied by `scripts/package.py` of Aquila from the released packages; their licences are in this folder
(LICENSE.qtpy.txt: MIT; LICENSE.packaging.BSD.txt: BSD 2-Clause).

Changed in the copy:

- left out: qtpy's tests and its command line (`tests/`, `cli.py`, `__main__.py`);
- `uic.py` ends before its branch for PySide, which QGIS does not have;
- `packaging/version.py` is copied to `_packaging_version.py` and imported from there, so that this copy never stands
  in for a `packaging` of your own.

A qtpy of QGIS's own Python comes before this one.
"""


class PackagingError(Exception):
    """The zip cannot be built; the message says why and what to do."""


def version() -> str:
    """The version that metadata.txt and core_model agree on."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(REPOSITORY / "metadata.txt", encoding="utf-8")
    stated = parser["general"]["version"]
    source = (REPOSITORY / "core_model" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    if found is None or found.group(1) != stated:
        raise PackagingError(f"metadata.txt has version {stated}, core_model/__init__.py another: make them one")
    return stated


def _kept(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in LEFT_OUT:
            if path.suffix not in SHIPPED:
                raise PackagingError(f"{path.relative_to(REPOSITORY)} is of a kind that does not ship: see SHIPPED")
            yield path


def _sources() -> Dict[str, bytes]:
    """The repository's own files by their names under the zip's top folder."""
    files = {path.name: path.read_bytes() for path in (REPOSITORY / "LICENSE", REPOSITORY / "metadata.txt")}
    for path in _kept(REPOSITORY / PLUGIN):
        files[path.relative_to(REPOSITORY / PLUGIN).as_posix()] = path.read_bytes()
    for path in _kept(REPOSITORY / "core_model"):
        files[f"bundled/{path.relative_to(REPOSITORY).as_posix()}"] = path.read_bytes()
    return files


def _distribution_file(distribution: str, ending: str) -> bytes:
    for file in metadata.files(distribution) or []:
        if file.as_posix().endswith(ending):
            return Path(str(file.locate())).read_bytes()
    raise PackagingError(f"{distribution} has no file …{ending}: install it as `make setup` does")


def _qtpy_text(path: Path) -> str:
    """One of qtpy's modules as it ships."""
    text = path.read_text(encoding="utf-8")
    if path.name == "uic.py":
        text, pyside, _ = text.partition("\nelse:\n")
        if not pyside:
            raise PackagingError("qtpy's uic.py has another shape than it had: look at scripts/package.py")
    return text.replace("from packaging.version import parse", "from qtpy._packaging_version import parse")


def _qtpy() -> Dict[str, bytes]:
    """The installed qtpy's files, changed as `QTPY_NOTICE` says."""
    folder = Path(str(metadata.distribution("qtpy").locate_file("qtpy")))
    files: Dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_dir() or QTPY_LEFT_OUT & set(name.parts):
            continue
        files[name.as_posix()] = _qtpy_text(path).encode()
    files["_packaging_version.py"] = _distribution_file("packaging", "packaging/version.py")
    files["LICENSE.qtpy.txt"] = _distribution_file("qtpy", "LICENSE.txt")
    files["LICENSE.packaging.BSD.txt"] = _distribution_file("packaging", "LICENSE.BSD")
    files["README.md"] = QTPY_NOTICE.format(
        qtpy=metadata.version("qtpy"), packaging=metadata.version("packaging")
    ).encode()
    return {f"bundled/qtpy/{name}": data for name, data in files.items()}


def compile_translations(folder: Path) -> List[Path]:
    """Compile every ``aquila_LANGUAGE.ts`` in a folder to the ``.qm`` beside it."""
    compiler = shutil.which("/usr/lib/qt5/bin/lrelease") or shutil.which("lrelease")
    if compiler is None:
        raise PackagingError("lrelease is missing; install it with: apt-get install qttools5-dev-tools")
    made = []
    for source in sorted(folder.glob("aquila_*.ts")):
        target = source.with_suffix(".qm")
        subprocess.run([compiler, "-silent", str(source), "-qm", str(target)], check=True)
        made.append(target)
    return made


def contents() -> Dict[str, bytes]:
    """Everything in the zip, by its name under the top folder."""
    files = {**_sources(), **_qtpy()}
    for path in compile_translations(REPOSITORY / PLUGIN / "i18n"):
        files[f"i18n/{path.name}"] = path.read_bytes()
    return files


def write(target: Path, files: Dict[str, bytes]) -> None:
    """Write the zip; entries are sorted and carry one date, so equal files make equal zips."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{PLUGIN}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name])


def build(folder: Path) -> Path:
    """Build the zip in a folder.

    Raises:
        PackagingError: a file does not belong in the zip, a tool is missing, or the zip is too large.
    """
    target = folder / f"{PLUGIN}-{version()}.zip"
    write(target, contents())
    size = target.stat().st_size
    if size >= MAX_BYTES:
        raise PackagingError(f"{target.name} has {size:,} bytes; the QGIS repository takes less than {MAX_BYTES:,}")
    return target


def main() -> int:
    """Build the zip and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "dist", help="folder of the zip (default: dist)")
    try:
        made = build(parser.parse_args().out)
    except PackagingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{os.path.relpath(made)}: {made.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
