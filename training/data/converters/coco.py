"""COCO-format instances: COCO itself, iSAID, and DIOR or SAMRS where they are given in that format."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from training.data.converters.base import Origin, Report, category_turns, list_of, load_json, text_of
from training.data.converters.shapes import box_region, segmentation_region
from training.data.manifest.record import ManifestError, Record, RegionEntry

CROWDS = "annotations of crowds, which outline no single object"


def coco(path: Path, origin: Origin, report: Report) -> Iterator[Record]:
    """``{"images", "annotations", "categories"}``: one record a picture, one region an annotation."""
    values = load_json(path, dict)
    names = _names(values)
    by_image = annotations_by_image(values, report)
    for number, image in enumerate(list_of(values, "images"), 1):
        try:
            found = by_image.pop(_key(image, "id"), [])
            regions = tuple(_regions(found, names, report))
            name = text_of(image, "file_name")
            yield origin.record(
                f"{number}-{Path(name).stem}", name, width=image.get("width"), height=image.get("height"),
                regions=regions, conversations=category_turns(regions))
        except ManifestError as error:
            report.problem(f"image {number}", str(error))
    for image_id, left in by_image.items():
        report.problem(f"image_id {image_id}", f"{len(left)} annotation(s) belong to a picture that is not listed")


def annotations_by_image(values: Mapping[str, Any], report: Report) -> Dict[Any, List[Tuple[int, Mapping[str, Any]]]]:
    """The annotations of each picture with their numbers."""
    found: Dict[Any, List[Tuple[int, Mapping[str, Any]]]] = {}
    for number, annotation in enumerate(list_of(values, "annotations"), 1):
        try:
            found.setdefault(_key(annotation, "image_id"), []).append((number, annotation))
        except ManifestError as error:
            report.problem(f"annotation {number}", str(error))
    return found


def _key(values: Any, name: str) -> Any:
    if not isinstance(values, Mapping) or not isinstance(values.get(name), (int, str)):
        raise ManifestError(f"'{name}' is missing")
    return values[name]


def _names(values: Mapping[str, Any]) -> Dict[Any, str]:
    return {_key(entry, "id"): text_of(entry, "name") for entry in list_of(values, "categories")}


def _regions(
    annotations: List[Tuple[int, Mapping[str, Any]]], names: Mapping[Any, str], report: Report
) -> Iterator[RegionEntry]:
    for number, annotation in annotations:
        if annotation.get("iscrowd"):
            report.note(CROWDS)
            continue
        try:
            yield region_of(annotation, _label(annotation, names))
        except ManifestError as error:
            report.problem(f"annotation {number}", str(error))


def _label(annotation: Mapping[str, Any], names: Mapping[Any, str]) -> str:
    number = annotation.get("category_id")
    if number not in names:
        raise ManifestError(f"its category_id {number!r} is not listed in 'categories'")
    return names[number]


def region_of(annotation: Mapping[str, Any], label: str) -> RegionEntry:
    """An annotation's segmentation, or its box (left, top, width, height) where it has none."""
    if annotation.get("segmentation"):
        return segmentation_region(annotation["segmentation"], label)
    box = annotation.get("bbox")
    if isinstance(box, list) and len(box) == 4 and all(isinstance(value, (int, float)) for value in box):
        return box_region(box[0], box[1], box[0] + box[2], box[1] + box[3], label)
    raise ManifestError("it has neither a segmentation nor a box")
