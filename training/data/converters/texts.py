"""Image–text sets: LLaVA-style JSON, caption sets in Karpathy's layout, and tables of file names with captions."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

from training.data.converters.base import Origin, Report, exchange, list_of, load_json, text_of
from training.data.converters.chats import turns_of
from training.data.manifest.record import ManifestError, Record
from training.data.manifest.store import in_utf8

QUESTIONS = ("Describe the picture.", "What does the picture show?", "What is in the picture?")
IMAGE_COLUMNS = ("img_name", "image_name", "image", "filename", "file_name", "filepath", "path")
TEXT_COLUMNS = ("caption", "text", "blip_caption", "title", "description")
_SPLITS = {"train": "train", "restval": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def llava(path: Path, origin: Origin, report: Report) -> Iterator[Record]:
    """LLaVA's list of ``{"id", "image", "conversations"}`` (CC3M-595K's chat.json and every set made like it)."""
    for number, values in enumerate(load_json(path), 1):
        try:
            image = text_of(values, "image")
            turns = [(_without_regions(asked), answer) for asked, answer in turns_of(values)]
            yield origin.record(f"{number}-{text_of(values, 'id')}", image, conversations=(exchange("picture", turns),))
        except ManifestError as error:
            report.problem(number, str(error))


def _without_regions(text: str) -> str:
    if "<region" in text:
        raise ManifestError("its text names regions, but this layout has none; convert it with another format")
    return text


def captions(path: Path, origin: Origin, report: Report) -> Iterator[Record]:
    """Karpathy's layout, ``{"images": [{"filename", "sentences": [{"raw"}], "split"}]}``: RSICD, UCM and Sydney."""
    for number, values in enumerate(list_of(load_json(path, dict), "images"), 1):
        try:
            image = text_of(values, "filename")
            texts = [text_of(sentence, "raw") for sentence in list_of(values, "sentences")]
            unique = list(dict.fromkeys(texts))
            report.note("captions that repeat another of their picture", len(texts) - len(unique))
            yield origin.record(
                f"{number}-{Path(image).stem}", image, split=_split(values.get("split")),
                conversations=_captions(unique))
        except ManifestError as error:
            report.problem(number, str(error))


def _captions(texts: Sequence[str]) -> Any:
    if not texts:
        raise ManifestError("it has no sentences")
    return tuple(
        exchange("picture", [(QUESTIONS[place % len(QUESTIONS)], text)]) for place, text in enumerate(texts))


def _split(name: object) -> str:
    if name is None:
        return ""
    if name not in _SPLITS:
        raise ManifestError(f"its split {name!r} is unknown")
    return _SPLITS[str(name)]


def table(
    path: Path, origin: Origin, report: Report, image_column: Optional[str] = None, text_column: Optional[str] = None,
) -> Iterator[Record]:
    """A CSV or TSV with one picture and caption a row, as RS5M's; the columns are found by their usual names."""
    if not path.is_file():
        raise ManifestError(f"there is no file {path}")
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with in_utf8(path):
        yield from _rows(path, origin, report, image_column, text_column)


def _rows(
    path: Path, origin: Origin, report: Report, image_column: Optional[str], text_column: Optional[str]
) -> Iterator[Record]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t" if path.suffix.lower() in (".tsv", ".tab") else ",")
        names = list(rows.fieldnames or [])
        image_name = _column(path, names, image_column, IMAGE_COLUMNS, "--image-column")
        text_name = _column(path, names, text_column, TEXT_COLUMNS, "--text-column")
        for number, row in enumerate(rows, 1):
            yield from _row(number, row, image_name, text_name, origin, report)


def _row(
    number: int, row: Dict[str, Any], image_name: str, text_name: str, origin: Origin, report: Report
) -> Iterator[Record]:
    try:
        if None in row or None in row.values():
            raise ManifestError("it has more or fewer columns than the header")
        image, text = text_of(row, image_name), text_of(row, text_name)
        yield origin.record(
            f"{number}-{Path(image).stem}", image,
            conversations=(exchange("picture", [(QUESTIONS[number % len(QUESTIONS)], text)]),))
    except ManifestError as error:
        report.problem(number, str(error))


def _column(path: Path, names: List[str], wanted: Optional[str], usual: Sequence[str], option: str) -> str:
    found = [name for name in ([wanted] if wanted else usual) if name in names]
    if not found:
        raise ManifestError(f"{path} has the columns {', '.join(names) or 'none'}; say with {option} which one to take")
    return found[0]

