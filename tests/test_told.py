"""A manifest's pictures and conversations as training scenes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from core_model.text.prompt import IGNORED_LABEL
from tests.manifest_made import record_values, write_manifest
from tests.tiny import CONTEXT, tiny_model, tiny_tokenizer
from training.bank import BankBatches, fill
from training.stages.text import prompt_builder
from training.told import Teller, ToldScenes

TOLD = [
    {"kind": "category", "regions": [0], "turns": [{"instruction": "What is <region>?", "answer": "forest"}]},
    {"kind": "dialogue", "regions": [0], "turns": [
        {"instruction": "Name <region>.", "answer": "wood"}, {"instruction": "Is it dark?", "answer": "Yes."}]},
]


def test_a_manifest_is_trained_on_in_its_own_words(tmp_path: Path) -> None:
    """Its conversations, several turns long or not, become the learned tokens of packed rows about its pictures."""
    path = write_manifest(tmp_path / "set.jsonl", record_values(conversations=TOLD, split="train"),
                          record_values(id="other", conversations=TOLD, split="test"))
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    bank = fill(model, ToldScenes(path, 64, 2), 0, torch.device("cpu"))
    assert len(bank) == 1
    batches = BankBatches(bank, Teller(9), prompt_builder(model, tokenizer), CONTEXT, steps=1, size=1, seed=0)
    labels = batches[0][1].labels[0]
    learned = labels[labels != IGNORED_LABEL].tolist()
    answers = [tokenizer.encode(answer) + [tokenizer.end_id] for answer in ("forest", "wood", "Yes.")]
    assert learned == [token for answer in answers for token in answer]
    assert len(Teller(1)(np.random.default_rng(0), bank.materials[0])) == 1
