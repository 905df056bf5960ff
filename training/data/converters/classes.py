"""What the numbers and colours of published masks stand for, and a user's own table of the same kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, FrozenSet, Mapping, Optional, Tuple

from training.data.converters.base import load_json
from training.data.manifest.record import ManifestError
from training.data.sources import DUBAI_COLOURS

Colour = Tuple[int, int, int]
_IMAGE_FOLDERS = ("images", "images_png", "img", "aerial", "flair_aerial_train", "flair_aerial_test")
_MASK_FOLDERS = ("masks", "masks_png", "labels", "msk", "gray", "flair_labels_train", "flair_labels_test")


@dataclass(frozen=True)
class ClassTable:
    """Classes by number or by colour; ``unlabelled`` are those that stand for nothing in particular.

    ``place`` (``folder``, ``top`` or "") says which part of a picture's path names its place.
    """

    codes: Mapping[int, str] = field(default_factory=dict)
    colours: Mapping[Colour, str] = field(default_factory=dict)
    unlabelled: FrozenSet[int] = frozenset()
    unlabelled_colours: FrozenSet[Colour] = frozenset()
    licence: str = ""
    gsd: Optional[float] = None
    place: str = ""


def _numbered(first: int, names: str) -> Dict[int, str]:
    return dict(enumerate(names.split(", "), first))


TABLES: Dict[str, ClassTable] = {
    "loveda": ClassTable(
        _numbered(2, "building, road, water, barren land, forest, agricultural land"),
        unlabelled=frozenset((0, 1)), licence="CC-BY-NC-SA-4.0", gsd=0.3),
    "openearthmap": ClassTable(
        _numbered(1, "bare land, rangeland, developed space, road, tree, water, agricultural land, building"),
        unlabelled=frozenset((0,)), licence="CC-BY-NC-SA-4.0", place="top"),
    "flair": ClassTable(
        _numbered(
            1, "building, pervious surface, impervious surface, bare soil, water, coniferous trees, deciduous trees, "
            "brushwood, vineyard, herbaceous vegetation, agricultural land, plowed land, swimming pool, snow, "
            "clear cut, mixed trees, ligneous vegetation, greenhouse"),
        unlabelled=frozenset((0, 19)), licence="etalab-2.0", gsd=0.2, place="top"),
    "dubai": ClassTable(
        colours={colour: "unpaved land" if name == "land" else name for name, colour in DUBAI_COLOURS.items()},
        unlabelled_colours=frozenset(((0x9B, 0x9B, 0x9B),)), licence="CC0-1.0", place="top"),
    "samrs-sota": ClassTable(
        _numbered(
            0, "large vehicle, swimming pool, helicopter, bridge, plane, ship, soccer ball field, basketball court, "
            "ground track field, small vehicle, baseball diamond, tennis court, roundabout, storage tank, harbour, "
            "container crane, airport, helipad"),
        unlabelled=frozenset((255,)), licence="CC-BY-NC-4.0"),
    "samrs-sior": ClassTable(
        _numbered(
            0, "airplane, airport, baseball field, basketball court, bridge, chimney, expressway service area, "
            "expressway toll station, dam, golf field, ground track field, harbour, overpass, ship, stadium, "
            "storage tank, tennis court, train station, vehicle, windmill"),
        unlabelled=frozenset((255,)), licence="CC-BY-NC-4.0"),
}


def class_table(name: str) -> ClassTable:
    """A published set's table, or that of a JSON file: ``codes`` or ``colours`` with names, and ``unlabelled``.

    Raises ``ManifestError`` for a name or file that is none.
    """
    if name in TABLES:
        return TABLES[name]
    if not name.endswith(".json"):
        raise ManifestError(f"no class table is called {name!r}; use one of {', '.join(TABLES)}, or a .json file")
    values = load_json(Path(name), dict)
    codes, colours = values.get("codes", {}), values.get("colours", {})
    if not isinstance(codes, dict) or not isinstance(colours, dict) or bool(codes) == bool(colours):
        raise ManifestError(f"{name} must hold either 'codes' or 'colours', each with the class names")
    unlabelled = values.get("unlabelled", [])
    if not isinstance(unlabelled, list):
        raise ManifestError(f"'unlabelled' of {name} must be a list")
    if colours:
        return ClassTable(
            colours={_colour(name, text): str(label) for text, label in colours.items()},
            unlabelled_colours=frozenset(_colour(name, text) for text in unlabelled))
    return ClassTable(
        {_code(name, text): str(label) for text, label in codes.items()},
        unlabelled=frozenset(_code(name, text) for text in unlabelled))


def _code(name: str, text: Any) -> int:
    try:
        return int(text)
    except (TypeError, ValueError):
        raise ManifestError(f"{name}: {text!r} is no class number") from None


def _colour(name: str, text: Any) -> Colour:
    try:
        value = bytes.fromhex(str(text).lstrip("#"))
        return value[0], value[1], value[2]
    except (ValueError, IndexError):
        raise ManifestError(f"{name}: {text!r} is no colour; write it as 6EC1E4") from None


def is_image_folder(part: str) -> bool:
    """Whether a folder's name says that it holds pictures."""
    return part in _IMAGE_FOLDERS


def is_mask_folder(part: str) -> bool:
    """Whether a folder's name says that it holds masks."""
    return part in _MASK_FOLDERS
