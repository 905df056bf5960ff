"""The building of mask–text instructions: makers, balance, duplicates, splits, and whole small sets."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Iterator, List, Sequence

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from core_model.text.prompt import region_order
from tests.made_scenes import mosaic
from tests.manifest_made import good_records
from training.data import phrases, questions, wording
from training.data.__main__ import app
from training.data.build.balance import answer_of, balanced, class_of, counts, pairs_of
from training.data.build.dialogues import dialogue
from training.data.build.duplicates import Distinct
from training.data.build.pairs import group_of, unrepeated
from training.data.build.relations import (
    COMPASS,
    RELATIONS,
    Scenery,
    bearing,
    by_facts,
    contact,
    order,
    place_of,
    touching,
)
from training.data.build.splits import split_by_place
from training.data.build.supplies import place_of as public_place
from training.data.build.vocabularies import ClassWords, known_source, load_words, speaking_of, words_for
from training.data.facts import scene_facts
from training.data.manifest.checking import check
from training.data.manifest.masks import record_masks
from training.data.manifest.reader import ManifestReader
from training.data.manifest.record import ConversationEntry, Exchange, ManifestError, Record, RegionEntry, to_line
from training.data.phrases import holders
from training.data.questions import Subject
from training.data.reasoning import INFERENCES, REASONINGS, odd_one_out, tell_apart
from training.data.vocabulary import CATEGORIES


def square(top: int, left: int, side: int = 20) -> np.ndarray:
    mask = np.zeros((128, 128), bool)
    mask[top : top + side, left : left + side] = True
    return mask


@pytest.mark.parametrize(("top", "left", "word"), [
    (54, 100, "east"), (10, 98, "northeast"), (5, 54, "north"), (98, 10, "southwest"), (100, 54, "south"),
    (30, 100, None), (54, 56, None),
])
def test_bearings_are_named_only_where_they_are_clear(top: int, left: int, word: str) -> None:
    middle = place_of(square(54, 54))
    other = place_of(square(top, left))
    assert bearing(middle, other) == word
    if word is not None:
        opposite = COMPASS[(COMPASS.index(word) + 4) % 8]
        assert bearing(other, middle) == opposite


def test_a_region_inside_anothers_box_has_no_bearing() -> None:
    assert bearing(place_of(square(0, 0, 100)), place_of(square(2, 2, 5))) is None


def test_contact_is_judged_only_where_it_is_clear() -> None:
    first = place_of(square(20, 20))
    assert touching(first, place_of(square(20, 40))) is True
    assert touching(first, place_of(square(20, 45))) is None
    assert touching(first, place_of(square(20, 60))) is False


def sceneries(count: int = 40) -> Iterator[Scenery]:
    """Sceneries of noise: every region of many scenes."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        scene = mosaic(rng, ("dubai", "ucmerced", "eurosat")[seed % 3])
        facts, places = scene_facts(scene), [place_of(region.mask) for region in scene.regions]
        for number in range(len(facts)):
            yield Scenery(Subject(facts, number, rng), places)


@pytest.fixture(scope="module")
def made() -> List[Scenery]:
    return list(sceneries(12))


def test_relations_and_reasons_name_regions_that_are_there(made: Sequence[Scenery]) -> None:
    kinds: Counter[str] = Counter()
    for scenery in made:
        for maker in (*RELATIONS, *map(by_facts, REASONINGS)):
            turn = maker(scenery)
            if turn is not None:
                kinds[turn.kind] += 1
                assert sorted(set(region_order(turn.instruction, len(turn.regions)))) == list(range(len(turn.regions)))
                assert len(set(turn.regions)) == len(turn.regions)
                assert turn.answer.endswith(".")
                assert "{" not in turn.instruction + turn.answer
    assert set(kinds) == {
        "direction", "yesno-direction", "yesno-contact", "order", "count", "reasoning", "odd-one-out", "tell-apart"}


def test_directions_follow_the_middles(made: Sequence[Scenery]) -> None:
    for scenery in made:
        turn = next(iter(RELATIONS))(scenery)
        if turn is not None:
            first, second = (scenery.places[number].middle for number in turn.regions)
            word = turn.answer.rstrip(".").split()[-1]
            assert ("north" in word) == (second[0] < first[0]) or word in ("east", "west")
            assert ("east" in word) == (second[1] > first[1]) or word in ("north", "south")


def test_contact_answers_follow_the_question(made: Sequence[Scenery]) -> None:
    for scenery in made:
        turn = contact(scenery)
        if turn is not None:
            touch = bool(touching(*(scenery.places[number] for number in turn.regions)))
            about_gap = "gap between" in turn.instruction
            assert turn.answer.startswith("Yes") == (touch != about_gap)


def test_orders_and_odd_ones_are_right(made: Sequence[Scenery]) -> None:
    for scenery in made:
        facts = scenery.subject.facts
        turn = order(scenery)
        if turn is not None:
            named = re.findall("first|second|third", turn.answer)
            areas = [facts[turn.regions[("first", "second", "third").index(word)]].area for word in named]
            assert areas == sorted(areas, reverse=True)
        turn = odd_one_out(scenery.subject)
        if turn is not None:
            odd = ("first", "second", "third").index(turn.answer.split()[-5])
            names = [facts[number].name for number in turn.regions]
            assert names.count(names[odd]) == 1 and len(set(names)) == 2
        turn = tell_apart(scenery.subject)
        if turn is not None:
            first, second = (facts[number] for number in turn.regions)
            assert first.colour not in second.colours_near or not first.tones & second.tones or (
                not first.textures & second.textures)


def test_inferences_are_about_categories_there_are_and_never_both_ways() -> None:
    assert all(not entry.true & entry.false for entry in INFERENCES)
    named = set().union(*(entry.true | entry.false for entry in INFERENCES))
    assert {entry.name for entry in CATEGORIES} & named >= {"river", "forest", "road", "building", "pasture"}


def test_dialogues_name_their_region_once_and_never_repeat_a_matter(made: Sequence[Scenery]) -> None:
    found = [dialogue(scenery.subject.facts, scenery.subject.index, np.random.default_rng(5)) for scenery in made]
    entries = [entry for entry in found if entry is not None]
    assert len(entries) > len(made) // 2
    for entry in entries:
        assert 2 <= len(entry.turns) <= 4
        assert "<region>" in entry.turns[0].instruction
        assert not any("<region" in turn.instruction for turn in entry.turns[1:])
        assert len({turn.instruction for turn in entry.turns}) == len(entry.turns)


def entry(kind: str, answer: str, region: int = 0) -> ConversationEntry:
    return ConversationEntry(kind, (region,), (Exchange(f"<region> {kind} {answer}?", answer),))


def record(number: int, *conversations: ConversationEntry, label: str = "road") -> Record:
    return Record(
        str(number), "a.png", "made", "CC0-1.0", width=9, height=9, gsd=1.0, split="train", place="here",
        regions=(RegionEntry(label, box=[1, 1, 5, 5]),), conversations=conversations)


def test_balance_evens_yes_and_no_and_cuts_the_commonest_class() -> None:
    records = [record(number, entry("yesno-colour", "Yes, it is."), entry("category", "road")) for number in range(30)]
    records += [record(number, entry("yesno-colour", "No, it is not."), label="yard") for number in range(30, 40)]
    records += [record(number, entry("category", "pond"), label="pond") for number in range(40, 50)]
    kept = balanced(records, np.random.default_rng(0), 2.0)
    found = counts(kept)
    assert 7 < found["answer"]["yes"] == found["answer"]["no"] <= 10
    assert 17 < found["class"]["made: road"] <= 20
    assert 7 < found["class"]["made: yard"] <= found["class"]["made: pond"] == 10
    assert all(entry.conversations for entry in kept)
    assert balanced(records, np.random.default_rng(0), 2.0) == kept


def test_classes_and_answers_are_read_from_the_conversation() -> None:
    found = record(1, entry("yesno-colour", "No, it is red."))
    assert class_of(found, found.conversations[0]) == "road"
    assert answer_of(found.conversations[0]) == "no"
    assert answer_of(entry("category", "Norway spruce")) == ""
    assert group_of("yesno-colour") == "positive/negative"


def test_the_same_question_about_the_same_region_stays_once() -> None:
    twice = [entry("category", "road"), entry("category", "road"), entry("category", "road", 1)]
    assert len(unrepeated(twice)) == 2


def test_near_duplicates_are_found_whatever_their_tone_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    base = np.kron(rng.integers(60, 180, (16, 16)), np.ones((8, 8)))
    picture = np.repeat(base[..., None], 3, axis=2).astype(np.uint8)
    distinct = Distinct()
    assert distinct.add(picture, "first")
    noisy = np.clip(picture.astype(int) + 12 + rng.integers(-6, 7, picture.shape), 0, 255).astype(np.uint8)
    assert not distinct.add(noisy, "again")
    assert distinct.removed == [("again", "first")]
    assert distinct.add(np.ascontiguousarray(picture[:, ::-1]), "mirrored")
    others = [np.kron(rng.integers(0, 255, (16, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8) for _ in range(50)]
    assert all(distinct.add(other, str(number)) for number, other in enumerate(others))


def test_places_stay_together_and_what_the_data_states_holds() -> None:
    entries = [(f"place {number % 20}", "") for number in range(200)]
    found = split_by_place(entries, seed=1)
    assert Counter(found.values()) == {"train": 17, "test": 2, "val": 1}
    assert split_by_place(entries, seed=1) == found
    assert split_by_place(entries, seed=2) != found
    assert split_by_place([("a", "test"), ("b", "")]) == {"a": "test", "b": "train"}
    assert set(split_by_place([("a", ""), ("b", ""), ("c", "")]).values()) == {"train", "val", "test"}
    assert split_by_place([("a", "")]) == {"a": "train"}
    with pytest.raises(ManifestError, match="must be in one"):
        split_by_place([("a", "test"), ("a", "train")])


def test_other_vocabularies_are_spoken_and_taken_back() -> None:
    before = phrases.CATEGORIES, phrases.MASS, questions.PLURAL, wording.WITHIN
    own = ClassWords("gh", "glass house", overlaps=("Greenhouses",))
    classes = [words_for("bare_land"), words_for("Greenhouses"), own]
    assert (classes[0].mass, classes[1].plural) == (True, True)
    with speaking_of("mine", classes):
        assert phrases.counted("bare land") == "bare land"
        assert phrases.counted("glass house") == "a glass house"
        assert phrases.may_hold("greenhouses", 2)
        assert not phrases.may_hold("greenhouses", 0)
        assert phrases.all_terms() == {"bare land", "greenhouses", "glass house"}
    assert before == (phrases.CATEGORIES, phrases.MASS, questions.PLURAL, wording.WITHIN)
    assert "greenhouses" not in phrases.all_terms()
    assert known_source(["building", "Unpaved_Land"]) == "dubai"
    assert known_source(["building", "greenhouse"]) == ""


def test_words_of_classes_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "words.json"
    path.write_text(json.dumps({
        "gh": {"name": "greenhouse", "synonyms": ["glass house"]}, "concrete": {"name": "concrete roof"}}))
    assert load_words(path)["gh"] == ClassWords("gh", "greenhouse", ("glass house",))
    assert not load_words(path)["concrete"].mass
    assert words_for("concrete").mass
    path.write_text(json.dumps({"gh": {"nme": "greenhouse"}}))
    with pytest.raises(ManifestError, match="'gh' may have name"):
        load_words(path)


def labelled_manifest(folder: Path, pictures: int = 10, side: int = 128) -> Path:
    """Pictures of four fields of different colours and classes, each labelled."""
    colours = {
        "greenhouse": (230, 230, 235), "bare_land": (150, 110, 80), "pond": (30, 60, 110), "hedge": (30, 80, 30)}
    lines = []
    half = side // 2
    for number in range(pictures):
        rng = np.random.default_rng(number)
        pixels = np.zeros((side, side, 3), np.float64)
        regions = []
        for place, label in enumerate(rng.permutation(sorted(colours)).tolist()):
            top, left = place // 2 * half, place % 2 * half
            pixels[top : top + half, left : left + half] = colours[label]
            inset = int(rng.integers(2, half // 3))
            regions.append(RegionEntry(label, box=[left + inset, top + inset, left + half, top + half]))
        pixels += rng.normal(0, rng.uniform(1, 12), pixels.shape)
        pixels += np.kron(rng.normal(0, 6, (side // 16, side // 16)), np.ones((16, 16)))[..., None]
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
        lines.append(to_line(Record(
            str(number), f"{number}.png", "farm", "CC-BY-4.0", width=side, height=side, gsd=0.5,
            regions=tuple(regions), place=f"farm {number % 5}")))
    (folder / "labelled.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder / "labelled.jsonl"


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set built by the command from a manifest of a user's own classes."""
    folder = tmp_path_factory.mktemp("farm")
    manifest = labelled_manifest(folder)
    result = CliRunner().invoke(app, [
        "build", "-o", str(folder / "set"), "--manifest", str(manifest), "--pairs", "250", "--size", "128",
        "--samples", "2"])
    assert result.exit_code == 0, result.output
    assert "mask–text pairs of" in result.output
    return folder / "set"


def test_a_set_of_ones_own_classes_is_sound_and_of_all_kinds(farm: Path) -> None:
    found = check(farm / "manifest.jsonl")
    assert not found.problems
    assert not found.leaks
    assert set(found.splits) == {"train", "val", "test"}
    assert set(found.labels) == {"greenhouse", "bare land", "pond", "hedge"}
    groups = {group_of(kind) for kind in found.kinds}
    assert groups >= {
        "category", "short", "description", "detailed", "attribute", "relation", "reasoning", "several turns",
        "positive/negative"}
    records = good_records(farm / "manifest.jsonl")
    assert pairs_of(records) >= 250
    answers = counts(records)["answer"]
    assert answers["yes"] == pytest.approx(answers["no"], abs=0.2 * answers["yes"])


def test_texts_speak_only_of_what_the_set_knows(farm: Path) -> None:
    strangers = {entry.name for entry in CATEGORIES} - {"vegetation", "water"}
    said = " ".join(
        f"{turn.instruction} {turn.answer}" for found in good_records(farm / "manifest.jsonl")
        for entry in found.conversations for turn in entry.turns)
    assert not [name for name in strangers if re.search(rf"\b{name}\b", said)]
    assert "a bare land" not in said
    assert re.search(r"\ba greenhouse\b", said)


def test_masks_fit_the_labels_and_pictures_are_in_shards(farm: Path) -> None:
    reader = ManifestReader(farm / "manifest.jsonl", split="train")
    found = reader[0]
    assert found.image.shape == (128, 128, 3)
    assert reader.record(0).shard == "shards/train-00000.tar"
    assert (record_masks(reader.record(0)) == found.masks).all()
    assert sorted(path.name for path in (farm / "shards").iterdir()) == [
        "test-00000.tar", "train-00000.tar", "val-00000.tar"]


def test_the_card_and_the_sheet_are_there(farm: Path) -> None:
    card = (farm / "README.md").read_text(encoding="utf-8")
    for words in ("## Splits", "| farm | CC-BY-4.0 |", "positive/negative", "farm: greenhouse", "Near-duplicates"):
        assert words in card
    with Image.open(farm / "samples.png") as sheet:
        assert sheet.width > 1000


def test_building_says_what_it_cannot_use(tmp_path: Path) -> None:
    manifest = labelled_manifest(tmp_path, pictures=3)
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    for values in lines:
        values.pop("gsd")
    manifest.write_text("\n".join(json.dumps(values) for values in lines))
    result = CliRunner().invoke(app, ["build", "-o", str(tmp_path / "set"), "--manifest", str(manifest)])
    assert result.exit_code == 1
    assert "nothing to build from" in result.output
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    result = CliRunner().invoke(app, ["build", "-o", str(tmp_path / "full"), "--manifest", str(manifest)])
    assert "is not empty" in result.output


def test_the_public_sets_split_by_place(shared_data: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [
        "build", "-o", str(tmp_path / "set"), "--data", str(shared_data), "--source", "naip", "--pairs", "60",
        "--samples", "1"])
    assert result.exit_code == 0, result.output
    found = check(tmp_path / "set" / "manifest.jsonl")
    assert not found.problems
    assert not found.leaks
    assert set(found.splits) == {"train", "val", "test"}
    records = good_records(tmp_path / "set" / "manifest.jsonl")
    places = {split: {record.place for record in records if record.split == split}
              for split in ("train", "val", "test")}
    assert not places["train"] & (places["val"] | places["test"])
    assert {place.split()[1] for place in places["val"]} == {"riverside"}
    assert not any(place.startswith("naip santa_monica") for place in places["train"])


def test_places_of_the_public_sets_follow_from_names() -> None:
    assert public_place("naip", "long_beach_2018_12") == "naip long_beach 12"
    assert public_place("naip", "long_beach_2020_12") == "naip long_beach 12"
    assert public_place("dubai", "tile3-image_part_001") == "dubai tile3"
    assert public_place("banepa", "OAM-386690-220241-19") == "banepa 386690"


def test_no_reason_denies_what_may_be_there() -> None:
    found = {entry.otherwise: entry for entry in INFERENCES}
    assert not found["no trees grow there"].false & holders("trees")
    assert not found["plants do not cover it"].false & holders("plants")
    assert not found["that is open water"].true & holders("water")


def test_the_odd_one_is_at_every_place_as_often(made: Sequence[Scenery]) -> None:
    places = [turn.answer.split()[-5] for scenery in made for _ in range(40)
              if (turn := odd_one_out(scenery.subject)) is not None]
    counts = [places.count(word) / len(places) for word in ("first", "second", "third")]
    assert len(places) > 300 and max(counts) < 0.45 and min(counts) > 0.22, (len(places), counts)
