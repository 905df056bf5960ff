"""A decoder layer's step of one token in few parts: on a GPU each takes some microseconds, however small it is.

Of the layers of Llama's kind, which transformers computes in some seventy parts, mostly on a few kilobytes each. What
is computed is the same, but for the rounding in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence, Tuple

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from core_model.network.shared_prefix import attention

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

    def __call__(self, states: Tensor) -> Tensor:
        """[…, in] to […, Σ out]."""
        return functional.linear(states, self.weight, self.bias)

    @property
    def holds(self) -> bool:
        """Whether the layers' weights are still those."""
        return bool(self.parts[0].weight.data_ptr() == self.weight.data_ptr())


class OneStepLayer(nn.Module):
    """Mixed into a decoder layer's class by ``take_few_parts``; all but steps of one token is left to that class."""

    joined: Tuple[Joined, Joined]

    def forward(self, hidden_states: Tensor, **told: Any) -> Tensor:
        """Hidden states [n, L, hidden] to the same, as transformers calls its layers; steps write over them."""
        steps = hidden_states.shape[1] == 1 and hidden_states.device.type in DEVICES and told.get("reach") is not None
        if not steps or torch.is_grad_enabled() or not all(joined.holds for joined in self.joined):
            found: Tensor = super().forward(hidden_states, **told)
            return found
        hidden = self._attended(hidden_states.squeeze(1), **told)
        mlp: Any = self.mlp
        gate, passing = self.joined[1](_normed(hidden, self.post_attention_layernorm)).chunk(2, dim=-1)
        return hidden.addmm_(functional.silu(gate).mul_(passing), mlp.down_proj.weight.t()).unsqueeze(1)

    def _attended(
        self, hidden: Tensor, *, attention_mask: Tensor, position_embeddings: Tuple[Tensor, Tensor], reach: Any,
        **told: Any,
    ) -> Tensor:
        """Hidden states [n, hidden] and what attention adds to them."""
        own: Any = self.self_attn
        cache: Any = told.get("cache", told.get("past_key_values"))
        asked = self.joined[0](_normed(hidden, self.input_layernorm)).unflatten(1, (-1, own.head_dim))
        heads, kept = (part.out_features // own.head_dim for part in (own.q_proj, own.k_proj))
        both, values = asked.split((heads + kept, kept), dim=1)
        if hasattr(own, "q_norm"):
            queries, keys = both.split((heads, kept), dim=1)
            both = torch.cat([_normed(queries, own.q_norm), _normed(keys, own.k_norm)], dim=1)
        queries, keys = _turned(both, *position_embeddings).unsqueeze(2).split((heads, kept), dim=1)
        keys, values = cache.update(keys, values.unsqueeze(2), own.layer_idx)
        found, _ = attention(own, queries, keys, values, attention_mask, scaling=own.scaling, reach=reach)
        return hidden.addmm_(found.reshape(len(hidden), -1), own.o_proj.weight.t())


def _turned(states: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """States [n, heads, d] turned by their rotary positions [n, 1, d], in three parts."""
    turned, half = states * cosine, states.shape[-1] // 2
    turned[..., :half].addcmul_(states[..., half:], sine[..., :half], value=-1)
    turned[..., half:].addcmul_(states[..., :half], sine[..., half:])
    return turned


def _normed(states: Tensor, norm: Any) -> Tensor:
    return functional.rms_norm(states, (states.shape[-1],), norm.weight, norm.variance_epsilon)


def take_few_parts(language: Any) -> None:
    """Let a model's layers be ``OneStepLayer`` where they are of a kind that is known, with the weights that they have.

    Weights that are multiplied with the same states come to lie one behind the other in memory.
    """
    if getattr(language.config, "hidden_act", "") not in _ACTIVATIONS:
        return
    for layer in getattr(getattr(language, "model", None), "layers", ()):
        kind = type(layer)
        if kind.__name__ in _KINDS and not isinstance(layer, OneStepLayer) and _is_plain(layer):
            own, mlp = layer.self_attn, layer.mlp
            layer.joined = _join((own.q_proj, own.k_proj, own.v_proj)), _join((mlp.gate_proj, mlp.up_proj))
            layer.__class__ = type(kind.__name__, (OneStepLayer, kind), {})


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
