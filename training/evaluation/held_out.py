"""Held-out scenes, seen as the product sees them: each region fills a quarter to a half of its picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from core_model.geo.tiling import TileId, choose_tile, tile_window
from training.data.build.supplies import place_of
from training.data.mixture import load_sources
from training.data.scenes import PATCH_GSD, Mask, Scene, SceneRegion
from training.data.sources import LabelledScene, Patch
from training.data.vocabulary import CATEGORIES, UNKNOWN

T = TypeVar("T")
SMALLEST_OBJECT = 64  # pixels of the labelled image
_SCENES_PER_IMAGE, _FEW_PER_CATEGORY = 10, 6  # where not all of a split is wanted
PATCH_SETS = {"eurosat": "eurosat", "ucmerced": "ucmerced", "solar": "solar"}


def patch_scenes(patches: Sequence[Patch], source: str, size: int, seed: int = 0) -> List[Scene]:
    """Every patch once, four to a picture in random company, each one region."""
    order = np.random.default_rng(seed).permutation(len(patches))
    half = size // 2
    scenes = []
    for start in range(0, len(order), 4):
        chosen = [patches[number] for number in order[start : start + 4]]
        image = np.zeros((size, size, 3), np.uint8)
        categories = np.full((size, size), UNKNOWN, np.int16)
        regions = []
        for place, patch in enumerate(chosen):
            box = slice(place // 2 * half, (place // 2 + 1) * half), slice(place % 2 * half, (place % 2 + 1) * half)
            image[box] = np.asarray(Image.fromarray(patch.pixels).resize((half, half), Image.Resampling.BILINEAR))
            categories[box] = patch.category
            mask = np.zeros((size, size), bool)
            mask[box] = True
            regions.append(SceneRegion(mask, patch.category))
        valid = categories != UNKNOWN
        image[~valid] = image[valid].mean(axis=0)
        native = PATCH_GSD[source]
        gsd = native * chosen[0].pixels.shape[0] / half
        scenes.append(Scene(image, gsd, categories, source, valid, regions, native_gsd=native))
    return scenes


def nested_scenes(scenes: Sequence[Scene]) -> List[Scene]:
    """In the middle of each patch of mosaics, the middle of another category's patch; only these are regions.

    Middles are half as high and wide as their patch. Every scene has the pixels of its mosaic, so the GSD stays.
    """
    return [nested for nested in map(_nested, scenes) if nested.regions]


def _nested(scene: Scene) -> Scene:
    image, categories, regions = scene.image.copy(), scene.categories.copy(), []
    for number, region in enumerate(scene.regions):
        others = [other for other in scene.regions[number + 1 :] + scene.regions[:number]
                  if CATEGORIES[other.category].name != CATEGORIES[region.category].name]
        if not others:
            continue
        box, category = _middle(region.mask), others[0].category
        image[box] = scene.image[_middle(others[0].mask)]
        categories[box] = category
        mask = np.zeros(region.mask.shape, bool)
        mask[box] = True
        regions.append(SceneRegion(mask, category))
    return replace(scene, image=image, categories=categories, regions=regions)


def _middle(mask: Mask) -> Tuple[slice, slice]:
    """Half the height and width of a mask's bounds, in their middle."""
    rows, columns = (slice(part.start + (part.stop - part.start) // 4, part.start + (part.stop - part.start) * 3 // 4)
                     for part in ndimage.find_objects(mask.astype(np.uint8))[0])
    return rows, columns


def object_scenes(labelled: Sequence[LabelledScene], size: int, most_per_category: int = 60) -> List[Scene]:
    """Connected regions of labelled imagery through the product's window pyramid, objects of one tile together.

    At most ``most_per_category`` objects of a category are taken from each image, the same every time.
    """
    scenes = []
    for number, image in enumerate(labelled):
        tiles: Dict[TileId, List[Tuple[int, NDArray[np.bool_], Tuple[slice, slice]]]] = {}
        for category, mask, box in _objects(image, most_per_category, number):
            bounds = box[1].start, box[0].start, box[1].stop, box[0].stop
            tile = choose_tile(bounds, size, raster_size=(image.pixels.shape[1], image.pixels.shape[0]))
            tiles.setdefault(tile, []).append((category, mask, box))
        scenes += [_tile_scene(image, tile, tiles[tile], size) for tile in sorted(tiles)]
    return [scene for scene in scenes if scene.regions]


def _objects(
    image: LabelledScene, most: int, seed: int
) -> List[Tuple[int, NDArray[np.bool_], Tuple[slice, slice]]]:
    rng = np.random.default_rng(seed)
    found = []
    for category in np.unique(image.categories[image.categories != UNKNOWN]).tolist():
        where = image.categories == category
        numbered = ndimage.label(where)[0] if image.instances is None else np.where(where, image.instances, 0)
        sizes = np.bincount(numbered.ravel())
        boxes = ndimage.find_objects(numbered)
        large = [n for n in range(1, len(sizes)) if sizes[n] >= SMALLEST_OBJECT]
        for n in sorted(rng.permutation(large)[:most].tolist()):
            found.append((category, numbered[boxes[n - 1]] == n, boxes[n - 1]))
    return found


def _tile_scene(
    image: LabelledScene, tile: TileId, objects: Sequence[Tuple[int, NDArray[np.bool_], Tuple[slice, slice]]], size: int
) -> Scene:
    window = tile_window(tile, size)
    box = window.x, window.y, window.x + window.width, window.y + window.height
    valid = _resampled(np.ones(image.categories.shape, np.uint8), box, size, Image.Resampling.NEAREST) > 0
    pixels = np.array(Image.fromarray(image.pixels).transform(
        (size, size), Image.Transform.EXTENT, box, Image.Resampling.BILINEAR)) if tile.level <= 0 else _reduced(
        image.pixels, box, size)
    pixels[~valid] = pixels[valid].mean(axis=0) if valid.any() else 0
    categories = _resampled((image.categories + 1).astype(np.uint8), box, size, Image.Resampling.NEAREST)
    regions = []
    for category, part, place in objects:
        whole = np.zeros(image.categories.shape, np.uint8)
        whole[place] = part
        mask = _resampled(whole, box, size, Image.Resampling.NEAREST) > 0
        if mask.any():
            regions.append(SceneRegion(mask, category))
    return Scene(
        pixels, image.gsd * 2.0**tile.level, categories.astype(np.int16) - 1, image.source, valid, regions,
        place_of(image.source, image.name), native_gsd=image.gsd)


def _resampled(
    values: NDArray[np.uint8], box: Tuple[float, float, float, float], size: int, method: Image.Resampling
) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(values).transform((size, size), Image.Transform.EXTENT, box, method))


def _reduced(pixels: NDArray[np.uint8], box: Tuple[float, float, float, float], size: int) -> NDArray[np.uint8]:
    """A reduced cut with averaging; Pillow's ``resize`` averages, but its box must lie inside the picture."""
    left, top, right, bottom = box
    beyond = -top, bottom - pixels.shape[0], -left, right - pixels.shape[1]
    margins = [max(0, int(np.ceil(value))) for value in beyond]
    padded = np.pad(pixels, (margins[:2], margins[2:], (0, 0)))
    shifted = (left + margins[2], top + margins[0], right + margins[2], bottom + margins[0])
    return np.array(Image.fromarray(padded).resize((size, size), Image.Resampling.BOX, box=shifted))


def held_out_scenes(
    folder: Path, split: str, size: int, names: Sequence[str], most: Optional[int] = None
) -> Dict[str, List[Scene]]:
    """The scenes of every named data set's split; with ``most`` at most so many of each, from all over it."""
    found = {}
    for name, items in load_sources(folder, split, names).items():
        if name in PATCH_SETS:
            found[name] = patch_scenes(evenly(items, most and 4 * most), name, size)
        else:
            images = evenly(items, most and -(-most // _SCENES_PER_IMAGE))
            scenes = object_scenes(images, size) if most is None else object_scenes(images, size, _FEW_PER_CATEGORY)
            found[name] = evenly(scenes, most)
    return found


def evenly(items: Sequence[T], most: Optional[int]) -> List[T]:
    """At most so many of the items, evenly spaced; all of them without a limit."""
    if most is None or most >= len(items):
        return list(items)
    return [items[number * len(items) // most] for number in range(most)]
