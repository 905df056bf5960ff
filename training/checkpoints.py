"""Checkpoints of a run: what is trained, as whole weights, however many processes hold it; written whole or not at all.

Nothing in them is executed when they are read: weights are safetensors, optimiser states are read weights-only. (Under
DeepSpeed it is DeepSpeed that writes and reads its states, as pickles.)
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Optional

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from training.average import gathered
from training.errors import TrainingError
from training.parts import put_weights, trained_weights

_LOG = logging.getLogger(__name__)
WEIGHTS, OPTIMIZER, SCHEDULER = "trained.safetensors", "optimizer.bin", "scheduler.pt"
_WHOLE = "whole.json"  # written last: a checkpoint without it was cut off


class Claim:
    """What a folder is for; a run that finds checkpoints there goes on with them, so they must be its own."""

    def __init__(self, folder: Path, asked: str, refusal: str) -> None:
        """Raise ``TrainingError`` with the sentence ``refusal`` where the folder is for something else."""
        self._path, self._asked = folder / "asked.txt", asked
        if self._path.exists() and self._path.read_text(encoding="utf-8") != asked:
            raise TrainingError(refusal)

    def stake(self) -> None:
        """Write it down, once it is known that the run can begin."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Whole at once: other processes of the same training may be reading it.
        written = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        written.write_text(self._asked, encoding="utf-8")
        written.replace(self._path)


def last_checkpoint(folder: Path) -> Optional[Path]:
    """The latest checkpoint that was written to its end."""
    found = {int(path.parent.name.split("-")[1]): path.parent for path in folder.glob(f"checkpoint-*/{_WHOLE}")}
    return found[max(found)] if found else None


def is_finished(folder: Path, steps: int, product: Path) -> bool:
    """Whether a run has taken all its steps and written its product; if so, says how to begin anew."""
    checkpoint = last_checkpoint(folder)
    if checkpoint is None or int(checkpoint.name.split("-")[1]) < steps or not product.is_file():
        return False
    _LOG.info("%s has taken its %d steps; remove it to train anew", folder, steps)
    return True


def close_checkpoint(folder: Path, step: int) -> None:
    """Say that a checkpoint is whole."""
    (folder / _WHOLE).write_text(json.dumps({"step": step}) + "\n", encoding="utf-8")


def save_trained(folder: Path, model: nn.Module, writes: bool) -> None:
    """Write the weights that training changes; all processes must call this, one of them ``writes``."""
    found = gathered(trained_weights(model))
    if writes:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(found, str(folder / WEIGHTS))


def load_trained(folder: Path, model: nn.Module) -> None:
    """Put saved weights back; raises ``TrainingError`` where they are of another stage."""
    put_weights(model, load_file(str(folder / WEIGHTS)))


def save_divided_optimizer(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, writes: bool) -> None:
    """Write the whole state of an optimiser that FSDP2 divided; all processes must call this."""
    from torch.distributed.checkpoint.state_dict import (  # noqa: PLC0415 (needs torch.distributed)
        StateDictOptions,
        get_optimizer_state_dict,
    )

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    found = get_optimizer_state_dict(model, optimizer, options=options)
    if writes:
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(found, folder / OPTIMIZER)


def load_divided_optimizer(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """The inverse of ``save_divided_optimizer``; the file is mapped, so that processes share its pages."""
    from torch.distributed.checkpoint.state_dict import (  # noqa: PLC0415 (needs torch.distributed)
        StateDictOptions,
        set_optimizer_state_dict,
    )

    found = torch.load(folder / OPTIMIZER, map_location="cpu", weights_only=True, mmap=True)
    set_optimizer_state_dict(model, optimizer, found, options=StateDictOptions(full_state_dict=True))
