"""Scenes to learn from: square pictures with labelled regions, composed of patches or cut from labelled imagery."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from training.data.phrases import WITHIN
from training.data.sources import LabelledScene, Patch, Pixels
from training.data.vocabulary import CATEGORIES, UNKNOWN

Mask = NDArray[np.bool_]
PATCH_GSD = {"eurosat": 10.0, "ucmerced": 0.3, "solar": 0.2}
RESAMPLINGS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
SMALLEST_REGION = 40  # pixels
# Things that a small part of their patch may miss, and how much of it such a part must have.
SOMEWHERE = WITHIN | {"road intersection", "freeway"}
MOST_OF_IT = 0.55
# The share of mosaics that show two categories only, as most places do; else two of three regions are seldom alike.
FEW_KINDS = 0.3
FINEST_SCALE = 1 / 8  # picture pixels are at most eighths of raster pixels, as in core_model.geo.tiling


@dataclass(frozen=True)
class SceneRegion:
    """A region of a scene: mask bool [S, S] and its category's number; ``mixed`` if it holds others, too."""

    mask: Mask
    category: int
    mixed: bool = False


@dataclass
class Scene:
    """A square picture uint8 [S, S, 3], its GSD in metres, categories int16 [S, S] (−1 unknown) and regions.

    ``valid`` is False where the picture is empty (beyond a raster's edge); ``place`` is its ground, "" unknown.
    ``altered`` tells that it no longer looks as the data set does: it was stretched, or one patch lies in another.
    Where it is ``groundless`` it shows no ground, and its regions' categories say nothing but the data set.
    ``native_gsd`` is that of the data set's picture, where it is known and may differ.
    ``home`` is the same picture with ground of the last region's own kind around it, where it lies in another's.
    """

    image: Pixels
    gsd: float
    categories: NDArray[np.int16]
    source: str
    valid: Mask
    regions: List[SceneRegion] = field(default_factory=list)
    place: str = ""
    altered: bool = False
    groundless: bool = False
    home: Optional[Pixels] = None
    native_gsd: Optional[float] = None


def star_polygon(rng: np.random.Generator, height: int, width: int, fill: float = 1.0) -> Mask:
    """An irregular blob without holes inside a box [height, width]; ``fill`` scales its radius."""
    corners = int(rng.integers(4, 9))
    radii = rng.uniform(0.55, 1.0, corners)
    rows, columns = np.mgrid[0:height, 0:width]
    vertical = (rows + 0.5 - height / 2) / (height / 2)
    horizontal = (columns + 0.5 - width / 2) / (width / 2)
    angle = (np.arctan2(vertical, horizontal) / (2 * np.pi) + rng.uniform()) % 1.0 * corners
    low = angle.astype(int) % corners
    share = angle - np.floor(angle)
    if rng.uniform() < 0.5:
        share = share * share * (3 - 2 * share)
    limit = radii[low] * (1 - share) + radii[(low + 1) % corners] * share
    return np.asarray(np.hypot(vertical, horizontal) <= limit * fill * 1.15)


def strip(rng: np.random.Generator, height: int, width: int) -> Mask:
    """A long straight band through the middle of a box [height, width], running in any direction."""
    rows, columns = np.mgrid[0:height, 0:width]
    vertical, horizontal = rows + 0.5 - height / 2, columns + 0.5 - width / 2
    angle = rng.uniform(0, np.pi)
    along = np.abs(horizontal * np.cos(angle) + vertical * np.sin(angle))
    across = np.abs(vertical * np.cos(angle) - horizontal * np.sin(angle))
    length = min(height, width) * rng.uniform(0.4, 0.5)
    return np.asarray((along <= length) & (across <= length * rng.uniform(0.15, 0.35)))


def turned_shape(rng: np.random.Generator, height: int, width: int) -> Mask:
    """A box or an ellipse of any proportions, turned in any direction, inside a box [height, width]."""
    rows, columns = np.mgrid[0:height, 0:width]
    vertical, horizontal = rows + 0.5 - height / 2, columns + 0.5 - width / 2
    angle = rng.uniform(0, np.pi)
    length = min(height, width) * rng.uniform(0.3, 0.5)
    along = np.abs(horizontal * np.cos(angle) + vertical * np.sin(angle)) / length
    across = np.abs(vertical * np.cos(angle) - horizontal * np.sin(angle)) / (length * rng.uniform(0.15, 1.0))
    return np.asarray(np.maximum(along, across) <= 1 if rng.uniform() < 0.5 else np.hypot(along, across) <= 1)


def turn(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """One of the eight flips and quarter turns of [h, w, …]."""
    pixels = np.rot90(pixels, int(rng.integers(4)))
    return pixels[:, ::-1] if rng.uniform() < 0.5 else pixels


def resize(rng: np.random.Generator, pixels: Pixels, height: int, width: int) -> Pixels:
    """[h, w, 3] to [height, width, 3] by one of the usual resamplings."""
    method = RESAMPLINGS[int(rng.integers(len(RESAMPLINGS)))]
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height), method))


@dataclass(frozen=True)
class PatchMosaic:
    """Composes patches of one data set (so of one GSD) into scenes of n × n cells, some of them empty."""

    patches: Sequence[Patch]
    source: str
    size: int
    grids: Tuple[int, ...] = (2, 3, 4)
    smallest_crop: float = 0.75

    def __post_init__(self) -> None:
        """Index the patches by category, so that every category is shown equally often."""
        by_category: Dict[int, List[int]] = {}
        for number, patch in enumerate(self.patches):
            by_category.setdefault(patch.category, []).append(number)
        object.__setattr__(self, "_by_category", by_category)

    def draw(self, rng: np.random.Generator, kinds: Optional[Sequence[int]] = None) -> Patch:
        """Any patch, all categories (or the ``kinds``, if given) being as likely."""
        by_category: Dict[int, List[int]] = self._by_category  # type: ignore[attr-defined]
        keys = kinds or sorted(by_category)
        numbers = by_category[keys[int(rng.integers(len(keys)))]]
        return self.patches[numbers[int(rng.integers(len(numbers)))]]

    def __call__(self, rng: np.random.Generator) -> Scene:
        """One scene; every cell holds one patch and one region, which is the whole cell or an irregular part of it."""
        grid = int(rng.choice(self.grids))
        edges = np.linspace(0, self.size, grid + 1).astype(int)
        image = np.zeros((self.size, self.size, 3), np.uint8)
        categories = np.full((self.size, self.size), UNKNOWN, np.int16)
        crop = 1.0 if rng.uniform() < 0.4 else rng.uniform(self.smallest_crop, 1.0)
        regions: List[SceneRegion] = []
        empty = 0.5 if rng.uniform() < 0.15 else 0.0
        patch_side = self.patches[0].pixels.shape[0]
        kinds = [self.draw(rng).category for _ in range(2)] if rng.uniform() < FEW_KINDS else None
        for row in range(grid):
            for column in range(grid):
                if regions and rng.uniform() < empty:
                    continue
                box = slice(edges[row], edges[row + 1]), slice(edges[column], edges[column + 1])
                patch = self.draw(rng, kinds)
                image[box] = self._fit(rng, patch.pixels, crop, image[box].shape[0], image[box].shape[1])
                categories[box] = patch.category
                regions.append(SceneRegion(self.region(rng, box, patch.category), patch.category))
        valid = categories != UNKNOWN
        image[~valid] = image[valid].mean(axis=0)
        gsd = PATCH_GSD[self.source] * crop * patch_side * grid / self.size
        scene = Scene(image, gsd, categories, self.source, valid, regions)
        return _shift(rng, scene) if rng.uniform() < 0.3 else scene

    def _fit(self, rng: np.random.Generator, pixels: Pixels, crop: float, height: int, width: int) -> Pixels:
        side = pixels.shape[0]
        cut = max(8, round(side * crop))
        row, column = rng.integers(0, side - cut + 1, 2)
        return resize(rng, turn(rng, pixels[row : row + cut, column : column + cut]), height, width)

    def region(self, rng: np.random.Generator, box: Tuple[slice, slice], category: int) -> Mask:
        """The whole box, or a strip, a turned shape or an irregular part in it: bool [size, size].

        Of a category that is somewhere in its patch, such as an airplane, a part has most of the box.
        """
        mask = np.zeros((self.size, self.size), bool)
        height, width = box[0].stop - box[0].start, box[1].stop - box[1].start
        kind = rng.uniform()
        mask[box] = True
        if kind >= 0.4:
            part = (strip if kind < 0.6 else turned_shape if kind < 0.7 else star_polygon)(rng, height, width)
            if CATEGORIES[category].name not in SOMEWHERE or part.mean() >= MOST_OF_IT:
                mask[box] = part
        return mask


def _shift(rng: np.random.Generator, scene: Scene) -> Scene:
    """Roll a mosaic so that its cells lie anywhere; regions cut apart by the edge keep their larger part."""
    rows, columns = (int(value) for value in rng.integers(0, scene.image.shape[0], 2))
    moved = [_largest(np.roll(region.mask, (rows, columns), (0, 1))) for region in scene.regions]
    scene.image = np.roll(scene.image, (rows, columns), (0, 1))
    scene.categories = np.roll(scene.categories, (rows, columns), (0, 1))
    scene.valid = np.roll(scene.valid, (rows, columns), (0, 1))
    scene.regions = [SceneRegion(mask, region.category) for mask, region in zip(moved, scene.regions)]
    return scene


def _largest(mask: Mask) -> Mask:
    touches = (mask[0].any() and mask[-1].any()) or (mask[:, 0].any() and mask[:, -1].any())
    if not touches:
        return mask
    numbered, count = ndimage.label(mask)
    sizes = np.bincount(numbered.ravel(), minlength=count + 1)[1:]
    return np.asarray(numbered == sizes.argmax() + 1)


@dataclass(frozen=True)
class Cutout:
    """Cuts scenes out of labelled imagery at many scales; connected regions of one category are its regions."""

    scenes: Sequence[LabelledScene]
    size: int
    scales: Tuple[float, float] = (0.5, 3.0)
    most_regions: int = 8
    around_objects: float = 0.65

    def __call__(self, rng: np.random.Generator) -> Scene:
        """One scene with at least one region."""
        while True:
            scene = self._cut(rng, self.scenes[int(rng.integers(len(self.scenes)))])
            if scene.regions:
                return scene

    def _cut(self, rng: np.random.Generator, labelled: LabelledScene) -> Scene:
        row, column, side = self._place(rng, labelled)
        scale = side / self.size
        factor = 2 ** max(0, int(np.log2(scale)) - 1)  # a cut many times the scene's size is made from an overview
        pixels, labels, objects = labelled.overview(factor)
        row, column, side = row // factor, column // factor, side // factor
        image, valid = _window(pixels, row, column, side)
        categories, _ = _window(labels, row, column, side, UNKNOWN)
        numbered = _window(objects, row, column, side, 0)[0] if objects is not None else None
        turns, flip = int(rng.integers(4)), rng.uniform() < 0.5
        image, valid, categories = (turned(part, turns, flip) for part in (image, valid, categories))
        image[~valid] = image[valid].mean(axis=0) if valid.any() else 0
        nearest = (np.arange(self.size) + 0.5) * side / self.size
        pick = np.ix_(nearest.astype(int), nearest.astype(int))
        small = categories[pick]
        parts = None if numbered is None else turned(numbered, turns, flip)[pick]
        scene = Scene(
            resize(rng, image, self.size, self.size), labelled.gsd * scale, small, labelled.source, valid[pick]
        )
        scene.regions = self._regions(rng, small, parts)
        return scene

    def _place(self, rng: np.random.Generator, labelled: LabelledScene) -> Tuple[int, int, int]:
        """Top, left and side of the cut: around an object as the product would see it, or anywhere at any scale."""
        if len(labelled.boxes) and rng.uniform() < self.around_objects:
            category = rng.choice(np.unique(labelled.boxes[:, 0]))
            _, top, left, bottom, right = rng.choice(labelled.boxes[labelled.boxes[:, 0] == category]).tolist()
            shown = self.size * rng.uniform(0.22, 0.52)
            side = round(self.size * max(max(bottom - top, right - left) / shown, FINEST_SCALE))
            row, column = (middle - side * (0.5 + rng.uniform(-0.25, 0.25)) for middle in
                           ((top + bottom) / 2, (left + right) / 2))
            return round(row), round(column), side
        side = max(32, round(self.size * float(np.exp(rng.uniform(*np.log(self.scales))))))
        row, column = (rng.integers(-side // 4, max(1, length - 3 * side // 4)) for length in labelled.categories.shape)
        return int(row), int(column), side

    def _regions(
        self, rng: np.random.Generator, categories: NDArray[np.int16], objects: NDArray[np.int32] | None
    ) -> List[SceneRegion]:
        candidates: Dict[int, List[Mask]] = {}
        for category in np.unique(categories[categories != UNKNOWN]).tolist():
            where = categories == category
            numbered = ndimage.label(where)[0] if objects is None else np.where(where, objects, 0)
            for number, box in enumerate(ndimage.find_objects(numbered), 1):
                if box is None:
                    continue
                mask = self._bounded(rng, numbered, number, box)
                if mask.sum() >= SMALLEST_REGION:
                    candidates.setdefault(category, []).append(mask)
        return _balanced(rng, candidates, self.most_regions)

    def _bounded(
        self, rng: np.random.Generator, numbered: NDArray[np.int32], number: int, box: Tuple[slice, slice]
    ) -> Mask:
        """The object's mask; one larger than half the picture is mostly cut to the part a drawn polygon would take."""
        mask = np.zeros(numbered.shape, bool)
        mask[box] = numbered[box] == number
        longest = max(part.stop - part.start for part in box)
        if longest <= self.size // 2 or rng.uniform() < 0.2:
            return mask
        rows, columns = np.nonzero(mask[box])
        pick = int(rng.integers(len(rows)))
        height, width = (int(value) for value in rng.integers(self.size // 5, self.size // 2, 2))
        top = int(np.clip(rows[pick] + box[0].start - height // 2, 0, self.size - height))
        left = int(np.clip(columns[pick] + box[1].start - width // 2, 0, self.size - width))
        part = np.zeros(mask.shape, bool)
        part[top : top + height, left : left + width] = star_polygon(rng, height, width)
        return mask & part


def _balanced(rng: np.random.Generator, candidates: Dict[int, List[Mask]], most: int) -> List[SceneRegion]:
    """At most ``most`` regions, categories in turn so that the rare ones are not drowned."""
    for masks in candidates.values():
        rng.shuffle(masks)
    found: List[SceneRegion] = []
    while len(found) < most and any(candidates.values()):
        for category in sorted(candidates):
            if candidates[category] and len(found) < most:
                found.append(SceneRegion(candidates[category].pop(), category))
    return found


def turned(values: NDArray, turns: int, flip: bool) -> NDArray:
    """[h, w, …] after so many quarter turns, and then mirrored or not."""
    values = np.rot90(values, turns)
    return np.ascontiguousarray(values[:, ::-1] if flip else values)


def _window(values: NDArray, row: int, column: int, side: int, fill: int = 0) -> Tuple[NDArray, Mask]:
    """A square cut that may reach over the edge, and where it holds data."""
    cut = np.full((side, side) + values.shape[2:], fill, values.dtype)
    inside = np.zeros((side, side), bool)
    top, left = max(row, 0), max(column, 0)
    bottom, right = min(row + side, values.shape[0]), min(column + side, values.shape[1])
    if bottom > top and right > left:
        target = slice(top - row, bottom - row), slice(left - column, right - column)
        cut[target] = values[top:bottom, left:right]
        inside[target] = True
    return cut, inside
