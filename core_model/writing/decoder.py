"""Writing many texts side by side: when one ends, the next takes its place."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Iterator, List, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from core_model.network.reading import Reader, Rows, added_mask
from core_model.network.row_cache import Place, RowCache
from core_model.network.shared_prefix import SharedPrefixes
from core_model.stopwatch import Stopwatch
from core_model.writing.texts import Sampling

# New texts are begun together once this share of the places is free: alone, each would cost a pass through all weights.
_REFILLED = 8


@dataclass
class Draft:
    """A text while it is written: what is asked, as embeddings [L, hidden], and what stands there already."""

    number: int
    asked: Tensor
    picture: int
    random: torch.Generator
    ids: List[int] = field(default_factory=list)
    log_probability: float = 0.0
    ended: bool = False


class Decoder:
    """Writes drafts, at most ``slots`` at a time, each until its end or ``limit`` tokens."""

    def __init__(
        self, reader: Reader, prefixes: SharedPrefixes, *, slots: int, limit: int, end_id: int, sampling: Sampling,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        self._reader, self._prefixes = reader, prefixes
        self._slots, self._limit, self._end_id, self._sampling = slots, limit, end_id, sampling
        self._stopwatch = stopwatch or Stopwatch()
        self.cache = RowCache(slots, prefixes)
        self._live: List[Draft] = []  # the draft in each slot, without a gap
        self._reach = prefixes.reach([])

    @torch.inference_mode()
    def write(self, drafts: Sequence[Draft]) -> Iterator[Draft]:
        """The drafts as they are finished."""
        waiting = deque(drafts)
        while waiting or self._live:
            free = self._slots - len(self._live)
            if waiting and (not self._live or free >= max(1, self._slots // _REFILLED)):
                with self._stopwatch.part("prefill"):
                    self._begin([waiting.popleft() for _ in range(min(free, len(waiting)))])
            else:
                with self._stopwatch.part("decode"):
                    self._continue()
            yield from self._leave()

    def _begin(self, drafts: List[Draft]) -> None:
        """Read what is asked and write each text's first token; all are padded on the right to the longest."""
        device, lengths = drafts[0].asked.device, [len(draft.asked) for draft in drafts]
        longest = max(lengths)
        inputs = pad_sequence([draft.asked for draft in drafts], batch_first=True)
        steps = torch.arange(longest, device=device)
        columns = steps.expand(len(drafts), -1)
        mask = added_mask(steps > steps.unsqueeze(1), inputs.dtype).expand(len(drafts), 1, -1, -1)
        rows = Rows(inputs, columns + self._prefixes.length, mask, Place(len(self._live), columns, longest))
        last = sorted({length - 1 for length in lengths})
        reach = self._prefixes.reach([draft.picture for draft in drafts])
        logits = self._reader.read(rows, self.cache, reach, torch.tensor(last, device=device))
        kept = torch.tensor([last.index(length - 1) for length in lengths], device=device)
        self._take(drafts, logits[torch.arange(len(drafts), device=device), kept])
        self._live += drafts
        self._reach = self._prefixes.reach([draft.picture for draft in self._live])

    def _continue(self) -> None:
        """Write one more token of every live text."""
        device = self._live[0].asked.device
        tokens = torch.tensor([[draft.ids[-1]] for draft in self._live], device=device)
        inputs = self._reader.language.get_input_embeddings()(tokens).to(self._live[0].asked.dtype)
        lengths = [len(draft.asked) + len(draft.ids) - 1 for draft in self._live]
        columns, used = torch.tensor(lengths, device=device).unsqueeze(1), max(lengths) + 1
        mask = added_mask(torch.arange(used, device=device) > columns, inputs.dtype)[:, None, None]
        rows = Rows(inputs, columns + self._prefixes.length, mask, Place(0, columns, used))
        self._take(self._live, self._reader.read(rows, self.cache, self._reach, 1)[:, -1])

    def _take(self, drafts: Sequence[Draft], logits: Tensor) -> None:
        """Choose a token for every draft by its logits [n, vocabulary]."""
        tokens = self._choose(drafts, logits)
        chances = (logits.gather(1, tokens.unsqueeze(1)).squeeze(1) - logits.logsumexp(dim=-1)).tolist()
        for draft, token, chance in zip(drafts, tokens.tolist(), chances):
            draft.log_probability += chance
            draft.ended = token == self._end_id
            if not draft.ended:
                draft.ids.append(token)
                draft.ended = len(draft.ids) == self._limit

    def _leave(self) -> List[Draft]:
        """Take the ended drafts out; the last ones move into their slots."""
        ended = [draft for draft in self._live if draft.ended]
        if ended:
            count = len(self._live) - len(ended)
            targets = [slot for slot in range(count) if self._live[slot].ended]
            sources = [slot for slot in range(count, len(self._live)) if not self._live[slot].ended]
            if targets:
                self.cache.move(sources, targets)
            for source, target in zip(sources, targets):
                self._live[target] = self._live[source]
            del self._live[count:]
            self._reach = self._prefixes.reach([draft.picture for draft in self._live])
        return ended

    def _choose(self, drafts: Sequence[Draft], logits: Tensor) -> Tensor:
        if self._sampling.temperature <= 0:
            return logits.argmax(dim=-1)
        chances = torch.softmax(logits / self._sampling.temperature, dim=-1).cpu()
        ordered, places = chances.sort(dim=-1, descending=True)
        beyond = ordered.cumsum(dim=-1) - ordered > self._sampling.top_p
        ordered = ordered.masked_fill(beyond, 0.0)
        drawn = [
            int(places[row, torch.multinomial(ordered[row], 1, generator=draft.random)])
            for row, draft in enumerate(drafts)
        ]
        return torch.tensor(drawn, device=logits.device)
