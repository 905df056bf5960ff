"""Made material for the tests of the evaluation: a manifest of plain colours, and a tiny sentence-embedding model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from core_model.compat import ensure_torchvision
from core_model.weights import write_folder

COLOURS = {"red roof": (200, 30, 30), "green field": (30, 180, 40), "blue lake": (30, 40, 200)}
SIDE = 64
_BOXES = ((2, 2, 30, 30), (34, 4, 62, 30), (4, 34, 60, 62))


def write_colour_manifest(folder: Path, pictures: int = 6) -> Path:
    """Pictures with two regions of two classes each, told apart by colour alone; half of them to train on."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(_record(folder, number, "train" if number < pictures // 2 else "test"))
             for number in range(pictures)]
    path = folder / "made.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _record(folder: Path, number: int, split: str) -> Dict[str, Any]:
    rng = np.random.default_rng(number)
    labels = [list(COLOURS)[(number + place) % 3] for place in range(2)]
    pixels = np.full((SIDE, SIDE, 3), 120) + rng.integers(-8, 8, (SIDE, SIDE, 3))
    for label, (left, top, right, bottom) in zip(labels, _BOXES):
        pixels[top:bottom, left:right] = np.array(COLOURS[label]) + rng.integers(-8, 8, 3)
    name = f"{number}.png"
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / name)
    return {
        "id": f"made-{number}", "image": name, "width": SIDE, "height": SIDE, "gsd": 0.5, "source": "made",
        "licence": "CC0-1.0", "place": f"place {number}", "split": split,
        "regions": [{"label": label, "box": list(box)} for label, box in zip(labels, _BOXES)],
        "conversations": [*_texts(labels), {
            "kind": "caption", "regions": [],
            "turns": [{"instruction": "Describe the picture.", "answer": " and ".join(labels)}]}],
    }


def _texts(labels: List[str]) -> List[Dict[str, Any]]:
    found = []
    for number, label in enumerate(labels):
        texts = ("short", f"a {label}"), ("short", f"{label} of one colour"), ("detailed", f"This is a {label}.")
        for kind, answer in texts:
            asked = f"Describe <region>, {kind}."
            found.append({"kind": kind, "regions": [number], "turns": [{"instruction": asked, "answer": answer}]})
    reason = f"No: the first is a {labels[0]}, the second a {labels[1]}."
    found.append({"kind": "reasoning", "regions": [0, 1], "turns": [
        {"instruction": "Do <region1> and <region2> show the same? Why?", "answer": reason}]})
    return found


def write_sentence_model(folder: Path) -> Path:
    """An untrained BERT of two layers with a word tokenizer, laid out as sentence-transformers does."""
    ensure_torchvision()
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator([" ".join(COLOURS)], trainers.WordLevelTrainer(special_tokens=specials))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64)
    (folder / "config.json").write_text(config.to_json_string(), encoding="utf-8")
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 32}', encoding="utf-8")
    write_folder(folder, dict(BertModel(config).state_dict()))
    return folder
