"""Counts of what a set says, and the balance of its classes and of yes and no."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Counter as CounterType
from typing import Dict, List, Sequence, Set, Tuple

import numpy as np

from training.data.manifest.record import ConversationEntry, Record

Key = Tuple[int, int]  # record and conversation


def class_of(record: Record, entry: ConversationEntry) -> str:
    """The class of the region that a conversation is about first; "" for the whole picture."""
    return record.regions[entry.regions[0]].label if entry.regions else ""


def answer_of(entry: ConversationEntry) -> str:
    """Whether a yes/no question is answered "yes" or "no"; "" for other kinds."""
    if len(entry.turns) != 1 or not (entry.kind.startswith("yesno") or entry.kind == "reasoning"):
        return ""
    return {"Yes": "yes", "No,": "no", "No:": "no"}.get(entry.turns[0].answer[:3], "")


def balanced(records: Sequence[Record], rng: np.random.Generator, most: float) -> List[Record]:
    """The records without the surplus: as many yes as no of each kind, no class with more pairs than ``most`` medians.

    Records that keep no conversation are left out.
    """
    dropped: Set[Key] = set()
    classes: Dict[str, List[Key]] = {}
    for number, record in enumerate(records):
        for place, entry in enumerate(record.conversations):
            if entry.regions:
                classes.setdefault(class_of(record, entry), []).append((number, place))
    limit = int(most * np.median([len(keys) for keys in classes.values()])) if classes else 0
    for label in sorted(classes):
        dropped.update(_surplus(classes[label], limit, rng))
    # The balance of answers comes last, since what is dropped for a class may be more of the one than of the other.
    yes_no: Dict[Tuple[str, str], List[Key]] = {}
    for number, record in enumerate(records):
        for place, entry in enumerate(record.conversations):
            answer = answer_of(entry) if entry.kind.startswith("yesno") else ""
            if answer and (number, place) not in dropped:
                yes_no.setdefault((entry.kind, answer), []).append((number, place))
    for kind in sorted({kind for kind, _ in yes_no}):
        sides = [yes_no.get((kind, answer), []) for answer in ("yes", "no")]
        fewest = min(len(side) for side in sides)
        for side in sides:
            dropped.update(_surplus(side, fewest, rng))
    return _without(records, dropped)


def _surplus(keys: Sequence[Key], limit: int, rng: np.random.Generator) -> List[Key]:
    return [keys[place] for place in rng.permutation(len(keys))[limit:].tolist()]


def _without(records: Sequence[Record], dropped: Set[Key]) -> List[Record]:
    kept = []
    for number, record in enumerate(records):
        left = tuple(entry for place, entry in enumerate(record.conversations) if (number, place) not in dropped)
        if left:
            kept.append(record if len(left) == len(record.conversations) else replace(record, conversations=left))
    return kept


def pairs_of(records: Sequence[Record]) -> int:
    """How many mask–text pairs there are: instructions with an answer about at least one region."""
    return sum(len(entry.turns) for record in records for entry in record.conversations if entry.regions)


def counts(records: Sequence[Record]) -> Dict[str, CounterType[str]]:
    """Pairs by kind, class, source, split and answer."""
    found: Dict[str, CounterType[str]] = {name: Counter() for name in ("kind", "class", "source", "split", "answer")}
    for record in records:
        for entry in record.conversations:
            pairs = len(entry.turns)
            found["kind"][entry.kind] += pairs
            found["source"][record.source] += pairs
            found["split"][record.split] += pairs
            if entry.regions:
                found["class"][f"{record.source}: {class_of(record, entry)}"] += pairs
            if entry.kind.startswith("yesno"):
                found["answer"][answer_of(entry)] += pairs
    return found
