"""Texts about a region in every style of the product, and questions about it, drawn in a fixed proportion."""

from __future__ import annotations

from itertools import islice
from typing import Dict, List, Optional, Sequence

import numpy as np

from training.data import comparisons, mixed, questions, reasoning
from training.data.facts import RegionFacts
from training.data.phrases import CANONICAL, PLURAL, WITHIN, Turn, article, counted, listed, noun_phrase, sentence
from training.data.questions import Maker, Subject

__all__ = ["CANONICAL", "SHARES", "Turn", "turns"]

DESCRIPTION_WORDS, DETAILED_WORDS = 25, 60
DESCRIBED = 3  # categories that a description names of a region that holds several
SECOND_NEIGHBOUR = 0.25  # of the ring: what covers less is often named wrongly
BORDERS = ("surrounded by", "bordered by", "next to")


def category(subject: Subject) -> Optional[Turn]:
    """The category's name alone."""
    return subject.turn("category", subject.instruction("category"), subject.own.name)


def phrase(subject: Subject) -> Optional[Turn]:
    """Colour and name, sometimes with the shape or size."""
    own = subject.own
    adjectives = _some_adjectives(subject, 0.5 if subject.chance(0.5) else 0.0)
    return subject.turn("phrase", subject.instruction("phrase"), _naming(own, adjectives, 1))


def _naming(own: RegionFacts, adjectives: Sequence[str], others: int, counts: bool = False) -> str:
    """The ``noun_phrase`` of a region, with so much of what else it holds if it holds several categories."""
    words, more = noun_phrase(own.name, adjectives, own.colour, counts), mixed.besides(own, others)
    if not more:
        return words
    if own.name in WITHIN:
        name = counted(own.name)
        return words[: -len(name)] + listed([name, *more])
    return f"{words} with {listed(more)} in it"


def _some_adjectives(subject: Subject, share: float) -> List[str]:
    own = subject.own
    found = [own.size] if subject.chance(share) else []
    return found + ([own.shape] if own.shape is not None and subject.chance(share) else [])


def description(subject: Subject) -> Optional[Turn]:
    """One sentence of at most ``DESCRIPTION_WORDS`` words."""
    own = subject.own
    clauses = []
    adjectives: Sequence[str] = ()
    if subject.chance(0.25) and own.shape is not None:
        clauses.append(f"{own.shape} and {own.size}")
    else:
        adjectives = _some_adjectives(subject, 0.75)
    # Always one that takes an article: where some did and some did not, "A grey commercial buildings" was learned.
    subject_phrase = article(_naming(own, adjectives, DESCRIBED - 1, counts=True))
    if subject.chance(0.2):
        subject_phrase = "this is " + subject_phrase
    if own.orientation is not None and subject.chance(0.8) and not clauses:
        clauses.append(f"running from {own.orientation}")
    if own.texture is not None and subject.chance(0.65):
        behind = f"with {article(own.texture)} texture"
        clauses.append(f"{own.texture} in texture" if _is_long(own.name) or clauses or own.mixed else behind)
    around = questions.surroundings(subject, 1)  # one sentence names what there is most of, and is seldom wrong
    if around is not None and subject.chance(0.75):
        clauses.append(f"{subject.pick(BORDERS)} {around}")
    text = _joined(subject_phrase, clauses)
    while len(text.split()) > DESCRIPTION_WORDS and clauses:
        clauses.pop(0)
        text = _joined(subject_phrase, clauses)
    return subject.turn("description", subject.instruction("description"), sentence(text))


def _is_long(name: str) -> bool:
    """Whether a further "with a … texture" would read badly behind the name."""
    return name in WITHIN or " with" in name


def _joined(first: str, clauses: Sequence[str]) -> str:
    """The clauses behind commas; "with a … texture" needs none right behind the noun."""
    text = first
    for clause in clauses:
        text += (" " if clause.startswith("with ") and text == first else ", ") + clause
    return text


def detailed(subject: Subject) -> Optional[Turn]:
    """Two to four sentences of at most ``DETAILED_WORDS`` words: what, colour and texture, form, surroundings."""
    others = mixed.besides(subject.own, mixed.MOST_NAMED - 1)
    more = f" It also shows {listed(others)}." if others else ""
    parts = [_what(subject) + more, _look(subject), _form(subject)]
    around = questions.surroundings(subject, 2, SECOND_NEIGHBOUR)
    if around is not None:
        parts.append(f"It is {subject.pick(BORDERS)} {around}.")
    if len(parts) == 4 and subject.chance(0.15):
        parts.pop(int(subject.rng.integers(1, 3)))
    while sum(len(part.split()) for part in parts) > DETAILED_WORDS:
        parts.pop()
    return subject.turn("detailed", subject.instruction("detailed"), " ".join(parts))


def _what(subject: Subject) -> str:
    name = subject.own.name
    if name in WITHIN:
        return subject.pick(("This is an area with {}.", "The region shows {}.")).format(counted(name))
    if name in PLURAL:
        return subject.pick(("These are {}.", "The region shows {}.")).format(name)
    return subject.pick(("This is {}.", "This is {}.", "The region is {}.")).format(counted(name))


def _look(subject: Subject) -> str:
    own = subject.own
    shaded = own.colour.startswith(("dark", "light")) or own.colour in ("black", "white")  # says the tone already
    if subject.chance(0.5) and not shaded:
        text = subject.pick(("It is {}", "It looks {}")).format(own.colour)
        return f"{text} and {own.tone} in tone" + (f", with {article(own.texture)} texture." if own.texture else ".")
    text = subject.pick(("It is {}", "Its colour is {}", "It looks {}")).format(own.colour)
    if own.texture is None:
        return text + "."
    if subject.chance(0.3):
        return f"{text} and its texture is {own.texture}."
    return f"{text}, with {article(own.texture)} texture."


def _form(subject: Subject) -> str:
    own = subject.own
    if own.shape is None:
        return f"It is {own.size}."
    text = subject.pick((f"It is {own.size} and {own.shape}", f"It is {own.shape} and {own.size}"))
    return f"{text}, running from {own.orientation}." if own.orientation is not None else text + "."


# How often each maker is asked for a turn.
SHARES: Dict[Maker, float] = {
    category: 0.08, description: 0.24, phrase: 0.08, detailed: 0.08, questions.labels: 0.10,
    questions.is_category: 0.12, questions.is_colour: 0.03, questions.is_texture: 0.015, questions.is_shape: 0.02,
    questions.is_orientation: 0.01, questions.is_size: 0.015, questions.is_neighbour: 0.08,
    questions.surround: 0.19, questions.colour: 0.01, questions.tone: 0.005, questions.texture: 0.01,
    questions.shape: 0.01, questions.orientation: 0.02, questions.size: 0.01,
    comparisons.compare: 0.08, comparisons.larger: 0.02, comparisons.same: 0.02, reasoning.tell_apart: 0.04,
    reasoning.odd_one_out: 0.2, reasoning.inference: 0.03, questions.refusal: 0.02, mixed.all_in_it: 0.03,
}
# Of a region that holds several categories.
MIXED_SHARES: Dict[Maker, float] = {
    mixed.all_in_it: 0.30, mixed.mostly: 0.15, description: 0.24, phrase: 0.08, detailed: 0.10, questions.shape: 0.04,
    questions.size: 0.05, comparisons.larger: 0.04,
}
# Of which kinds the same question is asked with a true and a false premise.
PAIRED: Dict[Maker, float] = {
    questions.is_category: 0.38, questions.is_neighbour: 0.40, questions.is_colour: 0.09, questions.is_shape: 0.04,
    questions.is_orientation: 0.02, questions.is_size: 0.03, comparisons.same: 0.04,
}
MIXED_PAIRED: Dict[Maker, float] = {mixed.is_in_it: 0.9, questions.is_shape: 0.05, questions.is_size: 0.05}


def turns(
    facts: Sequence[RegionFacts], region_index: int, rng: np.random.Generator, count: int, kinds: Sequence[str] = (),
) -> List[Turn]:
    """``count`` turns about one region, of different kinds as long as there are any.

    ``facts`` holds those of all the scene's regions, in their order; ``kinds`` (the makers' names) limits what is
    asked. Fewer come back only where none of these kinds can be asked of the region.
    """
    subject = Subject(facts, region_index, rng)
    shares = MIXED_SHARES if subject.own.mixed else SHARES
    makers = [maker for maker in shares if maker.__name__ in kinds or not kinds]
    weights = np.array([shares[maker] for maker in makers])
    found: List[Turn] = []
    while makers and len(found) < count:
        order = rng.choice(len(makers), len(makers), replace=False, p=weights / weights.sum()).tolist()
        made = (turn for turn in (makers[number](subject) for number in order) if turn is not None)
        fresh = list(islice(made, count - len(found)))
        if not fresh:
            break
        found += fresh
    return found


def two_sided(facts: Sequence[RegionFacts], region_index: int, rng: np.random.Generator, pairs: int) -> List[Turn]:
    """``pairs`` yes/no questions about one region, each with a true and with a false premise.

    Side by side they leave nothing but the premise to tell the answers apart.
    """
    paired = MIXED_PAIRED if facts[region_index].mixed else PAIRED
    makers, shares = list(paired), np.array(list(paired.values()))
    found: List[Turn] = []
    for number in rng.choice(len(makers), pairs, p=shares / shares.sum()).tolist():
        for holds in (True, False):
            turn = makers[number](Subject(facts, region_index, rng, holds))
            found += [turn] if turn is not None else []
    return found
