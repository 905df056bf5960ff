"""Trains the default model's tokenizer on the texts it will read and write."""

from __future__ import annotations

from typing import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from core_model.text.tokenizer import JsonTokenizer

BEGIN_MARKER, END_MARKER = "<s>", "</s>"


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> JsonTokenizer:
    """A byte-level BPE tokenizer that splits every digit, so that numbers read alike and no text is unknown."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\d"), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[BEGIN_MARKER, END_MARKER], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    return JsonTokenizer(tokenizer.to_str(), {"bos_token": BEGIN_MARKER, "eos_token": END_MARKER})
