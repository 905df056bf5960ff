"""What the evaluation's data sets hold: of manifests the right questions, of public sets their own pixels."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
import pytest

from tests.evaluation_made import write_colour_manifest
from tests.made_scenes import mosaic
from tests.tiny import loaded_tiny, tiny_config
from training import evaluate
from training.data.sources import LabelledScene, Patch
from training.data.vocabulary import UNKNOWN, index
from training.evaluation.held_out import object_scenes, patch_scenes
from training.evaluation.manifest_set import manifest_sets
from training.evaluation.public_sets import PublicSet


def _said(kind: str, *turns: Tuple[str, str], regions: Tuple[int, ...] = ()) -> Dict[str, Any]:
    said = [{"instruction": asked, "answer": answer} for asked, answer in turns]
    return {"kind": kind, "regions": list(regions), "turns": said}


def test_a_style_is_asked_for_itself_and_answers_go_with_their_question(tmp_path: Path) -> None:
    """A description may follow the class in its conversation; two questions about a picture have two answers."""
    path = write_colour_manifest(tmp_path, 2)
    values = json.loads(path.read_text(encoding="utf-8").splitlines()[1])
    named = ("What is <region>?", "roof")
    values["conversations"] = [
        _said("description", named, ("Describe <region>.", "A red roof."), regions=(0,)),
        _said("description", ("Describe <region>.", "A small, red roof."), regions=(0,)),
        _said("question", ("How many roofs are there?", "One.")), _said("question", ("Is there a lake?", "No.")),
        _said("question", ("Is there a lake?", "There is none.")),
        _said("dialogue", named, ("Is it red?", "Yes."), regions=(0,))]
    path.write_text(json.dumps(values), encoding="utf-8")
    data = manifest_sets(path, "test", 64)[0]
    (described,) = data.captions()
    assert described.turn.instruction == "Describe <region>."
    assert described.references == ("A red roof.", "A small, red roof.")
    assert [(entry.turn.instruction, entry.references) for entry in data.reasoning()] == [
        ("How many roofs are there?", ("One.",)), ("Is there a lake?", ("No.", "There is none.")),
        ("What is <region>?", ("roof",))]


def test_pixels_of_public_regions_are_the_data_sets() -> None:
    """A patch of 64 by 64 pixels has as many, though it is shown at 128 by 128; objects may be shown larger, too."""
    patches = [Patch(np.full((64, 64, 3), 40 * number, np.uint8), number) for number in range(4)]
    data = PublicSet("eurosat", patch_scenes(patches, "eurosat", 256), tiny_config(300), folder=Path())
    assert [(target.pixels, target.shown_pixels) for target in data.targets] == [(64**2, 128**2)] * 4
    categories = np.full((64, 64), UNKNOWN, np.int16)
    categories[20:30, 20:30] = index("dubai", "water")
    image = LabelledScene("tile2-a", np.zeros((64, 64, 3), np.uint8), categories, 0.5, "dubai")
    (target,) = PublicSet("dubai", object_scenes([image], 64), tiny_config(300), folder=Path()).targets
    assert target.pixels == 100 < target.shown_pixels


def test_the_cards_quick_look_is_from_all_over_the_set(monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = [mosaic(np.random.default_rng(number), "eurosat") for number in range(4)]
    measured: Dict[str, Any] = {}
    monkeypatch.setattr(evaluate, "held_out_scenes", lambda *_: {"eurosat": scenes})
    monkeypatch.setattr(evaluate.tasks, "known", lambda kept: kept)
    monkeypatch.setattr(evaluate.card, "measure", lambda _generator, kept: measured.update(kept) or {})
    monkeypatch.setattr(evaluate.card, "markdown", lambda _figures, _name: "")
    chosen = argparse.Namespace(data=Path("none"), split="test", sets=(), scenes=2, out=None)
    evaluate.measure_card(loaded_tiny(), chosen)
    assert [id(scene) for scene in measured["eurosat"]] == [id(scenes[0]), id(scenes[2])]
