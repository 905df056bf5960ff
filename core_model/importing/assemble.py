"""An Aquila-plus to be trained: a pretrained CLIP tower, a pretrained language model, and new parts between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple

import torch
from torch import Tensor, nn

from core_model.config import AquilaConfig, EncoderConfig, LanguageConfig
from core_model.errors import ModelError, PromptError
from core_model.hashes import check_hashes
from core_model.importing.card import write_card
from core_model.importing.new_folder import new_folder
from core_model.loading.empty import empty_model
from core_model.network.aquila import Aquila
from core_model.network.encoder import build_encoder, load_clip_weights, open_clip_vision
from core_model.network.language import language_fields
from core_model.text.prompt import template as named_template
from core_model.text.tokenizer import TextTokenizer, load_tokenizer
from core_model.weights import check_complete, check_weight, iterate_folder, own_weights, weight_files, write_stream

ENCODER = "convnext_large_d_320"
IMAGE_SIZE = 512
_DERIVED = "rotary_emb.inv_freq"  # older files store what the model computes itself


def assemble(
    clip: Path, llm: Path, out: Path, *, encoder: str = ENCODER, image_size: int = IMAGE_SIZE,
    template: Optional[str] = None, seed: int = 0,
) -> AquilaConfig:
    """Write the model folder ``out``, ready for the first training stage.

    ``clip`` is a weight file of the open_clip model ``encoder``, ``llm`` a local Hugging Face folder of a causal
    language model. Projector and mask-aware extractor have the paper's sizes and start from ``seed``. Without a
    ``template`` the tokenizer decides: chatml where it has that format's markers, else vicuna. Raises ``ModelError``
    with one sentence for parts that are missing, truncated, changed or do not fit.
    """
    tokenizer = load_tokenizer(llm)
    config = AquilaConfig(
        encoder=EncoderConfig(vision=open_clip_vision(encoder), image_size=image_size),
        language=LanguageConfig(language_fields(llm), template=template or _template(tokenizer)),
        name=out.name)
    _check_template(config.language.template, tokenizer)
    model = empty_model(config)
    files = weight_files(llm)
    room = sum(path.stat().st_size for path in (clip, *files) if path.is_file())
    with new_folder(out, room=room) as made:
        sources = {**check_hashes(clip.parent, [clip], every=True), **check_hashes(llm, files, every=True)}
        config.save(made)
        write_stream(made, _weights(model, clip, llm, seed))
        tokenizer.save(made)
        write_card(made, _card(encoder, image_size, llm.name), sources=sources)
    return config


def _weights(model: Aquila, clip: Path, llm: Path, seed: int) -> Iterator[Tuple[str, Tensor]]:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        encoder = build_encoder(model.config.encoder)
        new = {**_drawn("projector", model.projector), **_drawn("extractor", model.extractor)}
    load_clip_weights(encoder, clip)
    yield from ((f"encoder.{name}", value) for name, value in own_weights(encoder).items())
    del encoder
    yield from new.items()
    own = {name: value for name, value in own_weights(model).items() if name.startswith("language.")}
    yield from _language_weights(llm, own, set(model.state_dict()))


def _drawn(name: str, part: nn.Module) -> Dict[str, Tensor]:
    """The weights of an untrained part, drawn as its layers do on their own."""
    part = part.to_empty(device="cpu")
    for layer in part.modules():
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    return {f"{name}.{inner}": value for inner, value in own_weights(part).items()}


def _language_weights(llm: Path, own: Mapping[str, Tensor], known: set[str]) -> Iterator[Tuple[str, Tensor]]:
    found = []
    for name, value in iterate_folder(llm):
        ours = f"language.{name}"
        if name.endswith(_DERIVED) or (ours in known and ours not in own):  # derived, or tied to another one
            continue
        check_weight(llm, own, ours, value)
        found.append(ours)
        yield ours, value
    check_complete(llm, own, found)


def _template(tokenizer: TextTokenizer) -> str:
    try:
        _check_template("chatml", tokenizer)
    except ModelError:
        return "vicuna"
    return "chatml"


def _check_template(name: str, tokenizer: TextTokenizer) -> None:
    try:
        markers = named_template(name).specials
    except PromptError as error:
        raise ModelError(str(error)) from None
    for marker in markers:
        tokenizer.special(marker)


def _card(encoder: str, image_size: int, llm: str) -> str:
    return f"""# An Aquila-plus that is not trained yet

Made by `python -m core_model assemble` from the image tower of {encoder}, at {image_size} × {image_size} pixels,
and the language model in `{llm}`. The projector and the mask-aware extractor between them hold random numbers: before
the three training stages this model describes nothing.

The licences of both parts apply to this folder.
"""
