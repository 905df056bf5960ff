"""Region captioning: texts against reference texts."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from training.evaluation.asking import CHANGES, Question, Reply
from training.evaluation.bench import Bench
from training.evaluation.caption_metrics import CaptionMetrics
from training.evaluation.material import DataSet, NotMeasured, Spoken, most_frequent
from training.evaluation.results import Answer, Outcome, Row


class Captioning:
    """BLEU, METEOR, ROUGE-L and CIDEr, kind of text by kind of text, beside always the commonest reference."""

    name = "caption"

    def __init__(self) -> None:
        self._made: Optional[CaptionMetrics] = None

    def measure(self, bench: Bench, data: DataSet) -> Outcome:
        """See ``Task``."""
        metrics = self._made = self._made or CaptionMetrics()
        by_kind: Dict[str, List[Spoken]] = {}
        for entry in data.captions():
            by_kind.setdefault(entry.turn.kind, []).append(entry)
        if not by_kind:
            raise NotMeasured(f"{data.name} has no captions in this split (conversations of kind short, detailed …).")
        rows: List[Row] = []
        answers: List[Answer] = []
        for kind, entries in by_kind.items():
            found, given = self._kind(bench, data, metrics, kind, entries)
            rows += found
            answers += given
        prompts = sorted({entry.turn.instruction for entries in by_kind.values() for entry in entries})
        notes = [metrics.note] if metrics.note else []
        return Outcome(self.name, data.name, data.units()[1], rows, prompts, answers, notes)

    def _kind(
        self, bench: Bench, data: DataSet, metrics: CaptionMetrics, kind: str, entries: Sequence[Spoken]
    ) -> Tuple[List[Row], List[Answer]]:
        questions = [Question(entry.picture, entry.turn.regions, entry.turn.instruction) for entry in entries]
        replies = bench.asker.write(data, questions)
        row, singles = self._row(f"{kind}: model", bench, data, metrics, entries, [reply.text for reply in replies])
        rows = [row]
        for name, change in CHANGES.items():
            texts = [reply.text for reply in bench.asker.write(data, questions, change)]
            rows.append(self._row(f"{kind}: {name}", bench, data, metrics, entries, texts)[0])
        always = most_frequent([text for entry in entries for text in entry.references])
        rows.append(self._row(f"{kind}: most frequent", bench, data, metrics, entries, [always] * len(entries))[0])
        return rows, [_answer(*found) for found in zip(entries, replies, singles)]

    def _row(
        self, name: str, bench: Bench, data: DataSet, metrics: CaptionMetrics, entries: Sequence[Spoken],
        texts: Sequence[str],
    ) -> Tuple[Row, List[float]]:
        statistics, singles = metrics.statistics(texts, [entry.references for entry in entries])
        return bench.row(name, data, [entry.picture for entry in entries], statistics), singles


def _answer(entry: Spoken, reply: Reply, score: float) -> Answer:
    return Answer(
        entry.picture, entry.turn.regions, reply.prompt, " / ".join(entry.references), reply.text, score,
        entry.turn.kind)
