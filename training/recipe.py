"""Recipes: one YAML file per model size holds the model and the settings of every stage."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Type, TypeVar

import yaml

from core_model.config import AquilaConfig
from training.stages.encoder import EncoderStage

T = TypeVar("T")
RECIPES = Path(__file__).resolve().parent / "recipes"
DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
PARTS = ("projector", "extractor", "language")  # the encoder is stage 0's alone


class RecipeError(ValueError):
    """A recipe that cannot be followed; the message says what to change."""


@dataclass(frozen=True)
class TokenizerStage:
    """How the default model's tokenizer is trained: vocabulary size, and scenes whose texts it is trained on."""

    vocabulary: int = 1024
    scenes: int = 600
    seed: int = 0


@dataclass(frozen=True)
class TextStage:
    """Settings of a stage that trains on texts.

    ``kinds`` lists the kinds of conversation; empty means all of them. ``pairs_per_region`` are yes/no questions asked
    with a true and a false premise. ``scenes`` are seen by the encoder once and asked about again and again. With a
    ``manifest`` (docs/data.md) its pictures and conversations take the place of drawn ones, as many for a picture.
    """

    train: List[str] = field(default_factory=lambda: ["projector", "extractor", "language"])
    kinds: List[str] = field(default_factory=list)
    turns_per_region: int = 3
    pairs_per_region: int = 0
    regions_per_scene: int = 6
    scenes: int = 8000
    steps: int = 1000
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup: int = 50
    seed: int = 1
    workers: int = 1
    save_every: int = 100
    scenes_per_batch: int = 16
    manifest: str = ""

    def __post_init__(self) -> None:
        """Refuse parts that no model has."""
        unknown = sorted(set(self.train) - set(PARTS))
        if unknown or not self.train:
            raise RecipeError(f"'train' lists {self.train}; use some of {', '.join(PARTS)}.")


@dataclass(frozen=True)
class Recipe:
    """A model with its stages."""

    model: Mapping[str, Any]
    tokenizer: TokenizerStage
    encoder: EncoderStage
    pretrain: TextStage
    align: TextStage
    finetune: TextStage

    def config(self, vocabulary: int, **extra: Any) -> AquilaConfig:
        """The model's configuration for a tokenizer of so many tokens."""
        values = {**self.model, **extra}
        language = dict(values["language"])
        language["huggingface"] = {**language["huggingface"], "vocab_size": vocabulary}
        return AquilaConfig.from_dict({**values, "language": language})


def load_recipe(name: str) -> Recipe:
    """A recipe by name, or from a YAML file; raises ``RecipeError`` for unknown fields."""
    path = RECIPES / f"{name}.yaml" if (RECIPES / f"{name}.yaml").is_file() else Path(name)
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in RECIPES.glob("*.yaml")))
        raise RecipeError(f"there is no recipe {name!r}; use one of {known}, or a YAML file.")
    values: Dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Recipe(
        model=values.get("model", {}),
        tokenizer=_build(TokenizerStage, values.get("tokenizer", {}), "tokenizer"),
        encoder=_build(EncoderStage, values.get("encoder", {}), "encoder"),
        **{name: _build(TextStage, values.get(name, {}), name) for name in ("pretrain", "align", "finetune")},
    )


def _build(kind: Type[T], values: Mapping[str, Any], part: str) -> T:
    known = {entry.name for entry in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise RecipeError(f"the recipe's part {part!r} has unknown fields {', '.join(unknown)}; remove them.")
    return kind(**values)


def start_logging() -> None:
    """Log to standard error, one line an event."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
