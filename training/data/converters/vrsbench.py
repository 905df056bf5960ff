"""VRSBench's folder of annotations: one JSON a picture, with a caption, objects that are referred to, and questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, List, Mapping

from training.data.converters.base import (
    CATEGORY,
    Origin,
    Report,
    each_file,
    exchange,
    list_of,
    load_json,
    text_of,
    words,
)
from training.data.converters.boxes import PHRASE
from training.data.manifest.record import ConversationEntry, ManifestError, Record, RegionEntry


def vrsbench(folder: Path, origin: Origin, report: Report) -> Iterator[Record]:
    """``Annotations_train/*.json`` with ``Images_train``: caption, referred objects with corners, question pairs."""
    return each_file(folder, "*.json", "annotations", lambda path: _record(path, origin), report)


def _record(path: Path, origin: Origin) -> Record:
    values = load_json(path, dict)
    image = text_of(values, "image")
    blank = origin.record(path.stem, image)
    if blank.width is None or blank.height is None:
        raise ManifestError("its boxes need the picture's size, so its picture must be there")
    objects = values.get("objects", [])
    regions = [_region(entry, blank.width, blank.height) for entry in objects]
    return origin.record(
        path.stem, image, regions=tuple(regions), place=_place(path.stem),
        conversations=tuple(_conversations(values, objects)))


def _place(stem: str) -> str:
    """Tiles ``P0003_0002`` of one scene stay together."""
    return stem.split("_", 1)[0]


def _region(entry: Mapping[str, Any], width: int, height: int) -> RegionEntry:
    """The turned corners where they are given, else the box; both in shares of the picture's sides."""
    label = text_of(entry, "obj_cls")
    corner = entry.get("obj_corner")
    if isinstance(corner, list) and len(corner) == 8:
        return RegionEntry(label, polygons=[_pixels(corner, width, height)])
    box = entry.get("obj_coord")
    if isinstance(box, list) and len(box) == 4:
        return RegionEntry(label, box=_pixels(box, width, height))
    raise ManifestError(f"object {entry.get('obj_id')} has neither 'obj_coord' (4 numbers) nor 'obj_corner' (8)")


def _pixels(shares: List[Any], width: int, height: int) -> List[float]:
    if not all(isinstance(share, (int, float)) for share in shares):
        raise ManifestError(f"the place {shares} of an object is not made of numbers")
    return [round(share * (height if place % 2 else width), 2) for place, share in enumerate(shares)]


def _conversations(values: Mapping[str, Any], objects: List[Mapping[str, Any]]) -> Iterator[ConversationEntry]:
    if isinstance(values.get("caption"), str) and values["caption"].strip():
        yield exchange("picture", [("Describe the picture in detail.", values["caption"].strip())])
    for number, entry in enumerate(objects):
        yield exchange("category", [(CATEGORY, words(text_of(entry, "obj_cls")))], [number])
        if isinstance(entry.get("referring_sentence"), str) and entry["referring_sentence"].strip():
            yield exchange("referring", [(PHRASE, entry["referring_sentence"].strip())], [number])
    for pair in list_of(values, "qa_pairs") if "qa_pairs" in values else []:
        yield exchange("question", [(text_of(pair, "question"), text_of(pair, "answer"))])
