"""What is installed and what the model is: for ``info`` and for reports of faults."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Dict, List

import torch
from osgeo import gdal

from core_model import __version__
from core_model.config import AquilaConfig
from core_model.errors import ModelError
from core_model.folders import built_in_models, model_folder
from core_model.weights import weight_files

_PACKAGES = ("torch", "transformers", "open_clip_torch", "timm", "tokenizers", "safetensors", "numpy")


def report(model: str) -> Dict[str, Any]:
    """Versions, devices, built-in models and the named model, as plain values; never raises for a broken model."""
    return {
        "aquila": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "packages": {**{name: _version(name) for name in _PACKAGES}, "gdal": gdal.VersionInfo("RELEASE_NAME")},
        "devices": devices(),
        "built-in models": built_in_models(),
        "model": _model(model),
    }


def devices() -> List[str]:
    """The devices a model can run on, in words."""
    found = [f"cpu ({torch.get_num_threads()} threads)"]
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        properties = torch.cuda.get_device_properties(number)
        found.append(f"cuda:{number} ({properties.name}, {properties.total_memory / 1024**3:.0f} GiB)")
    return found


def processor() -> str:
    """The name of the CPU where the system tells it, else its kind."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _model(name: str) -> Dict[str, Any] | str:
    try:
        folder = model_folder(name)
        config = AquilaConfig.load(folder)
        size = sum(path.stat().st_size for path in weight_files(folder))
    except (ModelError, OSError) as error:
        return f"unusable: {error}"
    return {
        "name": config.name, "folder": str(folder), "megabytes": round(size / 1e6, 1),
        "picture": f"{config.encoder.image_size} pixels", "styles": ", ".join(config.prompts) or "none of its own",
    }
