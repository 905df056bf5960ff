"""The last step of an installation, in a Python of its own: whether the packages load, and the model."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import List

from aquila_qgis_plugin.environment.inspection import examine
from aquila_qgis_plugin.environment.packages import REQUIRED

RESULT_MARKER = "aquila-check:"


def main(folder: Path) -> None:
    """Load the built-in model with the packages in the folder, and write what was found as one line of JSON.

    Whatever goes wrong is raised, so that the program ends with a traceback and a code other than 0.
    """
    from aquila_qgis_plugin.environment.activation import make_importable  # noqa: PLC0415 (QGIS reads this file too)

    versions = examine([str(folder), *sys.path]).versions
    make_importable(folder)
    from core_model.checkpoint import load_model  # noqa: PLC0415 (needs the folder)
    from core_model.compat import ensure_torchvision  # noqa: PLC0415

    ensure_torchvision()
    for package in REQUIRED:
        import_module(package.module)
    found = {
        "versions": versions,
        "model": load_model("nano", device="cpu").name,
        "devices": _devices(),
        "numpy": import_module("numpy").__version__,
    }
    sys.stdout.write(f"{RESULT_MARKER}{json.dumps(found)}\n")


def _devices() -> List[str]:
    import torch  # noqa: PLC0415 (needs the folder)

    gpus = range(torch.cuda.device_count()) if torch.cuda.is_available() else range(0)
    return ["cpu", *(f"cuda:{number} ({torch.cuda.get_device_name(number)})" for number in gpus)]
