"""What is asked of a generator and what it writes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import List, Sequence, Tuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core_model.errors import PromptError
from core_model.network.encoder import FeaturePyramid
from core_model.network.shared_prefix import KeyValues
from core_model.text.prompt import Turn


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen: greedily at temperature 0, else drawn from the top ``top_p`` of probability."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Request:
    """One text to write: the turns of a conversation about ``regions`` (numbers into ``View.regions``) of one picture.

    The last turn has no answer: it is the text. Earlier ones without an answer are answered on the way, the likeliest
    way, and the conversation goes on from there. ``key`` seeds sampling, so that a sampled text does not depend on
    what else is in the batch.
    """

    regions: Tuple[int, ...]
    turns: Tuple[Turn, ...]
    key: int = 0


@dataclass(frozen=True)
class Written:
    """A text with its tokens and their summed log-probability, and the answers written on the way to it.

    ``nearness`` is that of its regions, see ``View``.
    """

    text: str
    ids: Tuple[int, ...]
    log_probability: float
    earlier: Tuple[Written, ...] = ()
    nearness: float = 0.0

    @property
    def probability(self) -> float:
        """The probability of the whole text."""
        return math.exp(self.log_probability)

    @property
    def token_probability(self) -> float:
        """The geometric mean of the tokens' probabilities."""
        return math.exp(self.log_probability / max(1, len(self.ids)))


@dataclass(frozen=True)
class Prefix:
    """What one picture costs and no mask changes: its pyramid, and the language model's keys and values of its prefix.

    ``pyramid`` holds four maps [1, C_k, h_k, w_k]. Nothing shares memory with another picture's, so that a cache may
    drop one alone.
    """

    pyramid: FeaturePyramid
    read: KeyValues

    @property
    def bytes(self) -> int:
        """The memory it holds."""
        return self.read.bytes + sum(level.numel() * level.element_size() for level in self.pyramid)


def joined_pyramid(prefixes: Sequence[Prefix]) -> FeaturePyramid:
    """The maps of several pictures: four tensors [T, C_k, h_k, w_k]."""
    return tuple(torch.cat(levels) for levels in zip(*(prefix.pyramid for prefix in prefixes)))


@dataclass(frozen=True)
class View:
    """Pictures' prefixes, masks float32 [R, S, S] and the tokens of the regions [R, K, D] that these are of.

    Each region is in the picture ``image_index`` [R].
    ``nearness`` [R] tells how alike regions are to what the model learned from, in −1…1; 0 where it cannot tell.
    """

    prefixes: Tuple[Prefix, ...]
    masks: NDArray[np.float32]
    regions: Tensor
    image_index: Tuple[int, ...]
    nearness: Tuple[float, ...]

    @property
    def pyramid(self) -> FeaturePyramid:
        """The pictures' maps, joined: four tensors [T, C_k, h_k, w_k]."""
        return joined_pyramid(self.prefixes)

    def near(self, request: Request) -> float:
        """How alike the least familiar of a request's regions is to what the model learned from."""
        return min((self.nearness[number] for number in request.regions), default=0.0)

    def pictures(self, requests: Sequence[Request]) -> List[int]:
        """The picture of every request; raises ``PromptError`` where its regions are of several."""
        found = []
        for request in requests:
            owners = {self.image_index[number] for number in request.regions}
            if len(owners) != 1:
                raise PromptError("a prompt's regions must lie in one tile; ask about fewer or closer polygons.")
            found.append(owners.pop())
        return found
