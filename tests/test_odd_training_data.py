"""Data as it comes: what is odd in it costs no more than itself, and is told in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.geo_helpers import write_raster
from tests.manifest_made import good_records, origin, problems, record_values, write_json, write_manifest, write_picture
from training.calibrate import main as calibrate
from training.checkpoints import Claim
from training.data.__main__ import app
from training.data.build.balance import answer_of, balanced
from training.data.build.duplicates import Distinct
from training.data.build.supplies import manifest_supplies
from training.data.converters.base import Report, save
from training.data.converters.classes import ClassTable, class_table
from training.data.converters.coco import coco
from training.data.converters.dota import dota
from training.data.converters.semantic import read_labels
from training.data.converters.shapes import segmentation_region
from training.data.converters.texts import table
from training.data.converters.voc import voc
from training.data.manifest.images import Pixels
from training.data.manifest.packing import copy
from training.data.manifest.reader import ManifestReader
from training.data.manifest.record import ConversationEntry, Exchange, ManifestError, Record, RegionEntry
from training.data.manifest.store import records
from training.data.mixture import load_sources
from training.errors import RecipeError, TrainingError
from training.recipe import load_recipe

VOC = """<annotation><filename>a.png</filename><size><width>0</width><height>0</height></size>
<object><name>roof</name><bndbox><xmin>2</xmin><ymin>2</ymin><xmax>20</xmax><ymax>12</ymax></bndbox></object></annotation>"""


def _boxes(*boxes: List[float], name: str = "roof") -> Dict[str, object]:
    annotations = [{"image_id": 1, "category_id": 1, "bbox": box} for box in boxes]
    return {"images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}], "annotations": annotations,
            "categories": [{"id": 1, "name": name}]}


def test_a_region_that_cannot_be_used_costs_itself_only(tmp_path: Path) -> None:
    write_picture(tmp_path / "pictures" / "a.png")
    path = write_json(tmp_path / "a.json", _boxes([2, 2, 10, 10], [40, 2, 10, 10], [20, 5, 10, 10]))
    report = Report()
    assert save(coco(path, origin(tmp_path), report), origin(tmp_path).out, report) == 1
    (found,) = good_records(origin(tmp_path).out)
    assert len(found.regions) == 2 and [entry.regions for entry in found.conversations] == [(0,), (1,)]
    assert "region 1 cannot be used: it has no pixel inside" in next(iter(problems(report).values()))


@pytest.mark.parametrize("box", [[float("nan"), 2, 10, 10], [2, 2, float("inf"), 10]])
def test_boxes_of_no_numbers_are_named(tmp_path: Path, box: List[float]) -> None:
    write_picture(tmp_path / "pictures" / "a.png")
    report = Report()
    found = list(coco(write_json(tmp_path / "a.json", _boxes([2, 2, 10, 10], box)), origin(tmp_path), report))
    assert len(found[0].regions) == 1 and "has no area" in problems(report)["annotation 2"]


def test_a_class_without_a_letter_is_asked_about_nowhere(tmp_path: Path) -> None:
    write_picture(tmp_path / "pictures" / "a.png")
    report = Report()
    path = write_json(tmp_path / "a.json", _boxes([2, 2, 10, 10], name="-"))
    save(coco(path, origin(tmp_path), report), origin(tmp_path).out, report)
    (found,) = good_records(origin(tmp_path).out)
    assert found.regions[0].label == "-" and found.conversations == ()


def test_voc_without_sizes_and_dota_of_whole_numbers(tmp_path: Path) -> None:
    """Some tools write a size of 0; nine fields are no line of YOLO's where a class stands behind."""
    write_picture(tmp_path / "pictures" / "a.png")
    for name, text in (("x/a.xml", VOC), ("t/a.txt", "2 2 20 2 20 12 2 12 plane")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    report = Report()
    found = [*voc(tmp_path / "x", origin(tmp_path), report), *dota(tmp_path / "t", origin(tmp_path), report)]
    assert [record.regions[0].label for record in found] == ["roof", "plane"] and not report.problems
    (tmp_path / "t" / "a.txt").write_bytes(b"2 2 20 2 20 12 2 12 fl\xe4che 0")
    (tmp_path / "x" / "a.xml").write_text('<?xml version="1.0" encoding="klingon"?><annotation/>')
    assert not [*voc(tmp_path / "x", origin(tmp_path), report), *dota(tmp_path / "t", origin(tmp_path), report)]
    found_problems = " ".join(problems(report).values())
    assert "it is not XML" in found_problems and "is not in UTF-8" in found_problems


def test_files_in_another_encoding_are_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"image,caption\na.png,Gr\xfcn\n")
    with pytest.raises(ManifestError, match="a.csv is not in UTF-8"):
        list(table(tmp_path / "a.csv", origin(tmp_path), Report()))
    (tmp_path / "a.jsonl").write_bytes(b'{"id": "\xfc"}\n')
    with pytest.raises(ManifestError, match="a.jsonl is not in UTF-8"):
        list(records(tmp_path / "a.jsonl"))
    with pytest.raises(ManifestError, match="a.jsonl is not in UTF-8"):
        ManifestReader(tmp_path / "a.jsonl")
    table_of_ones_own = write_json(tmp_path / "t.json", {"codes": {"1": "roof"}, "unlabelled": 0})
    with pytest.raises(ManifestError, match="'unlabelled' of .* must be a list"):
        class_table(str(table_of_ones_own))


@pytest.mark.parametrize("gsd", ["-", "1e999", "0", "null"])
def test_a_gsd_that_is_no_number_is_not_known(tmp_path: Path, gsd: str) -> None:
    write_picture(tmp_path / "pictures" / "a.png")
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a.txt").write_text(f"gsd:{gsd}\n2 2 20 2 20 12 2 12 plane 0")
    report = Report()
    (found,) = dota(tmp_path / "t", origin(tmp_path), report)
    assert found.gsd is None and not report.problems


@pytest.mark.parametrize(("values", "name"), [
    ({"size": [30, 40], "counts": [1, "many"]}, "counts"), ({"size": [30, None], "counts": "1"}, "size"),
    ({"size": [30, float("nan")], "counts": "1"}, "size"), ({"size": [30, 40], "counts": [float("inf")]}, "counts"),
])
def test_run_lengths_of_no_numbers_cost_their_region_only(values: Dict[str, object], name: str) -> None:
    with pytest.raises(ManifestError, match=f"the '{name}' of its run lengths are not whole numbers"):
        segmentation_region(values, "roof")


def test_a_split_that_there_is_not_is_refused_at_once(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", _boxes([2, 2, 10, 10]))
    result = CliRunner().invoke(app, [
        "convert", "coco", str(path), "--images", str(tmp_path), "-o", str(tmp_path / "out.jsonl"), "--source", "made",
        "--licence", "own", "--split", "valid"])
    assert result.exit_code == 2 and "there is no split 'valid'" in result.output.replace("\n", " ")


def test_masks_are_unlabelled_where_they_hold_no_data(tmp_path: Path) -> None:
    values = np.full((1, 20, 20), 255, np.uint8)
    values[0, :8], values[0, 8:12] = 0, 1
    path = write_raster(tmp_path / "mask.tif", values, nodata=255)
    labels, names = read_labels(path, ClassTable({0: "water", 1: "land"}, unlabelled=frozenset((255,))))
    assert names == ["water", "land"] and [(labels == place).sum() for place in (-1, 0, 1)] == [160, 160, 80]


def test_shards_that_are_there_are_never_written_over(tmp_path: Path) -> None:
    """They may hold the very pictures that are copied."""
    source = write_manifest(tmp_path / "orig.jsonl", *(record_values(id=str(number)) for number in range(4)))
    assert copy(source, tmp_path / "set.jsonl", shard_size=3) == 4
    kept = (tmp_path / "set-00000.tar").read_bytes()
    with pytest.raises(ManifestError, match="set-00000.tar is there already; name another manifest"):
        copy(tmp_path / "set.jsonl", tmp_path / "set.jsonl.gz", shard_size=2)
    assert (tmp_path / "set-00000.tar").read_bytes() == kept and not (tmp_path / "set.jsonl.gz").exists()


def test_a_place_is_in_one_split_of_all_manifests(tmp_path: Path) -> None:
    for name in ("a", "b"):
        kept = range(12) if name == "a" else range(4, 9)
        for number in kept:
            write_picture(tmp_path / name / "pictures" / f"{number}.png", seed=number + 100 * (name == "b"))
        write_manifest(tmp_path / name / "set.jsonl", *(record_values(
            id=str(number), image=f"pictures/{number}.png", place=f"p{number}", split=None, source=name)
            for number in kept))
    found = manifest_supplies(
        [tmp_path / "a" / "set.jsonl", tmp_path / "b" / "set.jsonl"], 32, 1, {}, None, Distinct(), 0, {})
    splits: Dict[str, set] = {}
    for supply in found:
        for record in supply._records:  # type: ignore[attr-defined]
            splits.setdefault(record.place, set()).add(supply.split)
    assert len(splits) == 12 and all(len(names) == 1 for names in splits.values())
    assert {split for names in splits.values() for split in names} == {"train", "val", "test"}


def test_pictures_of_one_name_in_two_folders_are_two_places(tmp_path: Path) -> None:
    """Of records without a place; one picture of two manifests is one, and a place that is stated is everywhere."""
    for name, split in (("a", "train"), ("b", "test")):
        write_picture(tmp_path / name / "1.png", seed=ord(name))
        write_manifest(tmp_path / name / "set.jsonl", record_values(
            image="1.png", place=None, split=split, conversations=None))
    paths = [tmp_path / name / "set.jsonl" for name in ("a", "b")]
    found = manifest_supplies(paths, 32, 1, {}, None, Distinct(), 0, {})
    places = {supply.split: supply._records[0].place for supply in found}  # type: ignore[attr-defined]
    assert places == {"train": "1.png", "test": "../b/1.png"}
    write_picture(tmp_path / "b" / "2.png", seed=5)
    for changes in ({"image": "../a/1.png", "place": None}, {"image": "2.png", "place": "1.png"}):
        write_manifest(paths[1], record_values(id="2", split="test", conversations=None, **changes))
        with pytest.raises(ManifestError, match=r"place '1\.png' is said to be in train and in test"):
            manifest_supplies(paths, 32, 1, {}, None, _All(), 0, {})


class _All(Distinct):
    """Takes every picture for another one."""

    def add(self, pixels: Pixels, name: str) -> bool:  # noqa: ARG002 (none is looked at)
        return True


def test_a_window_with_a_tiny_polygon_is_used(tmp_path: Path) -> None:
    write_picture(tmp_path / "pictures" / "t.png", 32, 32)
    path = write_manifest(tmp_path / "set.jsonl", record_values(
        image="pictures/t.png", width=32, height=32, regions=[{"label": "shed", "box": [4, 4, 8, 8]}],
        conversations=[]))
    (supply,) = manifest_supplies([path], 32, 1, {}, None, Distinct(), 0, {})
    drawn = supply.draw(np.random.default_rng(0), 0)
    assert drawn is not None and [int(region.mask.sum()) for region in drawn.scene.regions] == [16]


def test_yes_and_no_are_as_many_after_classes_are_cut() -> None:
    rng = np.random.default_rng(0)
    made = []
    for number in range(600):
        label = "road" if number < 300 else f"rare {number % 5}"
        answer = "Yes, it is." if rng.uniform() < (0.8 if label == "road" else 0.2) else "No, it is not."
        turn = ConversationEntry("yesno-category", (0,), (Exchange("Is <region> it?", answer),))
        made.append(Record(str(number), "a.png", "made", "own", regions=(RegionEntry(label),), conversations=(turn,)))
    kept = balanced(made, rng, 1.5)
    answers = [answer_of(entry) for record in kept for entry in record.conversations]
    assert answers.count("yes") == answers.count("no") > 50


@pytest.mark.parametrize(("text", "words"), [
    ("finetunning: {steps: 3}", "unknown parts finetunning"),
    ("finetune: 3", "part 'finetune' is 3; it must hold settings"),
    ("finetune: {lora: true}", "part 'lora' is True"),
    ("finetune: {average: null}", "has average: None; it must be a number"),
    ("finetune: {bank: 1}", "has bank: 1; it must be true or false"),
    ("finetune: {train: language}", "it must be a list of texts"),
    ("finetune: {steps: 2.5}", "it must be a whole number"),
    ("finetune: {learning_rate: fast}", "has learning_rate: 'fast'; it must be a number"),
    ("weights: fp16", "'weights' are 'fp16'; use one of"),
    ("finetune: {steps: [}", "is not YAML"),
    ("", "holds no recipe"),
])
def test_recipes_are_refused_in_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(RecipeError) as refused:
        load_recipe(str(tmp_path / "r.yaml"))
    assert words in str(refused.value)


def test_numbers_without_a_point_are_numbers(tmp_path: Path) -> None:
    """To YAML 1.1 a 1e-4 is a text."""
    (tmp_path / "r.yaml").write_text("defaults:\nfinetune: {learning_rate: 1e-4, steps: 1e3}\n")
    stage = load_recipe(str(tmp_path / "r.yaml")).finetune
    assert stage.learning_rate == 0.0001 and stage.steps == 1000 and isinstance(stage.steps, int)


def test_a_claim_is_never_seen_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes of one training stake the same claim while others read it."""
    seen: List[str] = []
    replaced = Path.replace

    def look(path: Path, target: Path) -> Path:
        seen.append(path.read_text())
        Claim(tmp_path, "asked", "other settings")
        return replaced(path, target)

    monkeypatch.setattr(Path, "replace", look)
    for _ in range(2):
        Claim(tmp_path, "asked", "other settings").stake()
    assert seen == ["asked", "asked"] and [path.name for path in tmp_path.iterdir()] == ["asked.txt"]


def test_calibrating_nothing_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="nowhere"):
        calibrate(["--model", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")])


def test_parquet_may_hold_lists_of_its_own(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    values = record_values(conversations=None)
    values["regions"] = [{"label": "yard", "box": [2.0, 4.0, 10.0, 20.0]}]
    parquet.write_table(pyarrow.Table.from_pylist([json.loads(json.dumps(values))]), tmp_path / "a.parquet")
    (found,) = records(tmp_path / "a.parquet")
    assert found.regions[0].label == "yard"


def test_data_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"there is no .*eurosat_rgb.zip of the default model's data; docs/data.md"):
        load_sources(tmp_path, "train", ["eurosat"])
