"""The training code on made data: batches, losses, resuming, recipes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict, List

import numpy as np
import pytest
import torch

from core_model.config import EncoderConfig, ExtractorConfig
from core_model.network.aquila import TrainingBatch, collate_packed, pack
from core_model.text.prompt import IGNORED_LABEL, Turn
from tests.made_scenes import mosaic
from tests.tiny import CONTEXT, PROMPTS, tiny_model, tiny_tokenizer
from training import engine
from training.bank import BankBatches, PreparedScenes, fill
from training.calibrate import confidence_temperature, label_temperature
from training.data import sources, vocabulary
from training.data.augment import photometric
from training.data.conversations import (
    Material,
    TurnMaker,
    choose_regions,
    collate_texts,
    covering_names,
    material,
    picture_turn,
    pictures,
)
from training.data.mixture import MixtureConfig, SceneBatches
from training.data.scenes import Cutout, PatchMosaic, Scene
from training.data.sources import LabelledScene, Patch
from training.evaluation import asking, tasks
from training.evaluation.held_out import object_scenes, patch_scenes
from training.recipe import RecipeError, TextStage, load_recipe
from training.stages import encoder as encoder_stage
from training.stages.text import prompt_builder, training_loss

SIZE = 64


def _patches(count: int = 8) -> List[Patch]:
    rng = np.random.default_rng(0)
    numbers = vocabulary.of_source("eurosat")
    return [Patch(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8), numbers[n % 4]) for n in range(count)]


def _labelled() -> LabelledScene:
    rng = np.random.default_rng(1)
    categories = np.full((120, 150), vocabulary.index("dubai", "land"), np.int16)
    categories[20:60, 30:90] = vocabulary.index("dubai", "building")
    categories[:5] = vocabulary.UNKNOWN
    return LabelledScene("made", rng.integers(0, 255, (120, 150, 3), dtype=np.uint8), categories, 0.5, "dubai")


def _batch(model, tokenizer, turns: int = 2) -> TrainingBatch:  # noqa: ANN001 (the tiny model and its tokenizer)
    rng = np.random.default_rng(3)
    maker = PatchMosaic(_patches(), "eurosat", SIZE, (2,))
    scenes = [maker(rng) for _ in range(2)]
    for scene in scenes:
        choose_regions(rng, scene, 3)
    about = [material(scene) for scene in scenes]
    texts = collate_texts(
        [(one, TurnMaker((), turns, 1)(rng, one)) for one in about], prompt_builder(model, tokenizer), CONTEXT)
    shown = pictures(scenes)
    return TrainingBatch(**vars(texts), images=shown.images, masks=shown.masks.float(), image_index=shown.image_index)


def test_a_mosaic_labels_each_cell_with_its_patch() -> None:
    """Regions lie on pixels of their own category, and the GSD follows the enlargement."""
    maker = PatchMosaic(_patches(), "eurosat", SIZE, (2,), smallest_crop=1.0)
    for seed in range(20):
        scene = maker(np.random.default_rng(seed))
        assert scene.regions and scene.gsd == pytest.approx(10.0)
        for region in scene.regions:
            assert region.mask.any()
            assert set(scene.categories[region.mask].tolist()) == {region.category}


def test_a_cutout_keeps_regions_on_their_category() -> None:
    """Connected regions of labelled imagery stay on their own pixels at every scale."""
    maker = Cutout([_labelled()], SIZE)
    for seed in range(20):
        scene = maker(np.random.default_rng(seed))
        for region in scene.regions:
            assert set(scene.categories[region.mask].tolist()) == {region.category}
            assert region.mask.sum() >= 40


def test_batches_depend_on_seed_and_step_alone() -> None:
    """A resumed run sees the batches the first one would have seen."""
    config = MixtureConfig(shares={"eurosat": 1.0}, size=SIZE, scenes_per_batch=2)
    first, again = (SceneBatches({"eurosat": _patches()}, config, 10, 7) for _ in range(2))
    for one, other in zip(first[4], again[4]):
        assert np.array_equal(one.image, other.image)
    assert not np.array_equal(first[4][0].image, first[5][0].image)


def test_photometric_changes_keep_the_format() -> None:
    """Augmented pictures stay uint8 RGB and are mostly changed."""
    image = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    changed = [photometric(np.random.default_rng(seed), image) for seed in range(30)]
    assert all(one.shape == image.shape and one.dtype == np.uint8 for one in changed)
    assert sum(not np.array_equal(one, image) for one in changed) > 15


def test_splits_keep_blocks_together() -> None:
    """Neighbouring numbers, which may show the same place, never fall into different splits."""
    for split_of, block, first in ((sources.eurosat_split, 50, 1), (sources.ucmerced_split, 5, 0)):
        splits = {number: split_of(number) for number in range(first, 1000)}
        assert set(splits.values()) == {"train", "val", "test"}
        for number in range(first, 950, block):
            assert len({splits[number + step] for step in range(block)}) == 1


def test_canopies_follow_tree_points_and_green() -> None:
    """Green near a tree is canopy, green far away low vegetation, grey ground is bare."""
    bands = np.full((4, 100, 100), 100, np.uint8)
    bands[3, :, :50] = 220
    categories = sources.canopy_categories(bands, np.array([[10.0, 10.0]]))
    assert categories[10, 10] == vocabulary.index("naip", "canopy")
    assert categories[90, 40] == vocabulary.index("naip", "low")
    assert categories[50, 90] == vocabulary.index("naip", "bare")


def test_packed_conversations_cost_what_separate_ones_do() -> None:
    """One packed row has the loss of its turns trained one by one, so turns do not see each other."""
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    builder = prompt_builder(model, tokenizer)
    suffixes = [replace(builder.suffix([Turn(f"What {word} <region>?", answer)], 1), regions=[number])
                for number, (word, answer) in enumerate((("is", "forest"), ("was here", "a field")))]
    images = torch.randint(0, 255, (1, SIZE, SIZE, 3), dtype=torch.uint8)
    masks = torch.rand(2, SIZE, SIZE)

    def loss(numbers: List[int]) -> float:
        row = pack(builder.prefix(), [suffixes[number] for number in numbers], builder.tokens_per_region)
        batch = TrainingBatch(images=images, masks=masks, image_index=torch.zeros(2, dtype=torch.long),
                              region_index=torch.tensor(row.regions), **collate_packed([row]))
        with torch.no_grad():
            return float(model(batch)[0])

    counts = [sum(label != IGNORED_LABEL for label in suffix.labels) for suffix in suffixes]
    mean = sum(loss([number]) * counts[number] for number in (0, 1)) / sum(counts)
    assert loss([0, 1]) == pytest.approx(mean, abs=1e-4)


def test_training_on_one_batch_lowers_its_loss_and_leaves_the_encoder() -> None:
    """A few steps learn a batch by heart while the frozen encoder keeps its weights."""
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    batch = _batch(model, tokenizer)
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    model.encoder.requires_grad_(False)
    optimizer = engine.muon([pair for pair in model.named_parameters() if pair[1].requires_grad], 1e-2, 0.0)
    with torch.no_grad():
        seen = model.see(model.encoder(batch.images), batch.masks, batch.image_index)
    losses = []
    for _ in range(12):
        loss = training_loss(model, seen, batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert all(torch.equal(before[name], value) for name, value in model.encoder.state_dict().items())


def test_labels_cover_the_answers_only() -> None:
    """What is learned reads as the answers, in order, and nothing else."""
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    builder = prompt_builder(model, tokenizer)
    rng = np.random.default_rng(3)
    about = material(PatchMosaic(_patches(), "eurosat", SIZE, (2,))(rng))
    turns = TurnMaker((), 2)(rng, about)
    batch = collate_texts([(about, turns)], builder, CONTEXT)
    learned = batch.labels[0][batch.labels[0] != IGNORED_LABEL].tolist()
    wanted = [token for turn in turns for token in tokenizer.encode(turn.answer) + [tokenizer.end_id]]
    assert learned == wanted


def _bank(model, scenes: int = 4):  # noqa: ANN001, ANN202 (the tiny model)
    mixture = MixtureConfig(shares={"eurosat": 1.0}, size=SIZE, grids={0.0: (2,)}, scenes_per_batch=2)
    batches = SceneBatches({"eurosat": _patches()}, mixture, scenes // 2, 7)
    return fill(model, PreparedScenes(batches, 3, 1), 0, torch.device("cpu")), batches


def test_the_bank_gives_back_what_the_encoder_saw() -> None:
    """Scenes out of the bank cost what they cost when their pictures are encoded anew."""
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    bank, scenes = _bank(model)
    rng = np.random.default_rng((1, 0, 1))
    again = scenes[0]
    for scene in again:
        choose_regions(rng, scene, 3)
    shown = pictures(again)
    texts = BankBatches(bank, TurnMaker((), 2, 1), prompt_builder(model, tokenizer), CONTEXT, steps=1, size=2, seed=0)
    about = [bank.materials[number] for number in (0, 1)]
    batch = collate_texts(
        [(one, TurnMaker((), 2)(np.random.default_rng(0), one)) for one in about], texts.builder, CONTEXT)
    with torch.no_grad():
        direct = model(TrainingBatch(**vars(batch), images=shown.images, masks=shown.masks.float(),
                                     image_index=shown.image_index))[0]
        kept = model.read(bank.seen([0, 1], torch.device("cpu")), batch)[0]
    assert float(kept) == pytest.approx(float(direct), rel=2e-3)


def test_bank_batches_show_every_scene_before_any_again() -> None:
    """Four scenes in batches of two: two batches show all, and a resumed run draws the same."""
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    bank, _ = _bank(model)
    batches = BankBatches(bank, TurnMaker((), 2, 1), prompt_builder(model, tokenizer), CONTEXT, steps=4, size=2, seed=0)
    assert sorted(batches[0][0] + batches[1][0]) == [0, 1, 2, 3] == sorted(batches[2][0] + batches[3][0])
    assert torch.equal(batches[1][1].ids, batches[1][1].ids)


def test_stage_0_resumes_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping after step 2 and resuming ends where an unbroken run ends."""
    monkeypatch.setattr(encoder_stage, "load_sources", lambda *_: {"eurosat": _patches()})
    monkeypatch.setattr(encoder_stage, "MASK_GRID", 16)
    mixture = MixtureConfig(shares={"eurosat": 1.0}, size=SIZE, scenes_per_batch=2)
    encoder = EncoderConfig(vision={"timm_model_name": "convnext_atto_ols"}, image_size=SIZE)
    extractor = ExtractorConfig(width=32, spatial_size=16, spatial_width=32)
    stage = encoder_stage.EncoderStage(steps=4, warmup=1, workers=0, save_every=2)

    def run(folder: str) -> Dict[str, torch.Tensor]:
        found = encoder_stage.train(
            encoder, extractor, mixture, stage, tmp_path, tmp_path / folder, torch.device("cpu"))
        return dict(found.state_dict())

    whole = run("whole")
    kept = engine.RunFolder.save

    def stop_after_two(self: engine.RunFolder, **state: object) -> None:
        kept(self, **state)
        if state["step"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(engine.RunFolder, "save", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        run("broken")
    monkeypatch.setattr(engine.RunFolder, "save", kept)
    resumed = run("broken")
    assert all(torch.allclose(whole[name], resumed[name], atol=1e-5) for name in whole)


def test_recipes_load_and_refuse_unknown_fields(tmp_path: Path) -> None:
    """The shipped recipe builds a configuration; a misspelt field is named."""
    recipe = load_recipe("nano")
    assert recipe.config(vocabulary=500).language.huggingface["vocab_size"] == 500
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("align: {stepps: 3}\n")
    with pytest.raises(RecipeError, match="stepps"):
        load_recipe(str(wrong))
    with pytest.raises(RecipeError, match="tail"):
        TextStage(train=["tail"])


def test_a_loss_that_is_no_number_stops_the_run() -> None:
    """NaN ends training with a sentence, before it reaches a checkpoint."""
    with pytest.raises(FloatingPointError, match="step 7"):
        engine.check_finite(torch.tensor(float("nan")), 7)


def test_the_schedule_warms_up_and_falls() -> None:
    """Linear warm-up to 1, then a cosine down to its floor."""
    rates = [engine.cosine_rate(step, 100, 10) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0) and rates[-1] < 0.02
    assert rates[:10] == sorted(rates[:10]) and rates[10:] == sorted(rates[10:], reverse=True)


def test_calibration_error_of_known_confidences() -> None:
    """0.9 said, 0.5 right: the error is 0.4; honest confidences have none."""
    right = np.array([True, False] * 50)
    assert tasks.calibration_error(np.full(100, 0.9), right) == pytest.approx(0.4)
    assert tasks.calibration_error(np.full(100, 0.5), right) == pytest.approx(0.0)


def test_macro_f1_by_hand() -> None:
    """Two classes: F1 2/3 and 4/5."""
    pairs = [("a", "a"), ("a", "b"), ("b", "b"), ("b", "b")]
    assert tasks.macro_f1_of(pairs, ["a", "b", "c"]) == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_temperatures_undo_a_known_distortion() -> None:
    """Probabilities sharpened by a known temperature are fitted back to it."""
    rng = np.random.default_rng(0)
    honest = rng.dirichlet(np.ones(4), 4000)
    truth = np.array([rng.choice(4, p=row) for row in honest])
    sharp = honest**3 / (honest**3).sum(axis=1, keepdims=True)
    assert label_temperature([sharp], [truth]) == pytest.approx(3.0, rel=0.15)
    chances = rng.uniform(0.05, 1, 4000)
    assert confidence_temperature(chances**2, rng.uniform(size=4000) < chances) == pytest.approx(2.0, rel=0.15)


def test_picture_turn_names_what_covers_most() -> None:
    """Stage 1's caption lists the categories by their share."""
    scene = mosaic(np.random.default_rng(0), "eurosat")
    scene.categories[:] = vocabulary.index("eurosat", "Forest")
    scene.categories[:80] = vocabulary.index("eurosat", "River")
    about = Material(scene.gsd, [], covering_names(scene))
    assert picture_turn(np.random.default_rng(0), about).answer == "Forest and river."


def test_held_out_scenes_show_every_patch_and_object_once() -> None:
    """No held-out region is lost or doubled, and objects fill a quarter to a half of their picture."""
    scenes = patch_scenes(_patches(10), "eurosat", SIZE)
    assert sum(len(scene.regions) for scene in scenes) == 10
    found = object_scenes([_labelled()], SIZE)
    masks = [region.mask for scene in found for region in scene.regions
             if region.category == vocabulary.index("dubai", "building")]
    assert len(masks) == 1
    rows, columns = np.nonzero(masks[0])
    assert SIZE / 4 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= SIZE / 2 + 1
    scene = next(scene for scene in found if any(region.mask is masks[0] for region in scene.regions))
    assert set(scene.categories[masks[0]].tolist()) == {vocabulary.index("dubai", "building")}


def test_shuffled_masks_move_every_region(tmp_path: Path) -> None:
    """The baseline really shows another region of the picture."""
    scene: Scene = patch_scenes(_patches(4), "eurosat", SIZE)[0]
    masks = np.stack([region.mask for region in scene.regions]).astype(np.float32)
    moved = asking.shuffled_masks(scene.image, masks)[1]
    assert all((moved[n] * masks[n]).sum() == 0 for n in range(4))


def test_the_tasks_run_on_a_tiny_model() -> None:
    """Category, label and yes/no questions are asked of every region of every scene."""
    from core_model.generation import Generator

    tokenizer = tiny_tokenizer()
    generator = Generator(tiny_model(tokenizer, prompts=PROMPTS), tokenizer)
    scenes = tasks.known(patch_scenes(_patches(6), "eurosat", SIZE))
    assert len(tasks.answer(generator, scenes, tasks.category_turn(generator))) == 6
    probabilities = tasks.score(generator, scenes, ["forest", "river"])
    assert probabilities.shape == (6, 2) and np.allclose(probabilities.sum(axis=1), 1)
    rates = tasks.yes_no_rates(tasks.answer(generator, scenes, tasks.yes_no_turns(0)))
    assert rates["count"] > 6 and rates["yes ratio"] == 0.0
    assert replace(generator.model.config, label_temperature=2.0).label_temperature == 2.0
