"""Where scenes with labelled regions come from: the public data sets' readers, and the labelled masks of manifests."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from training.data.build.duplicates import Distinct
from training.data.build.splits import split_by_place, stated_splits
from training.data.build.vocabularies import ClassWords, known_source, speaking_of, words_for
from training.data.converters.base import words
from training.data.manifest.images import read_image
from training.data.manifest.masks import parts
from training.data.manifest.record import SPLITS, ManifestError, Record
from training.data.manifest.store import records
from training.data.mixture import MixtureConfig, load_sources, scene_makers
from training.data.scenes import Cutout, Scene, SceneRegion
from training.data.sources import LabelledScene, Patch
from training.data.vocabulary import CATEGORIES, UNKNOWN, of_source

LICENCES = {
    "eurosat": "MIT", "ucmerced": "public domain (USGS)", "dubai": "CC0-1.0", "naip": "CC-BY-4.0",
    "banepa": "CC-BY-4.0, ODbL-1.0", "solar": "swisstopo, free with attribution",
}
GRIDS = (2, 2, 2, 3)
SCALES = {"dubai": (0.5, 3.0), "naip": (0.4, 1.2), "banepa": (0.5, 2.0)}
MANIFEST_SCALES = (0.5, 2.0)
CACHED = 64  # pictures of a manifest kept in memory


@dataclass(frozen=True)
class Drawn:
    """A scene with the place that its ground is part of."""

    scene: Scene
    place: str


class Supply:
    """Scenes of one data set and split; ``draw`` depends on the generator alone."""

    def __init__(self, source: str, licence: str, split: str) -> None:
        self.source, self.licence, self.split = source, licence, split
        self.most: Optional[int] = None  # so many different scenes can be drawn; None is without end

    def draw(self, rng: np.random.Generator, number: int) -> Optional[Drawn]:
        """The scene of this number, None if it has no region."""
        raise NotImplementedError

    def speaking(self) -> AbstractContextManager[None]:
        """The vocabulary its regions are spoken of in."""
        return nullcontext()


class MosaicSupply(Supply):
    """Patches of a public data set, composed into mosaics."""

    def __init__(self, source: str, split: str, patches: Sequence[Patch], size: int) -> None:
        super().__init__(source, LICENCES[source], split)
        self._maker = scene_makers({source: list(patches)}, size, GRIDS)[source]

    def draw(self, rng: np.random.Generator, number: int) -> Optional[Drawn]:  # noqa: ARG002 (there is no end of them)
        """A new mosaic."""
        return Drawn(self._maker(rng), f"{self.source} {self.split}")


class CutoutSupply(Supply):
    """Labelled imagery of a public data set, cut at many scales."""

    def __init__(self, source: str, split: str, scenes: Sequence[LabelledScene], size: int) -> None:
        super().__init__(source, LICENCES[source], split)
        self._makers = [(place_of(source, scene.name), Cutout([scene], size, SCALES[source])) for scene in scenes]

    def draw(self, rng: np.random.Generator, number: int) -> Optional[Drawn]:  # noqa: ARG002 (there is no end of them)
        """A new cut."""
        place, maker = self._makers[int(rng.integers(len(self._makers)))]
        return Drawn(maker(rng), place)


def place_of(source: str, name: str) -> str:
    """The tile (Dubai), city and crop whatever its year (NAIP), or column (Banepa) of a picture of this name."""
    crop = re.fullmatch(r"(.+)_\d{4}_(\d+)", name) if source == "naip" else None
    if crop is not None:
        return f"naip {crop.group(1)} {crop.group(2)}"
    return f"{source} {name.split('-')[1] if source == 'banepa' else name.split('-', 1)[0]}"


def _area(source: str, scene: LabelledScene) -> str:
    """The place without what is smaller than a tile, city or column."""
    return " ".join(place_of(source, scene.name).split(" ")[:2])


def public_supplies(folder: Path, size: int, names: Sequence[str], distinct: Distinct) -> List[Supply]:
    """The supplies of the public data sets under ``folder``; near-duplicates are left out, of training first.

    Where a data set has no validation part, a place of its training part becomes one.
    """
    found: List[Supply] = []
    data = {split: load_sources(folder, split, names) for split in SPLITS}
    for name in names:
        items = {split: list(data[split][name]) for split in SPLITS}
        if items["train"] and isinstance(items["train"][0], LabelledScene):
            _separate(name, items)
        for split in ("test", "val", "train"):
            kept = [item for number, item in enumerate(items[split])
                    if distinct.add(item.pixels, f"{name} {split} {number}")]
            if kept:
                mosaic = isinstance(kept[0], Patch)
                found.append((MosaicSupply if mosaic else CutoutSupply)(name, split, kept, size))
    return found


def _separate(source: str, items: Dict[str, list]) -> None:
    """Take the test part's places out of the others, and make the last area of the training part the validation."""
    tested = {place_of(source, scene.name) for scene in items["test"]}
    for split in ("train", "val"):
        items[split] = [scene for scene in items[split] if place_of(source, scene.name) not in tested]
    areas = sorted({_area(source, scene) for scene in items["train"]})
    if not items["val"] and len(areas) > 1:
        items["val"] = [scene for scene in items["train"] if _area(source, scene) == areas[-1]]
        items["train"] = [scene for scene in items["train"] if _area(source, scene) != areas[-1]]


class ManifestSupply(Supply):
    """Labelled regions of a manifest's records of one source and split.

    A picture of just the wanted size is shown as it is, a larger or smaller one is cut at many scales.
    """

    def __init__(
        self, folder: Path, found: Sequence[Record], classes: Sequence[ClassWords], size: int, rounds: int, split: str,
    ) -> None:
        super().__init__(found[0].source, found[0].licence, split)
        self._folder, self._records, self._classes, self._size = folder, list(found), list(classes), size
        self._known = known_source([entry.label for entry in classes])
        self._cache: OrderedDict[int, LabelledScene] = OrderedDict()
        self.most = rounds * len(found)
        self._turned = np.random.default_rng(len(found)).permutation(len(found))

    def speaking(self) -> AbstractContextManager[None]:
        """The default vocabulary where it has all the classes, else the data set's own."""
        return nullcontext() if self._known else speaking_of(self.source, self._classes)

    def draw(self, rng: np.random.Generator, number: int) -> Optional[Drawn]:
        """The next picture, or a new cut of it; raises ``ManifestError`` if it cannot be read."""
        place = int(self._turned[number % len(self._records)])
        record = self._records[place]
        labelled = self._labelled(place)
        if labelled.pixels.shape[:2] == (self._size, self._size):
            scene = self._as_it_is(labelled)
            if not scene.regions:
                return None
        elif not len(labelled.boxes):
            return None
        else:
            scene = Cutout([labelled], self._size, MANIFEST_SCALES)(rng)
        return Drawn(scene, record.place or record.image)

    def _labelled(self, place: int) -> LabelledScene:
        if place not in self._cache:
            self._cache[place] = self._read(self._records[place])
            if len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        return self._cache[place]

    def _read(self, record: Record) -> LabelledScene:
        pixels = read_image(record, self._folder)
        categories = np.full(pixels.shape[:2], UNKNOWN, np.int16)
        instances = np.zeros(pixels.shape[:2], np.int32)
        numbers = self._numbers()
        # Masks are made again rather than kept: those of a large picture's regions may not fit into memory together.
        areas = [sum(int(part.sum()) for _, part in parts(region, *pixels.shape[:2])) for region in record.regions]
        # The smaller on top, whatever the file's order: a pond would be lost under the garden that it lies in.
        for number in sorted(range(len(areas)), key=lambda number: -areas[number]):
            region = record.regions[number]
            for window, part in parts(region, *pixels.shape[:2]):
                categories[window][part] = numbers.get(region.label, UNKNOWN)
                instances[window][part] = number + 1
        if record.gsd is None:
            raise ManifestError(f"{record.id} has no GSD")
        return LabelledScene(record.id, pixels, categories, record.gsd, self._known or self.source, instances)

    def _numbers(self) -> Mapping[str, int]:
        if not self._known:
            return {entry.label: number for number, entry in enumerate(self._classes)}
        return {
            entry.label: number for entry in self._classes for number in of_source(self._known)
            if CATEGORIES[number].name == words(entry.label)}

    def _as_it_is(self, labelled: LabelledScene) -> Scene:
        instances = labelled.instances if labelled.instances is not None else np.zeros_like(labelled.categories)
        scene = Scene(
            labelled.pixels, labelled.gsd, labelled.categories, labelled.source,
            np.ones(labelled.categories.shape, bool))
        for number in np.unique(instances[labelled.categories != UNKNOWN]).tolist():
            mask = instances == number
            scene.regions.append(SceneRegion(mask, int(labelled.categories[mask][0])))
        return scene


def manifest_supplies(
    paths: Sequence[Path], size: int, rounds: int, given: Mapping[str, ClassWords], gsd: Optional[float],
    distinct: Distinct, seed: int, skipped: Dict[str, int],
) -> List[Supply]:
    """The supplies of manifests by source and split; records that cannot serve are counted in ``skipped``.

    A place is in one split, in whichever of them it is; a picture without a place is one of its own.
    """
    groups: Dict[Tuple[Path, str, str], List[Record]] = {}
    for path in paths:
        for record in records(path):
            usable = _usable(_placed(record, path.parent, paths[0].parent), path.parent, gsd, distinct, skipped)
            if usable is not None:
                groups.setdefault((path.parent, usable.source, usable.licence), []).append(usable)
    split_of = stated_splits(pair for members in groups.values() for pair in _places(members))
    found: List[Supply] = []
    for (folder, _, _), members in groups.items():
        labels = list(dict.fromkeys(region.label for record in members for region in record.regions if region.label))
        classes = [given.get(label, words_for(label)) for label in labels]
        split_of |= split_by_place(_places(members), seed, split_of)
        for split in SPLITS:
            chosen = [record for record in members if split_of[record.place] == split]
            if chosen:
                found.append(ManifestSupply(folder, chosen, classes, size, rounds, split))
    return found


def _places(members: Sequence[Record]) -> List[Tuple[str, str]]:
    return [(record.place, record.split) for record in members]


def _placed(record: Record, folder: Path, start: Path) -> Record:
    """The record with its picture's path for a place that it does not state.

    Manifests may name different pictures alike, so the path counts from the folder ``start`` that they share.
    """
    if record.place:
        return record
    picture = (folder / record.shard / record.image).resolve()
    try:
        return replace(record, place=Path(os.path.relpath(picture, start.resolve())).as_posix())
    except ValueError:  # on another drive of Windows
        return replace(record, place=picture.as_posix())


def _usable(
    record: Record, folder: Path, gsd: Optional[float], distinct: Distinct, skipped: Dict[str, int]
) -> Optional[Record]:
    reason = ""
    if not any(region.label for region in record.regions):
        reason = "records without a labelled region"
    elif record.gsd is None and gsd is None:
        reason = "records without a GSD (give --gsd)"
    elif not distinct.add(read_image(record, folder), record.id):
        return None
    if reason:
        skipped[reason] = skipped.get(reason, 0) + 1
        return None
    return record if record.gsd is not None else replace(record, gsd=gsd)


def default_shares() -> Dict[str, float]:
    """How often each public data set is drawn from."""
    return dict(MixtureConfig().shares)
