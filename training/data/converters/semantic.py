"""Semantic masks by number or colour: LoveDA, OpenEarthMap, FLAIR, Dubai, SAMRS, and any other with a class table."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from core_model.errors import RasterError
from training.data.converters.base import Origin, Report, category_turns
from training.data.converters.classes import ClassTable, is_image_folder, is_mask_folder
from training.data.manifest import rle
from training.data.manifest.record import ManifestError, Record, RegionEntry

SMALLEST = 40  # pixels; connected regions with fewer are left out and counted
_NO_DATA = -(1 << 31)  # no class table can list it
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_PREFIXES = ("IMG_", "MSK_")


def semantic(
    masks: Path, table: ClassTable, origin: Origin, report: Report, smallest: int = SMALLEST
) -> Iterator[Record]:
    """Pictures under ``origin.images`` with the masks of the same name under ``masks``; both may be one folder."""
    for folder in (origin.images, masks):
        if not folder.is_dir():
            raise ManifestError(f"there is no folder {folder}")
    pictures, found = _by_key(origin.images, is_mask_folder), _by_key(masks, is_image_folder)
    if not pictures:
        raise ManifestError(f"{origin.images} holds no pictures")
    for key, path in pictures.items():
        try:
            if key not in found or found[key] == path:
                raise ManifestError("it has no mask of its name")
            yield _record(key, path, found.pop(key), table, origin, report, smallest)
        except ManifestError as error:
            report.problem(path.relative_to(origin.images).as_posix(), str(error))
    for path in found.values():
        if path not in pictures.values():
            report.problem(path.relative_to(masks).as_posix(), "the mask has no picture of its name")


def _by_key(folder: Path, is_other: Callable[[str], bool]) -> Dict[str, Path]:
    """Pictures by what they have in common with their masks: their path less the folders and prefixes that differ."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.suffix.lower() in _PICTURES and not any(is_other(part) for part in parts[:-1]):
            kept = [part for part in parts[:-1] if not is_image_folder(part) and not is_mask_folder(part)]
            stem = path.stem
            for prefix in _PREFIXES:
                stem = stem[len(prefix):] if stem.startswith(prefix) else stem
            found["/".join([*kept, stem])] = path
    return found


def _record(
    key: str, picture: Path, mask: Path, table: ClassTable, origin: Origin, report: Report, smallest: int
) -> Record:
    labels, names = read_labels(mask, table)
    regions = tuple(region_entries(labels, names, report, smallest))
    height, width = labels.shape
    place = key.split("/", 1)[0] if table.place == "top" and "/" in key else ""
    return origin.record(
        key, picture.relative_to(origin.images).as_posix(), width=width, height=height,
        gsd=origin.gsd or table.gsd, regions=regions, conversations=category_turns(regions), place=place)


def read_labels(path: Path, table: ClassTable) -> Tuple[NDArray[np.int16], List[str]]:
    """Each pixel's place in the list of class names, −1 unlabelled; raises ``ManifestError`` for other values."""
    values = _read_mask(path, bool(table.colours))
    if table.colours:
        codes = values.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
        known = {_packed(colour): name for colour, name in table.colours.items()}
        unlabelled = {_packed(colour) for colour in table.unlabelled_colours}
    else:
        codes, known, unlabelled = values.astype(np.int32), dict(table.codes), {*table.unlabelled, _NO_DATA}
    names = list(dict.fromkeys(known.values()))
    labels = np.full(codes.shape, -1, np.int16)
    present = np.unique(codes).tolist()
    strange = [code for code in present if code not in known and code not in unlabelled]
    if strange:
        shown = ", ".join(f"{code:06X}" if table.colours else str(code) for code in strange[:5])
        raise ManifestError(f"its mask {path.name} holds {shown}, which the class table does not list")
    for code in present:
        if code in known:
            labels[codes == code] = names.index(known[code])
    return labels, names


def _packed(colour: Tuple[int, int, int]) -> int:
    return (colour[0] << 16) + (colour[1] << 8) + colour[2]


def _read_mask(path: Path, coloured: bool) -> NDArray:
    """Numbers [h, w], or colours uint8 [h, w, 3]; a palette's numbers are its classes, its colours their looks."""
    if path.suffix.lower() in (".tif", ".tiff") and not coloured:
        return _read_band(path)
    try:
        with Image.open(path) as picture:
            if coloured:
                return np.asarray(picture.convert("RGB"))
            if picture.mode not in ("L", "P", "1", "I;16", "I"):
                raise ManifestError(f"its mask {path.name} has colours; this class table goes by numbers")
            return np.asarray(picture)
    except OSError as error:
        raise ManifestError(f"its mask {path.name} cannot be read ({error})") from None


def _read_band(path: Path) -> NDArray:
    from core_model.geo.gdal_raster import GdalRaster  # noqa: PLC0415 (GDAL is loaded for rasters only)
    from core_model.geo.source import Window  # noqa: PLC0415

    try:
        with GdalRaster(str(path)) as raster:
            values, valid = raster.read(
                Window(0, 0, raster.width, raster.height), (raster.height, raster.width), (1,))
    except RasterError as error:
        raise ManifestError(f"its mask {path.name} cannot be read ({error})") from None
    return np.where(valid, values[0].astype(np.int32), _NO_DATA)


def region_entries(
    labels: NDArray[np.int16], names: List[str], report: Report, smallest: int
) -> Iterator[RegionEntry]:
    """The connected regions of every class as run lengths."""
    for place, name in enumerate(names):
        numbered, count = ndimage.label(labels == place)
        sizes = np.bincount(numbered.ravel(), minlength=count + 1)
        for number, box in enumerate(ndimage.find_objects(numbered), 1):
            if sizes[number] < smallest:
                report.note(f"connected regions of fewer than {smallest} pixels")
                continue
            rows, columns = np.nonzero(numbered[box] == number)
            size = labels.shape[0], labels.shape[1]
            yield RegionEntry(name, rle=rle.encode_pixels(rows + box[0].start, columns + box[1].start, size))
