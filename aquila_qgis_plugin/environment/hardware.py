"""Which build of torch the machine can use, and what it takes to get it."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from qtpy.QtCore import QProcess, QStandardPaths

from aquila_qgis_plugin.translation import tr

_ANSWER_MS = 5000
_GIGABYTE = 1e9


@dataclass(frozen=True)
class Build:
    """A build of torch in words, with about how many bytes are fetched and how many lie on the disk afterwards."""

    explanation: str
    download: float
    installed: float

    @property
    def needed(self) -> float:
        """Free bytes needed while installing: the downloads and what is unpacked from them are there at once."""
        return self.download + self.installed


@dataclass(frozen=True)
class Hardware:
    """What matters about the machine: its system and whether it has an NVIDIA GPU with a driver, and which."""

    system: str
    nvidia: bool
    name: str = ""

    def build(self, *, other_index: bool) -> Build:
        """What the default index, or another one that the user named, will give for this machine."""
        if self.system == "Darwin":
            return Build(tr("The model will run on the processor of this Mac."), 0.15 * _GIGABYTE, 0.9 * _GIGABYTE)
        if self.nvidia:
            return self._for_gpu(other_index)
        if self.system == "Linux" and not other_index:
            return Build(tr(
                "No NVIDIA driver was found, so the model will run on the CPU. The usual package index has for Linux "
                "only the large build with CUDA, which runs on a CPU too; with the address of an index of CPU builds, "
                "below, it is a tenth of that."), *_CUDA)
        return Build(tr("No NVIDIA driver was found: the build for the CPU."), *_CPU)

    def _for_gpu(self, other_index: bool) -> Build:
        if self.system == "Linux" or other_index:
            words = tr("{gpu} was found: the build with CUDA, so that the model runs on it.")
            return Build(words.format(gpu=self.name), *_CUDA)
        words = tr(
            "{gpu} was found, but the usual package index has for Windows only the build for the CPU. For the GPU, "
            "give the address of an index of CUDA builds below; PyTorch's installation page names them.")
        return Build(words.format(gpu=self.name), *_CPU)


_CPU = (0.3 * _GIGABYTE, 1.2 * _GIGABYTE)
_CUDA = (3.0 * _GIGABYTE, 7.0 * _GIGABYTE)


def find_hardware() -> Hardware:
    """Look for an NVIDIA driver, and ask it for the GPU's name; takes a second where there is one."""
    if not _has_driver():
        return Hardware(platform.system(), False)
    return Hardware(platform.system(), True, _gpu_name() or tr("An NVIDIA GPU"))


def _has_driver() -> bool:
    if sys.platform == "win32":
        return (_system32() / "nvcuda.dll").is_file()
    return Path("/proc/driver/nvidia/version").is_file()


def _gpu_name() -> str:
    """The name and memory of the first GPU as the driver's own tool tells them, "" if it does not."""
    tool = _nvidia_smi()
    if tool is None:
        return ""
    process = QProcess()
    process.start(tool, ["--query-gpu=name,memory.total", "--format=csv,noheader"])
    if not process.waitForFinished(_ANSWER_MS):
        process.kill()
        process.waitForFinished(_ANSWER_MS)
        return ""
    if process.exitStatus() != QProcess.ExitStatus.NormalExit or process.exitCode() != 0:
        return ""
    lines = bytes(process.readAllStandardOutput()).decode("utf-8", "replace").strip().splitlines()
    return lines[0].strip() if lines else ""


def _nvidia_smi() -> Optional[str]:
    folders = [str(_system32())] if sys.platform == "win32" else []
    return QStandardPaths.findExecutable("nvidia-smi") or QStandardPaths.findExecutable("nvidia-smi", folders) or None


def _system32() -> Path:
    return Path(os.environ.get("SYSTEMROOT", "C:\\Windows")) / "System32"
