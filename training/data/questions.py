"""Questions about a region with one right answer: attributes, yes or no, choices, and the unknowable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Optional, Sequence

import numpy as np

from core_model.form import SHAPES, SIZES
from training.data.facts import COLOURS, NEIGHBOUR_STATED, ORIENTATIONS, TEXTURES, RegionFacts
from training.data.phrases import (
    CANONICAL,
    INSTRUCTIONS,
    PLURAL,
    WITHIN,
    Turn,
    article,
    broader,
    contained,
    counted,
    listed,
    may_hold,
    own_terms,
    sentence,
)
from training.data.vocabulary import CATEGORIES, of_source

THE_SAME = "more of the same"
RING_SURE, RING_TRACE = 0.9, 0.03  # a neighbour is denied only where nearly all is known and none of it is seen
LIST_LENGTHS = (2, 24)  # a user's labels: short lists are asked more often, long ones have a class for everything
# A patch of the default data sets has the one class that it was chosen for, whatever else it shows. Other vocabularies
# may say that two of their classes hold at once.
EXCLUSIVE = True
SIZE_SIDES = (SIZES[:2], SIZES[2:3], SIZES[3:])
COMMON_COLOURS = (
    "dark green", "green", "light green", "greyish green", "brown", "light brown", "reddish brown", "greyish brown",
    "grey", "dark grey", "light grey", "blue", "dark blue", "bluish grey", "white", "black",
)
REFUSALS = (
    "That cannot be told from the image.", "The image does not show that.", "This cannot be known from an image alone.",
    "I cannot tell that from the image.", "An image from above does not tell that.",
)
UNKNOWABLE = (
    "Who owns <region>?", "How much is <region> worth?", "What is the price of <region>?",
    "When was this picture of <region> taken?", "What was <region> used for in the past?", "Who lives in <region>?",
    "How many people live in <region>?", "What is the address of <region>?", "In which city is <region>?",
    "In which country is <region>?", "How old is <region>?", "When was <region> built?", "What is inside <region>?",
    "What lies under <region>?", "What is the soil chemistry of <region>?", "How acidic is the soil of <region>?",
    "How deep is the ground water under <region>?", "Who built <region>?", "What will <region> look like in ten years?",
    "How much tax is paid for <region>?", "What is the history of <region>?", "Is <region> for sale?",
    "Are there people inside <region>?", "What is the temperature of <region>?", "How much rain falls on <region>?",
    "What is the crime rate in <region>?", "Who took the picture of <region>?", "What is the phone number of <region>?",
    "Which species of birds live in <region>?", "How much was harvested in <region>?", "What is the name of <region>?",
    "Is the ground of <region> polluted?",
    "What does <region> smell like?", "Which company works in <region>?", "What plans are there for <region>?",
)


@dataclass(frozen=True)
class Subject:
    """A region of a scene with all that its texts are made from.

    ``premise`` settles whether yes/no questions have a true premise; otherwise chance does.
    """

    facts: Sequence[RegionFacts]
    index: int
    rng: np.random.Generator
    premise: Optional[bool] = None

    @property
    def own(self) -> RegionFacts:
        """The facts of the region itself."""
        return self.facts[self.index]

    def pick(self, options: Sequence[str]) -> str:
        """One of the options."""
        return options[int(self.rng.integers(len(options)))]

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return bool(self.rng.uniform() < share)

    def premise_holds(self) -> bool:
        """Whether the next yes/no question has a true premise."""
        return self.chance(0.5) if self.premise is None else self.premise

    def instruction(self, style: str) -> str:
        """The product's instruction of a style, or one time in three a user's."""
        return self.pick(INSTRUCTIONS[style]) if self.chance(1 / 3) else CANONICAL[style]

    def turn(self, kind: str, instruction: str, answer: str) -> Turn:
        """A turn about this region alone."""
        return Turn(kind, instruction, answer, (self.index,))


Maker = Callable[[Subject], Optional[Turn]]


def statement(name: str) -> str:
    """What a region is, to follow "it": "is a forest", "shows storage tanks"."""
    return f"shows {counted(name)}" if name in PLURAL or name in WITHIN else f"is {counted(name)}"


def surroundings(subject: Subject, most: int = 3, least: float = NEIGHBOUR_STATED) -> Optional[str]:
    """The neighbours as a list, such as "annual crop and a road"; None when too little is known.

    Behind the first come only those with the share ``least`` of the ring.
    """
    numbers, shares = subject.own.stated_neighbours[:most], dict(subject.own.neighbours)
    if not numbers:
        return None
    names = [CATEGORIES[number].name for number in numbers if number == numbers[0] or shares[number] >= least]
    return listed([THE_SAME if name == subject.own.name else counted(name) for name in dict.fromkeys(names)])


# Attributes

def surround(subject: Subject) -> Optional[Turn]:
    """What surrounds the region."""
    around = surroundings(subject)
    question = subject.pick((
        "What surrounds <region>?", "What is around <region>?", "What is next to <region>?",
        "What are the surroundings of <region>?", "What does <region> border?",
    ))
    return None if around is None else subject.turn("surround", question, sentence(around))


def colour(subject: Subject) -> Optional[Turn]:
    """The region's colour."""
    question = subject.pick(("What colour is <region>?", "Which colour has <region>?", "Name the colour of <region>."))
    answer = subject.pick(("It is {}.", "It is {}.", "Its colour is {}.")).format(subject.own.colour)
    return subject.turn("colour", question, answer)


def tone(subject: Subject) -> Optional[Turn]:
    """How bright the region is."""
    question = subject.pick(("Is <region> dark or bright?", "How bright is <region>?", "What tone has <region>?"))
    return subject.turn("tone", question, f"It is {subject.own.tone} in tone.")


def texture(subject: Subject) -> Optional[Turn]:
    """The region's texture."""
    if subject.own.texture is None:
        return None
    question = subject.pick((
        "What texture has <region>?", "Describe the texture of <region>.", "Is <region> smooth, mottled or rough?"))
    return subject.turn("texture", question, f"It has {article(subject.own.texture)} texture.")


def shape(subject: Subject) -> Optional[Turn]:
    """The region's shape, and how it lies when it is elongated."""
    if subject.own.shape is None:
        return None
    question = subject.pick((
        "What shape has <region>?", "What is the shape of <region>?", "Describe the shape of <region>."))
    answer = f"It is {subject.own.shape}"
    if subject.own.orientation is not None and subject.chance(0.5):
        answer += f" and runs from {subject.own.orientation}"
    return subject.turn("shape", question, answer + ".")


def orientation(subject: Subject) -> Optional[Turn]:
    """The direction of an elongated region."""
    if subject.own.orientation is None:
        return None
    question = subject.pick((
        "In which direction does <region> run?", "What is the orientation of <region>?", "How does <region> lie?"))
    return subject.turn("orientation", question, f"It runs from {subject.own.orientation}.")


def size(subject: Subject) -> Optional[Turn]:
    """The region's size class."""
    question = subject.pick(("How large is <region>?", "What size is <region>?", "Is <region> large or small?"))
    return subject.turn("size", question, f"It is {subject.own.size}.")


# Yes or no: both premises must be at hand before one is drawn, so that neither answer is the commoner one

def _yes_no(
    subject: Subject, kind: str, questions: Sequence[str], true: Sequence[str], false: Sequence[str],
    truth: str, own: str = "",
) -> Optional[Turn]:
    """``truth`` may have a place for the term: the one asked for when it holds, otherwise the region's ``own``."""
    if not true or not false:
        return None
    holds = subject.premise_holds()
    asked = subject.pick(true if holds else false)
    answer = f"{'Yes' if holds else 'No'}, {truth.format(asked if holds else own)}."
    return subject.turn(f"yesno-{kind}", subject.pick(questions).format(asked), answer)


def is_category(subject: Subject) -> Optional[Turn]:
    """Whether the region is of a category, by its name or a synonym; false premises are mostly of its own data set."""
    number = subject.own.category
    false = denied_terms(subject, [number], 0.65)
    if not false:
        return None
    holds = subject.premise_holds()
    term = subject.pick(true_terms(number) if holds else false)
    questions = seen_forms(term)
    if term not in PLURAL and term not in contained(number):
        questions += ["Is <region> {}?"] * 3 + ["Is this {}: <region>?"]
    answer = f"{'Yes' if holds else 'No'}, it {statement(subject.own.name)}."
    return subject.turn("yesno-category", subject.pick(questions).format(counted(term)), answer)


def asked_terms(category: int) -> List[str]:
    """The terms of a category as often as they are asked for, alike in true and false premises."""
    return own_terms(category) + [CATEGORIES[category].name] * 2


def denied_terms(subject: Subject, seen: Sequence[int], own_source: float) -> List[str]:
    """The terms that hold of nothing that is ``seen``, in a share ``own_source`` of cases of its own data set alone."""
    source = CATEGORIES[subject.own.category].source
    rivals = of_source(source) if subject.chance(own_source) else range(len(CATEGORIES))
    return [term for rival in rivals for term in asked_terms(rival) if not any(may_hold(term, one) for one in seen)]


def true_terms(category: int) -> List[str]:
    """The terms of a category and what else is true of its places, as often as they are asked for."""
    return asked_terms(category) + [*broader(category), *contained(category)] * 2


def seen_forms(term: str) -> List[str]:
    """The ways to ask whether something can be seen in a region."""
    there = "Are there {} in <region>?" if term in PLURAL else "Is there {} in <region>?"
    return ["Does <region> show {}?", "Can {} be seen in <region>?", there]


def is_colour(subject: Subject) -> Optional[Turn]:
    """Whether the region has a colour, named exactly or by the basic colour."""
    own = subject.own
    near = {basic for term in own.colours_near for basic in COLOURS[term]}
    if subject.chance(0.5):
        true, false = [COLOURS[own.colour][0]], [basic for basic in _BASIC if basic not in near]
    else:
        true = [own.colour]
        # Every colour that is affirmed is denied, too, or its name alone would tell that the answer is yes.
        false = [term for term in (*COMMON_COLOURS, *COLOURS) if not near.intersection(COLOURS[term])]
    questions = ("Is <region> {}?", "Is <region> {}?", "Is the colour of <region> {}?", "Does <region> look {}?")
    return _yes_no(subject, "colour", questions, true, false, f"it is {own.colour}")


_BASIC = ("green", "brown", "grey", "blue") * 3 + ("red", "white", "black", "yellow", "orange", "pink", "purple")


def is_texture(subject: Subject) -> Optional[Turn]:
    """Whether the region has a texture."""
    own = subject.own
    if own.texture is None:
        return None
    false = [term for term in TEXTURES if term not in own.textures]
    questions = ("Is <region> {}?", "Is the texture of <region> {}?", "Does <region> look {}?")
    return _yes_no(subject, "texture", questions, [own.texture], false, f"it has {article(own.texture)} texture")


def is_shape(subject: Subject) -> Optional[Turn]:
    """Whether the region has a shape."""
    own = subject.own
    if own.shape is None:
        return None
    true = [own.shape, own.shape, *sorted(own.shapes)]
    false = [term for term in SHAPES if term not in own.shapes]
    questions = ("Is <region> {}?", "Is the shape of <region> {}?", "Would you call <region> {}?")
    return _yes_no(subject, "shape", questions, true, false, "it is {}", own.shape)


def is_orientation(subject: Subject) -> Optional[Turn]:
    """Whether an elongated region runs in a direction."""
    own = subject.own
    if own.orientation is None:
        return None
    false = [term for term in ORIENTATIONS if term not in own.orientations]
    questions = ("Does <region> run from {}?", "Does <region> stretch from {}?")
    return _yes_no(subject, "orientation", questions, [own.orientation], false, f"it runs from {own.orientation}")


def is_size(subject: Subject) -> Optional[Turn]:
    """Whether the region is of a size; "large" is never denied of what is very large."""
    own = subject.own
    false = [term for side in SIZE_SIDES if not own.sizes.intersection(side) for term in side]
    questions = ("Is <region> {}?", "Is the size of <region> {}?", "Would you call <region> {}?")
    return _yes_no(subject, "size", questions, [own.size], false, f"it is {own.size}")


def is_neighbour(subject: Subject) -> Optional[Turn]:
    """Whether a category is seen around the region."""
    own = subject.own
    around = surroundings(subject)
    if around is None or own.ring_known < RING_SURE:
        return None
    seen = [number for number, share in own.neighbours if share >= RING_TRACE] + [own.category]
    true = [CATEGORIES[number].name for number, share in own.neighbours
            if share >= NEIGHBOUR_STATED and CATEGORIES[number].name != own.name]
    pool = of_source(CATEGORIES[own.category].source) if subject.chance(0.8) else range(len(CATEGORIES))
    names = dict.fromkeys(CATEGORIES[number].name for number in pool)
    false = [name for name in names if not any(may_hold(name, number) for number in seen)]
    questions = ("Is <region> next to {}?", "Does <region> border {}?", "Can {} be seen next to <region>?")
    return _yes_no(subject, "neighbour", questions, [counted(name) for name in true], [counted(name) for name in false],
                   f"it is surrounded by {around}")


# A user's list

def labels(subject: Subject) -> Optional[Turn]:
    """Which label of a list fits: one does, the others neither fit the region nor mean the same as it."""
    own, rng = subject.own, subject.rng
    mine = own.name if subject.chance(0.6) else subject.pick(own_terms(own.category))
    chosen = [mine]
    pool = _distractors(own.category, subject.chance(0.6), mine == own.name and subject.chance(0.6))
    wanted = round(float(np.exp(rng.uniform(*np.log(LIST_LENGTHS)))))
    for position in rng.permutation(len(pool)).tolist():
        if len(chosen) < wanted and pool[position] not in chosen:
            chosen.append(pool[position])
    if len(chosen) < 2:
        return None
    shown = ", ".join(chosen[place] for place in rng.permutation(len(chosen)).tolist())
    return subject.turn("labels", subject.instruction("labels").replace("{labels}", shown), mine)


def _distractors(category: int, own_source: bool, only_names: bool) -> List[str]:
    source, name = CATEGORIES[category].source, CATEGORIES[category].name
    if own_source and only_names:
        names = [CATEGORIES[number].name for number in of_source(source) if CATEGORIES[number].name != name]
        return names if EXCLUSIVE else [other for other in names if not may_hold(other, category)]
    numbers = of_source(source) if own_source else range(len(CATEGORIES))
    terms = {CATEGORIES[number].name for number in numbers} if only_names else {
        term for number in numbers for term in own_terms(number)}
    return sorted(term for term in terms if not may_hold(term, category))


def refusal(subject: Subject) -> Optional[Turn]:
    """A question that no image answers."""
    return subject.turn("refusal", subject.pick(UNKNOWABLE), subject.pick(REFUSALS))
