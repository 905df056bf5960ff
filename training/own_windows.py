"""One's own layers as training sees them: windows with labelled regions, and the places that are kept apart."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Set, Tuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.checkpoints import Claim
from training.data.augment import photometric
from training.data.build.supplies import ManifestSupply
from training.data.build.vocabularies import ClassWords, words_for
from training.data.conversations import Material, choose_regions, material
from training.data.converters.base import Origin, Report, save, words
from training.data.converters.gis import COVERED, WINDOW, Layers, gis
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
_LEAST_UNSEEN = 0.5  # of the windows in places to train on, for those that show a held-out polygon to be left out


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


def labelled_claim(wanted: Wanted) -> Claim:
    """The claim of the checkpoints, by the labels that ``windows`` has found; raises ``TrainingError`` as above.

    Edits need not change the layer's file: QGIS writes a GeoPackage's into a file beside it.
    """
    found = hashlib.sha256(_labelled(wanted).read_bytes()).hexdigest()
    return Claim(
        wanted.out / "run", f"labels: {found}\n",
        f"{wanted.out} holds a model adapted to other labels of these layers; delete it or name another folder with "
        "--out.")


def _labelled(wanted: Wanted) -> Path:
    return wanted.out / "data" / "labelled.jsonl"


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
    labelled = _labelled(wanted)
    origin = Origin(SOURCE, "the layer's own", labelled.parent / "pictures", labelled)
    report = Report()
    found = list(gis(replace(wanted.layers, size=size), origin, report, covered=bool(wanted.background)))
    for feature, reason in report.problems[:5]:
        _LOG.warning("%s is left out: %s", feature, reason)
    if len(report.problems) > 5:
        _LOG.warning("%d polygons are left out in all", len(report.problems))
    if not found:
        raise TrainingError(_why_none(wanted.layers, report))
    chosen = dict(wanted.classes)
    _check_values(chosen, found)
    named = (_named(record, chosen) for record in found)
    kept = (_with_background(record, words(wanted.background)) for record in named if record.regions)
    save(kept, origin.out, report)
    return list(records(origin.out))


def _why_none(layers: Layers, report: Report) -> str:
    reasons = Counter(reason for _, reason in report.problems).most_common(1)
    if not reasons:
        return f"{layers.polygons} has no polygon to train on; look at the layer and at --where."
    reason, count = reasons[0]
    return (f"no polygon of {layers.polygons} can be trained on ({count} times: {reason}); look whether the layer and "
            f"{layers.raster} show the same ground, and whether --label-field is the right one.")


def _check_values(chosen: Dict[str, str], found: Sequence[Record]) -> None:
    """Raise ``TrainingError`` for a value in ``chosen`` that no polygon has, as after a slip of the pen."""
    values = Counter(region.label for record in found for region in record.regions)
    unknown = [value for value in chosen if value not in values]
    if unknown:
        known = ", ".join(f"{value} ({count})" for value, count in values.most_common(_MOST_VALUES))
        raise TrainingError(
            f"--classes names {', '.join(map(repr, unknown))}, which no polygon here has; the field's values: {known}.")


def _named(record: Record, chosen: Dict[str, str]) -> Record:
    """The record with its regions' classes in the words that are wanted, without those that are not.

    Values that are the same words, such as "Tin" and "tin", are one class.
    """
    kept = tuple(replace(region, label=words(chosen.get(region.label, region.label)))
                 for region in record.regions if not chosen or region.label in chosen)
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
    return replace(record, regions=(*record.regions, *found), conversations=(), extra={WINDOW: record.extra[WINDOW]})


def apart(found: Sequence[Record]) -> Tuple[List[Record], List[Record]]:
    """Records to train on, and a quarter of all, whole places, to measure on; each class is on both sides.

    Windows overlap, so those that show any of a held-out polygon are left out of training. Where no division leaves
    enough of them they stay, and ``seen_in_training`` tells. Raises ``TrainingError`` where no such places are found.
    """
    places = {record.place for record in found}
    if len(places) < 2:
        raise TrainingError("the polygons lie in one place, so nothing can be kept apart to measure on; add polygons.")
    labels, shown = _labels(found), _places_shown(found)
    with_seen: Optional[Tuple[List[Record], List[Record]]] = None
    for attempt in range(_ATTEMPTS):
        held_out = _held_out(found, sorted(places, key=lambda place: _drawn(f"{place}{attempt or ''}")))
        test = [record for record in found if record.place in held_out]
        train = [record for record in found if record.place not in held_out]
        if not _labels(train) == _labels(test) == labels:
            continue
        unseen = [record for record in train if not shown[record.id] & held_out]
        if len(unseen) >= _LEAST_UNSEEN * len(train) and _labels(unseen) == labels:
            return unseen, test
        with_seen = with_seen or (train, test)
    if with_seen is not None:
        return with_seen
    places_of = {label: {record.place for record in found if label in _labels([record])} for label in labels}
    rare = min(places_of, key=lambda label: len(places_of[label]))
    count = sum(region.label == rare for record in found for region in record.regions)
    raise TrainingError(
        f"the class {rare!r} has too few polygons ({count} in {len(places_of[rare])} of {len(places)} places) to train "
        "on some and measure on others; add polygons, or leave it out: --classes names those to take.")


def _drawn(text: str) -> int:
    return int(hashlib.sha256(text.encode("utf-8")).hexdigest()[:12], 16)


def _labels(found: Sequence[Record]) -> Set[str]:
    return {region.label for record in found for region in record.regions if region.label}


def _held_out(found: Sequence[Record], places: Sequence[str]) -> Set[str]:
    """The first places, with at least ``HELD_OUT_SHARE`` of the records, but never the last one."""
    held_out: Set[str] = set()
    for place in places[:-1]:
        if sum(record.place in held_out for record in found) < HELD_OUT_SHARE * len(found):
            held_out.add(place)
    return held_out


def seen_in_training(train: Sequence[Record], test: Sequence[Record]) -> int:
    """How many held-out polygons show, at least in part, in a window to train on, where they have no class."""
    boxes = np.concatenate([_boxes(record) for record in test])
    return int(np.any([_within(record, boxes) for record in train], axis=0).sum())


def _places_shown(found: Sequence[Record]) -> Dict[str, Set[str]]:
    """The places of the polygons that show in each window, its own or another one's."""
    boxes = np.concatenate([_boxes(record) for record in found])
    places = np.array([record.place for record in found for _ in record.regions])
    return {record.id: set(places[_within(record, boxes)].tolist()) for record in found}


def _within(record: Record, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the boxes [n, 4] reach into the record's window: bool [n]."""
    left, top, width, height = record.extra[WINDOW]
    return np.asarray((boxes[:, 0] < left + width) & (boxes[:, 2] > left)
                      & (boxes[:, 1] < top + height) & (boxes[:, 3] > top))


def _boxes(record: Record) -> NDArray[np.float64]:
    """Left, top, right and bottom of the record's regions in the raster's pixels: [regions, 4]."""
    masks = record_masks(record)
    left, top, width, height = record.extra[WINDOW]
    scale = np.array([width / masks.shape[2], height / masks.shape[1]] * 2)
    found = [(columns.start, rows.start, columns.stop, rows.stop)
             for mask in masks for rows, columns in ndimage.find_objects(mask.astype(np.uint8))]
    return np.array(found, np.float64) * scale + (left, top, left, top)


def classes_of(found: Sequence[Record]) -> List[ClassWords]:
    """The classes of the records; raises ``TrainingError`` where there are not two to tell apart."""
    labels = sorted(_labels(found))
    if len(labels) < 2:
        raise TrainingError(
            f"the polygons have one class, {labels[0] if labels else 'none'!r}; name the ground around them with "
            "--background, or choose another --label-field.")
    return [words_for(label) for label in labels]
