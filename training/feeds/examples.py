"""Examples: one picture with all that is said about it, packed into one row; and how they become a batch.

Example number n of a training depends on the seed and n alone, and step s learns from examples s·B … (s + 1)·B − 1. So
a run goes on after a stop as if it had not been stopped, and several processes share the steps of one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Callable, Dict, Generic, List, Mapping, Protocol, Sequence, Tuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from core_model.compat import ensure_torchvision
from core_model.network.aquila import Conversations, PackedRow, Sight, collate_packed, pack
from core_model.network.extractor import Measured
from core_model.text.prompt import IGNORED_LABEL, PromptBuilder, TokenSequence
from training.errors import TrainingError

About_co = TypeVar("About_co", covariant=True)
About = TypeVar("About")
# What is shown of a picture, by name: "image" uint8 [S, S, 3] and "masks" bool [R, S, S]; or what a frozen encoder made
# of them: "cells" [N, C], "level0" … [R, 1 + context tokens, C_k] and "small" [R, side²].
Sights = Dict[str, Tensor]
_OF_PICTURE = ("image", "cells")
LEVELS = tuple(f"level{number}" for number in range(4))


class Source(Protocol[About_co]):
    """A sequence of pictures: what texts about each are made of, and what is shown of it."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int) -> Tuple[About_co, Sights]: ...


@dataclass(frozen=True)
class Example:
    """A packed row and its picture, with the ``regions`` regions that the row names."""

    row: PackedRow
    regions: int
    sight: Sights


class Order:
    """Which picture each example of a training shows: all once before any comes again.

    Batches hold pictures of nearly the same length, so that little is padding.
    """

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        if not len(lengths):
            raise TrainingError("there is no picture to train on; look whether the data has a split 'train'.")
        self._lengths, self._batch, self._seed = list(lengths), batch, seed
        # A last batch that is not full would mix lengths; which pictures are left out changes from round to round.
        self.pictures = max(len(lengths) // batch * batch, min(batch, len(lengths)))
        self._round = lru_cache(maxsize=2)(self._shuffled)

    def __getitem__(self, example: int) -> int:
        turn, place = divmod(example, self.pictures)
        return int(self._round(turn)[place])

    def __reduce__(self) -> Tuple[Any, ...]:
        return Order, (self._lengths, self._batch, self._seed)

    def _shuffled(self, turn: int) -> NDArray[np.int64]:
        ensure_torchvision()
        from transformers.trainer_pt_utils import get_length_grouped_indices  # noqa: PLC0415 (slow to import)

        rng = np.random.default_rng((self._seed, turn, 3))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        grouped = np.array(get_length_grouped_indices(self._lengths, self._batch, generator=generator))
        if self.pictures < self._batch:
            return grouped
        batches = grouped[: self.pictures].reshape(-1, self._batch)
        return np.asarray(batches[rng.permutation(len(batches))].ravel())


class Examples(Dataset, Generic[About]):
    """Examples 0 … ``count`` − 1 of a training; ``speak`` writes the texts about a picture, its regions by number."""

    def __init__(
        self, source: Source[About], speak: Callable[[np.random.Generator, About], List[TokenSequence]],
        builder: PromptBuilder, order: Order, *, count: int, seed: int,
    ) -> None:
        self.source, self.speak, self.builder, self.order = source, speak, builder, order
        self.count, self.seed = count, seed

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Example:
        about, sight = self.source[self.order[number]]
        texts = self.speak(np.random.default_rng((self.seed, number, 2)), about)
        named = sorted({region for text in texts for region in text.regions})
        places = {region: place for place, region in enumerate(named)}
        texts = [replace(text, regions=[places[region] for region in text.regions]) for text in texts]
        row = pack(self.builder.prefix(), texts, self.builder.tokens_per_region)
        kept = {name: value if name in _OF_PICTURE else value[named] for name, value in sight.items()}
        return Example(row, len(named), kept)


def collate(examples: Sequence[Example]) -> Dict[str, Tensor]:
    """A batch: the tensors of ``Conversations``, what is shown, and ``counts`` [1], how many tokens are learned."""
    batch = dict(collate_packed([example.row for example in examples]))
    regions = [example.regions for example in examples]
    first = np.cumsum([0, *regions])
    order = [int(start) + region for start, example in zip(first, examples) for region in example.row.regions]
    batch["region_index"] = torch.tensor(order, dtype=torch.long)
    batch["image_index"] = torch.repeat_interleave(torch.tensor(regions))
    for name in examples[0].sight:
        join = torch.stack if name in _OF_PICTURE else torch.cat
        batch[name] = join([example.sight[name] for example in examples])
    # A whole number: FSDP2 rounds the others to 16 bits on their way in.
    batch["counts"] = (batch["labels"] != IGNORED_LABEL).sum().reshape(1)
    return batch


def conversations(batch: Mapping[str, Tensor]) -> Conversations:
    """The packed rows of a batch."""
    return Conversations(**{name: batch[name] for name in ("ids", "labels", "positions", "parents", "region_index")})


def kept_sight(batch: Mapping[str, Tensor]) -> Sight:
    """What a frozen encoder saw, as the trained parts read it."""
    levels = tuple(batch[name].float() for name in LEVELS)
    return Sight(batch["cells"].float(), Measured(levels, batch["small"].float() / 255))
