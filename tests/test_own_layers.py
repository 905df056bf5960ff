"""Adapting a model to one's own layers: windows, classes, places kept apart, and the folder at the end."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
import pytest

from core_model.checkpoint import load_model
from core_model.errors import AquilaError
from tests.geo_helpers import write_raster
from tests.tiny import save_tiny
from training.data.converters.gis import Layers
from training.data.manifest.masks import record_masks
from training.data.manifest.reader import sample
from training.data.manifest.record import Record
from training.errors import TrainingError
from training.own_layers import FULL, adapt, main, rates, table
from training.own_windows import Wanted, apart, claim_of, classes_of, labelled_claim, seen_in_training, windows

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


def _labels(found: Sequence[Record]) -> List[str]:
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


def test_background_is_ground_alone(tmp_path: Path) -> None:
    """Neither polygons of other windows, nor those that --classes leaves out, nor what lies beyond the raster."""
    wanted = Wanted(_layers(tmp_path), tmp_path / "out", classes=(("1", "roof"),), background="open ground")
    seen = [
        sample(record, wanted.out / "data").image[mask] for record in windows(wanted, 64)
        for mask, region in zip(record_masks(record), record.regions) if region.label == "open ground"]
    assert len(seen) > 5 and max(int(np.ptp(pixels)) for pixels in seen) <= 2


def test_a_value_that_is_no_word_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A dash stands for "unknown" in many tables."""
    layers = _layers(tmp_path)
    features = json.loads(Path(layers.polygons).read_text())
    for number, feature in enumerate(features["features"]):
        feature["properties"] = {"sort": "-" if number == 3 else f"kind {feature['properties']['sort']}"}
    Path(layers.polygons).write_text(json.dumps(features))
    assert set(_labels(windows(Wanted(layers, tmp_path / "out"), 64))) == {"kind 1", "kind 2"}
    assert "its sort is '-', which is no word" in caplog.text


def test_places_are_kept_apart_whole(tmp_path: Path) -> None:
    """About a quarter of the windows is measured on, and no place is on both sides."""
    train, test = apart(windows(Wanted(_layers(tmp_path), tmp_path / "out"), 64))
    assert not {record.place for record in train} & {record.place for record in test}
    assert 0.2 <= len(test) / (len(train) + len(test)) < 0.5
    with pytest.raises(TrainingError, match="one place"):
        apart([replace(record, place="here") for record in train])


def test_no_window_to_train_on_shows_a_held_out_polygon(tmp_path: Path) -> None:
    """Windows overlap, so some of the other places do; they stay only where too few would be left."""
    found = windows(Wanted(_layers(tmp_path), tmp_path / "out"), 64)
    train, test = apart(found)
    neighbours = [record for record in found if record not in train and record not in test]
    assert neighbours and not {record.place for record in neighbours} & {record.place for record in test}
    assert seen_in_training(train, test) == 0 < seen_in_training(neighbours, test)
    wide = [replace(record, extra={"window": [-SIDE, -SIDE, 3 * SIDE, 3 * SIDE]}) for record in found]
    train, test = apart(wide)
    assert len(train) + len(test) == len(found) and seen_in_training(train, test) == len(_labels(test))


def test_values_that_differ_in_capitals_are_one_class(tmp_path: Path) -> None:
    """Or a class would be told from itself."""
    wanted = Wanted(_layers(tmp_path), tmp_path / "out", classes=(("1", "Tin"), ("2", "tin")))
    found = windows(wanted, 64)
    assert set(_labels(found)) == {"tin"}
    with pytest.raises(TrainingError, match="one class, 'tin'"):
        classes_of(found)


def test_rare_classes_are_on_both_sides(tmp_path: Path) -> None:
    """A class in two places is trained on in one and measured in the other; one in a single place is named."""
    found = windows(Wanted(_layers(tmp_path), tmp_path / "out"), 64)
    corner, opposite = found[0].place, found[-1].place

    def relabelled(*places: str) -> List[Record]:
        return [replace(record, regions=tuple(replace(region, label="shed") for region in record.regions))
                if record.place in places else record for record in found]

    train, test = apart(relabelled(corner, opposite))
    assert "shed" in _labels(train) and "shed" in _labels(test)
    with pytest.raises(TrainingError, match=r"'shed' has too few polygons .*--classes"):
        apart(relabelled(corner))


def _moved(layers: Layers, metres: float) -> Layers:
    """The same polygons, elsewhere."""
    path = Path(layers.polygons)
    layer = json.loads(path.read_text(encoding="utf-8"))
    for feature in layer["features"]:
        (ring,) = feature["geometry"]["coordinates"]
        feature["geometry"]["coordinates"] = [[[x + metres, y] for x, y in ring]]
    target = path.with_name("moved.geojson")
    target.write_text(json.dumps(layer), encoding="utf-8")
    return replace(layers, polygons=str(target))


@pytest.mark.parametrize(("change", "sentence"), [
    ({"label_field": "kind"}, r"no field 'kind'; name one of its fields .*: sort"),
    ({"raster": "missing.tif"}, r"missing\.tif"),
    ({"metres": 50_000.0}, r"no polygon of .* trained on \(\d+ times: it cannot be seen .* same ground"),
    ({"classes": (("1", "light roof"), ("3", "dark roof"))}, r"'3', which no polygon here has; .*: [12] \(\d+\), "),
    ({"where": "sort > 2"}, r"no polygon to train on"),
])
def test_layers_that_cannot_serve_are_refused(tmp_path: Path, change: Dict[str, Any], sentence: str) -> None:
    """A wrong field, a layer beside the raster, a slip in the classes: one sentence says what to look at."""
    change = dict(change)
    layers = _layers(tmp_path)
    layers = _moved(layers, change.pop("metres")) if "metres" in change else layers
    classes = change.pop("classes", ())
    with pytest.raises(AquilaError, match=sentence):
        windows(Wanted(replace(layers, **change), tmp_path / "out", classes=classes), 64)


def test_a_folder_is_not_taken_for_another_layers(tmp_path: Path) -> None:
    """Its checkpoints would be gone on with; the same layers and settings may go on, changed labels may not."""
    wanted = Wanted(_layers(tmp_path), tmp_path / "out")
    wanted.out.mkdir()
    claim_of(replace(wanted, classes=(("a slip", "never trained"),)), FULL)
    claim_of(wanted, FULL).stake()
    claim_of(replace(wanted, device="cpu"), FULL)
    for other, stage in ((replace(wanted, start="other"), FULL), (wanted, replace(FULL, steps=3))):
        with pytest.raises(TrainingError, match="delete it or name another"):
            claim_of(other, stage)
    os.utime(wanted.layers.polygons, (1, 1))
    with pytest.raises(TrainingError, match="--out"):
        claim_of(wanted, FULL)


def test_a_folder_is_not_taken_for_other_labels(tmp_path: Path) -> None:
    """QGIS keeps what was edited last beside a GeoPackage, whose own time does not change."""
    wanted = Wanted(_layers(tmp_path), tmp_path / "out")
    windows(wanted, 64)
    claim_of(wanted, FULL).stake()
    labelled_claim(wanted).stake()
    windows(wanted, 64)
    labelled_claim(wanted)
    layer = Path(wanted.layers.polygons)
    changed = layer.stat().st_mtime_ns
    layer.write_text(layer.read_text(encoding="utf-8").replace('"sort": 1', '"sort": 2', 1), encoding="utf-8")
    os.utime(layer, ns=(changed, changed))
    claim_of(wanted, FULL)
    windows(wanted, 64)
    with pytest.raises(TrainingError, match="other labels of these layers; delete it"):
        labelled_claim(wanted)


@pytest.mark.parametrize("option", ["--rounds", "--steps"])
def test_nothing_to_train_is_refused(tmp_path: Path, option: str) -> None:
    """Before anything is read or written."""
    with pytest.raises(SystemExit, match=f"{option} is 0; give 1 or more"):
        main(["--raster", "none.tif", "--polygons", "none.gpkg", "--label-field", "kind", option, "0", "--out",
              str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_the_command_ends_with_the_sentence(tmp_path: Path) -> None:
    """No traceback: the sentence is what the user sees."""
    layers = _layers(tmp_path)
    with pytest.raises(SystemExit, match="no field 'kind'"):
        main(["--raster", layers.raster, "--polygons", layers.polygons, "--label-field", "kind", "--start",
              str(save_tiny(tmp_path / "start")), "--out", str(tmp_path / "out"), "--device", "cpu"])


def test_rates_and_their_means_over_the_classes() -> None:
    """Nine of ten are of one class: always saying it is right in 0.9, and in half as a mean over the classes."""
    truth = ["tin roof"] * 9 + ["concrete roof"]
    found = rates(truth, ["tin roof"] * 10, ["tin roof"] * 8 + ["concrete roof"] * 2)
    assert (found.regions, found.classes, found.most_frequent) == (10, 2, 0.9)
    assert (found.written, found.written_balanced) == (0.9, 0.5)
    assert found.chosen == 0.9 and found.chosen_balanced == pytest.approx((8 / 9 + 1) / 2)
    text = table(found, found)
    assert text.count("mean over the classes") == 3 and "10 held-out regions of 2 classes" in text


@pytest.mark.parametrize("names", [(("1", "light roof"), ("2", "dark roof"))])
def test_a_folder_comes_of_it(tmp_path: Path, names: Tuple[Tuple[str, str], ...]) -> None:
    """Two steps on the layers: the rates are of the regions kept apart, and the folder loads under its new name."""
    start = save_tiny(tmp_path / "start")
    wanted = Wanted(_layers(tmp_path), tmp_path / "roofs", str(start), names, rounds=2, device="cpu")
    stage = replace(FULL, steps=2, scenes_per_batch=4, turns_per_region=1, pairs_per_region=0)
    before, after = adapt(wanted, stage)
    assert before.regions == after.regions > 5 and 0.5 <= before.most_frequent < 1
    loaded = load_model(str(tmp_path / "roofs" / "model"), device="cpu")
    card = (tmp_path / "roofs" / "model" / "README.md").read_text(encoding="utf-8")
    assert loaded.name == "roofs" and "light roof" in card and "no picture trained on shows any of these" in card
    assert (tmp_path / "roofs" / "run" / "asked.txt").is_file()
