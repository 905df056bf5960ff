"""Conversations about scenes: which regions, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Sequence

import numpy as np

from core_model.text.prompt import Turn as PromptTurn
from training.data import groundless, wording
from training.data.about import About, in_context
from training.data.facts import RegionFacts, WithFacts, scene_facts
from training.data.mixed import is_mostly
from training.data.phrases import CANONICAL, Turn, listed, sentence
from training.data.scenes import Scene
from training.data.vocabulary import CATEGORIES, UNKNOWN, of_source

SMALLEST_PICTURE_SHARE = 0.08
STYLES = ("phrase", "description", "detailed")
LABEL_FIRST = 0.7  # of the texts in a style follow the category's turn, as AquilaConfig.label_first asks for them


@dataclass(frozen=True)
class Material(WithFacts):
    """What the texts about a scene are made of: its GSD, its regions' facts, the categories that cover most of it.

    ``groundless`` is as a ``Scene`` says.
    """

    gsd: float
    facts: List[RegionFacts]
    names: List[str]
    groundless: bool = False


def material(scene: Scene) -> Material:
    """Measure a scene and all its regions."""
    return Material(scene.gsd, scene_facts(scene), covering_names(scene), scene.groundless)


def choose_regions(rng: np.random.Generator, scene: Scene, most: int) -> None:
    """Leave the scene with at most ``most`` of its regions, none of them empty."""
    kept = [region for region in scene.regions if region.mask.any()]
    scene.regions = [kept[number] for number in rng.permutation(len(kept))[:most]]


@dataclass
class TurnMaker:
    """Writes turns about a scene; see ``training.settings.TextStage`` for the fields."""

    kinds: Sequence[str]
    turns_per_region: int
    pairs_per_region: int = 0
    misled: float = 0.0

    def __call__(self, rng: np.random.Generator, about: Material) -> List[Turn]:
        """Turns of the wanted kinds about the picture or each of its regions."""
        if tuple(self.kinds) == ("picture",):
            return [picture_turn(rng, about)]
        if about.groundless:
            return self._guesses(rng, about)
        found: List[Turn] = []
        for number in range(len(about.facts)):
            turns = wording.turns(about.facts, number, rng, self.turns_per_region, self.kinds)
            found += [self._styled(turn, about, rng) if turn.kind in STYLES else turn for turn in turns]
            found += wording.two_sided(about.facts, number, rng, self.pairs_per_region)
        return found

    def _guesses(self, rng: np.random.Generator, about: Material) -> List[Turn]:
        """Turns about regions that show no ground: any category of their data set, and how they look."""
        facts = [_named(own, int(rng.choice(of_source(CATEGORIES[own.category].source)))) for own in about.facts]
        return [turn for number in range(len(facts))
                for turn in wording.turns(facts, number, rng, self.turns_per_region, groundless.KINDS)]

    def _styled(self, turn: Turn, about: Material, rng: np.random.Generator) -> Turn:
        """A turn in a style, mostly as the second of a conversation in which the category was answered first.

        In a share ``misled`` of these the category is wrong, and the text keeps to it: who reads both shall find one
        name. Nor is a category learned that has hardly more of its region than another one.
        """
        if rng.uniform() >= LABEL_FIRST:
            return turn
        (number,) = turn.regions
        facts, misled = list(about.facts), bool(rng.uniform() < self.misled)
        if misled:
            facts[number] = _misnamed(facts[number], rng)
            (turn,) = wording.turns(facts, number, rng, 1, (turn.kind,))
        said = facts[number].name
        arbitrary = facts[number].mixed and not is_mostly(facts[number])
        return replace(turn, before=((CANONICAL["category"], said),), misled=misled or arbitrary)


def covering_names(scene: Scene) -> List[str]:
    """The categories of the picture, what covers most of it first."""
    known = scene.categories[scene.categories != UNKNOWN]
    counts = np.bincount(known, minlength=len(CATEGORIES)) / scene.categories.size
    order = [int(number) for number in np.argsort(-counts) if counts[number] >= SMALLEST_PICTURE_SHARE][:5]
    return list(dict.fromkeys(CATEGORIES[number].name for number in order)) or ["nothing known"]


def picture_turn(rng: np.random.Generator, about: Material) -> Turn:
    """Stage 1's image-text pair: what the whole picture shows, most of it first."""
    questions = ("What is in the picture?", "What does the picture show?", "Describe the picture.")
    return Turn("picture", questions[int(rng.integers(len(questions)))], sentence(listed(about.names)), ())


def _misnamed(own: RegionFacts, rng: np.random.Generator) -> RegionFacts:
    """A region's facts, but for the category, which is another one of its data set."""
    entry = CATEGORIES[own.category]
    others = [number for number, other in enumerate(CATEGORIES)
              if other.source == entry.source and other.name != entry.name]
    if not others:
        return own
    return _named(own, others[int(rng.integers(len(others)))])


def _named(own: RegionFacts, number: int) -> RegionFacts:
    return replace(own, category=number, name=CATEGORIES[number].name)


def prompt_turns(about: About, turn: Turn, context: str) -> List[PromptTurn]:
    """A turn with what comes before it, as ``core_model.describer`` writes it: the model's context comes first."""
    turns = in_context(context, [*turn.before, (turn.instruction, turn.answer)], about, turn.regions)
    return [replace(one, learned=not turn.misled) for one in turns[:-1]] + turns[-1:]
