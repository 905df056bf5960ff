"""The tables of a model's card, of the held-out parts of the public data sets.

Every figure stands beside what says nothing about the region: the most frequent category, another region's mask, no
picture. The same regions are also asked about in stretched pictures, since imagery of more than 8 bits is seen so, and
patches also in the middle of others, as a user draws a pond in a meadow.
"""

from __future__ import annotations

import logging
from typing import Any, Dict, List, Sequence

import numpy as np

from core_model.confidence import confidence
from core_model.generation import Generator
from training.evaluation import contents, tasks
from training.evaluation.asking import no_image, shuffled_masks, stretched_by_band, stretched_together
from training.evaluation.held_out import nested_scenes
from training.evaluation.material import most_frequent
from training.evaluation.public_sets import class_names
from training.evaluation.statements import true_shares

_LOG = logging.getLogger(__name__)
CALIBRATED = ("eurosat", "ucmerced", "dubai")
LOOKED_AT = ("colour", "tone", "texture", "shape", "orientation", "neighbour")
COLUMNS = {
    "accuracy": "accuracy", "macro_f1": "macro-F1", "stretched_together": "bands stretched together: accuracy",
    "stretched_by_band": "one by one: accuracy", "labels_accuracy": "from a label list: accuracy",
    "labels_macro_f1": "macro-F1", "most_frequent": "most frequent", "shuffled_masks": "shuffled masks",
    "no_image": "no image", "nested": "inside another patch: accuracy",
}
MOSAICS = ("eurosat", "ucmerced")
STATED = ("eurosat", "ucmerced", "dubai", "naip")


def measure(generator: Generator, scenes: Dict[str, List[tasks.Known]]) -> Dict[str, Any]:
    """All figures: categories, labels, yes/no, what mixed regions hold, statements, calibration."""
    figures: Dict[str, Any] = {"categories": {}}
    answered = {name: tasks.answer(generator, found, tasks.category_turn(generator)) for name, found in scenes.items()}
    for name, found in scenes.items():
        figures["categories"][name] = _categories(generator, name, found, answered[name])
        _LOG.info("%s: %s", name, figures["categories"][name])
    pooled = [one for name in CALIBRATED if name in answered for one in answered[name]]
    figures["calibration"] = _calibration(generator, pooled)
    asked = [one for name in STATED if name in scenes for one in tasks.answer(
        generator, scenes[name], tasks.yes_no_turns(seed=5))]
    figures["yes_no"] = {"all": tasks.yes_no_rates(asked)}
    for kind in sorted({one.turn.kind for one in asked}):
        figures["yes_no"][kind] = tasks.yes_no_rates([one for one in asked if one.turn.kind == kind])
    inside = {name: contents.measure(generator, scenes[name]) for name in STATED if name in scenes}
    figures["contents"] = {name: found for name, found in inside.items() if found}
    styles = ("phrase", "description", "detailed")
    figures["statements"] = {style: _statements(generator, scenes, style, answered) for style in styles}
    return figures


def _categories(
    generator: Generator, name: str, scenes: Sequence[tasks.Known], answered: Sequence[tasks.Answered]
) -> Dict[str, Any]:
    names = class_names(name)
    truth = [facts.name for one in scenes for facts in one.facts]
    chosen = [names[number] for number in tasks.score(generator, scenes, names).argmax(axis=1)]
    turn = tasks.category_turn(generator)
    return {
        "regions": len(truth), "accuracy": tasks.accuracy(answered),
        "macro_f1": tasks.macro_f1(answered, names),
        "labels_accuracy": float(np.mean([said == true for said, true in zip(chosen, truth)])),
        "labels_macro_f1": tasks.macro_f1_of(list(zip(truth, chosen)), names),
        "stretched_together": tasks.accuracy(tasks.answer(generator, scenes, turn, stretched_together)),
        "stretched_by_band": tasks.accuracy(tasks.answer(generator, scenes, turn, stretched_by_band)),
        "most_frequent": truth.count(most_frequent(truth)) / len(truth),
        "shuffled_masks": tasks.accuracy(tasks.answer(generator, scenes, turn, shuffled_masks)),
        "no_image": tasks.accuracy(tasks.answer(generator, scenes, turn, no_image)),
        **({"nested": _nested(generator, scenes)} if name in MOSAICS else {}),
    }


def _nested(generator: Generator, scenes: Sequence[tasks.Known]) -> float:
    """Accuracy for patches in the middle of others."""
    nested = tasks.known(nested_scenes([one.scene for one in scenes]))
    return tasks.accuracy(tasks.answer(generator, nested, tasks.category_turn(generator)))


def _calibration(generator: Generator, answered: Sequence[tasks.Answered]) -> Dict[str, float]:
    sure = np.array([confidence(generator.model.config, one.written) for one in answered])
    right = np.array([tasks.accuracy([one]) == 1.0 for one in answered])
    guessed = sure < generator.model.config.unsure_below
    return {"error": tasks.calibration_error(sure, right), "mean confidence": float(sure.mean()),
            "accuracy": float(right.mean()), "count": float(len(right)), "guessed": float(guessed.sum()),
            "guessed right": float(right[guessed].sum()), "sure right": float(right[~guessed].sum())}


def _statements(
    generator: Generator, scenes: Dict[str, List[tasks.Known]], style: str, named: Dict[str, List[tasks.Answered]]
) -> Dict[str, Any]:
    texts = [one for name in STATED if name in scenes for one in tasks.described(
        generator, scenes[name], style, named[name])]
    checked = tasks.statements(texts)
    shares: Dict[str, Any] = {kind: list(found) for kind, found in true_shares(checked).items()}
    looked = [claim for claim in checked if claim.kind in LOOKED_AT]
    kept = tasks.keeping_to_label(texts)
    if kept:
        shares["the label, said again"] = [float(np.mean(kept)), len(kept)]
    shares["colour, shape and neighbours"] = [float(np.mean([claim.true for claim in looked])), len(looked)]
    return shares


def _hedged(found: Dict[str, float]) -> List[str]:
    """How often the texts that open with "Perhaps" name the right category, and the others."""
    if not found["guessed"]:
        return []
    others = found["count"] - found["guessed"]
    return [f"Texts open with \"Perhaps\" for {found['guessed']:.0f} of these regions; of their categories "
            f"{found['guessed right']:.0f} are right, of the other {others:.0f} regions' {found['sure right']:.0f}."]


def markdown(figures: Dict[str, Any], name: str) -> str:
    """The figures as Markdown tables."""
    lines = [f"Model `{name}`, held-out regions; accuracy is of the written category, to the letter.", "",
             "| data | regions | " + " | ".join(COLUMNS.values()) + " |", "|---|---|" + "---|" * len(COLUMNS)]
    for data, row in figures["categories"].items():
        shares = [f"{row[key]:.3f}" if key in row else "–" for key in COLUMNS]
        lines.append(f"| {data} | {row['regions']} | " + " | ".join(shares) + " |")
    found = figures["calibration"]
    lines += ["", f"Expected calibration error of the category's confidence: {found['error']:.3f} "
              f"({found['count']:.0f} regions, mean confidence {found['mean confidence']:.3f}, "
              f"accuracy {found['accuracy']:.3f}).", *_hedged(found), "",
              "| yes/no questions | count | balanced accuracy | right yes | right no | yes ratio said | true |",
              "|---|---|---|---|---|---|---|"]
    for kind, row in figures["yes_no"].items():
        lines.append(f"| {kind} | {row['count']:.0f} | {row['balanced accuracy']:.3f} | {row['right yes']:.3f} | "
                     f"{row['right no']:.3f} | {row['yes ratio']:.3f} | {row['true ratio']:.3f} |")
    if figures["contents"]:
        lines += ["", *contents.markdown(figures["contents"])]
    lines += ["", "| statements | " + " | ".join(figures["statements"]) + " |",
              "|---|" + "---|" * len(figures["statements"])]
    for kind in sorted({kind for shares in figures["statements"].values() for kind in shares}):
        cells = [shares.get(kind) for shares in figures["statements"].values()]
        shown = ["–" if cell is None else f"{cell[0]:.3f} of {cell[1]}" for cell in cells]
        lines.append(f"| {kind} | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"
