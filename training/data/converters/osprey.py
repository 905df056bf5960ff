"""Osprey-724K in its five files: short form, part level, conversation, detailed description, positive/negative."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterator, List, Mapping, Sequence, Tuple

from training.data.converters.base import Origin, Report, exchange, list_of, load_json, text_of
from training.data.converters.chats import turns_of
from training.data.converters.shapes import segmentation_region
from training.data.manifest.record import ConversationEntry, ManifestError, Record, RegionEntry

KINDS = {
    "short_form": "short", "part_level": "part", "conversation": "conversation", "detail_description": "detailed",
    "positive_negative": "yesno",
}
_BRIEF = " Answer the question using a single word or phrase."
_DETAILED = "Describe <region> in detail."
_MARKER = re.compile(r"<region(\d+)>")
_DESCRIPTION = re.compile(r"<.*?>\s*:\s*(.*)", re.DOTALL)


def kind_of(path: Path) -> str:
    """Which of the five files this is, by its name; raises ``ManifestError`` for another name."""
    for part, kind in KINDS.items():
        if part in path.stem:
            return kind
    raise ManifestError(f"{path.name} is none of Osprey's files; its name must hold one of {', '.join(KINDS)}")


def osprey(path: Path, origin: Origin, report: Report, kind: str = "") -> Iterator[Record]:
    """One of the five files; ``kind`` (a value of ``KINDS``) says which where its name does not."""
    kind = kind or kind_of(path)
    for number, values in enumerate(load_json(path), 1):
        try:
            yield _record(number, values, kind, origin)
        except ManifestError as error:
            report.problem(number, str(error))


def _record(number: int, values: Mapping[str, Any], kind: str, origin: Origin) -> Record:
    name = text_of(values, "file_name")
    image = name if (origin.images / name).is_file() or kind == "yesno" else name.split("_")[-1]
    regions = tuple(
        segmentation_region(entry.get("segmentation"), _label(entry)) for entry in list_of(values, "annotation"))
    conversations = _detailed(values, regions) if kind == "detailed" else _chat(values, kind, len(regions))
    return origin.record(
        f"{kind}-{number}", image, width=values.get("width"), height=values.get("height"), regions=regions,
        conversations=tuple(conversations))


def _label(entry: Mapping[str, Any]) -> str:
    label = entry.get("category", entry.get("category_name", ""))
    return label if isinstance(label, str) else ""


def _detailed(values: Mapping[str, Any], regions: Sequence[RegionEntry]) -> Iterator[ConversationEntry]:
    """One description a region, written ``<region1>: …``."""
    texts = list_of(values, "description")
    if len(texts) != len(regions):
        raise ManifestError(f"it has {len(regions)} regions, but {len(texts)} descriptions")
    for place, text in enumerate(texts):
        found = _DESCRIPTION.match(text.strip()) if isinstance(text, str) else None
        if found is None or not found.group(1).strip():
            raise ManifestError(f"description {place} is not written <region{place + 1}>: …")
        yield exchange("detailed", [(_DETAILED, _named(found.group(1).strip()))], [place])


def _chat(values: Mapping[str, Any], kind: str, regions: int) -> Iterator[ConversationEntry]:
    turns = turns_of(values)
    if kind == "yesno":
        for asked, answer in turns:
            named, text = _renumbered(asked, regions)
            yield exchange(kind, [(text, _named(answer))], named)
        return
    limit = _BRIEF if kind in ("short", "part") else ""
    written = [(_with_limit(_named(asked), limit), _named(answer)) for asked, answer in turns]
    written[0] = (f"{_introduction(regions)} {written[0][0]}", written[0][1])
    yield exchange(kind, written, range(regions))


def _introduction(regions: int) -> str:
    """The regions under the names that the texts call them by, as Osprey introduces them."""
    names = ", ".join(f"region{number} <region{number}>" for number in range(1, regions + 1))
    return f"There {'is 1 region' if regions == 1 else f'are {regions} regions'} in the picture: {names}."


def _with_limit(text: str, limit: str) -> str:
    return text if not limit or text.endswith(limit.strip()) else text + limit


def _named(text: str) -> str:
    """``<region1>`` as a name in the text, which stands for no embedding."""
    return _MARKER.sub(r"region\1", text)


def _renumbered(text: str, regions: int) -> Tuple[List[int], str]:
    """The regions that a text names, and the text with them numbered from 1 in their order."""
    named: List[int] = []
    for number in (int(found) - 1 for found in _MARKER.findall(text)):
        if not 0 <= number < regions:
            raise ManifestError(f"it names <region{number + 1}>, but has {regions} region(s)")
        if number not in named:
            named.append(number)
    if not named:
        raise ManifestError(f"its instruction {text[:40]!r} names no region")
    if len(named) == 1:
        return named, _MARKER.sub("<region>", text)
    return named, _MARKER.sub(lambda match: f"<region{named.index(int(match.group(1)) - 1) + 1}>", text)
