"""What is asked of a model: styles, free prompts and the user's own lists of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Dict, List, Tuple

from core_model.config import AquilaConfig
from core_model.errors import PromptError
from core_model.form import Form
from core_model.text.context import instruction, measured_for
from core_model.text.prompt import REGION_PATTERN, region_order

STYLES: Tuple[str, ...] = ("category", "phrase", "description", "detailed")
# For models whose config.json has no instruction of its own for a style.
DEFAULT_PROMPTS: Dict[str, str] = {
    "category": "What is <region>? Answer with its category only.",
    "phrase": "Describe <region> in a short phrase.",
    "description": "Describe <region> in one or two sentences.",
    "detailed": "Describe <region> in detail: what it is, its colour, texture and shape, and what surrounds it.",
}
DEFAULT_LABEL_PROMPT = "What is <region>?"


def style_prompt(config: AquilaConfig, style: str) -> str:
    """The instruction for a style, the model's own where it has one; raises ``PromptError`` for an unknown style."""
    if style not in STYLES:
        raise PromptError(f"no style is called {style!r}; choose one of {', '.join(STYLES)}.")
    return config.prompts.get(style) or DEFAULT_PROMPTS[style]


def label_prompt(config: AquilaConfig, labels: Sequence[str]) -> str:
    """The instruction under which a user's labels are scored."""
    return (config.label_prompt or DEFAULT_LABEL_PROMPT).replace("{labels}", ", ".join(labels))


def clean_labels(labels: Sequence[str]) -> List[str]:
    """Labels without surrounding blanks and repetitions, in order; raises ``PromptError`` for fewer than two."""
    kept = list(dict.fromkeys(label.strip() for label in labels if label.strip()))
    if len(kept) < 2:
        raise PromptError("a list of labels needs at least two different names, for example forest,field,water.")
    for label in kept:
        if REGION_PATTERN.search(label):
            raise PromptError(f"the label {label!r} holds a region marker; leave it out.")
    return kept


def check_prompt(prompt: str, regions: int) -> None:
    """Raises ``PromptError`` for an empty prompt and for one that names more regions than there are."""
    if not prompt.strip():
        raise PromptError("the prompt is empty; write a question or an instruction.")
    if REGION_PATTERN.search(prompt):
        region_order(prompt, regions)


def with_all_regions(question: str, regions: int) -> str:
    """A question about several regions; one that names none of them gets all their markers in front."""
    if regions == 1 or REGION_PATTERN.search(question):
        return question
    return " ".join(f"<region{number}>" for number in range(1, regions + 1)) + " " + question


def asked(config: AquilaConfig, prompt: str, gsd: float, areas: Sequence[float], forms: Sequence[Form]) -> str:
    """The whole instruction: the model's context, then the prompt, filled in as ``core_model.text.context`` says."""
    return instruction(config.context, prompt, measured_for(prompt, gsd, areas, forms))
