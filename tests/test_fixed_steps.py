"""Steps that are recorded and repeated write what steps done one by one write. On a GPU they are CUDA graphs."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from core_model.config import LanguageConfig
from core_model.generation import Generator, Request, Sampling, View
from core_model.network import one_step, shared_prefix
from core_model.network.one_step import OneStepLayer, take_few_parts
from core_model.network.shared_prefix import SharedPrefixes, attend_plainly
from core_model.text.prompt import Turn
from core_model.writing import fixed_steps
from core_model.writing.fixed_steps import CudaGraphs, recorder_for
from tests.tape import Tape
from tests.tiny import LLAMA, all_ids, end_at_many_lengths, tiny_model, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
IMAGES = np.random.default_rng(3).integers(0, 255, (3, 64, 64, 3), dtype=np.uint8)
OWNERS = [1, 0, 1, 1, 2, 1, 1, 2, 1, 1, 1, 0, 1, 1]
MASKS = (np.random.default_rng(1).uniform(size=(len(OWNERS), 64, 64)) > 0.5).astype(np.float32)
LATER = (Turn("and now?"), Turn("<region> once more please?"))


@pytest.fixture(params=["llama", "qwen3"])
def plain(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Generator:
    """A generator with the attention of a GPU, whose answers end at many lengths."""
    monkeypatch.setattr(shared_prefix, "attend", attend_plainly)
    fields = {**LLAMA, "vocab_size": TOKENIZER.size, "model_type": request.param, "head_dim": 12}
    model = tiny_model(TOKENIZER, language=LanguageConfig(huggingface=fields, template="nano"))
    made = Generator(model, TOKENIZER, rows=5)
    end_at_many_lengths(made, made.write(_view(made), _requests()))
    return made


def _view(generator: Generator) -> View:
    return generator.view(IMAGES, MASKS, OWNERS)


def _requests() -> list[Request]:
    """Conversations of one, two and three answers, about three pictures."""
    return [Request((n,), (Turn("What is <region>?" + " please" * (n % 4)), *LATER[: n % 3]), key=n)
            for n in range(len(OWNERS))]


def _with(generator: Generator, recorder: Any, rows: int = 5) -> Generator:
    made = Generator(generator.model, generator.tokenizer, rows=rows)
    made.end_id, made._recorder = generator.end_id, recorder
    return made


@pytest.mark.parametrize(("rows", "block"), [(1, 16), (5, 4), (32, 128)])
def test_repeated_steps_write_the_same(
    plain: Generator, rows: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where slots grow often, and so many rows are read in vain."""
    monkeypatch.setattr("core_model.writing.decoder.RECORDED_BLOCK", block)
    expected, tape = plain.write(_view(plain), _requests()), Tape()
    written = _with(plain, tape, rows).write(_view(plain), _requests())
    assert all_ids(written) == all_ids(expected)
    assert len({len(one.ids) for one in expected}) > 2
    for one, other in zip(written, expected):
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-4)
    assert tape.repeated > tape.recorded >= (3 if block == 4 else 1)


def test_drafts_that_wait_for_their_next_question_keep_what_was_read(
    plain: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many rows several wait together, in slots that the steps of the others go over."""
    monkeypatch.setattr("core_model.writing.decoder.RECORDED_BLOCK", 4)
    many = [replace(request, turns=(Turn(request.turns[0].instruction + " please" * more), *LATER), key=14 * more + n)
            for more in range(3) for n, request in enumerate(_requests())]
    expected = _with(plain, None, rows=32).write(_view(plain), many)
    tape = Tape()
    assert all_ids(_with(plain, tape, rows=32).write(_view(plain), many)) == all_ids(expected) and tape.repeated


@pytest.fixture(params=["llama", "mistral", "qwen2", "qwen3"])
def in_parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Generator:
    """A generator whose layers may take few parts here, too."""
    monkeypatch.setattr(shared_prefix, "attend", attend_plainly)
    monkeypatch.setattr(one_step, "DEVICES", ("cpu",))
    fields = {**LLAMA, "vocab_size": TOKENIZER.size, "model_type": request.param, "head_dim": 12}
    return Generator(tiny_model(TOKENIZER, language=LanguageConfig(fields, "nano")), TOKENIZER, rows=5)


def test_layers_that_take_few_parts_write_the_same(in_parts: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, bias in in_parts.model.language.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(bias)
    expected, steps = in_parts.write(_view(in_parts), _requests()), []
    take_few_parts(in_parts.model.language)
    original = OneStepLayer._attended
    monkeypatch.setattr(
        OneStepLayer, "_attended", lambda *given, **told: steps.append(1) or original(*given, **told))
    written = _with(in_parts, Tape()).write(_view(in_parts), _requests())
    assert all_ids(written) == all_ids(expected) and steps
    for one, other in zip(written, expected):
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-4)
    # What is not a step of one token still goes its usual way, with the weights where they are now.
    assert all_ids(_with(in_parts, None).write(_view(in_parts), _requests())) == all_ids(expected)


def test_layers_whose_weights_were_exchanged_go_their_usual_way(in_parts: Generator) -> None:
    take_few_parts(in_parts.model.language)
    for layer in in_parts.model.language.model.layers:
        layer.self_attn.q_proj.weight = torch.nn.Parameter(layer.self_attn.q_proj.weight * 1.5)
    expected = _with(in_parts, None).write(_view(in_parts), _requests())
    assert all_ids(_with(in_parts, Tape()).write(_view(in_parts), _requests())) == all_ids(expected)


def test_layers_with_adapters_keep_their_class(in_parts: Generator) -> None:
    language = in_parts.model.language
    language.model.layers[0].self_attn.q_proj = torch.nn.Sequential(language.model.layers[0].self_attn.q_proj)
    take_few_parts(language)
    assert [isinstance(layer, OneStepLayer) for layer in language.model.layers] == [False, True]


def test_big_prefixes_are_asked_one_by_one(plain: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_prefix, "_STACKED_BYTES", 0)
    tape = Tape()
    written = _with(plain, tape).write(_view(plain), _requests())
    assert all_ids(written) == all_ids(plain.write(_view(plain), _requests())) and tape.repeated


def test_sampled_texts_are_the_same(plain: Generator) -> None:
    sampling = Sampling(temperature=1.5, seed=4)
    written = _with(plain, Tape()).write(_view(plain), _requests(), sampling=sampling)
    assert all_ids(written) == all_ids(plain.write(_view(plain), _requests(), sampling=sampling))


def test_rows_find_their_pictures_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer of each row's own picture, whether prefixes are stacked or not, as ``Reach`` gives it."""
    torch.manual_seed(0)
    kept = [shared_prefix.KeyValues((torch.randn(2, 3, 4),), (torch.randn(2, 3, 4),)) for _ in range(2)]
    pictures, queries = [1, 0, 1], torch.randn(3, 2, 5, 4)
    for most in (0, 10**6):
        monkeypatch.setattr(shared_prefix, "_STACKED_BYTES", most)
        prefixes = SharedPrefixes(kept)
        places = torch.tensor([prefixes.place_of(picture) for picture in pictures])
        found = prefixes.fixed_reach(places).attend(queries, 0, 0.5)
        for one, other in zip(found, prefixes.reach(pictures).attend(queries, 0, 0.5)):
            assert torch.allclose(one, other, atol=1e-6)


def test_a_recorder_that_gives_up_leaves_the_texts_alone(plain: Generator) -> None:
    class GivesUp(Tape):
        def record(self, step: Any) -> Any:
            self.usable, self.recorded = False, self.recorded + 1
            return step(), None

    recorder = GivesUp()
    written = _with(plain, recorder).write(_view(plain), _requests())
    assert all_ids(written) == all_ids(plain.write(_view(plain), _requests())) and recorder.recorded == 1


def test_models_that_copy_prefixes_are_not_recorded(plain: Generator) -> None:
    expected = plain.write(_view(plain), _requests())
    plain.model.language.set_attn_implementation("sdpa")
    tape = Tape()
    assert all_ids(_with(plain, tape).write(_view(plain), _requests())) == all_ids(expected)
    assert tape.recorded == 0


def test_nothing_is_recorded_on_a_cpu() -> None:
    assert recorder_for(tiny_model(TOKENIZER).language) is None


class _Graphs(CudaGraphs):
    """Without a GPU: what is ``captured`` is given, or an error that is raised."""

    def __init__(self, captured: torch.Tensor | RuntimeError) -> None:
        super().__init__(torch.device("cuda", 0))
        self.captured = captured

    def _done(self, step: Any) -> torch.Tensor:
        found: torch.Tensor = step()
        return found

    def _captured(self, step: Any) -> Any:
        step()
        if isinstance(self.captured, RuntimeError):
            raise self.captured
        return lambda: self.captured


LOGITS = torch.tensor([[1.0, -40.0], [3.0, 2.0]])


@pytest.mark.parametrize("captured", [
    LOGITS + 1, LOGITS * torch.nan, RuntimeError("operation not permitted when stream is capturing")])
def test_a_graph_that_fails_or_gives_other_numbers_is_not_used(
    captured: torch.Tensor | RuntimeError, caplog: pytest.LogCaptureFixture
) -> None:
    graphs = _Graphs(captured)
    with caplog.at_level(logging.WARNING, logger=fixed_steps.__name__):
        first, repeat = graphs.record(lambda: LOGITS)
    assert first is LOGITS and repeat is None and not graphs.usable
    assert "one by one" in caplog.text


def test_a_graph_that_rounds_differently_is_used() -> None:
    graphs = _Graphs(LOGITS + 0.1)
    first, repeat = graphs.record(lambda: LOGITS)
    assert first is LOGITS and repeat is not None and repeat() is graphs.captured and graphs.usable


def test_a_full_memory_is_told_while_recording() -> None:
    graphs = _Graphs(torch.OutOfMemoryError("CUDA out of memory."))
    with pytest.raises(torch.OutOfMemoryError):
        graphs.record(lambda: LOGITS)
    assert graphs.usable
