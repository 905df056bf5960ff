"""Threads that work on a batch each: the same results in the same order, and nothing left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from core_model.crew import Crew, crew_for


def members() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("aquila-crew")]


def slow_if_even(number: int) -> int:
    time.sleep(0.02 * (number % 2 == 0))
    return number * 10


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_keep_the_order_of_the_items(threads: int) -> None:
    assert list(Crew(threads).results(iter(range(9)), slow_if_even)) == [number * 10 for number in range(9)]
    assert not members()


def test_two_work_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=20)
    assert list(Crew(2).results(iter(range(4)), lambda number: (meeting.wait(), number)[1])) == [0, 1, 2, 3]


def test_a_single_one_is_the_callers_own_thread() -> None:
    assert list(Crew(1).results(iter([0]), lambda _: threading.current_thread())) == [threading.current_thread()]


def test_every_thread_has_its_share_of_the_cores_and_the_caller_keeps_its_own() -> None:
    usual = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        assert set(Crew(2, 3).results(iter(range(6)), lambda _: torch.get_num_threads())) == {3}
        assert torch.get_num_threads() == 4
        later: list[int] = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert later == [4]
    finally:
        torch.set_num_threads(usual)


def test_what_is_raised_comes_in_its_turn_and_ends_the_threads() -> None:
    def work(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        return number

    results = Crew(2).results(iter(range(9)), work)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert not members()


def test_leaving_early_begins_nothing_new() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        return number

    def endless() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    results = Crew(2).results(endless(), work)
    next(results)
    results.close()
    assert not members() and len(begun) <= 4


def test_only_small_models_on_several_cores_of_a_cpu_get_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    assert crew_for(nn.Linear(8, 8)) == Crew(2, 3)
    assert crew_for(nn.Linear(8, 8, device="meta")) == Crew()
    assert crew_for(nn.Linear(4096, 4097)) == Crew()  # beyond 64 MiB
    monkeypatch.setattr(torch.__config__, "parallel_info", lambda: "ATen parallel backend: native thread pool")
    assert crew_for(nn.Linear(8, 8)) == Crew()
    monkeypatch.undo()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert crew_for(nn.Linear(8, 8)) == Crew()
