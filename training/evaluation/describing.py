"""Description and reasoning: free texts before judges."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

import numpy as np

from training.data.phrases import Turn
from training.evaluation.asking import CHANGES, Question, Reply, as_they_are
from training.evaluation.bench import Bench
from training.evaluation.bootstrap import mean_of
from training.evaluation.judges import Case
from training.evaluation.material import DataSet, NotMeasured, Spoken
from training.evaluation.results import Answer, Outcome, Row


class Describing:
    """Rubric items of every judge, over descriptions and over questions that take reasoning.

    An item's figure is its mean over the texts in which it can be judged. A text's own score, for the picture sheet, is
    the mean of its items.
    """

    name = "description"

    def measure(self, bench: Bench, data: DataSet) -> Outcome:
        """See ``Task``."""
        groups = {"description": [entry for entry in data.captions() if entry.turn.kind not in ("phrase", "short")],
                  "reasoning": data.reasoning()}
        if not any(groups.values()):
            raise NotMeasured(f"{data.name} has neither descriptions nor questions to reason about in this split.")
        labels = {(target.picture, target.region): target.label for target in data.targets}
        rows: List[Row] = []
        answers: List[Answer] = []
        for group, entries in groups.items():
            if entries:
                found, given = self._group(bench, data, group, entries, labels)
                rows += found
                answers += given
        prompts = sorted({entry.turn.instruction for entries in groups.values() for entry in entries})
        notes = [] if len(bench.judges) > 1 else ["No language model judged; give one by --judge."]
        return Outcome(self.name, data.name, data.units()[1], rows, prompts, answers, notes)

    def _group(
        self, bench: Bench, data: DataSet, group: str, entries: Sequence[Spoken], labels: Dict[Tuple[int, int], str]
    ) -> Tuple[List[Row], List[Answer]]:
        questions = [Question(entry.picture, entry.turn.regions, entry.turn.instruction) for entry in entries]
        rows: List[Row] = []
        answers: List[Answer] = []
        for name, change in {"model": as_they_are, **CHANGES}.items():
            replies = bench.asker.write(data, questions, change)
            cases = [_case(data, entry, reply, labels) for entry, reply in zip(entries, replies)]
            for judge in bench.judges:
                verdicts = judge.judge(cases)
                rows.append(_row(f"{group}: {name} ({judge.name})", bench, data, entries, verdicts))
                if name == "model" and judge is bench.judges[-1]:
                    answers = [_answer(group, *found) for found in zip(entries, replies, verdicts)]
        return rows, answers


def _case(data: DataSet, entry: Spoken, reply: Reply, labels: Dict[Tuple[int, int], str]) -> Case:
    turn = entry.turn
    own = tuple(labels.get((entry.picture, region), "") for region in turn.regions)
    others = tuple(label for label in data.labels if not any(data.may_hold(label, truth) for truth in own))
    asked = Turn(turn.kind, turn.instruction, entry.references[0], turn.regions)
    return Case(asked, reply.text, own, others, data.facts(entry.picture) if turn.regions else None)


def _row(
    name: str, bench: Bench, data: DataSet, entries: Sequence[Spoken], verdicts: Sequence[Dict[str, float]]
) -> Row:
    items = sorted({item for verdict in verdicts for item in verdict})
    figures = {item: mean_of([verdict.get(item, np.nan) for verdict in verdicts]) for item in items}
    return bench.row(name, data, [entry.picture for entry in entries], figures)


def _answer(group: str, entry: Spoken, reply: Reply, verdict: Dict[str, float]) -> Answer:
    score = float(np.mean(list(verdict.values()))) if verdict else float("nan")
    return Answer(
        entry.picture, entry.turn.regions, reply.prompt, " / ".join(entry.references), reply.text, score,
        f"{group}, {entry.turn.kind}")

