"""Nouns and their grammar, which of them can hold at once, and the instructions as users may word them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Dict, FrozenSet, List, Sequence, Tuple

from training.data.vocabulary import CATEGORIES

# What the product asks for each style; ``{labels}`` is the user's list.
CANONICAL: Dict[str, str] = {
    "category": "What is <region>? Answer with a category.",
    "phrase": "Describe <region> in a short phrase.",
    "description": "Describe <region>.",
    "detailed": "Describe <region> in detail.",
    "labels": "Choose from: {labels}. What is <region>?",
}
INSTRUCTIONS: Dict[str, Tuple[str, ...]] = {
    "category": (
        "Which category is <region>?", "What is <region>?", "Name the category of <region>.",
        "What kind of place is <region>? Answer with a category.", "Classify <region>.", "What does <region> show?",
        "Give the land cover of <region>.",
    ),
    "phrase": (
        "Describe <region> in a few words.", "Give a short phrase for <region>.", "Caption <region>.",
        "Name <region> in a few words.", "Short description of <region>.",
    ),
    "description": (
        "Describe <region> in one sentence.", "What can be seen in <region>?", "Give a description of <region>.",
        "What does <region> look like?", "Tell me about <region>.", "Please describe <region>.",
    ),
    "detailed": (
        "Give a detailed description of <region>.", "Describe <region> with all details.",
        "Describe <region> and its surroundings in detail.", "Tell me everything about <region>.",
        "What can you say about <region>?",
    ),
    "labels": (
        "Which of these is <region>: {labels}?", "Classify <region> into one of: {labels}.",
        "What is <region>? Choose from: {labels}.", "Options: {labels}. Which one is <region>?",
    ),
}

# Nouns without an article, and nouns in the plural; all others are counted.
MASS = frozenset((
    "annual crop", "herbaceous vegetation", "permanent crop", "chaparral", "unpaved land", "vegetation", "water",
    "tree canopy", "low vegetation", "cropland", "woodland", "wild grassland",
    "natural low vegetation", "grazing land", "open water", "shrubland", "densely built housing", "suburban housing",
    "airport pavement", "bare ground", "open sandy ground", "greenery", "grass", "lawn or grass",
    "a house with land",
))
PLURAL = frozenset((
    "commercial buildings", "storage tanks", "trees", "industrial buildings", "large buildings", "office buildings",
    "scattered shrubs", "close-set houses", "docked boats", "houses with gardens", "rows of mobile homes",
    "parked cars", "scattered houses", "oil tanks", "round tanks", "tennis courts", "plants", "tree crowns",
))
# Things that seldom fill the region they are labelled in: the adjectives belong to the area.
WITHIN = frozenset((
    "highway", "river", "airplane", "storage tanks", "tennis court", "roof with solar panels", "baseball diamond",
    "overpass",
))

_HOUSING = ("residential area", "dense residential area", "medium residential area", "sparse residential area")
_BUILT = _HOUSING + ("industrial area", "commercial buildings", "mobile home park")
_GREEN = (
    "annual crop", "forest", "herbaceous vegetation", "pasture", "permanent crop", "agricultural field", "chaparral",
    "golf course", "tree canopy", "low vegetation", "vegetation",
)
_NEVER_BARE = frozenset((
    "forest", "herbaceous vegetation", "pasture", "tree canopy", "low vegetation", "vegetation", "golf course",
))
_NAMES = tuple(dict.fromkeys(entry.name for entry in CATEGORIES))

# Categories that can hold of one place at once, so that neither is a false premise about the other. Classes of one
# data set exclude each other but for those few whose pictures show both.
OVERLAPS: Dict[str, Tuple[str, ...]] = {
    "vegetation": _GREEN + ("baseball diamond", "river", "roof with solar panels") + _HOUSING,
    "low vegetation": (
        "herbaceous vegetation", "pasture", "annual crop", "permanent crop", "agricultural field", "chaparral",
        "golf course", "baseball diamond", "runway", "highway", "freeway", "roof with solar panels") + _HOUSING,
    "tree canopy": (
        "forest", "permanent crop", "golf course", "chaparral", "river", "road intersection", "overpass",
        "parking lot", "mobile home park", "roof with solar panels") + _HOUSING,
    "surface without vegetation": tuple(name for name in _NAMES if name not in _NEVER_BARE),
    "building": _BUILT + (
        "roof with solar panels", "storage tanks", "parking lot", "harbour", "highway", "airplane", "tennis court"),
    "unpaved land": (
        "annual crop", "agricultural field", "beach", "chaparral", "baseball diamond", "permanent crop", "pasture",
        "herbaceous vegetation", "parking lot", "industrial area", "storage tanks", "highway", "river", "runway",
        "golf course", "overpass", "roof with solar panels") + _HOUSING,
    "road": _BUILT + (
        "highway", "freeway", "overpass", "road intersection", "runway", "parking lot", "airplane", "storage tanks",
        "roof with solar panels", "golf course", "harbour", "tennis court"),
    "water": ("river", "sea or lake", "harbour", "beach", "golf course", "storage tanks"),
    "roof with solar panels": _BUILT,
    "annual crop": ("agricultural field",),
    "permanent crop": ("agricultural field", "chaparral"),
    "pasture": ("agricultural field", "chaparral", "golf course"),
    "herbaceous vegetation": ("agricultural field", "chaparral", "golf course"),
    "highway": ("freeway", "overpass", "road intersection", "runway"),
    "freeway": ("overpass", "road intersection"),
    "overpass": ("road intersection",),
    "industrial area": (
        "commercial buildings", "storage tanks", "parking lot", "harbour", "airplane", "runway", "mobile home park"),
    "residential area": (
        "dense residential area", "medium residential area", "sparse residential area", "mobile home park",
        "commercial buildings", "tennis court", "road intersection", "parking lot"),
    "sea or lake": ("harbour", "beach"),
    "airplane": ("runway",),
    "mobile home park": ("dense residential area", "medium residential area"),
    "tennis court": ("medium residential area", "sparse residential area"),
    "beach": ("sea or lake", "river"),
    "parking lot": ("commercial buildings",),
    "road intersection": ("dense residential area", "medium residential area"),
}
# Other ways to say a category reach further than its own name; these also hold of the categories listed.
REACHES: Dict[str, Tuple[str, ...]] = {
    "trees": _GREEN + _HOUSING + ("river",), "woodland": ("permanent crop", "river"),
    "open water": ("river", "sea or lake", "water", "harbour", "beach"),
    "water body": ("river", "harbour", "beach", "water"), "water surface": ("river", "harbour", "beach"),
    "shoreline": ("sea or lake", "river", "harbour", "water"), "sandy shore": ("sea or lake", "river"),
    "stream": ("water",), "watercourse": ("water", "sea or lake"),
    "meadow": ("herbaceous vegetation", "low vegetation"), "grazing land": ("herbaceous vegetation",),
    "wild grassland": ("pasture", "chaparral"), "natural low vegetation": ("pasture", "chaparral", "annual crop"),
    "cropland": ("permanent crop", "pasture"), "arable field": ("permanent crop", "pasture"),
    "farm field": ("permanent crop", "pasture"), "plantation": ("forest", "annual crop"),
    "orchard or vineyard": ("annual crop",), "commercial area": ("parking lot", "commercial buildings"),
    "large buildings": ("industrial area", "dense residential area", "storage tanks", "parking lot"),
    "office buildings": ("dense residential area", "industrial area", "parking lot"),
    "close-set houses": ("medium residential area", "mobile home park"), "suburban housing": _HOUSING,
    "densely built housing": ("medium residential area", "mobile home park"), "houses with gardens": _HOUSING,
    "scattered houses": ("medium residential area", "agricultural field"),
    "a house with land": ("medium residential area",), "housing area": ("industrial area",),
    "built-up area with houses": ("industrial area",),
    "parked cars": _BUILT + ("road", "road intersection", "freeway", "building", "harbour", "tennis court"),
    "car park": _BUILT + ("tennis court",), "aircraft": ("runway",), "parked aircraft": ("runway",),
    "crossroads": ("freeway", "dense residential area"), "street crossing": ("freeway", "dense residential area"),
    "road bridge": ("freeway", "road intersection"), "flyover": ("freeway", "road intersection"),
    "motorway": ("overpass",), "multi-lane road": ("overpass", "road intersection"),
    "main road": ("river",), "street": ("unpaved land",), "paved road": (), "docked boats": ("water",),
    "sports court": ("baseball diamond",), "golf green": ("baseball diamond",), "golf fairway": ("agricultural field",),
    "shrubland": ("herbaceous vegetation", "unpaved land"), "scattered shrubs": _GREEN + ("unpaved land",),
    "bare ground": ("surface without vegetation",), "roof": _BUILT, "house": _BUILT,
}

# What is true of a place of another category: "road" of a highway. Narrower than OVERLAPS, since it lets a statement
# count as true, where OVERLAPS only keeps one from being called false.
TRUE_OF: Dict[str, Tuple[str, ...]] = {
    "vegetation": _GREEN, "low vegetation": ("herbaceous vegetation", "pasture"), "tree canopy": ("forest",),
    "forest": ("tree canopy",), "building": ("commercial buildings", "roof with solar panels"),
    "road": ("highway", "freeway", "overpass", "road intersection"), "highway": ("freeway",), "freeway": ("highway",),
    "water": ("river", "sea or lake"), "annual crop": ("agricultural field",), "agricultural field": ("annual crop",),
    "residential area": (
        "dense residential area", "medium residential area", "sparse residential area", "mobile home park"),
    "industrial area": ("commercial buildings", "storage tanks"),
    "surface without vegetation": (
        "building", "road", "unpaved land", "beach", "freeway", "runway", "parking lot", "overpass",
        "commercial buildings"),
}
# What is in every place of a category, though it is not all of the place: it is asked for as what can be seen there.
CONTAINS: Dict[str, Tuple[str, ...]] = {
    "building": _BUILT + ("roof with solar panels",), "house": _HOUSING, "water": ("harbour",),
}
_NOT_ALWAYS = frozenset((("vegetation", "annual crop"), ("vegetation", "agricultural field")))  # bare after the harvest


@dataclass(frozen=True)
class Turn:
    """An instruction with ``<region>`` markers, its answer, and the scene's regions that the markers stand for.

    ``before`` holds the instructions and answers that come before it in the same conversation; ``misled`` says that
    these answers are wrong, or no better than others, so that only the last one is learned.
    """

    kind: str
    instruction: str
    answer: str
    regions: Tuple[int, ...]
    before: Tuple[Tuple[str, str], ...] = ()
    misled: bool = False


@cache
def holders(term: str) -> FrozenSet[str]:
    """The names of the categories of which a name or synonym holds or may hold."""
    names = set(own_names(term))
    wider = set(names)
    for name in names:
        wider.update(OVERLAPS.get(name, ()))
        wider.update(other for other, many in OVERLAPS.items() if name in many)
    return frozenset(wider | set(REACHES.get(term, ())))


def may_hold(term: str, category: int) -> bool:
    """Whether a name or synonym may be true of a category's region."""
    return CATEGORIES[category].name in holders(term)


def holds(term: str, category: int) -> bool:
    """Whether a name or synonym is true of a category's region."""
    true_of = {name for other in own_names(term) for name in TRUE_OF.get(other, ())}
    return term in own_terms(category) or CATEGORIES[category].name in true_of


@cache
def broader(category: int) -> Tuple[str, ...]:
    """The names beside a category's own that are always true of it: "water" of a river."""
    name = CATEGORIES[category].name
    found = (term for term, many in TRUE_OF.items() if name in many and (term, name) not in _NOT_ALWAYS)
    return tuple(term for term in found if term != name)


@cache
def contained(category: int) -> Tuple[str, ...]:
    """What is in every place of a category: "building" in a residential area."""
    name, wider = CATEGORIES[category].name, broader(category)
    return tuple(term for term, many in CONTAINS.items() if name in many and term not in wider)


def own_names(term: str) -> List[str]:
    """The names of the categories that a name or synonym belongs to."""
    return [entry.name for entry in CATEGORIES if term == entry.name or term in entry.synonyms]


def own_terms(category: int) -> List[str]:
    """A category's name and its synonyms."""
    return [CATEGORIES[category].name, *CATEGORIES[category].synonyms]


@cache
def all_terms() -> FrozenSet[str]:
    """Every name and synonym."""
    return frozenset(term for number in range(len(CATEGORIES)) for term in own_terms(number))


def article(words: str) -> str:
    """The words with their indefinite article: "an airplane"."""
    return ("an " if words[0] in "aeiou" else "a ") + words


def counted(term: str) -> str:
    """A category's name or synonym as it stands in a sentence, with an article where it needs one."""
    return term if term in MASS or term in PLURAL else article(term)


def listed(parts: Sequence[str]) -> str:
    """The parts joined as in a sentence: "a, b and c"."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def noun_phrase(name: str, adjectives: Sequence[str], colour: str = "", counts: bool = False) -> str:
    """A region's name with adjectives (size, shape) and colour, without an article.

    Things that do not fill their region become "area with …". Names that do not count become "area of …" behind
    adjectives, or wherever the phrase must be one that ``counts``.
    """
    words = " ".join(part for part in (", ".join(adjectives), colour) if part)
    if name in WITHIN:
        return f"{words} area with {counted(name)}".strip()
    if (adjectives or counts) and (name in MASS or name in PLURAL):
        return f"{words} area of {name}"
    return f"{words} {name}".strip()


def with_article(name: str, phrase: str) -> str:
    """A ``noun_phrase`` of this name with its article, if it takes one."""
    bare = (name in MASS or name in PLURAL) and name not in WITHIN and " area of " not in f" {phrase} "
    return phrase if bare else article(phrase)


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return text[0].upper() + text[1:] + "."
