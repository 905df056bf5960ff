"""Looks through a manifest and says, record by record, what is wrong and, in all, what is there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Counter as CounterType
from typing import Dict, Iterator, List, Tuple

from training.data.manifest.images import image_size
from training.data.manifest.masks import check_regions
from training.data.manifest.record import ManifestError, Record
from training.data.manifest.store import read


@dataclass
class Findings:
    """What a check found: problems by record number, and counts of what is right."""

    problems: List[Tuple[int, str]] = field(default_factory=list)
    records: int = 0
    regions: int = 0
    pairs: int = 0
    kinds: CounterType[str] = field(default_factory=Counter)
    labels: CounterType[str] = field(default_factory=Counter)
    splits: CounterType[str] = field(default_factory=Counter)
    sources: CounterType[str] = field(default_factory=Counter)
    leaks: List[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """The findings as lines to show."""
        yield f"{self.records} records, {self.regions} regions, {self.pairs} instructions with an answer"
        for title, counts in (
                ("sources", self.sources), ("splits", self.splits), ("kinds", self.kinds), ("labels", self.labels)):
            if counts:
                yield f"{title}: " + ", ".join(f"{name or '(none)'} {count}" for name, count in counts.most_common(40))
        for place in self.leaks:
            yield f"place {place} is in several splits"


def check(path: Path, images: bool = True) -> Findings:
    """Read every record, decode every mask and, with ``images``, find every picture and compare its size."""
    found = Findings()
    seen: Dict[str, int] = {}
    splits: Dict[str, str] = {}
    leaks: Dict[str, None] = {}
    for number, record in read(path):
        if isinstance(record, ManifestError):
            found.problems.append((number, str(record)))
            continue
        problem = _problem(record, path.parent, seen, images)
        seen.setdefault(record.id, number)
        if problem:
            found.problems.append((number, problem))
            continue
        _count(found, record)
        if record.place and record.split and splits.setdefault(record.place, record.split) != record.split:
            leaks[record.place] = None
    found.leaks = list(leaks)
    return found


def _problem(record: Record, folder: Path, seen: Dict[str, int], images: bool) -> str:
    if record.id in seen:
        return f"its id {record.id!r} is that of record {seen[record.id]} too"
    try:
        check_regions(record)
        if images:
            width, height = image_size(record, folder)
            if record.width is not None and (record.width, record.height) != (width, height):
                return (f"it says {record.width} × {record.height} pixels, but {record.image} has {width} × {height}")
    except ManifestError as error:
        return str(error)
    return ""


def _count(found: Findings, record: Record) -> None:
    found.records += 1
    found.regions += len(record.regions)
    found.pairs += record.pairs
    found.sources[record.source] += 1
    found.splits[record.split] += 1
    found.labels.update(region.label for region in record.regions)
    for entry in record.conversations:
        found.kinds[entry.kind] += len(entry.turns)
