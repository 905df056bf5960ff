"""Reading the published Osprey checkpoint (arXiv 2312.10032), whose architecture is that of Aquila-plus.

Every size comes from the shapes of its weights. Two things no file tells, and they are arguments: which ConvNeXt the
encoder is, and the side of the pictures it was trained with.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from torch import Tensor

from core_model.config import AquilaConfig, EncoderConfig, ExtractorConfig, LanguageConfig
from core_model.errors import ModelError
from core_model.hashes import check_hashes
from core_model.importing.card import write_card
from core_model.importing.new_folder import new_folder
from core_model.loading.empty import empty_model, parameters_on_meta
from core_model.network.encoder import build_encoder
from core_model.network.language import language_fields
from core_model.text.tokenizer import load_tokenizer
from core_model.weights import check_complete, check_weight, iterate_folder, own_weights, weight_files, write_stream

ENCODER = "convnext_large"
IMAGE_SIZE = 512
TOKENIZER_NAME = "tokenizer.model"
# What stands before a name in the checkpoint and in a model folder; first match counts.
_RENAMED = (
    (re.compile(r"model\.vision_tower\.vision_tower\.visual\.trunk\.(.+)"), r"encoder.trunk.\1"),
    (re.compile(r"model\.mm_projector\.(.+)"), r"projector.\1"),
    (re.compile(r"mask_extractor\.feat_linear\.(.+)"), r"extractor.feat_linear.\1"),
    (re.compile(r"((?:model\.(?:embed_tokens|norm|layers)|lm_head)\..+)"), r"language.\1"),
)
_SPATIAL = re.compile(r"mask_extractor\.mask_linear\.layers\.(\d+)\.(.+)")
_LEVEL = re.compile(r"mask_extractor\.res(\d+)\.(.+)")
# What the model computes itself, and the part of the CLIP tower behind the feature maps.
_UNUSED = re.compile(r".*\.rotary_emb\.inv_freq|model\.vision_tower\.vision_tower\.visual\.head\..+")
# Fields of a Llama configuration; everything else in the file concerns Osprey's own code.
_LLAMA = (
    "hidden_act", "max_position_embeddings", "num_attention_heads", "num_key_value_heads", "rms_norm_eps",
    "rope_theta", "rope_scaling", "attention_bias", "initializer_range", "bos_token_id", "eos_token_id",
    "pad_token_id", "tie_word_embeddings",
)
# The instructions of its authors' demonstration and evaluation.
_PROMPTS = {
    "category": "What is the category of <region>? Using only one word or phrase.",
    "phrase": "Please give me a short description of <region>. Using a short phrase.",
    "description": "Please give me a short description of <region>.",
    "detailed": "Can you give me a detailed description of <region>?",
}

Shape = Tuple[int, ...]


def import_osprey(
    folder: Path, out: Path, *, encoder: str = ENCODER, image_size: int = IMAGE_SIZE, name: Optional[str] = None
) -> AquilaConfig:
    """Turn the checkpoint in ``folder`` into the model folder ``out``, its weights as they are.

    Shards are read one after the other, without executing anything from them. Raises ``ModelError`` with one sentence
    for a file that is missing, truncated, changed or of another model, and for an ``out`` that is there already.
    """
    files = weight_files(folder)
    config = osprey_config(folder, encoder=encoder, image_size=image_size, name=name or out.name)
    wanted = own_weights(empty_model(config))
    with new_folder(out, room=sum(path.stat().st_size for path in files)) as made:
        _copy_tokenizer(folder, made)
        sources = check_hashes(folder, files, every=True)
        config.save(made)
        write_stream(made, _converted(folder, wanted))
        write_card(made, _card(folder, encoder, image_size), sources=sources)
    return config


def osprey_config(folder: Path, *, encoder: str, image_size: int, name: str) -> AquilaConfig:
    """The configuration that a checkpoint's shapes and its ``config.json`` tell."""
    shapes = {key: tuple(value.shape) for key, value in iterate_folder(folder)}
    shape = _Shapes(folder, shapes)
    side = math.isqrt(shape("mask_extractor.mask_linear.layers.0.weight")[1])
    vision = EncoderConfig(vision={"timm_model_name": encoder}, image_size=image_size)
    return AquilaConfig(
        encoder=vision,
        extractor=ExtractorConfig(
            width=shape("mask_extractor.feat_linear.weight")[1], spatial_size=side,
            spatial_width=shape("mask_extractor.mask_linear.layers.0.weight")[0], pooling="osprey"),
        language=LanguageConfig(_language(folder, shape), template="osprey", rotary="float16"),
        image_level=_image_level(vision, shape("model.mm_projector.0.weight")[1], folder),
        name=name, prompts=_PROMPTS, max_new_tokens=256)


class _Shapes:
    """A checkpoint's shapes by name; a missing one is one sentence."""

    def __init__(self, folder: Path, shapes: Mapping[str, Shape]) -> None:
        self.folder, self.names = folder, shapes

    def __call__(self, name: str) -> Shape:
        if name not in self.names:
            raise ModelError(f"{self.folder} is no whole Osprey checkpoint: it has no weight {name}.")
        return self.names[name]


def _language(folder: Path, shape: _Shapes) -> Dict[str, Any]:
    stated = language_fields(folder)
    layers = {int(found.group(1)) for found in map(re.compile(r"model\.layers\.(\d+)\.").match, shape.names) if found}
    vocabulary, hidden = shape("model.embed_tokens.weight")
    return {
        **{key: stated[key] for key in _LLAMA if key in stated},
        "model_type": "llama", "vocab_size": vocabulary, "hidden_size": hidden,
        "num_hidden_layers": len(layers),
        "intermediate_size": shape("model.layers.0.mlp.gate_proj.weight")[0],
    }


def _image_level(vision: EncoderConfig, channels: int, folder: Path) -> int:
    """The level of the pyramid whose channels the projector takes."""
    with parameters_on_meta():
        found = build_encoder(vision).channels
    if channels not in found:
        raise ModelError(
            f"{folder} takes {channels} channels from its encoder, but {vision.vision['timm_model_name']} gives "
            f"{', '.join(map(str, found))}; name the right one with --encoder.")
    return found.index(channels)


def _converted(folder: Path, wanted: Mapping[str, Tensor]) -> Iterator[Tuple[str, Tensor]]:
    """The checkpoint's weights under our names, each checked against the model they are for."""
    found: List[str] = []
    for name, value in iterate_folder(folder):
        ours = osprey_name(name)
        if ours is None:
            continue
        check_weight(folder, wanted, ours, value)
        if not all(bound.isfinite() for bound in value.aminmax()):
            raise ModelError(f"{folder}: the weight {name} holds values that are no numbers; copy the file again.")
        found.append(ours)
        yield ours, value
    check_complete(folder, wanted, found)


def osprey_name(name: str) -> Optional[str]:
    """Our name of a weight of the checkpoint; ``None`` for one that is not needed."""
    if _UNUSED.fullmatch(name):
        return None
    spatial, level = _SPATIAL.fullmatch(name), _LEVEL.fullmatch(name)
    if spatial:  # between two linear layers of ours stands a ReLU with a number of its own
        return f"extractor.spatial.{2 * int(spatial.group(1))}.{spatial.group(2)}"
    if level:
        return f"extractor.levels.{int(level.group(1)) - 2}.{level.group(2)}"
    for pattern, ours in _RENAMED:
        if pattern.fullmatch(name):
            return pattern.sub(ours, name)
    return name


def _copy_tokenizer(folder: Path, made: Path) -> None:
    path = folder / TOKENIZER_NAME
    if not path.is_file():
        raise ModelError(f"{folder} has no {TOKENIZER_NAME}; copy it too.")
    shutil.copyfile(path, made / TOKENIZER_NAME)
    load_tokenizer(made)


def _card(folder: Path, encoder: str, image_size: int) -> str:
    return f"""# Osprey, as a model folder of Aquila

Made by `python -m core_model import-osprey` from the checkpoint folder `{folder.name}`, with the encoder {encoder} at
{image_size} × {image_size} pixels. The weights are the published ones, unchanged; so is the way masks are read
(`pooling` is `osprey`), which loses regions of few pixels: see to it that a polygon fills a good part of its tile.

- Paper: Osprey: Pixel Understanding with Visual Instruction Tuning, arXiv 2312.10032.
- Licences: the authors' code is under Apache-2.0; the language model was made from Vicuna 7B v1.5, which stands under
  the Llama 2 Community License, so that applies to these weights; the encoder is LAION's CLIP (MIT).
- Trained on photographs of everyday scenes, not on images from above: its descriptions of those are guesses at times.
"""
