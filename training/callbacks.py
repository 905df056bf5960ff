"""What happens beside the steps: the moving average, the log, and the guards that stop a run gone wrong."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any, Dict, Optional

import torch
from torch import Tensor

from core_model.compat import ensure_torchvision
from training.average import Average
from training.errors import TrainingError
from training.pace import Pace

ensure_torchvision()
from transformers import TrainerCallback, TrainerState  # noqa: E402

ZERO_STEPS = 10


class Averaging(TrainerCallback):
    """Keeps the moving average going; ``resumed`` is the checkpoint that training goes on from."""

    def __init__(self, average: Average, resumed: Optional[Path]) -> None:
        self.average, self.resumed = average, resumed

    def on_train_begin(self, *_: Any, **named: Any) -> None:
        """Start anew, or from what was saved."""
        if self.resumed is None:
            self.average.begin(named["model"])
        else:
            self.average.load(self.resumed, named["model"])

    def on_step_end(self, *_: Any, **named: Any) -> None:
        """Take the new weights in."""
        self.average.update(named["model"])


class LogLine(TrainerCallback):
    """Losses to the log, at the pace that a person reads."""

    def __init__(self) -> None:
        self.pace: Optional[Pace] = None

    def on_train_begin(self, *told: Any, **_: Any) -> None:
        """The pace counts from here."""
        state: TrainerState = told[1]
        self.pace = Pace(state.max_steps)

    def on_log(self, *told: Any, **named: Any) -> None:
        """Note losses, those on held-out pictures too."""
        state: TrainerState = told[1]
        logs: Dict[str, float] = named.get("logs") or {}
        if self.pace is None or not state.is_world_process_zero:
            return
        shown = {name: logs[name] for name in ("loss", "eval_loss", "waiting") if name in logs}
        if shown:
            self.pace.note(state.global_step - 1, **shown)


class Guard:
    """Stops a run that learns nothing or has no numbers left, before that reaches a checkpoint."""

    def __init__(self) -> None:
        self._zeros = 0

    def check_labels(self, counts: Tensor, step: int) -> None:
        """Every step must learn something; of stage 0's questions some may have no answer in a step."""
        if not bool((counts > 0).any()):
            raise TrainingError(
                f"step {step} has nothing to learn: all labels of its pictures are masked. Look whether the data has "
                "answers, and whether the conversation template fits the tokenizer.")

    def check_step(self, loss: Tensor, step: int) -> None:
        """No weight may be changed by a loss that is no number."""
        if not bool(torch.isfinite(loss)):
            raise TrainingError(
                f"the loss is {float(loss)} at step {step}; lower the learning rate and start again: training goes on "
                "from its last checkpoint.")

    def check_log(self, loss: float) -> None:
        """A loss of exactly nothing, step after step, means that nothing is learned."""
        self._zeros = self._zeros + 1 if math.isclose(loss, 0.0, abs_tol=1e-12) else 0
        if self._zeros >= ZERO_STEPS:
            raise TrainingError(
                f"the loss has been 0 for {ZERO_STEPS} steps, so nothing is learned; look whether the answers are "
                "empty or the model has learned these very texts already.")


def tensorboard(folder: Path) -> Any:
    """Writes what is logged for TensorBoard; raises ``TrainingError`` where its package is missing."""
    from transformers.integrations.integration_utils import TensorBoardCallback  # noqa: PLC0415 (only where it is asked for)

    try:
        writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter(str(folder))
    except ImportError as error:
        raise TrainingError(
            f"TensorBoard's log needs the package tensorboard ({error}); install it, or use --report none.") from error
    return TensorBoardCallback(writer)
