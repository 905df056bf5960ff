"""How much memory there is and how much a model takes, told before anything is loaded."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence

import torch

from core_model.errors import ModelError

_LOG = logging.getLogger(__name__)
# What a run takes beside the weights: keys and values, activations, a converted layer.
_WORKING_SHARE = 0.1
_GIB = 1024**3


def free_bytes(device: torch.device) -> Optional[int]:
    """Memory that can still be taken on a device; ``None`` where the system does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if sys.platform == "win32":
        return _windows_free()
    if Path("/proc/meminfo").is_file():
        return _linux_free(Path("/"))
    pages = os.sysconf("SC_PHYS_PAGES") if "SC_PHYS_PAGES" in os.sysconf_names else -1
    return pages * os.sysconf("SC_PAGE_SIZE") if pages > 0 else None


def needed_bytes(weights: int) -> int:
    """What running a model with so many bytes of weights takes."""
    return int(weights * (1 + _WORKING_SHARE))


def check_room(
    sizes: Mapping[str, int], dtype: str, device: torch.device, *, cpu_dtypes: Sequence[str] = ()
) -> None:
    """Raises ``ModelError``, with what would do instead, where weights of ``dtype`` do not fit on ``device``.

    ``sizes`` gives the bytes of the weights in every number format that may be chosen; ``cpu_dtypes`` those of them
    that the CPU may be proposed with.
    """
    free = free_bytes(device)
    if free is None or needed_bytes(sizes[dtype]) <= free:
        return
    ways = _fitting({kind: size for kind, size in sizes.items() if size < sizes[dtype]}, free)
    advice = [f"the number format {' or '.join(ways)}"] if ways else []
    if device.type != "cpu":
        aside = _fitting({kind: sizes[kind] for kind in cpu_dtypes}, free_bytes(torch.device("cpu")) or 0)
        advice += [f"the device cpu with {' or '.join(aside)}"] if aside else []
    if not advice:
        least = gib(needed_bytes(min(sizes.values())))
        advice = [f"a smaller model, or close other programs: this one takes {least} at least"]
    raise ModelError(
        f"the model takes {gib(needed_bytes(sizes[dtype]))} of memory as {dtype}, but {gib(free)} are free on "
        f"{device}; choose {', or '.join(advice)}.")


def gib(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / _GIB:.1f} GiB" if count >= _GIB / 10 else f"{count / 1024**2:.0f} MiB"


def as_words(sizes: Mapping[str, int]) -> List[str]:
    """Number formats with what a model takes in them, the largest first; of two of one size only the first."""
    shown: Dict[int, str] = {}
    for kind, size in sizes.items():
        shown.setdefault(size, f"{kind} ({gib(needed_bytes(size))})")
    return [shown[size] for size in sorted(shown, reverse=True)]


def _fitting(sizes: Mapping[str, int], free: int) -> List[str]:
    return as_words({kind: size for kind, size in sizes.items() if needed_bytes(size) <= free})


def _linux_free(root: Path) -> Optional[int]:
    """What the kernel could free up, or less where a container's limit is nearer."""
    lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
    free = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    group = root / "sys/fs/cgroup"
    try:
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        if limit != "max":
            free.append(max(0, int(limit) - _held(group)))
    except (OSError, ValueError, KeyError) as error:  # no second version of control groups here
        _LOG.debug("no memory limit can be read: %s", error)
    return min(free) if free else None


def _held(group: Path) -> int:
    """What a container's processes hold, without the files the kernel may drop from memory."""
    stat = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
    return int((group / "memory.current").read_text(encoding="ascii")) - int(stat["inactive_file"])


def _windows_free() -> Optional[int]:
    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong)
            for name in ("total", "free", "total_page", "free_page", "total_virtual", "free_virtual", "extended")
        ]

    status = Status(length=ctypes.sizeof(Status))
    told = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    return int(status.free) if told else None
