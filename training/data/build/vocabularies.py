"""Lets the makers of texts speak of classes that the default model does not know: a user's, or another data set's."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, Sequence, Tuple

from training.data import conversations, facts, mixed, phrases, questions, vocabulary, wording
from training.data.converters.base import load_json, words
from training.data.manifest.record import ManifestError
from training.data.vocabulary import CATEGORIES, Category

_MODULES = (vocabulary, facts, conversations, phrases, questions, mixed, wording)
_MASS_WORDS = frozenset((
    "water", "vegetation", "land", "soil", "grass", "snow", "ice", "sand", "brushwood", "rangeland", "space",
    "cropland", "woodland", "shrubland", "asphalt", "concrete", "ground", "scrub", "housing", "farmland",
))

_WORD_FIELDS = ("name", "synonyms", "mass", "plural", "overlaps")


@dataclass(frozen=True)
class ClassWords:
    """How a class is spoken of; ``mass`` takes no article, ``overlaps`` are labels that may hold of the same place."""

    label: str
    name: str
    synonyms: Tuple[str, ...] = ()
    mass: bool = False
    plural: bool = False
    overlaps: Tuple[str, ...] = ()


def words_for(label: str) -> ClassWords:
    """A guess from the label alone: "Small_Vehicle" is a small vehicle, "bare_land" is bare land."""
    name = words(label)
    last = name.split(" ")[-1]
    plural = last.endswith("s") and not last.endswith(("ss", "us", "is"))
    return ClassWords(label, name, mass=name in phrases.MASS or last in _MASS_WORDS, plural=plural)


def load_words(path: Path) -> Dict[str, ClassWords]:
    """The words of classes by label, from a JSON file; raises ``ManifestError`` if it is wrong."""
    found = {}
    for label, values in load_json(path, dict).items():
        if not isinstance(values, dict) or set(values) - set(_WORD_FIELDS):
            raise ManifestError(f"{path}: {label!r} may have {', '.join(_WORD_FIELDS)}, and nothing else")
        guess = words_for(str(values.get("name", label)))
        found[label] = ClassWords(
            label, str(values.get("name", guess.name)), tuple(values.get("synonyms", ())),
            bool(values.get("mass", guess.mass)), bool(values.get("plural", guess.plural)),
            tuple(values.get("overlaps", ())))
    return found


def known_source(labels: Sequence[str]) -> str:
    """The data set of the default vocabulary that has all these classes by name, or ""."""
    for source in dict.fromkeys(entry.source for entry in CATEGORIES):
        if {words(label) for label in labels} <= {entry.name for entry in CATEGORIES if entry.source == source}:
            return source
    return ""


@contextmanager
def speaking_of(source: str, classes: Sequence[ClassWords]) -> Iterator[None]:
    """Within it the vocabulary is that of one data set, whose classes exclude each other but for their ``overlaps``.

    The makers read the vocabulary from their modules, so it is put there and taken back.
    """
    values = _values(source, classes)
    before = [(module, name, getattr(module, name)) for module in _MODULES for name in values if hasattr(module, name)]
    for module, name, _ in before:
        setattr(module, name, values[name])
    _forget()
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
        _forget()


def _forget() -> None:
    for found in (phrases.holders, phrases.all_terms, phrases.broader, phrases.contained):
        found.cache_clear()


def _values(source: str, classes: Sequence[ClassWords]) -> Dict[str, Any]:
    names = {entry.label: entry.name for entry in classes}
    categories = tuple(
        Category(source, entry.label, entry.name, entry.synonyms, plural=entry.plural) for entry in classes)
    terms = {term: entry for entry in classes for term in (entry.name, *entry.synonyms)}
    return {
        "CATEGORIES": categories,
        "INDEX": {(source, entry.label): number for number, entry in enumerate(classes)},
        "MASS": frozenset(term for term, entry in terms.items() if entry.mass and not entry.plural),
        "PLURAL": frozenset(term for term, entry in terms.items() if entry.plural),
        "WITHIN": frozenset(),
        "OVERLAPS": {
            entry.name: tuple(names[label] for label in entry.overlaps if label in names) for entry in classes},
        "REACHES": {},
        "TRUE_OF": {},
        "CONTAINS": {},
        "EXCLUSIVE": False,
    }
