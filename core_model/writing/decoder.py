"""Writing many texts side by side: when one ends, the next takes its place; where more is asked, it goes on."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Callable, Deque, Iterator, List, Sequence, Tuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from core_model.errors import NotFiniteError
from core_model.network.reading import Reader, Rows, added_mask
from core_model.network.row_cache import BLOCK, Place, RowCache
from core_model.network.shared_prefix import Reach, SharedPrefixes
from core_model.stopwatch import Stopwatch
from core_model.writing.fixed_steps import RECORDED_BLOCK, FixedSteps, Recorder, likeliest
from core_model.writing.texts import Sampling

# New texts are begun together once this share of the places is free, and questions that follow an answer are read
# together once so many wait: alone, each would cost a pass through all weights.
_REFILLED = 8
# Nearer tokens than this are a tie: how far apart they are differs by up to 7e-5 between the default model's batches.
_TIE = 1e-4


@dataclass
class Answer:
    """What is written after one question."""

    ids: List[int] = field(default_factory=list)
    log_probability: float = 0.0


@dataclass
class Draft:
    """A text while it is written: what is asked before each answer, as embeddings [L, hidden], and the answers so far.

    Each answer has at most ``limit`` tokens. ``read`` counts its tokens that the cache holds.
    """

    number: int
    asked: Sequence[Tensor]
    picture: int
    random: torch.Generator
    limit: int
    answers: List[Answer] = field(default_factory=list)
    read: int = 0
    ended: bool = False

    @property
    def is_last(self) -> bool:
        """Whether the answer being written is the one that was asked for in the end."""
        return len(self.answers) == len(self.asked)


class Decoder:
    """Writes drafts, at most ``slots`` at a time, each answer until its end or its draft's limit.

    ``sampling`` concerns last answers; those on the way are the likeliest. With a ``recorder``, steps of one token are
    recorded once and then repeated; where it gives up, they are done one by one. ``settle`` gives the next token of a
    draft where two are as likely but for rounding, so that the others in the batch have no part in that.
    """

    def __init__(
        self, reader: Reader, prefixes: SharedPrefixes, *, slots: int, end_id: int, sampling: Sampling,
        stopwatch: Stopwatch | None = None, recorder: Recorder | None = None,
        settle: Callable[[Draft], int] | None = None,
    ) -> None:
        self._reader, self._prefixes, self._settle = reader, prefixes, settle
        self._slots, self._end_id, self._sampling = slots, end_id, sampling
        self._table = reader.language.get_input_embeddings()
        self._stopwatch = stopwatch or Stopwatch()
        self.cache = RowCache(slots, prefixes, BLOCK if recorder is None else RECORDED_BLOCK)
        self._steps = None if recorder is None else FixedSteps(reader, self.cache, slots, recorder)
        # The drafts in the slots, without a gap: those that are written, then those whose next question is to be read.
        self._live: List[Draft] = []
        self._turning: List[Draft] = []
        self._reach = prefixes.reach([])

    @torch.inference_mode()
    def write(self, drafts: Sequence[Draft]) -> Iterator[Draft]:
        """The drafts as they are finished."""
        waiting = deque(drafts)
        while waiting or self._live or self._turning:
            free, many = self._slots - len(self._live) - len(self._turning), max(1, self._slots // _REFILLED)
            begins = bool(waiting) and (free >= many or free == self._slots)
            if self._turning and (begins or not self._live or len(self._turning) >= many):
                with self._stopwatch.part("prefill"):
                    self._go_on()
            elif begins:
                with self._stopwatch.part("prefill"):
                    self._begin(waiting, free)
            else:
                with self._stopwatch.part("decode"):
                    self._continue()
            yield from self._sorted_out()

    def _begin(self, waiting: Deque[Draft], free: int) -> None:
        """Read the first question of new drafts."""
        self._ask([waiting.popleft() for _ in range(min(free, len(waiting)))])

    def _go_on(self) -> None:
        """Read the next question of drafts that have answered one."""
        turning, self._turning = self._turning, []
        self._ask(turning)

    def _ask(self, drafts: List[Draft]) -> None:
        """Read the next question of drafts in the slots behind the live ones, and write each answer's first token."""
        texts = []
        for draft in drafts:
            text = draft.asked[len(draft.answers)]
            if draft.answers:
                unread = draft.answers[-1].ids[draft.limit - 1 :]  # the last token, where its limit ended an answer
                text = torch.cat([self._embedded(unread, text), text])
            texts.append(text)
            draft.answers.append(Answer())
            draft.ended = False
        self._read(drafts, texts, len(self._live))
        self._live += drafts
        self._reach = self._reached(self._live)

    def _continue(self) -> None:
        """Write one more token of every live draft."""
        last = [draft.answers[-1].ids[-1] for draft in self._live]
        if self._steps is None or not self._steps.usable:
            self._read(self._live, self._embedded(last, self._live[0].asked[0]).unsqueeze(1), 0)
            return
        used = max(draft.read for draft in (*self._live, *self._turning))
        read, pictures = zip(*((draft.read, draft.picture) for draft in self._live))
        logits, likeliest_ones = self._steps.read(last, read, pictures, used)
        for draft in self._live:
            draft.read += 1
        self._take(self._live, logits, likeliest_ones)

    def _read(self, drafts: Sequence[Draft], texts: Sequence[Tensor] | Tensor, first: int) -> None:
        """Read a text [L, hidden] more of each draft, padded on the right to the longest, and choose what follows."""
        device, lengths = texts[0].device, [len(text) for text in texts]
        inputs = pad_sequence(list(texts), batch_first=True)
        starts = torch.tensor([draft.read for draft in drafts], device=device).unsqueeze(1)
        columns = starts + torch.arange(inputs.shape[1], device=device)
        used = max(draft.read for draft in drafts) + inputs.shape[1]
        mask = added_mask(torch.arange(used, device=device) > columns.unsqueeze(2), inputs.dtype).unsqueeze(1)
        rows = Rows(inputs, columns + self._prefixes.length, mask, Place(first, columns, used))
        reach = self._reach if drafts is self._live else self._reached(drafts)
        last = sorted({length - 1 for length in lengths})
        logits = self._reader.read(rows, self.cache, reach, torch.tensor(last, device=device))
        kept = torch.tensor([last.index(length - 1) for length in lengths], device=device)
        for draft, length in zip(drafts, lengths):
            draft.read += length
        chosen = logits[torch.arange(len(drafts), device=device), kept]
        self._take(drafts, chosen, likeliest(chosen))

    def _take(self, drafts: Sequence[Draft], logits: Tensor, likeliest_ones: Tensor) -> None:
        """Choose a token for every draft by its logits [n, vocabulary]: the ``likeliest`` one, or one that is drawn.

        Raises ``NotFiniteError`` where they are no numbers.
        """
        tokens, chances, margins = likeliest_ones.tolist()
        if self._settle is not None:
            for row, (draft, margin) in enumerate(zip(drafts, margins)):
                if margin < _TIE and not self._draws(draft):
                    tokens[row] = self._settle(draft)
        for row, token, chance in self._drawn(drafts, logits):
            tokens[row], chances[row] = token, chance
        if not all(map(math.isfinite, chances)):
            raise NotFiniteError
        for draft, token, chance in zip(drafts, map(int, tokens), chances):
            answer = draft.answers[-1]
            answer.log_probability += chance
            draft.ended = token == self._end_id
            if not draft.ended:
                answer.ids.append(token)
                draft.ended = len(answer.ids) == draft.limit

    def _sorted_out(self) -> List[Draft]:
        """Take out what is finished; in the slots, drafts that are asked on come behind the live ones."""
        ended = [draft for draft in self._live if draft.ended]
        if not ended:
            return []
        held = self._live + self._turning
        self._turning += [draft for draft in ended if not draft.is_last]
        self._live = [draft for draft in self._live if not draft.ended]
        self._live, self._turning = self._placed(held, self._live, 0), self._placed(
            held, self._turning, len(self._live))
        slots = {draft.number: slot for slot, draft in enumerate(held)}
        moved = [(slots[draft.number], slot) for slot, draft in enumerate(self._live + self._turning)
                 if slots[draft.number] != slot]
        if moved:
            self.cache.move(*zip(*moved))
        self._reach = self._reached(self._live)
        return [draft for draft in ended if draft.is_last]

    @staticmethod
    def _placed(held: Sequence[Draft], drafts: Sequence[Draft], first: int) -> List[Draft]:
        """The drafts in an order for the slots from ``first``: all that can stay where they are ``held`` do."""
        wanted = {draft.number for draft in drafts}
        places = range(first, first + len(drafts))
        stays = {slot for slot in places if held[slot].number in wanted}
        staying = {held[slot].number for slot in stays}
        others = iter([draft for draft in drafts if draft.number not in staying])
        return [held[slot] if slot in stays else next(others) for slot in places]

    def _reached(self, drafts: Sequence[Draft]) -> Reach:
        return self._prefixes.reach([draft.picture for draft in drafts])

    def _embedded(self, ids: Sequence[int], like: Tensor) -> Tensor:
        """Tokens as embeddings [n, hidden] of the same kind as ``like``."""
        found: Tensor = self._table(torch.tensor(list(ids), dtype=torch.long, device=like.device)).to(like.dtype)
        return found

    def _draws(self, draft: Draft) -> bool:
        """Whether a draft's next token is drawn; else it is the likeliest."""
        return self._sampling.temperature > 0 and draft.is_last

    def _drawn(self, drafts: Sequence[Draft], logits: Tensor) -> List[Tuple[int, int, float]]:
        """The rows whose token is drawn, each with it and its log-probability."""
        rows = [row for row, draft in enumerate(drafts) if self._draws(draft)]
        if not rows:
            return []
        chances = torch.softmax(logits[rows] / self._sampling.temperature, dim=-1).cpu()
        ordered, places = chances.sort(dim=-1, descending=True)
        beyond = ordered.cumsum(dim=-1) - ordered > self._sampling.top_p
        ordered = ordered.masked_fill(beyond, 0.0)
        draws = torch.cat([
            torch.multinomial(ordered[place], 1, generator=drafts[row].random) for place, row in enumerate(rows)])
        tokens = places.gather(1, draws.unsqueeze(1)).to(logits.device)
        logs = logits[rows].gather(1, tokens) - logits[rows].logsumexp(dim=-1, keepdim=True)
        return list(zip(rows, tokens.flatten().tolist(), logs.flatten().tolist()))
