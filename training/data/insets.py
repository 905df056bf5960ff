"""One kind of ground inside another, as a pond lies in a meadow and a house in a wood: patches put into mosaics.

Copying labelled objects into other pictures is common for instances (Ghiasi et al. 2021, Simple Copy-Paste). Here it
keeps an encoder from naming a small region by what lies around it: in a plain mosaic no region lies inside another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List

import numpy as np
from scipy import ndimage

from training.data.scenes import PATCH_GSD, SMALLEST_REGION, Mask, PatchMosaic, Scene, SceneRegion, resize, turn
from training.data.sources import Pixels
from training.data.vocabulary import CATEGORIES

MOST_INSETS = 3
SPAN = (0.14, 0.5)  # of the picture's side
SOFTEST_EDGE = 1.5  # pixels
AT_THE_GSD = 0.7  # the share of patches that are shown at the scene's own GSD; others are smaller than it says
KEPT = 0.4  # the share of a region that must be left for it to stay one


@dataclass(frozen=True)
class InsetMosaic:
    """A mosaic, a ``share`` of them with one to three patches of other categories put into the cells.

    With ``homes`` such scenes have a ``home``, too.
    """

    mosaic: PatchMosaic
    share: float
    homes: bool = False

    def __call__(self, rng: np.random.Generator) -> Scene:
        """One scene; what lies inside another region is no part of it, and ``altered`` tells that something does."""
        scene = self.mosaic(rng)
        if rng.uniform() < self.share:
            for _ in range(int(rng.integers(1, MOST_INSETS + 1))):
                self._put(rng, scene)
        return scene

    def _put(self, rng: np.random.Generator, scene: Scene) -> None:
        shares = np.exp(rng.uniform(np.log(SPAN[0]), np.log(SPAN[1]), 2))
        height, width = (round(share * self.mosaic.size) for share in shares.tolist())
        top, left = (int(rng.integers(0, self.mosaic.size - side + 1)) for side in (height, width))
        box = slice(top, top + height), slice(left, left + width)
        patch = self.mosaic.draw(rng)
        mask = self.mosaic.region(rng, box, patch.category) & scene.valid
        around = {CATEGORIES[number].name for number in np.unique(scene.categories[mask]).tolist()}
        if mask.sum() < SMALLEST_REGION or CATEGORIES[patch.category].name in around:
            return
        whole = self._shown(rng, patch.pixels, scene.gsd / PATCH_GSD[scene.source], max(height, width))
        shown = whole[_middle(whole.shape[0], height), _middle(whole.shape[0], width)]
        opaque = ndimage.gaussian_filter(mask[box].astype(np.float32), rng.uniform(0, SOFTEST_EDGE))[..., None]
        scene.image[box] = np.rint(scene.image[box] * (1 - opaque) + shown * opaque).astype(np.uint8)
        if self.homes:
            scene.home = _pasted(scene.image, whole, top + height // 2, left + width // 2)
        scene.categories[mask] = patch.category
        scene.regions = _without(scene.regions, mask) + [SceneRegion(mask, patch.category)]
        scene.altered = True

    def _shown(self, rng: np.random.Generator, pixels: Pixels, scale: float, longest: int) -> Pixels:
        """A whole patch as the scene shows it: mostly at the scene's GSD, else smaller; ``longest`` wide at least.

        ``scale`` is how many of its pixels are as wide as one of the scene's.
        """
        finest = min(1.0, longest * scale / pixels.shape[0])
        share = finest if rng.uniform() < AT_THE_GSD else float(np.exp(rng.uniform(np.log(finest), 0)))
        side = max(longest, round(longest / share))
        return resize(rng, turn(rng, pixels), side, side)


def _middle(side: int, length: int) -> slice:
    return slice((side - length) // 2, (side - length) // 2 + length)


def _pasted(image: Pixels, patch: Pixels, row: int, column: int) -> Pixels:
    """A copy with the middle of a square patch at a pixel, as much of it as the picture holds."""
    found = image.copy()
    side = patch.shape[0]
    corners = row - side // 2, column - side // 2
    rows, columns = (slice(max(0, start), min(found.shape[0], start + side)) for start in corners)
    found[rows, columns] = patch[
        rows.start - corners[0] : rows.stop - corners[0], columns.start - corners[1] : columns.stop - corners[1]]
    return found


def _without(regions: List[SceneRegion], mask: Mask) -> List[SceneRegion]:
    """The regions without what ``mask`` covers; those of which little is left are no longer regions."""
    left = [SceneRegion(region.mask & ~mask, region.category) for region in regions]
    return [rest for rest, whole in zip(left, regions)
            if rest.mask.sum() >= max(SMALLEST_REGION, KEPT * whole.mask.sum())]
