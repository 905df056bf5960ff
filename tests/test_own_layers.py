"""Adapting a model to one's own layers: windows, classes, places kept apart, and the folder at the end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import List, Tuple

import numpy as np
import pytest

from core_model.checkpoint import load_model
from tests.geo_helpers import write_raster
from tests.tiny import save_tiny
from training.data.converters.gis import Layers
from training.data.manifest.masks import record_masks
from training.data.manifest.record import Record
from training.errors import TrainingError
from training.own_layers import FULL, Wanted, adapt, apart, classes_of, windows

SIDE, STEP = 384, 48


def _layers(folder: Path) -> Layers:
    """Bright roofs in the north, dark ones in the south, in a field of numbers."""
    pixels = np.full((3, SIDE, SIDE), 100, np.uint8)
    features = []
    for top in range(12, SIDE - STEP, STEP):
        for left in range(12, SIDE - STEP, STEP):
            bright = top < SIDE / 2
            pixels[:, top : top + 20, left : left + 24] = 220 if bright else 30
            ring = [[500000 + x, 5800000 - y] for x, y in (
                (left, top), (left + 24, top), (left + 24, top + 20), (left, top + 20), (left, top))]
            features.append({"type": "Feature", "properties": {"sort": 1 if bright else 2},
                             "geometry": {"type": "Polygon", "coordinates": [ring]}})
    layer = {"type": "FeatureCollection", "features": features,
             "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}}
    (folder / "roofs.geojson").write_text(json.dumps(layer), encoding="utf-8")
    return Layers(str(write_raster(folder / "roofs.tif", pixels)), str(folder / "roofs.geojson"), "sort")


def _labels(found: List[Record]) -> List[str]:
    return [region.label for record in found for region in record.regions]


def test_values_become_words_and_others_are_left_out(tmp_path: Path) -> None:
    """A class is spoken of as the user says; without --classes a value is its own name."""
    wanted = Wanted(_layers(tmp_path), tmp_path / "all")
    assert set(_labels(windows(wanted, 64))) == {"1", "2"}
    named = replace(wanted, out=tmp_path / "named", classes=(("1", "light roof"),))
    found = windows(named, 64)
    assert set(_labels(found)) == {"light roof"}
    with pytest.raises(TrainingError, match="--background"):
        classes_of(found)


def test_background_lies_beside_every_polygon(tmp_path: Path) -> None:
    """The ground that a layer of one class leaves free becomes a class of its own."""
    roofs = (("1", "roof"), ("2", "roof"))
    wanted = Wanted(_layers(tmp_path), tmp_path / "out", classes=roofs, background="open ground")
    found = windows(wanted, 64)
    assert [entry.name for entry in classes_of(found)] == ["open ground", "roof"]
    for record in found:
        masks = record_masks(record)
        ground = np.array([region.label == "open ground" for region in record.regions])
        assert not (masks[ground].any(axis=0) & masks[~ground].any(axis=0)).any()
    assert _labels(found).count("open ground") > 0.5 * _labels(found).count("roof")


def test_places_are_kept_apart_whole(tmp_path: Path) -> None:
    """About a quarter of the windows is measured on, and no place is on both sides."""
    train, test = apart(windows(Wanted(_layers(tmp_path), tmp_path / "out"), 64))
    assert not {record.place for record in train} & {record.place for record in test}
    assert 0.2 <= len(test) / (len(train) + len(test)) < 0.5
    with pytest.raises(TrainingError, match="one place"):
        apart([replace(record, place="here") for record in train])


@pytest.mark.parametrize("names", [(("1", "light roof"), ("2", "dark roof"))])
def test_a_folder_comes_of_it(tmp_path: Path, names: Tuple[Tuple[str, str], ...]) -> None:
    """Two steps on the layers: the rates are of the regions kept apart, and the folder loads under its new name."""
    start = save_tiny(tmp_path / "start")
    wanted = Wanted(_layers(tmp_path), tmp_path / "roofs", str(start), names, rounds=2, device="cpu")
    stage = replace(FULL, steps=2, scenes_per_batch=4, turns_per_region=1, pairs_per_region=0)
    before, after = adapt(wanted, stage)
    assert before.regions == after.regions > 5 and 0.5 <= before.most_frequent < 1
    loaded = load_model(str(tmp_path / "roofs" / "model"), device="cpu")
    assert loaded.name == "roofs" and "light roof" in (tmp_path / "roofs" / "model" / "README.md").read_text()
