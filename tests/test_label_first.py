"""The label and the text behind it: one conversation, and always a category that the model has."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core_model.checkpoint import load_model, save_model
from core_model.describer import Describer, Description
from core_model.generation import Request, Written
from core_model.geo.regions import Region
from tests.geo_helpers import write_raster
from tests.tiny import loaded_tiny, tiny_model

CATEGORIES = ("forest", "river", "annual crop")


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    values = np.random.default_rng(0).integers(0, 255, (3, 300, 300), dtype=np.uint8)
    return write_raster(tmp_path_factory.mktemp("scene") / "scene.tif", values)


def _regions() -> list[Region]:
    corners = [(20, 20, 60), (150, 40, 30), (60, 160, 90), (200, 210, 12)]
    return [Region.from_wkt(number, _square(*corner), "EPSG:32633") for number, corner in enumerate(corners)]


def _square(x: float, y: float, side: float) -> str:
    ring = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]
    return "POLYGON((" + ",".join(f"{500000 + a} {5800000 - b}" for a, b in ring) + "))"


def _describer(categories: tuple[str, ...] = (), label_first: bool = True, batch_size: int = 4) -> Describer:
    plain = loaded_tiny()
    model = tiny_model(plain.tokenizer, label_first=label_first)
    model.config = replace(model.config, categories=categories)
    return Describer(replace(plain, model=model), batch_size=batch_size)


def _by_id(describer: Describer, raster: Path, style: str = "description") -> dict[object, Description]:
    return {each.id: each for each in describer.describe(raster, _regions(), style=style)}


def _noted(describer: Describer, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Request], list[Written]]:
    """Lists that fill with all that the describer asks its generator to write, and with the texts."""
    asked: list[Request] = []
    texts: list[Written] = []
    write = describer._generator.write

    def noted(view, requests, **settings):  # noqa: ANN001, ANN003, ANN202 (as Generator.write)
        found = write(view, requests, **settings)
        asked.extend(requests)
        texts.extend(found)
        return found

    monkeypatch.setattr(describer._generator, "write", noted)
    return asked, texts


@pytest.mark.parametrize(("label_first", "style"), [(True, "description"), (False, "description"), (True, "category")])
def test_every_label_is_one_of_the_models_categories(raster: Path, label_first: bool, style: str) -> None:
    """An untrained model writes anything; with categories in its configuration the likeliest of them stands instead."""
    plain = _by_id(_describer((), label_first), raster, style)
    assert not any(each.label in CATEGORIES for each in plain.values())
    found = _by_id(_describer(CATEGORIES, label_first), raster, style)
    assert all(each.label in CATEGORIES for each in found.values())
    for number, each in found.items():
        assert each.confidence is not None and 0 <= each.confidence <= (plain[number].confidence or 0)


def test_the_likeliest_category_is_the_label_and_the_text_follows_it(
    raster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describer = _describer(CATEGORIES)
    asked, _ = _noted(describer, monkeypatch)
    found = _by_id(describer, raster)
    given = [request.turns[0].answer for request in asked if request.turns[0].answer]
    assert sorted(given) == sorted(each.label for each in found.values())
    monkeypatch.setattr(describer._generator, "score", lambda _view, requests, labels: np.tile(
        np.eye(len(labels))[1] * 0.98 + 0.01, (len(requests), 1)))
    assert {each.label for each in _by_id(describer, raster).values()} == {"river"}


def test_a_category_that_the_model_writes_itself_is_left_alone(raster: Path) -> None:
    plain = _by_id(_describer(), raster)
    own = tuple(sorted({each.label for each in plain.values()}))
    found = _by_id(_describer(own), raster)
    kept = [number for number in plain if plain[number].label == found[number].label]
    assert len(kept) == len(plain)
    assert all(math.isclose(found[number].confidence or 0, plain[number].confidence or 0) for number in kept)


def test_labels_do_not_depend_on_the_batch(raster: Path) -> None:
    together, alone = (_by_id(_describer(CATEGORIES, batch_size=size), raster) for size in (4, 1))
    for number, each in together.items():
        assert (each.label, each.description) == (alone[number].label, alone[number].description)


def test_categories_are_kept_with_the_model(tmp_path: Path) -> None:
    loaded = _describer(CATEGORIES).loaded
    save_model(tmp_path / "model", loaded.model, loaded.tokenizer)
    assert load_model(str(tmp_path / "model"), device="cpu").model.config.categories == CATEGORIES


def test_the_description_is_asked_for_after_the_label(raster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``label_first`` text and label are one conversation; a prompt of the user's is asked on its own."""
    describer = _describer()
    asked, written = _noted(describer, monkeypatch)
    found = next(iter(describer.describe(raster, _regions()[:1], style="description")))
    assert [[turn.instruction.split(" m2. ")[-1] for turn in request.turns] for request in asked] == [
        [describer.config.prompts["category"], "Describe <region>."]]
    label, text = written[0].earlier[0], written[0]
    assert (found.label, found.description) == (_shown(label.text), _shown(text.text)) and label.text != text.text
    assert found.confidence == pytest.approx(label.probability)
    asked.clear()
    list(describer.describe(raster, _regions()[:1], prompt="Is <region> wet?"))
    assert {len(request.turns) for request in asked} == {1}


def _shown(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable()).strip()
