"""What regions are to each other: direction, contact, order of size, and how many are alike.

As everywhere in the texts, the top of a picture counts as north.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
from scipy import ndimage

from core_model.text.context import LARGER, ORDINALS
from training.data.phrases import Turn, counted, listed, may_hold
from training.data.questions import Maker, Subject
from training.data.scenes import Mask

COMPASS = ("east", "northeast", "north", "northwest", "west", "southwest", "south", "southeast")
NUMBERS = ("None", "One", "Two", "All three")
CLEAR = 15.0  # degrees from a direction's middle within which it is named
NEAR, FAR = 1, 8  # pixels: regions touch with a gap of at most the first, and do not with one of more than the second


@dataclass(frozen=True)
class Place:
    """Where a region lies in its picture: its mask, its middle (row, column) and its box."""

    mask: Mask
    middle: Tuple[float, float]
    box: Tuple[slice, slice]


def place_of(mask: Mask) -> Place:
    """The place of a mask that is not empty."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    rows, columns = np.nonzero(mask[box])
    return Place(mask, (float(rows.mean()) + box[0].start, float(columns.mean()) + box[1].start), box)


@dataclass(frozen=True)
class Scenery:
    """A region with the others of its scene (``subject``) and where all of them lie."""

    subject: Subject
    places: Sequence[Place]

    def others(self, count: int) -> Optional[List[int]]:
        """So many other regions at random; None if there are fewer."""
        rest = [number for number in range(len(self.places)) if number != self.subject.index]
        if len(rest) < count:
            return None
        return [rest[place] for place in self.subject.rng.permutation(len(rest))[:count].tolist()]


RelationMaker = Callable[[Scenery], Optional[Turn]]


def by_facts(maker: Maker) -> RelationMaker:
    """A maker that needs no places."""
    return lambda scenery: maker(scenery.subject)


def bearing(first: Place, second: Place) -> Optional[str]:
    """Where the second lies as seen from the first; None when it is not clear, or when one's box holds the other."""
    for own, other in ((first, second), (second, first)):
        if all(a.start <= b.start and b.stop <= a.stop for a, b in zip(own.box, other.box)):
            return None
    north, east = first.middle[0] - second.middle[0], second.middle[1] - first.middle[1]
    if np.hypot(north, east) < 12:
        return None
    angle = float(np.degrees(np.arctan2(north, east))) % 360
    sector = round(angle / 45) % 8
    off = abs((angle - sector * 45 + 180) % 360 - 180)
    return COMPASS[sector] if off <= CLEAR else None


def touching(first: Place, second: Place) -> Optional[bool]:
    """Whether two regions touch; None when it is not clear."""
    for gap, answer in ((NEAR, True), (FAR, None)):
        grown = ndimage.maximum_filter(first.mask.astype(np.uint8), 2 * gap + 1)
        if (grown.astype(bool) & second.mask).any():
            return answer
    return False


def direction(scenery: Scenery) -> Optional[Turn]:
    """In which direction one region lies from another."""
    found = _bearing_to_other(scenery)
    if found is None:
        return None
    other, word = found
    subject = scenery.subject
    question = subject.pick((
        "In which direction does <region2> lie from <region1>?", "Where is <region2> as seen from <region1>?",
        "Which way is it from <region1> to <region2>?"))
    answer = subject.pick(("It lies to the {}.", "To the {}.")).format(word)
    return Turn("direction", question, answer, (subject.index, other))


def is_direction(scenery: Scenery) -> Optional[Turn]:
    """Whether one region lies in a direction from another; the false premise is the opposite or a right angle."""
    found = _bearing_to_other(scenery)
    if found is None:
        return None
    other, word = found
    subject = scenery.subject
    holds = subject.premise_holds()
    asked = word if holds else COMPASS[(COMPASS.index(word) + int(subject.rng.choice((2, 4, 4, 6)))) % 8]
    questions = ("Is <region2> {} of <region1>?", "Does <region2> lie to the {} of <region1>?")
    question = subject.pick(questions).format(asked)
    answer = f"{'Yes' if holds else 'No'}, it lies to the {word}."
    return Turn("yesno-direction", question, answer, (subject.index, other))


def _bearing_to_other(scenery: Scenery) -> Optional[Tuple[int, str]]:
    others = scenery.others(1)
    if others is None:
        return None
    word = bearing(scenery.places[scenery.subject.index], scenery.places[others[0]])
    return (others[0], word) if word is not None else None


def contact(scenery: Scenery) -> Optional[Turn]:
    """Whether two regions touch."""
    others = scenery.others(1)
    if others is None:
        return None
    subject = scenery.subject
    answer = touching(scenery.places[subject.index], scenery.places[others[0]])
    if answer is None:
        return None
    question = subject.pick((
        "Do <region1> and <region2> touch?", "Are <region1> and <region2> side by side without a gap?",
        "Is there a gap between <region1> and <region2>?"))
    gap = question.startswith("Is there")
    text = f"{'Yes' if answer != gap else 'No'}, {'they touch' if answer else 'there is a gap between them'}."
    return Turn("yesno-contact", question, text, (subject.index, others[0]))


def order(scenery: Scenery) -> Optional[Turn]:
    """Three regions in the order of their sizes."""
    others = scenery.others(2)
    if others is None:
        return None
    subject = scenery.subject
    chosen = (subject.index, *others)
    areas = [subject.facts[number].area for number in chosen]
    ranks = sorted(range(3), key=lambda place: -areas[place])
    if any(areas[larger] < LARGER * areas[smaller] for larger, smaller in zip(ranks, ranks[1:])):
        return None
    question = subject.pick((
        "Put <region1>, <region2> and <region3> in the order of their sizes.",
        "Which of <region1>, <region2> and <region3> is the largest, and which the smallest?"))
    largest, middle, smallest = (ORDINALS[place] for place in ranks)
    answer = f"The {largest} is the largest, then comes the {middle}, and the {smallest} is the smallest."
    return Turn("order", question, answer, chosen)


def count(scenery: Scenery) -> Optional[Turn]:
    """How many of three regions are of a category."""
    others = scenery.others(2)
    if others is None:
        return None
    subject = scenery.subject
    chosen = (subject.index, *others)
    name = subject.own.name
    alike = [subject.facts[number].name == name for number in chosen]
    if any(may_hold(name, subject.facts[number].category) for number, same in zip(chosen, alike) if not same):
        return None
    question = f"How many of <region1>, <region2> and <region3> show {counted(name)}?"
    which = [f"the {ORDINALS[place]}" for place, same in enumerate(alike) if same]
    total = sum(alike)
    answer = f"{NUMBERS[total]}." if total == 3 else f"{NUMBERS[total]}: {listed(which)}."
    return Turn("count", question, answer, chosen)


# How often each is asked for.
RELATIONS: Dict[RelationMaker, float] = {direction: 0.3, is_direction: 0.25, contact: 0.15, order: 0.15, count: 0.15}
