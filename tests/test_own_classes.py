"""Regions and lists of labels as a user's own classes ask for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data import questions
from training.data.build.supplies import ManifestSupply
from training.data.build.vocabularies import ClassWords, speaking_of, words_for
from training.data.facts import scene_facts
from training.data.manifest.record import Record, RegionEntry
from training.data.questions import Subject
from training.data.scenes import Scene, SceneRegion


def test_lists_of_other_vocabularies_hold_one_right_label() -> None:
    """The classes that are said to overlap with the region's are no wrong answers, so they are not in its list."""
    own = ClassWords("gh", "greenhouse", overlaps=("barn",))
    with speaking_of("mine", [words_for("road"), words_for("barn"), own]):
        scene = Scene(
            np.full((64, 64, 3), 90, np.uint8), 1.0, np.zeros((64, 64), np.int16), "mine", np.ones((64, 64), bool),
            [SceneRegion(np.pad(np.ones((20, 20), bool), 22), 2)])
        facts = scene_facts(scene)
        found = [questions.labels(Subject(facts, 0, np.random.default_rng(seed))) for seed in range(60)]
    asked = [turn.instruction for turn in found if turn is not None]
    assert len(asked) > 30 and not any("barn" in text for text in asked)
    assert all("road" in text and "greenhouse" in text for text in asked)


@pytest.mark.parametrize("pond_first", [True, False])
def test_a_region_inside_another_is_kept_in_any_order(tmp_path: Path, pond_first: bool) -> None:
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "a.png")
    regions = [RegionEntry("pond", box=[20, 20, 40, 40]), RegionEntry("garden", box=[0, 0, 64, 64])]
    found = Record("a", "a.png", "farm", "own", width=64, height=64, gsd=0.5,
                   regions=tuple(regions if pond_first else regions[::-1]))
    supply = ManifestSupply(tmp_path, [found], [words_for("pond"), words_for("garden")], 64, 1, "train")
    drawn = supply.draw(np.random.default_rng(0), 0)
    assert drawn is not None
    assert {region.category: int(region.mask.sum()) for region in drawn.scene.regions} == {0: 400, 1: 64**2 - 400}
