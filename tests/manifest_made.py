"""Small pictures, records and manifests for the tests of the training data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
from PIL import Image

from training.data.converters.base import Origin, Report
from training.data.manifest.record import Record
from training.data.manifest.store import read


def write_picture(path: Path, width: int = 40, height: int = 30, seed: int = 0) -> Path:
    """A picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def write_json(path: Path, values: Any) -> Path:
    """A JSON file, with the folders it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def record_values(**changes: Any) -> Dict[str, Any]:
    """A right record, with changes; a value of None takes the field away."""
    values: Dict[str, Any] = {
        "id": "one", "image": "pictures/a.png", "width": 40, "height": 30, "gsd": 0.5, "source": "made",
        "licence": "CC0-1.0", "place": "here", "split": "train",
        "regions": [
            {"label": "roof", "polygons": [[4, 4, 20, 4, 20, 14, 4, 14]]}, {"label": "yard", "box": [20, 4, 30, 20]}],
        "conversations": [
            {"kind": "category", "regions": [0], "turns": [{"instruction": "What is <region>?", "answer": "roof"}]},
            {"kind": "compare", "regions": [1, 0], "turns": [
                {"instruction": "Which is larger, <region1> or <region2>?", "answer": "About the same."},
                {"instruction": "Which lies to the west?", "answer": "The second."}]},
        ],
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def write_manifest(path: Path, *values: Dict[str, Any]) -> Path:
    """A manifest of these records, with the picture that they name."""
    write_picture(path.parent / "pictures" / "a.png")
    path.write_text("".join(json.dumps(entry) + "\n" for entry in values), encoding="utf-8")
    return path


def origin(folder: Path, **more: Any) -> Origin:
    """Pictures in ``folder``/pictures, the manifest in ``folder``."""
    return Origin("made", "CC0-1.0", folder / "pictures", folder / "out.jsonl", **more)


def good_records(path: Path) -> List[Record]:
    """All records of a manifest, none of them wrong."""
    found = [record for _, record in read(path)]
    assert all(isinstance(record, Record) for record in found), found
    return found  # type: ignore[return-value]


def problems(report: Report) -> Dict[str, str]:
    """The problems of a report by record."""
    return dict(report.problems)
