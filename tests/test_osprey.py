"""The published Osprey checkpoint: every step as its own code computes it, and every fault one sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from core_model.checkpoint import LoadedModel, load_model
from core_model.cli import app
from core_model.errors import ModelError
from core_model.generation import Generator, Request
from core_model.hashes import file_hash
from core_model.importing.osprey import import_osprey
from core_model.importing.pixels import published_pixels
from core_model.network.aquila import Encoded
from core_model.text.prompt import IMAGE_SLOT, REGION_SLOT, Turn
from core_model.weights import weight_files
from tests.conftest import REPOSITORY
from tests.geo_helpers import write_layer, write_raster
from tests.osprey_made import ENCODER, IMAGE_SIZE, osprey_model, osprey_state, save_osprey

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Published:
    """The tiny checkpoint, imported, with what its authors' code computed."""

    loaded: LoadedModel
    generator: Generator
    expected: dict[str, Any]
    prompt: dict[str, str]
    added: dict[str, int]
    encoded: Encoded
    regions: Tensor

    def logits(self, question: str, regions: list[int]) -> Tensor:
        """The logits [length, vocabulary] of a question about some of the masks."""
        model = self.loaded.model
        suffix = self.generator.builder.suffix((Turn(question.replace("<mask><pos>", "<region>")),), len(regions))
        chosen = self.regions[[regions[number] for number in suffix.regions]]
        ids = torch.tensor([self.generator.prefix + suffix.ids])
        with torch.inference_mode():
            return model.language(inputs_embeds=model.embed(ids, self.encoded.image_tokens, chosen)).logits[0]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = Path(os.environ.get("AQUILA_OSPREY", REPOSITORY.parent / "shared" / "osprey_tiny"))
    if not folder.is_dir():
        pytest.skip(f"the published values are absent: no folder {folder} (set AQUILA_OSPREY to run this test)")
    out = tmp_path_factory.mktemp("published") / "osprey"
    config = import_osprey(folder, out, encoder="convnext_atto")
    loaded = load_model(str(out), device="cpu", dtype="float32")
    expected = dict(np.load(folder / "expected.npz"))
    model = loaded.model
    with torch.inference_mode():
        pyramid = model.encoder.features(published_pixels(expected["image"], config.encoder))
        masks = torch.from_numpy(expected["masks"]).float()
        regions = model.region_tokens(pyramid, masks, torch.zeros(len(masks), dtype=torch.long))
        encoded = Encoded(pyramid, model.project(pyramid))
    return Published(
        loaded, Generator(model, loaded.tokenizer), expected, json.loads((folder / "prompt.json").read_text()),
        json.loads((folder / "added_tokens.json").read_text()), encoded, regions)


def _agree(found: Tensor, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    assert (found - torch.from_numpy(expected)).abs().max() <= TOLERANCE * np.abs(expected).max()


def test_pixels_are_the_published_ones(published: Published) -> None:
    pixels = published_pixels(published.expected["image"], published.loaded.model.config.encoder)
    assert np.array_equal(pixels[0].half().numpy(), published.expected["pixel_values"])


def test_levels_and_image_tokens_agree(published: Published) -> None:
    for number, level in enumerate(published.encoded.pyramid, 2):
        _agree(level[0].mean(dim=(1, 2)), published.expected[f"level_res{number}"])
    assert published.encoded.image_tokens.shape[1] == 1024 == published.loaded.model.image_tokens
    _agree(published.encoded.image_tokens[0, ::16], published.expected["image_tokens"])


def test_mask_and_spatial_tokens_agree(published: Published) -> None:
    _agree(published.regions[:, 0], published.expected["mask_tokens"])
    _agree(published.regions[:, 1], published.expected["spatial_tokens"])


def test_ids_are_identical(published: Published) -> None:
    question = published.prompt["question"].replace("<mask><pos>", "<region>")
    ids = published.generator.prefix + published.generator.builder.suffix((Turn(question),), 3).ids
    image = ids.index(IMAGE_SLOT)
    assert ids[image : image + 1024] == [IMAGE_SLOT] * 1024
    short = ids[:image] + [IMAGE_SLOT] + ids[image + 1024 :]
    pairs = iter([published.added["<mask>"], published.added["<pos>"]] * 3)
    named = [next(pairs) if token == REGION_SLOT else token for token in short]
    assert named == published.expected["input_ids"].tolist()


def test_logits_agree(published: Published) -> None:
    logits = published.logits(published.prompt["question"], [0, 1, 2])
    _agree(logits[-60:], published.expected["logits_text"])
    _agree(logits[-1], published.expected["logits_last"])
    for number, expected in enumerate(published.expected["single_logits"]):
        _agree(published.logits(published.prompt["single_question"], [number])[-1], expected)


def test_greedy_ids_are_identical(published: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    # The pixels are those of a stretched photograph, which no tile ever is: what is encoded is handed in.
    monkeypatch.setattr(published.loaded.model, "encode", lambda _images: published.encoded)
    blank = np.zeros((1, 512, 512, 3), dtype=np.uint8)
    view = published.generator.view(blank, published.expected["masks"].astype(np.float32), [0, 0, 0])
    question = published.prompt["question"].replace("<mask><pos>", "<region>")
    expected = published.expected["greedy"].tolist()
    written = published.generator.write(view, [Request((0, 1, 2), (Turn(question),))], max_new_tokens=len(expected))
    assert list(written[0].ids) == expected


@pytest.mark.parametrize(("shards", "zipped"), [(1, True), (3, True), (2, False)])
def test_weights_arrive_unchanged(shards: int, zipped: bool, tmp_path: Path) -> None:
    source = save_osprey(tmp_path / "source", shards=shards, zipped=zipped)
    import_osprey(source, tmp_path / "out", encoder=ENCODER, image_size=IMAGE_SIZE)
    loaded = load_model(str(tmp_path / "out"), device="cpu", dtype="float16")
    before, after = osprey_model().state_dict(), loaded.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert loaded.model.config.extractor == osprey_model().config.extractor
    assert loaded.model.config.image_level == 2 and loaded.model.config.language.rotary == "float16"
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".safetensors", ".json", ".model", ".md"}


def test_the_card_states_hashes_that_loading_checks(tmp_path: Path) -> None:
    source = save_osprey(tmp_path / "source")
    import_osprey(source, tmp_path / "out", encoder=ENCODER, image_size=IMAGE_SIZE)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert file_hash(source / "pytorch_model.bin") in card and "Llama 2 Community License" in card
    assert CliRunner().invoke(app, ["check", str(tmp_path / "out")]).exit_code == 0
    with (tmp_path / "out" / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, os.SEEK_END)
        weights.write(b"\x77")
    with pytest.raises(ModelError, match="is not the file its model card"):
        load_model(str(tmp_path / "out"))
    assert CliRunner().invoke(app, ["check", str(tmp_path / "out")]).exit_code == 1


def test_an_imported_model_describes_a_raster(tmp_path: Path) -> None:
    source = save_osprey(tmp_path / "source", shards=2)
    options = ["--encoder", ENCODER, "--image-size", str(IMAGE_SIZE)]
    made = CliRunner().invoke(app, ["import-osprey", str(source), str(tmp_path / "out"), *options])
    assert made.exit_code == 0 and "choose the folder in QGIS" in made.stderr and "bfloat16 (" in made.stderr
    values = np.random.default_rng(0).integers(0, 255, (3, 200, 200), dtype=np.uint8)
    raster = write_raster(tmp_path / "scene.tif", values)
    x, y = 500020, 5799980
    square = f"POLYGON(({x} {y},{x + 20} {y},{x + 20} {y - 20},{x} {y - 20},{x} {y}))"
    plots = write_layer(tmp_path / "plots.gpkg", [square])
    result = CliRunner().invoke(
        app, ["describe", str(raster), str(plots), "--json",
              "--model", str(tmp_path / "out"), "--style", "phrase"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout.splitlines()[0])["status"] == "ok"


def _save(folder: Path, state: dict[str, Tensor]) -> None:
    torch.save(state, folder / "pytorch_model.bin")


def _drop(folder: Path) -> None:
    _save(folder, {name: value for name, value in osprey_state().items() if name != "model.norm.weight"})


def _drop_extractor(folder: Path) -> None:
    _save(folder, {name: value for name, value in osprey_state().items() if "mask_linear" not in name})


def _add(folder: Path) -> None:
    _save(folder, {**osprey_state(), "model.visitor": torch.zeros(2)})


def _spoil(folder: Path) -> None:
    _save(folder, {**osprey_state(), "model.norm.weight": torch.full((48,), float("nan"))})


def _reshape(folder: Path) -> None:
    _save(folder, {**osprey_state(), "model.norm.weight": torch.zeros(47)})


def _truncate(folder: Path) -> None:
    path = folder / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:-2000])


def _hide_code(folder: Path) -> None:
    torch.save({"model.norm.weight": print}, folder / "pytorch_model.bin")


def _record(folder: Path) -> None:
    note = folder / ".cache" / "huggingface" / "download" / "pytorch_model.bin.metadata"
    note.parent.mkdir(parents=True)
    note.write_text(f"{'0' * 40}\n{'5' * 64}\n1700000000.0\n")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_drop, r"lacks 1 weights, first language\.model\.norm\.weight"),
        (_drop_extractor, "no whole Osprey checkpoint: it has no weight mask_extractor"),
        (_add, r"unknown weight model\.visitor"),
        (_spoil, "values that are no numbers"),
        (_reshape, r"shape \(47,\), but config.json asks for \(48,\)"),
        (_truncate, "no readable weight file"),
        (_hide_code, "no readable weight file"),
        (_record, "is not the file its model card or download record names"),
        (lambda folder: (folder / "pytorch_model.bin").unlink(), "does not exist"),
        (lambda folder: (folder / "config.json").unlink(), "config.json cannot be read"),
        (lambda folder: (folder / "tokenizer.model").unlink(), "has no tokenizer.model"),
        (lambda folder: (folder / "tokenizer.model").write_bytes(b"junk"), "tokenizer in .* cannot be read"),
    ],
)
def test_damaged_checkpoints_get_one_sentence(
    damage: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    source = save_osprey(tmp_path / "source")
    damage(source)
    with pytest.raises(ModelError, match=words) as caught:
        import_osprey(source, tmp_path / "out", encoder=ENCODER, image_size=IMAGE_SIZE)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]  # nothing half done stays


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    source = save_osprey(tmp_path / "source", shards=3)
    weight_files(source)[1].unlink()
    with pytest.raises(ModelError, match="pytorch_model-00002-of-00003.bin does not exist"):
        import_osprey(source, tmp_path / "out", encoder=ENCODER, image_size=IMAGE_SIZE)


def test_another_encoder_is_told_by_its_channels(tmp_path: Path) -> None:
    source = save_osprey(tmp_path / "source")
    with pytest.raises(ModelError, match="takes 160 channels from its encoder, but convnext_pico gives 64, 128, 256"):
        import_osprey(source, tmp_path / "out", encoder="convnext_pico", image_size=IMAGE_SIZE)
    with pytest.raises(ModelError, match="no encoder can be built"):
        import_osprey(source, tmp_path / "out", encoder="convnext_of_nobody", image_size=IMAGE_SIZE)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    source = save_osprey(tmp_path / "source")
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    result = CliRunner().invoke(
        app, ["import-osprey", str(source), str(out), "--encoder", ENCODER, "--image-size", str(IMAGE_SIZE)])
    assert result.exit_code == 1 and "is there already; name a new folder" in result.stderr
    assert (out / "mine.txt").read_text() == "keep"


def test_a_small_disk_is_told_before_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = save_osprey(tmp_path / "source")
    monkeypatch.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": 1000})())
    with pytest.raises(ModelError, match="of disk, but 0 MiB are free"):
        import_osprey(source, tmp_path / "out", encoder=ENCODER, image_size=IMAGE_SIZE)
