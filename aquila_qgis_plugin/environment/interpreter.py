"""The Python program that belongs to QGIS: inside QGIS, ``sys.executable`` is often QGIS itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Iterator, List, Optional

from aquila_qgis_plugin.environment.packages import this_minor


def find_python() -> Optional[Path]:
    """The program to run ``-m pip`` with, or ``None`` where none was found."""
    return next((path for path in candidates() if path.is_file()), None)


def candidates() -> Iterator[Path]:
    """Where QGIS's Python may be, the most likely place first."""
    running = Path(sys.executable or "")
    if running.name.lower().startswith("python"):
        yield running
    for folder in _folders(running.parent):
        for name in _names():
            yield folder / name


def _folders(beside: Path) -> List[Path]:
    prefixes = [Path(prefix) for prefix in (sys.exec_prefix, sys.base_exec_prefix, sys.prefix)]
    if sys.platform == "win32":
        # OSGeo4W: apps/Python3xx/python.exe, and bin/python3.exe beside qgis-bin.exe.
        return [*prefixes, beside]
    # On a Mac the program lies in Contents/MacOS/bin, or in newer ones in the framework inside the bundle.
    frameworks = [
        contents / "Frameworks" / "Python.framework" / "Versions" / "Current" / "bin"
        for contents in beside.parents if contents.name == "Contents"
    ]
    return [*(prefix / "bin" for prefix in prefixes), beside / "bin", beside, *frameworks]


def _names() -> List[str]:
    if sys.platform == "win32":
        return ["python3.exe", "python.exe"]
    return ["python{}.{}".format(*this_minor()), "python3", "python"]
