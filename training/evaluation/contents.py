"""Regions that hold several categories: whether what is in them is affirmed, denied and named rightly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from core_model.generation import Generator
from training.data import mixed, wording
from training.data.facts import RegionFacts, scene_facts
from training.data.phrases import Turn, holds
from training.data.questions import Subject
from training.evaluation import tasks
from training.evaluation.asking import no_image
from training.evaluation.statements import claims

SEED = 11
PAIRS = 2  # yes/no questions about each region, each with a true and with a false premise


def mixed_scenes(scenes: Sequence[tasks.Known]) -> List[tasks.Known]:
    """Each scene with one region that holds several categories instead of its own; scenes without such are left out."""
    found = []
    for number, one in enumerate(scenes):
        scene = replace(one.scene, regions=[])
        mixed.add_mixed(np.random.default_rng((SEED, number)), scene)
        if scene.regions:
            found.append(tasks.Known(scene, scene_facts(scene)))
    return found


def measure(generator: Generator, scenes: Sequence[tasks.Known]) -> Dict[str, Any]:
    """The rates of yes/no questions, also without a picture, and the shares of what is named; empty without regions."""
    found = mixed_scenes(scenes)
    if not found:
        return {}
    return {
        "regions": len(found), "yes_no": tasks.yes_no_rates(tasks.answer(generator, found, premises())),
        "no_image": tasks.yes_no_rates(tasks.answer(generator, found, premises(), no_image)),
        **_named(tasks.answer(generator, found, _made_by(mixed.all_in_it))),
        "described": _named(tasks.described(generator, found, "description"), wording.DESCRIBED),
        **_mostly(tasks.answer(generator, found, _made_by(mixed.mostly))),
    }


def premises() -> tasks.Ask:
    """True and false premises about what a region holds, the same ones every time."""
    rng = np.random.default_rng(SEED)
    return lambda facts, region: [
        turn for _ in range(PAIRS) for holds_true in (True, False)
        if (turn := mixed.is_in_it(Subject(facts, region, rng, holds_true))) is not None]


def _made_by(maker: Callable[[Subject], Optional[Turn]]) -> tasks.Ask:
    rng = np.random.default_rng(SEED)

    def ask(facts: Sequence[RegionFacts], region: int) -> List[Turn]:
        turn = maker(Subject(facts, region, rng))
        return [] if turn is None else [turn]

    return ask


def _named(answered: Sequence[tasks.Answered], most: int = mixed.MOST_NAMED) -> Dict[str, float]:
    """The share of what is named that is in the region, and of up to ``most`` true names the share that is told."""
    true: List[bool] = []
    told: List[bool] = []
    for one in answered:
        own = one.facts[one.turn.regions[0]]
        said = claims(one.written.text).categories
        true += [any(holds(term, number) for number in own.contents) for term in said]
        told += [name in said for name in mixed.named(own)[:most]]
    return {"true of named": float(np.mean(true)) if true else 0.0, "named of true": float(np.mean(told))}


def _mostly(answered: Sequence[tasks.Answered]) -> Dict[str, float]:
    """How often the category is that of most of the region, where there is one."""
    return {"mostly": tasks.accuracy(answered), "mostly of": float(len(answered))} if answered else {}


def markdown(figures: Dict[str, Dict[str, Any]]) -> List[str]:
    """The table of every data set's figures."""
    lines = ["| regions that hold several categories | count | is X in it: balanced accuracy | right yes | right no | "
             "yes ratio said | no image | named things that are there | things that are there named | "
             "in `description`: named things that are there | things that are there named | "
             "category is that of most of it |", "|---|" + "---|" * 11]
    for data, row in figures.items():
        rates = row["yes_no"]
        mostly = f"{row['mostly']:.3f} of {row['mostly of']:.0f}" if "mostly" in row else "–"
        shares = [rates["balanced accuracy"], rates["right yes"], rates["right no"], rates["yes ratio"],
                  row["no_image"]["balanced accuracy"],
                  *(part[key] for part in (row, row["described"]) for key in ("true of named", "named of true"))]
        lines.append(f"| {data} | {row['regions']} | " + " | ".join(f"{share:.3f}" for share in shares)
                     + f" | {mostly} |")
    return lines
