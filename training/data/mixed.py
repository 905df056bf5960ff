"""Regions that hold several categories, the whole picture among them, and what is asked of them: what is in it."""

from __future__ import annotations

from typing import List, Optional

import numpy as np

from core_model.geo.outline import FEWEST_PIXELS
from training.data.facts import CONTENT_STATED, NO_SURROUNDINGS, RegionFacts, contents
from training.data.phrases import CANONICAL, Turn, counted, listed, sentence
from training.data.questions import Subject, denied_terms, seen_forms, true_terms
from training.data.scenes import Mask, Scene, SceneRegion, star_polygon
from training.data.vocabulary import CATEGORIES, UNKNOWN

WHOLE = 0.4  # of the mixed regions are the whole picture
SPAN = (0.35, 1.0)  # of the picture's side, how far the others reach
KNOWN = 0.9  # the labelled share of a region from which a category that is not seen in it is absent
TRIES = 4
MOST_NAMED = 4
MOST = 0.6  # of a region, from which a category is what most of it is


def add_mixed(rng: np.random.Generator, scene: Scene) -> None:
    """Add one region that holds several categories, where one is found; its category is what most of it is."""
    if scene.source in NO_SURROUNDINGS:
        return
    for _ in range(TRIES):
        mask = _drawn(rng, scene.image.shape[0]) & scene.valid
        region = mixed_region(scene, mask)
        if region is not None:
            scene.regions.append(region)
            return


def mixed_region(scene: Scene, mask: Mask) -> Optional[SceneRegion]:
    """The mask as a region, if enough of it is labelled and it holds more than one name."""
    seen = scene.categories[mask]
    if len(seen) < FEWEST_PIXELS or (seen != UNKNOWN).mean() < KNOWN:
        return None
    shares = contents(scene, mask)
    names = {CATEGORIES[number].name for number, share in shares if share >= CONTENT_STATED}
    return SceneRegion(mask, shares[0][0], mixed=True) if len(names) > 1 else None


def _drawn(rng: np.random.Generator, size: int) -> Mask:
    """The whole square, a box in it, or an irregular part of one."""
    kind = rng.uniform()
    if kind < WHOLE:
        return np.ones((size, size), bool)
    height, width = (int(side) for side in rng.uniform(*SPAN, 2) * size)
    top, left = int(rng.integers(0, size - height + 1)), int(rng.integers(0, size - width + 1))
    mask = np.zeros((size, size), bool)
    box = slice(top, top + height), slice(left, left + width)
    mask[box] = True if kind < WHOLE + (1 - WHOLE) / 2 else star_polygon(rng, height, width)
    return mask


def named(own: RegionFacts) -> List[str]:
    """The names that a full answer tells of a region, most of it first."""
    return list(dict.fromkeys(CATEGORIES[number].name for number in own.contents))[:MOST_NAMED]


def held(subject: Subject) -> str:
    """What a region holds as a list: "a forest, a river and annual crop"."""
    return listed([counted(name) for name in named(subject.own)])


def besides(own: RegionFacts, most: int) -> List[str]:
    """What a region of several categories holds beside what it is called ("a river"), at most so many."""
    return [counted(name) for name in named(own) if name != own.name][:most] if own.mixed else []


def is_mostly(own: RegionFacts) -> bool:
    """Whether one category has so much of the region that the whole is called by it."""
    return bool(own.inside) and own.inside[0][1] >= MOST


def all_in_it(subject: Subject) -> Optional[Turn]:
    """All that a region holds."""
    if not subject.own.contents:
        return None
    question = subject.pick((
        "Which kinds of land cover are in <region>?", "List what is in <region>.", "What is there in <region>?",
        "Name everything that can be seen in <region>.", "What kinds of places are in <region>?"))
    return subject.turn("contents", question, sentence(held(subject)))


def mostly(subject: Subject) -> Optional[Turn]:
    """The category of most of the region, where one has most of it: what to call it as a whole."""
    if not is_mostly(subject.own):
        return None
    return subject.turn("category", CANONICAL["category"], subject.own.name)


def is_in_it(subject: Subject) -> Optional[Turn]:
    """Whether a category is seen in a region that holds several; false premises are mostly of its own data set."""
    own = subject.own
    if not own.mixed:
        return None
    true = [term for number in own.contents for term in true_terms(number)]
    false = denied_terms(subject, [number for number, _ in own.inside], 0.8)
    if not false:
        return None
    holds = subject.premise_holds()
    term = subject.pick(true if holds else false)
    answer = f"{'Yes' if holds else 'No'}, it shows {held(subject)}."
    return subject.turn("yesno-contents", subject.pick(seen_forms(term)).format(counted(term)), answer)
