"""The experiments: what they count, by hand; each on a tiny model; and tokens traced through the product."""

from __future__ import annotations

import dataclasses
import importlib
import shlex
from pathlib import Path
from typing import Dict, List

import numpy as np
import pytest
import torch

from core_model.checkpoint import load_model
from tests.made_training import write_pictures
from tests.tiny import save_tiny
from training.data import vocabulary
from training.data.scenes import Scene
from training.data.sources import LabelledScene, Patch
from training.evaluation.held_out import object_scenes, patch_scenes
from training.experiments import measures
from training.experiments.report import Report, wrapped
from training.experiments.setting import Setting, command

SIZE = 64


def _patches(source: str, count: int) -> List[Patch]:
    rng = np.random.default_rng(0)
    numbers = vocabulary.of_source(source)
    return [Patch(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8), numbers[n % 5]) for n in range(count)]


def _labelled() -> LabelledScene:
    rng = np.random.default_rng(1)
    categories = np.full((120, 150), vocabulary.index("dubai", "land"), np.int16)
    categories[20:60, 30:90] = vocabulary.index("dubai", "building")
    return LabelledScene("made", rng.integers(0, 255, (120, 150, 3), dtype=np.uint8), categories, 0.5, "dubai")


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """A tiny model with made scenes in place of the held-out ones."""
    objects = object_scenes([_labelled()], SIZE)
    held_out: Dict[str, List[Scene]] = {
        "eurosat": patch_scenes(_patches("eurosat", 16), "eurosat", SIZE),
        "ucmerced": patch_scenes(_patches("ucmerced", 12), "ucmerced", SIZE), "dubai": objects, "banepa": objects}
    loaded = load_model(str(save_tiny(tmp_path_factory.mktemp("tiny") / "model")), device="cpu")
    return Setting(loaded, most=4, held_out=held_out)


def test_area_under_curve_counts_pairs() -> None:
    assert measures.area_under_curve(np.array([3.0, 1.0]), np.array([2.0, 0.0])) == 0.75
    assert measures.area_under_curve(np.array([1.0]), np.array([1.0, 0.0])) == 0.75  # a tie counts half
    assert np.isnan(measures.area_under_curve(np.array([]), np.array([1.0])))


def test_average_precision_of_a_ranked_list() -> None:
    assert measures.average_precision(np.array([True, False, True])) == pytest.approx((1 + 2 / 3) / 2)
    assert measures.average_precision(np.array([False, True])) == 0.5
    assert np.isnan(measures.average_precision(np.array([False])))


def test_retrieval_leaves_out_the_querys_own_picture() -> None:
    similarity = np.array([
        [9.0, 8.0, 2.0, 1.0],
        [8.0, 9.0, 1.0, 2.0],
        [2.0, 1.0, 9.0, 5.0],
        [1.0, 2.0, 5.0, 9.0]])
    classes, pictures = [0, 0, 0, 1], [0, 0, 1, 2]
    # 0 and 1 are of one picture. 0 ranks 2 (right), 3; 1 ranks 3, 2 (right); 2 ranks 3, 0, 1 (both right).
    mean, first, count = measures.retrieval(similarity, classes, pictures)
    assert count == 3
    assert mean == pytest.approx((1 + 1 / 2 + (1 / 2 + 2 / 3) / 2) / 3)
    assert first == pytest.approx(1 / 3)


def test_leakage_is_the_outside_s_share_of_the_move() -> None:
    before = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]])
    scale = measures.typical_distance(before)
    assert scale == pytest.approx((4 + 3 + 5) / 3)
    outside = measures.relative_change(before, before + [1.0, 0.0], scale)
    inside = measures.relative_change(before, before + [0.0, 4.0], scale)
    np.testing.assert_allclose(outside, 0.25)
    assert measures.leakage(outside, inside) == pytest.approx(0.25)


def test_a_linear_probe_learns_what_is_linear() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 5))
    classes = np.where(points[:, 0] + points[:, 1] > 0, 7, 3)
    said = measures.linear_probe(points[:100], classes[:100].tolist(), points[100:])
    assert (said == classes[100:]).mean() > 0.9
    shuffled = measures.linear_probe(points[:100], rng.permutation(classes[:100]).tolist(), points[100:])
    assert (shuffled == classes[100:]).mean() < 0.7


def test_a_cell_is_not_compared_with_itself() -> None:
    from training.experiments.likeness import likeness_to_the_rest, separation

    cells = torch.zeros(2, 2, 2)
    cells[:, 0, 0], cells[:, 0, 1] = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    cells[:, 1, 0] = cells[:, 1, 1] = torch.tensor([1.0, 1.0])
    mask = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    likeness = likeness_to_the_rest(cells, mask)
    np.testing.assert_allclose(likeness[0], 0.0, atol=1e-6)  # with itself in the mean it would be 0.71
    np.testing.assert_allclose(likeness[1], 1.0, atol=1e-6)
    alone = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert np.isnan(likeness_to_the_rest(cells, alone)[0, 0])
    assert separation(likeness, mask.numpy() > 0, mask.numpy() == 0) == (0.0, 0.0)


def test_exact_weights_pool_the_enlarged_level() -> None:
    pytest.importorskip("matplotlib")
    from training.experiments.pooling import exact_weights

    level = torch.randn(1, 3, 4, 4)
    mask = torch.zeros(1, 32, 32)
    mask[0, 3:17, 20:27] = 1
    enlarged = torch.nn.functional.interpolate(level, (32, 32), mode="bilinear", align_corners=False)
    expected = (enlarged[0] * mask).sum(dim=(1, 2)) / mask.sum()
    weights = exact_weights(mask, 4, 4)[0]
    torch.testing.assert_close((level[0] * weights).sum(dim=(1, 2)) / weights.sum(), expected)


def test_masks_of_every_granularity() -> None:
    pytest.importorskip("matplotlib")
    from training.experiments.granularity import FORMS, overlap

    mask = np.zeros((64, 64), bool)
    mask[10:40, 12:32] = True
    made = {name: form(mask) for name, form in FORMS.items()}
    assert (made["exact"] == mask).all() and (made["box"] == mask).all()
    assert (made["grown"] >= mask).all() and (made["shrunk"] <= mask).all()
    assert made["grown"].sum() > mask.sum() > made["shrunk"].sum() > 0
    # The ellipse of a rectangle's moments has semi-axes side / √3.
    assert made["ellipse"].sum() == pytest.approx(np.pi * 30 * 20 / 3, rel=0.03)
    ragged = mask & ~np.tri(64, dtype=bool)
    assert 0.6 < overlap(FORMS["coarse"](ragged), ragged) < 1
    assert overlap(mask, np.roll(mask, 15, axis=0)) == pytest.approx(1 / 3)


def test_a_sliding_region_covers_the_share_it_says() -> None:
    pytest.importorskip("matplotlib")
    from training.experiments.ambiguity import SHARES, sliding_masks

    for share, mask in zip(SHARES, sliding_masks(256)):
        assert mask[:, 128:].sum() / mask.sum() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("name", [
    "mask_features", "interleaving", "pooling", "granularity", "ambiguity", "elsewhere"])
def test_every_experiment_writes_its_report(name: str, setting: Setting, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("skimage")
    report = importlib.import_module(f"training.experiments.{name}").run(setting)
    path = report.write(tmp_path, run="one run", weights=setting.weights, command="a command")
    text = path.read_text(encoding="utf-8")
    assert path.name == f"{name}.md" and wrapped(report.question) in text and setting.weights in text
    assert text.count("\n|---") >= 1 and report.figures
    for file in report.figures:
        assert f"({file})" in text and 0 < (tmp_path / file).stat().st_size < 300_000


def test_encoders_are_trained_and_compared(setting: Setting, tmp_path: Path) -> None:
    """Both by the present stage 0, in one step of made pictures; every encoder has answered every region."""
    pytest.importorskip("matplotlib")
    from training.experiments import encoders

    kept = [number for number in range(5, 500, 5) if number % 25 == 0]
    write_pictures(tmp_path / "eurosat_rgb.zip", [f"x/{kind}_{n}.jpg" for kind in ("Forest", "River") for n in kept])
    report = encoders.run(dataclasses.replace(setting, data=tmp_path, most=2), steps=1)
    path = report.write(tmp_path, run="one run", weights="aaa", command="a command")
    rows = [line.split(" | ") for line in path.read_text(encoding="utf-8").splitlines()]
    trained = [row for row in rows if row[0] in ("| ConvNeXt", "| ViT") and len(row) == 6]
    assert {row[0] for row in trained} == {"| ConvNeXt", "| ViT"} and len({row[3] for row in trained}) == 1
    assert all(0 <= float(row[4]) <= 1 and int(row[3]) > 0 for row in trained)


def test_a_new_run_keeps_the_prose_and_warns_of_other_weights(tmp_path: Path) -> None:
    def write(weights: str) -> str:
        report = Report("made", "Made", "Why?", "So.")
        report.table("Numbers.", ["a", "b"], [[0.12345, float("nan")]])
        return report.write(tmp_path, run="run", weights=weights, command="c").read_text(encoding="utf-8")

    first = write("aaa")
    assert "| 0.123 | – |" in first and "Not written yet." in first
    (tmp_path / "made.md").write_text(first.replace("Not written yet.", "It works.\n\nMostly."), encoding="utf-8")
    again, other = write("aaa"), write("bbb")
    assert again.endswith("It works.\n\nMostly.\n") and "**" not in again
    assert "written about `aaa`" in other and "weights `bbb`" in other and other.endswith("It works.\n\nMostly.\n")
    assert write("bbb") == other and write("aaa") == again


def test_a_report_names_the_command_that_made_it(tmp_path: Path) -> None:
    """With every option that was given, so that a quick look cannot pass for the whole."""
    given = ["--model", str(save_tiny(tmp_path / "model")), "--out", str(tmp_path), "--most", "3"]
    command("made", lambda setting: Report("one", "One", "Why?", f"{setting.most} regions."), "", given)
    text = (tmp_path / "one.md").read_text(encoding="utf-8")
    assert f"```\n{shlex.join(['python', '-m', 'training.experiments.made', *given])}\n```" in text
    assert "3 regions." in text


@pytest.mark.parametrize(("side", "share"), [(0.04, 0.0), (0.04, 1.0), (0.3, 0.5), (0.9, 0.0), (0.9, 1.0)])
def test_every_token_reaches_the_language_model_as_it_was_made(setting: Setting, side: float, share: float) -> None:
    """Masks of any size and place: words, picture and region tokens are exactly what their places should hold."""
    pytest.importorskip("matplotlib")
    from training.experiments import interleaving

    image = setting.held_out["eurosat"][0].image
    corner = (1 - side) * share
    found = interleaving.trace(setting, image, [interleaving._at(SIZE, corner, corner, side)])
    assert interleaving.gaps(setting, found) == {"text": 0.0, "image": 0.0, "region": 0.0}
    per_region = setting.loaded.model.config.extractor.tokens_per_region
    assert [kind for kind in found.kinds if kind not in ("text", "image")] == ["mask", "context", "spatial"]
    assert per_region == 3 and found.kinds.count("image") == setting.loaded.model.image_tokens


def test_moving_a_mask_changes_its_slots_alone_and_regions_swap(setting: Setting) -> None:
    pytest.importorskip("matplotlib")
    from training.experiments import interleaving

    image = setting.held_out["eurosat"][0].image
    still = interleaving.trace(setting, image, [interleaving._at(SIZE, 0.34, 0.34, interleaving.SIDE)])
    found = interleaving.checks(setting, image, still)
    assert len(found) == 9 and [name for name, held in found if not held] == []


def test_the_trace_sees_a_wrong_token(setting: Setting) -> None:
    """A slot that holds anything else than the extractor made is found out."""
    pytest.importorskip("matplotlib")
    from training.experiments import interleaving

    image = setting.held_out["eurosat"][0].image
    found = interleaving.trace(setting, image, [interleaving._at(SIZE, 0.34, 0.34, interleaving.SIDE)])
    spoilt = [part.flip(1) for part in found.recorded.region_tokens]
    wrong = dataclasses.replace(found, recorded=dataclasses.replace(found.recorded, region_tokens=spoilt))
    off = interleaving.gaps(setting, wrong)
    assert off["region"] > 0 and off["text"] == off["image"] == 0


def test_tensor_memory_counts_what_lives_at_once() -> None:
    pytest.importorskip("matplotlib")
    from training.experiments.encoders import TensorMemory

    with TensorMemory() as memory:
        first = torch.zeros(1000)
        second = first + 1
        part = second.view(10, 100)  # shares its storage
        del first
        third = part * 2
        del second, part, third
    assert memory.peak == 2 * 4000 and memory.live == 0
