"""A model put together from pretrained parts: nothing lost of them, and new parts that a seed repeats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from core_model.checkpoint import load_model
from core_model.cli import app
from core_model.config import EncoderConfig
from core_model.errors import ModelError
from core_model.importing import assemble as assembling
from core_model.importing.assemble import assemble
from core_model.network.encoder import Encoder, build_encoder
from core_model.network.language import build_language
from core_model.weights import own_weights, write_folder
from tests.tiny import LLAMA, tiny_tokenizer

VISION = {"timm_model_name": "convnext_atto_ols", "timm_model_pretrained": False}
SIZE = 64


@pytest.fixture(autouse=True)
def small_tower(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' tower stands in for the one that open_clip knows by name."""
    monkeypatch.setattr(assembling, "open_clip_vision", lambda _name: dict(VISION))


def _clip(path: Path) -> Encoder:
    """A whole CLIP as open_clip saves one, its text side beside the tower."""
    torch.manual_seed(5)
    encoder = build_encoder(EncoderConfig(vision=VISION, image_size=SIZE))
    state = {f"visual.{name}": value.clone() for name, value in encoder.state_dict().items()}
    state |= {"logit_scale": torch.tensor(4.6), "visual.head.mlp.fc1.weight": torch.ones(3, 3)}
    if path.suffix == ".bin":
        torch.save(state, path)
    else:
        save_file(state, str(path))
    return encoder


def _llm(folder: Path, *, markers: tuple[str, ...] = (), torch_shards: bool = False, **changes: Any) -> Any:
    folder.mkdir()
    tokenizer = tiny_tokenizer(markers)
    tokenizer.save(folder)
    fields = {**LLAMA, "vocab_size": tokenizer.size, "architectures": ["Whatever"], **changes}
    (folder / "config.json").write_text(json.dumps(fields))
    torch.manual_seed(6)
    language = build_language(fields).to(torch.bfloat16)
    weights = {**own_weights(language), "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(6)}
    if torch_shards:
        names = sorted(weights)
        for number in (0, 1):
            torch.save({name: weights[name] for name in names[number::2]}, folder / f"pytorch_model-{number}.bin")
        places = {name: f"pytorch_model-{at % 2}.bin" for at, name in enumerate(names)}
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))
    else:
        write_folder(folder, weights)
    return language


@pytest.mark.parametrize("torch_shards", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_both_parts_arrive_unchanged(torch_shards: bool, tied: bool, tmp_path: Path) -> None:
    clip = tmp_path / ("clip.bin" if torch_shards else "clip.safetensors")
    encoder = _clip(clip)
    language = _llm(tmp_path / "llm", torch_shards=torch_shards, tie_word_embeddings=tied)
    config = assemble(clip, tmp_path / "llm", tmp_path / "out", image_size=SIZE)
    model = load_model(str(tmp_path / "out"), device="cpu").model
    assert all(torch.equal(value, model.encoder.state_dict()[name]) for name, value in encoder.state_dict().items())
    found = model.language.state_dict()
    assert all(torch.equal(value.float(), found[name]) for name, value in language.state_dict().items())
    assert (model.language.lm_head.weight is model.language.model.embed_tokens.weight) == tied
    assert config.language.template == "vicuna" and config.extractor.spatial_size == 224


def test_new_parts_come_from_the_seed_and_from_nothing_else(tmp_path: Path) -> None:
    _clip(tmp_path / "clip.safetensors")
    _llm(tmp_path / "llm")
    made = []
    for number, seed in enumerate((1, 1, 2)):
        torch.manual_seed(number)
        before = torch.get_rng_state()
        assemble(tmp_path / "clip.safetensors", tmp_path / "llm", tmp_path / f"{number}", image_size=SIZE, seed=seed)
        assert torch.equal(torch.get_rng_state(), before)
        made.append(load_file(str(tmp_path / f"{number}" / "model.safetensors")))
    name = "extractor.spatial.0.weight"
    assert torch.equal(made[0][name], made[1][name]) and not torch.equal(made[0][name], made[2][name])
    # As nn.Linear draws: uniform within one over the root of its inputs.
    assert made[0][name].abs().max() <= 1 / 224 and made[0][name].std() > 0.5 / 224
    assert all(value.isfinite().all() for value in made[0].values())


def test_the_tokenizer_decides_on_the_template(tmp_path: Path) -> None:
    _clip(tmp_path / "clip.safetensors")
    _llm(tmp_path / "llm", markers=("<|im_start|>", "<|im_end|>"), model_type="qwen2")
    config = assemble(tmp_path / "clip.safetensors", tmp_path / "llm", tmp_path / "out", image_size=SIZE)
    assert config.language.template == "chatml"
    loaded = load_model(str(tmp_path / "out"), device="cpu")
    assert loaded.tokenizer.special("<|im_end|>") > 0
    chosen = assemble(
        tmp_path / "clip.safetensors", tmp_path / "llm", tmp_path / "other", image_size=SIZE, template="vicuna")
    assert chosen.language.template == "vicuna"


def test_the_command_tells_what_it_made(tmp_path: Path) -> None:
    _clip(tmp_path / "clip.bin")
    _llm(tmp_path / "llm")
    options = ["--clip", str(tmp_path / "clip.bin"), "--llm", str(tmp_path / "llm"), "--image-size", str(SIZE)]
    result = CliRunner().invoke(app, ["assemble", str(tmp_path / "out"), *options])
    assert result.exit_code == 0 and "ready for the first training stage" in result.stderr
    assert "describes nothing" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert CliRunner().invoke(app, ["check", str(tmp_path / "out")]).exit_code == 0
    again = CliRunner().invoke(app, ["assemble", str(tmp_path / "out"), *options])
    assert again.exit_code == 1 and "is there already" in again.stderr


@pytest.mark.parametrize("part", ["weights", "config.json", "tokenizer.json", "clip", "template", "markers", "size"])
def test_a_part_that_does_not_do_gets_one_sentence(part: str, tmp_path: Path) -> None:
    clip, llm = tmp_path / "clip.safetensors", tmp_path / "llm"
    _clip(clip)
    _llm(llm)
    template = {"template": "nobody's", "markers": "chatml"}.get(part)
    if part == "weights":
        (llm / "model.safetensors").unlink()
    elif part == "clip":
        save_file({"text": torch.zeros(2)}, str(clip))
    elif part == "size":
        fields = json.loads((llm / "config.json").read_text())
        (llm / "config.json").write_text(json.dumps({**fields, "intermediate_size": 97}))
    elif part.endswith(".json"):
        (llm / part).unlink()
    words = {
        "weights": "does not exist", "config.json": "config.json cannot be read", "clip": "does not hold this encoder",
        "tokenizer.json": "no tokenizer.json and no tokenizer.model", "size": "they are of different models",
        "template": "no conversation template", "markers": "no special token",
    }
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ModelError, match=words[part]) as caught:
        assemble(clip, llm, tmp_path / "out", image_size=SIZE, template=template)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before
