"""Questions about two regions: how they differ, which is larger, whether they are of one category."""

from __future__ import annotations

from typing import Callable, Optional

from core_model.text.context import AS_LARGE, size_beside
from training.data.facts import RegionFacts
from training.data.phrases import Turn, may_hold, noun_phrase, with_article
from training.data.questions import Subject, statement

AS_LARGE_OFTEN = 4  # few regions are as large as another one, so these are asked about more often


def partner(
    subject: Subject, fits: Callable[[RegionFacts], bool], often: Callable[[RegionFacts], int] = lambda facts: 1
) -> Optional[int]:
    """One of the other regions that fit; each is as likely as ``often`` says."""
    others = [number for number, facts in enumerate(subject.facts) if number != subject.index and fits(facts)]
    others = [number for number in others for _ in range(often(subject.facts[number]))]
    return others[int(subject.rng.integers(len(others)))] if others else None


def _often(subject: Subject) -> Callable[[RegionFacts], int]:
    """How often a partner is asked about beside another."""
    return lambda facts: AS_LARGE_OFTEN if size_beside(subject.own.area, facts.area) == AS_LARGE else 1


def _pair(subject: Subject, kind: str, instruction: str, answer: str, other: int) -> Turn:
    return Turn(kind, instruction, answer, (subject.index, other))


def compare(subject: Subject) -> Optional[Turn]:
    """Both regions in one sentence, and which of them is larger."""
    other = partner(subject, lambda facts: facts is not subject.own and not facts.mixed, _often(subject))
    if other is None:
        return None
    first, second = (
        with_article(facts.name, noun_phrase(facts.name, (), facts.colour))
        for facts in (subject.own, subject.facts[other]))
    answer = f"The first shows {first}, the second shows {second}." if first != second else f"Both show {first}."
    relation = larger_answer(subject.own, subject.facts[other])
    if relation is not None and subject.chance(0.6):
        answer += " " + relation
    question = subject.pick((
        "Compare <region1> and <region2>.", "How do <region1> and <region2> differ?",
        "What is the difference between <region1> and <region2>?", "Describe <region1> and <region2>."))
    return _pair(subject, "compare", question, answer, other)


def larger_answer(first: RegionFacts, second: RegionFacts) -> Optional[str]:
    """Which of two regions is larger; None when an area is not known."""
    size = size_beside(first.area, second.area)
    if size == AS_LARGE:
        return "They are about the same size."
    which = "first" if size.endswith("larger") else "second"
    return f"The {which} is {size.replace('smaller', 'larger')}." if size else None


def larger(subject: Subject) -> Optional[Turn]:
    """Which of two regions is larger."""
    other = partner(subject, lambda facts: larger_answer(subject.own, facts) is not None, _often(subject))
    if other is None:
        return None
    question = subject.pick((
        "Which is larger, <region1> or <region2>?", "Compare the sizes of <region1> and <region2>.",
        "Which of <region1> and <region2> is larger?"))
    return _pair(subject, "larger", question, str(larger_answer(subject.own, subject.facts[other])), other)


def same(subject: Subject) -> Optional[Turn]:
    """Whether two regions are of one category."""
    own = subject.own
    twin = partner(subject, lambda facts: facts.name == own.name and not facts.mixed)
    stranger = partner(subject, lambda facts: not may_hold(facts.name, own.category) and not facts.mixed)
    if twin is None or stranger is None:
        return None
    question = subject.pick((
        "Are <region1> and <region2> the same kind of place?", "Do <region1> and <region2> show the same?",
        "Are <region1> and <region2> of the same category?"))
    if subject.premise_holds():
        return _pair(subject, "yesno-same", question, f"Yes, each {statement(own.name)}.", twin)
    theirs = statement(subject.facts[stranger].name)
    answer = f"No, the first {statement(own.name)}, the second {theirs}."
    return _pair(subject, "yesno-same", question, answer, stranger)
