"""RefCOCO, RefCOCO+ and RefCOCOg: the pickled references, ``refs(unc).p``, with COCO's ``instances.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from training.data.converters.base import Origin, Report, exchange, list_of, load_json, text_of
from training.data.converters.boxes import PHRASE
from training.data.converters.coco import region_of
from training.data.converters.pickles import load_plain
from training.data.manifest.record import ConversationEntry, ManifestError, Record, RegionEntry

_SPLITS = {"train": "train", "val": "val", "test": "test", "testA": "test", "testB": "test"}
Reference = Tuple[int, Mapping[str, Any]]


def refcoco(references: Path, instances: Path, origin: Origin, report: Report) -> Iterator[Record]:
    """One record a picture and split, one region a reference, and every sentence as its description."""
    values = load_json(instances, dict)
    names = {entry["id"]: text_of(entry, "name") for entry in list_of(values, "categories")}
    annotations = {entry["id"]: entry for entry in list_of(values, "annotations")}
    images = {entry["id"]: entry for entry in list_of(values, "images")}
    groups: Dict[Tuple[Any, str], List[Reference]] = {}
    for number, reference in enumerate(_references(references), 1):
        try:
            split = text_of(reference, "split")
            if split not in _SPLITS:
                raise ManifestError(f"its split {split!r} is unknown")
            groups.setdefault((reference.get("image_id"), split), []).append((number, reference))
        except ManifestError as error:
            report.problem(f"reference {number}", str(error))
    for (image_id, split), group in groups.items():
        try:
            regions, conversations = _described(group, annotations, names, report)
            image = images.get(image_id)
            if image is None:
                raise ManifestError(f"its image_id {image_id} is not in {instances.name}")
            yield origin.record(
                f"{image_id}-{split}", text_of(image, "file_name"), width=image.get("width"),
                height=image.get("height"), split=_SPLITS[split], regions=tuple(regions),
                conversations=tuple(conversations), place=str(image_id), extra={"subset": split})
        except ManifestError as error:
            report.problem(f"reference {group[0][0]}", str(error))


def _references(path: Path) -> List[Mapping[str, Any]]:
    found = load_plain(path)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ManifestError(f"{path} must hold a list of references")
    return found


def _described(
    group: List[Reference], annotations: Mapping[Any, Mapping[str, Any]], names: Mapping[Any, str], report: Report
) -> Tuple[List[RegionEntry], List[ConversationEntry]]:
    regions: List[RegionEntry] = []
    conversations: List[ConversationEntry] = []
    for number, reference in group:
        try:
            annotation = annotations.get(reference.get("ann_id"))
            if annotation is None:
                raise ManifestError(f"its ann_id {reference.get('ann_id')} is not among the instances")
            sentences = [_sentence(entry) for entry in reference.get("sentences", [])]
            if not sentences:
                raise ManifestError("it has no sentences")
            regions.append(region_of(annotation, names.get(reference.get("category_id"), "")))
        except ManifestError as error:
            report.problem(f"reference {number}", str(error))
            continue
        conversations += [
            exchange("referring", [(PHRASE, text)], [len(regions) - 1]) for text in dict.fromkeys(sentences)]
    if not regions:
        raise ManifestError("none of the references to its picture can be used")
    return regions, conversations


def _sentence(entry: Mapping[str, Any]) -> str:
    """The sentence as written, or in its cleaned form."""
    return text_of(entry, "raw" if isinstance(entry, Mapping) and entry.get("raw") else "sent")
