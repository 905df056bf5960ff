"""Judges of free texts: rubric items, each between 0 (does not hold) and 1 (holds)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Protocol, Sequence, Set, Tuple

import torch
from torch import Tensor

from core_model.errors import ModelError
from core_model.network.language import load_language
from core_model.text.tokenizer import TextTokenizer, load_tokenizer
from training.data.facts import RegionFacts
from training.data.phrases import Turn
from training.data.reasoning import REASONS, parted
from training.evaluation.statements import check_turn, odd_place, true_shares


@dataclass(frozen=True)
class Case:
    """A text to judge: what was asked, what would be right, and what is known of the regions it is about.

    ``turn.answer`` is the reference, "" where there is none; ``labels`` are the classes of ``turn.regions`` in their
    order ("" unknown) and ``others`` the classes that surely none of them is.
    """

    turn: Turn
    text: str
    labels: Tuple[str, ...]
    others: Tuple[str, ...]
    facts: Optional[Sequence[RegionFacts]] = None


class Judge(Protocol):
    """Judges texts; items that cannot be judged in a case are not in its verdict."""

    name: str

    def judge(self, cases: Sequence[Case]) -> List[Dict[str, float]]:
        """For every case the rubric's items with their scores, 0 … 1."""
        ...


class LabelJudge:
    """Goes by rules: classes that the reference names, yes or no, and where facts are known every claim of the text.

    Claims are read and checked by ``training.evaluation.statements``; an item is the true share of a text's claims.
    """

    name = "rules"

    def judge(self, cases: Sequence[Case]) -> List[Dict[str, float]]:
        """See ``Judge``."""
        return [self._verdict(case) for case in cases]

    def _verdict(self, case: Case) -> Dict[str, float]:
        found: Dict[str, float] = {}
        asked = _yes_or_no(case.turn.answer)
        if asked:
            found["yes or no is right"] = float(_yes_or_no(case.text) == asked)
        _, reason = parted(case.turn.answer)
        if reason in REASONS:
            found["gives the reason"] = float(parted(case.text)[1] == reason)
        odd = odd_place(case.turn.answer) if case.turn.kind == "odd-one-out" else None
        if odd is not None:
            found["finds the odd one"] = float(odd_place(case.text) == odd)
        wanted = {label for label in case.labels if label and _names(case.turn.answer, label)}
        # With facts, a text about one region may name its class as a neighbour's; there the claims say more.
        if wanted and (case.facts is None or len(case.turn.regions) > 1):
            found["names the class"] = float(all(_names(case.text, label) for label in wanted))
        if wanted and case.facts is None:
            found["names no wrong class"] = float(not any(_names(case.text, label) for label in case.others))
        if case.facts is not None:
            claims = check_turn(case.turn, case.text, case.facts)
            found.update({f"true: {kind}": share for kind, (share, _) in true_shares(claims).items()})
        return found


def _yes_or_no(text: str) -> str:
    match = re.match(r"\s*(yes|no)\b", text.lower())
    return match.group(1) if match else ""


def _names(text: str, label: str) -> bool:
    return re.search(rf"\b{re.escape(label.lower())}\b", text.lower()) is not None


@dataclass(frozen=True)
class RubricItem:
    """A yes/no question about an answer; ``good`` is what a good answer gets."""

    name: str
    question: str
    good: str = "yes"


RUBRIC: Tuple[RubricItem, ...] = (
    RubricItem("same thing", "Does the answer name the same kind of place or object as the reference?"),
    RubricItem("nothing wrong", "Does the answer say anything that contradicts the reference?", "no"),
    RubricItem("all that matters", "Does the answer say all that is important in the reference?"),
    RubricItem("to the point", "Does the answer do what the instruction asks for?"),
)
JUDGE_PROMPT = (
    "A person asked about a region of an aerial image. Compare the answer with the reference, which is right.\n"
    "Instruction: {instruction}\nReference: {reference}\nAnswer: {answer}\n"
    "Question: {question} Reply with yes or no.\nReply:")
_SPELLINGS = ("{}", " {}")
_CASES_AT_ONCE = 8


class LanguageModelJudge:
    """Asks a local language model the rubric's questions; the score is its probability of the good reply.

    That is the probability of "yes" (or "no") as the next token, in any spelling, over that of both. Only cases with a
    reference are judged. The model's own faults are part of every figure: say which model judged.
    """

    def __init__(
        self, model: Any, tokenizer: TextTokenizer, *, name: str = "language model",
        rubric: Sequence[RubricItem] = RUBRIC,
    ) -> None:
        self.name, self._model, self._tokenizer, self._rubric = name, model.eval(), tokenizer, rubric
        first = {word: _first_ids(tokenizer, word) for word in ("yes", "no")}
        # Where a blank is a token of its own, it begins both and says nothing.
        self._replies = {word: sorted(found - (first["yes"] & first["no"])) for word, found in first.items()}
        if not all(self._replies.values()):
            raise ModelError(f"the tokenizer of the judge {name} does not tell yes from no; choose another model.")

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> LanguageModelJudge:
        """The judge of a Hugging Face folder; raises ``ModelError`` where it cannot be used."""
        dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        return cls(load_language(folder, dtype).to(device), load_tokenizer(folder), name=folder.resolve().name)

    def judge(self, cases: Sequence[Case]) -> List[Dict[str, float]]:
        """See ``Judge``."""
        asked = [(number, item) for number, case in enumerate(cases) if case.turn.answer for item in self._rubric]
        verdicts: List[Dict[str, float]] = [{} for _ in cases]
        for start in range(0, len(asked), _CASES_AT_ONCE):
            part = asked[start : start + _CASES_AT_ONCE]
            chances = self._yes([self.prompt(cases[number], item) for number, item in part])
            for (number, item), yes in zip(part, chances):
                verdicts[number][item.name] = yes if item.good == "yes" else 1 - yes
        return verdicts

    @staticmethod
    def prompt(case: Case, item: RubricItem) -> str:
        """What the judge reads."""
        return JUDGE_PROMPT.format(
            instruction=case.turn.instruction, reference=case.turn.answer, answer=case.text, question=item.question)

    @torch.inference_mode()
    def _yes(self, prompts: Sequence[str]) -> List[float]:
        begin = [] if self._tokenizer.begin_id is None else [self._tokenizer.begin_id]
        rows = [torch.tensor(begin + self._tokenizer.encode(prompt)) for prompt in prompts]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(self._model.device)
        lengths = torch.tensor([len(row) for row in rows], device=ids.device)
        seen = torch.arange(ids.shape[1], device=ids.device) < lengths.unsqueeze(1)
        logits = self._model(input_ids=ids, attention_mask=seen.long()).logits
        last: Tensor = logits[torch.arange(len(rows), device=ids.device), lengths - 1].float()
        yes, no = (last[:, self._replies[word]].logsumexp(dim=1) for word in ("yes", "no"))
        return [float(chance) for chance in torch.sigmoid(yes - no)]


def _first_ids(tokenizer: TextTokenizer, word: str) -> Set[int]:
    """The first token of a word in its usual spellings."""
    spellings = [form.format(case) for form in _SPELLINGS for case in (word, word.capitalize(), word.upper())]
    return {tokenizer.encode(spelling)[0] for spelling in spellings}
