"""What the model needs beside QGIS's own Python, in versions that were seen to work together."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

Minor = Tuple[int, int]


@dataclass(frozen=True)
class Package:
    """A project on the package index, the module it gives, and the oldest version the model was run with."""

    project: str
    module: str
    minimum: str


REQUIRED = (
    Package("torch", "torch", "2.2"),
    Package("torchvision", "torchvision", "0.17"),
    Package("transformers", "transformers", "4.57"),
    Package("open-clip-torch", "open_clip", "3.2"),
    Package("timm", "timm", "1.0.26"),
    Package("tokenizers", "tokenizers", "0.22"),
    Package("safetensors", "safetensors", "0.7"),
    Package("packaging", "packaging", "20.0"),
)

_NEWEST = {
    "torch": "2.13.0", "torchvision": "0.28.0", "transformers": "5.23.0", "open-clip-torch": "3.3.0",
    "timm": "1.0.31", "tokenizers": "0.23.3", "safetensors": "0.8.0",
    # Not among the required: only models with a Llama tokenizer, such as Osprey's, need it.
    "sentencepiece": "0.2.2",
}
# The last versions for older Pythons; every other Python takes the newest.
_FOR_PYTHON: Dict[Minor, Dict[str, str]] = {
    (3, 9): {
        "torch": "2.8.0", "torchvision": "0.23.0", "transformers": "4.57.6", "open-clip-torch": "3.2.0",
        "timm": "1.0.26", "tokenizers": "0.22.2", "safetensors": "0.7.0",
    },
    (3, 10): {"transformers": "5.20.2"},
}
# torch left Macs with Intel processors, which many QGIS builds for macOS are made for, after 2.2.
_FOR_INTEL_MAC = {"torch": "2.2.2", "torchvision": "0.17.2", "transformers": "4.57.6", "tokenizers": "0.22.2"}


def pins(minor: Optional[Minor] = None, system: str = "", machine: str = "") -> Tuple[str, ...]:
    """The requirements for pip, one exact version each, for this Python and platform unless others are named."""
    versions = {**_NEWEST, **_FOR_PYTHON.get(minor or this_minor(), {})}
    if (system or platform.system(), machine or platform.machine()) == ("Darwin", "x86_64"):
        versions.update(_FOR_INTEL_MAC)
    return tuple(f"{project}=={version}" for project, version in versions.items())


def numpy_pin(version: str) -> str:
    """The requirement that keeps pip to packages which run with the numpy that QGIS has."""
    return f"numpy=={'.'.join(version.split('.')[:2])}.*"


def this_minor() -> Minor:
    """The minor version of QGIS's Python."""
    return sys.version_info[0], sys.version_info[1]


def minor_text() -> str:
    """The same as text, for example "3.11"."""
    return "{}.{}".format(*this_minor())


def platform_key() -> str:
    """Names the folder of an installation, for example "py3.11-linux-x86_64"; short, for Windows's path limit."""
    return f"py{minor_text()}-{platform.system().lower()}-{platform.machine().lower()}"
