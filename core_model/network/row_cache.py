"""Keys and values of rows that are written side by side, each row in a slot and as long as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Sequence, Tuple

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from core_model.network.shared_prefix import SharedPrefixes

_BLOCK = 32  # slots grow by so many tokens at a time


@dataclass(frozen=True)
class Place:
    """Where a pass writes: slots from ``first`` on, tokens ``columns`` [n, L] of each; ``used`` tokens are read."""

    first: int
    columns: Tensor
    used: int


class RowCache(Cache):
    """What a language model knows of rows beside their prefixes: per layer, ``slots`` of as many tokens as needed.

    ``place`` is set before each pass, ``copied`` where the model cannot attend to shared prefixes: then the prefix of
    each row's picture is copied in front of its own keys, in one layer at a time.
    """

    place: Place
    copied: Tuple[int, ...] = ()

    def __init__(self, slots: int, prefixes: SharedPrefixes) -> None:
        super().__init__(layer_class_to_replicate=self._layer)  # type: ignore[arg-type]
        self.slots, self.prefixes = slots, prefixes
        self._rows: List[_RowLayer] = []

    def _layer(self) -> _RowLayer:
        self._rows.append(_RowLayer(self, len(self._rows)))
        return self._rows[-1]

    def move(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Copy slots onto others."""
        for layer in self._rows:
            layer.keys[list(targets)] = layer.keys[list(sources)]
            layer.values[list(targets)] = layer.values[list(sources)]

    @property
    def bytes(self) -> int:
        """The memory of all slots."""
        held: List[Tensor] = [part for layer in self._rows for part in (layer.keys, layer.values)]
        return sum(part.numel() * part.element_size() for part in held)


class _RowLayer(DynamicLayer):
    """One layer: keys and values [slots, H_kv, capacity, d]."""

    keys: Tensor
    values: Tensor

    def __init__(self, cache: RowCache, number: int) -> None:
        super().__init__()
        self._cache, self._number = cache, number

    def update(self, key_states: Tensor, value_states: Tensor, *_args: Any, **_kwargs: Any) -> Tuple[Tensor, Tensor]:
        """Write [n, H_kv, L, d] at the cache's place and return all that these rows attend to of their own."""
        place = self._cache.place
        if not self.is_initialized:
            self.keys, self.values = self._grown(None, key_states), self._grown(None, value_states)
            self.is_initialized = True
        if place.used > self.keys.shape[2]:
            self.keys, self.values = self._grown(self.keys, key_states), self._grown(self.values, value_states)
        keys, values = self._written(self.keys, key_states), self._written(self.values, value_states)
        if self._cache.copied:
            shared = self._cache.prefixes.joined(self._cache.copied, self._number)
            return torch.cat([shared[0], keys], dim=2), torch.cat([shared[1], values], dim=2)
        return keys, values

    def _grown(self, held: Tensor | None, states: Tensor) -> Tensor:
        capacity = -(-self._cache.place.used // _BLOCK) * _BLOCK
        # Zeros: what lies in unused places is multiplied by a weight of zero, which no infinity survives.
        made = states.new_zeros(self._cache.slots, states.shape[1], capacity, states.shape[3])
        if held is not None:
            made[:, :, : held.shape[2]] = held
        return made

    def _written(self, held: Tensor, states: Tensor) -> Tensor:
        place = self._cache.place
        rows = held[place.first : place.first + states.shape[0]]
        columns = place.columns.to(states.device)
        row = torch.arange(states.shape[0], device=states.device).unsqueeze(1)
        rows[row, :, columns] = states.transpose(1, 2)  # the indexed dimensions come first: [n, L, H_kv, d]
        return rows[:, :, : place.used]
