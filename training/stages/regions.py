"""What stage 0 asks of the encoder: each region's category, colour and contrast, what lies on each side, its form.

Regions are read through the extractor's own parts, so that they are trained with the encoder: the projections of the
pyramid's levels, those of the sectors around a region, and the spatial perceptron up to its last layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Tuple

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from core_model.config import EncoderConfig, ExtractorConfig
from core_model.network.encoder import build_encoder
from core_model.network.extractor import RING_GRID, MaskExtractor, resize_mask, sectors, surrounding_rings
from training.data import facts
from training.data.scenes import Mask, Scene, star_polygon, strip, turned_shape
from training.data.vocabulary import CATEGORIES, UNKNOWN

MASK_GRID = 64
MEASURES = 4  # mean red, green, blue and the contrast of a region
DRAWN_MASKS = 64  # masks without a picture in every batch, for the form alone
FORMS = (*facts.SHAPES, *facts.ORIENTATIONS)
NO_FORM = -1
# The weights that later stages take over; the spatial perceptron's last layer has the language model's width.
TRAINED_IN_STAGE_0 = (
    "encoder.", "extractor.levels.", "extractor.context_levels.", "extractor.spatial.0.", "extractor.spatial.2.")


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
        levels = self.extractor.measure(self.encoder(images), masks, image_index).levels
        hidden = self.norm(self.extractor.summed([level[:, 0] for level in levels]))
        around = hidden.new_zeros(len(hidden), 0, len(CATEGORIES))
        if self.extractor.config.context_tokens:
            around = self.around(self.around_norm(self.extractor.context_features(levels)))
        return Seen(self.category(hidden), self.measure(hidden), around)

    def forms(self, masks: Tensor) -> Tensor:
        """Logits of shapes and orientations [M, forms] of masks at the spatial token's size [M, side, side]."""
        return self.form(self.extractor.spatial[:-1](masks.flatten(1)))


def collate(scenes: List[Scene], extractor: ExtractorConfig) -> Dict[str, Tensor]:
    """Scenes to tensors: images uint8 [T, S, S, 3]; per region a mask on a 64×64 grid, picture, category, measures.

    ``sectors`` [R, context tokens, categories] are the shares of each sector of the facts' ring, as far as known.
    ``forms`` are masks [M, side, side], the regions' and drawn ones, with their ``shapes`` and ``orientations`` [M].
    """
    masks, owners, categories, measures = [], [], [], []
    full: List[Mask] = []
    for number, scene in enumerate(scenes):
        step = scene.image.shape[0] // MASK_GRID
        for region in scene.regions:
            if not region.mask.any():
                continue
            coverage = region.mask.reshape(MASK_GRID, step, MASK_GRID, step).mean((1, 3), dtype=np.float32)
            pixels = scene.image[region.mask].astype(np.float32) / 255
            full.append(region.mask)
            masks.append(coverage)
            owners.append(number)
            categories.append(region.category)
            measures.append(np.append(pixels.mean(axis=0), 4 * pixels.mean(axis=1).std()))
    stacked, index = torch.from_numpy(np.stack(masks)), torch.tensor(owners)
    return {
        "images": torch.from_numpy(np.stack([scene.image for scene in scenes])), "masks": stacked, "image_index": index,
        "categories": torch.tensor(categories), "measures": torch.from_numpy(np.stack(measures)).float(),
        "sectors": sector_shares(stacked, index, scenes, extractor.context_tokens),
        **_forms(full, extractor.spatial_size),
    }


def sector_shares(masks: Tensor, image_index: Tensor, scenes: List[Scene], count: int) -> Tensor:
    """The categories' shares of the ring around masks [R, 64, 64], by sector: [R, count, categories]."""
    if not count:
        return torch.zeros(len(masks), 0, len(CATEGORIES))
    known = torch.from_numpy(np.stack([_categories(scene) for scene in scenes])).long() + 1
    shares = functional.one_hot(known, len(CATEGORIES) + 1)[..., 1:].float().flatten(1, 2)  # [T, 64·64, categories]
    reach = facts.RING_CELLS / RING_GRID
    around = (surrounding_rings(masks, (reach,)) * sectors(masks, count)).flatten(2)  # [R, count, 64·64]
    around = around / (around.sum(dim=2, keepdim=True) + 1e-8)
    found = [around[image_index == number] @ shares[number] for number in range(len(scenes))]
    return torch.cat(found)


def _categories(scene: Scene) -> NDArray[np.int16]:
    """The middle of every ring cell's category, unknown where nothing is to be said of surroundings."""
    if scene.source in facts.NO_SURROUNDINGS:
        return np.full((RING_GRID, RING_GRID), UNKNOWN, np.int16)
    step = scene.image.shape[0] // RING_GRID
    return np.where(scene.valid, scene.categories, UNKNOWN)[step // 2 :: step, step // 2 :: step]


def _forms(masks: List[Mask], side: int) -> Dict[str, Tensor]:
    """The masks of a batch and drawn ones, small, with the numbers of their shapes and orientations (−1 not judged)."""
    rng = np.random.default_rng([int(mask.sum()) for mask in masks[:4]])
    shown = masks + [drawn_mask(rng, masks[0].shape[0]) for _ in range(DRAWN_MASKS)]
    shapes, orientations = zip(*(_form_numbers(mask) for mask in shown))
    small = resize_mask(torch.from_numpy(np.stack(shown)).float(), side, side, "area")
    return {"forms": small, "shapes": torch.tensor(shapes), "orientations": torch.tensor(orientations)}


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
    return (NO_FORM if shape is None else facts.SHAPES.index(shape),
            NO_FORM if orientation is None else facts.ORIENTATIONS.index(orientation))


def loss_of(model: RegionClassifier, batch: Dict[str, Tensor], smoothing: float) -> Tuple[Tensor, Dict[str, float]]:
    """The stage's loss, and what is worth logging."""
    seen = model(batch["images"], batch["masks"], batch["image_index"])
    logits, target = seen.category.float(), batch["categories"]
    # Every scene counts the same, however many regions a mosaic holds.
    counts = torch.bincount(batch["image_index"], minlength=len(batch["images"])).clamp(min=1).float()
    weights = counts.rsqrt()[batch["image_index"]]
    losses = functional.cross_entropy(logits, target, reduction="none", label_smoothing=smoothing)
    category = (losses * weights).sum() / weights.sum()
    measure = functional.smooth_l1_loss(seen.measures.float(), batch["measures"], beta=0.1)
    around = _around_loss(seen.around.float(), batch["sectors"], weights)
    form = _form_loss(model.forms(batch["forms"]).float(), batch["shapes"], batch["orientations"])
    right = (logits.argmax(dim=1) == target).float().mean()
    noted = {"category": category, "measure": measure, "around": around, "form": form, "right": right}
    return category + 2.0 * measure + around + form, {name: value.item() for name, value in noted.items()}


def _around_loss(logits: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy against the shares of each sector, a sector counting as far as it is known."""
    losses = -(shares * functional.log_softmax(logits, dim=2)).sum(dim=(1, 2))
    return (losses * weights).sum() / ((shares.sum(dim=(1, 2)) * weights).sum() + 1e-8)


def _form_loss(logits: Tensor, shapes: Tensor, orientations: Tensor) -> Tensor:
    kinds = len(facts.SHAPES)
    return (functional.cross_entropy(logits[:, :kinds], shapes, ignore_index=NO_FORM)
            + functional.cross_entropy(logits[:, kinds:], orientations, ignore_index=NO_FORM))
