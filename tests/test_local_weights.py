"""Pretrained parts from local files: a CLIP tower, and a language model in Hugging Face's layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core_model.config import EncoderConfig
from core_model.errors import ModelError
from core_model.network.encoder import build_encoder, load_clip_weights, open_clip_vision
from core_model.network.language import build_language, load_language
from core_model.weights import own_weights, write_folder
from tests.tiny import LLAMA

CONVNEXT = EncoderConfig(vision={"timm_model_name": "convnext_atto_ols"}, image_size=64)
VIT = EncoderConfig(vision={"layers": 2, "width": 32, "head_width": 16, "patch_size": 16}, image_size=64)


@pytest.mark.parametrize("config", [CONVNEXT, VIT], ids=["convnext", "vit"])
@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_a_clip_tower_loads_from_a_local_file(config: EncoderConfig, suffix: str, tmp_path: Path) -> None:
    trained = build_encoder(config)
    # As open_clip saves a whole CLIP: the tower under "visual.", other parts beside it.
    state = {f"visual.{key.removeprefix('tower.')}": value for key, value in trained.state_dict().items()}
    state["logit_scale"] = torch.tensor(4.6)
    path = tmp_path / f"clip{suffix}"
    if suffix == ".bin":
        torch.save(state, path)
    else:
        save_file(state, str(path))
    fresh = build_encoder(config)
    load_clip_weights(fresh, path)
    assert all(torch.equal(value, fresh.state_dict()[key]) for key, value in trained.state_dict().items())


def test_a_file_without_the_tower_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.safetensors"
    save_file({"token_embedding.weight": torch.zeros(3, 3)}, str(path))
    with pytest.raises(ModelError, match="does not hold this encoder"):
        load_clip_weights(build_encoder(CONVNEXT), path)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.bin"
    torch.save({"visual.trunk": Path}, path)  # any object but tensors needs code to come back
    with pytest.raises(ModelError, match="weight"):
        load_clip_weights(build_encoder(CONVNEXT), path)


def test_the_full_size_tower_is_known_by_name() -> None:
    assert open_clip_vision("convnext_large_d_320")["timm_model_name"] == "convnext_large"
    with pytest.raises(ModelError, match="no model"):
        open_clip_vision("convnext_of_nobody")


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("shard_bytes", [10_000, 10**9])
def test_a_language_model_loads_from_its_folder(kind: str, shard_bytes: int, tmp_path: Path) -> None:
    fields = {**LLAMA, "model_type": kind, "vocab_size": 300, "architectures": ["Whatever"]}
    torch.manual_seed(1)
    trained = build_language(fields).eval()
    (tmp_path / "config.json").write_text(json.dumps(fields))
    weights = {**own_weights(trained), "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(6)}
    write_folder(tmp_path, weights, shard_bytes)
    ids = torch.tensor([[1, 5, 7]])
    for dtype, tolerance in ((torch.float32, 0.0), (torch.bfloat16, 0.2), (torch.float16, 0.05)):
        loaded = load_language(tmp_path, dtype).eval()
        with torch.no_grad():
            difference = (loaded(ids).logits.float() - trained(ids).logits).abs().max()
        assert loaded.dtype == dtype and difference <= tolerance * trained(ids).logits.abs().max()


def test_a_folder_without_weights_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="config.json"):
        load_language(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**LLAMA, "vocab_size": 300}))
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_language(tmp_path)
