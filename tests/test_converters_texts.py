"""Converters of image–text sets and of conversations with boxes, on files in the layouts they are published in."""

from __future__ import annotations

from pathlib import Path
from typing import List

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.manifest_made import good_records, origin, problems, write_json, write_picture
from training.data.__main__ import app
from training.data.converters.base import Report, save
from training.data.converters.boxes import PHRASE, box_text, converted, turned_box
from training.data.converters.texts import captions, llava, table
from training.data.converters.vrsbench import vrsbench
from training.data.manifest.checking import check
from training.data.manifest.masks import record_masks
from training.data.manifest.record import ManifestError

CC3M = [
    {"id": "004539375", "image": "00453/004539375.jpg", "conversations": [
        {"from": "human", "value": "Render a clear and concise summary of the photo.\n<image>"},
        {"from": "gpt", "value": "select luxury furniture 3 - inch gel memory foam mattress topper"}]},
    {"id": "002239345", "image": "00223/002239345.jpg", "conversations": [
        {"from": "human", "value": "<image>\nWrite a terse but informative summary of the picture."},
        {"from": "gpt", "value": "a grey watch with an army style strap"}]},
    {"id": "005947502", "image": "00594/005947502.jpg", "conversations": [
        {"from": "human", "value": "<image>\nGive a brief description."}]},
    {"id": "005116462", "image": "00511/005116462.jpg", "conversations": [
        {"from": "gpt", "value": "a dragon"}, {"from": "human", "value": "<image>"}]},
]


def test_llava_pairs_keep_their_texts_and_the_wrong_ones_are_named(tmp_path: Path) -> None:
    for place, number in enumerate(("00453/004539375", "00594/005947502", "00511/005116462")):
        write_picture(tmp_path / "pictures" / f"{number}.jpg", 20, 10, place)
    report = Report()
    where = origin(tmp_path)
    assert save(llava(write_json(tmp_path / "chat.json", CC3M), where, report), where.out, report) == 1
    record = good_records(where.out)[0]
    assert record.image == "pictures/00453/004539375.jpg"
    assert (record.width, record.height) == (20, 10)
    turn = record.conversations[0].turns[0]
    assert turn.instruction == "Render a clear and concise summary of the photo."
    assert turn.answer.startswith("select luxury furniture")
    found = problems(report)
    assert sorted(found) == ["2", "3", "4"]
    assert "there is no file" in found["2"]
    assert "the last instruction has no answer" in found["3"]
    assert "not from 'human'" in found["4"]


RSICD = {"images": [
    {"filename": "airport_1.jpg", "imgid": 0, "sentids": [0, 1, 2], "split": "train", "sentences": [
        {"tokens": ["many"], "raw": "many planes are parked next to a long building .", "imgid": 0, "sentid": 0},
        {"tokens": ["many"], "raw": "many planes are parked next to a long building .", "imgid": 0, "sentid": 1},
        {"tokens": ["planes"], "raw": "some planes are in an airport .", "imgid": 0, "sentid": 2}]},
    {"filename": "airport_2.jpg", "imgid": 1, "sentids": [], "split": "val", "sentences": []},
    {"filename": "airport_3.jpg", "imgid": 2, "sentids": [3], "split": "dev", "sentences": [
        {"tokens": ["a"], "raw": "a runway .", "imgid": 2, "sentid": 3}]},
], "dataset": "rsicd"}


def test_captions_keep_their_split_and_lose_only_repeats_which_are_counted(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_picture(tmp_path / "pictures" / f"airport_{number}.jpg")
    report, where = Report(), origin(tmp_path, gsd=1.0)
    save(captions(write_json(tmp_path / "dataset_rsicd.json", RSICD), where, report), where.out, report)
    record, = good_records(where.out)
    assert record.split == "train"
    assert record.gsd == 1.0
    assert [entry.turns[0].answer for entry in record.conversations] == [
        "many planes are parked next to a long building .", "some planes are in an airport ."]
    assert sum(report.notes.values()) == 1
    found = problems(report)
    assert "no sentences" in found["2"]
    assert "'dev' is unknown" in found["3"]


def test_tables_find_their_columns_and_name_broken_rows(tmp_path: Path) -> None:
    write_picture(tmp_path / "pictures" / "laion_1.jpg")
    path = tmp_path / "pub11_train.csv"
    path.write_text(
        'img_name,text,url\nlaion_1.jpg,"aerial view of a harbour, with boats",http://a\nlaion_2.jpg\n'
        "laion_1.jpg,,http://b\n", encoding="utf-8")
    report, where = Report(), origin(tmp_path)
    save(table(path, where, report), where.out, report)
    record, = good_records(where.out)
    assert record.conversations[0].turns[0].answer == "aerial view of a harbour, with boats"
    found = problems(report)
    assert "more or fewer columns" in found["2"]
    assert "'text' is missing" in found["3"]
    with pytest.raises(ManifestError, match="columns img_name, text, url; say with --text-column"):
        list(table(path, where, report, text_column="blip_caption"))


GEOCHAT = [
    {"id": "1", "image": "a.png", "conversations": [
        {"from": "human", "value": "<image>\n[refer] where is <p>silver airplane</p>?"},
        {"from": "gpt", "value": "{<10><20><30><60>|<0>}"}]},
    {"id": "2", "image": "a.png", "conversations": [
        {"from": "human", "value": "<image>\n[identify] {<50><25><60><35>|<90>}"},
        {"from": "gpt", "value": "<p>1 boeing737 airplane at the top</p>"}]},
    {"id": "3", "image": "a.png", "conversations": [
        {"from": "human", "value": "<image>\n[grounding] Describe the image in detail."},
        {"from": "gpt", "value": "There are <p>2 ships</p> {<0><0><10><10>|<0>}<delim>{<20><0><30><10>|<0>} near "
                                 "<p>a pier</p> {<50><50><90><70>|<0>} ."}]},
    {"id": "4", "image": "a.png", "conversations": [
        {"from": "human", "value": "<image>\nIs it a rural area?\nAnswer the question using a single word or phrase."},
        {"from": "gpt", "value": "No"},
        {"from": "human", "value": "Is a harbour present?"}, {"from": "gpt", "value": "Yes"}]},
    {"id": "5", "image": "a.png", "conversations": [
        {"from": "human", "value": "<image>\n[refer] where is <p>a ship</p>?"},
        {"from": "gpt", "value": "{<10><20><30>}"}]},
    {"id": "6", "image": "a.png", "conversations": [
        {"from": "human", "value": "<image>\n[refer] where is <p>a ship</p>?"},
        {"from": "gpt", "value": "on the left"}]},
]


def test_geochats_boxes_become_regions(tmp_path: Path) -> None:
    write_picture(tmp_path / "pictures" / "a.png", 100, 50)
    report, where = Report(), origin(tmp_path)
    save(box_text(write_json(tmp_path / "GeoChat_Instruct.json", GEOCHAT), where, report), where.out, report)
    refer, identify, grounding, plain = good_records(where.out)
    assert refer.conversations[0].turns[0].instruction == PHRASE
    assert refer.conversations[0].turns[0].answer == "silver airplane"
    mask = record_masks(refer)[0]
    assert mask.sum() == 20 * 20
    assert mask[10:30, 10:30].all()
    assert identify.conversations[0].turns[0].answer == "1 boeing737 airplane at the top"
    turned = record_masks(identify)[0]
    rows, columns = np.nonzero(turned)
    assert np.ptp(rows) + 1 == 10
    assert np.ptp(columns) + 1 == 6, "10 × 5 pixels, turned by a right angle about a half pixel"
    caption, ships, pier = grounding.conversations
    assert caption.turns[0].answer == "There are 2 ships near a pier."
    assert (caption.regions, ships.regions, pier.regions) == ((), (0,), (1,))
    assert record_masks(grounding)[0].sum() == 2 * 10 * 5
    assert [turn.answer for turn in plain.conversations[0].turns] == ["No", "Yes"]
    found = problems(report)
    assert "{<10><20><30>} is not" in found["5"]
    assert "has no box" in found["6"]
    assert not check(where.out).problems


def test_boxes_turn_counterclockwise() -> None:
    assert turned_box(0, 0, 4, 2, 90) == [1.0, 3.0, 1.0, -1.0, 3.0, -1.0, 3.0, 3.0]
    found = converted([("What is <p>this</p> {<0><0><50><50>} and {<50><50><100><100>}?", "Two ponds.")], 10, 10)
    assert found.conversations[0].turns[0].instruction == "What is this <region1> and <region2>?"
    assert found.conversations[0].regions == (0, 1)


VRSBENCH = {
    "image": "P0003_0002.png", "source": "DOTA", "caption": "The high-resolution image shows a harbour.",
    "objects": [
        {"obj_id": 0, "obj_cls": "small-vehicle", "obj_coord": [0.1, 0.2, 0.3, 0.4],
         "obj_corner": [0.1, 0.2, 0.3, 0.2, 0.3, 0.4, 0.1, 0.4], "is_unique": True, "obj_position": "left",
         "obj_rel_position": "", "obj_size": "small", "obj_rel_size": "", "flag": 1,
         "referring_sentence": "The small vehicle on the left."},
        {"obj_id": 1, "obj_cls": "ship", "obj_coord": [0.5, 0.5, 1.0, 1.0], "is_unique": False,
         "referring_sentence": ""}],
    "qa_pairs": [
        {"ques_id": 1, "question": "How many ships are visible?", "type": "object quantity", "answer": "1"}],
}


def test_vrsbench_gives_caption_categories_references_and_questions(tmp_path: Path) -> None:
    write_picture(tmp_path / "pictures" / "P0003_0002.png", 100, 100)
    write_json(tmp_path / "ann" / "P0003_0002.json", VRSBENCH)
    write_json(tmp_path / "ann" / "P0004_0001.json", {"caption": "x", "objects": []})
    write_json(tmp_path / "ann" / "P0005_0001.json", {**VRSBENCH, "objects": [{"obj_id": 7, "obj_cls": "ship"}]})
    report, where = Report(), origin(tmp_path)
    save(vrsbench(tmp_path / "ann", where, report), where.out, report)
    record, = good_records(where.out)
    kinds = [entry.kind for entry in record.conversations]
    assert kinds == ["picture", "category", "referring", "category", "question"]
    assert record.conversations[1].turns[0].answer == "small vehicle"
    assert record.place == "P0003"
    assert record_masks(record).sum(axis=(1, 2)).tolist() == [400, 2500]
    found = problems(report)
    assert "'image' is missing" in found["P0004_0001.json"]
    assert "object 7 has neither" in found["P0005_0001.json"]


def test_the_command_writes_a_manifest_and_lists_every_problem(tmp_path: Path) -> None:
    write_picture(tmp_path / "pictures" / "00453" / "004539375.jpg")
    path = write_json(tmp_path / "chat.json", CC3M)
    out = tmp_path / "out" / "m.jsonl"
    arguments = [
        "convert", "llava", str(path), "--images", str(tmp_path / "pictures"), "-o", str(out), "--source", "cc3m",
        "--licence", "CC-BY-4.0", "--split", "train"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "1 records written" in result.output
    assert "3 could not be used" in result.output
    assert len((tmp_path / "out" / "m.jsonl.problems.txt").read_text().splitlines()) == 3
    checked = CliRunner().invoke(app, ["check", str(out)])
    assert checked.exit_code == 0, checked.output
    assert "1 records, 0 regions, 1 instructions" in checked.output
    missing = CliRunner().invoke(app, ["convert", "llava", str(tmp_path / "no.json"), *arguments[3:]])
    assert missing.exit_code == 1
    assert "error: there is no file" in missing.output
    assert "Traceback" not in missing.output


@pytest.mark.parametrize(("arguments", "reason"), [
    (["captions", "no.json"], "there is no file"), (["table", "no.csv"], "there is no file"),
    (["coco", "no.json"], "there is no file"), (["box-text", "no.json"], "there is no file"),
    (["osprey", "osprey_short_form.json"], "there is no file"), (["refcoco", "no.p", "no.json"], "there is no file"),
    (["voc", "."], "holds no annotations"), (["vrsbench", "none"], "holds no annotations"),
    (["samrs", "."], "holds no instances"), (["dota", "."], "holds no labels"),
    (["semantic", "none", "--classes", "loveda"], "there is no folder"),
    (["semantic", ".", "--classes", "vaihingen"], "no class table is called"),
])
def test_every_format_has_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: List[str], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [
        "convert", *arguments, "--images", "pictures", "-o", "m.jsonl", "--source", "made", "--licence", "CC0-1.0"])
    assert result.exit_code == 1, result.output
    assert reason in result.output
    assert not (tmp_path / "m.jsonl").exists()
