"""Keys and values of rows that are written side by side, each row in a slot and as long as it is."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import Any, List, Sequence, Tuple

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from core_model.network.shared_prefix import SharedPrefixes

BLOCK = 32  # slots grow by so many tokens at a time


@dataclass(frozen=True)
class Place:
    """Where a pass writes: slots from ``first`` on, tokens ``columns`` [n, L] of each; ``used`` tokens are read."""

    first: int
    columns: Tensor
    used: int

    @functools.cached_property
    def rows(self) -> Tensor:
        """The numbers of the slots from ``first`` on, [n, 1]: all layers write there."""
        return torch.arange(len(self.columns), device=self.columns.device).unsqueeze(1)


@dataclass
class _Pass:
    """What every layer is told of the pass under way; ``copied`` are the rows' pictures where prefixes are copied."""

    slots: int
    block: int
    prefixes: SharedPrefixes
    place: Place | None = None
    copied: Tuple[int, ...] = ()


class RowCache(Cache):
    """What a language model knows of rows beside their prefixes: per layer, ``slots`` of as many tokens as needed.

    They grow by ``block`` tokens at a time, and lie elsewhere then.

    It goes with its last user: layers that knew their cache would stay, some 30 MB of a batch, until Python looks for
    circles, which it does the more seldom the more objects there are.
    """

    def __init__(self, slots: int, prefixes: SharedPrefixes, block: int = BLOCK) -> None:
        self._pass = told = _Pass(slots, block, prefixes)
        numbers = itertools.count()
        super().__init__(layer_class_to_replicate=lambda: _RowLayer(told, next(numbers)))  # type: ignore[arg-type]

    @property
    def prefixes(self) -> SharedPrefixes:
        """The prefixes that the rows follow."""
        return self._pass.prefixes

    def begin(self, place: Place, copied: Tuple[int, ...] = ()) -> None:
        """Say where the next pass writes.

        ``copied`` is for models that cannot attend to shared prefixes: the prefix of each row's picture is then copied
        in front of its own keys, in one layer at a time.
        """
        self._pass.place, self._pass.copied = place, copied

    @property
    def capacity(self) -> int:
        """How many tokens a slot has room for; zero before the first pass."""
        held = self._held()
        return int(held[0].shape[2]) if held else 0

    def reserve(self, tokens: int) -> None:
        """Make room for so many tokens in every slot."""
        layers: List[Any] = self.layers
        for layer in layers:
            layer.reserve(tokens)

    def move(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Copy slots onto others."""
        for held in self._held():
            held[list(targets)] = held[list(sources)]

    @property
    def bytes(self) -> int:
        """The memory of all slots."""
        return sum(held.numel() * held.element_size() for held in self._held())

    def _held(self) -> List[Tensor]:
        layers: List[Any] = self.layers
        return [part for layer in layers for part in (layer.keys, layer.values)]


class _RowLayer(DynamicLayer):
    """One layer: keys and values [slots, H_kv, capacity, d]."""

    keys: Tensor
    values: Tensor

    def __init__(self, told: _Pass, number: int) -> None:
        super().__init__()
        self._told, self._number = told, number

    def update(self, key_states: Tensor, value_states: Tensor, *_args: Any, **_kwargs: Any) -> Tuple[Tensor, Tensor]:
        """Write [n, H_kv, L, d] at the pass's place and return all that these rows attend to of their own."""
        told, place = self._told, self._told.place
        if place is None:
            raise ValueError("a pass through a RowCache starts with begin()")
        if not self.is_initialized:
            self.keys, self.values = (
                states.new_zeros(told.slots, states.shape[1], 0, states.shape[3])
                for states in (key_states, value_states))
            self.is_initialized = True
        self.reserve(place.used)
        keys, values = _written(self.keys, key_states, place), _written(self.values, value_states, place)
        if told.copied:
            shared = told.prefixes.joined(told.copied, self._number)
            return torch.cat([shared[0], keys], dim=2), torch.cat([shared[1], values], dim=2)
        return keys, values

    def reserve(self, tokens: int) -> None:
        """Make room for so many tokens in every slot."""
        if tokens > self.keys.shape[2]:
            self.keys, self.values = self._grown(self.keys, tokens), self._grown(self.values, tokens)

    def _grown(self, held: Tensor, tokens: int) -> Tensor:
        capacity = -(-tokens // self._told.block) * self._told.block
        # Zeros: what lies in unused places is multiplied by a weight of zero, which no infinity survives.
        made = held.new_zeros(held.shape[0], held.shape[1], capacity, held.shape[3])
        made[:, :, : held.shape[2]] = held
        return made


def _written(held: Tensor, states: Tensor, place: Place) -> Tensor:
    """Write [n, H_kv, L, d] into slots [slots, H_kv, capacity, d]; what is used of the rows written to."""
    rows, device = held[place.first : place.first + states.shape[0]], states.device
    # The indexed dimensions come first: [n, L, H_kv, d].
    rows[place.rows.to(device), :, place.columns.to(device)] = states.transpose(1, 2)
    return rows[:, :, : place.used]
