"""Steps of one token in tensors that never change their place, so that a GPU repeats them without being told each part.

Telling a GPU the thousand small parts of a step takes longer than doing them does; a CUDA graph is told once. What is
recorded holds no number that Python knew, only the tensors: so all rows are read in every step, whether they are
written or not, and each asks the prefixes of all pictures.
"""

from __future__ import annotations

import logging
import threading
from typing import Callable, Protocol, Sequence, Tuple

import torch
from torch import Tensor, nn

from core_model.errors import is_out_of_memory
from core_model.network.reading import Reader, Rows, added_mask
from core_model.network.row_cache import Place, RowCache

_LOG = logging.getLogger(__name__)

# Whenever slots grow, steps are recorded anew, which takes as long as several of them.
RECORDED_BLOCK = 128
# Logits of a repeated step may differ by this share of the largest: products may be summed in another order.
_TOLERANCE = 0.02
# A process may record one graph at a time.
_ONE_AT_A_TIME = threading.Lock()

Step = Callable[[], Tensor]


def likeliest(logits: Tensor) -> Tensor:
    """The likeliest token of each row of logits [n, vocabulary], its log-probability, and how far the next one is off.

    One tensor [3, n], since a GPU is waited for once then. (Numbers of tokens are exact in float32.)
    """
    best, tokens = logits.topk(2, dim=-1)
    first, second = best.unbind(dim=-1)
    return torch.stack([tokens[:, 0].to(best.dtype), first - logits.logsumexp(dim=-1), first - second])


class Recorder(Protocol):
    """What makes a step repeatable."""

    usable: bool

    def record(self, step: Step) -> Tuple[Tensor, Step | None]:
        """What the step gives now, and what does the same work again in the same tensors, if anything does."""


class CudaGraphs:
    """Records steps as CUDA graphs on one GPU. Each one's first repetition is compared; a failure is the last try."""

    def __init__(self, device: torch.device) -> None:
        self.usable = True
        self._device = device

    def record(self, step: Step) -> Tuple[Tensor, Step | None]:
        """See ``Recorder``; raises what says that memory ran out."""
        first = self._done(step)
        try:
            repeat = self._captured(step)
            if not bool((repeat() - first).abs().max() <= _TOLERANCE * first.abs().max()):
                raise RuntimeError("the repeated step gave other numbers")
            return first, repeat
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            self.usable = False
            _LOG.warning("steps cannot be repeated as a CUDA graph and are done one by one, more slowly: %s", error)
            return first, None

    def _done(self, step: Step) -> Tensor:
        """The step done once, on a stream of its own: libraries set themselves up, which must not be recorded."""
        with torch.cuda.device(self._device):
            here, side = torch.cuda.current_stream(), torch.cuda.Stream()
            side.wait_stream(here)
            with torch.cuda.stream(side):
                first = step()
            here.wait_stream(side)
            first.record_stream(here)
            return first

    def _captured(self, step: Step) -> Step:
        graph = torch.cuda.CUDAGraph()
        # The outer stream sees to it that the thread is back on its own one after a failure, too.
        with _ONE_AT_A_TIME, torch.cuda.device(self._device), torch.cuda.stream(torch.cuda.Stream()):
            # Other threads may use the GPU meanwhile.
            stream = torch.cuda.current_stream()
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                logits = step()

        def repeat() -> Tensor:
            graph.replay()
            return logits

        return repeat


def recorder_for(language: nn.Module) -> CudaGraphs | None:
    """What records a model's steps: of those that lie whole on one GPU, in plain numbers."""
    weights = list(language.parameters())
    devices = {value.device for value in weights}
    plain = all(type(value) is nn.Parameter and value.is_floating_point() for value in weights)
    (device, *others) = devices
    return CudaGraphs(device) if device.type == "cuda" and not others and plain else None


class FixedSteps:
    """Reads one more token of the rows in the ``cache``'s first slots, always of as many as ``rows``."""

    def __init__(self, reader: Reader, cache: RowCache, rows: int, recorder: Recorder) -> None:
        self._reader, self._cache, self._recorder = reader, cache, recorder
        self._table = reader.language.get_input_embeddings()
        self._like = next(reader.language.parameters())
        # Of every row: its token, the column that it is written to, its position and its picture's place.
        self._told = torch.zeros(4, rows, dtype=torch.long, device=self._like.device)
        self._likeliest = torch.zeros(3, rows, device=self._like.device)
        self._repeat: Step | None = None
        self._capacity = 0

    @property
    def usable(self) -> bool:
        """Whether steps can be repeated, as far as is known."""
        return self._recorder.usable and not self._reader.copies

    def read(
        self, tokens: Sequence[int], columns: Sequence[int], pictures: Sequence[int], used: int
    ) -> Tuple[Tensor, Tensor]:
        """Logits [n, vocabulary] after tokens [n], each the next of its row, in ``columns`` [n] of the first slots.

        With them the ``likeliest`` tokens. Both are written over by the next step. No slot holds more than ``used``
        columns.
        """
        # One for the new token, and one more: there the rows are written that nobody asks for.
        self._cache.reserve(used + 2)
        if self._cache.capacity != self._capacity:
            self._repeat, self._capacity = None, self._cache.capacity
        self._tell(tokens, columns, pictures)
        if self._repeat is not None:
            logits = self._repeat()
        else:
            logits, self._repeat = self._recorder.record(self._step)
        return logits[: len(tokens)], self._likeliest[:, : len(tokens)]

    def _tell(self, tokens: Sequence[int], columns: Sequence[int], pictures: Sequence[int]) -> None:
        prefixes, idle = self._cache.prefixes, self._told.shape[1] - len(tokens)
        told = [
            [*tokens, *[0] * idle], [*columns, *[self._capacity - 1] * idle],
            [*(column + prefixes.length for column in columns), *[0] * idle],
            [*map(prefixes.place_of, pictures), *[0] * idle]]
        self._told.copy_(torch.tensor(told))

    def _step(self) -> Tensor:
        tokens, columns, positions, places = (row.unsqueeze(1) for row in self._told)
        seen = torch.arange(self._capacity, device=self._told.device)
        mask = added_mask(seen > columns.unsqueeze(2), self._like.dtype).unsqueeze(1)
        inputs = self._table(tokens).to(self._like.dtype)
        rows = Rows(inputs, positions, mask, Place(0, columns, self._capacity))
        reach = self._cache.prefixes.fixed_reach(places.squeeze(1))
        logits = self._reader.read(rows, self._cache, reach, 1)[:, 0]
        self._likeliest.copy_(likeliest(logits))
        return logits
