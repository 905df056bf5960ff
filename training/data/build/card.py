"""The data card: what is in a set, of what it is made, and what it is not good for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Counter as CounterType
from typing import Dict, List, Mapping, Sequence

from training.data.build.balance import counts, pairs_of
from training.data.build.pairs import group_of
from training.data.manifest.record import SPLITS, Record

_CARE = """\
## How the texts came to be

Colour, tone, texture, shape, orientation, size and surroundings are measured on the picture as it is stored and on the
mask (`training/data/facts.py`); categories come from the labels of the source. Sentences are written by rules
(`training/data/wording.py`, `questions.py`, `reasoning.py`, `training/data/build/relations.py`), no language model
took part. The top of a picture counts as north, also where a picture was turned. Yes/no questions are answered "yes"
as often as "no", kind by kind.

## Limits

What the labels do not name, the texts do not name. Labels of the sources are taken to be right. Sizes follow from the
GSD, which for some sources is an estimate. Texts are English and of few patterns: a model trained on nothing else
will speak in them. Splits keep places apart, as far as the sources say what lies where.
"""


def write_card(path: Path, records: Sequence[Record], facts: Mapping[str, str]) -> None:
    """A Markdown file with counts, sources and licences."""
    found = counts(records)
    groups: CounterType[str] = Counter()
    for kind, count in found["kind"].items():
        groups[group_of(kind)] += count
    regions = sum(len(record.regions) for record in records)
    lines = [
        "# Mask–text instructions", "",
        f"{pairs_of(records):,} mask–text pairs about {regions:,} regions in {len(records):,} pictures; the format is "
        "described in docs/data.md.", "",
        *_table(("what", "value"), facts.items()), "",
        "## Splits", "", *_split_table(records), "",
        "## Sources", "", *_source_table(records, found["source"]), "",
        "## Kinds", "", *_table(("group", "pairs"), _ranked(groups)), "",
        *_table(("kind", "pairs"), _ranked(found["kind"])), "",
        f'Yes/no questions: {found["answer"]["yes"]:,} "yes", {found["answer"]["no"]:,} "no".', "",
        "## Classes", "", *_table(("class", "pairs"), _ranked(found["class"])), "", _CARE]
    path.write_text("\n".join(lines), encoding="utf-8")


def _ranked(counted: CounterType[str]) -> List[Sequence[str]]:
    return [(name, f"{count:,}") for name, count in counted.most_common()]


def _table(head: Sequence[str], rows: object) -> List[str]:
    body = [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]  # type: ignore[attr-defined]
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *body]


def _split_table(records: Sequence[Record]) -> List[str]:
    rows = []
    for split in SPLITS:
        members = [record for record in records if record.split == split]
        places = len({record.place for record in members})
        rows.append((split, f"{len(members):,}", f"{pairs_of(members):,}", str(places)))
    return _table(("split", "pictures", "mask–text pairs", "places"), rows)


def _source_table(records: Sequence[Record], pairs: Mapping[str, int]) -> List[str]:
    licences: Dict[str, str] = {}
    pictures: CounterType[str] = Counter()
    for record in records:
        licences[record.source] = record.licence
        pictures[record.source] += 1
    rows = [(name, licences[name], f"{pictures[name]:,}", f"{pairs[name]:,}") for name in sorted(licences)]
    return _table(("source", "licence", "pictures", "pairs, whole pictures included"), rows)
