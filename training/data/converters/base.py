"""What all converters share: where their pictures are, what they tell of trouble, and how a manifest is written."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple
from typing import Counter as CounterType

from training.data.manifest.images import file_size
from training.data.manifest.masks import bad_regions
from training.data.manifest.record import (
    ConversationEntry,
    Exchange,
    ManifestError,
    Record,
    RegionEntry,
    from_line,
    to_line,
)
from training.data.manifest.store import in_utf8, write_lines

CATEGORY = "What is <region>? Answer with a category."


@dataclass
class Report:
    """What a conversion could not use, by record number, and what it left out on purpose, counted."""

    problems: List[Tuple[str, str]] = field(default_factory=list)
    notes: CounterType[str] = field(default_factory=Counter)

    def problem(self, record: object, reason: str) -> None:
        """Note that a record is left out."""
        self.problems.append((str(record), reason))

    def note(self, reason: str, count: int = 1) -> None:
        """Count what is left out by a rule that the documentation states."""
        if count:
            self.notes[reason] += count


@dataclass(frozen=True)
class Origin:
    """A data set's name and licence, the folder of its pictures, and the manifest that is to be made.

    ``gsd`` (metres per pixel) holds where the data does not say; ``need_images`` False takes pictures on trust.
    """

    source: str
    licence: str
    images: Path
    out: Path
    split: str = ""
    gsd: Optional[float] = None
    need_images: bool = True

    def image_path(self, name: str) -> str:
        """A picture's path as the manifest writes it: from the manifest's folder."""
        return Path(os.path.relpath(self.images / name, self.out.parent)).as_posix()

    def record(self, id: str, image: str, **more: Any) -> Record:
        """A record of this data set; raises ``ManifestError`` if its picture is missing or of another size."""
        width, height = more.pop("width", None), more.pop("height", None)
        if self.need_images:
            found = file_size(self.images / image)
            if width is not None and (width, height) != found:
                raise ManifestError(f"it says {width} × {height} pixels, but {image} has {found[0]} × {found[1]}")
            width, height = found
        gsd = more.pop("gsd", None) or self.gsd
        split = more.pop("split", "") or self.split
        return Record(
            id, self.image_path(image), self.source, self.licence, width=width, height=height, gsd=gsd, split=split,
            **more)


def exchange(kind: str, turns: Iterable[Tuple[str, str]], regions: Iterable[int] = ()) -> ConversationEntry:
    """A conversation of instructions and answers about regions."""
    return ConversationEntry(kind, tuple(regions), tuple(Exchange(asked, answer) for asked, answer in turns))


def category_turns(regions: Sequence[RegionEntry]) -> Tuple[ConversationEntry, ...]:
    """A question for the class of every region that has one."""
    return tuple(
        exchange("category", [(CATEGORY, words(region.label))], [number])
        for number, region in enumerate(regions) if words(region.label))


def words(label: str) -> str:
    """A class's name as words: "Small_Vehicle" is "small vehicle"."""
    return " ".join(label.replace("_", " ").replace("-", " ").split()).lower()


def each_file(
    folder: Path, pattern: str, what: str, convert: Callable[[Path], Record], report: Report
) -> Iterator[Record]:
    """A record from every file of a folder; one that cannot be used goes to the report.

    :raises ManifestError: if no file has this pattern; ``what`` says what it would hold.
    """
    files = sorted(folder.glob(pattern))
    if not files:
        raise ManifestError(f"{folder} holds no {what} ({pattern})")
    for path in files:
        try:
            yield convert(path)
        except ManifestError as error:
            report.problem(path.name, str(error))


def save(records: Iterable[Record], out: Path, report: Report) -> int:
    """Write the records that hold what a manifest must; the others go to the report. Returns how many are written."""
    return write_lines(_sound(records, report), out)


def _sound(records: Iterable[Record], report: Report) -> Iterator[str]:
    """The lines of records that a manifest takes, whose ids are their own, without regions that have no pixels."""
    seen = set()
    for record in records:
        if record.id in seen:
            report.problem(record.id, "its id was used before")
            continue
        seen.add(record.id)
        try:
            line = to_line(_with_pixels(record, report))
            from_line(line)
            yield line
        except ManifestError as error:
            report.problem(record.id, str(error))


def _with_pixels(record: Record, report: Report) -> Record:
    """The record without the regions that cannot be used, and without what is said of them."""
    bad = bad_regions(record)
    if not bad:
        return record
    for number, reason in bad.items():
        report.problem(record.id, f"region {number} cannot be used: {reason}")
    if len(bad) == len(record.regions) and all(entry.regions for entry in record.conversations):
        raise ManifestError("none of its regions can be used")
    kept = [number for number in range(len(record.regions)) if number not in bad]
    place = {number: new for new, number in enumerate(kept)}
    return replace(
        record, regions=tuple(record.regions[number] for number in kept), conversations=tuple(
            replace(entry, regions=tuple(place[number] for number in entry.regions))
            for entry in record.conversations if not bad.keys() & set(entry.regions)))


def read_text(path: Path) -> str:
    """A text file; raises ``ManifestError`` for one that is not in UTF-8."""
    with in_utf8(path):
        return path.read_text(encoding="utf-8-sig")


def load_json(path: Path, kind: type = list) -> Any:
    """A JSON file whose top is a list (or a ``dict``); raises ``ManifestError`` otherwise."""
    if not path.is_file():
        raise ManifestError(f"there is no file {path}")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path} is not JSON ({error})") from None
    if not isinstance(found, kind):
        raise ManifestError(f"{path} must hold a JSON {'list' if kind is list else 'object'}")
    return found


def text_of(values: Mapping[str, Any], name: str) -> str:
    """A text of a record; raises ``ManifestError`` if it is missing."""
    found = values.get(name) if isinstance(values, Mapping) else None
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or not found.strip():
        raise ManifestError(f"'{name}' is missing")
    return found.strip()


def list_of(values: Mapping[str, Any], name: str) -> List[Any]:
    """A list of a record; raises ``ManifestError`` if it is missing."""
    found = values.get(name) if isinstance(values, Mapping) else None
    if not isinstance(found, list):
        raise ManifestError(f"'{name}' is missing; it must be a list")
    return found
