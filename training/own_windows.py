"""One's own layers as training sees them: windows with labelled regions, and the places that are kept apart."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Sequence, Set, Tuple

import numpy as np

from training.checkpoints import Claim
from training.data.augment import photometric
from training.data.build.supplies import ManifestSupply
from training.data.build.vocabularies import ClassWords, words_for
from training.data.conversations import Material, choose_regions, material
from training.data.converters.base import Origin, Report, save
from training.data.converters.gis import COVERED, Layers, gis
from training.data.manifest import rle
from training.data.manifest.masks import record_masks
from training.data.manifest.record import Record, RegionEntry
from training.data.manifest.store import records
from training.data.scenes import Scene, turned
from training.errors import TrainingError
from training.feeds.drawn import shown
from training.feeds.examples import Sights

_LOG = logging.getLogger(__name__)
SOURCE = "own"
HELD_OUT_SHARE = 0.25
MOST_REGIONS = 8
_SHIFTS = 12
_ATTEMPTS = 200
_MOST_VALUES = 12


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for; ``classes`` maps values of the field to words, and leaves out all others.

    ``background`` names ground that none of the polygons covers, where the layer holds one class alone.
    """

    layers: Layers
    out: Path
    start: str = "nano"
    classes: Tuple[Tuple[str, str], ...] = ()
    background: str = ""
    rounds: int = 2
    device: str = "auto"


def claim_of(wanted: Wanted, settings: object) -> Claim:
    """The folder's claim; raises ``TrainingError`` where it is of other layers or settings."""
    files = [Path(name) for name in (wanted.layers.raster, wanted.layers.polygons)]
    changed = [file.stat().st_mtime_ns for file in files if file.exists()]
    return Claim(
        wanted.out, f"{replace(wanted, device='')}\n{settings}\n{changed}\n",
        f"{wanted.out} holds a model adapted to other layers, or with other settings; delete it or name another folder "
        "with --out.")


class OwnScenes:
    """Windows with their labelled regions, each ``rounds`` times: as it is, then turned and in other light."""

    def __init__(self, supply: ManifestSupply, windows: int, rounds: int) -> None:
        self.supply, self.windows, self.rounds = supply, windows, rounds

    def __len__(self) -> int:
        return self.windows * self.rounds

    def __getitem__(self, number: int) -> Tuple[Material, Sights]:
        scene = self.scene(number)
        choose_regions(np.random.default_rng((number, 1)), scene, MOST_REGIONS)
        return material(scene), shown(scene)

    def scene(self, number: int) -> Scene:
        """A window as a scene."""
        rng = np.random.default_rng((number, 0))
        drawn = self.supply.draw(rng, number)
        if drawn is None:
            raise TrainingError("a window has no labelled region left; remove empty polygons from the layer.")
        return drawn.scene if number < self.windows else _turned(rng, drawn.scene)


def _turned(rng: np.random.Generator, scene: Scene) -> Scene:
    """The scene in one of its eight positions, and in other light."""
    turn = functools.partial(turned, turns=int(rng.integers(4)), flip=bool(rng.integers(2)))
    return replace(
        scene, image=photometric(rng, turn(scene.image)), categories=turn(scene.categories), valid=turn(scene.valid),
        regions=[replace(region, mask=turn(region.mask)) for region in scene.regions])


def windows(wanted: Wanted, size: int) -> List[Record]:
    """The labelled windows of the layers, stored under ``wanted.out``.

    Raises ``ManifestError`` for layers that cannot be read, and ``TrainingError`` where no polygon is left.
    """
    folder = wanted.out / "data"
    origin = Origin(SOURCE, "the layer's own", folder / "pictures", folder / "labelled.jsonl")
    report = Report()
    found = list(gis(replace(wanted.layers, size=size), origin, report, covered=bool(wanted.background)))
    for feature, reason in report.problems[:5]:
        _LOG.warning("%s is left out: %s", feature, reason)
    if len(report.problems) > 5:
        _LOG.warning("%d polygons are left out in all", len(report.problems))
    if not found:
        raise TrainingError(_why_none(wanted.layers, report))
    words = dict(wanted.classes)
    _check_values(words, found)
    named = (_named(record, words) for record in found)
    kept = (_with_background(record, wanted.background) for record in named if record.regions)
    save(kept, origin.out, report)
    return list(records(origin.out))


def _why_none(layers: Layers, report: Report) -> str:
    reasons = Counter(reason for _, reason in report.problems).most_common(1)
    if not reasons:
        return f"{layers.polygons} has no polygon to train on; look at the layer and at --where."
    reason, count = reasons[0]
    return (f"no polygon of {layers.polygons} can be trained on ({count} times: {reason}); look whether the layer and "
            f"{layers.raster} show the same ground, and whether --label-field is the right one.")


def _check_values(words: Dict[str, str], found: Sequence[Record]) -> None:
    """Raise ``TrainingError`` for a value in ``words`` that no polygon has, as after a slip of the pen."""
    values = Counter(region.label for record in found for region in record.regions)
    unknown = [value for value in words if value not in values]
    if unknown:
        known = ", ".join(f"{value} ({count})" for value, count in values.most_common(_MOST_VALUES))
        raise TrainingError(
            f"--classes names {', '.join(map(repr, unknown))}, which no polygon here has; the field's values: {known}.")


def _named(record: Record, words: Dict[str, str]) -> Record:
    """The record with its regions' classes in the words that are wanted, without those that are not."""
    if not words:
        return record
    kept = tuple(replace(region, label=words[region.label]) for region in record.regions if region.label in words)
    return replace(record, regions=kept, conversations=())


def _with_background(record: Record, name: str) -> Record:
    """For every polygon one of its shape where none is, of this window or another, and the raster shows something."""
    if not name:
        return record
    masks = record_masks(record)
    taken = rle.decode(record.extra[COVERED])
    rng = np.random.default_rng(_drawn(record.id))
    found: List[RegionEntry] = []
    for mask in masks:
        rows, columns = np.nonzero(mask)
        for _ in range(_SHIFTS):
            down = int(rng.integers(-rows.min(), mask.shape[0] - rows.max()))
            right = int(rng.integers(-columns.min(), mask.shape[1] - columns.max()))
            moved = np.roll(mask, (down, right), axis=(0, 1))
            if not (moved & taken).any():
                found.append(RegionEntry(name, rle=rle.encode(moved)))
                break
    return replace(record, regions=(*record.regions, *found), conversations=(), extra={})


def apart(found: Sequence[Record]) -> Tuple[List[Record], List[Record]]:
    """Records to train on, and a quarter of them, whole places, to measure on; each class is on both sides.

    Raises ``TrainingError`` where no such places are found.
    """
    places = {record.place for record in found}
    if len(places) < 2:
        raise TrainingError("the polygons lie in one place, so nothing can be kept apart to measure on; add polygons.")
    for attempt in range(_ATTEMPTS):
        train, test = _divided(found, sorted(places, key=lambda place: _drawn(f"{place}{attempt or ''}")))
        if _labels(train) == _labels(test):
            return train, test
    places_of = {label: {record.place for record in found if label in _labels([record])} for label in _labels(found)}
    rare = min(places_of, key=lambda label: len(places_of[label]))
    count = sum(region.label == rare for record in found for region in record.regions)
    raise TrainingError(
        f"the class {rare!r} has too few polygons ({count} in {len(places_of[rare])} of {len(places)} places) to train "
        "on some and measure on others; add polygons, or leave it out: --classes names those to take.")


def _drawn(text: str) -> int:
    return int(hashlib.sha256(text.encode("utf-8")).hexdigest()[:12], 16)


def _labels(found: Sequence[Record]) -> Set[str]:
    return {region.label for record in found for region in record.regions if region.label}


def _divided(found: Sequence[Record], places: Sequence[str]) -> Tuple[List[Record], List[Record]]:
    """The records of the last places, and at least ``HELD_OUT_SHARE`` of all in the first ones."""
    held_out: List[str] = []
    for place in places[:-1]:
        if sum(record.place in held_out for record in found) < HELD_OUT_SHARE * len(found):
            held_out.append(place)
    return ([record for record in found if record.place not in held_out],
            [record for record in found if record.place in held_out])


def classes_of(found: Sequence[Record]) -> List[ClassWords]:
    """The classes of the records; raises ``TrainingError`` where there are not two to tell apart."""
    labels = sorted(_labels(found))
    if len(labels) < 2:
        raise TrainingError(
            f"the polygons have one class, {labels[0] if labels else 'none'!r}; name the ground around them with "
            "--background, or choose another --label-field.")
    return [words_for(label) for label in labels]
