"""Several threads that work on a batch each.

What a small model does in one call is too little to be divided among processor cores, and between the calls all but one
of them wait. Threads that have a batch and a share of the cores each leave none idle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Deque, TypeVar

import torch
from torch import nn

Item = TypeVar("Item")
Made = TypeVar("Made")

# Larger models are read from memory at every step: two at once would read them twice.
_SMALL_BYTES = 64 * 1024**2
_THREADS = 2


@dataclass(frozen=True)
class Crew:
    """``threads`` work side by side, each on ``cores`` cores; a single one is the caller's own."""

    threads: int = 1
    cores: int = 1

    def results(self, items: Iterator[Item], work: Callable[[Item], Made]) -> Generator[Made, None, None]:
        """What ``work`` makes of the items, in their order; what it raises is raised here, in its turn.

        Once this iterator is closed, what is being worked on is waited for and no other item is begun.
        """
        if self.threads == 1:
            yield from map(work, items)
            return
        # PyTorch hands the count of the thread that set it last to threads that begin later.
        usual = torch.get_num_threads()
        running: Deque[Future[Made]] = deque()
        try:
            with ThreadPoolExecutor(self.threads, "aquila-crew", torch.set_num_threads, (self.cores,)) as pool:
                try:
                    for item in items:
                        running.append(pool.submit(work, item))
                        if len(running) > self.threads:
                            yield running.popleft().result()
                    while running:
                        yield running.popleft().result()
                finally:
                    for future in running:
                        future.cancel()
        finally:
            torch.set_num_threads(usual)


@contextmanager
def one_thread(model: nn.Module) -> Iterator[None]:
    """Let the calling thread calculate by itself where a crew might have it calculate with others or alone.

    How sums are divided among threads depends on how many there are.
    """
    usual = torch.get_num_threads()
    if usual > 1 and is_small_on_cpu(model):
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch.get_num_threads() != usual:
            torch.set_num_threads(usual)


def crew_for(model: nn.Module) -> Crew:
    """Two threads for a small model on a CPU of several cores, one for any other."""
    cores = torch.get_num_threads()
    # Other ways of PyTorch to share work between cores know no count of a thread's own.
    counted = "parallel backend: OpenMP" in torch.__config__.parallel_info()
    if counted and cores >= _THREADS and is_small_on_cpu(model):
        return Crew(_THREADS, cores // _THREADS)
    return Crew()


def is_small_on_cpu(model: nn.Module) -> bool:
    """Whether a model is calculated on the CPU and takes little memory."""
    parameters = list(model.parameters())
    small = sum(each.numel() * each.element_size() for each in parameters) <= _SMALL_BYTES
    return small and all(each.device.type == "cpu" for each in parameters)
