"""The held-out parts of the public data sets, as data sets to measure on."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import FrozenSet, List, Optional, Sequence, Tuple

import numpy as np

from core_model.config import AquilaConfig
from core_model.geo.outline import form_of_mask
from core_model.prompts import style_prompt
from training.data import comparisons, countryside, wording
from training.data.facts import NO_SURROUNDINGS, RegionFacts, scene_facts
from training.data.phrases import Turn, holders
from training.data.questions import Maker, Subject
from training.data.reasoning import inference, odd_one_out, tell_apart
from training.data.scenes import Scene
from training.data.vocabulary import CATEGORIES, UNKNOWN, of_source
from training.evaluation.held_out import evenly, held_out_scenes
from training.evaluation.material import DataSet, Shown, Spoken, Target

STYLES = {"phrase": wording.phrase, "description": wording.description, "detailed": wording.detailed}
REASONED: Tuple[Maker, ...] = (comparisons.compare, comparisons.larger, tell_apart, odd_one_out, inference)
REFERENCES = 5
_KNOWN = 0.9  # the labelled share of a picture from which a class that is not seen in it is absent


class PublicSet(DataSet):
    """One public data set's split; its regions' facts are measured when they are asked for, once."""

    def __init__(
        self, name: str, scenes: Sequence[Scene], config: AquilaConfig, *, folder: Path, seed: int = 0
    ) -> None:
        self.name, self._scenes, self._config, self._folder, self._seed = name, scenes, config, folder, seed
        self.labels = class_names(name)
        self.places = [scene.place or str(number) for number, scene in enumerate(scenes)]
        self.targets = [
            _target(scene, number, place) for number, scene in enumerate(scenes) for place in range(len(scene.regions))]
        self._facts = lru_cache(maxsize=None)(lambda number: scene_facts(scenes[number]))

    def shown(self, picture: int) -> Shown:
        """See ``DataSet``."""
        scene = self._scenes[picture]
        masks = np.stack([region.mask for region in scene.regions])
        areas = tuple(float(mask.sum()) * scene.gsd**2 for mask in masks)
        return Shown(scene.image, masks, scene.gsd, areas, tuple(map(form_of_mask, masks)))

    def facts(self, picture: int) -> Sequence[RegionFacts]:
        """See ``DataSet``."""
        return self._facts(picture)

    def present(self, picture: int) -> Optional[FrozenSet[str]]:
        """See ``DataSet``."""
        scene = self._scenes[picture]
        seen = scene.categories[scene.valid]
        if scene.source in NO_SURROUNDINGS or (seen != UNKNOWN).mean() < _KNOWN:
            return None
        return frozenset(CATEGORIES[number].name for number in np.unique(seen[seen != UNKNOWN]).tolist())

    def may_hold(self, label: str, truth: str) -> bool:
        """See ``DataSet``; classes of one data set exclude each other but for those few that pictures show together."""
        return truth in holders(label)

    def training(self, most: int) -> Optional[PublicSet]:
        """See ``DataSet``."""
        size = self._config.encoder.image_size
        scenes = held_out_scenes(self._folder, "train", size, [self.name], most)[self.name]
        return PublicSet(self.name, scenes, self._config, folder=self._folder) if scenes else None

    def captions(self) -> List[Spoken]:
        """The product's styles; references are what the training's makers write, drawn several times."""
        return [
            Spoken(target.picture, Turn(style, style_prompt(self._config, style), "", (target.region,)),
                   self._references(target, style))
            for style in STYLES for target in self.targets]

    def _references(self, target: Target, style: str) -> Tuple[str, ...]:
        rng = np.random.default_rng((self._seed, target.picture, target.region))
        subject = Subject(self.facts(target.picture), target.region, rng)
        turns = [STYLES[style](subject) for _ in range(REFERENCES)]
        return tuple(dict.fromkeys(turn.answer for turn in turns if turn is not None))

    def reasoning(self) -> List[Spoken]:
        """Questions about two or three regions, and those with a reason, wherever they can be asked of a region."""
        found: List[Spoken] = []
        for target in self.targets:
            rng = np.random.default_rng((self._seed, target.picture, target.region, 1))
            subject = Subject(self.facts(target.picture), target.region, rng)
            turns = (maker(subject) for maker in REASONED)
            found += [Spoken(target.picture, turn, (turn.answer,)) for turn in turns if turn is not None]
        return found


def _target(scene: Scene, number: int, place: int) -> Target:
    """A region; its pixels in the data set's picture follow from the GSD of that and of the shown one."""
    region = scene.regions[place]
    shown = int(region.mask.sum())
    pixels = round(shown * (scene.gsd / (scene.native_gsd or scene.gsd)) ** 2)
    return Target(number, place, CATEGORIES[region.category].name, pixels, float(shown))


def class_names(name: str) -> Tuple[str, ...]:
    """The names of the classes that a data set is labelled with, each once."""
    numbers = countryside.CLASSES if name == countryside.SOURCE else of_source("dubai" if name == "banepa" else name)
    return tuple(dict.fromkeys(CATEGORIES[number].name for number in numbers))


def public_sets(
    folder: Path, split: str, config: AquilaConfig, names: Sequence[str], most: Optional[int]
) -> List[DataSet]:
    """The named data sets' split, at most so many pictures of each."""
    scenes = held_out_scenes(folder, split, config.encoder.image_size, names)
    return [PublicSet(name, evenly(found, most), config, folder=folder) for name, found in scenes.items() if found]
