"""Pictures that show no ground, such as noise and drawings: whatever a model calls a region of one is a guess.

Their categories are drawn anew whenever they are asked for, so that a model learns to be sure of none (outlier
exposure, Hendrycks et al. 2019, arXiv 1812.04606).
"""

from __future__ import annotations

from typing import Callable, Tuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.data.scenes import Scene, star_polygon, strip, turned_shape
from training.data.sources import Pixels
from training.data.vocabulary import UNKNOWN

# What is still asked of a region where there is no ground: the guess itself, and what pixels and masks tell.
KINDS = ("category", "colour", "tone", "texture", "shape", "orientation", "size")
COARSEST_GRAIN = 5  # as a power of two, in pixels
STEEPEST = 2.5  # the exponent of 1/f noise: 0 is white, 2 looks like clouds
MOST_SHAPES = 24
_Maker = Callable[[np.random.Generator, int], NDArray[np.float32]]


def take_ground(rng: np.random.Generator, scene: Scene) -> None:
    """Show noise or a drawing where the scene was; its regions stay, and what they are is no longer known."""
    makers: Tuple[_Maker, ...] = (grains, clouds, drawing)
    scene.image = as_pixels(rng, makers[int(rng.integers(len(makers)))](rng, scene.image.shape[0]))
    scene.categories = np.full_like(scene.categories, UNKNOWN)
    scene.groundless = True


def grains(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Cells of one grain [size, size, 3], each of a colour (or a grey) of its own, sharp or blurred."""
    grain = 2 ** int(rng.integers(COARSEST_GRAIN + 1))
    cells = rng.uniform(size=(-(-size // grain), -(-size // grain), int(rng.choice((1, 3))))).astype(np.float32)
    found = cells.repeat(grain, axis=0).repeat(grain, axis=1)[:size, :size]
    blur = grain * rng.uniform(0, 1) if rng.uniform() < 0.3 else 0.0
    return np.broadcast_to(ndimage.gaussian_filter(found, (blur, blur, 0)), (size, size, 3))


def clouds(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Noise [size, size, 3] whose amplitude falls with the frequency."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = 1 / size
    layers = [
        np.fft.irfft2(np.fft.rfft2(rng.normal(size=(size, size))) / frequency ** rng.uniform(0, STEEPEST), (size, size))
        for _ in range(3)]
    mixed = np.stack([layer / layer.std() for layer in layers], axis=2) @ rng.normal(size=(3, 3))
    return np.asarray(mixed, np.float32)


def drawing(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Flat shapes on a flat ground [size, size, 3], as in a map or a chart."""
    found = np.broadcast_to(rng.uniform(size=3), (size, size, 3)).astype(np.float32)
    for _ in range(int(rng.integers(1, MOST_SHAPES + 1))):
        height, width = (int(side) for side in rng.integers(4, size, 2))
        top, left = int(rng.integers(0, size - height + 1)), int(rng.integers(0, size - width + 1))
        shape = (strip, turned_shape, star_polygon)[int(rng.integers(3))](rng, height, width)
        found[top : top + height, left : left + width][shape] = rng.uniform(size=3)
    return found


def as_pixels(rng: np.random.Generator, values: NDArray[np.float32]) -> Pixels:
    """Values [S, S, 3] as uint8, their range laid anywhere into 0 … 255."""
    low, high = (float(part) for part in np.percentile(values, (1, 99)))
    dark, bright = np.sort(rng.uniform(0, 255, 2)) if rng.uniform() < 0.7 else np.array([0.0, 255.0])
    scaled = dark + (values - low) / max(high - low, 1e-6) * (bright - dark)
    return np.asarray(np.clip(scaled, 0, 255).round(), np.uint8)
