"""Puts questions about regions to a model: a few pictures at a time, each seen once, answered greedily in batches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from core_model.generation import Generator, Request, View, Written
from core_model.geo.outline import form_of_mask
from core_model.geo.stretch import PERCENTILES
from core_model.prompts import STYLES, asked, label_prompt, style_prompt
from core_model.text.prompt import Turn
from training.data.augment import stretched
from training.evaluation.material import DataSet, Pixels, Shown, Target

PICTURES_PER_BATCH, REQUESTS_PER_BATCH = 8, 64
Masks = NDArray[np.float32]
Change = Callable[[Pixels, Masks], Tuple[Pixels, Masks]]


def as_they_are(image: Pixels, masks: Masks) -> Tuple[Pixels, Masks]:
    """No change."""
    return image, masks


def shuffled_masks(image: Pixels, masks: Masks) -> Tuple[Pixels, Masks]:
    """Every region gets the mask of another region of its picture; the only one of a picture keeps its own."""
    return image, np.roll(masks, 1, axis=0)


def no_image(image: Pixels, masks: Masks) -> Tuple[Pixels, Masks]:
    """A grey picture."""
    return np.full_like(image, 128), masks


def stretched_together(image: Pixels, masks: Masks) -> Tuple[Pixels, Masks]:
    """The picture as the product shows it where its raster has more than 8 bits: one low and one high for all bands."""
    low, high = np.percentile(image, PERCENTILES, axis=(0, 1))
    low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
    return stretched(image, low, np.maximum(high, low + 1)), masks


def stretched_by_band(image: Pixels, masks: Masks) -> Tuple[Pixels, Masks]:
    """The picture as other software may have written it: every band stretched for itself."""
    low, high = np.percentile(image, PERCENTILES, axis=(0, 1))
    return stretched(image, low, np.maximum(high, low + 1)), masks


# What a model is compared with: itself, asked the same with less to go by.
CHANGES: Dict[str, Change] = {"shuffled masks": shuffled_masks, "no image": no_image}


@dataclass(frozen=True)
class Question:
    """An instruction, without the model's context, about regions of one picture; none: about the whole picture."""

    picture: int
    regions: Tuple[int, ...]
    instruction: str


@dataclass(frozen=True)
class Reply:
    """What a model wrote, the exact instruction it read, and the probability of the text."""

    prompt: str
    text: str
    probability: float


def see(
    generator: Generator, shown: Sequence[Tuple[Pixels, Masks]], change: Change, whole: bool = False
) -> Tuple[View, List[int]]:
    """Pictures [S, S, 3] with their masks [R, S, S] as one view, and the number of each picture's first region in it.

    With ``whole`` every picture gets one more region behind its own: all of it.
    """
    images, masks, first = [], [], []
    owners: List[int] = []
    for number, (image, found) in enumerate(shown):
        image, found = change(image, found)
        if whole:
            found = np.concatenate([found, np.ones((1, *image.shape[:2]), np.float32)])
        first.append(len(owners))
        images.append(image)
        masks.append(found)
        owners += [number] * len(found)
    return generator.view(np.stack(images), np.concatenate(masks), owners), first


class Asker:
    """Asks one model about the regions of data sets, as the product does."""

    def __init__(self, generator: Generator) -> None:
        self.generator, self.config = generator, generator.model.config
        # Such a model is asked for a style after its category, as core_model.describer does.
        in_turn = self.config.label_first and "category" in self.config.prompts
        self._after_label = {style_prompt(self.config, style) for style in STYLES if style != "category" and in_turn}

    def write(self, data: DataSet, questions: Sequence[Question], change: Change = as_they_are) -> List[Reply]:
        """The replies, in the order of the questions."""
        found: Dict[int, Reply] = {}
        for numbers, view, requests in self._batches(data, questions, change):
            for number, request, written in zip(numbers, requests, self.generator.write(view, requests)):
                found[number] = Reply(_prompt(request, written), written.text, written.probability)
        return [found[number] for number in range(len(questions))]

    def score(
        self, data: DataSet, targets: Sequence[Target], labels: Sequence[str], change: Change = as_they_are
    ) -> NDArray[np.float64]:
        """The probabilities of ``labels`` for every target, in order: [targets, labels]."""
        prompt = label_prompt(self.config, labels)
        questions = [Question(target.picture, (target.region,), prompt) for target in targets]
        found = np.zeros((len(targets), len(labels)))
        for numbers, view, requests in self._batches(data, questions, change):
            found[numbers] = self.generator.score(view, requests, labels)
        return found

    def _batches(
        self, data: DataSet, questions: Sequence[Question], change: Change
    ) -> Iterator[Tuple[List[int], View, List[Request]]]:
        """The numbers of some questions, the view of their pictures, and what is requested of it."""
        order = sorted(range(len(questions)), key=lambda number: questions[number].picture)
        groups = [(picture, list(members)) for picture, members in
                  groupby(order, key=lambda number: questions[number].picture)]
        for start in range(0, len(groups), PICTURES_PER_BATCH):
            part = groups[start : start + PICTURES_PER_BATCH]
            shown = [data.shown(picture) for picture, _ in part]
            view, first = see(
                self.generator, [(one.image, one.masks.astype(np.float32)) for one in shown], change, whole=True)
            requested = [(number, self._request(questions[number], shown[place], first[place]))
                         for place, (_, members) in enumerate(part) for number in members]
            for at in range(0, len(requested), REQUESTS_PER_BATCH):
                numbers, requests = zip(*requested[at : at + REQUESTS_PER_BATCH])
                yield list(numbers), view, list(requests)

    def _request(self, question: Question, shown: Shown, first: int) -> Request:
        """A question as the product would ask it; ``first`` is the picture's first region in the view."""
        regions = question.regions or (len(shown.masks),)
        if question.regions:
            areas, forms = [shown.areas[one] for one in regions], [shown.forms[one] for one in regions]
        else:
            whole = np.ones(shown.image.shape[:2], bool)
            areas, forms = [shown.gsd**2 * whole.size], [form_of_mask(whole)]
        after_label = question.instruction in self._after_label and len(question.regions) == 1
        opening = self.config.prompts["category"] if after_label else question.instruction
        turns = [Turn(asked(self.config, opening, shown.gsd, areas, forms))]
        if after_label:
            turns.append(Turn(question.instruction))
        return Request(tuple(first + number for number in regions), tuple(turns))


def _prompt(request: Request, written: Written) -> str:
    """All that was said before the text."""
    *led, last = (turn.instruction for turn in request.turns)
    said = [text for asked, answer in zip(led, written.earlier) for text in (asked, answer.text)]
    return "\n".join([text for text in said if text] + [last])
