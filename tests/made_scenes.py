"""Scenes made of noise, for tests of what is measured and written."""

from __future__ import annotations

import numpy as np

from training.data.scenes import Scene, SceneRegion, star_polygon
from training.data.vocabulary import of_source


def mosaic(rng: np.random.Generator, source: str) -> Scene:
    """A scene of 3 × 3 plain or noisy cells of random categories, with a region in each."""
    image = np.zeros((256, 256, 3), np.uint8)
    categories = np.full((256, 256), -1, np.int16)
    regions = []
    edges = (0, 85, 170, 256)
    numbers = of_source(source)
    for row in range(3):
        for column in range(3):
            cell = slice(edges[row], edges[row + 1]), slice(edges[column], edges[column + 1])
            shape = categories[cell].shape
            noise = rng.normal(0, rng.uniform(0, 30), shape + (1,))
            image[cell] = np.clip(rng.integers(0, 256, 3) * rng.uniform(0.3, 1) + noise, 0, 255).astype(np.uint8)
            number = numbers[int(rng.integers(len(numbers)))]
            categories[cell] = number
            mask = np.zeros((256, 256), bool)
            height = int(rng.integers(20, shape[0] + 1))
            part = np.s_[edges[row] : edges[row] + height, edges[column] : edges[column + 1]]
            mask[part] = True if rng.uniform() < 0.5 else star_polygon(rng, height, shape[1])
            regions.append(SceneRegion(mask, number))
    return Scene(image, float(np.exp(rng.uniform(-3, 2.5))), categories, source, categories >= 0, regions)
