"""How exact must a polygon be? Exact, coarse, grown, shrunk, box and ellipse masks of the same objects.

``python -m training.experiments.granularity --model nano`` writes ``docs/experiments/granularity.md``.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core_model.confidence import confidence
from training.data.scenes import Mask
from training.evaluation import tasks
from training.evaluation.statements import true_shares
from training.evaluation.tasks import Answered, Known
from training.experiments import figures, measures
from training.experiments.looking import pick, with_region
from training.experiments.report import Report
from training.experiments.setting import Setting, command

SETS = ("dubai", "ucmerced", "banepa")
ASKED = 48  # regions of each set whose category is asked
DESCRIBED = 20  # of these, described
COARSE = 1 / 5  # of the region's side: the cells of a coarse mask
REACH = 0.1  # of the region's side: how far a mask grows or shrinks
STATED = ("category", "colour", "texture", "shape", "size", "neighbour")
QUESTION = """
Users draw quickly: a box, an ellipse, a polygon that cuts corners. How much of the description's truth is lost?
"""
METHOD = """
Held-out objects (Dubai segments, UC Merced patches, Banepa buildings) are described with six masks each: exact;
coarse (cells a fifth of the side); grown and shrunk by a tenth of the side; bounding box; the ellipse of the same
centre and moments. The side is the square root of the area. The picture stays the same, the area in the prompt is the
mask's. Everything is judged against the *object*: its category, and what pixels and exact mask say.
"""


def side_of(mask: Mask) -> float:
    """The square root of a mask's area."""
    return float(np.sqrt(mask.sum()))


def coarse(mask: Mask) -> Mask:
    """The mask on a grid of cells a fifth of its side wide, each taken where at least half is covered."""
    step = max(2, round(side_of(mask) * COARSE))
    height, width = (-(-length // step) * step for length in mask.shape)
    padded = np.pad(mask, ((0, height - mask.shape[0]), (0, width - mask.shape[1])))
    cells = padded.reshape(height // step, step, width // step, step).mean(axis=(1, 3)) >= 0.5
    return np.kron(cells, np.ones((step, step), bool))[: mask.shape[0], : mask.shape[1]] > 0


def grown(mask: Mask) -> Mask:
    """The mask and everything within a tenth of its side."""
    return np.asarray(ndimage.distance_transform_edt(~mask) <= max(1.0, REACH * side_of(mask)))


def shrunk(mask: Mask) -> Mask:
    """What lies deeper in the mask than a tenth of its side."""
    padded = np.pad(mask, 1)  # the picture's edge is an edge of the region, too
    return np.asarray(ndimage.distance_transform_edt(padded)[1:-1, 1:-1] > max(1.0, REACH * side_of(mask)))


def box(mask: Mask) -> Mask:
    """The mask's bounding box."""
    found = np.zeros_like(mask)
    found[ndimage.find_objects(mask.astype(int))[0]] = True
    return found


def ellipse(mask: Mask) -> Mask:
    """The ellipse with the mask's centre and second moments."""
    rows, columns = np.nonzero(mask)
    places = np.stack([rows, columns])
    middle = places.mean(axis=1)
    spread = np.cov(places) + np.eye(2) / 12  # a pixel's own extent, so that a line has a width
    grid = np.moveaxis(np.indices(mask.shape), 0, -1) - middle
    return np.asarray(np.einsum("hwi,ij,hwj->hw", grid, np.linalg.inv(spread), grid) <= 4.0)


FORMS: Dict[str, Callable[[Mask], Mask]] = {
    "exact": lambda mask: mask, "coarse": coarse, "grown": grown, "shrunk": shrunk, "box": box, "ellipse": ellipse,
}


def overlap(first: Mask, second: Mask) -> float:
    """Intersection over union."""
    return float((first & second).sum() / (first | second).sum())


def reshaped(regions: Sequence[Tuple[Known, int]], form: Callable[[Mask], Mask]) -> List[Known]:
    """Each region alone with its mask reshaped (exact where nothing is left), its facts still the object's own."""
    found = []
    for known, number in regions:
        exact = known.scene.regions[number].mask
        mask = form(exact)
        found.append(with_region(known, mask if mask.any() else exact, known.facts[number]))
    return found


def overlaps(regions: Sequence[Tuple[Known, int]], shown: Sequence[Known]) -> List[float]:
    """IoU of each shown mask with its exact one."""
    return [overlap(known.scene.regions[number].mask, one.scene.regions[0].mask)
            for (known, number), one in zip(regions, shown)]


def run(setting: Setting) -> Report:
    """The experiment."""
    report = Report("granularity", "How exact must a polygon be?", QUESTION, METHOD)
    generator = setting.generator
    accuracy: Dict[str, List[float]] = {}
    rows: List[List[object]] = []
    described: Dict[str, List[Answered]] = {form: [] for form in FORMS}
    picked = {name: pick(setting.random(40, place), tasks.known(setting.scenes(name, 2 * ASKED)), setting.count(ASKED))
              for place, name in enumerate(SETS)}
    for name, regions in picked.items():
        accuracy[name] = []
        for form, reshape in FORMS.items():
            shown = reshaped(regions, reshape)
            answered = tasks.answer(generator, shown, tasks.category_turn(generator))
            right = [tasks.accuracy([one]) for one in answered]
            accuracy[name].append(float(np.mean(right)))
            sure = float(np.mean([confidence(generator.model.config, one.written) for one in answered]))
            rows.append([name, form, len(right), float(np.mean(overlaps(regions, shown))), accuracy[name][-1],
                         measures.standard_error(right), sure])
            described[form] += tasks.described(generator, shown[: setting.count(DESCRIBED)], "description")
    report.table("The written category, by mask; the error is the standard error of the accuracy.", [
        "data", "mask", "regions", "IoU with exact", "accuracy", "error", "mean confidence"], rows)
    _report_statements(report, described)
    _report_figures(report, accuracy, picked)
    return report


def _report_statements(report: Report, described: Dict[str, List[Answered]]) -> None:
    rows: List[List[object]] = []
    for form, answered in described.items():
        checked = tasks.statements(answered)
        shares = true_shares(checked)
        every = float(np.mean([claim.true for claim in checked])) if checked else float("nan")
        rows.append([form, len(answered), every, *(
            f"{shares[kind][0]:.3f} of {shares[kind][1]}" if kind in shares else "–" for kind in STATED)])
    report.table("Statements in descriptions that are true of the object, over all sets.",
                 ["mask", "texts", "all", *STATED], rows)


def _report_figures(
    report: Report, accuracy: Dict[str, List[float]], picked: Dict[str, List[Tuple[Known, int]]]
) -> None:
    figure, axes = figures.canvas(1, 1, 7, 3)
    figures.bars(axes[0, 0], list(FORMS), accuracy, y="accuracy of the category")
    report.figure("accuracy", figure, "Accuracy of the written category by mask and data set")
    regions = picked["dubai"]
    known, number = max(regions, key=lambda one: _raggedness(one[0].scene.regions[one[1]].mask))
    exact = known.scene.regions[number].mask
    figure, axes = figures.canvas(1, len(FORMS), 11, 2.1)
    for axis, (form, reshape) in zip(axes[0], FORMS.items()):
        mask = reshape(exact)
        title = f"{form}, IoU {overlap(exact, mask):.2f}"
        figures.picture(axis, known.scene.image, title, mask if mask.any() else None)
    report.figure("masks", figure, f"The six masks of one Dubai region ({known.facts[number].name})")


def _raggedness(mask: NDArray[np.bool_]) -> float:
    """How unlike its box a region of middling size is."""
    return 1 - overlap(mask, box(mask)) if 56 <= side_of(mask) <= 140 else 0.0


if __name__ == "__main__":
    command("granularity", run, __doc__)
