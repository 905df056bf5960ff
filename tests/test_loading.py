"""Loading: no memory before the weights, none beside them, and a sentence where there is not enough."""

from __future__ import annotations

import platform
import sys
import threading
import weakref
from pathlib import Path
from typing import Any, Iterator

import pytest
import torch
from torch import Tensor, nn

from core_model.checkpoint import load_model, pick_dtype
from core_model.config import LanguageConfig
from core_model.errors import ModelError
from core_model.hashes import check_hashes, file_hash, stated_hashes
from core_model.loading import filling, memory, wide
from core_model.loading.empty import empty_model, parameters_on_meta
from core_model.loading.filling import Filler, device_of, weight_bytes
from core_model.loading.memory import check_room
from core_model.loading.several import join_devices, layer_devices
from core_model.loading.wide import WideLinear, needs_wide
from core_model.network.aquila import Aquila
from core_model.weights import iterate_folder, load_weights, own_weights, write_stream
from tests.tiny import LLAMA, loaded_tiny, save_tiny, tiny_config

CPU = torch.device("cpu")
GIB = 1024**3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def empty() -> Aquila:
    return empty_model(loaded_tiny().model.config)


def _logits(language: Any) -> Tensor:
    with torch.inference_mode():
        return language(torch.arange(40).view(2, 20)).logits


def test_an_empty_model_has_names_shapes_and_buffers_but_no_weights(empty: Aquila) -> None:
    whole = loaded_tiny().model
    assert all(value.is_meta for value in empty.parameters())
    assert {name: value.shape for name, value in empty.state_dict().items()} == {
        name: value.shape for name, value in whole.state_dict().items()}
    buffers = dict(empty.named_buffers())
    assert buffers and all(torch.equal(value, buffers[name]) for name, value in whole.named_buffers())
    assert own_weights(empty).keys() == own_weights(whole).keys()


def test_modules_of_other_threads_and_later_ones_are_real() -> None:
    made: list[nn.Linear] = []
    with parameters_on_meta():
        thread = threading.Thread(target=lambda: made.append(nn.Linear(2, 2)))
        thread.start()
        thread.join()
        assert nn.Linear(2, 2).weight.is_meta
    assert not made[0].weight.is_meta and not nn.Linear(2, 2).weight.is_meta


def test_loading_fills_every_weight_in_the_format_asked_for(folder: Path) -> None:
    stored = dict(iterate_folder(folder))
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16), ("float16", torch.float16)):
        model = load_model(str(folder), device="cpu", dtype=name).model
        assert not model.training and not any(value.requires_grad for value in model.parameters())
        assert all(torch.equal(value, stored[key].to(dtype)) for key, value in own_weights(model).items())
        assert model.encoder.mean.dtype == dtype
        # Rounded frequencies would blur distant positions.
        assert {value.dtype for value in model.language.buffers()} == {torch.float32}


def test_weights_are_copies_so_that_the_folder_may_go(tmp_path: Path) -> None:
    model = load_model(str(save_tiny(tmp_path / "gone")), device="cpu").model
    before = model.projector[0].weight.clone()
    path = tmp_path / "gone" / "model.safetensors"
    path.write_bytes(b"\0" * path.stat().st_size)
    assert torch.equal(model.projector[0].weight, before)


def test_a_stream_is_written_shard_by_shard(tmp_path: Path) -> None:
    alive: list[weakref.ref[Tensor]] = []

    def weights() -> Iterator[tuple[str, Tensor]]:
        for number in range(12):
            value = torch.full((100,), float(number))
            alive.append(weakref.ref(value))
            yield f"w{number}", value
            del value
            assert sum(entry() is not None for entry in alive) <= 3

    write_stream(tmp_path, weights(), shard_bytes=3 * 400)
    found = dict(iterate_folder(tmp_path))
    assert len(list(tmp_path.glob("*.safetensors"))) == 4
    assert [found[f"w{number}"][0] for number in range(12)] == list(range(12))


def test_a_model_too_large_is_told_before_anything_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = memory.needed_bytes(weight_bytes(loaded_tiny().model)["float32"])
    monkeypatch.setattr(memory, "free_bytes", lambda _device: needed - 1)
    monkeypatch.setattr(filling, "load_weights", lambda *_given, **_named: pytest.fail("weights were read"))
    words = r"as float32, but .* are free on cpu; choose the number format bfloat16 \("
    with pytest.raises(ModelError, match=words):
        load_model(str(folder), device="cpu", dtype="float32")
    monkeypatch.setattr(memory, "free_bytes", lambda _device: 1000)
    with pytest.raises(ModelError, match="choose a smaller model, or close other programs: this one takes"):
        load_model(str(folder), device="cpu", dtype="bfloat16")


def test_a_small_gpu_is_told_what_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"float32": 28 * GIB, "bfloat16": 14 * GIB, "int8": 7 * GIB, "int4": 4 * GIB}
    free = {"cuda": 8 * GIB, "cpu": 32 * GIB}
    monkeypatch.setattr(memory, "free_bytes", lambda device: free[device.type])
    with pytest.raises(ModelError) as caught:
        check_room(sizes, "bfloat16", torch.device("cuda"), cpu_dtypes=("bfloat16", "float32"))
    assert str(caught.value) == (
        "the model takes 15.4 GiB of memory as bfloat16, but 8.0 GiB are free on cuda; choose the number format "
        "int8 (7.7 GiB) or int4 (4.4 GiB), or the device cpu with float32 (30.8 GiB) or bfloat16 (15.4 GiB).")
    check_room(sizes, "int4", torch.device("cuda"))


def test_an_unknown_amount_of_memory_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda _device: None)
    check_room({"float32": 10**18}, "float32", CPU)


@pytest.mark.parametrize(
    ("limit", "expected"), [("max", 4000 * 1024), ("3000000", 3000000 - 1000000 + 400000), ("", 4000 * 1024)])
def test_free_memory_heeds_a_containers_limit(limit: str, expected: int, tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    4000 kB\n")
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    if limit:
        (group / "memory.max").write_text(limit + "\n")
        (group / "memory.current").write_text("1000000\n")
        (group / "memory.stat").write_text("anon 600000\ninactive_file 400000\n")
    assert memory._linux_free(tmp_path) == expected


def test_this_machine_tells_its_free_memory() -> None:
    free = memory.free_bytes(CPU)
    if sys.platform == "linux":
        assert free is not None and 2**20 < free < 2**50
    else:
        assert free is None or 0 < free < 2**50


def test_stated_hashes_come_from_the_card_and_the_download_record(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"a")
    (tmp_path / "b.bin").write_bytes(b"b")
    right = file_hash(tmp_path / "a.safetensors")
    (tmp_path / "README.md").write_text(f"| `a.safetensors` | {right} |\nmade of `c.bin`\n  sha256 {'1' * 64}\n")
    record = tmp_path / ".cache/huggingface/download/b.bin.metadata"
    record.parent.mkdir(parents=True)
    record.write_text(f"commit\n{'2' * 64}\n1.0\n")
    assert stated_hashes(tmp_path) == {"a.safetensors": right, "b.bin": "2" * 64}
    assert check_hashes(tmp_path, [tmp_path / "a.safetensors", tmp_path / "absent.bin"]) == {"a.safetensors": right}
    with pytest.raises(ModelError, match=r"b\.bin is not the file"):
        check_hashes(tmp_path, [tmp_path / "b.bin"])
    record.write_text(f"commit\n{'a' * 40}\n1.0\n")  # a small file's hash is of another kind
    assert "b.bin" not in stated_hashes(tmp_path)


@pytest.mark.parametrize(("kind", "tolerance"), [("int8", 0.02), ("int4", 0.15)])
def test_fewer_bits_calculate_nearly_the_same(kind: str, tolerance: float, tmp_path: Path) -> None:
    bitsandbytes = pytest.importorskip("bitsandbytes", reason="int8 and int4 need the package bitsandbytes")
    # q_proj has rows of whole blocks, down_proj (96 wide) has not.
    fields = {**LLAMA, "hidden_size": 64, "vocab_size": loaded_tiny().tokenizer.size}
    folder = save_tiny(tmp_path, language=LanguageConfig(fields, "nano"))
    whole = load_model(str(folder), device="cpu").model
    small = load_model(str(folder), device="cpu", dtype=kind).model
    assert not any(value.is_meta for value in small.parameters()) and small.dtype == torch.float32
    assert _logits(small.language).isfinite().all()
    exact, layer = (model.language.model.layers[1].self_attn.q_proj for model in (whole, small))
    assert type(layer) is (bitsandbytes.nn.Linear8bitLt if kind == "int8" else bitsandbytes.nn.Linear4bit)
    assert layer.weight.element_size() == 1
    with torch.inference_mode():
        values = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
        assert (layer(values) - exact(values)).norm() < tolerance * exact(values).norm()
    for left in (small.language.lm_head, small.language.model.layers[1].mlp.down_proj, small.projector[0]):
        assert type(left) is nn.Linear


def test_fewer_bits_without_the_library_get_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(ModelError, match="int8 and int4 need the package bitsandbytes"):
        load_model(str(folder), device="cpu", dtype="int4")


def test_number_formats_name_what_is_calculated_in() -> None:
    assert pick_dtype("int4", CPU) == torch.float32 and pick_dtype("int8", torch.device("cuda")) == torch.bfloat16
    fields = {**LLAMA, "hidden_size": 64, "intermediate_size": 128, "vocab_size": 300}
    sizes = weight_bytes(empty_model(tiny_config(300, language=LanguageConfig(fields, "nano"))), torch.float32)
    few = sizes["float32"] - sizes["int8"]
    assert sizes["float32"] == 2 * sizes["bfloat16"] and few < sizes["float32"] - sizes["int4"] < 1.2 * few


def test_layers_are_spread_over_gpus_in_order(empty: Aquila) -> None:
    pytest.importorskip("accelerate", reason="several GPUs need the package accelerate")
    total = 4 * sum(value.numel() for value in own_weights(empty.language).values())
    devices = layer_devices(empty.language, torch.float32, {0: total, 1: total})
    numbers = [devices[name].index for name in devices]
    assert numbers == sorted(numbers) and set(numbers) == {0, 1}
    places = {device_of(f"language.{name}", devices, CPU).index for name in own_weights(empty.language)}
    assert places == {0, 1} and device_of("encoder.trunk.stem.0.weight", devices, CPU) == CPU
    assert layer_devices(empty.language, torch.float32, {0: total // 10, 1: total // 10}) == {}


def test_joined_parts_write_the_same(folder: Path, empty: Aquila) -> None:
    """The parts all lie on the CPU: what moves between them is tested, not that it crosses a bus."""
    pytest.importorskip("accelerate", reason="several GPUs need the package accelerate")
    expected = _logits(loaded_tiny().model.language)
    Filler(empty, device=CPU, dtype="float32", compute=torch.float32).fill(folder)
    join_devices(empty.language, {
        "model.embed_tokens": CPU, "model.layers.0": CPU, "model.layers.1": CPU, "model.norm": CPU,
        "model.rotary_emb": CPU, "lm_head": CPU})
    assert torch.equal(_logits(empty.language), expected)


def test_a_model_is_spread_only_where_one_gpu_is_too_small(empty: Aquila, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("accelerate", reason="several GPUs need the package accelerate")
    total = weight_bytes(empty)["float32"]
    filler = Filler(empty, device=torch.device("cuda"), dtype="float32", compute=torch.float32)
    # The first GPU has room for everything but what the run itself takes.
    monkeypatch.setattr(filling, "free_bytes", lambda _device: total)
    assert {str(device) for device in filler._spread([0, 1]).values()} == {"cuda:0", "cuda:1"}
    assert filler._spread([0]) == {}
    monkeypatch.setattr(filling, "free_bytes", lambda _device: 2 * total)
    assert filler._spread([0, 1]) == {}


def test_real_models_still_take_weights_in_place(folder: Path) -> None:
    model = Aquila(tiny_config(loaded_tiny().tokenizer.size))
    kept = model.projector[0].weight
    load_weights(model, folder)
    assert model.projector[0].weight is kept and torch.equal(kept, loaded_tiny().model.projector[0].weight)


def test_wide_products_of_16_bit_numbers_are_summed_in_float32() -> None:
    """Many rows are multiplied in float32 and rounded once, a few by the plain layer; both are near the exact value."""
    torch.manual_seed(0)
    layer = WideLinear(64, 32).to(torch.bfloat16)
    rows = torch.randn(2, 40, 64).to(torch.bfloat16)
    exact = nn.functional.linear(rows.float(), layer.weight.float(), layer.bias.float())
    assert torch.equal(layer(rows), exact.to(torch.bfloat16))
    assert torch.equal(layer(rows[:, :2]), nn.Linear.forward(layer, rows[:, :2]))
    torch.testing.assert_close(layer(rows[:, :2]).float(), exact[:, :2], rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize(("machine", "unit", "expected"), [
    ("x86_64", True, True), ("x86_64", False, False), ("AMD64", False, False), ("aarch64", False, True)])
def test_avx512_alone_imitates_bfloat16(
    monkeypatch: pytest.MonkeyPatch, machine: str, unit: bool, expected: bool
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(wide, "x86_multiplies_bfloat16", lambda: unit)
    assert wide.cpu_multiplies(torch.bfloat16) is expected


@pytest.mark.parametrize("hardware", [True, False])
def test_only_a_cpu_without_16_bit_products_gets_wide_layers(
    folder: Path, monkeypatch: pytest.MonkeyPatch, hardware: bool
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: hardware)
    monkeypatch.setattr(wide, "x86_multiplies_bfloat16", lambda: True)
    assert needs_wide(CPU, torch.bfloat16) is not hardware
    assert not needs_wide(CPU, torch.float32) and not needs_wide(torch.device("cuda"), torch.bfloat16)
    loaded = load_model(str(folder), device="cpu", dtype="bfloat16").model
    widened = [name for name, module in loaded.named_modules() if isinstance(module, WideLinear)]
    assert bool(widened) is not hardware and "language.lm_head" not in widened
    stored = dict(iterate_folder(folder))
    assert all(torch.equal(value, stored[key].bfloat16()) for key, value in own_weights(loaded).items())
