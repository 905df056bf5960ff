"""What an evaluation yields: rows of figures, the exact prompts, and every answer; as JSON and as Markdown."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from core_model.text.prompt import Template
from training.evaluation.bootstrap import Interval


@dataclass(frozen=True)
class Row:
    """A line of a table: the model, or what it is compared with; ``count`` is of the answers behind it."""

    name: str
    count: int
    figures: Mapping[str, Interval]


@dataclass(frozen=True)
class Answer:
    """One answer of the model: to what exact prompt, what was right, and how right it is (0 … 1)."""

    picture: int
    regions: Tuple[int, ...]
    prompt: str
    reference: str
    text: str
    score: float
    group: str = ""


@dataclass(frozen=True)
class Outcome:
    """A task's result on one data set; ``prompts`` are instructions as asked, before numbers are filled in."""

    task: str
    data: str
    sampled: str
    rows: Sequence[Row]
    prompts: Sequence[str]
    answers: Sequence[Answer]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Report:
    """All outcomes of a run with what they depend on."""

    model: str
    command: str
    template: Template
    context: str
    most_tokens: int
    resamples: int
    seed: int
    outcomes: Sequence[Outcome]
    left_out: Sequence[str] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """``evaluation.json`` and ``evaluation.md`` in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.values(), indent=1, ensure_ascii=False, allow_nan=False)
        (folder / "evaluation.json").write_text(text + "\n", encoding="utf-8")
        (folder / "evaluation.md").write_text(self.markdown(), encoding="utf-8")

    def values(self) -> Dict[str, Any]:
        """The report as JSON values; what does not exist is null."""
        return {
            "model": self.model, "command": self.command, "decoding": self._decoding(),
            "template": vars(self.template), "context": self.context,
            "interval": f"95 % percentile bootstrap, {self.resamples} resamples, seed {self.seed}",
            "left_out": list(self.left_out), "outcomes": [_values(outcome) for outcome in self.outcomes],
        }

    def markdown(self) -> str:
        """The tables with the prompts under them."""
        lines = [f"# Evaluation of `{self.model}`", "", f"`{self.command}`", "",
                 f"Texts are written {self._decoding()}. In brackets: 95 % confidence, {self.resamples} bootstrap "
                 f"resamples, seed {self.seed}."]
        for outcome in self.outcomes:
            lines += ["", f"## {outcome.task}: {outcome.data}", "", *_table(outcome.rows), "",
                      f"Resampled by {outcome.sampled}.", *outcome.notes, "", "Prompts:", ""]
            lines += [f"- `{prompt}`" for prompt in outcome.prompts]
        lines += ["", "## What stands around every prompt", "", f"- context: `{self.context!r}`"]
        lines += [f"- {name}: `{value!r}`" for name, value in vars(self.template).items() if value]
        if self.left_out:
            lines += ["", "## Not measured", "", *(f"- {reason}" for reason in self.left_out)]
        return "\n".join(lines) + "\n"

    def _decoding(self) -> str:
        return f"greedily, at most {self.most_tokens} tokens"


def _table(rows: Sequence[Row]) -> List[str]:
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    lines = ["| | answers | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for row in rows:
        cells = [str(row.figures[name]) if name in row.figures else "–" for name in names]
        lines.append(f"| {row.name} | {row.count} | " + " | ".join(cells) + " |")
    return lines


def _values(outcome: Outcome) -> Dict[str, Any]:
    return {
        "task": outcome.task, "data": outcome.data, "resampled_by": outcome.sampled, "notes": list(outcome.notes),
        "prompts": list(outcome.prompts), "rows": [_row_values(row) for row in outcome.rows],
        "answers": [{**vars(answer), "score": _number(answer.score)} for answer in outcome.answers],
    }


def _row_values(row: Row) -> Dict[str, Any]:
    figures = {name: {key: _number(value) for key, value in vars(found).items()} for name, found in row.figures.items()}
    return {"name": row.name, "count": row.count, "figures": figures}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)
