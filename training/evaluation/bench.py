"""What every task measures with, and what a task is."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Protocol, Sequence

from core_model.generation import Generator
from training.evaluation.asking import Asker
from training.evaluation.bootstrap import Bootstrap, Statistic
from training.evaluation.features import TRAINING_PICTURES, Features, Guess
from training.evaluation.judges import Judge
from training.evaluation.material import DataSet
from training.evaluation.results import Outcome, Row
from training.evaluation.sentences import SentenceModel, sentence_folder


class Bench:
    """A model with the helpers of the tasks; what is dear is made when it is first asked for, and once."""

    def __init__(
        self, generator: Generator, *, judges: Sequence[Judge], sentence_model: Optional[Path] = None,
        resamples: int = 1000, seed: int = 0, training_pictures: int = TRAINING_PICTURES,
    ) -> None:
        self.asker, self.config, self.judges = Asker(generator), generator.model.config, judges
        self.resamples, self.seed = resamples, seed
        self._model, self._sentence_model, self._training = generator.model, sentence_model, training_pictures
        self._guesses: Dict[str, Mapping[str, Guess]] = {}

    @cached_property
    def sentences(self) -> SentenceModel:
        """The sentence-embedding model; raises ``NotMeasured`` where there is none."""
        return SentenceModel(sentence_folder(self._sentence_model))

    def guesses(self, data: DataSet) -> Mapping[str, Guess]:
        """What the pooled features say of a data set's targets; nothing where it has no training split."""
        if data.name not in self._guesses:
            training = data.training(self._training)
            learned = training is not None and len(training.targets) > 0
            self._guesses[data.name] = (
                Features(self._model, training).guesses(data, data.targets) if training and learned else {})
        return self._guesses[data.name]

    def row(self, name: str, data: DataSet, pictures: Sequence[int], figures: Mapping[str, Statistic]) -> Row:
        """A row of a table, item by item of ``pictures``, with intervals that draw whole places."""
        units, _ = data.units()
        bootstrap = Bootstrap([units[picture] for picture in pictures], self.resamples, self.seed)
        return Row(name, len(pictures), {key: bootstrap.interval(value) for key, value in figures.items()})


class Task(Protocol):
    """Asks a model about a data set and rates its answers beside those of the baselines."""

    name: str

    def measure(self, bench: Bench, data: DataSet) -> Outcome:
        """The result; raises ``NotMeasured`` with one sentence where the data or a package do not allow it."""
        ...


def missing_features(guesses: Mapping[str, Guess], data: DataSet) -> List[str]:
    """A note where there is nothing to learn the features' classes from."""
    return [] if guesses else [f"No baseline of pooled features: {data.name} has no training split here."]
