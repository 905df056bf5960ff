"""What a GPU must do as a CPU does. Left out, and said so, where there is no GPU."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from core_model.config import LanguageConfig
from core_model.generation import Generator, Request, View
from core_model.text.prompt import Turn
from tests.tiny import LLAMA, all_ids, end_at_many_lengths, tiny_model, tiny_tokenizer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that CUDA reaches")

GPU = torch.device("cuda", 0)
TOKENIZER = tiny_tokenizer()
IMAGES = np.random.default_rng(3).integers(0, 255, (3, 64, 64, 3), dtype=np.uint8)
OWNERS = [number % 3 for number in range(24)]
MASKS = (np.random.default_rng(1).uniform(size=(len(OWNERS), 64, 64)) > 0.5).astype(np.float32)
LATER = (Turn("and now?"), Turn("<region> once more please?"))
REQUESTS = [Request((number,), (Turn("What is <region>?" + " please" * (number % 4)), *LATER[: number % 3]), key=number)
            for number in range(len(OWNERS))]
LABELS = ["forest", "a field of this", "the"]


@pytest.fixture(params=["llama", "qwen3"])
def on_cpu(request: pytest.FixtureRequest) -> Generator:
    """A generator in float32 on the CPU, whose answers end at many lengths."""
    fields = {**LLAMA, "vocab_size": TOKENIZER.size, "model_type": request.param, "head_dim": 16}
    made = Generator(tiny_model(TOKENIZER, language=LanguageConfig(fields, "nano")), TOKENIZER, rows=8)
    end_at_many_lengths(made, made.write(view(made), REQUESTS))
    return made


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    """Convolutions of float32 in float32: by default a GPU rounds them to TF32."""
    with torch.backends.cudnn.flags(allow_tf32=False):
        yield


def view(generator: Generator) -> View:
    """The pictures and masks as the generator sees them."""
    return generator.view(IMAGES, MASKS, OWNERS)


def on_gpu(
    generator: Generator, dtype: torch.dtype = torch.float32, rows: int = 8, records: bool = True
) -> Generator:
    """The same model on the GPU."""
    made = Generator(copy.deepcopy(generator.model).to(GPU, dtype), TOKENIZER, rows=rows, records=records)
    made.end_id = generator.end_id
    return made


@pytest.mark.parametrize("rows", [1, 5, 24])
@pytest.mark.parametrize("records", [True, False])
def test_a_gpu_writes_what_the_cpu_writes(on_cpu: Generator, rows: int, records: bool) -> None:
    expected = on_cpu.write(view(on_cpu), REQUESTS)
    generator = on_gpu(on_cpu, rows=rows, records=records)
    written = generator.write(view(generator), REQUESTS)
    assert all_ids(written) == all_ids(expected)
    assert len({len(one.ids) for one in expected}) > 2
    for one, other in zip(written, expected):
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-3)


def test_steps_are_recorded_as_cuda_graphs(on_cpu: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    replayed: list[int] = []
    original = torch.cuda.CUDAGraph.replay
    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", lambda graph: replayed.append(1) or original(graph))
    generator = on_gpu(on_cpu)
    generator.write(view(generator), REQUESTS)
    assert generator._recorder is not None and generator._recorder.usable
    assert len(replayed) > 5


def test_scores_of_labels_are_the_cpus(on_cpu: Generator) -> None:
    generator = on_gpu(on_cpu)
    assert np.allclose(
        generator.score(view(generator), REQUESTS, LABELS), on_cpu.score(view(on_cpu), REQUESTS, LABELS), atol=1e-4)


def test_a_full_memory_halves_what_is_written_at_once(on_cpu: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = on_gpu(on_cpu, rows=24)
    expected, original = all_ids(generator.write(view(generator), REQUESTS)), generator._write

    def full(*arguments: object) -> None:
        if generator.rows.most > 6:
            torch.empty(1 << 50, device=GPU, dtype=torch.uint8)  # a petabyte
        original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(generator, "_write", full)
    assert all_ids(generator.write(view(generator), REQUESTS)) == expected and generator.rows.most == 6


def test_bfloat16_stays_near(on_cpu: Generator) -> None:
    """In the probabilities of labels; an untrained model's next tokens are too near to each other to stay the same."""
    generator = on_gpu(on_cpu, torch.bfloat16)
    found = generator.score(view(generator), REQUESTS, LABELS)
    assert np.abs(found - on_cpu.score(view(on_cpu), REQUESTS, LABELS)).mean() < 0.05
