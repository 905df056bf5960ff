"""SAMRS (SOTA, SIOR, FAST): one pickle of instances a picture, each with run lengths and a category."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List, Mapping

from training.data.converters.base import Origin, Report, category_turns, each_file, text_of
from training.data.converters.pickles import load_plain
from training.data.converters.shapes import segmentation_region
from training.data.manifest.record import ManifestError, Record, RegionEntry

_SUFFIXES = (".png", ".jpg", ".tif")


def samrs(folder: Path, origin: Origin, report: Report) -> Iterator[Record]:
    """The folder ``ins``: NAME.pkl for NAME.png (or .jpg, .tif), a list of ``{"mask", "category", …}``."""
    return each_file(folder, "*.pkl", "instances", lambda path: _record(path, origin, report), report)


def _record(path: Path, origin: Origin, report: Report) -> Record:
    instances = load_plain(path)
    if not isinstance(instances, list):
        raise ManifestError("it must hold a list of instances")
    regions: List[RegionEntry] = []
    for number, entry in enumerate(instances, 1):
        try:
            if not isinstance(entry, Mapping):
                raise ManifestError("it is not a set of named values")
            regions.append(segmentation_region(entry.get("mask"), text_of(entry, "category")))
        except ManifestError as error:
            report.problem(f"{path.name} instance {number}", str(error))
    names = [path.stem + suffix for suffix in _SUFFIXES if (origin.images / (path.stem + suffix)).is_file()]
    name = names[0] if names else path.stem + _SUFFIXES[0]
    height, width = _size(regions)
    return origin.record(
        path.stem, name, width=width, height=height, regions=tuple(regions), conversations=category_turns(regions),
        place=path.stem.split("__", 1)[0])


def _size(regions: List[RegionEntry]) -> List[int]:
    sizes = [region.rle["size"] for region in regions if region.rle]
    if not sizes:
        raise ManifestError("it has no instance with run lengths")
    return list(sizes[0])
