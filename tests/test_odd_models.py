"""Models and prompts that do not do: one sentence each, never silently wrong texts, and nothing of them left behind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from core_model.checkpoint import load_model, save_model
from core_model.config import AquilaConfig, EncoderConfig
from core_model.describer import Describer
from core_model.errors import MemoryRanOutError, ModelError, NotFiniteError, PromptError, is_out_of_memory
from core_model.folders import model_folder
from core_model.generation import Generator, Request, View
from core_model.geo.regions import Region
from core_model.importing.new_folder import new_folder
from core_model.network.encoder import build_encoder
from core_model.network.extractor import masked_mean, sectors
from core_model.network.language import build_language
from core_model.network.reading import Reader
from core_model.text.prompt import Turn
from core_model.text.tokenizer import JsonTokenizer, load_tokenizer
from core_model.writing.portion import Portion
from tests.geo_helpers import write_raster
from tests.tiny import LLAMA, loaded_tiny, save_tiny, tiny_model, tiny_tokenizer

SQUARE = "POLYGON((500020 5799980,500060 5799980,500060 5799940,500020 5799940,500020 5799980))"


@pytest.fixture
def generator() -> Generator:
    loaded = loaded_tiny()
    return Generator(loaded.model, loaded.tokenizer)


def _view(generator: Generator) -> View:
    size = generator.model.config.encoder.image_size
    image = np.random.default_rng(0).integers(0, 255, (1, size, size, 3), dtype=np.uint8)
    mask = np.zeros((1, size, size), np.float32)
    mask[0, 8:40, 8:40] = 1
    return generator.view(image, mask, [0])


def _asked(text: str = "What is <region>?") -> List[Request]:
    return [Request((0,), (Turn(text),))]


def test_in_half_precision_an_empty_mask_has_a_mean_of_nothing() -> None:
    features = torch.ones(1, 3, 8, 8, dtype=torch.float16)
    empty = torch.zeros(2, 8, 8, dtype=torch.float16)
    assert masked_mean(features, empty, torch.tensor([0, 0])).tolist() == [[0.0] * 3] * 2
    assert sectors(torch.zeros(1, 64, 64, dtype=torch.float16), 4).isfinite().all()


def test_half_precision_writes_numbers(generator: Generator) -> None:
    loaded = loaded_tiny()
    torch.manual_seed(0)
    half = Generator(tiny_model(tiny_tokenizer()).half(), loaded.tokenizer)
    (written,) = half.write(_view(half), _asked())
    assert written.ids and 0 < written.probability <= 1


def test_a_model_that_calculates_no_numbers_is_told(tmp_path: Path) -> None:
    model, tokenizer = tiny_model(tiny_tokenizer()), tiny_tokenizer()
    with torch.no_grad():
        model.language.model.norm.weight.fill_(float("nan"))
    broken = Generator(model, tokenizer)
    view = _view(broken)
    with pytest.raises(NotFiniteError, match="the model calculates no numbers"):
        broken.write(view, _asked())
    with pytest.raises(NotFiniteError):
        broken.score(view, _asked(), ["forest", "field"])
    save_model(tmp_path / "broken", model, tokenizer)
    raster = write_raster(tmp_path / "a.tif", np.random.default_rng(0).integers(0, 255, (3, 100, 100), dtype=np.uint8))
    (found,) = Describer(load_model(str(tmp_path / "broken"), device="cpu")).describe(
        raster, [Region.from_wkt(1, SQUARE, "EPSG:32633")])
    assert found.status.startswith("error: the model calculates no numbers") and not found.description


def test_more_tokens_than_a_model_has_places_for_are_refused() -> None:
    tokenizer = tiny_tokenizer()
    config = tiny_model(tokenizer).config
    fields = {**config.language.huggingface, "max_position_embeddings": 120}
    short = Generator(tiny_model(tokenizer, language=replace(config.language, huggingface=fields)), tokenizer)
    view = _view(short)
    assert len(short.write(view, _asked(), max_new_tokens=500)[0].ids) < 120
    with pytest.raises(PromptError, match="the prompt is too long: with the picture it takes 426 tokens, and"):
        short.write(view, _asked("What is <region>?" + " forest" * 400))
    with pytest.raises(PromptError, match="use shorter labels"):
        short.score(view, _asked(), ["field", "a" * 500])
    assert short.score(view, _asked(), [f"field {number}" for number in range(60)]).shape == (1, 60)


def test_a_single_thing_too_large_still_makes_batches_smaller() -> None:
    """What fills memory may be many pictures, each of which is too large beside the others."""
    with pytest.raises(MemoryRanOutError) as told:
        Portion(1, "pictures").halve(RuntimeError("CUDA out of memory"))
    assert is_out_of_memory(told.value) and not is_out_of_memory(ModelError("a weight is missing"))


@pytest.mark.parametrize(("fields", "words"), [
    ({"model_type": "falcon", "alibi": True, "hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 1},
     "ALiBi"),
    ({**LLAMA, "num_attention_heads": 0}, "can be built"),
    ({**LLAMA, "hidden_size": "x"}, "can be built"),
    ({**LLAMA, "num_attention_heads": 5}, "can be built"),
])
def test_language_models_that_cannot_be_used_are_refused(fields: dict, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        build_language({**fields, "vocab_size": 100})


def test_compressed_keys_are_copied_and_layers_without_keys_refused() -> None:
    class Cache:
        def __init__(self, *layers: Any) -> None:
            self.layers = layers

    reader = Reader(tiny_model(tiny_tokenizer()).language)

    class Layer:
        keys, values = torch.zeros(1, 2, 3, 8), torch.zeros(1, 2, 3, 4)

    def fill(layer: Any) -> Any:
        return lambda **given: given[reader._cache_name].layers.append(layer)

    assert not reader.copies
    reader.language = fill(Layer)
    keys, values = reader.prefixes(torch.zeros(1, 3, 48))
    assert reader.copies and keys[0].shape != values[0].shape
    reader.language = fill(Cache())
    with pytest.raises(ModelError, match="does not keep keys and values in every layer"):
        reader.prefixes(torch.zeros(1, 3, 48))


@pytest.mark.parametrize(("name", "words"), [
    ("hf-hub:a/b", "plain name"), (5, "plain name"), ("resnet18", "no ConvNeXt"),
    ("vit_tiny_patch16_224", "no ConvNeXt"), ("convnext_of_nobody", "no encoder can be built"),
])
def test_towers_that_are_no_convnext_are_refused(name: Any, words: str) -> None:
    """One that begins with "hf-hub:" would be looked for in the network."""
    with pytest.raises(ModelError, match=words):
        build_encoder(EncoderConfig(vision={"timm_model_name": name}, image_size=64))


@pytest.mark.parametrize(("place", "value", "words"), [
    ("image_level", "3", "it must be a whole number"), ("confidence", None, "it must be a list"),
    ("confidence", [1, 2], "it must be a list"), ("encoder", None, "it must be an object"),
    ("extractor.mask_tokens", "1", "a whole number"), ("extractor.spatial_size", "x", "a whole number"),
    ("language.huggingface", None, "an object"), ("familiar", -1, "must be 0 or more"),
    ("encoder.image_size", 0, "must be 32 or more"), ("label_temperature", 0, "must be above 0"),
    ("max_new_tokens", 0, "must be 1 or more"), ("label_first", 1, "true or false"), ("categories", [1], "a list"),
])
def test_settings_of_another_kind_are_named(tmp_path: Path, place: str, value: object, words: str) -> None:
    folder = save_tiny(tmp_path / "model")
    values = json.loads((folder / "config.json").read_text())
    *part, name = place.split(".")
    (values[part[0]] if part else values)[name] = value
    (folder / "config.json").write_text(json.dumps(values))
    with pytest.raises(ModelError, match=words):
        AquilaConfig.load(folder)


def test_a_folder_saved_anew_holds_nothing_of_before(tmp_path: Path) -> None:
    """Older shards would be read instead, and hashes of a card are those of other weights."""
    tokenizer, model = tiny_tokenizer(), tiny_model(tiny_tokenizer())
    card = f"- `model.safetensors` sha256 {'0' * 64}\nA model.\n"
    save_model(tmp_path, model, tokenizer, shard_bytes=200_000)
    (tmp_path / "README.md").write_text(card)
    with torch.no_grad():
        model.projector[0].bias.fill_(0.25)
    save_model(tmp_path, model, tokenizer)
    assert not list(tmp_path.glob("*index*")) and len(list(tmp_path.glob("*.safetensors"))) == 1
    assert (tmp_path / "README.md").read_text() == "A model.\n"
    assert float(load_model(str(tmp_path), device="cpu").model.projector[0].bias.mean()) == pytest.approx(0.25)
    save_model(tmp_path, model, tokenizer, shard_bytes=200_000)
    assert not (tmp_path / "model.safetensors").exists()
    assert float(load_model(str(tmp_path), device="cpu").model.projector[0].bias.mean()) == pytest.approx(0.25)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens([f"word{number}" for number in range(5)])
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(ModelError, match="they are of different models"):
        load_model(str(folder), device="cpu")


def test_no_text_is_cut_filled_or_taken_for_a_marker() -> None:
    """As a tokenizer.json may be saved by others: with lengths of its own, and markers that are not special."""
    plain = tiny_tokenizer()
    tokenizer = Tokenizer.from_str(plain._content)
    tokenizer.add_tokens(["<|im_end|>", "  "])
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=32)
    found = JsonTokenizer(tokenizer.to_str(), {"bos_token": "<s>", "eos_token": "</s>"})
    text = "what is this forest field of many words"
    assert found.encode(text) == plain.encode(text)
    marker = found.special("<|im_end|>")
    assert marker not in found.encode("a<|im_end|>b") and found.decode([*plain.encode("a"), marker]) == "a"
    assert tokenizer.token_to_id("  ") in found.encode("a  b")


def test_tokenizers_that_cannot_be_read_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"version": "9", "model": {"type": "Unheard"}}')
    with pytest.raises(ModelError, match="it may need a newer package tokenizers"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer.model").write_bytes(b"")
    with pytest.raises(ModelError, match="copy the model folder again|needs the package"):
        load_tokenizer(tmp_path)


def test_a_folder_behind_a_link_is_filled_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "disk" / "model").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "model")
    with new_folder(tmp_path / "link", room=1) as made:
        assert made.parent == tmp_path / "disk"
        (made / "config.json").write_text("{}")
    assert (tmp_path / "link" / "config.json").is_file() and not list((tmp_path / "disk").glob("*.unfinished"))


def test_names_of_nobody_and_endless_numbers_are_plain_mistakes() -> None:
    with pytest.raises(ModelError, match="no model is called"):
        model_folder("~nobody-at-all/model")
    builder = Generator(loaded_tiny().model, loaded_tiny().tokenizer).builder
    with pytest.raises(PromptError):
        builder.suffix((Turn("What is <region" + "1" * 5000 + ">?"),), 1)
