"""What is measured of a model on held-out scenes, and what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from core_model.generation import Generator, Request, View, Written
from core_model.prompts import label_prompt
from training.data import questions
from training.data.conversations import prompt_turns
from training.data.facts import RegionFacts, WithFacts, scene_facts
from training.data.phrases import Turn
from training.data.scenes import Scene
from training.evaluation.asking import PICTURES_PER_BATCH, Change, as_they_are, see
from training.evaluation.metrics import NONE_SAID, Classified
from training.evaluation.statements import Checked, check_turn, claims

Ask = Callable[[Sequence[RegionFacts], int], List[Turn]]


@dataclass(frozen=True)
class Known(WithFacts):
    """A scene with the facts of its regions, measured once for all tasks."""

    scene: Scene
    facts: List[RegionFacts]

    @property
    def gsd(self) -> float:
        """Metres per pixel of the picture."""
        return self.scene.gsd


@dataclass(frozen=True)
class Answered:
    """A written answer with what it was asked about."""

    facts: Sequence[RegionFacts]
    turn: Turn
    written: Written


def known(scenes: Sequence[Scene]) -> List[Known]:
    """Measure every region of the scenes."""
    return [Known(scene, scene_facts(scene)) for scene in scenes]


def answer(
    generator: Generator, scenes: Sequence[Known], ask: Ask, change: Change = as_they_are
) -> List[Answered]:
    """Ask ``ask(facts, region)``'s turns about every region, batch by batch."""
    found: List[Answered] = []
    for chosen, view, first in views(generator, scenes, change):
        asked = [
            (number, turn) for number, one in enumerate(chosen)
            for region in range(len(one.facts)) for turn in ask(one.facts, region)
        ]
        requests = [request(generator, chosen[number], turn, first[number]) for number, turn in asked]
        for (number, turn), written in zip(asked, generator.write(view, requests)):
            found.append(Answered(chosen[number].facts, turn, written))
    return found


def score(
    generator: Generator, scenes: Sequence[Known], labels: Sequence[str], change: Change = as_they_are
) -> NDArray[np.float64]:
    """The probabilities of ``labels`` for every region, in order: [regions, labels]."""
    found = []
    for chosen, view, first in views(generator, scenes, change):
        requests = [
            request(generator, one, labels_turn(generator, labels, region), first[number])
            for number, one in enumerate(chosen) for region in range(len(one.facts))
        ]
        found.append(generator.score(view, requests, labels))
    return np.concatenate(found)


def request(generator: Generator, about: Known, turn: Turn, first: int) -> Request:
    """A turn as the product would ask it; ``first`` is the scene's first region in the view."""
    turns = prompt_turns(about, replace(turn, answer=""), generator.model.config.context)
    return Request(tuple(first + number for number in turn.regions), tuple(turns))


def views(
    generator: Generator, scenes: Sequence[Known], change: Change = as_they_are
) -> Iterator[Tuple[Sequence[Known], View, List[int]]]:
    """Some scenes at a time, with their regions in one view, and the number of each scene's first region in it."""
    for start in range(0, len(scenes), PICTURES_PER_BATCH):
        chosen = scenes[start : start + PICTURES_PER_BATCH]
        shown = [(one.scene.image, np.stack([region.mask for region in one.scene.regions]).astype(np.float32))
                 for one in chosen]
        yield chosen, *see(generator, shown, change)


def category_turn(generator: Generator) -> Ask:
    """Asks the category as the product does."""
    prompt = generator.model.config.prompts["category"]
    return lambda facts, region: [Turn("category", prompt, facts[region].name, (region,))]


def labels_turn(generator: Generator, labels: Sequence[str], region: int) -> Turn:
    """Asks which of ``labels`` a region is."""
    return Turn("labels", label_prompt(generator.model.config, labels), "", (region,))


def described(
    generator: Generator, scenes: Sequence[Known], style: str, named: Optional[Sequence[Answered]] = None
) -> List[Answered]:
    """Texts in a style as the product asks for them: with ``label_first`` after the category that the model names.

    ``named`` are the answers about all regions' categories, in their order, where they are at hand.
    """
    config = generator.model.config
    before: Iterator[Tuple[Tuple[str, str], ...]] = iter(())
    if config.label_first:
        said = answer(generator, scenes, category_turn(generator)) if named is None else named
        before = iter([((one.turn.instruction, one.written.text.strip()),) for one in said])
    return answer(generator, scenes, lambda _, region: [
        Turn(style, config.prompts[style], "", (region,), next(before, ()))])


def yes_no_turns(seed: int) -> Ask:
    """One question of every yes/no kind that can be asked of a region."""
    makers = (questions.is_category, questions.is_colour, questions.is_shape, questions.is_size, questions.is_neighbour)
    rng = np.random.default_rng(seed)

    def ask(facts: Sequence[RegionFacts], region: int) -> List[Turn]:
        subject = questions.Subject(facts, region, rng)
        return [turn for turn in (maker(subject) for maker in makers) if turn is not None]

    return ask


def accuracy(answered: Sequence[Answered]) -> float:
    """The share of category answers that are the region's own name, to the letter."""
    return float(np.mean([_names_match(one.written.text, one.facts[one.turn.regions[0]].name) for one in answered]))


def macro_f1(answered: Sequence[Answered], names: Sequence[str]) -> float:
    """Mean F1 over the data set's categories that occur; ``names`` are all of them."""
    return macro_f1_of([(one.facts[one.turn.regions[0]].name, one.written.text) for one in answered], names)


def macro_f1_of(pairs: Sequence[Tuple[str, str]], names: Sequence[str]) -> float:
    """Mean F1 of (true, said) pairs over ``names`` that occur as truth."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    truth, said = [numbers[true] for true, _ in pairs], [numbers.get(said, NONE_SAID) for _, said in pairs]
    return Classified(truth, said, len(numbers)).macro_f1(np.ones(len(pairs)))


def yes_no_rates(answered: Sequence[Answered]) -> Dict[str, float]:
    """Balanced accuracy, yes-ratio and count, over all kinds; an answer that starts with neither counts as wrong."""
    truth = np.array([one.turn.answer.startswith("Yes") for one in answered])
    said = np.array([one.written.text.startswith("Yes") for one in answered])
    denied = np.array([one.written.text.startswith("No") for one in answered])
    right_yes, right_no = float(said[truth].mean()), float(denied[~truth].mean())
    return {
        "balanced accuracy": (right_yes + right_no) / 2, "right yes": right_yes, "right no": right_no,
        "yes ratio": float(said.mean()), "true ratio": float(truth.mean()), "count": float(len(answered)),
    }


def statements(answered: Sequence[Answered]) -> List[Checked]:
    """Every claim of every text, judged against pixels and masks."""
    return [claim for one in answered for claim in check_turn(one.turn, one.written.text, one.facts)]


def keeping_to_label(answered: Sequence[Answered]) -> List[bool]:
    """Whether they call the region by the category that was answered before, for all texts that follow one."""
    return [bare(one.turn.before[-1][1]) in claims(one.written.text).categories for one in answered if one.turn.before]


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error (Guo et al. 2017) with equal-width bins."""
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    total = 0.0
    for number in range(bins):
        inside = places == number
        if inside.any():
            total += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return float(total)


def bare(said: str) -> str:
    """A written category without what does not count: space around it, a full stop, capitals."""
    return said.strip().rstrip(".").lower()


def _names_match(said: str, name: str) -> bool:
    return bare(said) == name
