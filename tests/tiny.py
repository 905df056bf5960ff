"""Tiny untrained models, small enough to build in every test session."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Sequence

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from core_model.checkpoint import LoadedModel, save_model
from core_model.config import AquilaConfig, EncoderConfig, ExtractorConfig, LanguageConfig
from core_model.generation import Generator, Written
from core_model.network.aquila import Aquila
from core_model.text.tokenizer import JsonTokenizer

PROMPTS = {
    "category": "What is <region>?",
    "phrase": "Name <region>.",
    "description": "Describe <region>.",
    "detailed": "Describe <region> in detail.",
}
CONTEXT = "GSD {gsd} m, area {area} m2. "
LABEL_PROMPT = "Choose from: {labels}. What is <region>?"
SENTENCES = ["what is this forest field", "describe the region", "GSD 0.6 m, area 120 m2."]
LLAMA = {
    "model_type": "llama", "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False,
    "initializer_range": 0.4,  # wide enough that the untrained texts differ from region to region
}


def tiny_tokenizer(specials: Sequence[str] = ()) -> JsonTokenizer:
    """A byte-level tokenizer of some 300 tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<s>", "</s>", *specials], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(SENTENCES * 5, trainer)
    return JsonTokenizer(tokenizer.to_str(), {"bos_token": "<s>", "eos_token": "</s>"})


def tiny_config(vocabulary: int, **changes: Any) -> AquilaConfig:
    """The configuration of a tiny model; ``changes`` replace fields of ``AquilaConfig``."""
    fields: dict[str, Any] = {
        "encoder": EncoderConfig(vision={"timm_model_name": "convnext_atto_ols"}, image_size=64),
        "extractor": ExtractorConfig(width=32, spatial_size=16, spatial_width=32, context_tokens=1),
        "language": LanguageConfig(huggingface={**LLAMA, "vocab_size": vocabulary}, template="nano"),
        "image_level": 2, "max_new_tokens": 12, "name": "tiny", "prompts": PROMPTS, "context": CONTEXT,
        "label_prompt": LABEL_PROMPT,
    }
    return AquilaConfig(**{**fields, **changes})


def tiny_model(tokenizer: JsonTokenizer, **changes: Any) -> Aquila:
    """An untrained model, the same one every time."""
    torch.manual_seed(0)
    return Aquila(tiny_config(tokenizer.size, **changes)).eval()


def save_tiny(folder: Path, **changes: Any) -> Path:
    """A tiny model's folder."""
    tokenizer = tiny_tokenizer()
    save_model(folder, tiny_model(tokenizer, **changes), tokenizer, card="A tiny untrained model.\n")
    return folder


@functools.lru_cache(maxsize=1)
def loaded_tiny() -> LoadedModel:
    """A tiny model in memory, built once."""
    tokenizer = tiny_tokenizer()
    return LoadedModel(tiny_model(tokenizer), tokenizer, Path())


def all_ids(written: Sequence[Written]) -> list[list[tuple[int, ...]]]:
    """The ids of all answers of every conversation."""
    return [[part.ids for part in (*one.earlier, one)] for one in written]


def end_at_many_lengths(generator: Generator, written: Sequence[Written]) -> None:
    """Of what is ``written`` without an end, the token at the most different places ends texts from now on."""
    ids = [one.ids for one in written]
    places = {token: {text.index(token) for text in ids if token in text} for token in set(sum(ids, ()))}
    generator.end_id = max(places, key=lambda token: len(places[token]))
