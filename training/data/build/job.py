"""Builds a set of mask–text instructions: scenes until enough is said, balanced, in shards with one manifest."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence

import numpy as np

from training.data.build.balance import balanced, pairs_of
from training.data.build.card import write_card
from training.data.build.duplicates import Distinct
from training.data.build.pairs import Made, PairSettings, make
from training.data.build.sheet import write_sheet
from training.data.build.supplies import (
    Supply,
    default_shares,
    manifest_supplies,
    public_supplies,
)
from training.data.build.vocabularies import ClassWords
from training.data.manifest.packing import ShardWriter
from training.data.manifest.record import SPLITS, ManifestError, Record
from training.data.manifest.store import write

_LOG = logging.getLogger(__name__)
SPLIT_SHARES: Mapping[str, float] = {"train": 0.9, "val": 0.04, "test": 0.06}
MANIFEST, CARD, SHEET = "manifest.jsonl", "README.md", "samples.png"
PER_SHARD = 1000
MANIFEST_SHARE = 0.5
_ROUNDS = 4  # how often more is drawn where balancing took too much away


@dataclass(frozen=True)
class BuildSettings:
    """What a set is built from, and how large it is to be (``pairs`` are mask–text pairs)."""

    out: Path
    pairs: int = 100_000
    data: Optional[Path] = None
    sources: Sequence[str] = ()
    manifests: Sequence[Path] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    classes: Mapping[str, ClassWords] = field(default_factory=dict)
    gsd: Optional[float] = None
    size: int = 256
    rounds: int = 4
    most_per_class: float = 3.0
    samples: int = 12
    seed: int = 0
    texts: PairSettings = field(default_factory=PairSettings)


@dataclass
class Built:
    """What came of it."""

    records: List[Record]
    duplicates: int
    skipped: Dict[str, int]
    drawn_pairs: int
    seconds: float

    @property
    def pairs(self) -> int:
        """Mask–text pairs that are kept."""
        return pairs_of(self.records)


def build(settings: BuildSettings) -> Built:
    """Build the set in ``settings.out``, which must be new or empty; raises ``ManifestError`` otherwise."""
    started = time.monotonic()
    if settings.out.exists() and any(settings.out.iterdir()):
        raise ManifestError(f"{settings.out} is not empty; name a new folder")
    distinct = Distinct()
    skipped: Dict[str, int] = {}
    supplies = _supplies(settings, distinct, skipped)
    if not supplies:
        raise ManifestError("there is nothing to build from; give --data, --manifest, or both, with labelled regions")
    _LOG.info("%d supplies; %d near-duplicates left out", len(supplies), len(distinct.removed))
    settings.out.mkdir(parents=True, exist_ok=True)
    with _Shards(settings.out) as shards:
        drawn, kept = _enough(supplies, settings, shards)
    write(kept, settings.out / MANIFEST)
    built = Built(kept, len(distinct.removed), skipped, pairs_of(drawn), time.monotonic() - started)
    write_card(settings.out / CARD, built.records, _facts(settings, built))
    write_sheet(settings.out / SHEET, built.records, settings.out, settings.samples, settings.seed)
    return built


def _supplies(settings: BuildSettings, distinct: Distinct, skipped: Dict[str, int]) -> List[Supply]:
    found: List[Supply] = []
    if settings.data is not None:
        names = list(settings.sources) or sorted(default_shares())
        unknown = sorted(set(names) - set(default_shares()))
        if unknown:
            raise ManifestError(f"{', '.join(unknown)} is no public data set here; use {', '.join(default_shares())}")
        found += public_supplies(settings.data, settings.size, names, distinct)
    return found + manifest_supplies(
        settings.manifests, settings.size, settings.rounds, settings.classes, settings.gsd, distinct, settings.seed,
        skipped)


def _enough(supplies: Sequence[Supply], settings: BuildSettings, shards: _Shards) -> tuple[List[Record], List[Record]]:
    """Draw until what is left after balancing is enough, or nothing new can be drawn."""
    drawers = [_Drawer(number, supply, settings, shards) for number, supply in enumerate(supplies)]
    shares = {**default_shares(), **settings.shares}
    records: List[Record] = []
    kept: List[Record] = []
    factor = 1.0
    for _ in range(_ROUNDS):
        before = len(records)
        for drawer in drawers:
            records += drawer.draw_to(factor * settings.pairs * _part(drawer.supply, supplies, shares))
        kept = _balanced_splits(records, settings)
        missing = settings.pairs - pairs_of(kept)
        if missing <= 0 or len(records) == before:
            break
        factor *= 1.03 * settings.pairs / max(1, pairs_of(kept))
        _LOG.info("%d pairs after balancing; drawing more", pairs_of(kept))
    return records, kept


def _part(supply: Supply, supplies: Sequence[Supply], shares: Mapping[str, float]) -> float:
    """The part of all pairs that a supply is to give."""
    def weight(other: Supply) -> float:
        return SPLIT_SHARES[other.split] * shares.get(other.source, MANIFEST_SHARE)

    return weight(supply) / sum(weight(other) for other in supplies)


def _balanced_splits(records: Sequence[Record], settings: BuildSettings) -> List[Record]:
    """Each split balanced on its own, in the splits' order."""
    found: List[Record] = []
    for place, split in enumerate(SPLITS):
        members = [record for record in records if record.split == split]
        found += balanced(members, np.random.default_rng((settings.seed, place, 7)), settings.most_per_class)
    return found


class _Drawer:
    """Draws the scenes of one supply one after the other; scene n depends on the seed, the supply and n alone."""

    def __init__(self, number: int, supply: Supply, settings: BuildSettings, shards: _Shards) -> None:
        self.number, self.supply, self.settings, self.shards = number, supply, settings, shards
        self._next = self._pairs = 0

    def draw_to(self, wanted: float) -> List[Record]:
        """More records, until all that were drawn hold so many pairs."""
        found: List[Record] = []
        with self.supply.speaking():
            while self._pairs < wanted and (self.supply.most is None or self._next < self.supply.most):
                made = self._scene(self._next)
                self._next += 1
                if made is not None:
                    found.append(self.shards.add(made))
                    self._pairs += pairs_of([made.record])
        _LOG.info("%s %s: %d pairs of %d scenes", self.supply.source, self.supply.split, self._pairs, self._next)
        return found

    def _scene(self, number: int) -> Optional[Made]:
        rng = np.random.default_rng((self.settings.seed, self.number, number))
        drawn = self.supply.draw(rng, number)
        if drawn is None:
            return None
        name = f"{self.supply.source}-{self.supply.split}-{self.number}-{number:06d}"
        return make(self.supply, drawn, name, rng, self.settings.texts)


class _Shards:
    """Tar files of pictures, by split, of ``PER_SHARD`` each."""

    def __init__(self, folder: Path) -> None:
        self._writers = {split: ShardWriter(folder / "shards", split, PER_SHARD) for split in SPLITS}

    def __enter__(self) -> _Shards:
        for writer in self._writers.values():
            writer.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.__exit__(None, None, None)

    def add(self, made: Made) -> Record:
        """Store the picture; the record then says where."""
        shard = self._writers[made.record.split].add(made.record.image, made.picture)
        return replace(made.record, shard=f"shards/{shard}")


def _facts(settings: BuildSettings, built: Built) -> Dict[str, str]:
    """What a data card says of the making."""
    made_of = [f"the public data sets {', '.join(settings.sources) or ', '.join(sorted(default_shares()))}"] if (
        settings.data is not None) else []
    made_of += [f"the manifest {path.name}" for path in settings.manifests]
    facts = {
        "Made of": "; ".join(made_of), "Seed": str(settings.seed),
        "Pictures": f"{settings.size} × {settings.size} pixels",
        "Near-duplicates left out": str(built.duplicates),
        "Pairs left out for balance": str(built.drawn_pairs - built.pairs),
    }
    facts.update({f"Left out: {reason}": str(count) for reason, count in built.skipped.items()})
    return facts
