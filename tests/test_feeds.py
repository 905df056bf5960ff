"""Manifests as training reads them: which records, their lengths, their rows, and the pictures kept on disk."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
import torch
from PIL import Image

from core_model.text.prompt import IGNORED_LABEL
from tests.made_training import CPU, SIZE
from tests.manifest_made import record_values, write_manifest
from tests.tiny import CONTEXT, tiny_model, tiny_tokenizer
from training.errors import RecipeError, TrainingError
from training.feeds.examples import Examples, Order, collate
from training.feeds.manifests import ManifestPictures, Teller, open_manifests
from training.settings import TextStage
from training.stages.text import TextData, TextLearner, prompt_builder

WHOLE = {"kind": "picture", "regions": [], "turns": [{"instruction": "What is here?", "answer": "a roof and a yard"}]}


def _values(**changes: Any) -> Dict[str, Any]:
    values = record_values()
    return {**values, "conversations": [*values["conversations"], WHOLE], **changes}


def _pictures(path: Path, **more: Any) -> ManifestPictures:
    wanted: Dict[str, Any] = {
        "split": "train", "about": "both", "size": SIZE, "cache": path.parent / "cache", "cache_gib": 0.0, **more}
    return open_manifests([str(path)], **wanted)


def test_records_are_chosen_by_split_and_subject(tmp_path: Path) -> None:
    """Training takes its own records and those of no split; stage 1 asks about pictures, stage 2 about regions."""
    entries = (_values(), _values(id="two", split="val"), _values(id="three", split=""))
    path = write_manifest(tmp_path / "m.jsonl", *entries)
    found = _pictures(path)
    assert len(found) == 2 and len(_pictures(path, split="val")) == 1
    told, sight = _pictures(path, about="pictures")[0]
    assert [entry.kind for entry in told.conversations] == ["picture"] and sight["image"].shape == (SIZE, SIZE, 3)
    assert {entry.kind for entry in _pictures(path, about="regions")[0][0].conversations} == {"category", "compare"}
    only_regions = write_manifest(tmp_path / "r.jsonl", record_values())
    with pytest.raises(TrainingError, match="whole pictures"):
        _pictures(only_regions, about="pictures")


def test_lengths_order_records_as_their_rows_do(tmp_path: Path) -> None:
    """Estimated without a tokenizer, yet a longer record is a longer row."""
    long = {**WHOLE, "turns": [{"instruction": "Tell me all.", "answer": "a roof and a yard " * 20}]}
    path = write_manifest(tmp_path / "m.jsonl", _values(conversations=[WHOLE]), _values(id="two", conversations=[long]))
    found = _pictures(path)
    tokenizer = tiny_tokenizer()
    builder = prompt_builder(tiny_model(tokenizer), tokenizer)
    lengths = found.lengths(builder, longest=2000)
    rows = [sum(len(text.ids) for text in Teller(builder, "", 2000)(np.random.default_rng(0), found[number][0]))
            for number in range(2)]
    assert lengths[0] < lengths[1] and rows[0] < rows[1]
    assert found.lengths(builder, longest=30) == [30, 30]


def test_a_row_holds_what_fits_and_shows_only_what_it_names(tmp_path: Path) -> None:
    """Too many conversations for a row: each time others, whole ones, with the masks of their regions alone."""
    path = write_manifest(tmp_path / "m.jsonl", _values())
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    builder = prompt_builder(model, tokenizer)
    room = len(builder.prefix()) + 140
    examples = Examples(
        _pictures(path), Teller(builder, CONTEXT, room), builder, Order([1], 1, 0), count=12, seed=0)
    found = [examples[number] for number in range(12)]
    assert all(len(example.row.ids) <= room for example in found)
    assert len({example.regions for example in found}) > 1
    assert all(len(example.sight["masks"]) == example.regions for example in found)
    for example in found:
        answers = [label for label in example.row.labels if label != IGNORED_LABEL]
        assert answers.count(tokenizer.end_id) >= 1
    with torch.no_grad():
        assert torch.isfinite(TextLearner(model)(**collate(found))["loss"])
    with pytest.raises(TrainingError, match="longest"):
        Teller(builder, CONTEXT, len(builder.prefix()) + 3)(np.random.default_rng(0), examples.source[0][0])


def test_kept_pictures_are_what_was_read(tmp_path: Path) -> None:
    """The second look comes from the disk, the same in all; a picture that changes is read anew."""
    path = write_manifest(tmp_path / "m.jsonl", _values())
    plain, kept = _pictures(path)[0], _pictures(path, cache_gib=0.1)
    first, again = kept[0], kept[0]
    assert len(list((tmp_path / "cache").iterdir())) == 1
    for one in (first, again):
        assert torch.equal(one[1]["image"], plain[1]["image"]) and torch.equal(one[1]["masks"], plain[1]["masks"])
        assert one[0] == plain[0]
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(tmp_path / "pictures" / "a.png")
    assert int(kept[0][1]["image"].max()) == 0


def test_the_disk_holds_no_more_than_it_is_allowed(tmp_path: Path) -> None:
    """Pictures beyond the allowance are read each time."""
    path = write_manifest(tmp_path / "m.jsonl", *[_values(id=str(number)) for number in range(4)])
    one = (SIZE**2 * 3 + 2 * SIZE**2 // 8) / 1024**3
    found = _pictures(path, cache_gib=1.5 * one)
    assert [len(found[number][0].conversations) for number in range(4)] == [3] * 4
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_examples_can_be_handed_to_workers(tmp_path: Path) -> None:
    """What a worker of another process is given makes the same examples."""
    path = write_manifest(tmp_path / "m.jsonl", _values())
    tokenizer = tiny_tokenizer()
    builder = prompt_builder(tiny_model(tokenizer), tokenizer)
    examples = Examples(_pictures(path), Teller(builder, "", 500), builder, Order([1], 1, 0), count=3, seed=0)
    again = pickle.loads(pickle.dumps(examples))
    assert again[2].row == examples[2].row


def test_evaluating_on_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the encoder has seen all the pictures."""
    path = write_manifest(tmp_path / "m.jsonl", _values())
    stage = TextStage(
        steps=1, scenes_per_batch=1, manifest=[str(path)], about="both", bank=True, workers=0, evaluate_every=1)
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    data = TextData(stage, prompt_builder(model, tokenizer), CONTEXT, SIZE, tmp_path, tmp_path / "run")
    monkeypatch.setattr("training.stages.text.fill", lambda *_: pytest.fail("the bank is filled"))
    with pytest.raises(RecipeError, match=r"'evaluate_every' .* none of the split 'val'; give some records that split"):
        data.work(model, CPU)


def test_epochs_of_a_manifest_become_steps(tmp_path: Path) -> None:
    """Two times four records in steps of two are four steps; with a bank the encoder has seen each record once."""
    path = write_manifest(tmp_path / "m.jsonl", *[_values(id=str(number)) for number in range(4)])
    stage = TextStage(epochs=2, scenes_per_batch=2, manifest=[str(path)], about="both", bank=True, workers=0)
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    data = TextData(stage, prompt_builder(model, tokenizer), CONTEXT, SIZE, tmp_path, tmp_path / "run")
    assert data.steps() == 4 and data.pictures() == 4
    work = data.work(model, CPU)
    batch = work.collate([work.examples[0], work.examples[1]])
    assert len(work.examples) == 8 and "cells" in batch
    assert torch.isfinite(work.learner(**batch)["loss"])
