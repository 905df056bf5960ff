"""The default model as it is shipped: its folder, and what it says of pictures it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence

import numpy as np
import pytest
from osgeo import gdal

from core_model.checkpoint import LoadedModel, load_model
from core_model.confidence import confidence
from core_model.describer import Describer
from core_model.description import Description
from core_model.generation import Generator
from core_model.geo.regions import Region
from core_model.hashes import check_hashes, stated_hashes
from core_model.weights import WEIGHTS_NAME
from tests.geo_helpers import UTM_33, write_raster
from training.data.sources import eurosat
from training.data.vocabulary import CATEGORIES
from training.evaluation import asking, tasks
from training.evaluation.held_out import patch_scenes

LARGEST_FOLDER = 20 * 1024**2
SIDE, PATCH = 8, 64  # patches of a mosaic, pixels of a patch
TEN_METRES = (UTM_33[0], 10.0, 0.0, UTM_33[3], 0.0, -10.0)


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
    assert check_hashes(nano.folder, [nano.folder / WEIGHTS_NAME]) == stated_hashes(nano.folder)


def test_it_reads_the_region_and_not_the_tile(nano: LoadedModel, scenes: list) -> None:
    generator = Generator(nano.model, nano.tokenizer)
    turn = tasks.category_turn(generator)
    right = tasks.accuracy(tasks.answer(generator, scenes, turn))
    assert right >= 0.9
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
    assert np.mean([claim.true for claim in checked]) > 0.9


def test_texts_do_not_depend_on_the_batch(nano: LoadedModel, scenes: list) -> None:
    generator = Generator(nano.model, nano.tokenizer)

    def described(some: list) -> list:
        return [one.written.text for one in tasks.described(generator, some, "description")]

    assert described(scenes[:4]) == [text for scene in scenes[:4] for text in described([scene])]


def test_regions_of_one_category_are_alike(nano: LoadedModel, scenes: list) -> None:
    """What the embeddings are made of: of 160 held-out regions, the one most like another is mostly of its category."""
    generator = Generator(nano.model, nano.tokenizer)
    tokens = np.concatenate([view.regions[:, 0].numpy() for _, view, _ in tasks.views(generator, scenes)])
    unit = tokens / np.linalg.norm(tokens, axis=1, keepdims=True)
    likeness = unit @ unit.T
    np.fill_diagonal(likeness, -1)
    names = np.array([facts.name for scene in scenes for facts in scene.facts])
    assert (names[likeness.argmax(axis=1)] == names).mean() >= 0.85


def _cells() -> List[Region]:
    """A square in every patch of a mosaic."""
    found = []
    for number in range(SIDE**2):
        row, column = divmod(number, SIDE)
        left, top = UTM_33[0] + 640 * column + 60, UTM_33[3] - 640 * row - 60
        ring = f"{left} {top},{left + 520} {top},{left + 520} {top - 520},{left} {top - 520},{left} {top}"
        found.append(Region.from_wkt(number, f"POLYGON(({ring}))"))
    return found


def _described(nano: LoadedModel, path: Path, values: np.ndarray, names: Sequence[str] = ()) -> List[Description]:
    write_raster(path, values, transform=TEN_METRES)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number, name in enumerate(names, 1):
        dataset.GetRasterBand(number).SetDescription(name)
    dataset.FlushCache()
    return sorted(Describer(nano).describe(path, _cells(), style="category"), key=lambda found: int(str(found.id)))


def test_it_knows_sixteen_bits_and_what_other_software_made_of_them(
    nano: LoadedModel, shared_data: Path, tmp_path: Path
) -> None:
    """Sentinel-2 as a user has it: reflectances with an offset, bands in the sensor's order; or stretched to 8 bit."""
    patches = eurosat(shared_data, "test")
    chosen = [patches[n] for n in np.random.default_rng(5).permutation(len(patches))[: SIDE**2]]
    rows = [np.concatenate([patch.pixels for patch in chosen[n : n + SIDE]], axis=1) for n in range(0, SIDE**2, SIDE)]
    image = np.moveaxis(np.concatenate(rows), -1, 0)
    truth = [CATEGORIES[patch.category].name for patch in chosen]

    def right(found: Sequence[Description]) -> float:
        return float(np.mean([each.label == name for each, name in zip(found, truth)]))

    infrared = np.random.default_rng(0).integers(1000, 6000, image.shape[1:])
    stack = np.stack([*(image[::-1].astype(float) * 2750 / 255 + 1000), infrared]).astype(np.uint16)
    assert right(_described(nano, tmp_path / "plain.tif", image)) >= 0.85
    assert right(_described(nano, tmp_path / "s2.tif", stack, ("B2", "B3", "B4", "B8"))) >= 0.85
    low, high = np.percentile(image, (2, 98), axis=(1, 2), keepdims=True)
    stretched = np.clip((image - low) * 255 / (high - low), 0, 255).astype(np.uint8)
    assert right(_described(nano, tmp_path / "stretched.tif", stretched)) >= 0.8


def test_its_confidence_is_low_where_nothing_is_land(nano: LoadedModel, scenes: list, tmp_path: Path) -> None:
    """Noise is named, since it knows nothing else, but not with the confidence of fields and woods."""
    generator = Generator(nano.model, nano.tokenizer)
    land = tasks.answer(generator, scenes, tasks.category_turn(generator))
    assert np.mean([one.written.nearness for one in land]) > 0.5
    assert np.mean([confidence(nano.model.config, one.written) for one in land]) > 0.85
    noise = np.random.default_rng(0).integers(0, 256, (3, SIDE * PATCH, SIDE * PATCH), dtype=np.uint8)
    assert np.mean([each.confidence for each in _described(nano, tmp_path / "noise.tif", noise)]) < 0.5
