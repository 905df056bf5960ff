"""ConvNeXt against ViT: two small encoders at equal data, equal steps and equal processor time.

``python -m training.experiments.encoders --model nano`` trains them and writes ``docs/experiments/encoders.md``.
"""

from __future__ import annotations

import logging
import re
import tempfile
import time
import weakref
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from core_model.config import EncoderConfig
from core_model.network.encoder import build_encoder
from training.data.mixture import MixtureConfig
from training.data.scenes import PatchMosaic, Scene
from training.data.sources import eurosat
from training.engine import Engine, Launch, training_arguments
from training.experiments import figures, measures
from training.experiments.report import Report
from training.experiments.setting import Setting, begin, conduct, options
from training.recipe import load_recipe
from training.settings import EncoderStage
from training.stages import encoder as encoder_stage
from training.stages.regions import RegionClassifier

_LOG = logging.getLogger(__name__)
SIZE = 64
VISION: Dict[str, Mapping[str, Any]] = {
    "ConvNeXt": {"timm_model_name": "convnext_atto_ols"},
    "ViT": {"width": 192, "layers": 7, "head_width": 64, "patch_size": 8},
}
STEPS = 300
KEPT = 5  # every fifth training patch: reading all of them would take longer than the training
GRIDS = (1, 2, 3)
ASKED_GRIDS = (1, 2, 3, 4, 6)
ASKED = 32  # mosaics of each grid
SIDES = ((0, 7), (7, 10), (10, 14), (14, 20), (20, 32), (32, 65))  # square root of a region's area, pixels
QUESTION = """
Aquila-plus takes a ConvNeXt because its maps are fine enough for small regions. Does a small one beat a ViT of the
same size from scratch, and at which region sizes?
"""
METHOD = f"""
Both encoders (ConvNeXt `convnext_atto_ols`; ViT, width 192, 7 layers, patches of 8 pixels) are trained from scratch
by stage 0's own code on regions of EuroSAT mosaics, {SIZE} pixels wide, every {KEPT}th training patch, with the same
seed, scenes and optimiser (tuned for ConvNeXt). First both for the same number of steps; then the cheaper one again
for as many steps as the dearer one's processor time allows. Asked are regions of held-out patches in mosaics of 1×1
to 6×6, with the category as the answer, ten categories in all; grids finer than 3×3 were not in the training. This is
EuroSAT alone, small pictures and a short training, since two processor cores have to do.
"""


@dataclass(frozen=True)
class Trained:
    """A trained encoder: how many steps and how much processor time it took, and its answers (side, right)."""

    kind: str
    steps: int
    seconds: float
    sides: np.ndarray
    right: np.ndarray


def thinned(data: Path, folder: Path) -> Path:
    """A data folder with every ``KEPT``-th EuroSAT patch."""
    name = "eurosat_rgb.zip"
    with zipfile.ZipFile(data / name) as source, zipfile.ZipFile(folder / name, "w") as target:
        for member in source.namelist():
            number = re.search(r"_(\d+)\.jpg$", member)
            if number is not None and int(number.group(1)) % KEPT == 0:
                target.writestr(member, source.read(member))
    return folder


def train_encoder(kind: str, steps: int, seed: int, data: Path) -> RegionClassifier:
    """Train one encoder on regions of EuroSAT mosaics, as stage 0 of the default model does."""
    mixture = MixtureConfig(shares={"eurosat": 1.0}, grids={0.0: GRIDS}, size=SIZE)
    stage = EncoderStage(
        steps=steps, scenes_per_batch=8, warmup=max(1, steps // 20), seed=seed, workers=0, save_every=steps)
    extractor = load_recipe("nano").config(vocabulary=1).extractor
    model = encoder_stage.classifier(EncoderConfig(vision=VISION[kind], image_size=SIZE), extractor, stage)
    device = torch.device("cpu")
    with tempfile.TemporaryDirectory() as out:
        launch = Launch(Path(out), device, "", ())
        work = encoder_stage.work(model, mixture, stage, data, device)
        model.load_state_dict(Engine(work, stage, training_arguments(stage, launch), launch).run(), strict=False)
    return model.eval()


@torch.inference_mode()
def answers(model: RegionClassifier, scenes: Sequence[Scene]) -> Tuple[np.ndarray, np.ndarray]:
    """The side of every region and whether its category is right."""
    sides: List[float] = []
    right: List[bool] = []
    for scene in scenes:
        regions = [region for region in scene.regions if region.mask.any()]
        masks = torch.from_numpy(np.stack([region.mask for region in regions])).float()
        image = torch.from_numpy(np.ascontiguousarray(scene.image))[None]
        said = model(image, masks, torch.zeros(len(regions), dtype=torch.long)).category.argmax(dim=1).tolist()
        sides += [float(np.sqrt(region.mask.sum())) for region in regions]
        right += [answer == region.category for answer, region in zip(said, regions)]
    return np.array(sides), np.array(right)


def held_out(setting: Setting) -> List[Scene]:
    """Mosaics of held-out patches from coarse to fine."""
    patches = eurosat(setting.data, "test")
    return [
        PatchMosaic(patches, "eurosat", SIZE, (grid,))(setting.random(60, grid, number))
        for grid in ASKED_GRIDS for number in range(setting.count(ASKED))]


def learn(kind: str, steps: int, setting: Setting, data: Path, scenes: Sequence[Scene]) -> Trained:
    """Train and ask."""
    start = time.process_time()
    model = train_encoder(kind, steps, setting.seed, data)
    seconds = time.process_time() - start
    sides, right = answers(model, scenes)
    _LOG.info("%s: %d steps in %.0f s, accuracy %.3f", kind, steps, seconds, right.mean())
    return Trained(kind, steps, seconds, sides, right)


def milliseconds(encoder: nn.Module, size: int, pictures: int = 4, rounds: int = 7) -> float:
    """Median processor time of one picture, in milliseconds."""
    images = torch.randint(0, 256, (pictures, size, size, 3), dtype=torch.uint8)
    times = []
    with torch.inference_mode():
        for _ in range(rounds):
            start = time.process_time()
            encoder(images)
            times.append((time.process_time() - start) / pictures * 1000)
    return float(np.median(times))


class TensorMemory(TorchDispatchMode):
    """Counts the bytes of all tensors made inside it while they live; ``peak`` is the most there were at once."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known: Dict[int, weakref.ref] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._note(tensor.untyped_storage())
        return made

    def _note(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self._known:
            self._known[key] = weakref.ref(storage, lambda _: self._free(key, size))
            self.live += size
            self.peak = max(self.peak, self.live)

    def _free(self, key: int, size: int) -> None:
        if self._known.pop(key, None) is not None:
            self.live -= size


def peak_megabytes(encoder: nn.Module, size: int, train: bool, pictures: int = 4) -> float:
    """Peak tensor memory of one picture, weights apart: encoding it, or encoding and going backward."""
    images = torch.zeros(pictures, size, size, 3, dtype=torch.uint8)
    with TensorMemory() as memory, torch.set_grad_enabled(train):
        pyramid = encoder(images)
        if train:
            torch.stack([level.mean() for level in pyramid]).sum().backward()
    return memory.peak / pictures / 2**20


def vision(kind: str, size: int) -> Mapping[str, Any]:
    """The encoder at a size; a ViT of the default model's 256 pixels has patches of 16, as is usual."""
    return {**VISION[kind], "patch_size": 16} if kind == "ViT" and size > 2 * SIZE else VISION[kind]


def costs(kind: str) -> List[object]:
    """Parameters, then at two sizes: milliseconds, and megabytes to encode and to train one picture."""
    row: List[object] = [kind]
    for size in (SIZE, 4 * SIZE):
        encoder = build_encoder(EncoderConfig(vision=vision(kind, size), image_size=size)).eval()
        if size == SIZE:
            row.append(f"{sum(parameter.numel() for parameter in encoder.parameters()) / 1e6:.2f} M")
        row += [f"{milliseconds(encoder, size):.1f}", *(f"{peak_megabytes(encoder, size, train):.1f}" for train in (
            False, True))]
    return row


def run(setting: Setting, steps: int = STEPS) -> Report:
    """The experiment."""
    report = Report("encoders", "ConvNeXt against ViT at equal data and budget", QUESTION, METHOD)
    scenes = held_out(setting)
    with tempfile.TemporaryDirectory() as folder:
        data = thinned(setting.data, Path(folder))
        found = [learn(kind, steps, setting, data, scenes) for kind in VISION]
        cheap, dear = sorted(found, key=lambda one: one.seconds)
        more = round(steps * dear.seconds / cheap.seconds)
        if more > 1.05 * steps:
            found.append(learn(cheap.kind, more, setting, data, scenes))
    _report(report, found)
    return report


def _report(report: Report, found: Sequence[Trained]) -> None:
    names = [f"{one.kind}, {one.steps} steps" for one in found]
    report.table("Accuracy over all regions.", [
        "encoder", "steps", "processor time, s", "regions", "accuracy", "error"], [
        [one.kind, one.steps, f"{one.seconds:.0f}", len(one.right), float(one.right.mean()),
         measures.standard_error(one.right.astype(float).tolist())] for one in found])
    rows: List[List[object]] = []
    lines: Dict[str, List[float]] = {name: [] for name in names}
    for low, high in SIDES:
        shares = []
        for name, one in zip(names, found):
            chosen = (one.sides >= low) & (one.sides < high)
            shares.append(float(one.right[chosen].mean()) if chosen.any() else float("nan"))
            lines[name].append(shares[-1])
        rows.append([f"{low} to {high}", int(chosen.sum()), *shares])
    report.table("Accuracy by the region's side (square root of its area, pixels).", ["side", "regions", *names], rows)
    report.table("Cost of one picture: processor time (median), and the most memory that tensors take beside the "
                 "weights. At 256 pixels, the default model's size, the ViT has patches of 16.", [
        "encoder", "parameters", *(f"{size} px: {what}" for size in (SIZE, 4 * SIZE) for what in (
            "ms", "MB to encode", "MB to train"))], [costs(kind) for kind in VISION])
    figure, axes = figures.canvas(1, 1, 7, 3.2)
    figures.curves(axes[0, 0], range(len(SIDES)), lines, x="region's side, pixels", y="accuracy")
    axes[0, 0].set_xticks(range(len(SIDES)), [f"{low}–{high}" for low, high in SIDES])
    report.figure("sides", figure, "Accuracy of the category by the region's side")


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The command."""
    parser = options(__doc__)
    parser.add_argument("--steps", type=int, default=STEPS, help="of the first two trainings")
    setting, chosen = begin("encoders", parser, arguments)
    conduct(partial(run, steps=chosen.steps), setting, chosen)


if __name__ == "__main__":
    main()
