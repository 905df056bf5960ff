"""A decoder layer's step of one token in few parts: on a GPU each takes some microseconds, however small it is.

Of the layers of Llama's kind, which transformers computes in some seventy parts, mostly on a few kilobytes each. What
is computed is the same, but for the rounding in between.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Callable, Sequence, Tuple

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from core_model.network.shared_prefix import attention, merged

_LOG = logging.getLogger(__name__)
# Classes of transformers that differ in nothing that is looked at here; Qwen3 norms queries and keys.
_KINDS = ("LlamaDecoderLayer", "MistralDecoderLayer", "Qwen2DecoderLayer", "Qwen3DecoderLayer")
_ACTIVATIONS = ("silu", "swish")
DEVICES = ("cuda",)


@dataclass(frozen=True)
class Joined:
    """Linear layers that read the same, as one: their weights are parts of ``weight`` [Σ out, in]."""

    parts: Tuple[Any, ...]
    weight: Tensor
    bias: Tensor | None

    @property
    def holds(self) -> bool:
        """Whether the layers' weights are still those."""
        return bool(self.parts[0].weight.data_ptr() == self.weight.data_ptr())


def _turned(
    asked: Tensor, cosine: Tensor, sine: Tensor, keys: Tensor, values: Tensor, rows: Tensor, columns: Tensor
) -> Tensor:
    """Queries, keys and values ``asked`` [n, H + 2·H_kv, d] to the queries, turned by their positions [n, 1, d].

    Keys, turned too, and values are written into slots [slots, H_kv, capacity, d] at ``rows`` and ``columns`` [n, 1].
    """
    kept = keys.shape[1]
    both, half = asked[:, :-kept], asked.shape[-1] // 2
    turned = both * cosine
    turned[..., :half].addcmul_(both[..., half:], sine[..., :half], value=-1)
    turned[..., half:].addcmul_(both[..., :half], sine[..., half:])
    keys[rows, :, columns] = turned[:, -kept:].unsqueeze(1)
    values[rows, :, columns] = asked[:, -kept:].unsqueeze(1)
    return turned[:, :-kept]


def _gated(wide: Tensor) -> Tensor:
    """[n, 2·w], gates before what passes them, to [n, w]."""
    gate, passing = wide.chunk(2, dim=-1)
    return functional.silu(gate).mul_(passing)


def _normed(states: Tensor, _shape: Tuple[int, ...], weight: Tensor, epsilon: float) -> Tensor:
    """``functional.rms_norm`` in steps that a compiler may put together."""
    exact = states.float()
    exact = exact * torch.rsqrt(exact.square().mean(-1, keepdim=True) + epsilon)
    return weight * exact.to(states.dtype)


def _added(hidden: Tensor, states: Tensor, weight: Tensor) -> Tensor:
    """Hidden states [n, out] and a product of [n, in] and [out, in], over the hidden states."""
    return hidden.addmm_(states, weight.t())


def _row_product(row: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``functional.linear`` of one row [1, in] in steps that a compiler may put together."""
    found = (row * weight).sum(dim=-1).unsqueeze(0)
    return found if bias is None else found + bias


def _row_added(hidden: Tensor, row: Tensor, weight: Tensor) -> Tensor:
    """``_added`` of one row."""
    return hidden + _row_product(row, weight)


@dataclass(frozen=True)
class Parts:
    """What a step is made of beside attention."""

    normed: Callable[..., Tensor] = functional.rms_norm
    turned: Callable[..., Tensor] = _turned
    merged: Callable[..., Tensor] = merged
    gated: Callable[..., Tensor] = _gated
    product: Callable[..., Tensor] = functional.linear
    added: Callable[..., Tensor] = _added


@dataclass(frozen=True)
class _ByRows:
    """What is done with ``one`` row, and with more; the rows are the argument at ``place``."""

    one: Callable[..., Tensor]
    more: Callable[..., Tensor]
    place: int

    def __call__(self, *given: Any) -> Tensor:
        return (self.one if len(given[self.place]) == 1 else self.more)(*given)


def compiled_parts(device: torch.device) -> Parts:
    """The parts as one kernel each, by ``torch.compile``; the plain ones, and a warning, where that does not work.

    It needs Triton and a C compiler, and some seconds when a shape is new. For a single row its products read the
    weights faster than the libraries' do.
    """
    try:
        normed, turned, joined, gated, product, added = (torch.compile(part, fullgraph=True) for part in (
            _normed, _turned, merged, _gated, _row_product, _row_added))
        made = Parts(
            normed, turned, joined, gated, _ByRows(product, functional.linear, 0), _ByRows(added, _added, 1))
        made.gated(torch.ones(1, 16, device=device))
        return made
    except Exception as error:  # noqa: BLE001 (of a compiler and all that it calls; it is only about speed)
        _LOG.warning("steps cannot be compiled and are done without: %s", str(error).strip().partition("\n")[0])
        return Parts()


class OneStepLayer(nn.Module):
    """Mixed into a decoder layer's class by ``take_few_parts``; all but steps of one token is left to that class."""

    joined: Tuple[Joined, Joined]
    parts: Parts

    def forward(self, hidden_states: Tensor, **told: Any) -> Tensor:
        """Hidden states [n, L, hidden] to the same, as transformers calls its layers; steps write over them."""
        steps = hidden_states.shape[1] == 1 and hidden_states.device.type in DEVICES and told.get("reach") is not None
        if not steps or torch.is_grad_enabled() or not all(joined.holds for joined in self.joined):
            found: Tensor = super().forward(hidden_states, **told)
            return found
        hidden = self._attended(hidden_states.squeeze(1), **told)
        mlp: Any = self.mlp
        wide = self._product(hidden, self.post_attention_layernorm, self.joined[1])
        return self.parts.added(hidden, self.parts.gated(wide), mlp.down_proj.weight).unsqueeze(1)

    def _attended(
        self, hidden: Tensor, *, attention_mask: Tensor, position_embeddings: Tuple[Tensor, Tensor], reach: Any,
        **told: Any,
    ) -> Tensor:
        """Hidden states [n, hidden] and what attention adds to them."""
        own: Any = self.self_attn
        cache: Any = told.get("cache", told.get("past_key_values"))
        asked = self._product(hidden, self.input_layernorm, self.joined[0]).unflatten(1, (-1, own.head_dim))
        if hasattr(own, "q_norm"):
            heads, kept = (part.out_features // own.head_dim for part in (own.q_proj, own.k_proj))
            queries, keys, values = asked.split((heads, kept, kept), dim=1)
            asked = torch.cat([self._normed(queries, own.q_norm), self._normed(keys, own.k_norm), values], dim=1)
        keys, values, place = cache.slots(own.layer_idx)
        queries = self.parts.turned(asked, *position_embeddings, keys, values, place.rows, place.columns).unsqueeze(2)
        found, _ = attention(
            own, queries, keys, values, attention_mask, scaling=own.scaling, reach=reach, merge=self.parts.merged)
        return self.parts.added(hidden, found.reshape(len(hidden), -1), own.o_proj.weight)

    def _product(self, hidden: Tensor, norm: Any, joined: Joined) -> Tensor:
        return self.parts.product(self._normed(hidden, norm), joined.weight, joined.bias)

    def _normed(self, states: Tensor, norm: Any) -> Tensor:
        return self.parts.normed(states, (states.shape[-1],), norm.weight, norm.variance_epsilon)


def take_few_parts(language: Any, compiled: bool = False) -> None:
    """Let a model's layers be ``OneStepLayer`` where they are of a kind that is known, with the weights that they have.

    Weights that are multiplied with the same states come to lie one behind the other in memory.
    """
    if getattr(language.config, "hidden_act", "") not in _ACTIVATIONS:
        return
    parts = compiled_parts(language.device) if compiled else Parts()
    for layer in getattr(getattr(language, "model", None), "layers", ()):
        kind = type(layer)
        if kind.__name__ in _KINDS and not isinstance(layer, OneStepLayer) and _is_plain(layer):
            own, mlp = layer.self_attn, layer.mlp
            layer.joined = _join((own.q_proj, own.k_proj, own.v_proj)), _join((mlp.gate_proj, mlp.up_proj))
            layer.__class__ = type(kind.__name__, (OneStepLayer, kind), {})
        if isinstance(layer, OneStepLayer):
            layer.parts = parts


def _is_plain(layer: Any) -> bool:
    """Whether nothing was exchanged in the layer, such as by adapters, and no bias is where none is expected."""
    own, mlp = layer.self_attn, layer.mlp
    read, made = (own.q_proj, own.k_proj, own.v_proj, mlp.gate_proj, mlp.up_proj), (own.o_proj, mlp.down_proj)
    plain = all(isinstance(part, nn.Linear) and type(part.weight) is nn.Parameter for part in (*read, *made))
    return plain and all(part.bias is None for part in made)


def _join(parts: Sequence[Any]) -> Joined:
    whole = torch.cat([part.weight.detach() for part in parts])
    for part, weight in zip(parts, whole.split([part.out_features for part in parts])):
        part.weight = nn.Parameter(weight, requires_grad=part.weight.requires_grad)
    biases = [part.bias for part in parts]
    return Joined(tuple(parts), whole, None if biases[0] is None else torch.cat(biases).detach())
