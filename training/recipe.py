"""Recipes: one YAML file per model size holds the model and the settings of every stage."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Type, TypeVar

import yaml

from core_model.config import AquilaConfig
from training.errors import RecipeError
from training.settings import EncoderStage, Lora, TextStage

T = TypeVar("T")
RECIPES = Path(__file__).resolve().parent / "recipes"
DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
TEXT_STAGES = ("pretrain", "align", "finetune")
# What sets the stages apart wherever a recipe does not say otherwise (arXiv 2411.06142, section 4).
_STAGE_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "pretrain": {"about": "pictures"}, "align": {"about": "regions"}, "finetune": {"about": "both"}}


@dataclass(frozen=True)
class TokenizerStage:
    """How the default model's tokenizer is trained: vocabulary size, and scenes whose texts it is trained on."""

    vocabulary: int = 1024
    scenes: int = 600
    seed: int = 0


@dataclass(frozen=True)
class Recipe:
    """A model with its stages.

    ``weights`` is the number format of what is frozen and of the folders that are written. Without an ``encoder``
    stage the model starts from a folder of pretrained parts.
    """

    model: Mapping[str, Any]
    weights: str
    tokenizer: TokenizerStage
    encoder: Optional[EncoderStage]
    pretrain: TextStage
    align: TextStage
    finetune: TextStage

    def config(self, vocabulary: int = 0, **extra: Any) -> AquilaConfig:
        """The model's configuration, for a tokenizer of so many tokens where the recipe does not say how many.

        Raises ``RecipeError`` where the recipe only goes on from another model.
        """
        if not self.model:
            raise RecipeError("this recipe has no model of its own; name the model folder to go on from with --start.")
        values = {**self.model, **extra}
        language = dict(values["language"])
        if vocabulary:
            language["huggingface"] = {**language["huggingface"], "vocab_size": vocabulary}
        return AquilaConfig.from_dict({**values, "language": language})

    def stage(self, name: str) -> TextStage:
        """A text stage by its name."""
        found: TextStage = getattr(self, name)
        return found


def load_recipe(name: str) -> Recipe:
    """A recipe by name, or from a YAML file; raises ``RecipeError`` for unknown fields."""
    path = RECIPES / f"{name}.yaml" if (RECIPES / f"{name}.yaml").is_file() else Path(name)
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in RECIPES.glob("*.yaml")))
        raise RecipeError(f"there is no recipe {name!r}; use one of {known}, or a YAML file.")
    values: Dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    shared = values.get("defaults", {})
    encoder = values.get("encoder")
    return Recipe(
        model=values.get("model", {}),
        weights=values.get("weights", "float32"),
        tokenizer=_build(TokenizerStage, values.get("tokenizer", {}), "tokenizer"),
        encoder=None if encoder is None else _build(EncoderStage, encoder, "encoder"),
        **{name: _text_stage(name, {**shared, **(values.get(name) or {})}) for name in TEXT_STAGES},
    )


def _text_stage(name: str, values: Mapping[str, Any]) -> TextStage:
    filled = {**_STAGE_DEFAULTS[name], **values}
    if filled.get("lora") is not None:
        filled["lora"] = _build(Lora, filled["lora"], f"{name}: lora")
    return _build(TextStage, filled, name)


def _build(kind: Type[T], values: Mapping[str, Any], part: str) -> T:
    known = {entry.name for entry in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise RecipeError(f"the recipe's part {part!r} has unknown fields {', '.join(unknown)}; remove them.")
    return kind(**values)


def start_logging() -> None:
    """Log to standard error, one line an event."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
