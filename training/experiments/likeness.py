"""How alike the cells of a feature map are to a region, and how well that tells inside from outside."""

from __future__ import annotations

from typing import Tuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core_model.network.extractor import resize_mask
from training.experiments import measures

Floats = NDArray[np.float64]


def similarity(cells: Tensor, feature: NDArray[np.float64]) -> Floats:
    """Cosine of every cell [C, h, w] with a region's feature [C]: [h, w]."""
    wanted = torch.from_numpy(feature).to(cells.dtype)
    return torch.nn.functional.cosine_similarity(cells, wanted[:, None, None], dim=0).double().numpy()


def likeness_to_the_rest(cells: Tensor, mask: Tensor) -> Floats:
    """Cosine of every cell [C, h, w] with the masked mean of the *other* cells under ``mask`` [S, S]: [h, w].

    A cell of the mask would otherwise be compared with itself, the more so the fewer cells the mask has. nan for a
    cell that is all the mask has.
    """
    weights = resize_mask(mask[None], cells.shape[1], cells.shape[2], "area")[0]
    weights = weights / weights.sum()
    rest = (cells * weights).sum(dim=(1, 2))[:, None, None] - cells * weights  # [C, h, w]
    cosines = torch.nn.functional.cosine_similarity(cells, rest, dim=0).double().numpy()
    return np.where(weights.numpy() > 0.95, np.nan, cosines)


def colour_likeness(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Floats:
    """Minus the distance of every pixel's colour from the region's mean colour: [S, S]."""
    mean = image[mask].mean(axis=0)
    return -np.asarray(np.linalg.norm(image - mean, axis=2), dtype=np.float64)


def separation(scores: Floats, mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> Tuple[float, float]:
    """AUC of cells at least half inside the mask against cells wholly outside it, and wholly of other categories."""
    shares = [resize_mask(torch.from_numpy(part)[None].float(), scores.shape[0], scores.shape[1], "area")[0].numpy()
              for part in (mask, other)]
    inside = scores[(shares[0] >= 0.5) & ~np.isnan(scores)]
    outside, elsewhere = scores[shares[0] == 0], scores[(shares[0] == 0) & (shares[1] > 0.999)]
    return measures.area_under_curve(inside, outside), measures.area_under_curve(inside, elsewhere)
