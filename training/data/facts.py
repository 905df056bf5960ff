"""What pixels and masks say about a region: colour, tone, texture, shape, orientation, size and surroundings.

Every attribute has the term a text uses and the set of terms that count as true, since a value near a limit may
fairly be called either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, FrozenSet, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core_model.form import DIRECTIONS, NO_FORM, SIZE_LIMITS, SIZES, Form
from core_model.geo.outline import FEWEST_PIXELS, Outline, compass, outline_of_mask, shape_term
from core_model.network.extractor import RING_GRID
from training.data.scenes import Mask, Scene
from training.data.vocabulary import CATEGORIES, UNKNOWN

Terms = FrozenSet[str]

# Each colour term with the basic colours it holds: terms that share one are never opposed to each other.
COLOURS: Dict[str, Tuple[str, ...]] = {
    "black": ("black",), "dark grey": ("grey", "black"), "grey": ("grey",), "light grey": ("grey", "white"),
    "white": ("white",), "red": ("red",), "reddish brown": ("red", "brown"), "orange": ("orange", "red", "brown"),
    "yellow": ("yellow",), "dark brown": ("brown", "black"), "brown": ("brown",),
    "light brown": ("brown", "yellow"), "greyish brown": ("grey", "brown"), "pink": ("pink", "red"),
    "pinkish grey": ("pink", "grey", "brown"), "olive": ("green", "brown", "yellow"),
    "yellowish green": ("green", "yellow"), "dark green": ("green",), "green": ("green",), "light green": ("green",),
    "greyish green": ("green", "grey"), "dark blue-green": ("green", "blue"), "blue-green": ("green", "blue"),
    "light blue-green": ("green", "blue"), "dark blue": ("blue",), "blue": ("blue",), "light blue": ("blue",),
    "bluish grey": ("blue", "grey"), "purple": ("purple", "blue", "red", "pink"),
    "purplish grey": ("purple", "grey", "pink", "blue"),
}
COLOUR_TOLERANCE = 4.0  # CIE76 ΔE: twice what is just noticeable on large patches; terms this near count as true
COLOUR_REACH = 16.0  # ΔE within which a term is not safely false
TONES = ("dark", "medium", "bright")
TONE_LIMITS = (36.0, 60.0)  # L*
TEXTURES = ("smooth", "mottled", "rough")
TEXTURE_LIMITS = (2.6, 7.0)  # percent of the brightness range, see ``_roughness``
TEXTURE_LAG = 4  # pixels: the finest level of the encoder
TEXTURE_PIXELS, SHAPE_PIXELS, RING_PIXELS = 60, FEWEST_PIXELS, 60  # regions (rings) with fewer pixels are not judged
ORIENTATIONS = DIRECTIONS
RING_CELLS = 3  # as core_model.network.extractor.surrounding_rings with a reach of 0.05
RING_KNOWN, NEIGHBOUR_FIRST, NEIGHBOUR_STATED, NEIGHBOUR_TRUE = 0.6, 0.3, 0.15, 0.1
CONTENT_STATED = 0.05  # of a region, from which a text tells that it holds a category
NO_SURROUNDINGS = ("solar", "banepa")  # their pictures are labelled at one object only


@dataclass(frozen=True)
class RegionFacts:
    """What may be said of a region; plural fields hold every term that counts as true, None is not judged.

    ``colours_near`` are the terms too near to be called false. ``neighbours`` are (category, share of the ring),
    largest first; ``ring_known`` is the share of the ring whose category is known. ``form`` is what the context may
    tell, also which way a long region runs whose shape is called something else. ``inside`` are (category, share of the
    region), largest first, where that is known; of a ``mixed`` region ``category`` is the first of them.
    """

    category: int
    name: str
    colour: str
    colours: Terms
    colours_near: Terms
    tone: str
    tones: Terms
    texture: Optional[str]
    textures: Terms
    shape: Optional[str]
    shapes: Terms
    orientation: Optional[str]
    orientations: Terms
    area: float
    size: str
    sizes: Terms
    neighbours: Tuple[Tuple[int, float], ...]
    ring_known: float
    form: Form = NO_FORM
    inside: Tuple[Tuple[int, float], ...] = ()
    mixed: bool = False

    @property
    def contents(self) -> Tuple[int, ...]:
        """The categories a text may name as what the region holds, largest share first."""
        return tuple(number for number, share in self.inside if share >= CONTENT_STATED)

    @property
    def stated_neighbours(self) -> Tuple[int, ...]:
        """The categories a text may name as surroundings, largest share first; empty when too little is known."""
        if self.ring_known < RING_KNOWN or not self.neighbours or self.neighbours[0][1] < NEIGHBOUR_FIRST:
            return ()
        return tuple(number for number, share in self.neighbours if share >= NEIGHBOUR_STATED)


class WithFacts:
    """Mixed into what has ``facts`` of regions: the numbers that contexts tell (``training.data.about``)."""

    facts: List[RegionFacts]

    @property
    def areas(self) -> List[float]:
        """The regions' areas in m²."""
        return [own.area for own in self.facts]

    @property
    def forms(self) -> List[Form]:
        """The regions' shapes and directions."""
        return [own.form for own in self.facts]


def region_facts(scene: Scene, region_index: int) -> RegionFacts:
    """Measure one region of a scene, in its picture as it is shown; raises ``ValueError`` for an empty mask."""
    region = scene.regions[region_index]
    box = _box(region.mask)
    mask, pixels = region.mask[box], scene.image[box]
    count = int(mask.sum())
    lab = lab_of(pixels[mask].mean(axis=0, dtype=np.float64))
    texture, textures = (None, frozenset()) if count < TEXTURE_PIXELS else _texture(pixels, mask)
    outline = outline_of_mask(mask) if count >= SHAPE_PIXELS else None
    shape, shapes, orientation, orientations = _NOT_JUDGED if outline is None else _form(outline)
    area = count * scene.gsd**2
    neighbours, known = _neighbours(scene, region.mask, box)
    tone, tones = _graded(lab[0], TONES, TONE_LIMITS, lab[0] - 3, lab[0] + 3)
    size, sizes = _graded(area, SIZES, SIZE_LIMITS, area * 0.95, area * 1.05)
    return RegionFacts(
        region.category, CATEGORIES[region.category].name, colour_term(lab), colours_within(lab, (COLOUR_TOLERANCE,)),
        colours_within(lab, (COLOUR_TOLERANCE, COLOUR_REACH / 2, COLOUR_REACH)), tone, tones, texture, textures,
        shape, shapes, orientation, orientations, area, size, sizes, neighbours, known,
        NO_FORM if outline is None else outline.form(), contents(scene, region.mask), region.mixed,
    )


def _box(mask: Mask) -> Tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise ValueError("The region's mask is empty.")
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _graded(
    value: float, terms: Sequence[str], limits: Sequence[float], low: float, high: float
) -> Tuple[str, Terms]:
    """The term of ``value`` on a scale, and all the terms from ``low`` to ``high``."""
    first, middle, last = (int(np.searchsorted(limits, number, side="right")) for number in (low, value, high))
    return terms[middle], frozenset(terms[first : last + 1])


# Colour

_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = np.array([0.9505, 1.0, 1.089])  # D65
_DIRECTIONS = np.array([
    (x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if (x, y, z) != (0, 0, 0)
], float)
_DIRECTIONS /= np.linalg.norm(_DIRECTIONS, axis=1, keepdims=True)


def lab_of(colour: NDArray[np.float64]) -> NDArray[np.float64]:
    """sRGB 0…255 [3] to CIE L*a*b* (D65) [3]."""
    coded = np.asarray(colour, float) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    ratio = _TO_XYZ @ linear / _WHITE
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def colours_within(lab: NDArray[np.float64], radii: Sequence[float]) -> Terms:
    """The terms of the colours on spheres of these ΔE around ``lab``, and its own."""
    around = [colour_term(lab + radius * direction) for radius in radii for direction in _DIRECTIONS]
    return frozenset(around + [colour_term(lab)])


def colour_term(lab: NDArray[np.float64]) -> str:
    """The word for a colour in L*a*b*, as one would say it of an aerial picture."""
    light, chroma = float(lab[0]), float(np.hypot(lab[1], lab[2]))
    chroma *= 1 + max(0.0, 40 - light) / 50  # the darker a colour, the less chroma it takes to look coloured
    hue = float(np.degrees(np.arctan2(lab[2], lab[1]))) % 360
    if chroma < 5 or light < 9:
        return _shade(light, ("black", "dark grey", "grey", "light grey", "white"), (20, 42, 66, 88))
    if hue < 26 or hue >= 335:
        return _rosy(light, chroma, hue)
    if hue < 102:
        return _earthy(light, chroma, hue)
    if hue < 232:
        return _green(light, chroma, hue)
    if hue < 292:
        if chroma < 14:
            return "dark grey" if light < 25 and chroma < 8 else "bluish grey"
        return _shade(light, ("dark blue", "blue", "light blue"), (36, 62))
    return "purplish grey" if chroma < 18 else "purple"


def _shade(light: float, terms: Sequence[str], limits: Sequence[float]) -> str:
    return terms[int(np.searchsorted(limits, light, side="right"))]


def _rosy(light: float, chroma: float, hue: float) -> str:
    if chroma >= 35 and light < 62 and hue < 90:
        return "red"
    if light < 50 and chroma < 9:
        return "dark grey" if light < 34 else "greyish brown"
    if light < 50:
        return "reddish brown" if light >= 22 else "dark brown"
    return "pinkish grey" if chroma < 11 else "pink"


def _earthy(light: float, chroma: float, hue: float) -> str:
    if chroma < 9:
        return "dark brown" if light < 28 else "greyish brown"
    if chroma >= 42 and hue < 38 and light < 65:
        return "red"
    if chroma >= 45 and light >= 50:
        return "orange" if hue < 75 else "yellow"
    if light < 28:
        return "dark brown"
    if light < 58:
        return "reddish brown" if hue < 48 else "brown"
    return "light brown"


def _green(light: float, chroma: float, hue: float) -> str:
    if chroma < 8:
        return "dark green" if light < 28 else "greyish green" if hue < 195 else "bluish grey"
    if hue < 118:
        return "dark green" if light < 26 else "olive" if light < 62 else "yellowish green"
    if hue < 182:
        return _shade(light, ("dark green", "green", "light green"), (40, 62))
    return _shade(light, ("dark blue-green", "blue-green", "light blue-green"), (38, 62))


# Texture, shape and size

def _texture(pixels: NDArray[np.uint8], mask: Mask) -> Tuple[str, Terms]:
    rough = _roughness(pixels, mask)
    return _graded(rough, TEXTURES, TEXTURE_LIMITS, rough * 0.87, rough * 1.15)


def _roughness(pixels: NDArray[np.uint8], mask: Mask) -> float:
    """Deviation of brightness between pixels of the region ``TEXTURE_LAG`` apart, in percent of the range.

    Pairs that straddle the region's edge do not count, so its contrast with the surroundings plays no part.
    """
    bright = pixels @ np.array([0.299, 0.587, 0.114], np.float32) * (100 / 255)
    total, pairs = 0.0, 0
    for values, inside in ((bright, mask), (bright.T, mask.T)):
        both = inside[TEXTURE_LAG:] & inside[:-TEXTURE_LAG]
        step = (values[TEXTURE_LAG:] - values[:-TEXTURE_LAG])[both]
        total, pairs = total + float(step @ step), pairs + len(step)
    return float(np.sqrt(total / max(pairs, 1) / 2))


_NOT_JUDGED: Tuple[Optional[str], Terms, Optional[str], Terms] = (None, frozenset(), None, frozenset())


def form(mask: Mask) -> Tuple[Optional[str], Terms, Optional[str], Terms]:
    """Shape and, when elongated, orientation of a mask, with the accepted terms of both."""
    return _form(outline_of_mask(mask))


def _form(outline: Outline) -> Tuple[Optional[str], Terms, Optional[str], Terms]:
    shape, shapes = shape_term(outline), _shape_terms(outline)
    if shape != "elongated":
        return shape, shapes, None, frozenset()
    near = [compass(outline.angle + shift) for shift in (-8, 0, 8)]
    return shape, shapes, near[1], frozenset(near)


def _shape_terms(outline: Outline) -> Terms:
    """Every shape word that is fair: they overlap (a square is rectangular and compact) and their limits are soft."""
    ratio, solidity, fill = outline.ratio, outline.solidity, outline.fill
    fair = {
        "elongated": ratio >= 1.75,
        "irregular": solidity < 0.86,
        "rectangular": fill >= 0.82,
        "square": fill >= 0.82 and ratio < 1.25,
        "round": solidity >= 0.88 and ratio < 1.4 and outline.roundness >= 0.96,
        "compact": ratio < 2.1 and solidity >= 0.76,
    }
    return frozenset(term for term, holds in fair.items() if holds)


# Surroundings

def _neighbours(scene: Scene, mask: Mask, box: Tuple[slice, slice]) -> Tuple[Tuple[Tuple[int, float], ...], float]:
    """The categories' shares of the ring around a region, largest first, and the share of the ring that is known."""
    if scene.source in NO_SURROUNDINGS:
        return (), 0.0
    window, ring = _ring(mask, box)
    categories = np.where(scene.valid[window], scene.categories[window], UNKNOWN)[ring]
    if len(categories) < RING_PIXELS:
        return (), 0.0
    return _shares(categories), float((categories != UNKNOWN).mean())


def contents(scene: Scene, mask: Mask) -> Tuple[Tuple[int, float], ...]:
    """The categories' shares of a region, largest first; none where only objects are labelled."""
    if scene.source in NO_SURROUNDINGS:
        return ()
    return _shares(np.where(scene.valid[mask], scene.categories[mask], UNKNOWN))


def _shares(categories: NDArray[np.int16]) -> Tuple[Tuple[int, float], ...]:
    """How much of the pixels is of each category that is seen, largest first."""
    counts = np.bincount(categories[categories != UNKNOWN], minlength=1)
    order: List[int] = [number for number in np.argsort(-counts, kind="stable").tolist() if counts[number]]
    return tuple((number, float(counts[number] / len(categories))) for number in order)


def _ring(mask: Mask, box: Tuple[slice, slice]) -> Tuple[Tuple[slice, slice], Mask]:
    """The pixels of the extractor's ring, within the window of the picture that holds it all."""
    step = mask.shape[0] // RING_GRID
    reach = RING_CELLS + 1
    spans = [(max(0, part.start // step - reach), min(RING_GRID, -(-part.stop // step) + reach)) for part in box]
    window = slice(spans[0][0] * step, spans[0][1] * step), slice(spans[1][0] * step, spans[1][1] * step)
    inside = mask[window]
    cells = inside.reshape(inside.shape[0] // step, step, inside.shape[1] // step, step).any(axis=(1, 3))
    grown = ndimage.maximum_filter(cells.astype(np.uint8), 2 * RING_CELLS + 1, mode="constant").astype(bool)
    return window, grown.repeat(step, axis=0).repeat(step, axis=1) & ~inside


def scene_facts(scene: Scene) -> List[RegionFacts]:
    """The facts of all the regions of a scene, in their order."""
    return [region_facts(scene, number) for number in range(len(scene.regions))]
