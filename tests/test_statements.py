"""Claims read back out of texts: all that was stated is found and true, and what is wrong counts as false."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict, List

import numpy as np
import pytest

from core_model.generation import Written
from tests.made_scenes import mosaic
from training.data.facts import RegionFacts, region_facts, scene_facts
from training.data.mixture import MixtureConfig, SceneBatches, load_sources
from training.data.phrases import Turn
from training.data.questions import THE_SAME
from training.data.scenes import Scene
from training.data.vocabulary import CATEGORIES, index
from training.data.wording import turns
from training.evaluation.statements import Checked, Claims, check, check_pair, check_turn, claims, true_shares
from training.evaluation.tasks import Answered, keeping_to_label

FOREST, PASTURE, CROP = (index("eurosat", key) for key in ("Forest", "Pasture", "AnnualCrop"))
TEXT = (
    "A large, elongated dark green forest, running from east to west, rough in texture, "
    "bordered by annual crop and a pasture."
)


def facts_of(**changes: object) -> RegionFacts:
    facts = RegionFacts(
        FOREST, "forest", "dark green", frozenset({"dark green", "green"}), frozenset({"dark green", "green"}),
        "dark", frozenset({"dark"}), "rough", frozenset({"rough"}), "elongated", frozenset({"elongated"}),
        "east to west", frozenset({"east to west"}), 5000.0, "large", frozenset({"large"}),
        ((CROP, 0.6), (PASTURE, 0.4)), 1.0,
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


def test_every_claim_of_a_sentence_is_found() -> None:
    assert claims(TEXT) == Claims(
        ("forest",), ("dark green",), (), ("rough",), ("elongated",), ("east to west",), ("large",),
        ("annual crop", "pasture"))
    assert claims("Dark green, medium in tone. It is medium-sized.").tones == ("medium",)
    assert claims("It is medium in tone and medium-sized.").sizes == ("medium-sized",)
    assert claims("a very large area of commercial buildings").sizes == ("very large",)


def test_names_are_read_whole() -> None:
    assert claims("a road intersection").categories == ("road intersection",)
    assert claims("surface without vegetation").categories == ("surface without vegetation",)
    assert claims("a medium residential area") == Claims(categories=("medium residential area",))
    assert claims("broad roadside whiteness") == Claims()


def test_a_true_sentence_is_true_throughout() -> None:
    checked = check(claims(TEXT), facts_of())
    assert len(checked) == 8 and all(one.true for one in checked)


@pytest.mark.parametrize("changes, kind", [
    ({"category": PASTURE, "name": "pasture"}, "category"), ({"colours": frozenset({"brown"})}, "colour"),
    ({"textures": frozenset({"smooth"})}, "texture"), ({"shapes": frozenset({"round"})}, "shape"),
    ({"orientations": frozenset({"north to south"})}, "orientation"), ({"sizes": frozenset({"small"})}, "size"),
    ({"neighbours": ((CROP, 0.95), (PASTURE, 0.05))}, "neighbour"),
])
def test_each_kind_of_wrong_claim_counts_as_false(changes: dict, kind: str) -> None:
    wrong = [one.kind for one in check(claims(TEXT), facts_of(**changes)) if not one.true]
    assert wrong == [kind]


def test_a_direction_of_what_is_not_elongated_is_false() -> None:
    round_one = facts_of(shape="round", shapes=frozenset({"round"}), orientation=None, orientations=frozenset())
    assert Checked("orientation", "east to west", False) in check(claims(TEXT), round_one)


def test_neighbours_count_from_a_tenth_of_the_ring_and_by_what_is_true_of_them() -> None:
    around = facts_of(neighbours=((index("eurosat", "Highway"), 0.9), (PASTURE, 0.1)))
    said = claims("A forest, surrounded by a road, a pasture and water.")
    assert [one.true for one in check(said, around) if one.kind == "neighbour"] == [True, True, False]
    assert not [one for one in check(said, facts_of(ring_known=0.2)) if one.kind == "neighbour"]
    same = claims("It is next to more of the same.")
    assert [one.true for one in check(same, around)] == [False]
    assert [one.true for one in check(same, facts_of(neighbours=((FOREST, 1.0),)))] == [True]


def test_an_answer_to_what_surrounds_names_neighbours_only() -> None:
    assert claims("Annual crop and a pasture.", surroundings=True) == Claims(neighbours=("annual crop", "pasture"))


def test_comparisons_are_judged_side_by_side() -> None:
    first, second = facts_of(), facts_of(category=PASTURE, name="pasture", area=100.0)
    right = "The first shows a dark green forest, the second shows a green pasture. The first is larger."
    assert len(check_pair(right, first, second)) == 5
    assert all(one.true for one in check_pair(right, first, second))
    assert not any(one.true for one in check_pair(right, second, first) if one.kind in ("category", "larger"))
    assert [one.true for one in check_pair("They are about the same size.", first, second)] == [False]
    assert [one.true for one in check_pair("Yes, each is a forest.", first, second)] == [True, False]


def attributes_stated(answer: str, facts: RegionFacts) -> List[str]:
    """Attributes of the region whose very words stand in the answer, found without the patterns under test."""
    text = answer.lower()
    for entry in sorted(CATEGORIES, key=lambda one: -len(one.name)):
        for name in (entry.name, *entry.synonyms):
            text = text.replace(name, "…")
    padded = " " + text.replace(",", " ").replace(".", " ") + " "
    return [value for value in (facts.colour, facts.texture, facts.shape, facts.orientation, facts.size)
            if value is not None and f" {value} " in padded]


def assert_round_trip(scene: Scene, rng: np.random.Generator, count: int) -> List[Checked]:
    facts = scene_facts(scene)
    found: List[Checked] = []
    for region in range(len(facts)):
        for turn in turns(facts, region, rng, count):
            checked = check_turn(turn, turn.answer, facts)
            assert all(one.true for one in checked), (turn, checked)
            if len(turn.regions) == 1 and turn.kind != "labels":
                assert set(attributes_stated(turn.answer, facts[region])) <= {one.said for one in checked}, turn
                if turn.kind in ("category", "phrase", "description", "detailed"):
                    assert sum(one.kind == "category" for one in checked) == 1, turn
            found += checked
    return found


def test_the_odd_one_of_three_is_told_from_the_others() -> None:
    """Each claim is held against the region it is made of; one that speaks of no single region says nothing."""
    found: Dict[str, RegionFacts] = {}
    for number in range(20):
        found.update({own.name: own for own in scene_facts(mosaic(np.random.default_rng(number), "eurosat"))})
    turn = Turn("odd-one-out", "Which?", "", (0, 1, 2))
    facts = [found["forest"], found["pasture"], found["forest"]]
    said = {"The first is a forest, the second is a pasture, the third is a forest: the second is the odd one.":
                [True, True, True],
            "The first is a forest, the second is a pasture, the third is a pasture: the first is the odd one.":
                [True, True, False],
            "They are a forest and a pasture.": []}
    for text, true in said.items():
        assert [one.true for one in check_turn(turn, text, facts)] == true


def test_all_that_is_written_of_made_scenes_is_found_and_true() -> None:
    rng = np.random.default_rng(1)
    found = []
    for number in range(200):
        found += assert_round_trip(mosaic(rng, ("eurosat", "ucmerced", "dubai", "naip")[number % 4]), rng, 3)
    shares = true_shares(found)
    kinds = {"category", "colour", "tone", "texture", "shape", "orientation", "size", "neighbour", "larger"}
    assert set(shares) == kinds
    assert all(share == 1.0 and count > 20 for share, count in shares.values()), shares


def test_texts_of_other_pictures_are_often_false() -> None:
    rng = np.random.default_rng(2)
    found = []
    other = scene_facts(mosaic(rng, "eurosat"))[0]
    for _ in range(40):
        facts = scene_facts(mosaic(rng, "eurosat"))
        for region in range(1, len(facts)):
            for turn in turns(facts, region, rng, 4):
                if len(turn.regions) == 1:
                    found += check_turn(turn, turn.answer, [other] * len(facts))
        other = facts[0]
    # "More of the same" is around most regions, whichever they are.
    shares = true_shares([one for one in found if one.said != THE_SAME])
    assert shares["category"][0] < 0.25 and shares["colour"][0] < 0.35 and shares["neighbour"][0] < 0.35, shares


def test_all_that_is_written_of_real_scenes_is_found_and_true(shared_data: Path) -> None:
    data = load_sources(shared_data, "test", ["ucmerced", "naip", "banepa", "solar"])
    config = MixtureConfig(shares=dict.fromkeys(data, 1.0), scenes_per_batch=12)
    rng = np.random.default_rng(3)
    found = [one for scene in SceneBatches(data, config, 4, 0)[2] for one in assert_round_trip(scene, rng, 6)]
    assert len(found) > 200


def test_facts_of_one_region_are_those_of_the_scene() -> None:
    scene = mosaic(np.random.default_rng(4), "dubai")
    assert scene_facts(scene)[3] == region_facts(scene, 3)


def test_a_text_keeps_to_its_label_where_it_calls_the_region_by_it() -> None:
    """A neighbour of that name does not count, nor does a text that follows no label."""
    def answered(text: str, *before: tuple[str, str]) -> Answered:
        turn = Turn("description", "Describe <region>.", "", (0,), before)
        return Answered([facts_of()], turn, Written(text, (), 0.0))

    said = ("What is <region>?", " Forest. ")
    texts = [answered(TEXT, said), answered(TEXT.replace("forest", "river"), said), answered(TEXT),
             answered("A river, next to a forest.", said)]
    assert keeping_to_label(texts) == [True, False, False]
