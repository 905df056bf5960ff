"""Texts behind a doubtful category say that they are guesses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest

from core_model.confidence import hedged
from core_model.config import AquilaConfig
from core_model.describer import Describer
from tests.geo_helpers import write_raster
from tests.test_planning import square
from tests.tiny import loaded_tiny, tiny_model
from training.evaluation import card

SIDE = 200
PLACES = [(20, 20, 25), (60, 30, 12), (120, 100, 60), (31, 22, 5), (90, 150, 30)]
REGIONS = [square(number, *place) for number, place in enumerate(PLACES)]


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 × 200 m of noise."""
    values = np.random.default_rng(0).integers(1, 250, (3, SIDE, SIDE)).astype(np.uint8)
    return write_raster(tmp_path_factory.mktemp("scene") / "scene.tif", values)


def test_a_text_is_hedged_below_the_checkpoints_limit() -> None:
    config = AquilaConfig(unsure_below=0.5)
    assert hedged(config, "A large forest.", 0.49) == "Perhaps a large forest."
    assert hedged(config, "A large forest.", 0.5) == hedged(AquilaConfig(), "A large forest.", 0.0) == "A large forest."
    assert hedged(config, "", 0.1) == ""


def test_a_guess_is_called_one(raster: Path) -> None:
    """Behind a doubtful category the text says so, with nothing else changed; labels and other texts never do."""
    plain = loaded_tiny()
    loaded = replace(plain, model=tiny_model(plain.tokenizer, label_first=True))  # type: ignore[arg-type]
    describer = Describer(loaded, batch_size=4)
    sure = list(describer.describe(raster, REGIONS))
    limit = sorted(each.confidence or 0.0 for each in sure)[len(sure) // 2]
    describer.config = replace(describer.config, unsure_below=limit)
    told = list(describer.describe(raster, REGIONS))
    for before, after in zip(sure, told):
        opened = "Perhaps " + before.description[0].lower() + before.description[1:]
        doubtful = (before.confidence or 0.0) < limit
        assert after == (replace(before, description=opened) if doubtful else before)
    assert 0 < sum(each.description.startswith("Perhaps ") for each in told) < len(told)
    for options in ({"style": "category"}, {"prompt": "Is <region> wet?"}, {"style": "phrase", "labels": ["a", "b"]}):
        texts = [each.description for each in describer.describe(raster, REGIONS, **options)]  # type: ignore[arg-type]
        assert len(texts) == len(sure) and not any(text.startswith("Perhaps ") for text in texts)


def test_the_card_tells_how_often_guesses_are_right() -> None:
    """A model that never opens with "Perhaps" has no such line."""
    found = {"error": 0.02, "count": 100.0, "mean confidence": 0.9, "accuracy": 0.91, "guessed": 8.0,
             "guessed right": 3.0, "sure right": 88.0}
    figures: Dict[str, Any] = {"categories": {}, "yes_no": {}, "contents": {}, "statements": {},
                               "calibration": found}
    assert ('"Perhaps" for 8 of these regions; of their categories 3 are right, of the other 92 regions\' 88'
            in card.markdown(figures, "nano"))
    figures["calibration"] = {**found, "guessed": 0.0}
    assert "Perhaps" not in card.markdown(figures, "nano")
