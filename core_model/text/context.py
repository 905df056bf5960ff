"""What prompts are told of their regions: GSD, areas and forms, written the same way in training and in use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import List, Tuple

from core_model.form import NO_FORM, Form, size_term
from core_model.text.prompt import REGION_PATTERN, Turn, region_order

UNKNOWN = "unknown"
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
AS_LARGE = "as large"
LARGER, ALIKE = 1.4, 1.1  # ratios of areas: from which one is plainly larger, up to which they are the same


@dataclass(frozen=True)
class Measured:
    """What the polygons themselves tell of a prompt's regions, nan where it is not known.

    ``gsd`` is metres per pixel of the picture that the model sees, ``area`` (m²) and ``form`` are those of the region
    that the prompt names first, ``others`` the areas (m²) of those it names after it.
    """

    gsd: float
    area: float
    form: Form = NO_FORM
    others: Tuple[float, ...] = ()


def measured_for(prompt: str, gsd: float, areas: Sequence[float], forms: Sequence[Form]) -> Measured:
    """What is told of a prompt's regions, in the order in which it names them; of the first where it names none.

    ``areas`` (m²) and ``forms`` are those of the regions that its markers count.
    """
    order = region_order(prompt, len(areas)) if REGION_PATTERN.search(prompt) else [0]
    first, *later = dict.fromkeys(order)
    return Measured(gsd, areas[first], forms[first], tuple(areas[number] for number in later))


def two_digits(value: float) -> str:
    """A positive number with two significant digits and no exponent ("0.13", "4.5", "410"); "unknown" for nan."""
    if not math.isfinite(value) or value <= 0:
        return UNKNOWN
    decimals = max(0, 1 - math.floor(math.log10(value)))
    rounded = round(value, 1 - math.floor(math.log10(value)))
    text = f"{rounded:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def size_beside(area: float, other: float) -> str:
    """How large a region is beside ``other``: "larger", "a little smaller", "as large"; "" where one is not known."""
    ratio = area / other if other > 0 else math.nan
    if not math.isfinite(ratio) or ratio <= 0:
        return ""
    if 1 / ALIKE <= ratio <= ALIKE:
        return AS_LARGE
    return ("" if max(ratio, 1 / ratio) >= LARGER else "a little ") + ("larger" if ratio > 1 else "smaller")


def fill(text: str, measured: Measured) -> str:
    """Put what is known of regions into a text's fields.

    ``{gsd}`` and ``{area}`` become numbers, ``{size}`` ", large", ``{shape}`` ", rectangular", ``{direction}`` ", from
    north to south", and ``{others}`` ", the second 350 m2, smaller" for each region beside the first. What is not
    known or not there becomes nothing.
    """
    size, form = size_term(measured.area), measured.form
    where = f"from {form.direction}" if form.direction else ""
    others = "".join(_other(number, area, measured.area) for number, area in enumerate(measured.others, 1))
    told = {"gsd": two_digits(measured.gsd), "area": two_digits(measured.area), "others": others}
    told.update({name: f", {word}" if word else "" for name, word in
                 (("size", size), ("shape", form.shape), ("direction", where))})
    for name, value in told.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _other(number: int, area: float, first: float) -> str:
    name = f"the {ORDINALS[number]}" if number < len(ORDINALS) else f"number {number + 1}"
    size = size_beside(area, first)
    return f", {name} {two_digits(area)} m2" + (f", {size}" if size else "")


def instruction(context: str, prompt: str, measured: Measured) -> str:
    """A model's context before a prompt, filled in; a prompt that names no region gets one in front."""
    named = prompt if REGION_PATTERN.search(prompt) else f"<region> {prompt}"
    return fill(context + named, measured)


def conversation(context: str, exchanges: Sequence[Tuple[str, str]], measured: Measured | None) -> List[Turn]:
    """Instructions with their answers as turns, the first with a model's context as ``instruction`` writes it.

    Without anything ``measured`` they are about the whole picture, and there is no context.
    """
    (first, answer), *later = exchanges
    asked = first if measured is None else instruction(context, first, measured)
    return [Turn(asked, answer), *(Turn(*exchange) for exchange in later)]
