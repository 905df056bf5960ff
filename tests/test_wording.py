"""Texts made of facts: exact instructions, grammar, balance, a closed vocabulary, and true and false premises."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Dict, List, Tuple

import numpy as np
import pytest

from tests.made_scenes import mosaic
from training.data.facts import COLOURS, RegionFacts, scene_facts
from training.data.phrases import (
    MASS,
    OVERLAPS,
    PLURAL,
    REACHES,
    TRUE_OF,
    WITHIN,
    all_terms,
    article,
    broader,
    contained,
    counted,
    holds,
    listed,
    may_hold,
    noun_phrase,
    own_terms,
    with_article,
)
from training.data.questions import LIST_LENGTHS, REFUSALS, UNKNOWABLE, seen_forms
from training.data.scenes import Scene
from training.data.vocabulary import CATEGORIES, index, of_source
from training.data.wording import CANONICAL, DESCRIPTION_WORDS, DETAILED_WORDS, Turn, turns, two_sided
from training.evaluation.statements import claims

Made = List[Tuple[Scene, List[RegionFacts], Turn]]


@pytest.fixture(scope="module")
def made() -> Made:
    rng = np.random.default_rng(0)
    found: Made = []
    for number in range(40):
        scene = mosaic(rng, ("eurosat", "ucmerced", "dubai", "naip")[number % 4])
        facts = scene_facts(scene)
        for region in range(len(facts)):
            found += [(scene, facts, turn) for turn in turns(facts, region, rng, 16)]
    return found


def by_kind(made: Made) -> Dict[str, List[Tuple[Turn, RegionFacts]]]:
    found: Dict[str, List[Tuple[Turn, RegionFacts]]] = defaultdict(list)
    for _, facts, turn in made:
        found[turn.kind].append((turn, facts[turn.regions[0]]))
    return found


def test_the_products_instructions_are_exact() -> None:
    assert CANONICAL == {
        "category": "What is <region>? Answer with a category.",
        "phrase": "Describe <region> in a short phrase.",
        "description": "Describe <region>.",
        "detailed": "Describe <region> in detail.",
        "labels": "Choose from: {labels}. What is <region>?",
    }


def test_turns_are_as_many_as_asked_and_reproducible(made: Made) -> None:
    _scene, facts, _ = made[0]
    for count in (1, 5, 40):
        first = turns(facts, 0, np.random.default_rng(7), count)
        assert len(first) == count
        assert first == turns(facts, 0, np.random.default_rng(7), count)


def test_only_the_kinds_asked_for_come_and_none_where_none_can() -> None:
    rng = np.random.default_rng(0)
    scene = mosaic(rng, "dubai")
    scene.source = "banepa"
    facts = scene_facts(scene)
    asked = turns(facts, 0, rng, 9, ("category", "phrase", "surround"))
    assert Counter(turn.kind for turn in asked).keys() == {"category", "phrase"} and len(asked) == 9
    assert turns(facts, 0, rng, 9, ("surround",)) == []


def test_markers_stand_for_the_regions(made: Made) -> None:
    for _, _, turn in made:
        markers = re.findall(r"<region\d?>", turn.instruction)
        several = [f"<region{number + 1}>" for number in range(len(turn.regions))]
        assert markers == (several if len(turn.regions) > 1 else ["<region>"])
        assert "{" not in turn.instruction + turn.answer


def test_about_a_third_of_the_instructions_are_paraphrased(made: Made) -> None:
    for kind in ("category", "phrase", "description", "detailed"):
        asked = [turn.instruction for turn, _ in by_kind(made)[kind]]
        assert 0.55 < asked.count(CANONICAL[kind]) / len(asked) < 0.78
        assert len(set(asked)) >= 5


def test_category_answers_are_the_bare_name(made: Made) -> None:
    for turn, facts in by_kind(made)["category"]:
        assert turn.answer == facts.name


def test_answers_are_short_and_well_formed(made: Made) -> None:
    for _, _, turn in made:
        assert not re.search(r"\d", turn.answer)
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|  | ,|\.\.|\bNone\b", turn.answer), turn
        if turn.kind not in ("category", "phrase", "labels"):
            assert turn.answer[0].isupper() and turn.answer.endswith("."), turn
    assert max(len(turn.answer.split()) for turn, _ in by_kind(made)["description"]) <= DESCRIPTION_WORDS
    details = [turn.answer for turn, _ in by_kind(made)["detailed"]]
    assert max(len(text.split()) for text in details) <= DETAILED_WORDS
    assert {text.count(".") for text in details} <= {2, 3, 4}


def test_descriptions_vary_and_the_vocabulary_is_small(made: Made) -> None:
    texts = [turn.answer for turn, _ in by_kind(made)["description"]]
    assert len(set(texts)) > 0.9 * len(texts)
    words = {word for _, _, turn in made for word in re.findall(r"[a-z-]+", turn.answer.lower())}
    assert len(words) < 260


def test_mass_and_plural_nouns_take_no_article(made: Made) -> None:
    terms = "|".join(sorted((MASS | PLURAL) - {"a house with land"}, key=len, reverse=True))
    wrong = re.compile(r"\ban? (" + terms + r")(?=[.,?:]| and | next | be )")
    for _, _, turn in made:
        assert not wrong.search(turn.instruction.lower()), turn
        assert not wrong.search(turn.answer.lower()), turn


def test_noun_phrases() -> None:
    assert with_article("forest", noun_phrase("forest", ("large",), "dark green")) == "a large dark green forest"
    assert noun_phrase("water", (), "dark blue") == "dark blue water"
    assert with_article("water", noun_phrase("water", (), "dark blue")) == "dark blue water"
    phrase = noun_phrase("water", ("extensive", "round"), "blue")
    assert with_article("water", phrase) == "an extensive, round blue area of water"
    assert with_article("airplane", noun_phrase("airplane", (), "grey")) == "a grey area with an airplane"
    assert counted("commercial buildings") == "commercial buildings"
    assert counted("industrial area") == article("industrial area") == "an industrial area"
    assert listed(["a road", "water", "a forest"]) == "a road, water and a forest"


def test_grammar_tables_hold_only_known_names() -> None:
    names = {entry.name for entry in CATEGORIES}
    assert all_terms() >= MASS | PLURAL and not MASS & PLURAL
    assert names >= WITHIN
    assert {entry.name for entry in CATEGORIES if entry.plural} <= PLURAL
    assert set(REACHES) <= all_terms()
    for table in (OVERLAPS, TRUE_OF):
        assert set(table) <= names
        assert {name for many in table.values() for name in many} <= names
    assert {name for many in REACHES.values() for name in many} <= names


def test_what_is_true_is_never_a_false_premise() -> None:
    for number in range(len(CATEGORIES)):
        for term in all_terms():
            assert may_hold(term, number) or not holds(term, number), (term, CATEGORIES[number])


@pytest.mark.parametrize("term, source, key", [
    ("forest", "ucmerced", "forest"), ("trees", "naip", "canopy"), ("road", "ucmerced", "freeway"),
    ("road", "eurosat", "Highway"), ("open water", "eurosat", "River"), ("water", "eurosat", "SeaLake"),
    ("vegetation", "eurosat", "Pasture"), ("building", "ucmerced", "buildings"), ("building", "solar", "roof"),
    ("bare or built surface", "dubai", "road"), ("residential area", "ucmerced", "denseresidential"),
])
def test_overlapping_names_are_never_false_premises(term: str, source: str, key: str) -> None:
    assert may_hold(term, index(source, key))


@pytest.mark.parametrize("term, source, key", [
    ("forest", "eurosat", "SeaLake"), ("pasture", "eurosat", "AnnualCrop"), ("water", "dubai", "road"),
    ("river", "eurosat", "Highway"), ("airplane", "ucmerced", "beach"), ("tree canopy", "naip", "low"),
])
def test_opposed_names_can_be_false_premises(term: str, source: str, key: str) -> None:
    assert not may_hold(term, index(source, key))


@pytest.mark.parametrize(("source", "key", "wider", "inside"), [
    ("eurosat", "River", ("water",), ()),
    ("ucmerced", "mediumresidential", ("residential area",), ("building", "house")),
    ("eurosat", "AnnualCrop", ("agricultural field",), ()), ("dubai", "vegetation", (), ()),
])
def test_what_is_always_true_of_a_category(
    source: str, key: str, wider: Tuple[str, ...], inside: Tuple[str, ...]
) -> None:
    """Bare fields are not called vegetation, and no category is broader than itself."""
    assert broader(index(source, key)) == wider and contained(index(source, key)) == inside


def test_what_is_broader_or_contained_is_asked_as_true_and_never_as_false() -> None:
    """"Is there a house in" a residential area is right; that it "is a house" is not asked."""
    rng = np.random.default_rng(0)
    for number in range(len(CATEGORIES)):
        assert all(may_hold(term, number) for term in (*broader(number), *contained(number)))
    scene = mosaic(rng, "eurosat")
    home = index("eurosat", "Residential")
    facts = [replace(own, category=home, name="residential area") for own in scene_facts(scene)]
    asked = [turn for _ in range(300) for turn in two_sided(facts, 0, rng, 2) if turn.kind == "yesno-category"]
    houses = {turn.instruction for turn in asked if re.search(r"\ba house\b", turn.instruction)}
    assert houses == {form.format("a house") for form in seen_forms("house")}
    assert all(turn.answer == "Yes, it is a residential area." for turn in asked if turn.instruction in houses)


def test_every_category_can_be_asked_with_a_false_premise_of_its_own_data_set_or_another() -> None:
    for number in range(len(CATEGORIES)):
        assert sum(not may_hold(term, number) for term in all_terms()) >= 15


def test_labels_hold_exactly_one_that_fits(made: Made) -> None:
    sizes: Counter[int] = Counter()
    for turn, facts in by_kind(made)["labels"]:
        text = turn.instruction
        for prompt in (
            "Choose from: ", "Options: ", "into one of: ", "What is <region>? ", "Which of these is <region>: ",
        ):
            text = text.replace(prompt, "")
        shown = re.sub(r"\. (What|Which one) is <region>\?|[.?]$|Classify <region> ", "", text).split(", ")
        assert turn.answer in shown and turn.answer in own_terms(facts.category)
        assert len(set(shown)) == len(shown) and LIST_LENGTHS[0] <= len(shown) <= LIST_LENGTHS[1]
        rivals = [label for label in shown if label != turn.answer]
        same_set = {CATEGORIES[number].name for number in of_source(CATEGORIES[facts.category].source)}
        assert all(not may_hold(label, facts.category) or label in same_set - {facts.name} for label in rivals), turn
        sizes[len(shown)] += 1
    assert max(sizes) > 20 and min(sizes) == 2
    assert sum(sizes[length] for length in range(2, 9)) > 0.5 * sum(sizes.values())


def test_yes_and_no_are_balanced_in_every_kind(made: Made) -> None:
    kinds = {kind: found for kind, found in by_kind(made).items() if kind.startswith("yesno")}
    expected = ("category", "colour", "texture", "shape", "orientation", "size", "neighbour", "same")
    assert set(kinds) == {f"yesno-{kind}" for kind in expected}
    for kind, found in kinds.items():
        answers = [turn.answer.startswith("Yes, ") for turn, _ in found]
        assert all(turn.answer.startswith(("Yes, ", "No, ")) for turn, _ in found)
        assert abs(np.mean(answers) - 0.5) < 3.3 * 0.5 / np.sqrt(len(answers)), (kind, len(answers))


def test_premises_are_what_the_answer_says(made: Made) -> None:
    kinds = by_kind(made)
    for turn, facts in kinds["yesno-category"]:
        asked = claims(turn.instruction).categories
        assert len(asked) == 1
        seen = holds(asked[0], facts.category) or asked[0] in contained(facts.category)
        assert turn.answer.startswith("Yes") == seen, turn
    for kind in ("texture", "shape", "orientation", "size"):
        accepted = kind + "s"
        for turn, facts in kinds[f"yesno-{kind}"]:
            asked = getattr(claims(turn.instruction), accepted)
            assert turn.answer.startswith("Yes") == (asked[0] in getattr(facts, accepted)), turn
    for turn, facts in kinds["yesno-colour"]:
        colour = claims(turn.instruction).colours[0]
        assert turn.answer.startswith("Yes") == (COLOURS[colour][0] in COLOURS[facts.colour]), turn
    for turn, facts in kinds["yesno-neighbour"]:
        neighbour = (claims(turn.instruction).neighbours + claims(turn.instruction).categories)[0]
        share = sum(part for number, part in facts.neighbours if holds(neighbour, number))
        assert share >= 0.15 if turn.answer.startswith("Yes") else share < 0.03, turn


def test_pictures_labelled_at_one_object_say_nothing_of_surroundings() -> None:
    rng = np.random.default_rng(0)
    scene = mosaic(rng, "dubai")
    scene.source = "banepa"
    facts = scene_facts(scene)
    for turn in turns(facts, 0, rng, 60):
        assert turn.kind not in ("surround", "yesno-neighbour")
        assert not claims(turn.answer).neighbours


def test_what_no_image_shows_is_refused_in_several_wordings(made: Made) -> None:
    assert len(set(UNKNOWABLE)) >= 25 and len(set(REFUSALS)) >= 4
    assert {turn.answer for turn, _ in by_kind(made)["refusal"]} == set(REFUSALS)
    assert all(question.count("<region>") == 1 for question in UNKNOWABLE)


def test_paired_questions_differ_in_their_premise_alone() -> None:
    """Each pair is one kind asked of one region, once to be answered Yes and once No."""
    rng = np.random.default_rng(4)
    facts = scene_facts(mosaic(rng, "eurosat"))
    found = two_sided(facts, 0, rng, 12)
    assert len(found) >= 12
    for yes, no in zip(found[::2], found[1::2]):
        assert yes.kind == no.kind and yes.answer.startswith("Yes, ") and no.answer.startswith("No, ")
