"""A picture sheet of successes and failures: the region outlined, what was asked, what is right, what was said."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.data.build.sheet import LINE, PICTURE, TEXT, outlined
from training.data.manifest.reader import Sample
from training.evaluation.material import DataSet, Shown
from training.evaluation.results import Answer, Outcome

EACH = 6  # successes, and failures
_COLOURS = {True: "#107020", False: "#b01010"}
_WRAP, _MARGIN, _AROUND, _SMALLEST = 76, 8, 0.6, 48
Found = Tuple[DataSet, Outcome, Answer]


def write_sheet(path: Path, outcomes: Sequence[Tuple[DataSet, Outcome]], seed: int) -> None:
    """A PNG: on the left answers that are right (of scored texts the best), on the right those that are not.

    Data sets and kinds of question come in turn, each answer at random among the good or bad of its kind.
    """
    sides = [_chosen(outcomes, good, np.random.default_rng((seed, good))) for good in (True, False)]
    rows = max(1, *(len(side) for side in sides))
    sheet = Image.new("RGB", (2 * (PICTURE + TEXT), rows * (PICTURE + _MARGIN)), "white")
    for column, (side, good) in enumerate(zip(sides, (True, False))):
        for row, found in enumerate(side):
            sheet.paste(_tile(*found, good=good), (column * (PICTURE + TEXT), row * (PICTURE + _MARGIN)))
    sheet.save(path)


def _chosen(outcomes: Sequence[Tuple[DataSet, Outcome]], good: bool, rng: np.random.Generator) -> List[Found]:
    groups: Dict[Tuple[str, str], List[Found]] = {}
    for data, outcome in outcomes:
        scores = np.array([answer.score for answer in outcome.answers])
        # Scores of texts are seldom 0 or 1: there the best and the worst quarter serve.
        limit = np.nanquantile(scores, 0.75 if good else 0.25) if len(scores) and not np.isnan(scores).all() else np.nan
        for answer in outcome.answers:
            if (answer.score >= max(limit, 0.5) if good else answer.score <= min(limit, 0.5)):
                groups.setdefault((data.name, answer.group), []).append((data, outcome, answer))
    order = sorted(groups)
    rng.shuffle(order)
    found: List[Found] = []
    while len(found) < EACH and any(groups.values()):
        for key in order:
            if groups[key] and len(found) < EACH:
                found.append(groups[key].pop(int(rng.integers(len(groups[key])))))
    return found


def _tile(data: DataSet, outcome: Outcome, answer: Answer, good: bool) -> Image.Image:
    tile = Image.new("RGB", (PICTURE + TEXT, PICTURE), "white")
    tile.paste(outlined(_cropped(data.shown(answer.picture), answer.regions)), (0, 0))
    draw, font = ImageDraw.Draw(tile), ImageFont.load_default(size=11)
    head = f"{outcome.task}, {data.name}" + (f", {answer.group}" if answer.group else "")
    down = 2
    for text, colour in (
        (f"{head}, picture {answer.picture}: {answer.score:.2f}", "#000080"), (answer.prompt, "#606060"),
        (f"said: {answer.text or '(nothing)'}", _COLOURS[good]), (f"right: {answer.reference}", "#000000"),
    ):
        for line in textwrap.wrap(text, _WRAP):
            if down + LINE <= PICTURE:
                draw.text((PICTURE + _MARGIN, down), line, fill=colour, font=font)
            down += LINE
        down += LINE // 3
    return tile


def _cropped(shown: Shown, regions: Sequence[int]) -> Sample:
    """The square around the regions with some of what surrounds them; all of the picture where there are none."""
    side = shown.image.shape[0]
    masks = shown.masks[list(regions)]
    top, left, length = 0, 0, side
    if len(masks) and masks.any():
        rows, columns = np.nonzero(masks.any(axis=0))
        extent = max(np.ptp(rows), np.ptp(columns)) + 1
        length = min(side, max(_SMALLEST, round(extent * (1 + 2 * _AROUND))))
        top, left = (int(np.clip((places.min() + places.max()) // 2 - length // 2, 0, side - length))
                     for places in (rows, columns))
    part = np.s_[top : top + length, left : left + length]
    areas = tuple(shown.areas[number] for number in regions)
    forms = tuple(shown.forms[number] for number in regions)
    return Sample("", shown.image[part], masks[:, part[0], part[1]], (), shown.gsd, areas, forms, ())
