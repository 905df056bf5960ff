"""Training, validation and test by place, so that no ground is in two of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Dict, Iterable, Mapping, Optional, Sequence, Tuple

from training.data.manifest.record import ManifestError

SHARES: Mapping[str, float] = {"test": 0.1, "val": 0.05}


def split_by_place(
    entries: Sequence[Tuple[str, str]], seed: int = 0, known: Optional[Mapping[str, str]] = None
) -> Dict[str, str]:
    """The split of each place, from (place, stated split) of every record; what the data states holds.

    So does what is ``known`` of places that other data shows, too. Other places are shuffled and dealt out until test
    and validation have their shares of the records; three places or more give at least one to each. Raises
    ``ManifestError`` where a place is stated to be in two splits.
    """
    stated = stated_splits(entries)
    weights = Counter(place for place, _ in entries)
    found = {place: split for place, split in (known or {}).items() if place in weights} | stated
    free = sorted((place for place in weights if place not in found), key=lambda place: _mixed(place, seed))
    total = sum(weights[place] for place in free)
    for split, needed in (("test", 3), ("val", 2)) if not stated else ():
        filled = 0
        while len(free) >= needed and (filled == 0 or filled + weights[free[-1]] <= SHARES[split] * total):
            place = free.pop()
            found[place] = split
            filled += weights[place]
    found.update(dict.fromkeys(free, "train"))
    return found


def _mixed(place: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {place}".encode()).hexdigest()


def stated_splits(entries: Iterable[Tuple[str, str]]) -> Dict[str, str]:
    """The splits that data states of its places; raises ``ManifestError`` where a place is stated to be in two."""
    stated: Dict[str, str] = {}
    for place, split in entries:
        if split and stated.setdefault(place, split) != split:
            raise ManifestError(f"place {place!r} is said to be in {stated[place]} and in {split}; it must be in one")
    return stated
