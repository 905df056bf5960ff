"""Any Hugging Face causal language model, built from its configuration and fed with embeddings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Mapping, Tuple

import huggingface_hub.errors
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from core_model.errors import ModelError
from core_model.network.shared_prefix import use_shared_prefixes
from core_model.weights import load_weights

_ATTENTION = "sdpa"
# What wrong sizes in a configuration make the classes of transformers raise, its own errors among them.
_UNBUILT = (
    ValueError, LookupError, TypeError, ImportError, AttributeError, ArithmeticError, RuntimeError,
    getattr(huggingface_hub.errors, "StrictDataclassError", ValueError))  # older ones do not check
_DERIVED = ("rotary_emb.inv_freq",)  # older files store what the model computes itself


def build_language(huggingface: Mapping[str, Any]) -> Any:
    """An untrained causal LM from the fields of its ``config.json``.

    Nothing is downloaded and no code from a model folder runs. Raises ``ModelError`` for an unknown ``model_type``.
    """
    from transformers import AutoConfig, AutoModelForCausalLM  # noqa: PLC0415 (slow to import)

    left_out = ("architectures", "auto_map")
    fields: Dict[str, Any] = {key: value for key, value in huggingface.items() if key not in left_out}
    kind = fields.pop("model_type", None)
    if not kind:
        raise ModelError("the language model's config.json has no model_type; use a Hugging Face causal LM folder.")
    try:
        config = AutoConfig.for_model(kind, **fields)
        model = AutoModelForCausalLM.from_config(config, attn_implementation=_ATTENTION)
    except _UNBUILT as error:
        raise ModelError(f"no causal language model of type {kind!r} can be built: {error}") from error
    if getattr(config, "alibi", False):
        raise ModelError(f"the language model of type {kind!r} uses ALiBi, which Aquila cannot; choose another one.")
    use_shared_prefixes(model)
    return model


def round_rotary(model: nn.Module, dtype: torch.dtype) -> None:
    """Make a language model round the cosines and sines of its positions to ``dtype`` from now on."""
    def rounded(_module: nn.Module, _inputs: Any, tables: Tuple[Tensor, ...]) -> Tuple[Tensor, ...]:
        return tuple(table.to(dtype).to(table.dtype) for table in tables)

    for module in model.modules():
        if type(module).__name__.endswith("RotaryEmbedding"):
            module.register_forward_hook(rounded)


def load_language(folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    """A causal LM from a local Hugging Face folder: its ``config.json`` and its safetensors, sharded or not.

    Raises ``ModelError`` with one sentence where the folder lacks them or they do not fit each other.
    """
    model = build_language(language_fields(folder)).to(dtype)
    load_weights(model, folder, ignored=_DERIVED)
    return model


def language_fields(folder: Path) -> Dict[str, Any]:
    """The ``config.json`` of a Hugging Face folder, as ``LanguageConfig.huggingface`` holds it."""
    path = folder / "config.json"
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}); choose a Hugging Face model folder.") from error
    if not isinstance(fields, dict):
        raise ModelError(f"{path} holds no configuration; choose a Hugging Face model folder.")
    return fields


def packed_mask(parents: Tensor, dtype: torch.dtype) -> Tensor:
    """Additive attention mask [B, 1, L, L] for rows that hold trees of tokens.

    ``parents`` [B, L] gives the position before each token in its own text, always an earlier one; −1 starts a text
    (and marks padding). A token sees itself, its parent and all that its parent sees.
    """
    rows, length = parents.shape
    everyone = torch.arange(rows, device=parents.device).unsqueeze(1)
    # All tokens at once, each round twice as far: a loop over the tokens would start thousands of parts on a GPU. The
    # place behind the last one stands for what comes before a text: it sees nothing, and nothing comes before it.
    ahead = functional.pad(parents.masked_fill(parents < 0, length), (0, 1), value=length)
    seen = torch.eye(length + 1, dtype=torch.bool, device=parents.device).repeat(rows, 1, 1)
    seen[:, length] = False
    while bool((ahead < length).any()):
        seen |= seen[everyone, ahead]
        ahead = ahead[everyone, ahead]
    allowed = seen[:, :length, :length]
    mask = torch.zeros(allowed.shape, dtype=dtype, device=parents.device)
    return mask.masked_fill(~allowed, torch.finfo(dtype).min).unsqueeze(1)
