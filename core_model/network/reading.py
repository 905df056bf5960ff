"""Passes of a language model over rows that each follow the prefix of a picture."""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass
from typing import Any, Tuple

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache

from core_model.errors import ModelError
from core_model.network.few_rows import multiply_few_rows_fast
from core_model.network.row_cache import Place, RowCache
from core_model.network.shared_prefix import NAME, FixedReach, Layers, Reach

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rows:
    """What is read: embeddings [n, L, hidden], their positions [n, L], and where they are written.

    ``mask`` [n, 1, L, S] is added to the scores of the rows' own S tokens; all of the prefix is seen.
    """

    inputs: Tensor
    positions: Tensor
    mask: Tensor
    place: Place


class Reader:
    """Reads rows with a language model whose attention is replaced where that is possible (see ``shared_prefix``)."""

    def __init__(self, language: Any) -> None:
        self.language = language
        multiply_few_rows_fast(language)
        # Later versions of transformers call it "cache", and warn where the older name is used.
        names = inspect.signature(type(language).forward).parameters
        self._cache_name = "cache" if "cache" in names else "past_key_values"
        self._copies = False
        if language.config._attn_implementation != NAME:
            self._copy()

    @property
    def copies(self) -> bool:
        """Whether this model's attention cannot share a prefix."""
        return self._copies

    def read(self, rows: Rows, cache: RowCache, reach: Reach | FixedReach, keep: int | Tensor = 0) -> Tensor:
        """Logits in float32 of ``keep`` tokens from the end, of those at the places it lists, or (0) of all."""
        cache.begin(rows.place)
        if not self._copies:
            logits = self._logits(rows, rows.mask, cache, keep, reach=reach)
            if reach.uses:
                return logits
            self._copy()
        cache.begin(rows.place, reach.pictures)
        prefix = rows.mask.new_zeros(*rows.mask.shape[:-1], cache.prefixes.length)
        return self._logits(rows, torch.cat([prefix, rows.mask], dim=-1), cache, keep)

    def prefixes(self, inputs: Tensor) -> Tuple[Layers, Layers]:
        """Embeddings of prefixes [T, P, hidden] to the keys and the values of every layer, [T, H_kv, P, d].

        Raises ``ModelError`` for a model with layers that have none.
        """
        cache: Any = DynamicCache()
        # One token's logits are the least that can be asked for; nothing is made of them.
        try:
            self.language(inputs_embeds=inputs, use_cache=True, logits_to_keep=1, **{self._cache_name: cache})
            keys, values = (tuple(getattr(layer, part) for layer in cache.layers) for part in ("keys", "values"))
        except (AttributeError, IndexError) as error:
            raise ModelError(
                f"{type(self.language).__name__} does not keep keys and values in every layer, which Aquila needs; "
                "choose a language model whose layers all have attention.") from error
        if not self._copies and any(key.shape != value.shape for key, value in zip(keys, values)):
            self._copy()  # what is kept is not what attention takes, as where it is compressed
        return keys, values

    def _copy(self) -> None:
        self._copies = True
        _LOG.warning(
            "the attention of %s cannot share a prefix; it gets a copy of it for every region, which is slower.",
            type(self.language).__name__)

    def _logits(self, rows: Rows, mask: Tensor, cache: RowCache, keep: int | Tensor, **more: Any) -> Tensor:
        output = self.language(
            inputs_embeds=rows.inputs, attention_mask=mask, position_ids=rows.positions, use_cache=True,
            logits_to_keep=keep, **{self._cache_name: cache}, **more)
        return output.logits.float()


def added_mask(hidden: Tensor, dtype: torch.dtype) -> Tensor:
    """What is not seen (True), as a mask that is added to scores."""
    mask = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device)
    return mask.masked_fill_(hidden, torch.finfo(dtype).min)
