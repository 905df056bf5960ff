"""The default model as it is shipped: its folder, and what it says of pictures it has not seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core_model.checkpoint import LoadedModel, load_model
from core_model.generation import Generator
from training.data.sources import eurosat
from training.evaluation import asking, tasks
from training.evaluation.held_out import patch_scenes

LARGEST_FOLDER = 20 * 1024**2


@pytest.fixture(scope="module")
def nano() -> LoadedModel:
    return load_model("nano", device="cpu")


@pytest.fixture(scope="module")
def scenes(shared_data: Path) -> list:
    patches = eurosat(shared_data, "test")
    chosen = np.random.default_rng(0).permutation(len(patches))[:160]
    return tasks.known(patch_scenes([patches[number] for number in chosen], "eurosat", 256))


def test_the_folder_is_small_and_names_its_sources(nano: LoadedModel) -> None:
    assert sum(path.stat().st_size for path in nano.folder.iterdir()) <= LARGEST_FOLDER
    card = (nano.folder / "README.md").read_text(encoding="utf-8")
    for source in ("EuroSAT", "UC Merced", "Humans in the Loop", "NAIP", "swisstopo", "OpenStreetMap"):
        assert source in card, f"the model card does not name {source}"
    assert "make train-nano" in card and "training.evaluate" in card


def test_it_reads_the_region_and_not_the_tile(nano: LoadedModel, scenes: list) -> None:
    generator = Generator(nano.model, nano.tokenizer)
    turn = tasks.category_turn(generator)
    right = tasks.accuracy(tasks.answer(generator, scenes, turn))
    assert right >= 0.8
    assert tasks.accuracy(tasks.answer(generator, scenes, turn, asking.shuffled_masks)) < 0.35
    assert tasks.accuracy(tasks.answer(generator, scenes, turn, asking.no_image)) < 0.25


def test_its_descriptions_are_sentences_that_are_mostly_true(nano: LoadedModel, scenes: list) -> None:
    generator = Generator(nano.model, nano.tokenizer)
    answered = tasks.described(generator, scenes[:16], "description")
    texts = [one.written.text for one in answered]
    assert all(text[0].isupper() and text.endswith(".") and 4 <= len(text.split()) <= 40 for text in texts)
    assert len(set(texts)) > len(texts) / 3
    checked = tasks.statements(answered)
    assert len(checked) > 3 * len(texts)
    assert np.mean([claim.true for claim in checked]) > 0.75


def test_texts_do_not_depend_on_the_batch(nano: LoadedModel, scenes: list) -> None:
    generator = Generator(nano.model, nano.tokenizer)

    def described(some: list) -> list:
        return [one.written.text for one in tasks.described(generator, some, "description")]

    assert described(scenes[:4]) == [text for scene in scenes[:4] for text in described([scene])]
