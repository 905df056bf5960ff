"""One record of a manifest: a picture, its regions and what is said about them; and what makes a record wrong."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from core_model.errors import AquilaError, PromptError
from core_model.text.prompt import region_order

SPLITS = ("train", "val", "test")
SHAPES = ("polygons", "rle", "box")
_FIELDS = (
    "id", "image", "shard", "width", "height", "gsd", "regions", "conversations", "source", "licence", "place", "split",
)
_TEXTS = ("id", "image", "source", "licence")


class ManifestError(AquilaError):
    """A manifest or record that cannot be used; the message says which and why."""


@dataclass(frozen=True)
class RegionEntry:
    """A region: its class ("" unknown) and exactly one shape, in pixels of the picture.

    ``polygons`` are flat lists x, y, x, y … whose areas add up; ``rle`` is COCO's; ``box`` is left, top, right, bottom.
    """

    label: str = ""
    polygons: Optional[Sequence[Sequence[float]]] = None
    rle: Optional[Mapping[str, Any]] = None
    box: Optional[Sequence[float]] = None


@dataclass(frozen=True)
class Exchange:
    """An instruction and its answer."""

    instruction: str
    answer: str


@dataclass(frozen=True)
class ConversationEntry:
    """Turns in their order about some of the record's regions (by number); none: about the whole picture.

    ``<region>`` and ``<region1>`` … count within ``regions``, as ``core_model.text.prompt`` reads them.
    """

    kind: str
    regions: Tuple[int, ...]
    turns: Tuple[Exchange, ...]


@dataclass(frozen=True)
class Record:
    """A line of a manifest; see docs/data.md. ``gsd`` is in metres per pixel; None and "" are unknown."""

    id: str
    image: str
    source: str
    licence: str
    shard: str = ""
    width: Optional[int] = None
    height: Optional[int] = None
    gsd: Optional[float] = None
    regions: Tuple[RegionEntry, ...] = ()
    conversations: Tuple[ConversationEntry, ...] = ()
    place: str = ""
    split: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pairs(self) -> int:
        """How many instructions with an answer the record holds."""
        return sum(len(entry.turns) for entry in self.conversations)


def to_line(record: Record) -> str:
    """The record as one line of JSON, without what is unknown."""
    values = {name: getattr(record, name) for name in _FIELDS if name not in ("regions", "conversations")}
    values = {name: value for name, value in values.items() if value not in (None, "")}
    if record.regions:
        values["regions"] = [_region_values(region) for region in record.regions]
    if record.conversations:
        values["conversations"] = [_conversation_values(entry) for entry in record.conversations]
    return json.dumps({**values, **record.extra}, ensure_ascii=False, separators=(",", ":"))


def _region_values(region: RegionEntry) -> Dict[str, Any]:
    values = {"label": region.label, "polygons": region.polygons, "rle": region.rle, "box": region.box}
    return {name: value for name, value in values.items() if value not in (None, "")}


def _conversation_values(entry: ConversationEntry) -> Dict[str, Any]:
    turns = [{"instruction": turn.instruction, "answer": turn.answer} for turn in entry.turns]
    return {"kind": entry.kind, "regions": list(entry.regions), "turns": turns}


def from_line(line: str) -> Record:
    """A record from a line; raises ``ManifestError`` with what is wrong, without the line's number."""
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        raise ManifestError(f"the line is not JSON ({error.msg} at character {error.pos + 1})") from None
    if not isinstance(values, dict):
        raise ManifestError("the line must be a JSON object, {…}")
    return from_values(values)


def from_values(values: Mapping[str, Any]) -> Record:
    """A record from the values of a line; raises ``ManifestError`` with what is wrong."""
    for name in _TEXTS:
        if not isinstance(values.get(name), str) or not values[name].strip():
            raise ManifestError(f"'{name}' is missing; it must be a text")
    for name in ("shard", "place", "split"):
        if not isinstance(values.get(name, ""), str):
            raise ManifestError(f"'{name}' must be a text")
    split = values.get("split", "")
    if split and split not in SPLITS:
        raise ManifestError(f"'split' is {split!r}; use {', '.join(SPLITS)} or leave it out")
    regions = tuple(_region(number, entry) for number, entry in enumerate(_list(values, "regions")))
    width, height = _side(values, "width"), _side(values, "height")
    if regions and (width is None or height is None):
        raise ManifestError("'width' and 'height' are missing; a record with regions needs them")
    conversations = tuple(
        _conversation(number, entry, len(regions)) for number, entry in enumerate(_list(values, "conversations")))
    return Record(
        values["id"], values["image"], values["source"], values["licence"], values.get("shard", ""), width, height,
        _gsd(values), regions, conversations, values.get("place", ""), split,
        {name: value for name, value in values.items() if name not in _FIELDS})


def _list(values: Mapping[str, Any], name: str) -> List[Any]:
    found = values.get(name, [])
    if not isinstance(found, list):
        raise ManifestError(f"'{name}' must be a list")
    return found


def _side(values: Mapping[str, Any], name: str) -> Optional[int]:
    side = values.get(name)
    if side is not None and (not isinstance(side, int) or isinstance(side, bool) or side <= 0):
        raise ManifestError(f"'{name}' is {side!r}; it must be a whole number of pixels")
    return side


def _gsd(values: Mapping[str, Any]) -> Optional[float]:
    gsd = values.get("gsd")
    if gsd is None:
        return None
    if isinstance(gsd, bool) or not isinstance(gsd, (int, float)) or not math.isfinite(gsd) or gsd <= 0:
        raise ManifestError(f"'gsd' is {gsd!r}; it must be metres per pixel, above 0")
    return float(gsd)


def _region(number: int, entry: Any) -> RegionEntry:
    where = f"region {number}"
    if not isinstance(entry, dict):
        raise ManifestError(f"{where} must be an object")
    shapes = [name for name in SHAPES if entry.get(name) is not None]
    if len(shapes) != 1:
        has = ", ".join(shapes) or "none"
        raise ManifestError(f"{where} must have exactly one of polygons, rle and box; it has {has}")
    unknown = sorted(set(entry) - {"label", *SHAPES})
    if unknown:
        raise ManifestError(f"{where} has unknown fields {', '.join(unknown)}")
    if not isinstance(entry.get("label", ""), str):
        raise ManifestError(f"the label of {where} must be a text")
    if "polygons" in shapes:
        _check_polygons(where, entry["polygons"])
    if "box" in shapes and (not _is_numbers(entry["box"]) or len(entry["box"]) != 4):
        raise ManifestError(f"the box of {where} must be [left, top, right, bottom]")
    if "rle" in shapes and not isinstance(entry["rle"], dict):
        raise ManifestError(f'the rle of {where} must be {{"size": [height, width], "counts": …}}')
    return RegionEntry(entry.get("label", ""), entry.get("polygons"), entry.get("rle"), entry.get("box"))


def _check_polygons(where: str, polygons: Any) -> None:
    if not isinstance(polygons, list) or not polygons:
        raise ManifestError(f"the polygons of {where} must be a list of lists x, y, x, y …")
    for ring in polygons:
        if not _is_numbers(ring) or len(ring) % 2 or len(ring) < 6:
            raise ManifestError(f"a polygon of {where} must be at least three pairs of numbers x, y")


def _is_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) for value in values)


def _conversation(number: int, entry: Any, regions: int) -> ConversationEntry:
    where = f"conversation {number}"
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str) or not entry["kind"]:
        raise ManifestError(f"{where} must be an object with a 'kind'")
    named = entry.get("regions", [])
    if not isinstance(named, list) or not all(type(place) is int for place in named):
        raise ManifestError(f"'regions' of {where} must be a list of region numbers")
    for place in named:
        if not 0 <= place < regions:
            raise ManifestError(f"{where} names region {place}, but the record has {regions} region(s), counted from 0")
    turns = entry.get("turns")
    if not isinstance(turns, list) or not turns:
        raise ManifestError(f"{where} has no turns")
    exchanges = tuple(_exchange(f"turn {place} of {where}", turn) for place, turn in enumerate(turns))
    _check_markers(where, exchanges, len(named))
    return ConversationEntry(entry["kind"], tuple(named), exchanges)


def _exchange(where: str, turn: Any) -> Exchange:
    if not isinstance(turn, dict):
        raise ManifestError(f"{where} must be an object with 'instruction' and 'answer'")
    for name in ("instruction", "answer"):
        if not isinstance(turn.get(name), str) or not turn[name].strip():
            raise ManifestError(f"{where} has no {name}")
    return Exchange(turn["instruction"], turn["answer"])


def _check_markers(where: str, turns: Sequence[Exchange], regions: int) -> None:
    """The first instruction must name a region where there are any; none may name one that is not there."""
    for number, turn in enumerate(turns):
        try:
            region_order(turn.instruction, regions)
        except PromptError as error:
            if number == 0 or "names no region" not in str(error):
                raise ManifestError(f"turn {number} of {where}: {error}") from None
