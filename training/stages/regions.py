"""What stage 0 asks of the encoder: each region's category, colour and contrast, what lies on each side, its form.

Regions are read through the extractor's own parts, so that they are trained with the encoder: the projections of the
pyramid's levels, those of the sectors around a region, and the spatial perceptron up to its last layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Tuple

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from core_model.config import EncoderConfig, ExtractorConfig
from core_model.form import SHAPES
from core_model.network.encoder import build_encoder
from core_model.network.extractor import RING_GRID, MaskExtractor, resize_mask, sectors, surrounding_rings
from training.data import facts
from training.data.scenes import Mask, Scene, star_polygon, strip, turned_shape
from training.data.vocabulary import CATEGORIES, UNKNOWN
from training.precision import full_precision

MASK_GRID = 64
MEASURES = 4  # mean red, green, blue and the contrast of a region
DRAWN_MASKS = 4  # masks without a picture beside every scene, for the form alone
FORMS = (*SHAPES, *facts.ORIENTATIONS)
NO_FORM = -1
# The weights that later stages take over; the spatial perceptron's last layer has the language model's width.
TRAINED_IN_STAGE_0 = (
    "encoder.", "extractor.levels.", "extractor.context_levels.", "extractor.spatial.0.", "extractor.spatial.2.")


@dataclass(frozen=True)
class Features:
    """What heads read: the coarsest cells [T, C, h·w], regions [R, width], their sectors [R, sectors, width]."""

    cells: Tensor
    own: Tensor
    around: Tensor


@dataclass(frozen=True)
class Seen:
    """What is said of regions: logits [R, categories], measures [R, 4], sectors' logits [R, sectors, categories]."""

    category: Tensor
    measures: Tensor
    around: Tensor


class RegionClassifier(nn.Module):
    """Encoder and extractor with heads for categories, measures, surroundings and form."""

    def __init__(self, encoder: EncoderConfig, extractor: ExtractorConfig) -> None:
        super().__init__()
        self.encoder = build_encoder(encoder)
        self.extractor = MaskExtractor(config=extractor, channels=self.encoder.channels, hidden=extractor.width)
        # What turns features into tokens belongs to the later stages.
        for name, value in self.extractor.named_parameters():
            value.requires_grad_(f"extractor.{name}".startswith(TRAINED_IN_STAGE_0))
        self.norm = nn.LayerNorm(extractor.width)
        self.category = nn.Linear(extractor.width, len(CATEGORIES))
        self.measure = nn.Linear(extractor.width, MEASURES)
        self.around_norm = nn.LayerNorm(extractor.width)
        self.around = nn.Linear(extractor.width, len(CATEGORIES))
        self.form = nn.Linear(extractor.spatial_width, len(FORMS))
        for name, value in self.encoder.named_parameters():
            if name.endswith("gamma"):
                nn.init.ones_(value)  # timm's 1e-6 suits long schedules; from scratch in an hour it starves the blocks

    def forward(self, images: Tensor, masks: Tensor, image_index: Tensor) -> Seen:
        """What is said of masks [R, H, W] over images uint8 [T, S, S, 3]."""
        return self.said(self.features(images, masks, image_index))

    def features(self, images: Tensor, masks: Tensor, image_index: Tensor) -> Features:
        """What is read of masks [R, H, W] over images uint8 [T, S, S, 3]."""
        pyramid = tuple(level.float() for level in self.encoder(images))
        with full_precision(images.device):
            measured = self.extractor.measure(pyramid, masks, image_index)
            own = self.extractor.own(measured)
            around = own.new_zeros(len(own), 0, own.shape[1])
            if self.extractor.config.context_tokens:
                around = self.extractor.context_features(measured.levels)
        return Features(pyramid[-1].flatten(2), own, around)

    def said(self, features: Features) -> Seen:
        """What the heads make of features."""
        with full_precision(features.own.device):
            hidden = self.norm(features.own)
            around = self.around(self.around_norm(features.around))
        return Seen(self.category(hidden), self.measure(hidden), around)

    def forms(self, masks: Tensor) -> Tensor:
        """Logits of shapes and orientations [M, forms] of masks at the spatial token's size [M, side, side]."""
        return self.form(self.extractor.spatial[:-1](masks.flatten(1)))


def collate(scenes: List[Scene], extractor: ExtractorConfig) -> Dict[str, Tensor]:
    """Scenes to tensors: images uint8 [T, S, S, 3]; per region a mask on a 64×64 grid, picture, category, measures.

    ``sectors`` [R, context tokens, categories] are the shares of each sector of the facts' ring, as far as known.
    ``forms`` are masks [M, side, side], the regions' and drawn ones, with their ``shapes`` and ``orientations`` [M].
    ``weights`` are 1/√n in a scene of n regions, so that a mosaic of nine counts three times as much as a scene of one.
    ``altered`` [T] are pictures unlike those of their data set. ``homes`` uint8 [H, S, S, 3] show ``housed`` [H]
    regions among ground of their own kind. ``counts`` [7] are what the losses are divided by: the weights' sum,
    regions, known sectors by weight, judged shapes, judged orientations, regions of pictures that are not altered,
    homes.
    """
    regions = [(number, region) for number, scene in enumerate(scenes) for region in scene.regions if region.mask.any()]
    looks = [_looks(scenes[number], region.mask) for number, region in regions]
    index = torch.tensor([number for number, _ in regions], dtype=torch.long)
    weights = torch.bincount(index, minlength=len(scenes)).clamp(min=1).float().rsqrt()[index]
    masks = _stacked([coverage for coverage, _ in looks], MASK_GRID, MASK_GRID)
    shares = sector_shares(masks, index, scenes, extractor.context_tokens)
    forms = _forms(scenes, extractor.spatial_size)
    judged = [(forms[kind] != NO_FORM).sum().float() for kind in ("shapes", "orientations")]
    known = (shares.sum(dim=(1, 2)) * weights).sum()
    altered = torch.tensor([scene.altered for scene in scenes])
    homes, housed = _homes(scenes, index)
    return {
        "images": torch.from_numpy(np.stack([scene.image for scene in scenes])), "masks": masks, "image_index": index,
        "categories": torch.tensor([region.category for _, region in regions], dtype=torch.long), "weights": weights,
        "measures": _stacked([measures for _, measures in looks], MEASURES), "sectors": shares, **forms,
        "altered": altered, "homes": homes, "housed": housed, "counts": torch.stack([
            weights.sum(), torch.tensor(float(len(regions))), known, *judged, (~altered[index]).sum().float(),
            torch.tensor(float(len(housed)))]),
    }


def _homes(scenes: List[Scene], image_index: Tensor) -> Tuple[Tensor, Tensor]:
    """The scenes' homes, and the numbers of their regions, which are the last ones of their scenes."""
    found = [(number, scene.home) for number, scene in enumerate(scenes) if scene.home is not None]
    size = scenes[0].image.shape
    housed = torch.tensor([int((image_index <= number).sum()) - 1 for number, _ in found], dtype=torch.long)
    return torch.from_numpy(np.array([home for _, home in found], np.uint8).reshape(-1, *size)), housed


def _looks(scene: Scene, mask: Mask) -> Tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A region's coverage of a coarse grid, and its measures."""
    step = scene.image.shape[0] // MASK_GRID
    coverage = mask.reshape(MASK_GRID, step, MASK_GRID, step).mean((1, 3), dtype=np.float32)
    pixels = scene.image[mask].astype(np.float32) / 255
    return coverage, np.append(pixels.mean(axis=0), 4 * pixels.mean(axis=1).std())


def _stacked(values: List[NDArray[np.float32]], *shape: int) -> Tensor:
    return torch.from_numpy(np.array(values, np.float32).reshape(-1, *shape))


def sector_shares(masks: Tensor, image_index: Tensor, scenes: List[Scene], count: int) -> Tensor:
    """The categories' shares of the ring around masks [R, 64, 64], by sector: [R, count, categories]."""
    if not count:
        return torch.zeros(len(masks), 0, len(CATEGORIES))
    known = torch.from_numpy(np.stack([_categories(scene) for scene in scenes])).long() + 1
    shares = functional.one_hot(known, len(CATEGORIES) + 1)[..., 1:].float().flatten(1, 2)  # [T, 64·64, categories]
    reach = facts.RING_CELLS / RING_GRID
    around = (surrounding_rings(masks, (reach,)) * sectors(masks, count)).flatten(2)  # [R, count, 64·64]
    around = around / (around.sum(dim=2, keepdim=True) + 1e-8)
    return torch.cat([around[image_index == number] @ shares[number] for number in range(len(scenes))])


def _categories(scene: Scene) -> NDArray[np.int16]:
    """The middle of every ring cell's category, unknown where nothing is to be said of surroundings."""
    if scene.source in facts.NO_SURROUNDINGS:
        return np.full((RING_GRID, RING_GRID), UNKNOWN, np.int16)
    step = scene.image.shape[0] // RING_GRID
    return np.where(scene.valid, scene.categories, UNKNOWN)[step // 2 :: step, step // 2 :: step]


def _forms(scenes: List[Scene], side: int) -> Dict[str, Tensor]:
    """The scenes' masks and drawn ones, small, with the numbers of their shapes and orientations (−1 not judged)."""
    shown = [mask for scene in scenes for mask in _shown_masks(scene)]
    shapes, orientations = zip(*(_form_numbers(mask) for mask in shown))
    small = resize_mask(torch.from_numpy(np.stack(shown)).float(), side, side, "area")
    return {"forms": small, "shapes": torch.tensor(shapes), "orientations": torch.tensor(orientations)}


def _shown_masks(scene: Scene) -> List[Mask]:
    masks = [region.mask for region in scene.regions if region.mask.any()]
    rng = np.random.default_rng([int(mask.sum()) for mask in masks])
    return masks + [drawn_mask(rng, scene.image.shape[0]) for _ in range(DRAWN_MASKS)]


def drawn_mask(rng: np.random.Generator, size: int) -> Mask:
    """A form of any kind, as large and as near the middle of its picture as the product shows regions."""
    height, width = (int(value) for value in rng.integers(size // 8, size // 2, 2))
    if rng.uniform() < 0.7:
        height = width = max(height, width)
    top, left = (int(rng.integers(0, size - length + 1)) for length in (height, width))
    draw = (strip, turned_shape, star_polygon)[int(rng.choice(3, p=(0.35, 0.4, 0.25)))]
    mask = np.zeros((size, size), bool)
    mask[top : top + height, left : left + width] = draw(rng, height, width)
    return mask


def _form_numbers(mask: Mask) -> Tuple[int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if mask.sum() < facts.SHAPE_PIXELS:
        return NO_FORM, NO_FORM
    shape, _, orientation, _ = facts.form(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return (NO_FORM if shape is None else SHAPES.index(shape),
            NO_FORM if orientation is None else facts.ORIENTATIONS.index(orientation))


def loss_of(
    model: RegionClassifier, batch: Dict[str, Tensor], smoothing: float, totals: Tensor,
    drift: Optional[Callable[[Features, Dict[str, Tensor]], Tensor]] = None,
) -> Tensor:
    """The stage's loss: sums over the batch, each divided by its entry of ``totals`` [7], see ``collate``.

    ``drift`` gives the last two of them.
    """
    features = model.features(batch["images"], batch["masks"], batch["image_index"])
    seen = model.said(features)
    losses = functional.cross_entropy(
        seen.category.float(), batch["categories"], reduction="none", label_smoothing=smoothing)
    measures = functional.smooth_l1_loss(seen.measures.float(), batch["measures"], beta=0.1, reduction="sum")
    around = -(batch["sectors"] * functional.log_softmax(seen.around.float(), dim=2)).sum(dim=(1, 2))
    shapes, orientations = model.forms(batch["forms"]).float().split((len(SHAPES), len(facts.ORIENTATIONS)), 1)
    parts = torch.stack([
        (losses * batch["weights"]).sum(), 2.0 * measures / MEASURES, (around * batch["weights"]).sum(),
        _summed_entropy(shapes, batch["shapes"]), _summed_entropy(orientations, batch["orientations"]),
        *(losses.new_zeros(2) if drift is None else drift(features, batch)),
    ])
    return (parts / totals.clamp(min=1e-6)).sum()


def _summed_entropy(logits: Tensor, numbers: Tensor) -> Tensor:
    return functional.cross_entropy(logits, numbers, ignore_index=NO_FORM, reduction="sum")
