"""Converters of labelled objects and of region conversations, on files in the layouts they are published in."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest

from tests.manifest_made import good_records, origin, problems, write_json, write_picture
from training.data.converters.base import Report, save
from training.data.converters.coco import CROWDS, coco
from training.data.converters.dota import DIFFICULT, dota
from training.data.converters.osprey import osprey
from training.data.converters.refcoco import refcoco
from training.data.converters.samrs import samrs
from training.data.converters.voc import voc
from training.data.manifest import rle
from training.data.manifest.checking import check
from training.data.manifest.masks import record_masks
from training.data.manifest.record import ManifestError

SQUARE = [5.0, 5.0, 15.0, 5.0, 15.0, 15.0, 5.0, 15.0]
CROWD_COUNTS = [0, 30, 40 * 30 - 30]


def instances() -> Dict[str, Any]:
    """COCO's layout with a polygon, a crowd in plain run lengths, a box alone, and two wrong annotations."""
    return {
        "info": {"description": "made"}, "licenses": [],
        "images": [
            {"id": 9, "width": 40, "height": 30, "file_name": "P0000.png", "seg_file_name": "P0000_instance.png"},
            {"id": 10, "width": 40, "height": 30, "file_name": "P0001.png"}],
        "annotations": [
            {"id": 1, "image_id": 9, "category_id": 3, "segmentation": [SQUARE], "area": 100.0, "bbox": [5, 5, 10, 10],
             "iscrowd": 0},
            {"id": 2, "image_id": 9, "category_id": 3, "segmentation": {"counts": CROWD_COUNTS, "size": [30, 40]},
             "area": 30, "bbox": [0, 0, 1, 30], "iscrowd": 1},
            {"id": 3, "image_id": 9, "category_id": 5, "segmentation": [], "bbox": [20, 10, 8, 4], "iscrowd": 0},
            {"id": 4, "image_id": 9, "category_id": 77, "segmentation": [SQUARE], "bbox": [5, 5, 10, 10], "iscrowd": 0},
            {"id": 5, "image_id": 12, "category_id": 3, "segmentation": [SQUARE], "bbox": [5, 5, 9, 9], "iscrowd": 0}],
        "categories": [{"id": 3, "name": "Small_Vehicle"}, {"id": 5, "name": "storage_tank"}],
    }


def test_coco_instances_become_regions_with_their_classes(tmp_path: Path) -> None:
    for name in ("P0000", "P0001"):
        write_picture(tmp_path / "pictures" / f"{name}.png")
    report, where = Report(), origin(tmp_path)
    assert save(coco(write_json(tmp_path / "iSAID_train.json", instances()), where, report), where.out, report) == 2
    record, empty = good_records(where.out)
    assert [region.label for region in record.regions] == ["Small_Vehicle", "storage_tank"]
    assert [entry.turns[0].answer for entry in record.conversations] == ["small vehicle", "storage tank"]
    assert record_masks(record).sum(axis=(1, 2)).tolist() == [100, 32]
    assert empty.regions == ()
    assert report.notes == {CROWDS: 1}
    found = problems(report)
    assert "category_id 77 is not listed" in found["annotation 4"]
    assert "belong to a picture that is not listed" in found["image_id 12"]


def test_coco_pictures_of_another_size_are_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "pictures" / "P0000.png", 41, 30)
    report, where = Report(), origin(tmp_path)
    save(coco(write_json(tmp_path / "i.json", instances()), where, report), where.out, report)
    assert "says 40 × 30 pixels, but P0000.png has 41 × 30" in problems(report)["image 1"]


DIOR = """<annotation><filename>{name}.jpg</filename><source><database>DIOR</database></source>
<size><width>40</width><height>30</height><depth>3</depth></size><segmented>0</segmented>{objects}</annotation>"""
UPRIGHT = """<object><name>golffield</name><pose>Unspecified</pose>
<bndbox><xmin>4</xmin><ymin>5</ymin><xmax>14</xmax><ymax>15</ymax></bndbox></object>"""
FLAT = "<object><name>ship</name><bndbox><xmin>4</xmin><ymin>5</ymin><xmax>4</xmax><ymax>15</ymax></bndbox></object>"
TURNED = """<object><type>robndbox</type><name>ship</name><difficult>0</difficult><robndbox>
<x_left_top>10</x_left_top><y_left_top>5</y_left_top><x_right_top>15</x_right_top><y_right_top>10</y_right_top>
<x_right_bottom>10</x_right_bottom><y_right_bottom>15</y_right_bottom><x_left_bottom>5</x_left_bottom>
<y_left_bottom>10</y_left_bottom></robndbox><angle>0.78</angle></object>"""


def test_diors_upright_and_turned_boxes_become_regions(tmp_path: Path) -> None:
    folder = tmp_path / "Annotations"
    folder.mkdir()
    for name, text in (("00001", UPRIGHT + FLAT), ("00002", TURNED)):
        write_picture(tmp_path / "pictures" / f"{name}.jpg")
        (folder / f"{name}.xml").write_text(DIOR.format(name=name, objects=text))
    (folder / "00003.xml").write_text("<annotation>")
    report, where = Report(), origin(tmp_path)
    save(voc(folder, where, report), where.out, report)
    upright, turned = good_records(where.out)
    assert record_masks(upright).sum() == 100
    assert upright.regions[0].label == "golffield"
    assert 45 <= record_masks(turned).sum() <= 60
    found = problems(report)
    assert "has no area" in found["00001.xml object 2"]
    assert "not XML" in found["00003.xml"]


def samrs_instances() -> List[Dict[str, Any]]:
    mask = np.zeros((30, 40), bool)
    mask[3:9, 4:14] = True
    return [
        {"mask": dict(rle.encode(mask)), "rbox": np.arange(8, dtype=np.float32).reshape(4, 2),
         "rhbox": np.arange(4, dtype=np.float32), "category": "ship", "label": np.int64(5), "size": np.int64(60)},
        {"mask": {"size": [30, 40]}, "category": "plane", "label": 4}]


def test_samrs_pickles_become_regions(tmp_path: Path) -> None:
    folder = tmp_path / "ins"
    folder.mkdir()
    write_picture(tmp_path / "pictures" / "P0001__1024__0___0.png")
    (folder / "P0001__1024__0___0.pkl").write_bytes(pickle.dumps(samrs_instances()))
    report, where = Report(), origin(tmp_path)
    save(samrs(folder, where, report), where.out, report)
    assert list(problems(report)) == ["P0001__1024__0___0"]
    (folder / "P0001__1024__0___0.pkl").write_bytes(pickle.dumps(samrs_instances()[:1]))
    save(samrs(folder, where, report), where.out, report)
    record, = good_records(where.out)
    assert record_masks(record).sum() == 60
    assert record.place == "P0001"


class _Harmful:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("harm"),)


def test_pickles_with_code_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "ins"
    folder.mkdir()
    (folder / "a.pkl").write_bytes(pickle.dumps([_Harmful()]))
    report, where = Report(), origin(tmp_path)
    assert save(samrs(folder, where, report), where.out, report) == 0
    assert "which no annotation needs" in problems(report)["a.pkl"]
    assert not Path("harm").exists()


DOTA = """imagesource:GoogleEarth
gsd:0.146343590398
5.0 5.0 15.0 5.0 15.0 15.0 5.0 15.0 plane 0
20.0 5.0 30.0 5.0 30.0 15.0 20.0 15.0 large-vehicle 1
20.0 5.0 30.0 5.0 30.0 15.0 plane 0
"""


def test_dotas_labels_keep_the_gsd_and_count_what_is_difficult(tmp_path: Path) -> None:
    folder = tmp_path / "labelTxt"
    folder.mkdir()
    (folder / "P0005.txt").write_text(DOTA)
    (folder / "P0006.txt").write_text("imagesource:GoogleEarth\ngsd:null\n")
    for name in ("P0005", "P0006"):
        write_picture(tmp_path / "pictures" / f"{name}.png")
    report, where = Report(), origin(tmp_path)
    save(dota(folder, where, report), where.out, report)
    record, unknown = good_records(where.out)
    assert record.gsd == pytest.approx(0.146343590398)
    assert unknown.gsd is None
    assert [region.label for region in record.regions] == ["plane"]
    assert report.notes == {DIFFICULT: 1}
    assert "P0005.txt line 5" in problems(report)
    assert len(next(dota(folder, where, Report(), difficult=True)).regions) == 2


def test_yolos_turned_boxes_need_class_names(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "a.txt").write_text("1 0.25 0.5 0.5 0.5 0.5 1.0 0.25 1.0\n")
    write_picture(tmp_path / "pictures" / "a.png")
    report, where = Report(), origin(tmp_path)
    save(dota(folder, where, report, names=("plane", "ship")), where.out, report)
    record, = good_records(where.out)
    assert record.regions[0].label == "ship"
    assert record_masks(record)[0, 15:, 10:20].all()
    assert record_masks(record).sum() == 150
    assert not next(dota(folder, where, report)).regions
    assert "names class 1, but 0 class name(s)" in problems(report)["a.txt line 1"]


def references() -> List[Dict[str, Any]]:
    """refs(unc).p as published: one entry a reference, with its sentences."""
    def sentence(number: int, text: str) -> Dict[str, Any]:
        return {"tokens": text.split(), "raw": text, "sent_id": number, "sent": text}

    common = {"file_name": "COCO_train2014_000000000009_1.jpg", "category_id": 3}
    return [
        {**common, "sent_ids": [0, 1], "ann_id": 1, "ref_id": 0, "image_id": 9, "split": "train",
         "sentences": [sentence(0, "the red roof"), sentence(1, "roof on the left")]},
        {**common, "sent_ids": [2], "ann_id": 3, "ref_id": 1, "image_id": 9, "split": "train",
         "sentences": [sentence(2, "round tank")]},
        {**common, "sent_ids": [3], "ann_id": 99, "ref_id": 2, "image_id": 9, "split": "train",
         "sentences": [sentence(3, "gone")]},
        {**common, "sent_ids": [4], "ann_id": 1, "ref_id": 3, "image_id": 9, "split": "testA",
         "sentences": [sentence(4, "the roof")]}]


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_refcocos_references_become_descriptions(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "refs(unc).p"
    path.write_bytes(pickle.dumps(references(), protocol=protocol))
    write_picture(tmp_path / "pictures" / "P0000.png")
    report, where = Report(), origin(tmp_path)
    save(refcoco(path, write_json(tmp_path / "instances.json", instances()), where, report), where.out, report)
    train, test = good_records(where.out)
    assert [(entry.regions, entry.turns[0].answer) for entry in train.conversations] == [
        ((0,), "the red roof"), ((0,), "roof on the left"), ((1,), "round tank")]
    assert (test.split, test.extra) == ("test", {"subset": "testA"})
    assert "ann_id 99 is not among the instances" in problems(report)["reference 3"]


def osprey_entry(**more: Any) -> Dict[str, Any]:
    masks = [{"segmentation": [SQUARE]}, {"segmentation": {"size": [30, 40], "counts": CROWD_COUNTS}}]
    return {
        "id": 1, "file_name": "COCO_train2014_000000000009.jpg", "height": 30, "width": 40,
        "annotation": [{"bbox": [5, 5, 10, 10], "category": "roof", **masks[0]}, {"bbox": [0, 0, 1, 30], **masks[1]}],
        **more}


def chat(*texts: str) -> List[Dict[str, str]]:
    return [{"from": "gpt" if place % 2 else "human", "value": text} for place, text in enumerate(texts)]


OSPREY = {
    "osprey_short_form.json": [osprey_entry(conversations=chat("What colour is <region1>?", "Red."))],
    "osprey_part_level.json": [
        osprey_entry(conversations=chat("What is <region2>?", "A post.", "Is it thin?", "Yes."))],
    "osprey_conversation.json": [
        osprey_entry(conversations=chat("What lies beside <region1>?", "<region2> does.", "Why?", "It leans on it.")),
        osprey_entry(conversations=[])],
    "osprey_detail_description.json": [
        osprey_entry(description=["<region1>: A red roof with <region2> beside it.", "<region2>: A thin post."]),
        osprey_entry(description=["<region1>: A red roof."])],
    "osprey_lvis_positive_negative.json": [
        osprey_entry(file_name="000000000009.jpg", conversations=chat(
            "Is there a roof in <region1>? Please answer yes or no.", "Yes", "Is <region2> a boat?", "No")),
        osprey_entry(file_name="000000000009.jpg", conversations=chat("Is <region3> a boat?", "No"))],
}


@pytest.mark.parametrize("name", list(OSPREY))
def test_ospreys_five_files_become_conversations(tmp_path: Path, name: str) -> None:
    write_picture(tmp_path / "pictures" / "000000000009.jpg")
    report, where = Report(), origin(tmp_path)
    save(osprey(write_json(tmp_path / name, OSPREY[name]), where, report), where.out, report)
    record, = good_records(where.out)
    assert record_masks(record).sum(axis=(1, 2)).tolist() == [100, 30]
    assert record.regions[0].label == "roof"
    assert len(report.problems) == len(OSPREY[name]) - 1
    assert not check(where.out).problems
    said = [
        (entry.regions, [(turn.instruction, turn.answer) for turn in entry.turns]) for entry in record.conversations]
    introduction = "There are 2 regions in the picture: region1 <region1>, region2 <region2>."
    brief = " Answer the question using a single word or phrase."
    assert said == {
        "osprey_short_form.json": [((0, 1), [(f"{introduction} What colour is region1?{brief}", "Red.")])],
        "osprey_part_level.json": [((0, 1), [
            (f"{introduction} What is region2?{brief}", "A post."), (f"Is it thin?{brief}", "Yes.")])],
        "osprey_conversation.json": [((0, 1), [
            (f"{introduction} What lies beside region1?", "region2 does."), ("Why?", "It leans on it.")])],
        "osprey_detail_description.json": [
            ((0,), [("Describe <region> in detail.", "A red roof with region2 beside it.")]),
            ((1,), [("Describe <region> in detail.", "A thin post.")])],
        "osprey_lvis_positive_negative.json": [
            ((0,), [("Is there a roof in <region>? Please answer yes or no.", "Yes")]),
            ((1,), [("Is <region> a boat?", "No")])],
    }[name]


def test_an_osprey_file_of_another_name_needs_its_kind(tmp_path: Path) -> None:
    path = write_json(tmp_path / "mine.json", OSPREY["osprey_short_form.json"])
    with pytest.raises(ManifestError, match="none of Osprey's files"):
        list(osprey(path, origin(tmp_path), Report()))
