"""Pascal-VOC annotations as DIOR and DIOR-R use them: one XML a picture, with upright or turned boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List, Optional, Sequence
from xml.etree import ElementTree

from training.data.converters.base import Origin, Report, category_turns, each_file
from training.data.converters.shapes import box_region, ring_of
from training.data.manifest.record import ManifestError, Record, RegionEntry

_CORNERS = ("left_top", "right_top", "right_bottom", "left_bottom")


def voc(folder: Path, origin: Origin, report: Report) -> Iterator[Record]:
    """A folder of XML annotations; the pictures are named in them."""
    return each_file(folder, "*.xml", "annotations", lambda path: _record(path, origin, report), report)


def _record(path: Path, origin: Origin, report: Report) -> Record:
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # an encoding that nobody knows, or another one
        raise ManifestError(f"it is not XML ({error})") from None
    regions: List[RegionEntry] = []
    for number, entry in enumerate(root.iter("object"), 1):
        try:
            regions.append(_region(entry))
        except ManifestError as error:
            report.problem(f"{path.name} object {number}", str(error))
    name = root.findtext("filename") or f"{path.stem}.jpg"
    width, height = _side(root, "width"), _side(root, "height")
    return origin.record(
        path.stem, name, width=width, height=height, regions=tuple(regions), conversations=category_turns(regions))


def _side(root: ElementTree.Element, name: str) -> Optional[int]:
    text = root.findtext(f"size/{name}")
    return (int(text) or None) if text and text.strip().isdigit() else None  # some tools write 0 where they do not know


def _region(entry: ElementTree.Element) -> RegionEntry:
    label = (entry.findtext("name") or "").strip()
    if not label:
        raise ManifestError("it has no name")
    turned = entry.find("robndbox")
    if turned is not None:
        corners = [pair for corner in _CORNERS for pair in (f"x_{corner}", f"y_{corner}")]
        return RegionEntry(label, polygons=[ring_of(_numbers(turned, corners))])
    box = entry.find("bndbox")
    if box is None:
        raise ManifestError("it has neither a bndbox nor a robndbox")
    left, top, right, bottom = _numbers(box, ("xmin", "ymin", "xmax", "ymax"))
    return box_region(left, top, right, bottom, label)


def _numbers(entry: ElementTree.Element, names: Sequence[str]) -> List[float]:
    try:
        return [float(entry.findtext(name) or "") for name in names]
    except ValueError:
        raise ManifestError(f"its {entry.tag} lacks one of {', '.join(names)}, or one is not a number") from None
