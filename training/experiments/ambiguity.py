"""Regions that overlap, lie inside another, or cover two classes: what the model says, and how sure it is.

``python -m training.experiments.ambiguity --model nano`` writes ``docs/experiments/ambiguity.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, List, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from core_model.confidence import confidence
from core_model.generation import Written
from training.data.facts import RegionFacts, region_facts
from training.data.scenes import Mask, Scene, SceneRegion
from training.data.vocabulary import CATEGORIES
from training.evaluation import tasks
from training.evaluation.tasks import Known
from training.experiments import figures
from training.experiments.looking import looks, score_labels, write_categories
from training.experiments.report import Report
from training.experiments.setting import Setting, command

SETS = {"eurosat": 24, "ucmerced": 24}  # scenes of each
SHARES = tuple(number / 10 for number in range(11))
WINDOW = 3 / 8  # of the picture: the side of the region that slides from one class to the other
INNER = (1 / 3, 2 / 3)  # of a patch: the hole's beginning and end
CLEARLY = 0.9  # a confidence that a user would trust
QUESTION = """
A polygon may lie half over a field and half over a forest, inside another one, or over one. Does the model follow the
mask, say that it is unsure, and say the same whatever else is asked?
"""
METHOD = """
In held-out mosaics whose upper two patches are of different categories, a square slides from the left patch to the
right one; at every step its category is written, and scored between the two names. **Nested**: the right patch,
shrunk, is put into the middle of the left one; asked are the whole, the frame without its middle, and the middle,
which all overlap. **Sameness**: the descriptions of all regions of a mosaic, asked together, in reverse order and one
by one, and of one mask given twice.
"""


@dataclass(frozen=True)
class Slide:
    """What a region of one pair was called at every share of the second class, and how sure the model was."""

    names: Tuple[str, str]
    said: List[str]
    sure: List[float]
    preferred: List[float]  # probability of the second name when only the two are offered


def pair_of(scene: Scene) -> Tuple[int, int] | None:
    """The categories of the upper left and upper right patch, where they have different names."""
    first, second = (region.category for region in scene.regions[:2])
    return None if CATEGORIES[first].name == CATEGORIES[second].name else (first, second)


def sliding_masks(size: int) -> List[Mask]:
    """Squares in the upper half, from wholly left of the middle to wholly right of it."""
    side = round(WINDOW * size)
    top = (size // 2 - side) // 2
    masks = []
    for share in SHARES:
        mask = np.zeros((size, size), bool)
        left = size // 2 - side + round(share * side)
        mask[top : top + side, left : left + side] = True
        masks.append(mask)
    return masks


def with_masks(scene: Scene, masks: Sequence[Mask], categories: Sequence[int]) -> Known:
    """The scene with other regions, measured anew."""
    changed = replace(scene, regions=[SceneRegion(mask, kind) for mask, kind in zip(masks, categories)])
    return Known(changed, [region_facts(changed, number) for number in range(len(masks))])


def slide(setting: Setting, scene: Scene, pair: Tuple[int, int]) -> Slide:
    """Move a region from the first patch to the second."""
    known = with_masks(scene, sliding_masks(scene.image.shape[0]), [pair[0]] * len(SHARES))
    look = next(looks(setting.generator, [known]))
    names = CATEGORIES[pair[0]].name, CATEGORIES[pair[1]].name
    written = write_categories(setting.generator, look)
    chances = score_labels(setting.generator, look, names)
    sure = [confidence(setting.loaded.model.config, one) for one in written]
    return Slide(names, [one.text for one in written], sure, chances[:, 1].tolist())


def nested(scene: Scene, pair: Tuple[int, int]) -> Tuple[Known, NDArray[np.uint8]]:
    """The second patch, shrunk, in the middle of the first: the whole, the frame without the middle, the middle."""
    size = scene.image.shape[0]
    half = size // 2
    start, stop = round(INNER[0] * half), round(INNER[1] * half)
    image = scene.image.copy()
    rows = np.linspace(0, half - 1, stop - start).round().astype(int)
    image[start:stop, start:stop] = scene.image[:half, half:][np.ix_(rows, rows)]
    categories = scene.categories.copy()
    categories[start:stop, start:stop] = pair[1]
    whole = np.zeros((size, size), bool)
    whole[:half, :half] = True
    inner = np.zeros((size, size), bool)
    inner[start:stop, start:stop] = True
    changed = replace(scene, image=image, categories=categories)
    return with_masks(changed, [whole, whole & ~inner, inner], [pair[0], pair[0], pair[1]]), image


def same_texts(setting: Setting, known: Known) -> Dict[str, bool]:
    """Whether texts stay the same for one mask given twice, for regions in reverse order, and for regions alone."""
    masks = [region.mask for region in known.scene.regions]
    facts = list(known.facts)
    first = _texts(setting, known)
    twice = _texts(setting, _again(known, [masks[0], masks[0]], [facts[0], facts[0]]))
    turned = _texts(setting, _again(known, masks[::-1], facts[::-1]))[::-1]
    alone = [_texts(setting, _again(known, [mask], [fact]))[0] for mask, fact in zip(masks, facts)]
    return {"one mask given twice": twice[0] == twice[1], "regions in reverse order": first == turned,
            "regions alone": first == alone}


def _again(known: Known, masks: Sequence[Mask], facts: Sequence[RegionFacts]) -> Known:
    regions = [SceneRegion(mask, fact.category) for mask, fact in zip(masks, facts)]
    return Known(replace(known.scene, regions=regions), list(facts))


def _texts(setting: Setting, known: Known) -> List[str]:
    described = tasks.described(setting.generator, [known], "description")
    return [one.written.text for one in described]


def run(setting: Setting) -> Report:
    """The experiment."""
    report = Report("ambiguity", "Overlapping and ambiguous regions", QUESTION, METHOD)
    scenes = {name: [(scene, pair_of(scene)) for scene in setting.scenes(name, wanted) if len(scene.regions) == 4]
              for name, wanted in SETS.items()}
    pairs = {name: [(scene, pair) for scene, pair in found if pair is not None] for name, found in scenes.items()}
    slides = {name: [slide(setting, scene, pair) for scene, pair in found] for name, found in pairs.items()}
    _report_slides(report, slides)
    _report_nested(setting, report, pairs)
    _report_sameness(setting, report, [scene for found in pairs.values() for scene, _ in found])
    return report


def _report_slides(report: Report, slides: Dict[str, List[Slide]]) -> None:
    figure, axes = figures.canvas(1, len(slides), 10, 3.2)
    for axis, (name, found) in zip(axes[0], slides.items()):
        rows: List[List[object]] = []
        for place, share in enumerate(SHARES):
            said = [[one.said[place] == one.names[number] for number in (0, 1)] for one in found]
            first, second = (float(value) for value in np.mean(said, axis=0))
            sure = [one.sure[place] for one in found]
            rows.append([f"{share:.1f}", first, second, 1 - first - second, float(np.mean(sure)),
                         float(np.mean([value >= CLEARLY for value in sure])),
                         float(np.mean([one.preferred[place] for one in found]))])
        report.table(f"{name}, {len(found)} pairs: what a region is called as more of it lies over the second class.", [
            "share of second", "says first", "says second", "says another", "mean confidence",
            f"confidence ≥ {CLEARLY}", "P(second), of the two"], rows)
        figures.curves(axis, SHARES, {
            "says first": [row[1] for row in rows], "says second": [row[2] for row in rows],  # type: ignore[misc]
            "says another": [row[3] for row in rows], "mean confidence": [row[4] for row in rows],  # type: ignore[misc]
            "P(second), of the two": [row[6] for row in rows],  # type: ignore[misc]
        }, x=f"share of the second class, {name}", y="share of pairs, probability")
    report.figure("slide", figure, "What a region is called as it slides from one class to another")


def _report_nested(setting: Setting, report: Report, pairs: Dict[str, List[Tuple[Scene, Tuple[int, int]]]]) -> None:
    rows: List[List[object]] = []
    for name, found in pairs.items():
        written: List[List[Written]] = []
        for scene, pair in found:
            known, _ = nested(scene, pair)
            written.append(write_categories(setting.generator, next(looks(setting.generator, [known]))))
        names = [tuple(CATEGORIES[kind].name for kind in pair) for _, pair in found]
        for place, kind in enumerate(("the whole", "the frame", "the middle")):
            says = [[texts[place].text == both[number] for number in (0, 1)] for texts, both in zip(written, names)]
            sure = float(np.mean([confidence(setting.loaded.model.config, texts[place]) for texts in written]))
            rows.append([name, kind, *(float(value) for value in np.mean(says, axis=0)), sure])
    report.table("One class inside another: the middle is a ninth of the whole.", [
        "data", "region", "says outer", "says inner", "mean confidence"], rows)
    scene, pair = pairs["ucmerced"][0]
    known, image = nested(scene, pair)
    said = write_categories(setting.generator, next(looks(setting.generator, [known])))
    figure, axes = figures.canvas(1, 3, 8, 3)
    for place, (axis, one) in enumerate(zip(axes[0], said)):
        title = f"{one.text} ({confidence(setting.loaded.model.config, one):.2f})"
        figures.picture(axis, image, title, known.scene.regions[place].mask)
    report.figure("nested", figure, (
        f"{CATEGORIES[pair[1]].name} inside {CATEGORIES[pair[0]].name}: what the outlined region is called "
        "(confidence)"))


def _report_sameness(setting: Setting, report: Report, scenes: Sequence[Scene]) -> None:
    chosen = [tasks.known([scene])[0] for scene in scenes[:: max(1, len(scenes) // 16)]]
    found = [same_texts(setting, known) for known in chosen]
    report.table(f"Descriptions that stay the same to the letter, share of {len(found)} mosaics of four regions.", [
        *found[0]], [[float(np.mean([one[kind] for one in found])) for kind in found[0]]])


if __name__ == "__main__":
    command("ambiguity", run, __doc__)
