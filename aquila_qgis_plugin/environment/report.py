"""The diagnostics text that a user copies into a report of a fault."""

from __future__ import annotations

import json
import platform
import re
import sys
from pathlib import Path
from typing import Iterator, List, Tuple

from osgeo import gdal
from qgis.core import Qgis, QgsApplication, QgsProject
from qtpy.QtCore import qVersion

from aquila_qgis_plugin import models, settings
from aquila_qgis_plugin.environment import log_tail, runtime
from aquila_qgis_plugin.environment.folders import own_folder
from aquila_qgis_plugin.environment.hardware import find_hardware
from aquila_qgis_plugin.environment.inspection import find_distribution
from core_model import __version__
from core_model.errors import ModelError
from core_model.folders import MODELS

# Not translated: those who read the report need not know the user's language.
# A folder's name may hold spaces, but not one before the start of another path.
_START = r"(?:file:/+|(?<![\w/.])[A-Za-z]:[\\/]|\\\\|(?<![\w/.:>])~?/)"
_LETTER = r"[^\s\\/:*?\"'<>|,;()\[\]]"
_PATH = re.compile(rf"{_START}(?:(?:{_LETTER}| (?!~?[\\/]|[A-Za-z]:[\\/]))+[\\/])*({_LETTER}*)")
_SECRET = re.compile(r"(?<=://)[^/@\s]+@")


def diagnostics_text() -> str:
    """Versions, devices, model and the log's tail as plain text, without the user's paths."""
    parts = [f"{name}: {value}" for name, value in _facts()]
    tail = log_tail.lines()
    if tail:
        parts += ["", "Log:", *tail]
    return without_paths("\n".join(parts))


def without_paths(text: str) -> str:
    """The text with every path reduced to its last part, and without names and passwords in addresses."""
    for folder, stands_for in _known_folders():
        text = text.replace(folder, stands_for)
    return _PATH.sub(r"<path>/\1", _SECRET.sub("", text))


def _facts() -> Iterator[Tuple[str, str]]:
    found = runtime.state()
    yield "Aquila", __version__
    yield "QGIS", f"{Qgis.QGIS_VERSION}, Qt {qVersion()}, GDAL {gdal.VersionInfo('RELEASE_NAME')}"
    yield "Python", f"{platform.python_version()} on {platform.platform()}, {platform.machine()}"
    numpy = find_distribution("numpy")
    yield "numpy", numpy.metadata["Version"] if numpy is not None else "absent"
    yield "Model can run", f"yes, {_place(found)}" if found.usable else f"no: {found.reason}"
    if found.versions:
        yield "Packages", ", ".join(f"{project} {version}" for project, version in found.versions.items())
    yield "Own installation", own_folder().progress().value
    yield "Devices", ", ".join(_devices())
    yield from _model_facts()


def _place(found: runtime.RuntimeState) -> str:
    if found.folder is None:
        return "in QGIS's own Python"
    return "installed by Aquila" if found.folder == own_folder().packages else "in a folder of the user's"


def _devices() -> List[str]:
    """What torch sees if it is loaded, else what the machine has; a report must not load it."""
    if "torch" in sys.modules:
        from core_model.diagnostics import devices  # noqa: PLC0415 (needs torch)

        return devices()
    hardware = find_hardware()
    return [hardware.name if hardware.nvidia else "no NVIDIA driver", "PyTorch is not loaded yet"]


def _model_facts() -> Iterator[Tuple[str, str]]:
    kept = settings.load()
    yield "Settings", f"device {kept.device}, precision {kept.dtype}, batch size {kept.batch_size}"
    try:
        folder = models.model_folder(kept.model)
        name = json.loads((folder / "config.json").read_text(encoding="utf-8"))["name"]
        size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    except (ModelError, OSError, ValueError, KeyError, TypeError) as error:
        yield "Model", f"unusable: {error}"
        return
    origin = "built in" if folder.parent == MODELS else "a folder of the user's"
    yield "Model", f"{name} ({origin}), {size / 1e6:.1f} MB"


def _known_folders() -> List[Tuple[str, str]]:
    """Folders whose names may hold spaces, which no pattern would see the end of; the longest first."""
    known = [
        (QgsApplication.qgisSettingsDirPath(), "<profile>"),
        (QgsProject.instance().absolutePath(), "<project>"),
        (str(Path.home()), "<home>"),
    ]
    spellings = {
        (spelling, stands_for)
        for folder, stands_for in known if len(folder) > 1
        for spelling in (folder.rstrip("/\\"), str(Path(folder)), Path(folder).as_posix())
    }
    return sorted(spellings, key=lambda pair: -len(pair[0]))
