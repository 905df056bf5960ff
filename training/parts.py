"""What of a model a stage trains: whole parts, or adapters of the language model; and the model that comes of it."""

from __future__ import annotations

import importlib
from typing import Any, Callable, Dict, Mapping, Tuple

import torch
from torch import Tensor, nn

from core_model.network.aquila import Aquila
from core_model.text.tokenizer import TextTokenizer
from training.errors import TrainingError
from training.familiar import forget
from training.settings import Lora, TextStage

# A stage's model before training, in a number format on a device; the same one every time.
Start = Callable[[str, torch.device], Tuple[Aquila, TextTokenizer]]


def ready_to_train(model: Aquila, stage: TextStage) -> None:
    """Freeze all that the stage does not train, in place; what it trains is kept in float32."""
    model.requires_grad_(False)
    for name in stage.train:
        if name == "language" and stage.lora is not None:
            model.language = adapted(model.language, stage.lora)
        else:
            getattr(model, name).float().requires_grad_(True)
    if stage.checkpointing:
        language: Any = model.language
        # transformers 5.24 renamed it.
        enable = getattr(language, "activation_checkpointing_enable", None) or language.gradient_checkpointing_enable
        enable({"use_reentrant": False})


def adapted(language: Any, lora: Lora) -> nn.Module:
    """The language model with untrained adapters; only they will be trained, and its embeddings if ``lora`` says so."""
    peft = _library("peft")
    targets = lora.targets if lora.targets == "all-linear" else lora.targets.replace(" ", "").split(",")
    config = peft.LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets, task_type="CAUSAL_LM")
    try:
        found: nn.Module = peft.get_peft_model(language, config)
    except ValueError as error:
        raise TrainingError(f"the adapters do not fit the language model ({error}); change 'targets'.") from error
    if lora.embeddings:
        language.get_input_embeddings().float().requires_grad_(True)
    return found


def trained_weights(model: nn.Module) -> Dict[str, nn.Parameter]:
    """The parameters that training changes, by name; tied ones once."""
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


@torch.no_grad()
def finished(start: Start, stage: TextStage, weights: Mapping[str, Tensor], dtype: str) -> Tuple[Aquila, TextTokenizer]:
    """The starting model with the trained ``weights`` in place, adapters merged, all in ``dtype`` on the CPU.

    It is built anew, so that it does not matter how the training model was divided or quantised. Its calibration was of
    other weights, so it has none.
    """
    model, tokenizer = start(dtype, torch.device("cpu"))
    ready_to_train(model, stage)
    put_weights(model, weights)
    if stage.lora is not None:
        merged: Any = model.language.merge_and_unload()
        model.language = merged
    for name in stage.train:
        getattr(model, name).to(getattr(torch, dtype))
    forget(model)
    return model.requires_grad_(False).eval(), tokenizer


def put_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy trained weights into a model; raises ``TrainingError`` where they are of another model or stage."""
    wanted = trained_weights(model)
    if set(wanted) != set(weights):
        other = sorted(set(wanted) ^ set(weights))
        raise TrainingError(
            f"the saved state trains other weights than this stage ({len(other)} differ, first {other[0]}); remove the "
            "stage's folder to train it anew, or go back to the recipe that it was begun with.")
    for name, value in wanted.items():
        if value.shape != weights[name].shape:
            raise TrainingError(f"the saved {name} has shape {tuple(weights[name].shape)}, the model "
                                f"{tuple(value.shape)}; remove the stage's folder to train it anew.")
        value.data.copy_(divided(weights[name], value.data))


def divided(value: Tensor, like: Tensor) -> Tensor:
    """A whole tensor, divided over the processes as FSDP2 has divided ``like``."""
    mesh = getattr(like, "device_mesh", None)
    if mesh is None:
        return value
    from torch.distributed.tensor import distribute_tensor  # noqa: PLC0415 (needs torch.distributed)

    return distribute_tensor(value.to(like.device), mesh, like.placements)  # type: ignore[attr-defined]


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise TrainingError(f"this recipe needs the package {name} ({error}); install it.") from error
