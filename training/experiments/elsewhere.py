"""Imagery that is not remote sensing: what the model says of it, and whether its confidence gives it away.

``python -m training.experiments.elsewhere --model nano`` writes ``docs/experiments/elsewhere.md``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Sequence

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

from core_model.confidence import confidence
from core_model.generation import Written
from training.data.scenes import Scene, SceneRegion, star_polygon
from training.data.vocabulary import CATEGORIES
from training.evaluation import tasks
from training.evaluation.tasks import Known
from training.experiments import figures, measures
from training.experiments.looking import Floats, looks, pick, with_region, write_categories
from training.experiments.report import Report
from training.experiments.setting import Setting, command

# Files that ship inside scikit-image; none is downloaded. Those under "shown" may be shown: CC0 or public domain.
PHOTOGRAPHS = {
    "astronaut": "astronaut.png", "camera": "camera.png", "cat": "chelsea.png", "coffee": "coffee.png",
    "rocket": "rocket.jpg", "deep field": "hubble_deep_field.jpg", "retina": "retina.jpg", "coins": "coins.png",
    "page": "page.png", "cell": "cell.png", "horse": "horse.png", "clock": "clock_motion.png", "tissue": "ihc.png",
    "motorcycle": "motorcycle_left.png", "moon": "moon.png",
}
SURFACES = {"brick": "brick.png", "grass": "grass.png", "gravel": "gravel.png"}
SHOWN = {
    "astronaut": "NASA, public domain", "coffee": "R. Michetti, CC0", "cat": "S. van der Walt, CC0",
    "rocket": "SpaceX, public domain", "retina": "M. Häggström, CC0", "gravel": "CC0Textures, CC0",
}
IN_DOMAIN = ("eurosat", "ucmerced", "dubai")
REGIONS = 6  # of every picture
HELD_OUT = 48  # regions of each data set
GSD = 0.5  # metres, as a georeferenced picture would state it
SURE = 0.9
QUESTION = """
The model knows nothing but land seen from above. What does it say of a cat, and can its confidence warn the user?
"""
METHOD = f"""
Pictures that ship inside scikit-image (15 photographs and scans, 3 surfaces) and 7 synthetic ones are cut to squares
with {REGIONS} irregular regions each, shown as if they were georeferenced at {GSD} m. Against them stand held-out
regions of EuroSAT, UC Merced and Dubai. A detector is a number that should be higher for imagery of the domain; its
AUROC is the chance that a region of the domain has the higher one. Detectors: the confidence the product writes; the
probability of the words alone; the mean token probability of a short phrase; the nearness of the summed mask feature
to the model's prototypes of what it learned from, which is a part of the confidence.
"""


def shipped(size: int, files: Dict[str, str]) -> Dict[str, NDArray[np.uint8]]:
    """The middle squares of scikit-image's own pictures at the model's size [S, S, 3]."""
    folder = Path(skimage.__file__).parent / "data"
    found = {}
    for name, file in files.items():
        if (folder / file).is_file():
            picture = Image.open(folder / file).convert("RGB")
            side = min(picture.size)
            left, top = (picture.width - side) // 2, (picture.height - side) // 2
            square = picture.crop((left, top, left + side, top + side))
            found[name] = np.asarray(square.resize((size, size), Image.Resampling.BICUBIC))
    return found


def synthetic(rng: np.random.Generator, size: int) -> Dict[str, NDArray[np.uint8]]:
    """Pictures that no camera took [S, S, 3]."""
    rows, columns = np.indices((size, size))
    grey = {
        "checkers": (rows // 16 + columns // 16) % 2 * 255, "stripes": (columns // 8) % 2 * 200 + 20,
        "ramp": columns * 255 // (size - 1), "plain grey": np.full((size, size), 128),
        "rings": (np.sin(np.hypot(rows - size / 2, columns - size / 2) / 3) + 1) * 127,
        "grey noise": rng.integers(0, 256, (size, size)),
    }
    found = {name: np.repeat(values[..., None], 3, axis=2).astype(np.uint8) for name, values in grey.items()}
    found["colour noise"] = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    return found


def foreign(rng: np.random.Generator, image: NDArray[np.uint8]) -> Known:
    """A picture with irregular regions as large as the product shows them; their category is a stand-in."""
    size = image.shape[0]
    regions = []
    for _ in range(REGIONS):
        side = int(rng.integers(size // 4, size // 2 + 1))
        top, left = (int(value) for value in rng.integers(0, size - side + 1, 2))
        mask = np.zeros((size, size), bool)
        mask[top : top + side, left : left + side] = star_polygon(rng, side, side)
        regions.append(SceneRegion(mask, 0))
    categories = np.full((size, size), -1, np.int16)
    return tasks.known([Scene(image, GSD, categories, "elsewhere", np.ones((size, size), bool), regions)])[0]


@dataclass
class Asked:
    """Written categories with their confidence, probability and nearness, and descriptions' mean token probability."""

    said: List[str] = field(default_factory=list)
    sure: List[float] = field(default_factory=list)
    likely: List[float] = field(default_factory=list)
    fluent: List[float] = field(default_factory=list)
    near: List[float] = field(default_factory=list)


def ask(setting: Setting, scenes: Sequence[Known]) -> Asked:
    """Ask about every region."""
    found = Asked()
    for look in looks(setting.generator, scenes):
        names: List[Written] = write_categories(setting.generator, look)
        found.said += [one.text for one in names]
        found.sure += [confidence(setting.loaded.model.config, one) for one in names]
        found.likely += [one.probability for one in names]
        found.near += [one.nearness for one in names]
    described = tasks.described(setting.generator, scenes, "phrase")
    found.fluent = [one.written.token_probability for one in described]
    return found


def run(setting: Setting) -> Report:
    """The experiment."""
    report = Report("elsewhere", "Imagery that is not remote sensing", QUESTION, METHOD)
    rng = setting.random(50)
    pictures = {
        "photographs": shipped(setting.size, PHOTOGRAPHS), "surfaces": shipped(setting.size, SURFACES),
        "synthetic": synthetic(rng, setting.size)}
    foreign_scenes = {kind: {name: foreign(rng, image) for name, image in found.items()}
                      for kind, found in pictures.items()}
    home = ask(setting, _at_home(setting))
    away = {kind: {name: ask(setting, [known]) for name, known in found.items()}
            for kind, found in foreign_scenes.items()}
    _report_detectors(report, home, away)
    _report_pictures(report, away)
    _report_distribution(report, home, away)
    _report_examples(report, foreign_scenes, away)
    return report


def _at_home(setting: Setting) -> List[Known]:
    """Held-out regions."""
    found: List[Known] = []
    for place, name in enumerate(IN_DOMAIN):
        scenes = tasks.known(setting.scenes(name, 3 * HELD_OUT))
        found += [with_region(known, known.scene.regions[n].mask, known.facts[n])
                  for known, n in pick(setting.random(51, place), scenes, setting.count(HELD_OUT))]
    return found


def _report_detectors(report: Report, home: Asked, away: Dict[str, Dict[str, Asked]]) -> None:
    def scores(one: Asked) -> List[Floats]:
        return [np.array(values) for values in (one.sure, one.likely, one.fluent, one.near)]

    inside = scores(home)
    groups = {**{kind: list(found.values()) for kind, found in away.items()},
              "all": [one for found in away.values() for one in found.values()]}
    rows: List[List[object]] = [
        ["held-out", len(home.said), float(np.mean(home.sure)), float(np.mean(np.array(home.sure) >= SURE)),
         *"––––"]]
    for kind, found in groups.items():
        outside = [np.concatenate(parts) for parts in zip(*(scores(one) for one in found))]
        rows.append([kind, len(outside[0]), float(outside[0].mean()), float((outside[0] >= SURE).mean()),
                     *(measures.area_under_curve(mine, theirs) for mine, theirs in zip(inside, outside))])
    report.table("Confidence, and AUROC of four detectors of imagery from elsewhere (0.5: blind, 1: perfect).", [
        "imagery", "regions", "mean confidence", f"confidence ≥ {SURE}", "AUROC: confidence", "AUROC: words alone",
        "AUROC: phrase", "AUROC: nearness"], rows)


def _report_pictures(report: Report, away: Dict[str, Dict[str, Asked]]) -> None:
    rows: List[List[object]] = []
    for found in away.values():
        for name, one in found.items():
            said = ", ".join(f"{text} ({count})" for text, count in Counter(one.said).most_common(3))
            rows.append([name, said, float(np.mean(one.sure)), float(np.max(one.sure))])
    known = {category.name for category in CATEGORIES}
    texts = [text for found in away.values() for one in found.values() for text in one.said]
    report.table(f"What it says (the three commonest categories of {REGIONS} regions). Of {len(texts)} answers "
                 f"{sum(text in known for text in texts)} are names it was taught.",
                 ["picture", "categories", "mean confidence", "highest"], rows)


def _report_distribution(report: Report, home: Asked, away: Dict[str, Dict[str, Asked]]) -> None:
    figure, axes = figures.canvas(1, 1, 7, 3)
    edges = np.linspace(0, 1, 11)
    groups = {"held-out": home.sure, **{kind: [value for one in found.values() for value in one.sure]
                                        for kind, found in away.items()}}
    shares = {name: (np.histogram(values, edges)[0] / len(values)).tolist() for name, values in groups.items()}
    figures.bars(axes[0, 0], [f"{low:.1f}–{high:.1f}" for low, high in zip(edges, edges[1:])], shares,
                 y="share of regions")
    axes[0, 0].set_xlabel("confidence", fontsize=9)
    report.figure("confidence", figure, "Confidence in regions of the domain and of imagery from elsewhere")


def _report_examples(
    report: Report, scenes: Dict[str, Dict[str, Known]], away: Dict[str, Dict[str, Asked]]
) -> None:
    chosen = [(kind, name) for kind, found in scenes.items() for name in found if name in SHOWN]
    if not chosen:
        return
    figure, axes = figures.canvas(1, len(chosen), 11, 2.2)
    for axis, (kind, name) in zip(axes[0], chosen):
        known, asked = scenes[kind][name], away[kind][name]
        title = f"{asked.said[0]}\n({asked.sure[0]:.2f})"
        figures.picture(axis, known.scene.image, title, known.scene.regions[0].mask)
    credits = "; ".join(f"{name}: {credit}" for name, credit in SHOWN.items())
    report.figure("examples", figure, (
        f"What the outlined region is called (confidence). Pictures from scikit-image: {credits}"))


if __name__ == "__main__":
    command("elsewhere", run, __doc__)
