"""Photometric changes that users' imagery really has: stretches, haze, seasons, sensors, blur, files and noise."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from core_model.geo.stretch import Stretch
from training.data.sources import Pixels


def photometric(rng: np.random.Generator, image: Pixels, strength: float = 1.0) -> Pixels:
    """uint8 RGB [h, w, 3] to the same picture as another sensor, season or stretch would show it."""
    if rng.uniform() < 0.25:
        return image
    if rng.uniform() < 0.15 * strength:
        image = _soften(rng, image)
    elif rng.uniform() < 0.12:
        image = _sharpen(rng, image)
    table = _tone_curves(rng, strength)
    changed = np.stack([table[channel][image[..., channel]] for channel in range(3)], axis=-1)
    if rng.uniform() < 0.1:
        changed = _panchromatic(changed)
    elif rng.uniform() < 0.2:
        noise = rng.normal(0, rng.uniform(1, 5) * strength, changed.shape[:2] + (1,)).astype(np.float32)
        changed = np.clip(changed + noise, 0, 255).astype(np.uint8)
    return _compressed(rng, changed) if rng.uniform() < 0.15 else changed


def restretched(rng: np.random.Generator, image: Pixels) -> Pixels:
    """uint8 RGB [h, w, 3] stretched by percentiles of its own, as viewers show imagery of more than 8 bits.

    Half of the time every band is stretched for itself, as QGIS does; else the bands are more or less kept together.
    The percentiles are those of a part of the picture, since a user's raster may hold little of what a picture shows.
    """
    height, width = (int(side * rng.uniform(0.5, 1.0)) for side in image.shape[:2])
    top, left = (int(rng.integers(0, side - part + 1)) for side, part in zip(image.shape, (height, width)))
    cut = rng.uniform(0.5, 3.0)
    low, high = np.percentile(image[top : top + height, left : left + width], (cut, 100 - cut), axis=(0, 1))
    apart = 1.0 if rng.uniform() < 0.5 else rng.uniform()
    low, high = low.min() + apart * (low - low.min()), high.max() + apart * (high - high.max())
    return stretched(image, low, np.maximum(high, low + 8))


def stretched(image: Pixels, low: NDArray[np.float64], high: NDArray[np.float64]) -> Pixels:
    """uint8 RGB [h, w, 3] with ``low`` [3] at 0 and ``high`` [3] at 255, as the product stretches rasters."""
    planes = Stretch(tuple(low.tolist()), tuple(high.tolist())).apply(np.moveaxis(image, -1, 0))
    return np.ascontiguousarray(np.moveaxis(planes, 0, -1))


def _tone_curves(rng: np.random.Generator, strength: float) -> NDArray[np.uint8]:
    """One look-up table per band: gain, gamma, offset, haze; mostly common to the bands, a little their own."""
    levels = np.arange(256, dtype=np.float32)[None] / 255
    gamma = np.exp(rng.normal(0, 0.18) * strength)
    gain = np.exp(rng.normal(0, 0.15) * strength + rng.normal(0, 0.04, (3, 1)) * strength)
    offset = rng.normal(0, 0.04) * strength + rng.normal(0, 0.015, (3, 1)) * strength
    curve = np.clip(levels**gamma * gain + offset, 0, 1)
    if rng.uniform() < 0.12:
        haze = rng.uniform(0.1, 0.4)
        veil = np.array([[0.75], [0.8], [0.85]]) * rng.uniform(0.8, 1.1)
        curve = curve * (1 - haze) + np.clip(veil, 0, 1) * haze
    return np.asarray(np.clip(curve * 255 + 0.5, 0, 255), dtype=np.uint8)


def _soften(rng: np.random.Generator, image: Pixels) -> Pixels:
    """As if the picture came from a coarser GSD, or from a strongly compressed file."""
    picture = Image.fromarray(image)
    if rng.uniform() < 0.5:
        return np.asarray(picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.3))))
    factor = rng.uniform(1.2, 2.2)
    width, height = (max(16, round(side / factor)) for side in picture.size)
    coarse = picture.resize((width, height), Image.Resampling.BOX)
    return np.asarray(coarse.resize(picture.size, Image.Resampling.BILINEAR))


def _sharpen(rng: np.random.Generator, image: Pixels) -> Pixels:
    """As orthophotos and pan-sharpened satellite pictures are delivered."""
    edges = ImageFilter.UnsharpMask(radius=rng.uniform(0.7, 2.0), percent=int(rng.uniform(50, 200)), threshold=0)
    return np.asarray(Image.fromarray(image).filter(edges))


def _compressed(rng: np.random.Generator, image: Pixels) -> Pixels:
    """As a web map's tiles or a file of little space show it."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=int(rng.integers(30, 86)))
    return np.asarray(Image.open(file))


def _panchromatic(image: Pixels) -> Pixels:
    grey = image.astype(np.float32).mean(axis=2, keepdims=True)
    return np.repeat(grey, 3, axis=2).astype(np.uint8)
