"""Recipes: what they refuse, and what each shipped one says it will do, without a model of its size."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from core_model.checkpoint import load_model
from core_model.config import LanguageConfig
from tests.manifest_made import record_values, write_manifest
from tests.tiny import save_tiny, tiny_config
from training import run
from training.engine import Launch, training_arguments
from training.errors import RecipeError, TrainingError
from training.plan import plan_of
from training.recipe import RECIPES, TEXT_STAGES, load_recipe
from training.settings import Lora, TextStage

NAMES = sorted(path.stem for path in RECIPES.glob("*.yaml"))


def test_recipes_refuse_what_nobody_can_train(tmp_path: Path) -> None:
    """A misspelt field is named, in adapters too; parts, bits and ends that do not go together are sentences."""
    assert load_recipe("nano").config(vocabulary=500).language.huggingface["vocab_size"] == 500
    for text, word in (("align: {stepps: 3}", "stepps"), ("align: {lora: {rang: 3}}", "rang")):
        wrong = tmp_path / "wrong.yaml"
        wrong.write_text(text + "\n")
        with pytest.raises(RecipeError, match=word):
            load_recipe(str(wrong))
    for values in ({"train": ["tail"]}, {"quantised": "int4"}, {"quantised": "int2"}, {"about": "weather"},
                   {"optimizer": "sgd"}, {"average": 1.0}, {"train": ["projector"], "lora": Lora()}):
        with pytest.raises(RecipeError):
            TextStage(**values)
    with pytest.raises(RecipeError, match="7b"):
        load_recipe("7c")


def test_the_published_stages_are_the_papers() -> None:
    """Projector, extractor, everything but the encoder; rates, epochs, warm-up."""
    recipe = load_recipe("7b")
    found = [recipe.stage(name) for name in TEXT_STAGES]
    assert [stage.train for stage in found] == [["projector"], ["extractor"], ["projector", "extractor", "language"]]
    assert [stage.learning_rate for stage in found] == [1e-3, 2e-5, 1e-5]
    assert [stage.epochs for stage in found] == [1, 2, 2]
    assert {(stage.warmup, stage.floor, stage.optimizer) for stage in found} == {(0.03, 0.0, "adamw")}


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_tells_its_plan(name: str, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Parts, memory and steps of stage 3 are told; nothing is allocated, drawn or downloaded."""
    caplog.set_level(logging.INFO)
    start = [] if load_recipe(name).model else ["--start", "nano"]
    run.main("finetune", ["--recipe", name, "--plan", "--runs", str(tmp_path), "--device", "cpu", *start])
    told = caplog.text
    parts = ("encoder", "projector", "extractor", "language", "frozen", "trained")
    for word in (*parts, "memory of a process", "learning rate"):
        assert word in told, word
    assert not list(tmp_path.iterdir())


def test_a_recipe_that_goes_on_needs_a_start(tmp_path: Path) -> None:
    """What has no model of its own says so in a sentence."""
    with pytest.raises(SystemExit, match="--start"):
        run.main("finetune", ["--recipe", "nano-onward", "--plan", "--runs", str(tmp_path), "--device", "cpu"])


def test_memory_by_hand() -> None:
    """Weights, gradients, two moments and an average of a tiny model; FSDP2 divides all, ZeRO-2 not the weights."""
    config = tiny_config(300)
    stage = TextStage(train=["projector"], average=0.9, longest=100)
    plan = plan_of(config, stage, weights="bfloat16", rows=1)
    projector = next(part for part in plan.parts if part.name == "projector")
    others = sum(part.weights for part in plan.parts) - projector.weights
    assert plan.trained == projector.weights == projector.trained
    assert plan.memory["weights"] == 4 * projector.weights + 2 * others
    assert plan.memory["gradients"] == plan.memory["moving average"] == 4 * projector.weights
    assert plan.memory["optimiser"] == 8 * projector.weights
    halves = plan_of(config, stage, weights="bfloat16", rows=1, processes=2, sharding="fsdp2")
    assert halves.memory["weights"] == plan.memory["weights"] // 2
    zero = plan_of(config, stage, weights="bfloat16", rows=1, processes=2, sharding="zero2")
    assert zero.memory["weights"] == plan.memory["weights"]
    assert zero.memory["optimiser"] == plan.memory["optimiser"] // 2


def test_few_bits_and_checkpoints_take_less() -> None:
    """4-bit layers and recomputed activations show in the estimate."""
    language = {"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4,
                "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 300}
    config = tiny_config(300, language=LanguageConfig(language, template="nano"))
    stage = TextStage(train=["projector"], longest=100)
    plain = plan_of(config, stage, weights="bfloat16", rows=1).memory
    less = plan_of(config, replace(stage, quantised="int4", checkpointing=True), weights="bfloat16", rows=1).memory
    assert less["weights"] < plain["weights"] and less["activations"] < plain["activations"]


def test_a_recipe_without_a_start_says_how_to_make_one(tmp_path: Path) -> None:
    """The pretrained parts of 7b come from a folder."""
    with pytest.raises(SystemExit, match="core_model assemble"):
        run.main("pretrain", ["--recipe", "7b", "--runs", str(tmp_path), "--device", "cpu", "--report", "none"])
    with pytest.raises(SystemExit, match="no such folder|is no|there is no"):
        run.main("pretrain", ["--recipe", "7b", "--start", str(tmp_path / "none"), "--runs", str(tmp_path)])


def test_the_launch_files_are_read(tmp_path: Path) -> None:
    """Each file for dividing a model names what it divides, in the words of its library."""
    folder = RECIPES.parent / "launch"
    assert json.loads((folder / "fsdp2.json").read_text())["version"] == 2
    for stage in (2, 3):
        assert json.loads((folder / f"zero{stage}.json").read_text())["zero_optimization"]["stage"] == stage
    found = yaml.safe_load((folder / "fsdp2.yaml").read_text())
    assert found["distributed_type"] == "FSDP" and found["fsdp_config"]["fsdp_version"] == 2
    with pytest.raises(TrainingError, match="fsdp2, zero2, zero3"):
        training_arguments(TextStage(steps=1), Launch(tmp_path, torch.device("cpu"), "zero9"))


def test_a_recipe_is_trained_from_a_folder_and_a_manifest(tmp_path: Path) -> None:
    """Stage 2 by its command: epochs become steps, the folder loads, and a second time there is nothing to do."""
    pytest.importorskip("tensorboard")
    recipe = tmp_path / "small.yaml"
    recipe.write_text(yaml.safe_dump({
        "defaults": {"scenes_per_batch": 2, "workers": 0, "average": 0.5, "evaluate_every": 1},
        "align": {"train": ["extractor"], "epochs": 1, "learning_rate": 0.01}}), encoding="utf-8")
    entries = [record_values(id=str(number)) for number in range(4)]
    manifest = write_manifest(tmp_path / "m.jsonl", *entries, record_values(id="held out", split="val"))
    start = save_tiny(tmp_path / "start")
    command = ["--recipe", str(recipe), "--start", str(start), "--manifest", str(manifest), "--device", "cpu"]
    run.main("align", [*command, "--runs", str(tmp_path / "runs")])
    made = tmp_path / "runs" / "align" / "model"
    weights = load_model(str(made), device="cpu").model.state_dict()
    before = load_model(str(start), device="cpu").model.state_dict()
    changed = {name.split(".")[0] for name, value in weights.items() if not torch.equal(value, before[name])}
    assert changed == {"extractor"}
    assert json.loads((made.parent / "checkpoint-2" / "whole.json").read_text()) == {"step": 2}
    written = (made / "model.safetensors").stat().st_mtime_ns
    run.main("align", [*command, "--runs", str(tmp_path / "runs")])
    assert (made / "model.safetensors").stat().st_mtime_ns == written
    other = load_file(str(start / "model.safetensors"))
    save_file({name: value + 1 for name, value in other.items()}, str(start / "model.safetensors"))
    with pytest.raises(SystemExit, match="from another start; delete it"):
        run.main("align", [*command, "--runs", str(tmp_path / "runs")])


def test_a_stage_whose_start_is_not_there_yet_claims_nothing(tmp_path: Path) -> None:
    """It must begin once the stage before it has ended."""
    with pytest.raises(SystemExit, match="pretrain"):
        run.main("align", ["--recipe", "nano", "--runs", str(tmp_path), "--device", "cpu"])
    assert not (tmp_path / "align" / "asked.txt").exists()
