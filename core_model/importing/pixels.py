"""A whole photograph as the published model was shown it; tiles of rasters are square already and need none of this."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from core_model.config import EncoderConfig


def published_pixels(image: NDArray[np.uint8], config: EncoderConfig) -> Tensor:
    """RGB [H, W, 3] to normalised pixels float32 [1, 3, S, S], for ``Encoder.features``.

    The shorter side becomes S by bicubic resampling to 8 bit; then the picture is stretched to a square. Masks stay at
    H × W.
    """
    from PIL import Image  # noqa: PLC0415 (only photographs need it)

    height, width = image.shape[:2]
    side = config.image_size
    shorter = min(height, width)
    # Cut off, not rounded, as the published preprocessing does.
    size = int(side * width / shorter), int(side * height / shorter)
    resized = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (config.mean, config.std))
    pixels = (torch.from_numpy(resized.copy()).permute(2, 0, 1) / 255.0 - mean) / std
    return functional.interpolate(pixels.unsqueeze(0), (side, side), mode="bilinear", align_corners=False)
