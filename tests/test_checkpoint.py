"""Model folders: exact when whole, one sentence when not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from core_model.checkpoint import load_model, load_weights, pick_device, pick_dtype, save_model
from core_model.config import AquilaConfig, EncoderConfig, LanguageConfig
from core_model.errors import ModelError
from core_model.generation import Generator, Request
from core_model.network.aquila import Aquila
from core_model.network.encoder import build_encoder, load_clip_weights
from core_model.network.language import build_language
from core_model.text.prompt import Turn
from core_model.weights import read_weights, weight_files
from tests.tiny import LLAMA, loaded_tiny, save_tiny, tiny_config, tiny_tokenizer

WEIGHTS = "model.safetensors"
VIT = {"layers": 2, "width": 64, "head_width": 32, "patch_size": 16}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def _texts(model: Aquila, tokenizer: Any) -> list[tuple[int, ...]]:
    generator = Generator(model, tokenizer)
    size = model.config.encoder.image_size
    image = np.random.default_rng(3).integers(0, 255, (1, size, size, 3), dtype=np.uint8)
    view = generator.view(image, np.ones((1, size, size), dtype=np.float32), [0])
    return [written.ids for written in generator.write(view, [Request((0,), (Turn("What is <region>?"),))])]


@pytest.mark.parametrize("shard_bytes", [1 << 40, 1_000_000])
def test_save_and_load_are_exact(tmp_path: Path, shard_bytes: int) -> None:
    tiny = loaded_tiny()
    save_model(tmp_path, tiny.model, tiny.tokenizer, card="card", shard_bytes=shard_bytes)
    assert (len(weight_files(tmp_path)) > 1) == (shard_bytes == 1_000_000)
    loaded = load_model(str(tmp_path), device="cpu")
    assert loaded.name == "tiny" and loaded.model.config == tiny.model.config
    before, after = tiny.model.state_dict(), loaded.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert _texts(loaded.model, loaded.tokenizer) == _texts(tiny.model, tiny.tokenizer)
    assert (tmp_path / "README.md").read_text() == "card"


def test_tied_weights_are_stored_once_and_stay_tied(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    language = LanguageConfig({**LLAMA, "vocab_size": tokenizer.size, "tie_word_embeddings": True}, "nano")
    model = Aquila(tiny_config(tokenizer.size, language=language))
    save_model(tmp_path, model, tokenizer)
    names = load_file(str(tmp_path / WEIGHTS))
    assert "language.lm_head.weight" not in names or "language.model.embed_tokens.weight" not in names
    loaded = load_model(str(tmp_path)).model
    assert loaded.language.lm_head.weight is loaded.language.model.embed_tokens.weight
    assert torch.equal(loaded.language.lm_head.weight, model.language.lm_head.weight)


def _truncate(folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[: len(content) // 2])


def _reshape(folder: Path) -> None:
    weights = load_file(str(folder / WEIGHTS))
    weights["projector.0.weight"] = weights["projector.0.weight"][:, :5].contiguous()
    save_file(weights, str(folder / WEIGHTS))


def _drop(folder: Path) -> None:
    weights = load_file(str(folder / WEIGHTS))
    del weights["projector.0.weight"]
    save_file(weights, str(folder / WEIGHTS))


def _add(folder: Path) -> None:
    weights = load_file(str(folder / WEIGHTS))
    weights["visitor"] = torch.zeros(2)
    save_file(weights, str(folder / WEIGHTS))


def _edit(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        values = json.loads((folder / "config.json").read_text())
        values.update(changes)
        (folder / "config.json").write_text(json.dumps(values))

    return change


def _write(name: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_text(text)

    return change


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_truncate, "truncated or no safetensors file"),
        (_write(WEIGHTS, "<html>not found</html>"), "truncated or no safetensors file"),
        (_write(WEIGHTS, ""), "truncated or no safetensors file"),
        (_remove(WEIGHTS), "does not exist; copy the model folder again"),
        (_reshape, r"projector.0.weight has shape \(48, 5\), but config.json asks for \(48, 160\)"),
        (_drop, "lacks 1 weights, first projector.0.weight"),
        (_add, "unknown weight visitor"),
        (_remove("config.json"), "no model folder: it has no config.json"),
        (_write("config.json", "{"), "cannot be read as JSON"),
        (_write("config.json", '{"model_type": "llama"}'), "not an Aquila configuration"),
        (_edit(colour="red"), "unknown fields"),
        (_edit(image_level=7), "image_level is 7"),
        (_edit(language={"huggingface": {"model_type": "absent"}}), "no causal language model of type 'absent'"),
        (_edit(language={"huggingface": {}}), "no model_type"),
        (_edit(encoder={"vision": {"timm_model_name": "convnext_absent"}}), "no encoder can be built"),
        (_remove("tokenizer.json"), "no tokenizer.json and no tokenizer.model"),
        (_write("tokenizer.json", "{}"), "of the tokenizers library"),
        (_write("tokenizer.json", "junk"), "cannot be read"),
        (_write("tokenizer_config.json", "{}"), "names no eos_token"),
        (_write("model.safetensors.index.json", "[]"), "no index of weight files"),
    ],
)
def test_damaged_folders_get_one_sentence(copy: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(copy)
    with pytest.raises(ModelError, match=words) as caught:
        load_model(str(copy))
    assert "\n" not in str(caught.value)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    tiny = loaded_tiny()
    save_model(tmp_path, tiny.model, tiny.tokenizer, shard_bytes=1_000_000)
    lost = weight_files(tmp_path)[1]
    lost.unlink()
    with pytest.raises(ModelError, match=lost.name):
        load_model(str(tmp_path))


def test_absent_models_devices_and_formats_get_one_sentence(folder: Path) -> None:
    with pytest.raises(ModelError, match="no model is called 'absent' and no such folder exists"):
        load_model("absent")
    for device, words in (("warp", "is no device"), ("cuda:99", "has no device"), ("meta", "is not supported")):
        with pytest.raises(ModelError, match=words):
            load_model(str(folder), device=device)
    with pytest.raises(ModelError, match="no number format"):
        pick_dtype("float128", pick_device("cpu"))


@pytest.mark.parametrize(("amx", "avx512", "stored", "expected"), [
    (True, True, 2 * 1024**3, torch.bfloat16), (False, True, 2 * 1024**3, torch.bfloat16),
    (True, True, 10 * 1024**2, torch.float32), (False, False, 2 * 1024**3, torch.float32),
])
def test_large_models_are_calculated_in_bfloat16_where_the_cpu_multiplies_it_faster(
    amx: bool, avx512: bool, stored: int, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512, raising=False)
    assert pick_dtype("auto", torch.device("cpu"), stored) == expected
    assert pick_dtype("float32", torch.device("cpu"), stored) == torch.float32


def test_a_torch_that_cannot_tell_of_the_cpu_calculates_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    assert pick_dtype("auto", torch.device("cpu"), 2 * 1024**3) == torch.float32


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_formats_load_and_write(folder: Path, dtype: str) -> None:
    loaded = load_model(str(folder), device="cpu", dtype=dtype)
    assert loaded.model.dtype == getattr(torch, dtype)
    if dtype == "bfloat16":
        assert len(_texts(loaded.model, loaded.tokenizer)[0]) > 0


def test_a_pickled_file_with_code_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {"a": torch.ones(1)}}, tmp_path / "good.bin")
    assert read_weights(tmp_path / "good.bin")["a"].tolist() == [1]
    torch.save({"a": print}, tmp_path / "bad.bin")
    with pytest.raises(ModelError, match="no readable weight file"):
        read_weights(tmp_path / "bad.bin")
    (tmp_path / "cut.bin").write_bytes((tmp_path / "good.bin").read_bytes()[:100])
    with pytest.raises(ModelError, match="no readable weight file"):
        read_weights(tmp_path / "cut.bin")


def test_vit_encoder_stands_behind_the_same_interface(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    model = Aquila(tiny_config(tokenizer.size, encoder=EncoderConfig(vision=VIT, image_size=64))).eval()
    pyramid = model.encoder(torch.zeros(2, 64, 64, 3, dtype=torch.uint8))
    assert [tuple(level.shape) for level in pyramid] == [(2, 64, 64 // s, 64 // s) for s in (4, 8, 16, 32)]
    save_model(tmp_path, model, tokenizer)
    loaded = load_model(str(tmp_path))
    assert _texts(loaded.model, tokenizer) == _texts(model, tokenizer)


def test_convnext_levels_have_the_designed_strides() -> None:
    pyramid = loaded_tiny().model.encoder(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))
    assert [tuple(level.shape[2:]) for level in pyramid] == [(16, 16), (8, 8), (4, 4), (2, 2)]


def test_clip_towers_load_from_whole_clip_files(tmp_path: Path) -> None:
    encoder = build_encoder(EncoderConfig(vision=VIT, image_size=64))
    state = {f"visual.{key[len('tower.'):]}": value for key, value in encoder.state_dict().items()}
    save_file({**{key: value.clone() for key, value in state.items()}, "logit_scale": torch.ones(1)},
              str(tmp_path / "clip.safetensors"))
    other = build_encoder(EncoderConfig(vision=VIT, image_size=64))
    load_clip_weights(other, tmp_path / "clip.safetensors")
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in encoder.state_dict().items())
    wide = build_encoder(EncoderConfig(vision={**VIT, "layers": 3}, image_size=64))
    with pytest.raises(ModelError, match="does not hold this encoder"):
        load_clip_weights(wide, tmp_path / "clip.safetensors")


@pytest.mark.parametrize("kind", ["qwen2", "qwen3", "mistral"])
def test_other_language_models_build_save_and_write(tmp_path: Path, kind: str) -> None:
    tokenizer = tiny_tokenizer(("<|im_start|>", "<|im_end|>"))
    fields = {**LLAMA, "model_type": kind, "vocab_size": tokenizer.size, "head_dim": 12}
    config = tiny_config(tokenizer.size, language=LanguageConfig(fields, "chatml"))
    torch.manual_seed(1)
    model = Aquila(config).eval()
    save_model(tmp_path, model, tokenizer)
    loaded = load_model(str(tmp_path))
    assert _texts(loaded.model, loaded.tokenizer) == _texts(model, tokenizer)


def test_configurations_survive_json(tmp_path: Path) -> None:
    config = tiny_config(300)
    config.save(tmp_path)
    assert AquilaConfig.load(tmp_path) == config


def test_code_named_by_a_foreign_config_is_ignored() -> None:
    fields = {**LLAMA, "vocab_size": 50, "auto_map": {"AutoModelForCausalLM": "evil.Model"}}
    assert build_language(fields).config.hidden_size == 48


def test_weights_of_another_model_do_not_load_in_part(copy: Path) -> None:
    model = Aquila(tiny_config(tiny_tokenizer().size, image_level=1))
    with pytest.raises(ModelError, match="different models"):
        load_weights(model, copy)
