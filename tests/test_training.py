"""The training code on made data: batches, losses, resuming, recipes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import List

import numpy as np
import pytest
import torch
from torch.nn import functional

from core_model.form import SHAPES
from core_model.network.aquila import TrainingBatch, collate_packed, pack
from core_model.text.prompt import IGNORED_LABEL, Turn
from tests.made_scenes import mosaic
from tests.made_training import CPU, SIZE, STAGE, made_examples, made_scenes, patches
from tests.tiny import CONTEXT, PROMPTS, tiny_model, tiny_tokenizer
from training.bank import fill, look
from training.calibrate import label_temperature
from training.data import conversations, sources, vocabulary
from training.data.augment import photometric
from training.data.conversations import (
    STYLES,
    Material,
    TurnMaker,
    covering_names,
    material,
    picture_turn,
    prompt_turns,
)
from training.data.facts import ORIENTATIONS, form
from training.data.mixture import MixtureConfig, SceneBatches
from training.data.phrases import CANONICAL
from training.data.questions import Subject, surroundings
from training.data.scenes import FEW_KINDS, Cutout, PatchMosaic, Scene
from training.data.sources import LabelledScene
from training.data.vocabulary import CATEGORIES, index
from training.evaluation import asking, tasks
from training.evaluation.held_out import object_scenes, patch_scenes
from training.feeds.examples import Order, collate
from training.feeds.examples import conversations as as_conversations
from training.optimizers import muon
from training.stages import regions
from training.stages.text import TextLearner, answer_weights, prompt_builder


def _labelled() -> LabelledScene:
    rng = np.random.default_rng(1)
    categories = np.full((120, 150), vocabulary.index("dubai", "land"), np.int16)
    categories[20:60, 30:90] = vocabulary.index("dubai", "building")
    categories[:5] = vocabulary.UNKNOWN
    return LabelledScene("made", rng.integers(0, 255, (120, 150, 3), dtype=np.uint8), categories, 0.5, "dubai")


def test_a_mosaic_labels_each_cell_with_its_patch() -> None:
    """Regions lie on pixels of their own category, and the GSD follows the enlargement."""
    maker = PatchMosaic(patches(), "eurosat", SIZE, (2,), smallest_crop=1.0)
    for seed in range(20):
        scene = maker(np.random.default_rng(seed))
        assert scene.regions and scene.gsd == pytest.approx(10.0)
        for region in scene.regions:
            assert region.mask.any()
            assert set(scene.categories[region.mask].tolist()) == {region.category}


def test_some_mosaics_show_two_categories_only() -> None:
    """Sixteen cells of four categories show three or more, unless the mosaic is to show few."""
    maker = PatchMosaic(patches(), "eurosat", SIZE, (4,))
    scenes = [maker(np.random.default_rng(seed)) for seed in range(200)]
    kinds = [len({region.category for region in scene.regions}) for scene in scenes]
    assert np.mean([count <= 2 for count in kinds]) == pytest.approx(FEW_KINDS, abs=0.1)
    shown = np.bincount([region.category for scene in scenes for region in scene.regions])
    shown = shown[shown > 0]
    assert len(shown) == 4 and shown.min() > 0.8 * shown.mean(), "all categories are as likely as before"


def test_parts_of_what_is_somewhere_in_its_patch_have_most_of_it() -> None:
    """A strip of a patch with a river may lie beside the river; one of a forest is a forest."""
    maker = PatchMosaic(patches(), "eurosat", SIZE)
    box, rng = (slice(0, SIZE), slice(0, SIZE)), np.random.default_rng(0)
    shares = {name: [maker.region(rng, box, index("eurosat", name)).mean() for _ in range(100)]
              for name in ("River", "Forest")}
    assert min(shares["River"]) >= 0.55 and min(shares["Forest"]) < 0.3
    assert sum(share < 1 for share in shares["River"]) > 10


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
    first, again = (SceneBatches({"eurosat": patches()}, config, 10, 7) for _ in range(2))
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
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    model.encoder.requires_grad_(False)
    examples = made_examples(model, tokenizer, STAGE, fill(model, made_scenes(2), 0, CPU))
    batch = collate([examples[0], examples[1]])
    learner = TextLearner(model)
    optimizer = muon([pair for pair in model.named_parameters() if pair[1].requires_grad], 1e-2, 0.0)
    losses = []
    for _ in range(12):
        loss = learner(**batch)["loss"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert all(torch.equal(before[name], value) for name, value in model.encoder.state_dict().items())


def test_labels_cover_the_answers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is learned reads as the answers, in order, and nothing else."""
    monkeypatch.setattr(conversations, "LABEL_FIRST", 0.0)
    tokenizer = tiny_tokenizer()
    examples = made_examples(tiny_model(tokenizer), tokenizer, STAGE)
    batch = collate([examples[0]])
    about, _ = examples.source[examples.order[0]]
    turns = examples.speak.maker(np.random.default_rng((examples.seed, 0, 2)), about)
    learned = batch["labels"][0][batch["labels"][0] != IGNORED_LABEL].tolist()
    assert learned == [token for turn in turns for token in tokenizer.encode(turn.answer) + [tokenizer.end_id]]
    assert float(batch["counts"]) == len(learned)


@pytest.mark.parametrize("of_categories", [False, True])
def test_the_first_word_of_an_answer_counts_as_often_as_asked(of_categories: bool) -> None:
    """A weight of 5 adds four times the cross-entropy of these words, and nothing of any other word."""
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    stage = replace(STAGE, pairs_per_region=3, kinds=["category"])
    examples = made_examples(model, tokenizer, stage)
    batch = collate([examples[0], examples[1]])
    stage = replace(stage, category_weight=5) if of_categories else replace(stage, verdict_weight=5)
    weights = answer_weights(stage, prompt_builder(model, tokenizer))
    answers = [one.name for one in CATEGORIES] if of_categories else ["Yes, it is", "No, it is"]
    wanted = {tokenizer.encode(answer)[0] for answer in answers}
    if not of_categories:
        wanted |= {tokenizer.encode(f"The {ordinal} is larger.")[1] for ordinal in ("first", "second", "third")}
    assert weights == dict.fromkeys(wanted, 5) and len(wanted) > 1
    with torch.no_grad():
        plain = float(TextLearner(model)(**batch)["loss"]) * float(batch["counts"])
        weighted = float(TextLearner(model, weights)(**batch)["loss"]) * float(batch["counts"])
        sight = look(model, batch["image"], batch["masks"], batch["image_index"])
        logits = model.logits(sight, as_conversations(batch))
        own = [
            functional.cross_entropy(logits[row, batch["parents"][row, place]][None], batch["labels"][row, place][None])
            for row, place in (batch["labels"] != IGNORED_LABEL).nonzero().tolist()
            if int(batch["labels"][row, place]) in wanted]
    assert len(own) > 4
    assert weighted - plain == pytest.approx(4 * float(sum(own)), rel=1e-3)


def test_nothing_is_weighed_where_nothing_is_asked_for() -> None:
    tokenizer = tiny_tokenizer()
    assert answer_weights(STAGE, prompt_builder(tiny_model(tokenizer), tokenizer)) == {}


def test_the_bank_gives_back_what_the_encoder_saw() -> None:
    """Pictures out of the bank cost what they cost when they are encoded anew."""
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    learner = TextLearner(model)
    seen = made_examples(model, tokenizer, STAGE)
    kept = made_examples(model, tokenizer, STAGE, fill(model, made_scenes(), 0, CPU))
    with torch.no_grad():
        direct = learner(**collate([seen[number] for number in range(4)]))["loss"]
        banked = learner(**collate([kept[number] for number in range(4)]))["loss"]
    assert float(banked) == pytest.approx(float(direct), rel=2e-3)


def test_a_picture_without_regions_is_learned_from() -> None:
    """Stage 1 asks about whole pictures: no region is read, and the loss is a number."""
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    examples = made_examples(model, tokenizer, replace(STAGE, kinds=["picture"]))
    batch = collate([examples[0], examples[1]])
    assert batch["masks"].shape == (0, SIZE, SIZE) and len(batch["region_index"]) == 0
    loss = TextLearner(model)(**batch)["loss"]
    loss.backward()
    assert np.isfinite(loss.item())


def test_sectors_hold_the_shares_of_their_side() -> None:
    """A region with forest north and a river south of it: these two sides hold only that."""
    scene = mosaic(np.random.default_rng(0), "eurosat")
    side = scene.image.shape[0]
    forest, river = vocabulary.index("eurosat", "Forest"), vocabulary.index("eurosat", "River")
    scene.valid[:] = True
    scene.categories[: side // 2], scene.categories[side // 2 :] = forest, river
    mask = torch.zeros(1, 64, 64)
    mask[0, 24:40, 24:40] = 1
    shares = regions.sector_shares(mask, torch.tensor([0]), [scene], 4)[0]
    assert shares[0, forest] == pytest.approx(1) and shares[2, river] == pytest.approx(1)
    assert shares.sum(dim=1).tolist() == pytest.approx([1, 1, 1, 1])
    scene.source = "solar"
    assert not regions.sector_shares(mask, torch.tensor([0]), [scene], 4).any()


def test_drawn_masks_have_many_forms() -> None:
    """Masks that teach the form show all directions, and all shapes but those that only real regions have."""
    rng = np.random.default_rng(0)
    forms = [form(regions.drawn_mask(rng, 128)) for _ in range(150)]
    assert {shape for shape, *_ in forms} >= set(SHAPES) - {"irregular"}
    assert {orientation for *_, orientation, _ in forms} == {None, *ORIENTATIONS}


def test_a_text_after_the_label_is_the_second_turn() -> None:
    """The category is asked for with the context and answered, then the description without it."""
    about = material(mosaic(np.random.default_rng(0), "eurosat"))
    turns = TurnMaker(("description",), 1)(np.random.default_rng(0), about)
    led = next(turn for turn in turns if turn.before)
    first, second = prompt_turns(about, led, CONTEXT)
    assert first.answer == about.facts[led.regions[0]].name and first.instruction.endswith(CANONICAL["category"])
    assert first.instruction.startswith("GSD") and (second.instruction, second.answer) == (led.instruction, led.answer)


def test_a_text_keeps_to_a_wrong_label_that_is_not_learned() -> None:
    """Label and text have one name, so the text follows what was said; only the text is an answer to learn."""
    rng = np.random.default_rng(0)
    about = material(mosaic(rng, "eurosat"))
    led = [turn for turn in TurnMaker(STYLES, 3, misled=1.0)(rng, about) if turn.before]
    assert led and {turn.kind for turn in led} == set(STYLES)
    for turn in led:
        ((_, said),) = turn.before
        assert said in turn.answer.lower() and said != about.facts[turn.regions[0]].name
        assert [one.learned for one in prompt_turns(about, turn, CONTEXT)] == [False, True]


def test_a_second_neighbour_is_named_where_it_has_a_quarter_of_the_ring() -> None:
    """Smaller ones are seldom named rightly; the largest is always named."""
    about = material(mosaic(np.random.default_rng(0), "eurosat"))
    road, forest = (next(number for number, one in enumerate(CATEGORIES) if one.name == name)
                    for name in ("highway", "forest"))
    for share, expected in ((0.2, "a forest"), (0.3, "a forest and a highway")):
        own = replace(about.facts[0], name="river", neighbours=((forest, 0.6), (road, share)), ring_known=1.0)
        assert surroundings(Subject([own], 0, np.random.default_rng(0)), 2, 0.25) == expected


def test_every_picture_is_shown_before_any_again() -> None:
    """Four pictures in batches of two: two batches show all, in another order each round, the same for a seed."""
    order, again, other = Order([1] * 4, 2, 0), Order([1] * 4, 2, 0), Order([1] * 4, 2, 5)
    rounds = [[order[place] for place in range(start, start + 4)] for start in range(0, 80, 4)]
    assert all(sorted(found) == [0, 1, 2, 3] for found in rounds)
    assert len({tuple(found) for found in rounds}) > 5
    assert [again[place] for place in range(80)] == [number for found in rounds for number in found]
    assert [other[place] for place in range(80)] != [again[place] for place in range(80)]


def test_batches_hold_pictures_of_one_length() -> None:
    """Grouped by length, less than half of the padding of a random order is left."""
    lengths = np.random.default_rng(0).integers(10, 500, 640)
    order = Order(lengths.tolist(), 8, 0)
    grouped = lengths[[order[place] for place in range(640)]].reshape(-1, 8)
    shuffled = np.random.default_rng(1).permutation(lengths).reshape(-1, 8)
    padding = [float((rows.max(axis=1, keepdims=True) - rows).sum()) for rows in (grouped, shuffled)]
    assert padding[0] < 0.5 * padding[1]
    assert sorted(order[place] for place in range(640)) == list(range(640))


def test_calibration_error_of_known_confidences() -> None:
    """0.9 said, 0.5 right: the error is 0.4; honest confidences have none."""
    right = np.array([True, False] * 50)
    assert tasks.calibration_error(np.full(100, 0.9), right) == pytest.approx(0.4)
    assert tasks.calibration_error(np.full(100, 0.5), right) == pytest.approx(0.0)


def test_macro_f1_by_hand() -> None:
    """Two classes: F1 2/3 and 4/5."""
    pairs = [("a", "a"), ("a", "b"), ("b", "b"), ("b", "b")]
    assert tasks.macro_f1_of(pairs, ["a", "b", "c"]) == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_the_label_temperature_undoes_a_known_distortion() -> None:
    """Probabilities sharpened by a known temperature are fitted back to it."""
    rng = np.random.default_rng(0)
    honest = rng.dirichlet(np.ones(4), 4000)
    truth = np.array([rng.choice(4, p=row) for row in honest])
    sharp = honest**3 / (honest**3).sum(axis=1, keepdims=True)
    assert label_temperature([sharp], [truth]) == pytest.approx(3.0, rel=0.15)


def test_picture_turn_names_what_covers_most() -> None:
    """Stage 1's caption lists the categories by their share."""
    scene = mosaic(np.random.default_rng(0), "eurosat")
    scene.categories[:] = vocabulary.index("eurosat", "Forest")
    scene.categories[:80] = vocabulary.index("eurosat", "River")
    about = Material(scene.gsd, [], covering_names(scene))
    assert picture_turn(np.random.default_rng(0), about).answer == "Forest and river."


def test_held_out_scenes_show_every_patch_and_object_once() -> None:
    """No held-out region is lost or doubled, and objects fill a quarter to a half of their picture."""
    scenes = patch_scenes(patches(10), "eurosat", SIZE)
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
    scene: Scene = patch_scenes(patches(4), "eurosat", SIZE)[0]
    masks = np.stack([region.mask for region in scene.regions]).astype(np.float32)
    moved = asking.shuffled_masks(scene.image, masks)[1]
    assert all((moved[n] * masks[n]).sum() == 0 for n in range(4))


def test_the_tasks_run_on_a_tiny_model() -> None:
    """Category, label and yes/no questions are asked of every region of every scene."""
    from core_model.generation import Generator

    tokenizer = tiny_tokenizer()
    generator = Generator(tiny_model(tokenizer, prompts=PROMPTS), tokenizer)
    scenes = tasks.known(patch_scenes(patches(6), "eurosat", SIZE))
    assert len(tasks.answer(generator, scenes, tasks.category_turn(generator))) == 6
    probabilities = tasks.score(generator, scenes, ["forest", "river"])
    assert probabilities.shape == (6, 2) and np.allclose(probabilities.sum(axis=1), 1)
    rates = tasks.yes_no_rates(tasks.answer(generator, scenes, tasks.yes_no_turns(0)))
    assert rates["count"] > 6 and rates["yes ratio"] == 0.0
    assert replace(generator.model.config, label_temperature=2.0).label_temperature == 2.0
