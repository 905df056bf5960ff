"""Hallucination: POPE about whole pictures, and about regions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Dict, List, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from training.data.phrases import counted
from training.evaluation.asking import CHANGES, Question, Reply
from training.evaluation.bench import Bench, missing_features
from training.evaluation.bootstrap import mean_of
from training.evaluation.material import DataSet, NotMeasured
from training.evaluation.metrics import YesNo, says_yes
from training.evaluation.results import Answer, Outcome, Row

PICTURE_QUESTION = "Can {} be seen in <region>?"
REGION_QUESTION = "Does <region> show {}?"
GROUPS = ("picture", "region")
POSITIVES = 3  # classes of a picture that are asked for; as many that are not there are asked for in each way


@dataclass(frozen=True)
class Probe:
    """A yes/no question about a class in a picture (``target`` −1) or in a target, and its true answer."""

    way: str
    picture: int
    target: int
    label: str
    truth: bool


class Hallucination:
    """POPE (Li et al. 2023, arXiv 2305.10355): whether a model sees classes that are not there.

    Half of the questions about a picture are of classes that are in it, half of classes that are not: random ones, the
    most popular of the data set, or adversarial ones, which most often occur together with what is there. A region is
    asked for its own class and for another: random, popular, or confusable, the wrong class that the model itself finds
    most probable. Classes that may hold of what is there (``DataSet.may_hold``) are never asked for as absent. A
    picture is asked about as a region that covers all of it.
    """

    name = "hallucination"

    def measure(self, bench: Bench, data: DataSet) -> Outcome:
        """See ``Task``."""
        data.require_targets()
        rng = np.random.default_rng((bench.seed, 7))
        about_pictures = picture_probes(data, rng)
        about_regions = region_probes(data, bench.asker.score(data, data.targets, data.labels), rng)
        probes = about_pictures + about_regions
        if not probes:
            raise NotMeasured(f"{data.name} has no class that is surely absent from a picture or region.")
        groups = [group for group in GROUPS if any(probe.way.startswith(group) for probe in probes)]
        questions = [_question(data, probe) for probe in probes]
        replies = bench.asker.write(data, questions)
        rows = [_row(f"{way}: model", bench, data, probes, [reply.text for reply in replies], way)
                for way in dict.fromkeys(probe.way for probe in probes)]
        for name, change in CHANGES.items():
            said = [reply.text for reply in bench.asker.write(data, questions, change)]
            # Another region's mask changes nothing where the region is the whole picture.
            changed = [group for group in groups if group == "region" or name != "shuffled masks"]
            rows += [_row(f"{group}: {name}", bench, data, probes, said, group) for group in changed]
        rows += [_row(f"{group}: always yes", bench, data, probes, ["Yes"] * len(probes), group) for group in groups]
        guesses = bench.guesses(data) if about_regions else {}
        for name, guess in guesses.items():
            said = ["Yes" if data.labels[guess.said[probe.target]] == probe.label else "No" for probe in probes]
            rows.append(_row(f"region: {name}", bench, data, probes, said, "region"))
        notes = missing_features(guesses, data) if about_regions else []
        if not about_pictures:
            notes.append(f"No questions about whole pictures: too little of {data.name}'s pictures is labelled.")
        return Outcome(
            self.name, data.name, data.units()[1], rows,
            [PICTURE_QUESTION, REGION_QUESTION], [_answer(*found) for found in zip(probes, questions, replies)], notes)


def picture_probes(data: DataSet, rng: np.random.Generator) -> List[Probe]:
    """The questions about whole pictures; none about pictures of which too little is known.

    Classes are asked for as present where a region is of them, so that not a few pixels decide.
    """
    marked: Dict[int, Set[str]] = {}
    for target in data.targets:
        marked.setdefault(target.picture, set()).add(target.label)
    present = {number: found for number in range(len(data.places)) if (found := data.present(number))}
    popular = Counter(label for found in present.values() for label in found)
    together = Counter((one, other) for found in present.values() for one in found for other in found if one != other)
    probes: List[Probe] = []
    for picture, found in present.items():
        absent = [label for label in data.labels if not any(data.may_hold(label, truth) for truth in found)]
        there = sorted(found & marked.get(picture, set()))
        asked = [there[place] for place in rng.permutation(len(there))[:POSITIVES].tolist()]
        count = min(len(asked), len(absent))
        shuffled = [absent[place] for place in rng.permutation(len(absent)).tolist()]
        ways = {
            "random": shuffled,
            "popular": sorted(shuffled, key=lambda label: -popular[label]),
            "adversarial": sorted(shuffled, key=lambda label: -sum(together[label, truth] for truth in found)),
        }
        for way, order in ways.items():
            probes += [Probe(f"picture, {way}", picture, -1, label, True) for label in asked[:count]]
            probes += [Probe(f"picture, {way}", picture, -1, label, False) for label in order[:count]]
    return sorted(probes, key=lambda probe: probe.way)


def region_probes(data: DataSet, scores: NDArray[np.float64], rng: np.random.Generator) -> List[Probe]:
    """The questions about regions; ``scores`` [targets, labels] are the model's own probabilities of the labels."""
    popular = Counter(target.label for target in data.targets)
    probes: List[Probe] = []
    for number, (target, row) in enumerate(zip(data.targets, scores)):
        wrong = [place for place, label in enumerate(data.labels) if not data.may_hold(label, target.label)]
        if not wrong:
            continue
        shuffled = [wrong[place] for place in rng.permutation(len(wrong)).tolist()]
        ways = {
            "random": shuffled[0],
            "popular": max(shuffled, key=lambda place: popular[data.labels[place]]),
            "confusable": max(shuffled, key=lambda place: row[place]),
        }
        for way, place in ways.items():
            probes.append(Probe(f"region, {way}", target.picture, number, target.label, True))
            probes.append(Probe(f"region, {way}", target.picture, number, data.labels[place], False))
    return sorted(probes, key=lambda probe: probe.way)


def _question(data: DataSet, probe: Probe) -> Question:
    if probe.target < 0:
        return Question(probe.picture, (), PICTURE_QUESTION.format(counted(probe.label)))
    return Question(probe.picture, (data.targets[probe.target].region,), REGION_QUESTION.format(counted(probe.label)))


def _row(name: str, bench: Bench, data: DataSet, probes: Sequence[Probe], texts: Sequence[str], group: str) -> Row:
    """The rates of the answers to the probes of one way, or of all ways of a group."""
    chosen = [number for number, probe in enumerate(probes) if probe.way.startswith(group)]
    said = [texts[number] for number in chosen]
    rates = YesNo([probes[number].truth for number in chosen], [says_yes(text) for text in said])
    clear = mean_of([float(text.lower().startswith(("yes", "no"))) for text in said])
    pictures = [probes[number].picture for number in chosen]
    return bench.row(name, data, pictures, {**rates.statistics(), "begins with yes or no": clear})


def _answer(probe: Probe, question: Question, reply: Reply) -> Answer:
    truth = "Yes" if probe.truth else "No"
    right = float(says_yes(reply.text) == probe.truth)
    return Answer(probe.picture, question.regions, reply.prompt, truth, reply.text, right, probe.way)
