"""Every task of the evaluation on a tiny model, from the question to the table and the picture sheet."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest
import torch
from PIL import Image

from core_model.errors import ModelError
from core_model.generation import Generator
from tests.evaluation_made import COLOURS, write_colour_manifest, write_sentence_model
from tests.made_scenes import mosaic
from tests.tiny import LLAMA, PROMPTS, loaded_tiny, save_tiny, tiny_config, tiny_model, tiny_tokenizer
from training.data.build.sheet import COLOURS as OUTLINES
from training.data.facts import scene_facts
from training.data.phrases import Turn
from training.data.questions import statement
from training.data.scenes import Scene
from training.data.vocabulary import UNKNOWN
from training.evaluate import main
from training.evaluation.asking import Asker, Question, no_image
from training.evaluation.bench import Bench
from training.evaluation.describing import Describing
from training.evaluation.features import Features
from training.evaluation.hallucination import Hallucination, picture_probes, region_probes
from training.evaluation.judges import Case, LabelJudge, LanguageModelJudge, RubricItem
from training.evaluation.manifest_set import ManifestSet, manifest_sets
from training.evaluation.material import NotMeasured, Spoken
from training.evaluation.public_sets import PublicSet
from training.evaluation.sentences import SentenceModel


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colour_manifest(tmp_path_factory.mktemp("made"), 18)


@pytest.fixture(scope="module")
def made(manifest: Path) -> ManifestSet:
    found = manifest_sets(manifest, "test", 64)[0]
    assert isinstance(found, ManifestSet)
    return found


@pytest.fixture(scope="module")
def asker() -> Asker:
    loaded = loaded_tiny()
    return Asker(Generator(loaded.model, loaded.tokenizer))


@pytest.fixture(scope="module")
def report(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ``--task all`` writes."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.which", lambda name: None)  # METEOR takes its Java seconds to start
        main(["--model", str(save_tiny(folder / "model")), "--task", "all", "--data", str(manifest),
              "--resamples", "20", "--sentence-model", str(write_sentence_model(folder / "sentences")),
              "--out", str(folder / "out")])
    return folder / "out"


def _outcomes(report: Path) -> Dict[str, Dict[str, Any]]:
    values = json.loads((report / "evaluation.json").read_text(encoding="utf-8"))
    return {outcome["task"]: outcome for outcome in values["outcomes"]}


def test_every_task_is_measured_or_said_to_be_missing(report: Path) -> None:
    values = json.loads((report / "evaluation.json").read_text(encoding="utf-8"))
    missing = {entry.split(":")[0] for entry in values["left_out"]}
    assert set(_outcomes(report)) | missing == {
        "recognition", "classification", "caption", "description", "hallucination"}
    assert missing <= {"caption"}  # pycocoevalcap may be absent
    for name, outcome in _outcomes(report).items():
        assert outcome["prompts"] and outcome["rows"], name
        with Image.open(report / f"sheet-{name}.png") as sheet:
            assert np.asarray(sheet).std() > 0


@pytest.mark.parametrize(("task", "rows"), [
    ("recognition", ["model", "shuffled masks", "no image", "most frequent: ", "pooled features, nearest centre",
                     "pooled features, logistic regression"]),
    ("classification", ["model, labels scored", "model, written", "shuffled masks, labels scored",
                        "no image, labels scored", "most frequent: ", "pooled features, nearest centre"]),
    ("hallucination", ["picture, adversarial: model", "picture, popular: model", "picture, random: model",
                       "region, confusable: model", "region: shuffled masks", "picture: no image",
                       "region: always yes", "region: pooled features, nearest centre"]),
    ("description", ["description: model (rules)", "description: shuffled masks (rules)",
                     "reasoning: no image (rules)"])])
def test_the_baselines_stand_beside_the_model(report: Path, task: str, rows: List[str]) -> None:
    found = [row["name"] for row in _outcomes(report)[task]["rows"]]
    assert [wanted for wanted in rows if not any(name.startswith(wanted) for name in found)] == []


def test_figures_have_intervals_and_prompts_are_exact(report: Path) -> None:
    outcome = _outcomes(report)["classification"]
    labels = ", ".join(COLOURS)
    assert outcome["prompts"][0] == f"Choose from: {labels}. What is <region>?"
    for row in outcome["rows"]:
        for figure in row["figures"].values():
            assert 0 <= figure["low"] <= figure["value"] + 1e-6 and figure["value"] <= figure["high"] + 1e-6 <= 1 + 1e-5
    answer = _outcomes(report)["recognition"]["answers"][0]
    # 28 by 28 pixels of half a metre: the context is filled in.
    assert answer["prompt"] == "GSD 0.5 m, area 200 m2. What is <region>?"
    text = (report / "evaluation.md").read_text(encoding="utf-8")
    assert "| model, labels scored | 18 |" in text and f"- `{outcome['prompts'][0]}`" in text
    assert "--task all" in text and "9 pictures (9 place(s))" in text


def test_pooled_features_learn_what_colour_tells(made: ManifestSet) -> None:
    """The baseline is a real one: where classes differ in colour it finds them, though the encoder is untrained."""
    training = made.training(20)
    assert training is not None and {target.label for target in training.targets} == set(COLOURS)
    guesses = Features(loaded_tiny().model, training).guesses(made, made.targets)
    truth = [made.labels.index(target.label) for target in made.targets]
    assert len(guesses) == 2
    for name, guess in guesses.items():
        assert np.mean(guess.said == truth) > 0.9, name


def test_replies_come_in_the_order_of_the_questions_and_alike_alone(made: ManifestSet, asker: Asker) -> None:
    questions = [Question(number, regions, text) for number, regions, text in (
        (4, (1,), "What is <region>?"), (0, (0,), "Describe <region>."), (4, (), "Describe the picture."),
        (0, (0, 1), "Compare <region1> and <region2>."))]
    together = asker.write(made, questions)
    assert [asker.write(made, [question])[0].text for question in questions] == [reply.text for reply in together]
    # All of 64 by 64 pixels of half a metre; a prompt that names no region gets one in front.
    assert together[2].prompt == "GSD 0.5 m, area 1000 m2. <region> Describe the picture."
    assert [reply.text for reply in asker.write(made, questions, no_image)] != [reply.text for reply in together]


def test_a_style_is_asked_after_the_label_where_the_model_wants_it(made: ManifestSet, asker: Asker) -> None:
    loaded = loaded_tiny()
    in_turn = Asker(Generator(tiny_model(loaded.tokenizer, label_first=True), loaded.tokenizer))  # type: ignore[arg-type]
    named, described = (Question(0, (1,), PROMPTS[style]) for style in ("category", "description"))
    label = in_turn.write(made, [named])[0]
    reply = in_turn.write(made, [described, named])
    assert reply[0].prompt == f"{label.prompt}\n{label.text}\nDescribe <region>." and reply[1].text == label.text
    assert asker.write(made, [described])[0].prompt.endswith("m2. Describe <region>.")


def test_a_manifest_becomes_references_and_questions(made: ManifestSet) -> None:
    spoken = made.captions()
    assert {entry.turn.kind for entry in spoken} == {"short", "detailed", "caption"}
    first = next(entry for entry in spoken if entry.turn.kind == "short")
    label = made.targets[0].label
    assert first.references == (f"a {label}", f"{label} of one colour")
    assert [entry.turn.kind for entry in made.reasoning()] == ["reasoning"] * len(made.places)
    assert made.units()[1] == "9 pictures (9 place(s))"
    assert made.targets[0].pixels == 28 * 28 and made.targets[0].cells == pytest.approx(28 * 28 / 1024)


def test_pictures_are_asked_about_what_is_absent(made: ManifestSet) -> None:
    probes = picture_probes(made, np.random.default_rng(0))
    for probe in probes:
        present = made.present(probe.picture) or frozenset()
        assert (probe.label in present) == probe.truth
    assert {probe.way for probe in probes} == {"picture, random", "picture, popular", "picture, adversarial"}
    # One of three classes is absent, so that one is asked for as present, in each of three ways.
    assert sum(probe.truth for probe in probes) == len(probes) / 2 == 3 * len(made.places)


def test_a_region_is_asked_for_the_class_the_model_confuses_it_with(made: ManifestSet) -> None:
    scores = np.zeros((len(made.targets), 3))
    for row, target in zip(scores, made.targets):
        own = made.labels.index(target.label)
        row[own], row[(own + 1) % 3], row[(own + 2) % 3] = 0.5, 0.1, 0.4
    probes = region_probes(made, scores, np.random.default_rng(0))
    asked = [probe for probe in probes if probe.way == "region, confusable" and not probe.truth]
    assert len(asked) == len(made.targets)
    for probe in asked:
        own = made.labels.index(made.targets[probe.target].label)
        assert probe.label == made.labels[(own + 2) % 3]


def test_public_scenes_are_described_compared_and_judged_by_facts() -> None:
    scenes = [mosaic(np.random.default_rng(number), "eurosat") for number in range(2)]
    config = tiny_config(300)
    data = PublicSet("eurosat", scenes, config, folder=Path())
    assert len(data.targets) == 18 and len(data.labels) == 10
    assert {entry.turn.kind for entry in data.captions()} == {"phrase", "description", "detailed"}
    assert all(entry.references for entry in data.captions())
    spoken = data.reasoning()
    assert {entry.turn.kind for entry in spoken} == {"compare", "larger", "tell-apart", "odd-one-out", "reasoning"}
    judge = LabelJudge()
    verdicts = judge.judge([_told(data, entry, entry.references[0]) for entry in spoken])
    assert all(value == 1 for verdict in verdicts for value in verdict.values())
    assert {item for verdict in verdicts for item in verdict} >= {
        "yes or no is right", "gives the reason", "finds the odd one",
        "names the class", "true: category", "true: colour", "true: larger"}
    assert data.present(0) == {data.targets[number].label for number in range(9)}


def test_another_one_than_the_odd_one_is_wrong() -> None:
    """Of three regions the second is odd; an answer that takes another, or none, has not found it."""
    turn = Turn("odd-one-out", "Which?", "The first is a road, …: the second is the odd one.", (0, 1, 2))
    said = ("The second is the odd one.", "The first is water: the first is the odd one.", "They are roads.",
            "the second is the odd one")
    verdicts = LabelJudge().judge([Case(turn, text, ("", "", ""), ()) for text in said])
    assert [verdict["finds the odd one"] for verdict in verdicts] == [1, 0, 0, 1]


def test_what_is_said_of_three_regions_is_checked_against_each() -> None:
    scene = mosaic(np.random.default_rng(3), "eurosat")
    facts = scene_facts(scene)
    three = next(each for each in combinations(range(len(facts)), 3)
                 if len({facts[number].name for number in each}) == 3)
    names = [facts[number].name for number in three]
    turn = Turn("odd-one-out", "Which?", "", three)
    said = ["The first {}, the second {}, the third {}: the third is the odd one.".format(*map(statement, told))
            for told in (names, [names[0], names[0], names[0]])]
    right, wrong = LabelJudge().judge([Case(turn, text, ("", "", ""), (), facts) for text in said])
    assert right["true: category"] == 1
    assert wrong["true: category"] == pytest.approx(1 / 3)


def test_another_reason_or_none_is_not_the_reason() -> None:
    answer = "No: it shows a river, and that is open water."
    turn = Turn("reasoning", "Is <region> dry land? Give the reason.", answer, (0,))
    said = ("No: it is a lake, and that is open water.", "No: it shows a river, and plants do not cover it.",
            "No: it shows a river.", "No: it shows a river, and a road, and that is open water.")
    verdicts = LabelJudge().judge([Case(turn, text, ("",), ()) for text in said])
    assert [verdict["gives the reason"] for verdict in verdicts] == [1, 0, 0, 0]
    own = replace(turn, answer="No: it is wet, and fish live there.")
    assert "gives the reason" not in LabelJudge().judge([Case(own, "No.", ("",), ())])[0]


def _told(data: PublicSet, entry: Spoken, text: str) -> Case:
    labels = {(target.picture, target.region): target.label for target in data.targets}
    own = tuple(labels[entry.picture, region] for region in entry.turn.regions)
    return Case(replace(entry.turn, answer=entry.references[0]), text, own, (), data.facts(entry.picture))


def _small_scenes() -> List[Scene]:
    scenes = [mosaic(np.random.default_rng(number), "eurosat") for number in range(2)]
    return [type(scene)(scene.image[::4, ::4], scene.gsd * 4, scene.categories[::4, ::4], scene.source,
                        scene.valid[::4, ::4], [type(region)(region.mask[::4, ::4], region.category)
                                                for region in scene.regions]) for scene in scenes]


def test_pictures_of_which_too_little_is_labelled_are_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their regions are, and no row stands without a question."""
    scenes, loaded = _small_scenes(), loaded_tiny()
    for scene in scenes:
        scene.categories[:] = UNKNOWN
    data = PublicSet("eurosat", scenes, loaded.model.config, folder=Path())
    monkeypatch.setattr(data, "training", lambda _count: None)
    bench = Bench(Generator(loaded.model, loaded.tokenizer), judges=[], resamples=5)
    outcome = Hallucination().measure(bench, data)
    assert {row.name.partition(",")[0].partition(":")[0] for row in outcome.rows} == {"region"}
    assert all(row.count for row in outcome.rows) and "No questions about whole pictures" in " ".join(outcome.notes)


def test_describing_runs_on_scenes_with_facts() -> None:
    small, loaded = _small_scenes(), loaded_tiny()
    bench = Bench(Generator(loaded.model, loaded.tokenizer), judges=[LabelJudge()], resamples=5)
    outcome = Describing().measure(bench, PublicSet("eurosat", small, loaded.model.config, folder=Path()))
    assert {row.name for row in outcome.rows} >= {"description: model (rules)", "reasoning: model (rules)"}
    assert any("--judge" in note for note in outcome.notes)


def test_the_label_judge_goes_by_names_and_by_yes_and_no() -> None:
    turn = Turn("detailed", "Describe <region>.", "A red roof.", (0,))
    judge = LabelJudge()
    good, bad, none = judge.judge([
        Case(turn, "This is a red roof.", ("red roof",), ("blue lake",)),
        Case(turn, "A Blue Lake, not a red roofing", ("red roof",), ("blue lake",)),
        Case(Turn("reasoning", "Is <region> dry?", "Yes: it is land.", (0,)), "No, it is wet.", ("",), ())])
    assert good == {"names the class": 1.0, "names no wrong class": 1.0}
    assert bad == {"names the class": 0.0, "names no wrong class": 0.0}
    assert none == {"yes or no is right": 0.0}


class _Yes:
    """A language model to which "yes" is e² times as likely as "no" where the prompt holds an "X", else the reverse."""

    device = torch.device("cpu")

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def eval(self) -> _Yes:
        return self

    def __call__(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        logits = torch.full((*input_ids.shape, self.tokenizer.size), -30.0)
        for row, (ids, seen) in enumerate(zip(input_ids, attention_mask)):
            last = int(seen.sum()) - 1
            says = "yes" if self.tokenizer.encode("X")[0] in ids[: last + 1].tolist() else "no"
            logits[row, last, self.tokenizer.encode("yes")[0]] = 2.0 if says == "yes" else 0.0
            logits[row, last, self.tokenizer.encode("no")[0]] = 0.0 if says == "yes" else 2.0
        return type("Output", (), {"logits": logits})()


def test_the_language_model_judge_reads_the_next_token() -> None:
    tokenizer = tiny_tokenizer()
    rubric = (RubricItem("good", "Is it good?"), RubricItem("no fault", "Is there a fault?", "no"))
    judge = LanguageModelJudge(_Yes(tokenizer), tokenizer, name="stub", rubric=rubric)
    turn = Turn("detailed", "Describe <region>.", "A roof.", (0,))
    yes, no, unasked = judge.judge([
        Case(turn, "X", (), ()), Case(turn, "a much longer answer than the other", (), ()),
        Case(Turn("detailed", "Describe <region>.", "", (0,)), "X", (), ())])
    likely = 1 / (1 + np.exp(-2.0))
    assert yes == pytest.approx({"good": likely, "no fault": 1 - likely}, abs=1e-4)
    assert no == pytest.approx({"good": 1 - likely, "no fault": likely}, abs=1e-4)
    assert unasked == {}


def test_a_judges_verdict_does_not_depend_on_its_batch(tmp_path: Path) -> None:
    """A random language model of a Hugging Face folder: padding changes nothing."""
    from core_model.network.language import build_language
    from core_model.weights import own_weights, write_folder

    tokenizer = tiny_tokenizer()
    torch.manual_seed(0)
    fields = {**LLAMA, "vocab_size": tokenizer.size}
    write_folder(tmp_path, own_weights(build_language(fields)))
    (tmp_path / "config.json").write_text(json.dumps(fields), encoding="utf-8")
    tokenizer.save(tmp_path)
    judge = LanguageModelJudge.load(tmp_path, torch.device("cpu"))
    cases = [Case(Turn("detailed", "Describe <region>.", "A roof.", (0,)), text, (), ())
             for text in ("a roof", "a field beside a long and winding river", "", "water")]
    together = judge.judge(cases)
    for case, verdict in zip(cases, together):
        assert judge.judge([case])[0] == pytest.approx(verdict, abs=1e-5)
    assert len({round(verdict["same thing"], 4) for verdict in together}) == 4


def test_what_is_missing_is_said_in_a_sentence(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = str(save_tiny(tmp_path / "model"))
    monkeypatch.setattr("training.evaluation.sentences.find_spec", lambda name: None)
    for arguments, message in (
        (["--data", str(manifest)], "card is of the public data sets"),
        (["--data", str(manifest), "--task", "recognition"], "make setup-evaluate"),
        (["--data", str(manifest), "--task", "classification", "--sets", "other"], "has no record"),
        (["--data", str(tmp_path / "nowhere"), "--task", "classification"], "there is no"),
        (["--data", str(manifest), "--task", "description", "--judge", str(tmp_path)], "config.json cannot be read"),
    ):
        with pytest.raises(SystemExit, match=message):
            main(["--model", model, *arguments])
    with pytest.raises(ModelError, match=r"has no tokenizer\.json"):
        SentenceModel(tmp_path)


def test_one_class_is_nothing_to_tell_apart(tmp_path: Path) -> None:
    path = write_colour_manifest(tmp_path, 2)
    alone = json.loads(path.read_text(encoding="utf-8").splitlines()[1])
    path.write_text(json.dumps({**alone, "regions": alone["regions"][:1], "conversations": []}), encoding="utf-8")
    data = manifest_sets(path, "test", 64)[0]
    with pytest.raises(NotMeasured, match="one class only"):
        data.require_targets()
    assert data.training(5) is None


def test_the_sheet_outlines_the_region(report: Path) -> None:
    with Image.open(report / "sheet-hallucination.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    assert (pixels == OUTLINES[0]).all(axis=2).sum() > 100
