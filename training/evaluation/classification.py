"""Referring classification: which of a data set's classes a region is."""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core_model.prompts import label_prompt, style_prompt
from training.evaluation.asking import CHANGES, Question
from training.evaluation.bench import Bench, missing_features
from training.evaluation.bootstrap import Statistic, mean_of
from training.evaluation.material import DataSet, Target, most_frequent
from training.evaluation.metrics import NONE_SAID, Classified
from training.evaluation.results import Answer, Outcome, Row

# COCO's sizes by pixels of the data set's picture, and sizes by what the encoder's coarsest level makes of a region.
SIZES: Mapping[str, Callable[[Target], bool]] = {
    "small (<32²)": lambda target: target.pixels < 32**2,
    "medium": lambda target: 32**2 <= target.pixels < 96**2,
    "large (≥96²)": lambda target: target.pixels >= 96**2,
    "<1 cell": lambda target: target.cells < 1,
    "1–4 cells": lambda target: 1 <= target.cells < 4,
    "≥4 cells": lambda target: target.cells >= 4,
}


class Classification:
    """Top-1 and macro-F1 over a data set's classes, all regions and by size.

    The model chooses by the probability it gives each label under one shared instruction, as the product does with a
    user's labels; beside it stands the answer it writes by itself, which must be the class's name to the letter.
    """

    name = "classification"

    def measure(self, bench: Bench, data: DataSet) -> Outcome:
        """See ``Task``."""
        targets = data.require_targets()
        truth = [data.labels.index(target.label) for target in targets]
        scores = bench.asker.score(data, targets, data.labels)
        said: Dict[str, NDArray[np.int64]] = {"model, labels scored": scores.argmax(axis=1)}
        written = self._written(bench, data)
        said["model, written"] = np.array([_number(data, text) for text in written])
        for name, change in CHANGES.items():
            said[f"{name}, labels scored"] = bench.asker.score(data, targets, data.labels, change).argmax(axis=1)
        always = most_frequent([target.label for target in targets])
        said[f"most frequent: {always}"] = np.full(len(targets), data.labels.index(always))
        guesses = bench.guesses(data)
        said.update({name: guess.said for name, guess in guesses.items()})
        rows = [self._row(name, bench, data, truth, numbers) for name, numbers in said.items()]
        prompts = [label_prompt(bench.config, data.labels), style_prompt(bench.config, "category")]
        answers = _answers(data, prompts[0], scores)
        return Outcome(
            self.name, data.name, data.units()[1], rows, prompts, answers, missing_features(guesses, data))

    def _written(self, bench: Bench, data: DataSet) -> List[str]:
        prompt = style_prompt(bench.config, "category")
        questions = [Question(target.picture, (target.region,), prompt) for target in data.targets]
        return [reply.text for reply in bench.asker.write(data, questions)]

    def _row(
        self, name: str, bench: Bench, data: DataSet, truth: Sequence[int], said: NDArray[np.int64]
    ) -> Row:
        classified = Classified(truth, said.tolist(), len(data.labels))
        figures: Dict[str, Statistic] = {"top-1": classified.accuracy, "macro-F1": classified.macro_f1}
        right = said == np.array(truth)
        for size, belongs in SIZES.items():
            inside = np.array([belongs(target) for target in data.targets])
            if inside.any():
                figures[f"top-1, {size}, {inside.sum()}"] = mean_of(np.where(inside, right, np.nan).tolist())
        return bench.row(name, data, [target.picture for target in data.targets], figures)


def _number(data: DataSet, text: str) -> int:
    """The class that a text names to the letter, but for capitals and a full stop."""
    name = text.strip().rstrip(".").lower()
    names = [label.lower() for label in data.labels]
    return names.index(name) if name in names else NONE_SAID


def _answers(data: DataSet, prompt: str, scores: NDArray[np.float64]) -> List[Answer]:
    return [
        Answer(target.picture, (target.region,), prompt, target.label, data.labels[row.argmax()],
               float(data.labels[row.argmax()] == target.label))
        for target, row in zip(data.targets, scores)]
