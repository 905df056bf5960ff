"""Regions that hold several categories: which they are, what is asked of them, and how the answers are measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy as np
import pytest

from core_model.generation import Written
from tests.made_scenes import mosaic
from tests.made_training import made_scenes
from training.data import mixed
from training.data.comparisons import compare
from training.data.conversations import STYLES, TurnMaker, material
from training.data.facts import scene_facts
from training.data.phrases import Turn, counted, may_hold
from training.data.questions import Subject
from training.data.reasoning import odd_one_out, tell_apart
from training.data.scenes import Scene, SceneRegion
from training.data.vocabulary import CATEGORIES, UNKNOWN, index
from training.data.wording import DESCRIPTION_WORDS, PAIRED, SHARES, turns, two_sided
from training.evaluation import contents, tasks
from training.evaluation.statements import check, claims

FOREST, RIVER, CROP, SEA = (index("eurosat", key) for key in ("Forest", "River", "AnnualCrop", "SeaLake"))
WHOLE = np.ones((256, 256), bool)


def scene_of(*rows: Tuple[int, int]) -> Scene:
    """A scene of bands: (category, rows) from top to bottom, without regions."""
    scene = mosaic(np.random.default_rng(0), "eurosat")
    scene.categories[:] = np.repeat([number for number, _ in rows], [count for _, count in rows])[:, None]
    scene.regions, scene.valid = [], scene.categories != UNKNOWN
    return scene


def subject_of(scene: Scene, mask: np.ndarray = WHOLE, premise: Optional[bool] = None, seed: int = 0) -> Subject:
    region = mixed.mixed_region(scene, mask)
    assert region is not None
    scene.regions = [region]
    return Subject(scene_facts(scene), 0, np.random.default_rng(seed), premise)


def test_a_mixed_region_is_of_the_category_that_covers_most_of_it() -> None:
    scene = scene_of((FOREST, 100), (RIVER, 146), (CROP, 10))
    own = subject_of(scene).own
    assert own.mixed and own.category == RIVER
    assert own.contents == (RIVER, FOREST)  # crop has less than a twentieth
    assert dict(own.inside) == {number: pytest.approx(rows / 256) for number, rows in
                                ((RIVER, 146), (FOREST, 100), (CROP, 10))}


def test_a_region_of_one_category_or_of_much_unknown_is_not_mixed() -> None:
    top = WHOLE.copy()
    top[100:] = False
    assert mixed.mixed_region(scene_of((FOREST, 100), (RIVER, 156)), top) is None
    assert mixed.mixed_region(scene_of((FOREST, 100), (UNKNOWN, 50), (RIVER, 106)), WHOLE) is None
    assert mixed.mixed_region(scene_of((FOREST, 128), (RIVER, 128)), np.zeros_like(WHOLE)) is None


def test_ordinary_regions_hold_their_own_category() -> None:
    scene = mosaic(np.random.default_rng(1), "eurosat")
    for region, own in zip(scene.regions, scene_facts(scene)):
        assert own.contents == (region.category,) and not own.mixed


def test_added_regions_hold_at_least_two_names_and_none_is_added_where_objects_alone_are_labelled() -> None:
    rng = np.random.default_rng(0)
    whole = 0
    for _ in range(30):
        scene = mosaic(rng, "eurosat")
        mixed.add_mixed(rng, scene)
        added = [own for own in scene_facts(scene) if own.mixed]
        assert len(added) == 1 and len({CATEGORIES[number].name for number in added[0].contents}) > 1
        whole += bool(scene.regions[-1].mask.all())
    assert 5 <= whole <= 20  # two of five
    scene.source, before = "solar", len(scene.regions)
    mixed.add_mixed(rng, scene)
    assert len(scene.regions) == before


def test_a_share_of_the_shown_scenes_has_one_region_more() -> None:
    plain, more = made_scenes(), made_scenes()
    more.stage = replace(more.stage, mixed=1.0)
    added = [more[number][0].facts[len(plain[number][0].facts):] for number in range(len(plain))]
    assert all(len(found) <= 1 and all(own.mixed for own in found) for found in added)
    assert sum(map(len, added)) > len(plain) // 2
    assert all(len(more[number][1]["masks"]) == len(more[number][0].facts) for number in range(len(more)))


def test_true_premises_are_inside_and_false_ones_hold_of_nothing_that_is() -> None:
    scene = scene_of((FOREST, 100), (RIVER, 146), (CROP, 10))
    asked: List[List[str]] = [[], []]
    for seed in range(60):
        for holds in (True, False):
            turn = mixed.is_in_it(subject_of(scene, premise=holds, seed=seed))
            assert turn is not None and turn.kind == "yesno-contents"
            assert turn.answer == f"{'Yes' if holds else 'No'}, it shows a river and a forest."
            asked[holds].append(turn.instruction)
    for terms in (["a forest", "woodland", "trees"], ["a river", "a stream", "a watercourse"]):
        assert any(term in text for term in terms for text in asked[True])
    for wrong in asked[False]:
        terms = [term for number, entry in enumerate(CATEGORIES) for term in (entry.name, *entry.synonyms)
                 if f" {counted(term)} " in wrong.replace("?", " ").replace(" in <region>", " ")]
        assert terms and not any(may_hold(max(terms, key=len), number) for number in (FOREST, RIVER, CROP))


def test_what_is_inside_is_listed_by_its_share_and_at_most_four() -> None:
    turn = mixed.all_in_it(subject_of(scene_of((CROP, 20), (FOREST, 90), (SEA, 50), (RIVER, 60), (3, 19), (4, 17))))
    assert turn is not None and turn.answer == "A forest, a river, a sea or lake and annual crop."


@pytest.mark.parametrize(("rows", "said"), [(200, "forest"), (150, None)])
def test_a_region_is_called_by_its_largest_part_only_where_that_is_most_of_it(rows: int, said: Optional[str]) -> None:
    turn = mixed.mostly(subject_of(scene_of((FOREST, rows), (RIVER, 256 - rows))))
    assert (None if turn is None else turn.answer) == said


def test_mixed_regions_are_asked_what_is_in_them_and_described_with_it() -> None:
    own = subject_of(scene_of((FOREST, 180), (RIVER, 76)))
    rng = np.random.default_rng(0)
    kinds = {turn.kind for _ in range(40) for turn in turns(own.facts, 0, rng, 3)}
    assert {"contents", "category", *STYLES, "size"} <= kinds <= {
        "contents", "category", *STYLES, "size", "shape", "larger"}
    pairs = [turn for _ in range(40) for turn in two_sided(own.facts, 0, rng, 2)]
    assert {turn.kind for turn in pairs} == {"yesno-contents", "yesno-shape", "yesno-size"}
    verdicts = [turn.answer.split(",")[0] for turn in pairs if turn.kind == "yesno-contents"]
    assert verdicts[::2] == ["Yes"] * (len(verdicts) // 2) and verdicts[1::2] == ["No"] * (len(verdicts) // 2)
    assert mixed.is_in_it not in SHARES and mixed.is_in_it not in PAIRED


def _texts(scene: Scene, style: str, count: int = 20) -> List[str]:
    facts = subject_of(scene).facts
    return [turn.answer for seed in range(count) for turn in turns(facts, 0, np.random.default_rng(seed), 1, [style])]


@pytest.mark.parametrize(("style", "told"), [
    ("phrase", "forest with a river in it"), ("description", "forest with a river and annual crop in it"),
    ("detailed", "It also shows a river, annual crop and a sea or lake.")])
def test_styles_name_what_a_region_holds_beside_what_it_is_called(style: str, told: str) -> None:
    texts = _texts(scene_of((FOREST, 160), (RIVER, 40), (CROP, 30), (SEA, 26)), style)
    assert len(texts) == 20 and all(told in text for text in texts)


def test_things_that_do_not_fill_their_region_share_it_with_the_others() -> None:
    texts = _texts(scene_of((RIVER, 160), (FOREST, 60), (CROP, 36)), "description")
    assert texts and all("area with a river, a forest and annual crop" in text for text in texts)


def test_whole_pictures_are_described_truly_and_in_few_words() -> None:
    rng, count = np.random.default_rng(5), 0
    for _ in range(25):
        scene = mosaic(rng, "eurosat")
        scene.regions = []
        mixed.add_mixed(rng, scene)
        facts = scene_facts(scene)
        for turn in turns(facts, 0, rng, 6, STYLES):
            assert all(one.true for one in check(claims(turn.answer), facts[0])), turn.answer
            count += 1
            assert len(turn.answer.split()) <= DESCRIPTION_WORDS or turn.kind == "detailed"
    assert count >= 75


def test_texts_of_ordinary_regions_name_one_category() -> None:
    rng = np.random.default_rng(2)
    scene = mosaic(rng, "eurosat")
    facts = scene_facts(scene)
    for number, own in enumerate(facts):
        for turn in turns(facts, number, rng, 3, STYLES):
            assert set(claims(turn.answer).categories) == {own.name}


@pytest.mark.parametrize(("rows", "learned"), [(200, True), (140, False)])
def test_the_category_before_a_text_is_learned_only_where_most_is_of_it(rows: int, learned: bool) -> None:
    scene = scene_of((FOREST, rows), (RIVER, 256 - rows))
    subject_of(scene)
    maker = TurnMaker(STYLES, 3)
    found = [turn for seed in range(20) for turn in maker(np.random.default_rng(seed), material(scene)) if turn.before]
    assert found and all(turn.before[0][1] == "forest" and turn.misled is not learned for turn in found)


def test_mixed_regions_are_not_compared() -> None:
    scene = scene_of((FOREST, 128), (RIVER, 128))
    band = np.zeros_like(WHOLE)
    band[:60] = True
    region = mixed.mixed_region(scene, WHOLE)
    assert region is not None
    scene.regions = [SceneRegion(band, FOREST), region]
    band, both = scene_facts(scene)
    both = replace(both, colour="white", colours_near=frozenset(("white",)), tones=frozenset())
    water = replace(both, category=RIVER, name=CATEGORIES[RIVER].name, mixed=False)
    assert compare(Subject([band, both], 0, np.random.default_rng(0))) is None
    assert tell_apart(Subject([band, both], 0, np.random.default_rng(0))) is None
    for maker in (compare, tell_apart, odd_one_out):
        asked = [maker(Subject([band, band, other], 0, np.random.default_rng(2))) for other in (both, water)]
        assert asked[0] is None or asked[0].regions == (0, 1)
        assert asked[1] is not None


Reply = Callable[[Turn], str]


def _measured(monkeypatch: pytest.MonkeyPatch, reply: Reply) -> Any:
    """The figures of a model that answers every turn as told."""

    def answer(_generator: Any, scenes: Sequence[tasks.Known], ask: tasks.Ask, _change: Any = None) -> List[Any]:
        return [tasks.Answered(one.facts, turn, Written(reply(turn), (), 1.0))
                for one in scenes for region in range(len(one.facts)) for turn in ask(one.facts, region)]

    def described(_generator: Any, scenes: Sequence[tasks.Known], style: str) -> List[Any]:
        return answer(None, scenes, lambda facts, region: turns(facts, region, np.random.default_rng(0), 1, [style]))

    monkeypatch.setattr(tasks, "answer", answer)
    monkeypatch.setattr(tasks, "described", described)
    rng = np.random.default_rng(3)
    scenes = [mosaic(rng, "eurosat") for _ in range(12)]
    found = tasks.known([replace(scene, regions=[]) for scene in scenes])
    return contents.measure(None, found)  # type: ignore[arg-type]


def test_right_answers_have_full_marks_and_wrong_ones_none(monkeypatch: pytest.MonkeyPatch) -> None:
    swapped = {"Yes": "No", "No": "Yes"}
    right = _measured(monkeypatch, lambda turn: turn.answer)
    wrong = _measured(monkeypatch, lambda turn: swapped.get(turn.answer.split(",")[0], "An airplane."))
    assert right["regions"] == wrong["regions"] == 12 and right["yes_no"]["count"] == 48
    for key in ("true of named", "named of true"):
        assert (right[key], wrong[key]) == (right["described"][key], wrong["described"][key]) == (1.0, 0.0)
    assert (right["yes_no"]["balanced accuracy"], wrong["yes_no"]["balanced accuracy"]) == (1.0, 0.0)
    table = "\n".join(contents.markdown({"eurosat": right}))
    row = " | ".join(["1.000"] * 3 + ["0.500"] + ["1.000"] * 5)
    assert f"| eurosat | 12 | {row} | 1.000 of 1 |" in table


def test_always_yes_is_worth_nothing_and_half_a_list_is_half(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _measured(monkeypatch, lambda turn: "Yes." if turn.kind == "yesno-contents" else turn.answer.split(",")[0])
    assert said["yes_no"]["balanced accuracy"] == 0.5 and said["yes_no"]["yes ratio"] == 1.0
    assert said["true of named"] == 1.0 and 0.2 < said["named of true"] < 0.4


def test_without_mixed_regions_there_is_nothing_to_measure() -> None:
    plain = tasks.known([scene_of((FOREST, 256))])
    assert contents.measure(None, plain) == {}  # type: ignore[arg-type]
