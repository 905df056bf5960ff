"""What is asked about: data sets of pictures with labelled regions, whatever they were read from."""

from __future__ import annotations

import abc
from collections import Counter
from dataclasses import dataclass
from typing import FrozenSet, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from core_model.errors import AquilaError
from core_model.form import Form
from core_model.network.encoder import STRIDES
from training.data.facts import RegionFacts
from training.data.phrases import Turn

Pixels = NDArray[np.uint8]
FEWEST_PLACES = 10


class NotMeasured(AquilaError):  # noqa: N818 (a task that does not fit the data is no error of a run over all tasks)
    """What cannot be measured, and what it would take, in one sentence."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture as a model is shown it: uint8 [S, S, 3], masks bool [R, S, S], GSD and areas in metres, forms."""

    image: Pixels
    masks: NDArray[np.bool_]
    gsd: float
    areas: Tuple[float, ...]
    forms: Tuple[Form, ...]


@dataclass(frozen=True)
class Target:
    """A labelled region: where it is, what it is, and its pixels in the data set's picture and in the shown one."""

    picture: int
    region: int
    label: str
    pixels: int
    shown_pixels: float

    @property
    def cells(self) -> float:
        """How many cells of the encoder's coarsest level it covers."""
        return self.shown_pixels / STRIDES[-1] ** 2


@dataclass(frozen=True)
class Spoken:
    """A question about regions of a picture (none: all of it), with its right answers, often just one."""

    picture: int
    turn: Turn
    references: Tuple[str, ...]


class DataSet(abc.ABC):
    """Pictures with regions; ``labels`` are all its classes, ``places`` the ground that each picture shows."""

    name: str
    labels: Tuple[str, ...]
    targets: List[Target]
    places: List[str]

    @abc.abstractmethod
    def shown(self, picture: int) -> Shown:
        """A picture with its regions."""

    @abc.abstractmethod
    def present(self, picture: int) -> Optional[FrozenSet[str]]:
        """The classes that are in a picture; None where too little of it is labelled to tell."""

    @abc.abstractmethod
    def training(self, most: int) -> Optional[DataSet]:
        """At most so many pictures of the training split; None where there are none."""

    @abc.abstractmethod
    def captions(self) -> List[Spoken]:
        """What the regions are described as, with one text or several as references."""

    @abc.abstractmethod
    def reasoning(self) -> List[Spoken]:
        """Questions that take more than a description to answer."""

    def facts(self, picture: int) -> Optional[Sequence[RegionFacts]]:  # noqa: ARG002 (few data sets have them)
        """What pixels and masks say of a picture's regions; None where that is not known."""
        return None

    def may_hold(self, label: str, truth: str) -> bool:
        """Whether a label may be true of a region of another class."""
        return label == truth

    def units(self) -> Tuple[List[str], str]:
        """What each picture belongs to when resampling, and what these are called.

        Regions of a place are no independent samples, so places are drawn; where there are fewer than
        ``FEWEST_PLACES``, pictures are.
        """
        count = len(set(self.places))
        if count >= FEWEST_PLACES:
            return self.places, f"{count} places"
        return [str(number) for number in range(len(self.places))], f"{len(self.places)} pictures ({count} place(s))"

    def require_targets(self) -> List[Target]:
        """The labelled regions; raises ``NotMeasured`` where there are none, or of one class only."""
        if not self.targets:
            raise NotMeasured(f"{self.name} has no labelled region in this split; give regions a label.")
        if len(self.labels) < 2:
            raise NotMeasured(f"{self.name} has one class only, {self.labels[0]!r}: there is nothing to tell apart.")
        return self.targets


def most_frequent(texts: Sequence[str]) -> str:
    """The commonest text, the first of equals."""
    return Counter(texts).most_common(1)[0][0]
