"""The engine of all stages: transformers' Trainer, taught to weigh losses over all processes and to save little.

One process or many (``torchrun``, ``accelerate launch``), with DDP, FSDP2 or DeepSpeed: a step's loss and gradients are
those of its whole batch, however that is shared out.
"""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from core_model.compat import ensure_torchvision
from training.average import Average, gathered
from training.callbacks import Averaging, Guard, LogLine, tensorboard
from training.checkpoints import (
    SCHEDULER,
    close_checkpoint,
    last_checkpoint,
    load_divided_optimizer,
    load_trained,
    save_divided_optimizer,
    save_trained,
)
from training.errors import TrainingError
from training.optimizers import muon
from training.parts import trained_weights
from training.precision import has_bfloat16
from training.settings import Schedule

ensure_torchvision()
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin  # noqa: E402
from transformers import PrinterCallback, Trainer, TrainingArguments  # noqa: E402
from transformers.integrations.deepspeed import unset_hf_deepspeed_config  # noqa: E402

_LOG = logging.getLogger(__name__)
LAUNCH = Path(__file__).resolve().parent / "launch"


@dataclass(frozen=True)
class Launch:
    """Where a stage runs: its folder, the device's kind, how it is divided, and who is told of its losses.

    ``sharding`` is "" (DDP where there are several processes), fsdp2, zero2, zero3, or a JSON file for one of the two.
    """

    out: Path
    device: torch.device
    sharding: str = ""
    report: Tuple[str, ...] = ("tensorboard",)


@dataclass(frozen=True)
class Work:
    """A stage made ready: the module that learns, its examples, and how they become batches.

    ``learner(**batch, num_items_in_batch)`` returns {"loss": …}: the sum over the batch, divided by what the whole step
    holds; a batch says in ``counts`` what it holds itself. What is trained is the learner's only part, ``model``.
    """

    learner: nn.Module
    examples: Dataset
    collate: Callable[[List[Any]], Dict[str, Tensor]]
    held_out: Optional[Dataset] = None


def world_size() -> int:
    """How many processes were started together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def micro_batches(schedule: Schedule, processes: int) -> Tuple[int, int]:
    """How many pictures a process takes at a time, and how often in a step."""
    own, rest = divmod(schedule.scenes_per_batch, processes)
    if rest or not own:
        raise TrainingError(
            f"{schedule.scenes_per_batch} pictures a step cannot be shared by {processes} processes; make "
            "'scenes_per_batch' a multiple of their number.")
    most = min(schedule.micro_batch or own, own)
    size = max(count for count in range(1, most + 1) if own % count == 0)
    return size, own // size


def training_arguments(schedule: Schedule, launch: Launch) -> TrainingArguments:
    """The settings as transformers takes them; joins the other processes where there are any."""
    size, accumulation = micro_batches(schedule, world_size())
    on_cpu = launch.device.type == "cpu"
    sharding = _sharding(launch.sharding)
    found = TrainingArguments(
        output_dir=str(launch.out), max_steps=schedule.steps, per_device_train_batch_size=size,
        per_device_eval_batch_size=size, gradient_accumulation_steps=accumulation,
        learning_rate=schedule.learning_rate, weight_decay=schedule.weight_decay, warmup_steps=schedule.warmup,
        lr_scheduler_type="cosine_with_min_lr", lr_scheduler_kwargs={"min_lr_rate": schedule.floor},
        max_grad_norm=schedule.clip, seed=schedule.seed, data_seed=schedule.seed,
        full_determinism=schedule.deterministic, train_sampling_strategy="sequential",
        dataloader_num_workers=schedule.workers, dataloader_prefetch_factor=4 if schedule.workers else None,
        dataloader_pin_memory=not on_cpu, save_strategy="steps", save_steps=schedule.save_every, save_total_limit=2,
        eval_strategy="steps" if schedule.evaluate_every else "no", eval_steps=schedule.evaluate_every or None,
        logging_steps=1, logging_nan_inf_filter=False, disable_tqdm=True, remove_unused_columns=False,
        label_names=["counts"], report_to=["wandb"] if "wandb" in launch.report else [],
        bf16=has_bfloat16(launch.device), use_cpu=on_cpu, ddp_backend="gloo" if on_cpu and world_size() > 1 else None,
        ddp_find_unused_parameters=False, average_tokens_across_devices=True, log_level="warning",
        **sharding)
    if "deepspeed" in sharding:
        # From here on transformers would divide a language model while it is built (ZeRO-3). Ours is filled with its
        # weights first; DeepSpeed divides it when training begins.
        unset_hf_deepspeed_config()
    return found


def _sharding(name: str) -> Dict[str, Any]:
    if not name:
        return {}
    path = LAUNCH / f"{name}.json" if (LAUNCH / f"{name}.json").is_file() else Path(name)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read ({error}); use fsdp2, zero2, zero3 or a JSON file.") from error
    if "zero_optimization" in values:
        return {"deepspeed": values}
    return {"fsdp": True, "fsdp_config": values}


class Engine(Trainer):
    """Trains one stage. See ``Work`` for what it is given and ``Schedule`` for how it trains."""

    model: nn.Module

    def __init__(self, work: Work, schedule: Schedule, arguments: TrainingArguments, launch: Launch) -> None:
        self.guard, self.schedule = Guard(), schedule
        self.average = Average(schedule.average) if schedule.average else None
        self.out, self.resumed = launch.out, last_checkpoint(launch.out)
        self._waited, self._since = 0.0, time.monotonic()
        super().__init__(
            model=work.learner, args=arguments, data_collator=work.collate, train_dataset=work.examples,
            eval_dataset=work.held_out, callbacks=[LogLine()])
        self._refuse_what_does_not_go_together()
        self.remove_callback(PrinterCallback)
        if self.average is not None:
            self.add_callback(Averaging(self.average, self.resumed))
        if "tensorboard" in launch.report and self.is_world_process_zero():
            self.add_callback(tensorboard(launch.out / "log"))

    def run(self) -> Dict[str, Tensor]:
        """Train to the end, from the last checkpoint where there is one; the trained (averaged) weights, whole."""
        if self.resumed is not None:
            _LOG.info("going on from %s", self.resumed)
        self.train(resume_from_checkpoint=None if self.resumed is None else str(self.resumed))
        return self.whole_weights()

    def whole_weights(self) -> Dict[str, Tensor]:
        """The weights that were trained, named as in the learner's model, whole and on the CPU.

        All processes must call this.
        """
        return {name.split(".", 1)[1]: value for name, value in self._whole_weights().items()}

    def _whole_weights(self) -> Dict[str, Tensor]:
        if self.is_deepspeed_enabled:
            found = self.accelerator.get_state_dict(self.deepspeed) or {}
            return {name: found[name].cpu() for name in trained_weights(self.model) if name in found}
        if self.average is None:
            return gathered(trained_weights(self.model))
        with self.average.instead(self.model):
            return gathered(trained_weights(self.model))

    def create_accelerator_and_postprocess(self) -> None:
        """Accelerate leaves FSDP out on CPUs without a word; PyTorch has it there, too."""
        super().create_accelerator_and_postprocess()
        wanted = self.args.fsdp_plugin_args
        if wanted is not None and not self.is_fsdp_enabled:
            state = self.accelerator.state
            state.fsdp_plugin = FullyShardedDataParallelPlugin(**wanted)
            state.distributed_type = DistributedType.FSDP
            self.is_fsdp_enabled = True

    def _refuse_what_does_not_go_together(self) -> None:
        divided = self.is_deepspeed_enabled or self.is_fsdp_enabled
        if self.is_fsdp_enabled and self.accelerator.state.fsdp_plugin.fsdp_version != 2:
            raise TrainingError("FSDP of the first version is not supported; set 'version' to 2 in its configuration.")
        if divided and self.schedule.optimizer == "muon":
            raise TrainingError("Muon needs whole matrices, which FSDP and DeepSpeed divide; use optimizer: adamw.")
        if self.is_deepspeed_enabled and self.average is not None:
            raise TrainingError("no moving average can be kept with DeepSpeed; use average: 0, or FSDP2.")

    # What a step is made of

    def create_optimizer(self, model: Optional[nn.Module] = None) -> torch.optim.Optimizer:
        """AdamW by transformers' rules (no decay of vectors), or Muon."""
        if self.optimizer is None and self.schedule.optimizer == "muon":
            self.optimizer = muon(
                trained_weights(model or self.model).items(), self.schedule.learning_rate, self.schedule.weight_decay,
                self.schedule.fallback_scale)
        return super().create_optimizer(model)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> Tuple[List[Any], Any]:
        """A step's batches; how long they were waited for is logged."""
        began = time.monotonic()
        found = super().get_batch_samples(epoch_iterator, num_batches, device)
        self._waited += time.monotonic() - began
        return found

    def _get_num_items_in_batch(self, batch_samples: Sequence[Mapping[str, Tensor]], device: torch.device) -> Any:
        """What all processes' batches of a step hold together, [k]."""
        if not batch_samples:
            return None
        own = torch.stack([batch["counts"] for batch in batch_samples]).sum(dim=0).to(device)
        total = self.accelerator.gather(own.unsqueeze(0)).sum(dim=0)
        self.guard.check_labels(total, self.state.global_step + 1)
        return total

    def training_step(
        self, model: nn.Module, inputs: Dict[str, Any], num_items_in_batch: Any = None
    ) -> Tensor:
        """Forward and backward of one batch."""
        loss: Tensor = super().training_step(model, inputs, num_items_in_batch)
        self.guard.check_step(loss, self.state.global_step + 1)
        return loss

    def log(self, logs: Dict[str, float], start_time: Optional[float] = None) -> None:
        """Add the share of time that was waited for data."""
        if "loss" in logs:
            now = time.monotonic()
            logs["waiting"] = self._waited / max(1e-9, now - self._since)
            self._waited, self._since = 0.0, now
            self.guard.check_log(logs["loss"])
        super().log(logs, start_time)

    def evaluate(self, *args: Any, **kwargs: Any) -> Dict[str, float]:
        """The held-out loss, of the averaged weights where there is an average."""
        if self.average is None:
            return super().evaluate(*args, **kwargs)
        with self.average.instead(self.model):
            return super().evaluate(*args, **kwargs)

    # Checkpoints

    def save_model(self, output_dir: Optional[str] = None, _internal_call: bool = False) -> None:
        """Only what is trained; DeepSpeed writes its own state."""
        if not self.is_deepspeed_enabled:
            save_trained(Path(output_dir or self.out), self.model, self.args.should_save)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Optional[nn.Module] = None) -> None:
        load_trained(Path(resume_from_checkpoint), model or self.model)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.is_fsdp_enabled or self.optimizer is None or self.lr_scheduler is None:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        save_divided_optimizer(Path(output_dir), self.model, self.optimizer, self.args.should_save)
        if self.args.should_save:
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER)

    def _load_optimizer_and_scheduler(self, checkpoint: Optional[str]) -> None:
        if checkpoint is None or not self.is_fsdp_enabled or self.optimizer is None or self.lr_scheduler is None:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        load_divided_optimizer(Path(checkpoint), self.model, self.optimizer)
        self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint) / SCHEDULER, weights_only=True))

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        folder = self.out / f"checkpoint-{self.state.global_step}"
        if self.average is not None:
            self.average.save(folder, self.args.should_save)
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            close_checkpoint(folder, self.state.global_step)
