"""Reads claims back out of a text about a region and judges them by what its pixels and mask say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from core_model.form import SHAPES, SIZES
from core_model.text.context import ALIKE, ORDINALS
from training.data.facts import (
    COLOURS,
    NEIGHBOUR_TRUE,
    ORIENTATIONS,
    RING_KNOWN,
    TEXTURES,
    TONES,
    RegionFacts,
)
from training.data.phrases import Turn, all_terms, holds
from training.data.questions import THE_SAME
from training.data.reasoning import parted
from training.data.wording import BORDERS

Terms = Tuple[str, ...]


@dataclass(frozen=True)
class Claims:
    """The terms a text uses of a region, each kind in the order of the text."""

    categories: Terms = ()
    colours: Terms = ()
    tones: Terms = ()
    textures: Terms = ()
    shapes: Terms = ()
    orientations: Terms = ()
    sizes: Terms = ()
    neighbours: Terms = ()


@dataclass(frozen=True)
class Checked:
    """One claim and whether it is true."""

    kind: str
    said: str
    true: bool


def _any_of(terms: Iterable[str]) -> str:
    """A pattern for whole words; longer terms come first, so that "dark green" is not read as "green"."""
    return r"\b(" + "|".join(re.escape(term) for term in sorted(terms, key=len, reverse=True)) + r")\b"


_NAMES = re.compile(_any_of([*all_terms(), THE_SAME]))
_CUE = re.compile(_any_of(BORDERS))
_WORDS: Dict[str, re.Pattern[str]] = {
    "tones": re.compile(_any_of(TONES) + " in tone"),
    "orientations": re.compile("from " + _any_of(ORIENTATIONS)),
    "colours": re.compile(_any_of(COLOURS)),
    "textures": re.compile(_any_of(TEXTURES)),
    "shapes": re.compile(_any_of(SHAPES)),
    "sizes": re.compile(_any_of(SIZES)),
}
_SIDES, _THREE = re.compile(r"\bthe (first|second)\b"), re.compile(r"\bthe (first|second|third)\b")
_ODD = re.compile(r"\bthe (first|second|third) is the odd one\b")
_LARGER = re.compile(r"\bthe (first|second) is (?:a little )?larger\b")
_ALIKE = re.compile(r"\babout the same size\b")


def claims(text: str, surroundings: bool = False) -> Claims:
    """The claims of a text; with ``surroundings`` (it answers "what surrounds") all its categories are neighbours.

    Otherwise the categories behind "surrounded by" and the like, up to the end of the sentence, are neighbours.
    """
    found: Dict[str, List[str]] = {kind: [] for kind in ("categories", "neighbours", *_WORDS)}
    for part in re.split(r"[.;!?]+", text.lower()):
        cue = _CUE.search(part)
        border = 0 if surroundings else cue.end() if cue else len(part)
        for match in _NAMES.finditer(part):
            found["neighbours" if match.start() >= border else "categories"].append(match.group(1))
        rest = _NAMES.sub("…", part)
        for kind, pattern in _WORDS.items():
            found[kind] += [match.group(1) for match in pattern.finditer(rest)]
            rest = pattern.sub("…", rest)
    return Claims(**{kind: tuple(terms) for kind, terms in found.items()})


def check(said: Claims, facts: RegionFacts) -> List[Checked]:
    """Judge every claim; one about something that cannot be judged in this region (a ring unknown) is left out."""
    accepted = (
        ("colour", said.colours, facts.colours), ("tone", said.tones, facts.tones),
        ("texture", said.textures, facts.textures), ("shape", said.shapes, facts.shapes),
        ("orientation", said.orientations, facts.orientations), ("size", said.sizes, facts.sizes),
    )
    held = facts.contents if facts.mixed else (facts.category,)
    checked = [Checked("category", term, any(holds(term, number) for number in held)) for term in said.categories]
    for kind, terms, fair in accepted:
        if fair or (kind == "orientation" and facts.shape is not None):
            checked += [Checked(kind, term, term in fair) for term in terms]
    if facts.ring_known >= RING_KNOWN:
        checked += [Checked("neighbour", term, _share(term, facts) >= NEIGHBOUR_TRUE) for term in said.neighbours]
    return checked


def _share(term: str, facts: RegionFacts) -> float:
    """The share of the ring that a neighbour's name holds of."""
    name = facts.name if term == THE_SAME else term
    return sum(share for number, share in facts.neighbours if holds(name, number))


def check_pair(text: str, first: RegionFacts, second: RegionFacts) -> List[Checked]:
    """Judge a text that compares two regions: what it says of "the first", "the second" and "each", and their sizes."""
    text = text.lower()
    checked = [Checked("larger", match.group(1), (first.area > second.area) == (match.group(1) == "first"))
               for match in _LARGER.finditer(text)]
    if _ALIKE.search(text):
        checked.append(Checked("larger", "same", 1 / ALIKE / 1.1 <= first.area / second.area <= ALIKE * 1.1))
    parts = _SIDES.split(_ALIKE.sub("", _LARGER.sub("", text)))
    checked += check(claims(parts[0]), first) + check(claims(parts[0]), second)
    for side, part in zip(parts[1::2], parts[2::2]):
        checked += check(claims(part), first if side == "first" else second)
    return checked


def odd_place(text: str) -> Optional[int]:
    """Which of three regions, counted from 0, a text calls the odd one; None for none."""
    named = _ODD.search(text.lower())
    return ORDINALS.index(named.group(1)) if named else None


def check_odd(text: str, three: Sequence[RegionFacts]) -> List[Checked]:
    """Judge a text that tells three regions apart: what it says of "the first", "the second" and "the third"."""
    parts = _THREE.split(_ODD.sub("", text.lower()))
    return [claim for side, part in zip(parts[1::2], parts[2::2])
            for claim in check(claims(part), three[ORDINALS.index(side)])]


def check_turn(turn: Turn, answer: str, facts: Sequence[RegionFacts]) -> List[Checked]:
    """Judge an answer to a turn's instruction; ``facts`` holds those of all the scene's regions."""
    own = facts[turn.regions[0]]
    if turn.kind == "reasoning":  # the reason is a rule ("open ground takes up water") and claims nothing of the region
        answer = parted(answer)[0]
    if len(turn.regions) == 3:
        return check_odd(answer, [facts[number] for number in turn.regions])
    if len(turn.regions) == 2:
        return check_pair(answer, own, facts[turn.regions[1]])
    return check(claims(answer, surroundings=turn.kind == "surround"), own)


def true_shares(checked: Iterable[Checked]) -> Dict[str, Tuple[float, int]]:
    """For every kind of statement: the share that is true, and how many there were."""
    verdicts: Dict[str, List[bool]] = {}
    for one in checked:
        verdicts.setdefault(one.kind, []).append(one.true)
    return {kind: (sum(values) / len(values), len(values)) for kind, values in sorted(verdicts.items())}
