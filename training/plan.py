"""What a stage is about to do, told before it starts: parts, memory and steps. Nothing of the model is allocated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Set

from torch import nn

from core_model.config import AquilaConfig
from core_model.loading.empty import empty_model
from core_model.loading.memory import gib
from core_model.loading.quantised import BYTES, quantisable
from core_model.network.aquila import Aquila
from training.parts import ready_to_train
from training.settings import Schedule, TextStage

_MASTER = 4  # what is trained is kept in float32, and so are its gradients
_STATES = {"adamw": 8, "muon": 4}  # bytes of the optimiser's state for each weight
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_DIVIDED = {
    "": (), "zero2": ("gradients", "optimiser"),
    "fsdp2": ("weights", "gradients", "optimiser", "moving average"), "zero3": ("weights", "gradients", "optimiser")}
# Values that a layer keeps for its backward pass, in units of tokens × width: projections, norms, attention, both
# halves of the gated layer, in 16 bits (after Korthikanti et al. 2022, for gated layers without dropout).
_KEPT_WIDTHS, _KEPT_INNER = 10, 3


@dataclass(frozen=True)
class PartPlan:
    """A part of the model: how many weights it has, how many of them are trained, and what all of them take."""

    name: str
    weights: int
    trained: int
    bytes: int


@dataclass(frozen=True)
class Plan:
    """Parts, and the memory of one process by what takes it, in bytes."""

    parts: List[PartPlan]
    memory: Dict[str, int]

    @property
    def trained(self) -> int:
        """How many weights are trained."""
        return sum(part.trained for part in self.parts)

    def lines(self) -> List[str]:
        """The plan as people read it."""
        table = [("part", "weights", "")]
        for part in self.parts:
            state = "trained" if part.trained == part.weights else "frozen"
            if 0 < part.trained < part.weights:
                state = f"frozen, {number(part.trained)} trained with adapters"
            table.append((part.name, number(part.weights), state))
        lines = [f"{name:<12}{count:>12}  {state}".rstrip() for name, count, state in table]
        shares = ", ".join(f"{name} {gib(count)}" for name, count in self.memory.items() if count)
        return [*lines, f"memory of a process, about: {gib(sum(self.memory.values()))} ({shares})"]


def number(count: int) -> str:
    """A count as people read it."""
    for unit, name in ((10**9, "B"), (10**6, "M")):
        if count >= unit:
            return f"{count / unit:.2f} {name}"
    return f"{count:,}"


def plan_of(
    config: AquilaConfig, stage: TextStage, *, weights: str, rows: int, processes: int = 1, sharding: str = "",
    on_gpu: bool = False,
) -> Plan:
    """The plan of a text stage; ``weights`` is the frozen parts' number format, ``rows`` a process's micro-batch."""
    model = empty_model(config)
    few = {id(layer.weight) for _, _, layer in quantisable(model.language)} if stage.quantised else set()
    ready_to_train(model, stage)
    parts = [_part(name, part, few, BYTES.get(stage.quantised, 1.0), _BYTES[weights])
             for name, part in model.named_children()]
    trained = sum(part.trained for part in parts)
    memory = _state(sum(part.bytes for part in parts), trained, stage)
    for name in _DIVIDED.get(sharding, ()):
        memory[name] //= processes
    memory["activations"] = _activations(model, stage, rows, 2 if on_gpu else 4)
    return Plan(parts, memory)


def _state(weights: int, trained: int, schedule: Schedule) -> Dict[str, int]:
    return {
        "weights": weights, "gradients": trained * _MASTER, "optimiser": trained * _STATES[schedule.optimizer],
        "moving average": trained * _MASTER if schedule.average else 0}


def _part(name: str, part: nn.Module, few: Set[int], few_bytes: float, frozen_bytes: int) -> PartPlan:
    weights = trained = 0
    taken = 0.0
    for value in part.parameters():
        count = value.numel()
        weights += count
        trained += count if value.requires_grad else 0
        taken += count * (_MASTER if value.requires_grad else few_bytes if id(value) in few else frozen_bytes)
    return PartPlan(name, weights, trained, int(taken))


def _activations(model: Aquila, stage: TextStage, rows: int, bytes_each: int) -> int:
    """Of the longest rows: what the layers keep, logits with their gradient, and the attention masks."""
    config = model.language.config
    tokens = rows * stage.longest
    layer = tokens * (_KEPT_WIDTHS * config.hidden_size + _KEPT_INNER * getattr(config, "intermediate_size", 0))
    layers = config.num_hidden_layers
    kept = layer + tokens * config.hidden_size * layers if stage.checkpointing else layer * layers
    logits = tokens * config.vocab_size * (bytes_each + 4)
    masks = rows * stage.longest**2 * (bytes_each + 1)
    return kept * bytes_each + logits + masks


def schedule_line(schedule: Schedule, size: int, accumulation: int, processes: int, pictures: int) -> str:
    """Steps, how a step's pictures are shared out, and how often each picture is seen."""
    shared = f"{schedule.scenes_per_batch} pictures ({processes} processes × {size} at a time × {accumulation})"
    rates = (f"{schedule.optimizer}, learning rate {schedule.learning_rate:g}, warm-up {schedule.warmup:g}, cosine to "
             f"{schedule.floor:g} of it")
    if not schedule.steps:
        return f"{schedule.epochs:g} times through the manifest, in steps of {shared}; {rates}"
    seen = schedule.steps * schedule.scenes_per_batch / max(1, pictures)
    return f"{schedule.steps} steps of {shared}, each of {pictures:,} pictures {seen:.2g} times; {rates}"
