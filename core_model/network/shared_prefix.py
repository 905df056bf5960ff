"""Attention of many rows to prefixes that they share, each prefix lying in memory once.

A row's keys are those of its picture's prefix, then its own. The two parts are attended to apart: all rows of a
picture in one multiplication with the prefix, every row with its own keys; the logarithms of both sums of exponentials
say how much each part weighs in the softmax over all (as in Hydragen, arXiv 2402.05099). Models come to it
through ``transformers.AttentionInterface``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Sequence, Tuple

import torch
from torch import Tensor, nn

NAME = "aquila_shared_prefix"
# Prefixes of few bytes are stacked, so that one multiplication serves them all; others stay where they are.
_STACKED_BYTES = 8 * 1024**2
# A picture with so many rows has a multiplication of its own: in a stack, all others would be padded to as many.
_ALONE_ROWS = 8
# What the attention kernels of a GPU ask of a head's width, and of a mask's.
_ALIGNED, _WIDEST_HEAD = 8, 256

Layers = Tuple[Tensor, ...]


@dataclass(frozen=True)
class KeyValues:
    """The language model's keys and values of one picture's prefix: a tensor [H_kv, P, d] for every layer."""

    keys: Layers
    values: Layers

    @property
    def bytes(self) -> int:
        """The memory they hold."""
        return sum(part.numel() * part.element_size() for part in (*self.keys, *self.values))


@dataclass(frozen=True)
class _Stack:
    """Prefixes of one multiplication: tensors [T, H_kv, P, d] for every layer, and the pictures they are of."""

    keys: Layers
    values: Layers
    pictures: Tuple[int, ...]


class SharedPrefixes:
    """The prefixes of a view's pictures, laid out for attention."""

    def __init__(self, prefixes: Sequence[KeyValues]) -> None:
        self._prefixes = prefixes
        small = [number for number, prefix in enumerate(prefixes) if prefix.bytes <= _STACKED_BYTES]
        self._stack = self._stacked(small) if len(small) > 1 else None
        stacked = self._stack.pictures if self._stack is not None else ()
        self._order = (*stacked, *(number for number in range(len(prefixes)) if number not in stacked))

    @property
    def length(self) -> int:
        """How many tokens a prefix has."""
        return int(self._prefixes[0].keys[0].shape[-2])

    def reach(self, pictures: Sequence[int]) -> Reach:
        """What rows about ``pictures`` attend to."""
        rows: Dict[int, List[int]] = {}
        for row, picture in enumerate(pictures):
            rows.setdefault(picture, []).append(row)
        stacked = self._stack.pictures if self._stack is not None else ()
        few = [picture for picture in rows if picture in stacked and len(rows[picture]) < _ALONE_ROWS]
        parts = [(self._alone(picture), [rows[picture]]) for picture in rows if picture not in few]
        if self._stack is not None and few:
            parts.append((self._stack, [rows.get(picture, []) if picture in few else [] for picture in stacked]))
        return Reach(parts, pictures)

    def place_of(self, picture: int) -> int:
        """Where ``fixed_reach`` has a picture."""
        return self._order.index(picture)

    def fixed_reach(self, places: Tensor) -> FixedReach:
        """What rows attend to whose pictures' ``places`` [n] are told anew before every pass."""
        stacks = [self._stack] if self._stack is not None else []
        stacked = sum(len(stack.pictures) for stack in stacks)
        return FixedReach([*stacks, *map(self._alone, self._order[stacked:])], places)

    def joined(self, pictures: Sequence[int], layer: int) -> Tuple[Tensor, Tensor]:
        """One layer's keys and values of ``pictures``, copied for every row: two tensors [n, H_kv, P, d]."""
        chosen = [self._prefixes[picture] for picture in pictures]
        return torch.stack([one.keys[layer] for one in chosen]), torch.stack([one.values[layer] for one in chosen])

    def _alone(self, picture: int) -> _Stack:
        prefix = self._prefixes[picture]
        return _Stack(
            tuple(key.unsqueeze(0) for key in prefix.keys), tuple(value.unsqueeze(0) for value in prefix.values),
            (picture,))

    def _stacked(self, pictures: Sequence[int]) -> _Stack:
        chosen = [self._prefixes[picture] for picture in pictures]
        keys, values = (
            tuple(torch.stack(layer) for layer in zip(*(getattr(one, name) for one in chosen)))
            for name in ("keys", "values"))
        return _Stack(keys, values, tuple(pictures))


class Reach:
    """Which of the pictures' prefixes each row of a batch attends to, and the way of its queries there and back.

    ``uses`` counts the calls: it stays zero where a model's attention cannot be replaced.
    """

    def __init__(self, parts: Sequence[Tuple[_Stack, List[List[int]]]], pictures: Sequence[int]) -> None:
        self.pictures = tuple(pictures)
        self.uses = 0
        self._parts = []
        # Of every row: where its picture's rows begin, how many places these have, and its own among them.
        self._places = [(0, 0, 0)] * len(pictures)
        self._ways: Dict[Tuple[int, torch.device], Tuple[List[Tensor], Tensor]] = {}
        start = 0
        for stack, owned in parts:
            most = max(len(own) for own in owned)
            for own in owned:
                for place, row in enumerate(own):
                    self._places[row] = start, most, place
                start += most
            self._parts.append((stack, [own + [0] * (most - len(own)) for own in owned]))

    def attend(self, queries: Tensor, layer: int, scale: float) -> Tuple[Tensor, Tensor]:
        """Queries [n, H_kv, M, d] to the rows' prefixes: [n, H_kv, M, d], logarithms of the sums [n, H_kv, M]."""
        self.uses += 1
        rows, heads, folded, width = queries.shape
        there, back = self._indices(heads, queries.device)
        flat = queries.reshape(rows * heads, folded, width)
        values, logs = [], []
        for (stack, owned), index in zip(self._parts, there):
            asked = flat.index_select(0, index).view(len(owned), heads, -1, width)
            value, log = attend(asked, stack.keys[layer], stack.values[layer], None, scale)
            values.append(value.reshape(-1, folded, value.shape[-1]))
            logs.append(log.reshape(-1, folded))
        value = _one(values).index_select(0, back).view(rows, heads, folded, -1)
        return value, _one(logs).index_select(0, back).view(rows, heads, folded)

    def _indices(self, heads: int, device: torch.device) -> Tuple[List[Tensor], Tensor]:
        """Indices into [row, head] for every part's [picture, head, row], and into those for [row, head]."""
        key = heads, device
        if key not in self._ways:
            head = torch.arange(heads)
            owned = [torch.tensor(rows).unsqueeze(1) for _, rows in self._parts]  # [T, 1, R]
            there = [(rows * heads + head.view(1, -1, 1)).flatten().to(device) for rows in owned]
            start, most, place = (column.unsqueeze(1) for column in torch.tensor(self._places).unbind(1))
            self._ways[key] = there, (start * heads + head * most + place).flatten().to(device)
        return self._ways[key]


class FixedReach:
    """A ``Reach`` that is the same work for any rows: each asks every picture, and takes the answer of its own.

    What is asked in vain costs little where a pass waits for its weights. ``places`` [n] may change between passes.
    """

    pictures: Tuple[int, ...] = ()

    def __init__(self, stacks: Sequence[_Stack], places: Tensor) -> None:
        self.uses = 0
        self._stacks, self._places = stacks, places

    def attend(self, queries: Tensor, layer: int, scale: float) -> Tuple[Tensor, Tensor]:
        """As ``Reach.attend``."""
        self.uses += 1
        rows, heads, folded, width = queries.shape
        asked = queries.transpose(0, 1).reshape(1, heads, rows * folded, width)
        values, logs = [], []
        for stack in self._stacks:
            everywhere = asked.expand(len(stack.pictures), -1, -1, -1)
            value, log = attend(everywhere, stack.keys[layer], stack.values[layer], None, scale)
            values.append(value.unflatten(2, (rows, folded)))
            logs.append(log.unflatten(2, (rows, folded)))
        found, log = _one(values), _one(logs)
        if len(found) == 1:  # nothing to choose from
            return found[0].transpose(0, 1), log[0].transpose(0, 1)
        row = torch.arange(rows, device=queries.device)
        return found[self._places, :, row], log[self._places, :, row]


def attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, scale: float) -> Tuple[Tensor, Tensor]:
    """Attention [B, H, M, d] and, in float32, the logarithm of every query's sum of exponentials [B, H, M].

    ``mask`` [B, 1, M, N] is added to the scores.
    """
    if queries.device.type == "cpu" and keys.shape[-1] == values.shape[-1]:
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            queries, keys, values, 0.0, False, attn_mask=mask, scale=scale)
    if _has_kernel(queries, keys, values, mask):
        return _attend_at_once(queries, keys, values, mask, scale)
    return attend_plainly(queries, keys, values, mask, scale)


def _has_kernel(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> bool:
    """Whether a GPU has kernels that do all of it, for what is not learned from."""
    width = keys.shape[-1]
    fits = width == values.shape[-1] and width % _ALIGNED == 0 and width <= _WIDEST_HEAD
    aligned = mask is None or mask.shape[-1] % _ALIGNED == 0
    return fits and aligned and not torch.is_grad_enabled() and _is_recent_gpu(queries.device)


@functools.cache
def _is_recent_gpu(device: torch.device) -> bool:
    recent = device.type == "cuda" and torch.version.hip is None and torch.cuda.get_device_capability(device) >= (8, 0)
    return recent and torch.backends.cuda.is_flash_attention_available()


def _attend_at_once(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, scale: float
) -> Tuple[Tensor, Tensor]:
    """``attend`` in one kernel or two."""
    if mask is None and queries.dtype != torch.float32:
        value, log = torch.ops.aten._scaled_dot_product_flash_attention(
            queries, keys, values, 0.0, False, False, scale=scale)[:2]
        return value, log
    added = None if mask is None else mask.expand(-1, *queries.shape[1:3], -1)
    value, log = torch.ops.aten._scaled_dot_product_efficient_attention(
        queries, keys, values, added, True, 0.0, False, scale=scale)[:2]
    return value, log[..., : queries.shape[2]]  # the kernel pads them


def attend_plainly(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, scale: float
) -> Tuple[Tensor, Tensor]:
    """``attend`` in steps that every device knows."""
    scores = (queries * scale) @ keys.transpose(-1, -2)
    if mask is not None:
        scores = scores + mask
    logs = scores.float().logsumexp(dim=-1)
    return (scores.float() - logs.unsqueeze(-1)).exp().to(values.dtype) @ values, logs


def attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None,
    scaling: float | None = None, reach: Reach | FixedReach | None = None, **others: Any,
) -> Tuple[Tensor, None]:
    """The function that models call: query [n, H, L, d]; key and value [n, H_kv, S, d] are the rows' own."""
    if reach is None:
        return _standard()(module, query, key, value, attention_mask, scaling=scaling, **others)
    rows, heads, length, width = query.shape
    groups = heads // key.shape[1]
    scale = width**-0.5 if scaling is None else scaling
    folded = query.reshape(rows, key.shape[1], groups * length, width)
    if attention_mask is not None and length > 1 and groups > 1:
        attention_mask = attention_mask.repeat(1, 1, groups, 1)
    own, own_log = attend(folded, key, value, attention_mask, scale)
    shared, shared_log = reach.attend(folded, module.layer_idx, scale)
    share = torch.sigmoid(shared_log - own_log).to(own.dtype).unsqueeze(-1)
    merged = torch.lerp(own, shared, share).reshape(rows, heads, length, -1)
    return merged.transpose(1, 2).contiguous(), None


def _standard() -> Callable[..., Tuple[Tensor, None]]:
    from transformers.integrations.sdpa_attention import sdpa_attention_forward  # noqa: PLC0415 (slow to import)

    return sdpa_attention_forward


def use_shared_prefixes(language: nn.Module) -> None:
    """Let a Hugging Face causal LM attend to shared prefixes where its class allows it.

    Its passes without a ``Reach`` stay what they were. No mask is made for it from a sliding window or a padding mask
    (a four-dimensional one is taken as it is): as in training, a token sees all before it.
    """
    from transformers import AttentionInterface  # noqa: PLC0415 (slow to import)

    AttentionInterface.register(NAME, attention)
    if language.is_backend_compatible():  # type: ignore[operator]
        language.set_attn_implementation(NAME)  # type: ignore[operator]


def _one(parts: List[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)
