"""Scenes shown to a model, one batch at a time, with what its parts make of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterator, List, Sequence, Tuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core_model.generation import Generator, View, Written
from core_model.geo.outline import form_of_mask
from core_model.network.aquila import Aquila
from core_model.network.encoder import FeaturePyramid
from training.data.facts import RegionFacts
from training.data.scenes import Mask, Scene, SceneRegion
from training.evaluation import tasks
from training.evaluation.tasks import Known

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """A batch of scenes as the model sees them; regions lie one behind the other, ``first`` is each scene's first."""

    known: Sequence[Known]
    view: View
    masks: Tensor
    owners: Tensor
    first: List[int]

    @property
    def regions(self) -> Iterator[Tuple[int, int, Known]]:
        """(number in the batch, number in its scene, scene) of every region."""
        for scene, start in zip(self.known, self.first):
            for number in range(len(scene.scene.regions)):
                yield start + number, number, scene


def looks(generator: Generator, scenes: Sequence[Known]) -> Iterator[Look]:
    """All scenes, some at a time."""
    for chosen, view, first in tasks.views(generator, scenes):
        masks = np.stack([region.mask for one in chosen for region in one.scene.regions]).astype(np.float32)
        yield Look(chosen, view, torch.from_numpy(masks), torch.tensor(view.image_index), first)


def write_categories(generator: Generator, look: Look) -> List[Written]:
    """The written category of every region of a batch, asked as the product does."""
    ask = tasks.category_turn(generator)
    requests = [
        tasks.request(generator, scene, ask(scene.facts, number)[0], at - number)
        for at, number, scene in look.regions]
    return generator.write(look.view, requests)


def score_labels(generator: Generator, look: Look, labels: Sequence[str]) -> Floats:
    """The probabilities of ``labels`` for every region of a batch: [regions, labels]."""
    requests = [
        tasks.request(generator, scene, tasks.labels_turn(generator, labels, number), at - number)
        for at, number, scene in look.regions]
    return generator.score(look.view, requests, labels)


def with_region(about: Known, mask: Mask, facts: RegionFacts, image: NDArray[np.uint8] | None = None) -> Known:
    """The scene with one region of the given mask and, where given, another picture.

    ``facts`` stay the region's own, but the area and form told to the model are those of the mask.
    """
    scene: Scene = replace(
        about.scene, image=about.scene.image if image is None else image,
        regions=[SceneRegion(mask, facts.category)])
    return Known(scene, [replace(facts, area=float(mask.sum()) * scene.gsd**2, form=form_of_mask(mask))])


@torch.inference_mode()
def region_features(model: Aquila, look: Look) -> List[Floats]:
    """The pooled feature of every region at each level, and summed as the mask token takes it: five [R, C]."""
    pooled = model.extractor.pooled(look.view.pyramid, look.masks, look.owners)
    summed = model.extractor.mask_features(look.view.pyramid, look.masks, look.owners)
    return [part.double().numpy() for part in [*pooled, summed]]


@torch.inference_mode()
def cell_features(model: Aquila, pyramid: FeaturePyramid) -> List[Tensor]:
    """Every level's cells [T, C, h, w], and last the sum of all levels' projections on the finest level's grid.

    The projections are linear, so a region's summed feature is the masked mean of the last.
    """
    shape = pyramid[0].shape[2:]
    parts = [
        torch.nn.functional.interpolate(
            linear(level.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), shape, mode="bilinear", align_corners=False)
        for linear, level in zip(model.extractor.levels, pyramid)]
    return [*pyramid, torch.stack(parts).sum(dim=0)]


def pick(rng: np.random.Generator, scenes: Sequence[Known], wanted: int) -> List[Tuple[Known, int]]:
    """So many regions, drawn over all scenes: (scene, number in it)."""
    every = [(one, number) for one in scenes for number in range(len(one.facts))]
    return [every[number] for number in sorted(rng.permutation(len(every))[:wanted].tolist())]
