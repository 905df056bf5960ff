"""The engine: shares of a step, resuming, the moving average, guards, adapters, the folder at the end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest
import torch
from torch import nn

from core_model.checkpoint import load_model, save_model
from core_model.config import EncoderConfig, ExtractorConfig, LanguageConfig
from tests.conftest import REPOSITORY
from tests.made_training import (
    CPU,
    SIZE,
    STAGE,
    losses,
    made_engine,
    made_examples,
    no_bfloat16,
    patches,
    tiny_start,
    trained,
)
from tests.tiny import save_tiny, tiny_model, tiny_tokenizer
from training.average import Average
from training.callbacks import ZERO_STEPS, Guard
from training.checkpoints import is_finished, last_checkpoint
from training.data.mixture import MixtureConfig
from training.engine import Engine, Launch, Work, micro_batches, training_arguments
from training.errors import TrainingError
from training.feeds.examples import collate
from training.parts import adapted, finished, ready_to_train
from training.run import folder_start
from training.settings import EncoderStage, Lora
from training.stages import encoder as encoder_stage
from training.stages import regions
from training.stages.text import TextLearner

CLOSE = 2e-5


@pytest.fixture(autouse=True)
def _in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.precision.cpu_multiplies", no_bfloat16)


def _processes(out: Path, count: int, *kinds: str) -> subprocess.CompletedProcess[str]:
    """Train in ``count`` processes that talk to each other over gloo."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    several = ["torch.distributed.run", "--nproc-per-node", str(count), "--master-port", str(port), "-m"]
    command = [sys.executable, "-m", *(several if count > 1 else []), "tests.made_training", str(out), *kinds]
    # A process alone has as many threads as this one: sums are rounded differently with another number of them.
    threads = torch.get_num_threads() if count == 1 else 1
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, check=False, capture_output=True, text=True, timeout=900)


def test_two_processes_learn_as_one(tmp_path: Path) -> None:
    """DDP with Muon and FSDP2 with AdamW: losses and averaged weights are those of one process."""
    ended = _processes(tmp_path, 2, "plain", "fsdp2")
    assert ended.returncode == 0, ended.stderr
    for kind, optimizer in (("plain", "muon"), ("fsdp2", "adamw")):
        found = json.loads((tmp_path / f"{kind}.json").read_text(encoding="utf-8"))
        alone, weights = trained(tmp_path / f"alone-{kind}", replace(STAGE, optimizer=optimizer))
        assert found["losses"] == pytest.approx(alone, rel=CLOSE), kind
        norms = {name: float(value.norm()) for name, value in weights.items()}
        assert found["norm"] == pytest.approx(norms, rel=1e-3), kind


def test_two_processes_of_deepspeed_learn_as_one(tmp_path: Path) -> None:
    """ZeRO-2 and ZeRO-3, by the configurations that are shipped: losses and weights are those of one process."""
    pytest.importorskip("deepspeed")
    ended = _processes(tmp_path, 2, "zero2", "zero3")
    assert ended.returncode == 0, ended.stderr
    alone, weights = trained(tmp_path / "alone", replace(STAGE, optimizer="adamw", average=0.0))
    for kind in ("zero2", "zero3"):
        found = json.loads((tmp_path / f"{kind}.json").read_text(encoding="utf-8"))
        assert found["losses"] == pytest.approx(alone, rel=CLOSE), kind
        norms = {name: float(value.norm()) for name, value in weights.items()}
        assert found["norm"] == pytest.approx(norms, rel=1e-3), kind


def test_a_killed_run_goes_on_with_the_same_losses(tmp_path: Path) -> None:
    """Killed in step 4, after the checkpoint of step 2: steps 3 and 4 are those of an unbroken run, average and all."""
    ended = _processes(tmp_path, 1, "plain-killed-4")
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert last_checkpoint(tmp_path / "plain") == tmp_path / "plain" / "checkpoint-2"
    again, weights = trained(tmp_path / "plain")
    whole, unbroken = trained(tmp_path / "whole")
    assert len(again) == 4 and again == pytest.approx(whole, rel=1e-6)
    assert all(torch.allclose(weights[name], unbroken[name], atol=1e-6) for name in unbroken)


def test_a_checkpoint_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    """Without its last file a checkpoint does not count, however high its number."""
    for step, whole in ((2, True), (10, True), (12, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if whole:
            (tmp_path / f"checkpoint-{step}" / "whole.json").write_text("{}")
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-10"
    product = tmp_path / "product"
    assert not is_finished(tmp_path, 10, product)
    product.touch()
    assert is_finished(tmp_path, 10, product) and not is_finished(tmp_path, 11, product)


def test_a_state_of_another_stage_is_refused(tmp_path: Path) -> None:
    """Resuming with other trained parts says so instead of loading half of them."""
    made_engine(tmp_path, replace(STAGE, steps=2)).run()
    with pytest.raises(TrainingError, match="other weights"):
        made_engine(tmp_path, replace(STAGE, steps=3, train=["projector"])).run()


def test_accumulated_steps_equal_whole_ones(tmp_path: Path) -> None:
    """Four pictures at once, or one by one though their texts differ in length: the same losses."""
    assert micro_batches(replace(STAGE, micro_batch=1), 1) == (1, 4)
    whole, _ = trained(tmp_path / "whole", replace(STAGE, steps=2))
    pieces, _ = trained(tmp_path / "pieces", replace(STAGE, steps=2, micro_batch=1))
    assert pieces == pytest.approx(whole, rel=CLOSE)


def test_pictures_that_cannot_be_shared_out_are_refused() -> None:
    """Three processes cannot share four pictures; five at a time become the four that divide the batch."""
    with pytest.raises(TrainingError, match="multiple"):
        micro_batches(STAGE, 3)
    assert micro_batches(replace(STAGE, scenes_per_batch=8, micro_batch=5), 1) == (4, 2)


def test_the_average_moves_and_lends_its_weights() -> None:
    """The average of weights that move from 0 to 1 lies between; lent, it stands in the model and then does not."""
    module = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(module.weight)
    average = Average(0.5)
    average.begin(module)
    nn.init.ones_(module.weight)
    for _ in range(3):
        average.update(module)
    with average.instead(module):
        assert 0.8 < float(module.weight[0, 0].detach()) < 1
    assert float(module.weight[0, 0].detach()) == 1


def test_held_out_losses_are_measured_on_the_way(tmp_path: Path) -> None:
    """Every two steps, and lower at the end, since what is held out here is what is learned."""
    engine = made_engine(tmp_path, replace(STAGE, evaluate_every=2), held_out=True)
    engine.run()
    found = [entry["eval_loss"] for entry in engine.state.log_history if "eval_loss" in entry]
    assert len(found) == 2 and found[1] < found[0]
    assert all(0 <= entry["waiting"] <= 1 for entry in engine.state.log_history if "waiting" in entry)


def test_losses_go_to_tensorboard(tmp_path: Path) -> None:
    """The run's folder gets the events that TensorBoard reads."""
    pytest.importorskip("tensorboard")
    stage = replace(STAGE, steps=1)
    model, tokenizer = tiny_start()
    ready_to_train(model, stage)
    launch = Launch(tmp_path, CPU)
    work = Work(TextLearner(model), made_examples(model, tokenizer, stage), collate)
    Engine(work, stage, training_arguments(stage, launch), launch).run()
    assert list((tmp_path / "log").glob("events.out.*"))


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    """NaN ends training with a sentence, before it reaches a checkpoint."""
    engine = made_engine(tmp_path)
    with torch.no_grad():
        next(engine.model.model.projector.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match="nan at step 1"):
        engine.run()
    assert last_checkpoint(tmp_path) is None


def test_masked_labels_stop_the_run(tmp_path: Path) -> None:
    """A step without anything to learn is named."""
    engine = made_engine(tmp_path)
    engine.train_dataset.speak = lambda _rng, _about: []
    with pytest.raises(TrainingError, match="step 1 has nothing to learn"):
        engine.run()


def test_a_loss_that_stays_at_zero_stops_the_run() -> None:
    """Now and then is allowed; step after step is not."""
    guard = Guard()
    for loss in [0.0] * (ZERO_STEPS - 1) + [0.1] + [0.0] * (ZERO_STEPS - 1):
        guard.check_log(loss)
    with pytest.raises(TrainingError, match="nothing is learned"):
        guard.check_log(0.0)


@pytest.mark.parametrize("embeddings", [False, True])
def test_adapters_are_merged_into_what_they_made(tmp_path: Path, embeddings: bool) -> None:
    """A few steps of adapters; the folder written at the end says what the adapted model said."""
    pytest.importorskip("peft")
    lora = Lora(rank=4, alpha=8, dropout=0.0, embeddings=embeddings)
    stage = replace(STAGE, lora=lora, optimizer="adamw", average=0.0, checkpointing=True)
    engine = made_engine(tmp_path / "run", stage)
    batch = collate([engine.train_dataset[number] for number in range(2)])
    before = float(engine.model(**batch)["loss"])
    weights = engine.run()
    whole = [name for name in weights if name.startswith("language.") and "lora" not in name]
    assert [name.endswith("embed_tokens.weight") for name in whole] == [True] * embeddings
    save_model(tmp_path / "model", *finished(tiny_start, stage, weights, "float32"))
    merged = TextLearner(load_model(str(tmp_path / "model"), device="cpu", dtype="float32").model)
    with torch.no_grad():
        after = float(engine.model.eval()(**batch)["loss"])
        assert after < before
        assert float(merged(**batch)["loss"]) == pytest.approx(after, rel=1e-4)


def test_four_bit_weights_learn_by_adapters(tmp_path: Path) -> None:
    """QLoRA: the language model is loaded in four bits, adapters are trained, the folder has whole numbers again."""
    pytest.importorskip("peft")
    pytest.importorskip("bitsandbytes")
    language = {"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1,
                "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": tiny_tokenizer().size}
    start = folder_start(str(save_tiny(tmp_path / "start", language=LanguageConfig(language, template="nano"))))
    stage = replace(STAGE, lora=Lora(rank=4, dropout=0.0), quantised="int4", optimizer="adamw", average=0.0, steps=2)
    model, tokenizer = start("int4", CPU)
    ready_to_train(model, stage)
    launch = Launch(tmp_path / "run", CPU, "", ())
    work = Work(TextLearner(model), made_examples(model, tokenizer, stage), collate)
    engine = Engine(work, stage, training_arguments(stage, launch), launch)
    weights = engine.run()
    assert len(losses(engine.state.log_history)) == 2
    save_model(tmp_path / "model", *finished(start, stage, weights, "float32"))
    loaded = load_model(str(tmp_path / "model"), device="cpu", dtype="float32").model
    original = start("float32", CPU)[0]
    moved = [name for name, value in loaded.language.named_parameters()
             if not torch.equal(value, original.language.get_parameter(name))]
    assert moved and all("proj" in name for name in moved)


def test_adapters_that_fit_no_layer_are_refused() -> None:
    """A target that is not there is a sentence, not a traceback."""
    pytest.importorskip("peft")
    with pytest.raises(TrainingError, match="targets"):
        adapted(tiny_model(tiny_tokenizer()).language, Lora(targets="no_such_layer"))


def test_stage_1_trains_the_projector_and_stage_2_the_extractor() -> None:
    """What a stage does not name is frozen."""
    for part in ("projector", "extractor"):
        model, _ = tiny_start()
        ready_to_train(model, replace(STAGE, train=[part]))
        found = {name.split(".")[0] for name, value in model.named_parameters() if value.requires_grad}
        assert found == {part}


def _stage_0(
    out: Path, stage: EncoderStage, monkeypatch: pytest.MonkeyPatch, context_tokens: int = 4
) -> Tuple[float, float]:
    """Loss and norm of the gradient of one step."""
    monkeypatch.setattr(encoder_stage, "load_sources", lambda *_: {"eurosat": patches()})
    monkeypatch.setattr(regions, "MASK_GRID", 16)
    mixture = MixtureConfig(shares={"eurosat": 1.0}, size=SIZE, scenes_per_batch=2)
    config = EncoderConfig(vision={"timm_model_name": "convnext_atto_ols"}, image_size=SIZE)
    model = encoder_stage.classifier(config, ExtractorConfig(
        width=32, spatial_size=16, spatial_width=32, context_tokens=context_tokens, context_reach=0.2), stage)
    launch = Launch(out, CPU, "", ())
    work = encoder_stage.work(model, mixture, stage, out, CPU)
    engine = Engine(work, stage, training_arguments(stage, launch), launch)
    weights: Dict[str, Any] = engine.run()
    assert "encoder.trunk.stem.0.weight" in weights
    logged = engine.state.log_history[0]
    return logged["loss"], logged["grad_norm"]


def test_stage_0_weighs_regions_over_the_whole_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenes of different numbers of regions, at once or one by one: the same loss of both heads, the same gradient."""
    stage = EncoderStage(steps=1, scenes_per_batch=3, warmup=1, workers=0, save_every=9, optimizer="adamw", average=0.0)
    whole = _stage_0(tmp_path / "whole", stage, monkeypatch)
    pieces = _stage_0(tmp_path / "pieces", replace(stage, micro_batch=1), monkeypatch)
    assert pieces == pytest.approx(whole, rel=CLOSE)


def test_stage_0_learns_where_one_of_its_questions_has_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without context tokens no sector is asked about, and the other heads learn."""
    stage = EncoderStage(steps=1, scenes_per_batch=2, warmup=1, workers=0, save_every=9, optimizer="adamw", average=0.0)
    loss, gradient = _stage_0(tmp_path / "stage", stage, monkeypatch, context_tokens=0)
    assert 0 < loss < float("inf") and 0 < gradient < float("inf")
