"""Recipes: one YAML file per model size holds the model and the settings of every stage."""

from __future__ import annotations

import dataclasses
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple, Type, TypeVar

import yaml

from core_model.checkpoint import DTYPES
from core_model.config import PLAIN_TYPES, AquilaConfig, is_of_type
from training.errors import RecipeError
from training.settings import EncoderStage, Lora, TextStage

T = TypeVar("T")
RECIPES = Path(__file__).resolve().parent / "recipes"
DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
TEXT_STAGES = ("pretrain", "align", "finetune")
_PARTS = ("defaults", "model", "tokenizer", "encoder", *TEXT_STAGES)
_TYPES: Mapping[str, Tuple[Any, str]] = {**PLAIN_TYPES, "List[str]": (list, "a list of texts")}
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
    values = _read(path)
    parts = {name: _mapping(values, name) for name in _PARTS}
    weights = values.get("weights", "float32")
    if weights not in DTYPES:
        raise RecipeError(f"the recipe's 'weights' are {weights!r}; use one of {', '.join(sorted(DTYPES))}.")
    return Recipe(
        model=parts["model"],
        weights=weights,
        tokenizer=_build(TokenizerStage, parts["tokenizer"], "tokenizer"),
        encoder=None if values.get("encoder") is None else _build(EncoderStage, parts["encoder"], "encoder"),
        **{name: _text_stage(name, {**parts["defaults"], **parts[name]}) for name in TEXT_STAGES},
    )


def _read(path: Path) -> Dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not YAML ({' '.join(str(error).split())}).") from None
    if not isinstance(values, dict):
        raise RecipeError(f"{path} holds no recipe; write parts such as 'finetune:' with their settings.")
    unknown = sorted({str(name) for name in values} - {*_PARTS, "weights"})
    if unknown:
        raise RecipeError(f"{path} has unknown parts {', '.join(unknown)}; use {', '.join((*_PARTS, 'weights'))}.")
    return values


def _mapping(values: Mapping[str, Any], name: str) -> Dict[str, Any]:
    """A part's settings; a part that is not there, or empty, has none."""
    found = values.get(name)
    if found is not None and not isinstance(found, dict):
        raise RecipeError(f"the recipe's part {name!r} is {found!r}; it must hold settings, one a line.")
    return found or {}


def _text_stage(name: str, values: Mapping[str, Any]) -> TextStage:
    filled = {**_STAGE_DEFAULTS[name], **values}
    if filled.get("lora") is not None:
        filled["lora"] = _build(Lora, _mapping(filled, "lora"), f"{name}: lora")
    return _build(TextStage, filled, name)


def _build(kind: Type[T], values: Mapping[str, Any], part: str) -> T:
    known = {entry.name for entry in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise RecipeError(f"the recipe's part {part!r} has unknown fields {', '.join(unknown)}; remove them.")
    types = {entry.name: str(entry.type) for entry in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: _checked(part, name, types[name], value) for name, value in values.items()})


def _checked(part: str, name: str, kind: str, value: Any) -> Any:
    """A setting as its field's type; YAML takes numbers such as 1e-4, without a point, for texts."""
    if kind in ("int", "float") and isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    if kind == "int" and isinstance(value, float) and value.is_integer():
        value = int(value)
    wanted, words = _TYPES.get(kind, (object, ""))
    is_right = is_of_type(value, wanted)
    if kind == "List[str]":
        is_right = is_right and all(isinstance(entry, str) for entry in value)
    if wanted is not object and not is_right:
        raise RecipeError(f"the recipe's part {part!r} has {name}: {value!r}; it must be {words}.")
    return value


def start_logging() -> None:
    """Log to standard error, one line an event."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
