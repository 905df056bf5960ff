"""Area-weighted against thresholded pooling (as Osprey's), by the size of the object in the picture.

``python -m training.experiments.pooling --model nano`` writes ``docs/experiments/pooling.md``.
"""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass, field
from typing import Dict, List, Sequence, Tuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from core_model.generation import Generator
from core_model.network.aquila import Aquila
from core_model.network.encoder import STRIDES
from core_model.network.extractor import masked_mean, resize_mask
from training.data.scenes import Scene, SceneRegion, star_polygon
from training.evaluation import tasks
from training.experiments import figures, measures
from training.experiments.looking import Floats, Look, looks, region_features, write_categories
from training.experiments.report import Report
from training.experiments.setting import Setting, command

SIDES = (4, 8, 16, 24, 32, 64, 128)  # pixels of the picture
POOLINGS = ("area", "osprey")
SCENES = 32  # of every size, four objects in each
ASKED = 20  # of these, whose objects' categories are written
GSD = 5.0
QUESTION = """
A level's cell of stride 32 is larger than many objects. Osprey samples the mask bilinearly at the cells' centres and
takes every cell above zero; Aquila's own weights cover every cell by the share that the mask covers of it. What does
each do to objects of few pixels?
"""
METHOD = """
Held-out EuroSAT patches are shrunk to irregular objects of 4 to 128 pixels and put at random places over the patches
of other pictures, four to a picture. Both poolings see the same encoder output. **Empty**: masks without any cell.
**Likeness**: the mean cosine (the mean feature taken away) with the feature pooled at full resolution, that is, over
the level enlarged bilinearly to the picture's pixels; an empty mask counts as 0. **Probe**: ridge regression on the
summed feature, fitted for each pooling on half of the objects of all sizes. **Written**: nano's category, with the
pooling exchanged in the whole extractor; nano was trained with area pooling, so this favours it, the probe does not.
"""


@dataclass
class Shown:
    """What is kept of the objects of one size: categories, and by pooling features [R, C] and right answers."""

    categories: List[int] = field(default_factory=list)
    empty: Dict[str, List[List[bool]]] = field(default_factory=lambda: {name: [] for name in POOLINGS})
    features: Dict[str, List[List[Floats]]] = field(default_factory=lambda: {
        name: [[] for _ in range(len(STRIDES) + 1)] for name in (*POOLINGS, "exact")})
    right: Dict[str, List[bool]] = field(default_factory=lambda: {name: [] for name in POOLINGS})


def objects_of(rng: np.random.Generator, backgrounds: Sequence[Scene], objects: Sequence[Scene], side: int) -> List[
    Scene
]:
    """``backgrounds`` with an irregular object of ``side`` pixels in each quarter, shrunk from ``objects``."""
    found = []
    for ground, source in zip(backgrounds, objects):
        image, regions = ground.image.copy(), []
        half = image.shape[0] // 2
        shown = min(side, half)
        for number, region in enumerate(source.regions[:4]):
            patch = Image.fromarray(source.image[_span(region.mask, 1), _span(region.mask, 0)])
            shrunk = np.asarray(patch.resize((shown, shown), Image.Resampling.BOX))
            shape = star_polygon(rng, shown, shown)
            top, left = (int(value) for value in rng.integers(0, half - shown + 1, 2))
            top, left = top + number // 2 * half, left + number % 2 * half
            mask = np.zeros(image.shape[:2], bool)
            mask[top : top + shown, left : left + shown] = shape
            image[top : top + shown, left : left + shown][shape] = shrunk[shape]
            regions.append(SceneRegion(mask, region.category))
        found.append(dataclasses.replace(ground, image=image, regions=regions, gsd=GSD))
    return found


def _span(mask: NDArray[np.bool_], axis: int) -> slice:
    places = np.flatnonzero(mask.any(axis=axis))
    return slice(int(places[0]), int(places[-1]) + 1)


def with_pooling(model: Aquila, pooling: str) -> Aquila:
    """A copy of the model whose extractor pools the other way."""
    other = copy.deepcopy(model)
    other.extractor.config = dataclasses.replace(model.extractor.config, pooling=pooling)
    return other


def exact_weights(masks: Tensor, height: int, width: int) -> Tensor:
    """Weights [R, h, w] by which a masked mean equals pooling the level, enlarged to full resolution, under the mask.

    They are the transpose of bilinear enlargement applied to the masks [R, S, S].
    """
    grid = torch.zeros(len(masks), 1, height, width, requires_grad=True)
    enlarged = torch.nn.functional.interpolate(grid, masks.shape[1:], mode="bilinear", align_corners=False)
    return torch.autograd.grad(enlarged, grid, masks[:, None])[0][:, 0]


@torch.no_grad()
def exact_features(model: Aquila, look: Look, weights: Sequence[Tensor]) -> List[Floats]:
    """Features pooled at full resolution, by level and summed as the extractor does: five [R, C]."""
    levels = [masked_mean(level, part, look.owners) for level, part in zip(look.view.pyramid, weights)]
    summed = torch.stack([linear(value) for linear, value in zip(model.extractor.levels, levels)]).sum(dim=0)
    return [part.double().numpy() for part in (*levels, summed)]


def show(generators: Dict[str, Generator], scenes: Sequence[Scene], asked: int) -> Shown:
    """Features by every pooling, and the written categories of the first ``asked`` scenes."""
    found = Shown()
    area = generators["area"].model
    for batch, look in enumerate(looks(generators["area"], tasks.known(scenes))):
        pyramid = look.view.pyramid
        sizes = [(level.shape[2], level.shape[3]) for level in pyramid]
        for name, generator in generators.items():
            empty = [resize_mask(look.masks, *size, name).sum(dim=(1, 2)) == 0 for size in sizes]
            found.empty[name] += torch.stack(empty, dim=1).tolist()
            for kept, part in zip(found.features[name], region_features(generator.model, look)):
                kept.append(part)
            if batch * len(look.known) < asked:
                found.right[name] += _right(generator, look)
        weights = [exact_weights(look.masks, *size) for size in sizes]
        for kept, part in zip(found.features["exact"], exact_features(area, look, weights)):
            kept.append(part)
        found.categories += [known.scene.regions[number].category for _, number, known in look.regions]
    return found


def _right(generator: Generator, look: Look) -> List[bool]:
    tokens = generator.model.region_tokens(look.view.pyramid, look.masks, look.owners)
    seen = dataclasses.replace(look, view=dataclasses.replace(look.view, regions=tokens))
    with torch.inference_mode():
        written = write_categories(generator, seen)
    return [one.text == known.facts[number].name for one, (_, number, known) in zip(written, look.regions)]


def alike(features: Floats, exact: Floats) -> float:
    """Mean cosine of features [R, C] with the exact ones, both less the latter's mean; an empty mask's counts as 0."""
    mean = exact.mean(axis=0)
    first, second = features - mean, exact - mean
    product = (first * second).sum(axis=1) / (np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1) + 1e-12)
    return float(np.where(np.abs(features).sum(axis=1) == 0, 0.0, product).mean())


def run(setting: Setting) -> Report:
    """The experiment."""
    report = Report("pooling", "Area-weighted against thresholded pooling", QUESTION, METHOD)
    scenes = setting.scenes("eurosat", 2 * SCENES)
    model, tokenizer = setting.loaded.model, setting.loaded.tokenizer
    generators = {name: Generator(with_pooling(model, name), tokenizer) for name in POOLINGS}
    shown = {side: show(generators, objects_of(setting.random(30, side), scenes[::2], scenes[1::2], side),
                        setting.count(ASKED)) for side in SIDES}
    probed = _probe(shown)
    _report_tables(report, shown, probed)
    figure, axes = figures.canvas(1, 2, 10, 3.2)
    figures.curves(axes[0, 0], SIDES, {
        f"{name}, stride {stride}": [alike(*_pair(one, name, level)) for one in shown.values()]
        for level, stride in ((2, 16), (3, 32)) for name in POOLINGS}, x="object's side, pixels", y="likeness to exact")
    figures.curves(axes[0, 1], SIDES, {
        **{f"probe, {name}": [row[name] for row in probed.values()] for name in POOLINGS},
        **{f"written, {name}": [float(np.mean(one.right[name])) for one in shown.values()] for name in POOLINGS}},
        x="object's side, pixels", y="accuracy")
    for axis in axes[0]:
        axis.set_xscale("log", base=2)
    report.figure("sizes", figure, "Left: likeness to the feature pooled at full resolution. Right: accuracy of a "
                                   "linear probe and of the written category")
    return report


def _pair(one: Shown, name: str, level: int) -> Tuple[Floats, Floats]:
    return np.concatenate(one.features[name][level]), np.concatenate(one.features["exact"][level])


def _probe(shown: Dict[int, Shown]) -> Dict[int, Dict[str, float]]:
    """Accuracy by size and pooling; even objects fit, odd ones are asked."""
    found: Dict[int, Dict[str, float]] = {side: {} for side in shown}
    for name in POOLINGS:
        features = {side: np.concatenate(one.features[name][-1]) for side, one in shown.items()}
        fit = np.concatenate([part[::2] for part in features.values()])
        classes = [kind for one in shown.values() for kind in one.categories[::2]]
        for side, one in shown.items():
            said = measures.linear_probe(fit, classes, features[side][1::2])
            found[side][name] = float(np.mean(said == np.array(one.categories[1::2])))
    return found


def _report_tables(report: Report, shown: Dict[int, Shown], probed: Dict[int, Dict[str, float]]) -> None:
    levels = [f"stride {stride}" for stride in STRIDES]
    rows = []
    for side, one in shown.items():
        shares = np.array(one.empty["osprey"]).mean(axis=0)
        rows.append([side, len(one.categories), *(float(share) for share in shares),
                     float(np.array(one.empty["area"]).mean())])
    report.table("Share of objects whose mask is empty, thresholded pooling by level; area pooling at any level.",
                 ["side", "objects", *levels, "area"], rows)
    kinds = [*levels, "summed"]
    report.table("Likeness to the feature pooled at full resolution (area / thresholded).", ["side", *kinds], [
        [side, *(" / ".join(f"{alike(*_pair(one, name, level)):.3f}" for name in POOLINGS)
                 for level in range(len(kinds)))] for side, one in shown.items()])
    rows = [[side, *(probed[side][name] for name in POOLINGS),
             *(float(np.mean(one.right[name])) for name in POOLINGS), len(one.right["area"])]
            for side, one in shown.items()]
    report.table("Accuracy over ten categories; the last column counts the objects whose category was written.", [
        "side", "probe: area", "probe: thresholded", "written: area", "written: thresholded", "objects"], rows)


if __name__ == "__main__":
    command("pooling", run, __doc__)
