"""Questions whose answers follow from what regions are and look like, with the reason in the answer."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Dict, FrozenSet, List, Optional, Sequence, Tuple

from core_model.text.context import ORDINALS
from training.data.comparisons import partner
from training.data.facts import RegionFacts
from training.data.phrases import WITHIN, Turn, may_hold
from training.data.questions import Maker, Subject, statement

_PAVED = frozenset((
    "road", "highway", "freeway", "overpass", "road intersection", "runway", "parking lot", "impervious surface"))
_ROOFED = frozenset(("building", "commercial buildings", "roof with solar panels", "storage tanks", "storage tank"))
_FIELDS = frozenset((
    "annual crop", "permanent crop", "pasture", "agricultural field", "agricultural land", "herbaceous vegetation",
    "chaparral", "rangeland", "vegetation", "low vegetation", "plowed land", "vineyard"))
_WOODED = frozenset(("forest", "tree canopy", "tree", "coniferous trees", "deciduous trees", "mixed trees"))
_WATER = frozenset(("river", "sea or lake", "water"))
# Between harvest and growth, or what follows from the name alone would be wrong of many places.
_SOMETIMES_BARE = frozenset(("annual crop", "agricultural field", "agricultural land", "plowed land"))
# Places that are paved or roofed all over, as those are not that a road or a roof is merely labelled in.
_SEALED = (_PAVED | _ROOFED) - WITHIN
_BARE = frozenset(("unpaved land", "bare land", "barren land", "bare soil", "beach"))


@dataclass(frozen=True)
class Inference:
    """Questions that a region's category answers: of which it is true and why, of which it is false and why."""

    questions: Tuple[str, ...]
    true: FrozenSet[str]
    because: str
    false: FrozenSet[str]
    otherwise: str


INFERENCES: Tuple[Inference, ...] = (
    Inference(
        ("Does rain soak into the ground of <region>? Why?", "Can the ground of <region> take up rain? Why?"),
        _FIELDS | _WOODED | _BARE, "open ground takes up water",
        _SEALED, "a sealed surface lets little water through"),
    Inference(
        ("Could one cross <region> on foot without getting wet? Why?", "Is <region> dry land? Give the reason."),
        _PAVED | _FIELDS | _BARE - {"beach"} | _WOODED, "that is land, not open water",
        _WATER, "that is open water"),
    Inference(
        ("Is <region> covered by living plants? Give the reason.", "Do plants grow all over <region>? Why?"),
        _FIELDS - _SOMETIMES_BARE | _WOODED, "that is plant cover",
        _SEALED | _WATER - {"river"}, "plants do not cover it"),
    Inference(
        ("Would one find the shade of trees in <region>? Why?",),
        _WOODED, "trees stand there close together",
        _WATER - {"river"} | {"runway"}, "no trees grow there"),
    Inference(
        ("Was <region> made by people? Give the reason.",),
        _PAVED | _ROOFED, "people build such places",
        _WATER - {"water"} | frozenset(("beach", "chaparral")), "such places are part of nature"),
)


REASONS = frozenset(reason for entry in INFERENCES for reason in (entry.because, entry.otherwise))


def parted(answer: str) -> Tuple[str, str]:
    """What an answer of ``inference`` says of the region, and its reason, "" where there is none."""
    said, _, reason = answer.rstrip(".").partition(", and ")
    return said, reason


def inference(subject: Subject) -> Optional[Turn]:
    """A yes-or-no question that the category answers, with its reason."""
    name = subject.own.name
    fitting = [entry for entry in INFERENCES if name in entry.true | entry.false]
    if not fitting:
        return None
    chosen = fitting[int(subject.rng.integers(len(fitting)))]
    holds = name in chosen.true
    reason = chosen.because if holds else chosen.otherwise
    answer = f"{'Yes' if holds else 'No'}: it {statement(name)}, and {reason}."
    return subject.turn("reasoning", subject.pick(chosen.questions), answer)


def odd_one_out(subject: Subject) -> Optional[Turn]:
    """Which of three regions does not belong with the others, and why."""
    others = [number for number, facts in enumerate(subject.facts) if number != subject.index and not facts.mixed]
    # In any order: the region itself is the odd one more often than another.
    threes = [tuple(subject.rng.permutation((subject.index, *two)).tolist()) for two in combinations(others, 2)]
    found = [(three, place) for three in threes for place in range(3) if _is_odd(subject.facts, three, place)]
    if not found:
        return None
    three, place = found[int(subject.rng.integers(len(found)))]
    question = subject.pick((
        "Which of <region1>, <region2> and <region3> does not belong with the others, and why?",
        "Two of <region1>, <region2> and <region3> are alike. Which is the odd one out? Explain."))
    # What each is comes first, so that the choice follows from words that are there already.
    first, second, third = (statement(subject.facts[number].name) for number in three)
    answer = f"The first {first}, the second {second}, the third {third}: the {ORDINALS[place]} is the odd one."
    return Turn("odd-one-out", question, answer, three)


def _is_odd(facts: Sequence[RegionFacts], three: Sequence[int], place: int) -> bool:
    """Whether two of the three are of one category that cannot be said of the one at this place."""
    names = {facts[number].name for number in three if number != three[place]}
    return len(names) == 1 and not may_hold(names.pop(), facts[three[place]].category)


def tell_apart(subject: Subject) -> Optional[Turn]:
    """By what look two regions of different categories can be told apart."""
    own = subject.own
    number = partner(subject, lambda facts: not facts.mixed and not may_hold(own.name, facts.category))
    if number is None:
        return None
    other = subject.facts[number]
    looks = _differences(own, other)
    if not looks:
        return None
    question = subject.pick((
        "How can <region1> be told from <region2>?", "By what look do <region1> and <region2> differ?"))
    first, second = (" and ".join(pair[side] for pair in looks[:2]) for side in (0, 1))
    answer = (
        f"The first {statement(own.name)} and is {first}, the second {statement(other.name)} and is {second}.")
    return Turn("tell-apart", question, answer, (subject.index, number))


def _differences(first: RegionFacts, second: RegionFacts) -> List[Tuple[str, str]]:
    """The attributes by which two regions surely differ."""
    found = []
    if first.colour not in second.colours_near and second.colour not in first.colours_near:
        found.append((first.colour, second.colour))
    elif not first.tones & second.tones:
        found.append((f"{first.tone} in tone", f"{second.tone} in tone"))
    if first.texture and second.texture and not first.textures & second.textures:
        found.append((first.texture, second.texture))
    return found


REASONINGS: Dict[Maker, float] = {inference: 0.45, odd_one_out: 0.25, tell_apart: 0.3}
