"""Does a region's pooled feature belong to its mask? Similarity maps, leakage of the background, retrieval.

``python -m training.experiments.mask_features --model nano`` writes ``docs/experiments/mask_features.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Sequence, Tuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.evaluation import tasks
from training.evaluation.tasks import Known
from training.experiments import figures, measures
from training.experiments.likeness import colour_likeness, likeness_to_the_rest, separation, similarity
from training.experiments.looking import (
    Floats,
    Look,
    cell_features,
    looks,
    pick,
    region_features,
    with_region,
    write_categories,
)
from training.experiments.report import Report
from training.experiments.setting import Setting, command

SETS = {"eurosat": 50, "ucmerced": 50, "dubai": 70}  # scenes of each
LEVELS = ("stride 4", "stride 8", "stride 16", "stride 32", "summed")
COLOUR = "mean colour"
LEAKED = 60  # regions whose surroundings and inside are replaced
CHANGES = ("grey", "noise", "another scene")
SIZES = ((0, 32), (32, 64), (64, 1024))  # square root of the area, in picture pixels
QUESTION = """
A region's mask token is made of the masked means of four encoder levels. Does that feature describe what is inside
the mask, or does the background leak into it? And is it alike for regions of one class?
"""
METHOD = """
Held-out regions are shown as the product shows them. **Inside or outside**: every cell of a level is compared
(cosine) with the region's feature, for which a cell of the mask is left out of the mean; the AUC is the chance that a
cell inside the mask is more alike than a cell outside it. **Leakage**: everything outside the mask, then everything
inside, is replaced by grey, by noise or by another scene; the feature's move is divided by the mean distance between
two regions' features, so 1 means "as far as another region". **Retrieval**: every region ranks all regions of other
pictures by the cosine of centred features; right are those of its category. "Mean colour" does the same with raw
pixels.
"""


@dataclass
class Collected:
    """Features of regions by level, their category and picture; per level how well cells tell inside from outside."""

    features: List[List[Floats]] = field(default_factory=lambda: [[] for _ in (*LEVELS, COLOUR)])
    categories: List[int] = field(default_factory=list)
    pictures: List[int] = field(default_factory=list)
    inside: List[List[float]] = field(default_factory=lambda: [[] for _ in (*LEVELS, COLOUR)])
    inside_of_other: List[List[float]] = field(default_factory=lambda: [[] for _ in (*LEVELS, COLOUR)])


def collect(setting: Setting, scenes: Sequence[Known]) -> Collected:
    """Features and separations of all regions."""
    found = Collected()
    for batch, look in enumerate(looks(setting.generator, scenes)):
        cells = cell_features(setting.loaded.model, look.view.pyramid)
        features = region_features(setting.loaded.model, look)
        for at, number, known in look.regions:
            scene, region = known.scene, known.scene.regions[number]
            other = (scene.categories != region.category) & (scene.categories >= 0)
            owner = int(look.owners[at])
            maps = [likeness_to_the_rest(level[owner], look.masks[at]) for level in cells]
            for place, scores in enumerate([*maps, colour_likeness(scene.image, region.mask)]):
                every, others = separation(scores, region.mask, other)
                found.inside[place].append(every)
                found.inside_of_other[place].append(others)
            colour = scene.image[region.mask].mean(axis=0) / 255.0
            for place, feature in enumerate([*(part[at] for part in features), colour]):
                found.features[place].append(feature)
            found.categories.append(region.category)
            found.pictures.append(batch * 1000 + owner)
    return found


def change_pictures(
    rng: np.random.Generator, about: Known, mask: NDArray[np.bool_], other: NDArray[np.uint8]
) -> List[NDArray[np.uint8]]:
    """The picture with its background, then its inside, made grey, noise and part of another scene: six pictures."""
    image = about.scene.image
    fillings = [np.full_like(image, 128), rng.integers(0, 256, image.shape, dtype=np.uint8), other]
    return [np.where(where[..., None], filling, image) for where in (~mask, mask) for filling in fillings]


@dataclass
class Leaks:
    """For every region: its side in pixels, features as it is and under six changes [7, C] by level, right answers."""

    sides: List[float] = field(default_factory=list)
    features: List[List[Floats]] = field(default_factory=lambda: [[] for _ in LEVELS])
    right: List[List[bool]] = field(default_factory=list)


def leak(setting: Setting, scenes: Sequence[Known]) -> Leaks:
    """Replace what lies outside and inside of regions, one region to a picture."""
    rng = setting.random(2)
    found = Leaks()
    for known, number in pick(rng, scenes, setting.count(LEAKED)):
        mask, facts = known.scene.regions[number].mask, known.facts[number]
        others = [one for one in scenes if one is not known] or [known]
        other = others[int(rng.integers(len(others)))].scene.image
        pictures = [known.scene.image, *change_pictures(rng, known, mask, other)]
        shown = [with_region(known, mask, facts, image) for image in pictures]
        look = next(looks(setting.generator, shown))
        for place, feature in enumerate(region_features(setting.loaded.model, look)):
            found.features[place].append(feature)
        found.right.append([one.text == facts.name for one in write_categories(setting.generator, look)])
        found.sides.append(float(np.sqrt(mask.sum())))
    return found


def changes(leaks: Leaks, level: int) -> Floats:
    """How far features moved under each change, 1 being the distance of another region's: [regions, 6]."""
    stacked = np.stack(leaks.features[level])  # [regions, 7, C]
    scale = measures.typical_distance(stacked[:, 0])
    return np.stack([measures.relative_change(stacked[:, 0], stacked[:, n], scale) for n in range(1, 7)], axis=1)


def run(setting: Setting) -> Report:
    """The experiment."""
    report = Report("mask_features", "Mask features: does the pooled feature belong to the mask?", QUESTION, METHOD)
    scenes = {name: tasks.known(setting.scenes(name, wanted)) for name, wanted in SETS.items()}
    found = {name: collect(setting, known) for name, known in scenes.items() if known}
    _report_separation(report, found)
    for name, (known, number) in zip(scenes, _examples(setting, scenes)):
        report.figure(f"maps_{name}", _maps(setting, known, number), (
            f"{name}, {known.facts[number].name}: cosine of every cell with the outlined region's feature "
            "(blue: least alike in the picture, yellow: most)"))
    _report_leaks(report, leak(setting, [one for known in scenes.values() for one in known]))
    _report_retrieval(report, found)
    return report


def _report_separation(report: Report, found: Dict[str, Collected]) -> None:
    rows = []
    for place, level in enumerate((*LEVELS, COLOUR)):
        row: List[object] = [level]
        for one in found.values():
            row += [float(np.nanmean(one.inside[place])), float(np.nanmean(one.inside_of_other[place]))]
        rows.append(row)
    header = ["level"] + [f"{name}: {kind}" for name in found for kind in ("all outside", "other categories")]
    counts = ", ".join(f"{name} {len(one.categories)}" for name, one in found.items())
    report.table(f"Inside or outside: mean AUC over regions ({counts}); cells inside against all cells outside, and "
                 "against cells of other categories only.", header, rows)


def _report_leaks(report: Report, leaks: Leaks) -> None:
    moved = [changes(leaks, level) for level in range(len(LEVELS))]
    rows = [[name, *(float(value) for value in part.mean(axis=0)), measures.leakage(part[:, :3], part[:, 3:])]
            for name, part in zip(LEVELS, moved)]
    header = ["level"] + [f"{where}: {how}" for where in ("outside", "inside") for how in CHANGES] + ["leakage"]
    report.table(f"How far the feature of {len(leaks.sides)} regions moves; leakage is the mean of the moves outside "
                 "over that inside.", header, rows)
    sides, rows = np.array(leaks.sides), []
    for low, high in SIZES:
        chosen = (sides >= low) & (sides < high)
        if chosen.any():
            rows.append([f"{low} to {high}", int(chosen.sum()),
                         *(measures.leakage(part[chosen, :3], part[chosen, 3:]) for part in moved)])
    report.table("Leakage by the region's side (square root of its area, picture pixels).",
                 ["side", "regions", *LEVELS], rows)
    right = np.array(leaks.right).mean(axis=0)
    report.table("Share of these regions whose written category is right.", [
        "as it is", *header[1:-1]], [[float(value) for value in right]])


def _report_retrieval(report: Report, found: Dict[str, Collected]) -> None:
    scores = {
        name: [measures.retrieval(measures.cosines(np.stack(part)), one.categories, one.pictures)
               for part in one.features]
        for name, one in found.items()}
    chance = {name: _chance(one) for name, one in found.items()}
    rows = [[level, *(value for name in found for value in scores[name][place][:2])]
            for place, level in enumerate((*LEVELS, COLOUR))]
    rows.append(["any order", *(value for name in found for value in (chance[name], chance[name]))])
    header = ["feature"] + [f"{name}: {kind}" for name in found for kind in ("mAP", "recall@1")]
    queries = ", ".join(f"{name} {scores[name][0][2]}" for name in found)
    report.table(f"Retrieval of regions of the same category ({queries} queries).", header, rows)
    figure, axes = figures.canvas(1, 2, 10, 3.2)
    names = [level.replace("stride ", "s") for level in (*LEVELS, COLOUR)]
    figures.bars(axes[0, 0], names, {name: [row[0] for row in scores[name]] for name in found}, y="retrieval mAP")
    figures.bars(axes[0, 1], names, {name: [float(np.nanmean(part)) for part in one.inside]
                                     for name, one in found.items()}, y="AUC, cells inside or outside", limits=(0.5, 1))
    report.figure("levels", figure, "Retrieval, and inside against outside, by level; s4 is stride 4")


def _chance(one: Collected) -> float:
    """The share of regions of the query's category among those of other pictures."""
    kinds, owners = np.array(one.categories), np.array(one.pictures)
    shares = [(kinds[owners != owners[n]] == kinds[n]).mean() for n in range(len(kinds)) if (owners != owners[n]).any()]
    return float(np.mean(shares)) if shares else float("nan")


def _examples(setting: Setting, scenes: Dict[str, List[Known]]) -> List[Tuple[Known, int]]:
    """One region of each set, of middling size, so that inside and outside can both be seen."""
    found = []
    for place, known in enumerate(scenes.values()):
        every = pick(setting.random(3, place), known, 1_000_000)
        fit = [(one, n) for one, n in every if 48 <= np.sqrt(one.scene.regions[n].mask.sum()) <= 112]
        fit = [(one, n) for one, n in fit if len(one.facts) > 1] or every
        found.append(fit[int(setting.random(4, place).integers(len(fit)))])
    return found


def _maps(setting: Setting, known: Known, number: int) -> Figure:
    mask = known.scene.regions[number].mask
    look: Look = next(looks(setting.generator, [with_region(known, mask, known.facts[number])]))
    cells = cell_features(setting.loaded.model, look.view.pyramid)
    features = region_features(setting.loaded.model, look)
    figure, axes = figures.canvas(1, 6, 11, 2.1)
    figures.picture(axes[0, 0], known.scene.image, "picture and mask", mask)
    side = known.scene.image.shape[0]
    for place, name in enumerate(LEVELS):
        scores = similarity(cells[place][0], features[place][0])
        extent = (-0.5, side - 0.5, side - 0.5, -0.5)
        title = f"{name} ({scores.min():.2f} to {scores.max():.2f})"
        figures.picture(axes[0, place + 1], scores, title, mask, "#ffffff", extent=extent)
    return figure


if __name__ == "__main__":
    command("mask_features", run, __doc__)
