"""Writing and scoring: batches change nothing, the cache changes nothing, the numbers are what they claim."""

from __future__ import annotations

import gc
import math
import warnings
from typing import Any, Callable

import numpy as np
import pytest
import torch
from transformers.cache_utils import DynamicLayer

from core_model.errors import PromptError
from core_model.generation import Generator, Request, Sampling, View, Written
from core_model.network.aquila import TrainingBatch, collate_packed, pack
from core_model.network.reading import Reader, Rows
from core_model.network.row_cache import RowCache
from core_model.network.shared_prefix import SharedPrefixes
from core_model.text.prompt import IGNORED_LABEL, TokenSequence, Turn
from tests.tiny import all_ids, loaded_tiny, tiny_model, tiny_tokenizer

LABELS = ["forest", "a wide field", "what"]
IMAGES = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8)
MASKS = (np.random.default_rng(1).uniform(size=(5, 64, 64)) > 0.5).astype(np.float32)
OWNERS = [0, 0, 1, 1, 1]


@pytest.fixture(scope="module")
def generator() -> Generator:
    loaded = loaded_tiny()
    return Generator(loaded.model, loaded.tokenizer)


@pytest.fixture(scope="module")
def view(generator: Generator) -> View:
    return generator.view(IMAGES, MASKS, OWNERS)


def _requests() -> list[Request]:
    """Instructions of many lengths, and one about two regions."""
    asked = [Request((n,), (Turn("What is <region>?" + " please" * n),), key=n) for n in range(5)]
    return [*asked, Request((2, 4), (Turn("compare <region1> and <region2> now"),), key=9)]


def _same(one: Written, other: Written) -> bool:
    return one.ids == other.ids and math.isclose(one.log_probability, other.log_probability, abs_tol=1e-3)


def _full_logits(generator: Generator, request: Request, owner: int, answer: list[int]) -> torch.Tensor:
    """Logits of prefix, instruction and answer by one uncached forward pass: those that foretell the answer."""
    return _logits_after(generator, request, owner, generator.sequence(request), answer)


def _logits_after(
    generator: Generator, request: Request, owner: int, sequence: TokenSequence, answer: list[int]
) -> torch.Tensor:
    ids = sequence.ids + answer
    text = TokenSequence(ids, [IGNORED_LABEL] * len(ids), sequence.regions)
    row = collate_packed([pack(generator.prefix, [text], generator.builder.tokens_per_region)])
    batch = TrainingBatch(
        images=torch.from_numpy(IMAGES[owner : owner + 1]), masks=torch.from_numpy(MASKS[list(request.regions)]),
        image_index=torch.zeros(len(request.regions), dtype=torch.long),
        region_index=torch.tensor(sequence.regions), **row,
    )
    with torch.no_grad():
        logits = generator.model(batch)[1]
    return logits[0, len(generator.prefix) + len(sequence.ids) - 1 : -1]


def test_batched_texts_are_those_written_one_at_a_time(generator: Generator, view: View) -> None:
    together = generator.write(view, _requests())
    alone = [generator.write(view, [request])[0] for request in _requests()]
    assert all(_same(one, other) for one, other in zip(together, alone))
    assert len({written.ids for written in together}) == len(together)


def test_no_name_is_used_that_transformers_gives_up(generator: Generator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        generator.write(generator.view(IMAGES[:1], MASKS[:1], [0]), _requests()[:1], max_new_tokens=2)


def test_a_view_of_one_region_gives_the_same_text(generator: Generator, view: View) -> None:
    together = generator.write(view, _requests())
    for number in range(5):
        owner = OWNERS[number]
        single = generator.view(IMAGES[owner : owner + 1], MASKS[number : number + 1], [0])
        request = Request((0,), _requests()[number].turns)
        assert _same(generator.write(single, [request])[0], together[number])


def _told() -> list[Request]:
    """Conversations of one, two and three answers."""
    later = (Turn("and now?"), Turn("<region> once more please?"))
    return [Request((n,), (Turn("What is <region>?" + " please" * n), *later[: n % 3]), key=n) for n in range(5)]


@pytest.mark.parametrize("limit", [2, 7, 40])
def test_a_conversation_goes_on_from_the_answers_written_on_the_way(
    generator: Generator, view: View, limit: int
) -> None:
    """Every token is the likeliest after all that was said, endings between answers included."""
    free = generator.write(view, _told(), max_new_tokens=7)
    changed = Generator(generator.model, generator.tokenizer)
    changed.end_id = free[1].earlier[0].ids[3]  # an answer ends here, others later or at the limit
    written = changed.write(view, _told(), max_new_tokens=limit)
    assert [len(one.earlier) for one in written] == [0, 1, 2, 0, 1]
    for number, (request, one) in enumerate(zip(_told(), written)):
        sequence = TokenSequence([], [], [])
        for part, answer in zip(generator.builder.questions(request.turns, 1), [*one.earlier, one]):
            sequence.ids.extend(part.ids)
            sequence.regions.extend(part.regions)
            ending = [changed.end_id] * (len(answer.ids) < limit)
            chances = _logits_after(generator, request, OWNERS[number], sequence, [*answer.ids, *ending]).log_softmax(1)
            assert chances.argmax(dim=1).tolist() == [*answer.ids, *ending]
            assert answer.log_probability == pytest.approx(float(chances.max(dim=1).values.sum()), abs=1e-3)
            sequence.ids.extend(answer.ids)


@pytest.mark.parametrize("rows", [1, 2, 3, 32])
def test_what_is_as_likely_but_for_rounding_does_not_depend_on_the_batch(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every token has a twin, and passes of other numbers of rows prefer others of the two, by 4e-5 at most."""
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    words = model.language.get_output_embeddings().weight
    with torch.no_grad():
        words[1::2] = words[: 2 * (len(words) // 2) : 2] * (1 + 1e-7)
    monkeypatch.setattr(Reader, "read", _uneven(Reader.read))
    generator = Generator(model, tokenizer, rows=rows)
    view = generator.view(IMAGES, MASKS, OWNERS)
    together = generator.write(view, _told(), max_new_tokens=3)
    alone = [generator.write(view, [request], max_new_tokens=3)[0] for request in _told()]
    assert all_ids(together) == all_ids(alone)
    if rows > 1:
        monkeypatch.setattr("core_model.writing.decoder._TIE", 0.0)
        assert all_ids(generator.write(view, _told(), max_new_tokens=3)) != all_ids(together)


def _uneven(read: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def uneven(reader: Reader, rows: Rows, *given: Any) -> torch.Tensor:
        logits = read(reader, rows, *given)
        return logits + 2e-5 * torch.sin(torch.arange(logits.shape[-1]) * (1.0 + len(rows.inputs)))

    return uneven


@pytest.mark.parametrize("rows", [1, 2, 3, 32])
def test_conversations_are_the_same_in_every_batch(generator: Generator, view: View, rows: int) -> None:
    together = generator.write(view, _told())
    few = Generator(generator.model, generator.tokenizer, rows=rows).write(view, _told())
    assert all_ids(together) == all_ids(few)


def test_sampling_leaves_the_answers_on_the_way_alone(generator: Generator, view: View) -> None:
    greedy = generator.write(view, _told())
    drawn = generator.write(view, _told(), sampling=Sampling(temperature=3.0, seed=2))
    assert greedy[2].earlier[0].ids == drawn[2].earlier[0].ids
    assert all(one.ids != other.ids for one, other in zip(greedy, drawn))


def test_rows_that_finish_early_leave_the_batch_without_a_trace(generator: Generator, view: View) -> None:
    free = generator.write(view, _requests())
    # Whatever some rows write third now ends a text, so rows finish at different steps.
    ending = free[0].ids[2]
    changed = Generator(generator.model, generator.tokenizer)
    changed.end_id = ending
    together = changed.write(view, _requests())
    alone = [changed.write(view, [request])[0] for request in _requests()]
    assert all(_same(one, other) for one, other in zip(together, alone))
    assert together[0].ids == free[0].ids[:2]
    assert len({len(written.ids) for written in together}) > 1


@pytest.mark.parametrize("number", [0, 3, 5])
def test_cached_steps_agree_with_a_full_forward_pass(generator: Generator, view: View, number: int) -> None:
    request = _requests()[number]
    written = generator.write(view, [request])[0]
    assert len(written.ids) == generator.model.config.max_new_tokens
    logits = _full_logits(generator, request, OWNERS[request.regions[0]], list(written.ids))
    assert logits.argmax(dim=-1).tolist() == list(written.ids)
    chances = logits.log_softmax(dim=-1).gather(1, torch.tensor(written.ids)[:, None])
    assert written.log_probability == pytest.approx(float(chances.sum()), abs=1e-3)


def test_probability_is_of_the_text_and_token_probability_its_mean() -> None:
    written = Written("x", (1, 2), math.log(0.5) + math.log(0.125))
    assert written.probability == pytest.approx(0.0625)
    assert written.token_probability == pytest.approx(0.25)


def test_what_was_read_goes_with_the_batch(generator: Generator, view: View) -> None:
    """A circle of references would hold it until Python looks for circles, which it does seldom in a long run."""
    gc.collect()
    gc.disable()
    try:
        generator.write(view, _requests())
        generator.score(view, _requests(), LABELS)
        left = [each for each in gc.get_objects() if isinstance(each, (RowCache, SharedPrefixes, DynamicLayer))]
    finally:
        gc.enable()
    assert left == []


def test_writing_ends_at_the_limit(generator: Generator, view: View) -> None:
    assert [len(w.ids) for w in generator.write(view, _requests()[:2], max_new_tokens=3)] == [3, 3]
    assert generator.write(view, []) == []


def test_label_scores_are_what_one_label_at_a_time_gives(generator: Generator, view: View) -> None:
    scores = generator.score(view, _requests(), LABELS)
    assert scores.shape == (6, 3) and scores.sum(axis=1) == pytest.approx(np.ones(6))
    for row, request in enumerate(_requests()):
        means = []
        for label in LABELS:
            ids = generator.builder.answer_ids(label)
            logits = _full_logits(generator, request, OWNERS[request.regions[0]], ids)
            means.append(float(logits.log_softmax(dim=-1).gather(1, torch.tensor(ids)[:, None]).mean()))
        expected = np.exp(means) / np.exp(means).sum()
        assert scores[row] == pytest.approx(expected, abs=1e-4)


def test_label_scores_do_not_depend_on_the_batch(generator: Generator, view: View) -> None:
    together = generator.score(view, _requests(), LABELS)
    alone = np.concatenate([generator.score(view, [request], LABELS) for request in _requests()])
    assert together == pytest.approx(alone, abs=1e-4)


def test_a_labels_place_in_the_list_does_not_matter(generator: Generator, view: View) -> None:
    forward = generator.score(view, _requests(), LABELS)
    assert generator.score(view, _requests(), LABELS[::-1])[:, ::-1] == pytest.approx(forward, abs=1e-4)


def test_label_temperature_flattens() -> None:
    from tests.tiny import tiny_model, tiny_tokenizer

    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer, label_temperature=100.0)
    hot = Generator(model, tokenizer)
    scores = hot.score(hot.view(IMAGES, MASKS, OWNERS), _requests()[:2], LABELS)
    assert scores == pytest.approx(np.full((2, 3), 1 / 3), abs=0.05)


@pytest.mark.parametrize("labels", [[], ["forest", " "]])
def test_empty_labels_are_refused(generator: Generator, view: View, labels: list[str]) -> None:
    with pytest.raises(PromptError, match="empty"):
        generator.score(view, _requests(), labels)


def test_sampling_is_repeatable_and_does_not_depend_on_the_batch(generator: Generator, view: View) -> None:
    sampling = Sampling(temperature=1.5, seed=4)
    together = generator.write(view, _requests(), sampling=sampling)
    alone = [generator.write(view, [request], sampling=sampling)[0] for request in reversed(_requests())]
    assert [written.ids for written in together] == [written.ids for written in reversed(alone)]
    other = generator.write(view, _requests(), sampling=Sampling(temperature=1.5, seed=5))
    assert all(one.ids != two.ids for one, two in zip(together, other))


def test_sampling_from_next_to_nothing_is_greedy(generator: Generator, view: View) -> None:
    greedy = generator.write(view, _requests())
    nucleus = generator.write(view, _requests(), sampling=Sampling(temperature=1.0, top_p=1e-9))
    assert [written.ids for written in nucleus] == [written.ids for written in greedy]


def test_regions_of_two_pictures_cannot_share_a_prompt(generator: Generator, view: View) -> None:
    with pytest.raises(PromptError, match="one tile"):
        generator.write(view, [Request((0, 4), (Turn("compare <region1> and <region2>"),))])
