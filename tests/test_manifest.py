"""The manifest format: run lengths as COCO's, wrong records by number and reason, files, shards, the reader."""

from __future__ import annotations

import importlib.util
import json
import tarfile
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from core_model.text.prompt import region_order
from tests.manifest_made import good_records, record_values, write_manifest, write_picture
from training.data.__main__ import app
from training.data.manifest import rle
from training.data.manifest.checking import check
from training.data.manifest.images import read_image
from training.data.manifest.masks import polygon_part, record_masks, region_mask
from training.data.manifest.reader import ManifestReader, prompt_turns
from training.data.manifest.record import ManifestError, Record, RegionEntry, from_values, to_line
from training.data.manifest.store import read, records, write

# Masks with the text that COCO's own library (pycocotools 2.0.8) writes for them.
BAND = np.zeros((7, 9), bool)
BAND[2:5, 1:8] = True
BAND[6, 8] = True
HOLED = np.zeros((64, 64), bool)
HOLED[3:50, 5:60] = True
HOLED[10:20, 10:20] = False
HOLED_TEXT = "S:_1a000000000hNIg0" + "7YOIg0" * 9 + "7a0" + "00" * 39 + "m7"


def test_run_lengths_are_cocos_own() -> None:
    assert rle.runs_of(BAND) == [9, 3, 4, 3, 4, 3, 4, 3, 4, 3, 4, 3, 4, 3, 8, 1]
    assert rle.encode(BAND) == {"size": [7, 9], "counts": "934000000000004N"}
    assert rle.encode(HOLED)["counts"] == HOLED_TEXT


def test_run_lengths_come_back_from_both_forms() -> None:
    rng = np.random.default_rng(3)
    for share in (0.0, 0.02, 0.5, 1.0):
        mask = rng.random((23, 37)) < share
        assert (rle.decode(rle.encode(mask)) == mask).all()
        assert (rle.decode({"size": [23, 37], "counts": rle.runs_of(mask)}) == mask).all()
        rows, columns = np.nonzero(mask)
        if len(rows):
            order = rng.permutation(len(rows))
            assert rle.encode_pixels(rows[order], columns[order], (23, 37)) == rle.encode(mask)


@pytest.mark.parametrize(("values", "reason"), [
    ({"size": [7, 9], "counts": "934"}, "sum to 16, but 7 × 9 pixels are 63"),
    ({"size": [7, 9], "counts": "93 4"}, "' ', which COCO does not use"),
    ({"size": [7, 9], "counts": [70, -7]}, "negative"),
    ({"size": [7], "counts": [63]}, "[height, width]"),
    ({"size": [7, 9], "counts": [6.5]}, "whole numbers"),
])
def test_wrong_run_lengths_are_named(values: Dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("[", r"\[").replace("]", r"\]")):
        rle.decode(values)


def test_polygons_cover_the_pixels_they_fill() -> None:
    window, part = polygon_part([2, 1, 7, 1, 7, 4, 2, 4], 10, 10)
    assert part.all()
    assert window == (slice(1, 4), slice(2, 7))
    triangle = region_mask(RegionEntry(polygons=[[0, 0, 10, 0, 0, 10]]), 10, 10)
    assert 45 <= triangle.sum() <= 55
    assert triangle[0, 0]
    assert not triangle[9, 9]


def test_a_polygon_smaller_than_a_pixel_and_one_over_the_edge_keep_pixels() -> None:
    tiny = region_mask(RegionEntry(polygons=[[3.4, 5.4, 3.5, 5.4, 3.5, 5.5]]), 10, 10)
    assert tiny.sum() == 1
    assert tiny[5, 3]
    beyond = region_mask(RegionEntry(polygons=[[-5, -5, 4, -5, 4, 4, -5, 4]]), 10, 10)
    assert beyond.sum() == 16
    two = region_mask(RegionEntry(polygons=[[0, 0, 2, 0, 2, 2, 0, 2], [5, 5, 7, 5, 7, 7, 5, 7]]), 10, 10)
    assert two.sum() == 8
    with pytest.raises(ManifestError, match="no pixel inside"):
        region_mask(RegionEntry(box=[12, 12, 15, 15]), 10, 10)


def test_a_record_comes_back_as_it_was_written() -> None:
    record = from_values(record_values(note="kept"))
    assert record.extra == {"note": "kept"}
    assert record.pairs == 3
    assert from_values(json.loads(to_line(record))) == record
    masks = record_masks(record)
    assert masks.shape == (2, 30, 40)
    assert masks.sum(axis=(1, 2)).tolist() == [160, 160]


_TURN = [{"instruction": "What is <region>?", "answer": "roof"}]


@pytest.mark.parametrize(("changes", "reason"), [
    ({"id": None}, "'id' is missing"),
    ({"licence": " "}, "'licence' is missing"),
    ({"split": "dev"}, "'split' is 'dev'; use train, val, test"),
    ({"gsd": 0}, "'gsd' is 0"),
    ({"width": None}, "'width' and 'height' are missing"),
    ({"width": 40.5}, "'width' is 40.5"),
    ({"regions": [{"label": "roof"}]}, "region 0 must have exactly one of polygons, rle and box; it has none"),
    ({"regions": [{"box": [1, 2, 3, 4], "polygons": [[1, 1, 2, 2, 3, 1]]}]}, "it has polygons, box"),
    ({"regions": [{"box": [1, 2, 3]}]}, "the box of region 0"),
    ({"regions": [{"polygons": [[1, 1, 2, 2, 3]]}]}, "three pairs"),
    ({"regions": [{"box": [1, 2, 3, 4], "colour": "red"}]}, "unknown fields colour"),
    ({"conversations": [{"kind": "x", "regions": [2], "turns": _TURN}]}, "names region 2, but the record has 2"),
    ({"conversations": [{"kind": "x", "regions": [0, 1], "turns": []}]}, "conversation 0 has no turns"),
    ({"conversations": [{"kind": "x", "turns": _TURN}]}, "names <region>, but 0 region"),
    ({"conversations": [{"kind": "x", "regions": [0], "turns": [{"instruction": "What?", "answer": "a"}]}]},
     "names no region"),
    ({"conversations": [{"kind": "x", "regions": [0], "turns": [{"instruction": "<region>?", "answer": ""}]}]},
     "turn 0 of conversation 0 has no answer"),
])
def test_wrong_records_say_what_is_wrong(changes: Dict[str, Any], reason: str) -> None:
    with pytest.raises(ManifestError) as caught:
        from_values(record_values(**changes))
    assert reason in str(caught.value)


def test_check_gives_numbers_and_reasons_and_counts_the_rest(tmp_path: Path) -> None:
    path = write_manifest(
        tmp_path / "m.jsonl", record_values(), record_values(id="two", split="test"), record_values(),
        record_values(id="four", image="pictures/none.png"), record_values(id="five", width=41),
        record_values(id="six", regions=[{"box": [90, 90, 99, 99]}], conversations=[]))
    path.write_text(path.read_text() + "{oops\n", encoding="utf-8")
    found = check(path)
    reasons = dict(found.problems)
    assert sorted(reasons) == [3, 4, 5, 6, 7]
    assert "is that of record 1" in reasons[3]
    assert "there is no file" in reasons[4]
    assert "says 41 × 30 pixels, but pictures/a.png has 40 × 30" in reasons[5]
    assert "region 0 cannot be used: it has no pixel inside" in reasons[6]
    assert "not JSON" in reasons[7]
    assert (found.records, found.regions, found.pairs) == (2, 4, 6)
    assert found.labels == {"roof": 2, "yard": 2}
    assert found.leaks == ["here"]


def test_a_manifest_is_written_whole_and_read_packed(tmp_path: Path) -> None:
    wanted = [from_values(record_values(id=str(number))) for number in range(3)]
    for name in ("m.jsonl", "m.jsonl.gz"):
        assert write(wanted, tmp_path / name) == 3
        assert list(records(tmp_path / name)) == wanted
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.jsonl", "m.jsonl.gz"]
    with pytest.raises(ManifestError, match="no manifest"):
        list(read(tmp_path / "none.jsonl"))


def test_parquet_without_pyarrow_is_one_sentence(tmp_path: Path) -> None:
    wanted = [from_values(record_values())]
    if importlib.util.find_spec("pyarrow"):
        write(wanted, tmp_path / "m.parquet")
        assert list(records(tmp_path / "m.parquet")) == wanted
    else:
        with pytest.raises(ManifestError, match="Parquet needs pyarrow, which is not installed"):
            write(wanted, tmp_path / "m.parquet")


def test_pictures_come_out_of_tar_shards(tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "a.png", seed=5)
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        archive.add(write_picture(tmp_path / "b.png", seed=6), "in/b.png")
        archive.add(picture, "in/a.png")
    record = Record("x", "in/a.png", "made", "CC0-1.0", shard="s.tar")
    assert (read_image(record, tmp_path) == np.asarray(Image.open(picture))).all()
    missing = Record("x", "in/c.png", "made", "CC0-1.0", shard="s.tar")
    with pytest.raises(ManifestError, match=r"s\.tar has no member in/c\.png"):
        read_image(missing, tmp_path)


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(ManifestError, match="it is no picture"):
        read_image(Record("x", "a.png", "made", "CC0-1.0"), tmp_path)


def test_the_reader_gives_pictures_masks_and_turns(tmp_path: Path) -> None:
    path = write_manifest(tmp_path / "m.jsonl", record_values(), record_values(id="two", split="test"))
    reader = ManifestReader(path)
    assert len(reader) == 2
    found = reader[1]
    assert found.id == "two"
    assert found.image.shape == (30, 40, 3)
    assert found.image.dtype == np.uint8
    assert found.masks.shape == (2, 30, 40)
    assert found.labels == ("roof", "yard")
    assert found.areas == (40.0, 40.0)
    turns = prompt_turns(found, found.conversations[1])
    with_context = prompt_turns(found, found.conversations[0], "GSD {gsd} m, area {area} m2. ")
    assert with_context[0].instruction == "GSD 0.5 m, area 40 m2. What is <region>?"
    assert turns[1].answer == "The second."
    assert region_order(turns[0].instruction, 2) == [0, 1]
    assert len(ManifestReader(path, split="test")) == 1
    assert len(ManifestReader(path, source="other")) == 0


def test_the_reader_fits_pictures_without_losing_small_regions(tmp_path: Path) -> None:
    tiny = {"label": "dot", "box": [33, 3, 34, 4]}
    path = write_manifest(tmp_path / "m.jsonl", record_values(regions=[tiny], conversations=[]))
    found = ManifestReader(path, size=20)[0]
    assert found.image.shape == (20, 20, 3)
    assert found.masks.shape == (1, 20, 20)
    assert found.masks.sum() == 1
    assert found.masks[0, 1, 16]
    assert found.gsd == pytest.approx(1.0)
    assert found.areas == (0.25,)


def test_packing_moves_pictures_into_shards_and_changes_nothing_else(tmp_path: Path) -> None:
    path = write_manifest(tmp_path / "m.jsonl", *(record_values(id=str(number)) for number in range(3)))
    result = CliRunner().invoke(app, ["copy", str(path), str(tmp_path / "packed" / "m.jsonl"), "--shard-size", "2"])
    assert result.exit_code == 0, result.output
    assert not check(tmp_path / "packed" / "m.jsonl").problems
    before, after = ManifestReader(path), ManifestReader(tmp_path / "packed" / "m.jsonl")
    assert [after.record(number).shard for number in range(3)] == ["m-00000.tar", "m-00000.tar", "m-00001.tar"]
    for number in range(3):
        assert (before[number].image == after[number].image).all()
        assert before[number].conversations == after[number].conversations
    result = CliRunner().invoke(app, ["copy", str(path), str(tmp_path / "elsewhere" / "m.jsonl.gz")])
    assert result.exit_code == 0, result.output
    assert next(records(tmp_path / "elsewhere" / "m.jsonl.gz")).image == "../pictures/a.png"
    with pytest.raises(ManifestError, match="make it a .jsonl"):
        ManifestReader(tmp_path / "elsewhere" / "m.jsonl.gz")


def test_the_reader_names_the_wrong_record(tmp_path: Path) -> None:
    path = write_manifest(tmp_path / "m.jsonl", record_values(), record_values(id="two", gsd=-1))
    with pytest.raises(ManifestError, match=r"record 2 of .*'gsd' is -1"):
        ManifestReader(path)


def test_records_made_by_hand_and_read_are_the_same(tmp_path: Path) -> None:
    path = write_manifest(tmp_path / "m.jsonl", record_values())
    assert good_records(path) == [from_values(record_values())]
