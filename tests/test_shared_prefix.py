"""Shared prefixes change no text: not the sharing, the number of rows, their order, nor a memory that runs out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Callable

import numpy as np
import pytest
import torch

from core_model.config import LanguageConfig
from core_model.errors import ModelError
from core_model.generation import Generator, Request, Sampling, View, Written
from core_model.network.reading import Reader
from core_model.network.shared_prefix import NAME, SharedPrefixes, attend, attend_plainly
from core_model.text.prompt import Turn
from core_model.writing.decoder import Decoder, Draft
from core_model.writing.scoring import label_likelihoods
from tests.tiny import LLAMA, end_at_many_lengths, loaded_tiny, tiny_model, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
GROUPED = {**LLAMA, "vocab_size": TOKENIZER.size}  # two heads of keys for four of queries
FAMILIES = {
    "llama": GROUPED,
    "qwen2": {**GROUPED, "model_type": "qwen2"},
    "qwen3": {**GROUPED, "model_type": "qwen3", "head_dim": 12},
    "mistral": {**GROUPED, "model_type": "mistral", "head_dim": 12, "sliding_window": 8},
    # Its attention is not reached by transformers.AttentionInterface.
    "falcon": {
        "model_type": "falcon", "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "alibi": False,
        "vocab_size": TOKENIZER.size, "initializer_range": 0.4,
    },
}
IMAGES = np.random.default_rng(3).integers(0, 255, (3, 64, 64, 3), dtype=np.uint8)
# Ten regions on one picture, which is then attended to alone, and four on two others, which are stacked.
OWNERS = [1, 0, 1, 1, 2, 1, 1, 2, 1, 1, 1, 0, 1, 1]
MASKS = (np.random.default_rng(1).uniform(size=(len(OWNERS), 64, 64)) > 0.5).astype(np.float32)
LABELS = ["forest", "a wide field", "what"]
# What rounding to eight bits of a number may change of the mean log-likelihood of a token.
BFLOAT16 = 0.1


@pytest.fixture(scope="module")
def generator() -> Generator:
    loaded = loaded_tiny()
    made = Generator(loaded.model, loaded.tokenizer)
    end_at_many_lengths(made, made.write(made.view(IMAGES, MASKS, OWNERS), _requests()))
    return made


@pytest.fixture(scope="module")
def view(generator: Generator) -> View:
    return generator.view(IMAGES, MASKS, OWNERS)


@pytest.fixture(scope="module")
def expected(generator: Generator, view: View) -> list[Written]:
    return [generator.write(view, [request])[0] for request in _requests()]


def _requests() -> list[Request]:
    return [Request((n,), (Turn("What is <region>?" + " please" * (n % 3)),), key=n) for n in range(len(OWNERS))]


def _like(generator: Generator, **settings: int) -> Generator:
    made = Generator(generator.model, generator.tokenizer, **settings)
    made.end_id = generator.end_id
    return made


def _ids(written: list[Written]) -> list[tuple[int, ...]]:
    return [one.ids for one in written]


def _likelihoods(generator: Generator, view: View, reader: Reader) -> torch.Tensor:
    asked = [generator.embedded(view, request, generator.sequence(request)) for request in _requests()]
    prefixes = SharedPrefixes([prefix.read for prefix in view.prefixes])
    labels = [generator.builder.answer_ids(label) for label in LABELS]
    with torch.inference_mode():
        return label_likelihoods(reader, prefixes, asked, OWNERS, labels)


@pytest.mark.parametrize("family", FAMILIES)
def test_sharing_a_prefix_changes_nothing(family: str) -> None:
    model = tiny_model(TOKENIZER, language=LanguageConfig(huggingface=FAMILIES[family], template="nano"))
    shares = model.language.config._attn_implementation == NAME
    assert shares == (family != "falcon")
    generator = Generator(model, TOKENIZER)
    view = generator.view(IMAGES, MASKS, OWNERS)
    shared, written = _likelihoods(generator, view, Reader(model.language)), generator.write(view, _requests())
    if shares:
        model.language.set_attn_implementation("sdpa")
    copying = Generator(model, TOKENIZER)
    assert torch.allclose(shared, _likelihoods(copying, view, Reader(model.language)), atol=1e-5)
    copied = copying.write(view, _requests())
    assert _ids(copied) == _ids(written) and len(set(_ids(written))) > 5
    chances = [one.log_probability for one in written]
    assert [one.log_probability for one in copied] == pytest.approx(chances, abs=1e-3)


def test_a_model_that_drops_the_prefix_gets_it_copied(
    generator: Generator, view: View, expected: list[Written], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    deaf = _like(generator)
    forward = generator.model.language.forward
    monkeypatch.setattr(
        generator.model.language, "forward", lambda reach=None, **others: forward(**others))
    with caplog.at_level(logging.WARNING):
        assert _ids(deaf.write(view, _requests())) == _ids(expected)
    assert len([record for record in caplog.records if "share a prefix" in record.message]) == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("masked", [True, False])
def test_both_kernels_give_attention_and_its_logarithms(dtype: torch.dtype, masked: bool) -> None:
    torch.manual_seed(0)
    queries, keys, values = (torch.randn(2, 3, length, 16) for length in (4, 9, 9))
    hidden = torch.rand(2, 1, 4, 9) > (0.7 if masked else 1.0)
    scores = (0.3 * queries @ keys.transpose(-1, -2)).masked_fill(hidden, -torch.inf)
    mask = torch.zeros(hidden.shape).masked_fill(hidden, torch.finfo(dtype).min).to(dtype) if masked else None
    tolerance = 1e-5 if dtype == torch.float32 else 0.05
    for kernel in (attend, attend_plainly):
        found, logs = kernel(queries.to(dtype), keys.to(dtype), values.to(dtype), mask, 0.3)
        assert found.dtype == dtype and logs.dtype == torch.float32
        assert torch.allclose(found.float(), scores.softmax(dim=-1) @ values, atol=tolerance)
        assert torch.allclose(logs, scores.logsumexp(dim=-1), atol=tolerance)


@pytest.mark.parametrize("rows", [1, 3, 32])
def test_texts_do_not_depend_on_the_rows_side_by_side(
    rows: int, generator: Generator, view: View, expected: list[Written]
) -> None:
    assert len({len(one.ids) for one in expected}) > 2
    written = _like(generator, rows=rows).write(view, _requests())
    assert _ids(written) == _ids(expected)
    chances = [one.log_probability for one in expected]
    assert [one.log_probability for one in written] == pytest.approx(chances, abs=1e-4)


def test_texts_do_not_depend_on_their_order(generator: Generator, view: View, expected: list[Written]) -> None:
    order = np.random.default_rng(2).permutation(len(OWNERS))
    written = _like(generator, rows=5).write(view, [_requests()[number] for number in order])
    assert _ids(written) == [expected[number].ids for number in order]


def test_sampled_texts_do_not_depend_on_the_rows_side_by_side(generator: Generator, view: View) -> None:
    sampling = Sampling(temperature=1.5, seed=4)
    alone, together = (_like(generator, rows=rows).write(view, _requests(), sampling=sampling) for rows in (1, 4))
    assert _ids(alone) == _ids(together)


def test_kept_prefixes_give_the_same_texts(generator: Generator, expected: list[Written]) -> None:
    kept = [_like(generator).encode(IMAGES[number : number + 1])[0] for number in (2, 1, 0)]
    for chosen in (range(len(OWNERS)), [4, 1, 7], [3]):
        pictures = sorted({OWNERS[number] for number in chosen})
        view = generator.view_of(
            [kept[2 - picture] for picture in pictures], MASKS[list(chosen)],
            [pictures.index(OWNERS[number]) for number in chosen])
        requests = [Request((place,), _requests()[number].turns) for place, number in enumerate(chosen)]
        assert _ids(generator.write(view, requests)) == [expected[number].ids for number in chosen]


def test_a_prefix_holds_memory_of_its_own(view: View) -> None:
    for prefix in view.prefixes:
        parts = [*prefix.pyramid, *prefix.read.keys, *prefix.read.values]
        assert sum(part.untyped_storage().nbytes() for part in parts) == prefix.bytes


def test_no_region_has_a_copy_of_its_pictures_prefix(generator: Generator, view: View) -> None:
    decoder = Decoder(
        Reader(generator.model.language), SharedPrefixes([prefix.read for prefix in view.prefixes]), slots=4,
        end_id=-1, sampling=Sampling())
    drafts = [
        Draft(number, [generator.embedded(view, request, generator.sequence(request))], OWNERS[number],
              torch.Generator(), limit=3)
        for number, request in enumerate(_requests())]
    assert sorted(draft.number for draft in decoder.write(drafts)) == list(range(len(OWNERS)))
    longest = max(len(draft.asked[0]) for draft in drafts) + 3
    token = 2 * 2 * 2 * 12 * 4  # layers, keys and values, heads, their width, bytes
    assert decoder.cache.bytes == 4 * (-(-longest // 32) * 32) * token


def test_a_finished_text_is_replaced_at_once(
    generator: Generator, view: View, expected: list[Written], passes: list[tuple[int, int]]
) -> None:
    _like(generator, rows=3).write(view, _requests())
    assert max(rows for rows, _ in passes) == 3
    begun = [rows for rows, length in passes if length > 1]
    assert sum(begun) == len(OWNERS) and begun.count(1) > 2
    # Never fewer than three are written while others wait.
    waiting, live = len(OWNERS), 0
    for rows, length in passes:
        if length > 1:
            waiting, live = waiting - rows, live + rows
        else:
            assert rows == 3 or waiting == 0
            live = rows
    assert sum(rows for rows, length in passes if length == 1) == sum(
        len(one.ids) - (len(one.ids) == generator.model.config.max_new_tokens) for one in expected)


@pytest.fixture
def passes(generator: Generator) -> Iterator[list[tuple[int, int]]]:
    """Rows and tokens of each pass of the language model."""
    seen: list[tuple[int, int]] = []

    def note(_module: Any, _arguments: Any, named: dict[str, torch.Tensor]) -> None:
        seen.append((named["inputs_embeds"].shape[0], named["inputs_embeds"].shape[1]))

    hook = generator.model.language.register_forward_pre_hook(note, with_kwargs=True)
    yield seen
    hook.remove()


def _runs_out(most: int, calls: list[int], error: Callable[[], RuntimeError]) -> Callable[..., None]:
    """A hook that raises for more than ``most`` rows from the fourth pass on, as a memory does that fills up."""
    def hook(_module: Any, _arguments: Any, named: dict[str, torch.Tensor]) -> None:
        calls.append(len(named["inputs_embeds"]))
        if len(calls) > 3 and calls[-1] > most:
            raise error()
    return hook


@pytest.mark.parametrize("error", [
    lambda: torch.OutOfMemoryError("CUDA out of memory."),
    lambda: RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
])
def test_writing_goes_on_with_fewer_rows_where_memory_runs_out(
    error: Callable[[], RuntimeError], generator: Generator, view: View, expected: list[Written]
) -> None:
    small, calls = _like(generator, rows=8), list[int]()
    hook = generator.model.language.register_forward_pre_hook(_runs_out(2, calls, error), with_kwargs=True)
    try:
        written = small.write(view, _requests())
        scores = small.score(view, _requests(), LABELS)
    finally:
        hook.remove()
    assert _ids(written) == _ids(expected)
    assert small.rows.most == 2 and max(calls) == 8
    assert scores == pytest.approx(generator.score(view, _requests(), LABELS), abs=1e-5)


def test_pictures_are_encoded_in_smaller_parts_where_memory_runs_out(
    generator: Generator, expected: list[Written]
) -> None:
    def full(_module: Any, arguments: tuple[torch.Tensor, ...]) -> None:
        if len(arguments[0]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    small = _like(generator, pictures=4)
    hook = generator.model.encoder.register_forward_pre_hook(full)
    try:
        view = small.view(IMAGES, MASKS, OWNERS)
    finally:
        hook.remove()
    assert small.pictures.most == 1
    assert _ids(small.write(view, _requests())) == _ids(expected)


def test_a_memory_too_small_for_one_region_is_told(
    generator: Generator, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_named: Any) -> None:
        raise RuntimeError("not enough memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(generator.model.language, "forward", full)
    with pytest.raises(ModelError, match="close other programs"):
        _like(generator).write(view, _requests())


def test_other_errors_are_not_taken_for_a_full_memory(
    generator: Generator, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(**_named: Any) -> None:
        raise RuntimeError("shapes do not match")

    made = _like(generator)
    monkeypatch.setattr(generator.model.language, "forward", wrong)
    with pytest.raises(RuntimeError, match="shapes"):
        made.write(view, _requests())
    assert made.rows.most == 32


def test_bfloat16_stays_within_its_rounding() -> None:
    model = tiny_model(TOKENIZER)
    generator = Generator(model, TOKENIZER)
    exact = _likelihoods(generator, generator.view(IMAGES, MASKS, OWNERS), Reader(model.language))
    rounded = Generator(tiny_model(TOKENIZER).to(torch.bfloat16), TOKENIZER)
    view = rounded.view(IMAGES, MASKS, OWNERS)
    together = _likelihoods(rounded, view, Reader(rounded.model.language))
    assert (together - exact).abs().mean() < BFLOAT16
    written = rounded.write(view, _requests())
    alone = [rounded.write(view, [request])[0] for request in _requests()]
    starts = [_first_difference(one.ids, other.ids) for one, other in zip(written, alone)]
    assert np.mean([start >= 3 for start in starts]) > 0.7


def _first_difference(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    same = [left == right for left, right in zip(one, other)]
    return same.index(False) if False in same else max(len(one), len(other))
