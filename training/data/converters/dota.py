"""Turned boxes as text: DOTA's labelTxt (also FAIR1M and HRSC in that layout) and YOLO's OBB lines."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Optional, Sequence

from training.data.converters.base import Origin, Report, category_turns, each_file, read_text
from training.data.converters.shapes import ring_of
from training.data.manifest.record import ManifestError, Record, RegionEntry

_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".bmp")
_GSD = re.compile(r"^gsd:\s*([0-9.eE+-]+)\s*$")
DIFFICULT = "objects marked as difficult"


@dataclass(frozen=True)
class _Label:
    """A line's corners; ``in_shares`` where they are shares of the picture's sides."""

    name: str
    ring: List[float]
    in_shares: bool
    difficult: bool


def dota(
    folder: Path, origin: Origin, report: Report, names: Sequence[str] = (), difficult: bool = False
) -> Iterator[Record]:
    """A folder of label files; ``names`` are the classes of YOLO's numbers, ``difficult`` keeps objects marked so."""
    return each_file(folder, "*.txt", "labels", lambda path: _record(path, origin, report, names, difficult), report)


def _record(path: Path, origin: Origin, report: Report, names: Sequence[str], difficult: bool) -> Record:
    labels: List[_Label] = []
    gsd: Optional[float] = None
    for number, line in enumerate(read_text(path).splitlines(), 1):
        text = line.strip()
        if not text or text.lower().startswith("imagesource"):
            continue
        if text.lower().startswith("gsd"):
            gsd = _gsd(text)
            continue
        try:
            label = _label(text.split(), names)
        except ManifestError as error:
            report.problem(f"{path.name} line {number}", str(error))
            continue
        if label.difficult and not difficult:
            report.note(DIFFICULT)
        else:
            labels.append(label)
    blank = origin.record(path.stem, _image(path.stem, origin))
    regions = tuple(RegionEntry(label.name, polygons=[_in_pixels(label, blank)]) for label in labels)
    return origin.record(
        path.stem, _image(path.stem, origin), width=blank.width, height=blank.height, gsd=gsd, regions=regions,
        conversations=category_turns(regions), place=path.stem.split("__", 1)[0])


def _gsd(text: str) -> Optional[float]:
    """DOTA writes ``gsd:0.146``, and ``gsd:null`` or ``gsd:None`` where it is not known."""
    found = _GSD.match(text.lower())
    gsd = float(found.group(1)) if found and _is_number(found.group(1)) else 0.0
    return gsd if 0 < gsd < math.inf else None


def _image(stem: str, origin: Origin) -> str:
    found = [stem + suffix for suffix in _SUFFIXES if (origin.images / (stem + suffix)).is_file()]
    return found[0] if found else stem + _SUFFIXES[0]


def _label(parts: Sequence[str], names: Sequence[str]) -> _Label:
    if len(parts) == 9 and parts[0].isdigit() and _is_number(parts[8]):
        if int(parts[0]) >= len(names):
            raise ManifestError(f"it names class {parts[0]}, but {len(names)} class name(s) are given; use --names")
        return _Label(names[int(parts[0])], ring_of(_numbers(parts[1:])), True, False)
    if len(parts) not in (9, 10):
        raise ManifestError("it is not eight numbers, a class and whether it is difficult")
    return _Label(parts[8], ring_of(_numbers(parts[:8])), False, len(parts) == 10 and parts[9] not in ("0", "0.0"))


def _is_number(text: str) -> bool:
    """Whether it is no class's name, which DOTA's lines may end with, nor "-"."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(parts: Sequence[str]) -> List[float]:
    try:
        return [float(part) for part in parts]
    except ValueError:
        raise ManifestError(f"its corners {' '.join(parts)} are not eight numbers") from None


def _in_pixels(label: _Label, record: Record) -> List[float]:
    if not label.in_shares:
        return label.ring
    if record.width is None or record.height is None:
        raise ManifestError("its corners are shares of the picture's sides, so its picture must be there")
    return [
        round(value * (record.height if place % 2 else record.width), 3) for place, value in enumerate(label.ring)]
