"""Prototypes of what a model learned from, and what they do to its confidence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core_model.checkpoint import load_model, save_model
from core_model.confidence import confidence
from core_model.config import AquilaConfig
from core_model.errors import ModelError
from core_model.network.familiarity import Familiarity
from core_model.writing.texts import Written
from tests.tiny import loaded_tiny, tiny_config, tiny_model
from training.calibrate import noise
from training.familiar import confidence_weights, familiarity, forget


def _clusters(count: int, seed: int) -> np.ndarray:
    """Points around six far directions of 16."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(0).normal(0, 5, (6, 16))
    return (middles[rng.integers(0, 6, count)] + rng.normal(0, 0.3, (count, 16))).astype(np.float32)


def test_what_was_learned_from_is_near_and_the_rest_is_not() -> None:
    model = familiarity(_clusters(400, 1), count=6)
    known = model(torch.from_numpy(_clusters(50, 2)))
    rng = np.random.default_rng(3)
    other = model(torch.from_numpy(rng.normal(0, 5, (50, 16)).astype(np.float32)))
    assert known.min() > 0.95 and other.median() < 0.8
    assert familiarity(_clusters(4, 1), count=6).prototypes.shape == (4, 16)


def test_the_cosine_is_that_of_the_most_alike_prototype() -> None:
    model = Familiarity(2, 2)
    with torch.no_grad():
        model.centre.copy_(torch.tensor([1.0, 1.0]))
        model.prototypes.copy_(torch.tensor([[2.0, 0.0], [0.0, 3.0]]))
    found = model(torch.tensor([[5.0, 1.0], [1.0, 2.0], [2.0, 2.0], [-3.0, 1.0]]))
    assert found.tolist() == pytest.approx([1.0, 1.0, 0.5**0.5, 0.0], abs=1e-6)


def test_confidence_weights_are_found_again() -> None:
    """Answers drawn by known weights give these back; a nearness that never changes has no part."""
    rng = np.random.default_rng(0)
    odds, near = rng.normal(1, 2, 20_000), rng.uniform(0, 1, 20_000)
    probability = 1 / (1 + np.exp(-odds))
    right = rng.uniform(size=20_000) < 1 / (1 + np.exp(-(0.8 * odds + 3 * near - 1.5)))
    assert confidence_weights(probability, near, right, np.ones(20_000)) == pytest.approx((0.8, 3, -1.5), abs=0.12)
    slope, same, _ = confidence_weights(probability, np.zeros(20_000), right, np.ones(20_000))
    assert same == pytest.approx(0, abs=1e-3) and 0.6 < slope < 0.9


def test_confidence_is_the_logistic_of_both() -> None:
    config = AquilaConfig(confidence=(2.0, 1.0, -0.5))
    written = Written("forest", (), float(np.log(0.8)), nearness=0.5)
    assert confidence(config, written) == pytest.approx(0.8**2 / (0.8**2 + 0.2**2))
    assert confidence(AquilaConfig(), written) == pytest.approx(0.8)
    assert 0 < confidence(config, Written("", (), -1e9)) < confidence(config, Written("x", (), 0.0)) <= 1
    with pytest.raises(ModelError, match="confidence has 2 numbers"):
        AquilaConfig(confidence=(1.0, 0.0))  # type: ignore[arg-type]


def test_prototypes_are_saved_loaded_and_forgotten(tmp_path: Path) -> None:
    tokenizer = loaded_tiny().tokenizer
    model = tiny_model(tokenizer, familiar=4, confidence=(1.5, 2.0, -1.0), unsure_below=0.5)  # type: ignore[arg-type]
    torch.nn.init.normal_(model.familiarity.prototypes)
    save_model(tmp_path / "model", model, tokenizer)
    again = load_model(str(tmp_path / "model"), device="cpu").model
    assert (again.config.confidence, again.config.unsure_below) == ((1.5, 2.0, -1.0), 0.5)
    assert torch.equal(again.familiarity.prototypes, model.familiarity.prototypes)
    forget(again)
    assert again.config == replace(tiny_config(tokenizer.size), familiar=0)
    assert not any(name.startswith("familiarity") for name in again.state_dict())


def test_noise_takes_the_place_of_a_picture_and_keeps_its_masks() -> None:
    """The same noise for the same picture, another for another; its grain is a power of two."""
    masks = np.ones((1, 64, 64), np.float32)
    found = [noise(np.full((64, 64, 3), level, np.uint8), masks) for level in (0, 0, 1, 2, 3)]
    assert all(kept is masks and made.shape == (64, 64, 3) and made.std() > 50 for made, kept in found)
    assert (found[0][0] == found[1][0]).all() and not (found[0][0] == found[2][0]).all()
    coarse = [made for made, _ in found if (made[::2, ::2].repeat(2, 0).repeat(2, 1) == made).all()]
    assert coarse
