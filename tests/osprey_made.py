"""A tiny checkpoint in the published layout of Osprey, made here, so that its tests need no other file."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path

import torch
from sentencepiece import SentencePieceTrainer
from torch import Tensor

from core_model.config import AquilaConfig, EncoderConfig, ExtractorConfig, LanguageConfig
from core_model.network.aquila import Aquila

ENCODER, IMAGE_SIZE, VOCABULARY = "convnext_atto_ols", 64, 300
LLAMA = {
    "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "tie_word_embeddings": False, "initializer_range": 0.4, "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}
SENTENCES = [
    "What is the category of this? Using only one word or phrase.", "A chat between a curious human and an assistant.",
    "Please give me a short description of the region.", "This provides an overview of the picture.",
]


@functools.lru_cache(maxsize=1)
def osprey_model() -> Aquila:
    """An untrained model of Osprey's architecture, in float16."""
    torch.manual_seed(0)
    return Aquila(AquilaConfig(
        encoder=EncoderConfig(vision={"timm_model_name": ENCODER}, image_size=IMAGE_SIZE),
        extractor=ExtractorConfig(width=24, spatial_size=14, spatial_width=20, pooling="osprey"),
        language=LanguageConfig({**LLAMA, "model_type": "llama", "vocab_size": VOCABULARY}, "osprey", "float16"),
    )).half().eval()


def osprey_state() -> dict[str, Tensor]:
    """The model's weights under the published names, with those that nobody needs."""
    state: dict[str, Tensor] = {}
    for name, value in osprey_model().state_dict().items():
        part, rest = name.split(".", 1)
        if part == "encoder":
            state[f"model.vision_tower.vision_tower.visual.{rest}"] = value
        elif part == "projector":
            state[f"model.mm_projector.{rest}"] = value
        elif part == "language":
            state[rest] = value
        elif rest.startswith("spatial."):
            _, number, kind = rest.split(".")
            state[f"mask_extractor.mask_linear.layers.{int(number) // 2}.{kind}"] = value
        elif rest.startswith("levels."):
            _, number, kind = rest.split(".")
            state[f"mask_extractor.res{int(number) + 2}.{kind}"] = value
        else:
            state[f"mask_extractor.{rest}"] = value
    state["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(6)
    state["model.vision_tower.vision_tower.visual.head.mlp.fc1.weight"] = torch.ones(4, 4)
    return state


def save_osprey(folder: Path, *, shards: int = 1, zipped: bool = True) -> Path:
    """A checkpoint's folder: one ``pytorch_model.bin``, or shards with their index."""
    folder.mkdir(parents=True, exist_ok=True)
    state = osprey_state()
    names = list(state)
    places = {}
    for number in range(shards):
        part = {name: state[name].clone() for name in names[number::shards]}
        file = "pytorch_model.bin" if shards == 1 else f"pytorch_model-{number + 1:05d}-of-{shards:05d}.bin"
        torch.save(part, folder / file, _use_new_zipfile_serialization=zipped)
        places.update(dict.fromkeys(part, file))
    if shards > 1:
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))
    fields = {**LLAMA, "model_type": "osprey", "vocab_size": VOCABULARY, "mm_hidden_size": 160, "use_mm_proj": True}
    (folder / "config.json").write_text(json.dumps(fields))
    (folder / "tokenizer.model").write_bytes(_tokenizer())
    return folder


@functools.lru_cache(maxsize=1)
def _tokenizer() -> bytes:
    written = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 5), model_writer=written, vocab_size=VOCABULARY, model_type="bpe",
        byte_fallback=True, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, remove_extra_whitespaces=False,
        normalization_rule_name="identity", minloglevel=2, hard_vocab_limit=False)
    return written.getvalue()
