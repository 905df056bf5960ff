"""Follows ``<region>`` through the product: prompt, ids with slots, embeddings that reach the language model.

``python -m training.experiments.interleaving --model nano`` writes ``docs/experiments/interleaving.md``.
"""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from core_model.geo.regions import Region
from core_model.text.prompt import REGION_SLOT
from training.experiments import figures
from training.experiments.report import Report
from training.experiments.setting import Setting, command
from training.experiments.tracing import GSD, Trace, gaps, largest_gap, relative_moves, square, trace

SIDE = 0.32  # of the picture: every such square is seen in the same tile, so that moving it changes nothing else
SHIFTS = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 3)
SIDES = (0.04, 0.1, 0.26, 0.4, 0.5, 0.9)
COMPARISON = "Compare <region1> with <region2>."
COLOURS = {"text": "#e8e8e8", "image": "#b9cde0", "mask": "#f2a65a", "context": "#f7dc8a", "spatial": "#8fbf88"}
QUESTION = """
The paper puts a region's tokens, `<mask><position>`, between the words of the prompt. Do they reach the language
model at the right place, unchanged, for masks of any size and position, and what changes in them when the mask moves
or grows?
"""
METHOD = """
A held-out mosaic becomes a GeoTIFF, squares on it become polygons, and `Describer` describes them as it does in the
plugin. Hooks record what the language model is given (`inputs_embeds`), what the extractor and the projector made,
and the masks. The ids are rebuilt from the answer's own area and GSD; every embedding is compared with what its place
should hold. *Move* is |after − before| / |before| of an embedding. The same checks run as a test on a tiny model
(`tests/test_experiments.py`).
"""


def run(setting: Setting) -> Report:
    """The experiment."""
    report = Report("interleaving", "Token interleaving, traced through the product", QUESTION, METHOD)
    image = setting.scenes("eurosat", 1)[0].image
    size = image.shape[0]
    middle = (1 - SIDE) / 2
    still = trace(setting, image, [_at(size, middle, middle, SIDE)])
    _report_tokens(setting, report, still)
    _report_reworking(setting, report, still)
    _report_places(setting, report, image)
    _report_moves(setting, report, image, still)
    _report_checks(setting, report, image, still)
    return report


def _at(size: int, left: float, top: float, side: float, number: int = 0) -> Region:
    return square(number, round(left * size), round(top * size), round(side * size), GSD)


def _report_tokens(setting: Setting, report: Report, found: Trace) -> None:
    words = [_word(setting, token, kind) for token, kind in zip(found.ids, found.kinds)]
    lengths = np.linalg.norm(found.recorded.embedded, axis=1)
    images = [n for n, kind in enumerate(found.kinds) if kind == "image"]
    rows: List[List[object]] = []
    for place, (word, kind) in enumerate(zip(words, found.kinds)):
        if place in images[1:]:
            continue
        many = place in images
        name = f"{images[0]} to {images[-1]}" if many else str(place)
        length = float(lengths[images].mean()) if many else float(lengths[place])
        rows.append([name, "–" if found.ids[place] < 0 else found.ids[place], f"`{word}`", kind, length])
    report.table("Every token of one request, as the language model got it; the length of an embedding is its norm.",
                 ["place", "id", "token", "holds", "length"], rows)
    start = images[-1] + 1
    report.figure("tokens", _strip(words[start:], found.kinds[start:]), (
        f"The same request behind its {len(images)} image tokens: words grey (␣ blank, ↵ line end), mask token orange, "
        "context tokens yellow, spatial token green"))


def _report_reworking(setting: Setting, report: Report, found: Trace) -> None:
    """How far the language model's layers carry every kind of token from what they were given."""
    given = torch.from_numpy(found.recorded.embedded).to(setting.loaded.model.dtype)[None]
    with torch.inference_mode():
        # The last entry is already normalised for the vocabulary; the one before it is what the last layer is given.
        states = setting.loaded.model.language(inputs_embeds=given, output_hidden_states=True).hidden_states
    first, last = (states[place][0].double().numpy() for place in (0, -2))
    lengths = np.linalg.norm(first, axis=1)
    rows = [[kind, found.kinds.count(kind), float(lengths[[one == kind for one in found.kinds]].mean()), move]
            for kind, move in relative_moves(first, last, found.kinds)]
    report.table("What the language model's layers, all but the last, add to the tokens: the length of what they add "
                 "over the length of what came in.", ["tokens", "count", "length", "added"], rows)


def _word(setting: Setting, token: int, kind: str) -> str:
    """A token as it can be read: blanks visible, special tokens and slots by what they are."""
    if token < 0:
        return f"<{kind}>"
    tokenizer = setting.loaded.tokenizer
    frame = tokenizer.encode("x")  # a token decoded alone would lose its blanks
    text = tokenizer.decode([*frame, token, *frame])[1:-1]
    return text.replace(" ", "␣").replace("\n", "↵").replace("`", "'") or "begin"


def _strip(words: Sequence[str], kinds: Sequence[str], wide: int = 12) -> Figure:
    rows = (len(words) - 1) // wide + 1
    figure, axes = figures.canvas(1, 1, 10, 0.42 * rows + 0.1)
    drawn = axes[0, 0]
    for place, (word, kind) in enumerate(zip(words, kinds)):
        row, column = divmod(place, wide)
        drawn.add_patch(Rectangle((column, -row), 0.96, -0.86, facecolor=COLOURS[kind]))
        drawn.text(column + 0.48, -row - 0.43, word.strip("<>") if kind != "text" else word, ha="center", va="center",
                   fontsize=8)
    drawn.set_xlim(0, wide)
    drawn.set_ylim(-rows, 0)
    drawn.set_axis_off()
    return figure


def _report_places(setting: Setting, report: Report, image: NDArray[np.uint8]) -> None:
    rows: List[List[object]] = []
    size = image.shape[0]
    for side in SIDES:
        for name, share in (("upper left", 0.0), ("middle", 0.5), ("lower right", 1.0)):
            corner = (1 - side) * share
            found = trace(setting, image, [_at(size, corner, corner, side)])
            off = gaps(setting, found)
            mask = found.recorded.masks[0][0]
            slots = [place for place, kind in enumerate(found.kinds) if kind in ("mask", "context", "spatial")]
            rows.append([f"{round(side * size)}", name, float(mask.mean()), len(found.ids),
                         f"{slots[0]} to {slots[-1]}", max(off.values()), f"{found.said}"])
    report.table(
        "Squares of many sizes and places. The largest difference is over all tokens; 0 means that every embedding is "
        "exactly what its place should hold.",
        ["side, raster pixels", "place", "share of the picture seen", "tokens", "region slots", "largest difference",
         "answer"], rows)


def _report_moves(setting: Setting, report: Report, image: NDArray[np.uint8], still: Trace) -> None:
    size, middle = image.shape[0], (1 - SIDE) / 2
    plain = setting.random(20).normal(120, 25, image.shape).clip(0, 255).astype(np.uint8)
    starts = {"mosaic": (image, still), "even noise": (plain, trace(setting, plain, [_at(size, middle, middle, SIDE)]))}
    moves: Dict[str, Dict[str, List[float]]] = {name: {} for name in starts}
    for shift in SHIFTS:
        for name, (shown, before) in starts.items():
            after = trace(setting, shown, [_at(size, middle - shift, middle, SIDE)])
            for kind, move in relative_moves(before.recorded.embedded, after.recorded.embedded, before.kinds):
                moves[name].setdefault(kind, []).append(move)
    pixels = [round(shift * size) for shift in SHIFTS]
    columns = {f"{name}: {kind}": values for name, found in moves.items() for kind, values in found.items()}
    report.table("A square moved to the left; how far its tokens move.", ["shift, pixels", *columns],
                 list(zip(pixels, *columns.values())))
    figure, axes = figures.canvas(1, 1, 6.5, 3.2)
    # The spatial token sees the mask alone, so it is the same over any picture and drawn once.
    lines = {name: values for name, values in columns.items() if name.partition(": ")[2] in ("mask", "context")}
    lines["spatial, any picture"] = moves["mosaic"]["spatial"]
    figures.curves(axes[0, 0], pixels, lines, x="shift, pixels", y="relative move", limits=None)
    report.figure("moves", figure, "Moves of the region's tokens as a square is shifted over a mosaic of land covers, "
                                   "and over noise that is alike everywhere")


def checks(setting: Setting, image: NDArray[np.uint8], still: Trace) -> List[Tuple[str, bool]]:
    """What must hold, and whether it does."""
    size, middle = image.shape[0], (1 - SIDE) / 2
    moved = trace(setting, image, [_at(size, 0.05, middle, SIDE)])
    places = [_at(size, 0.05, 0.05, 0.2, 1), _at(size, 0.28, 0.28, 0.12, 2)]
    pair = trace(setting, image, places, COMPARISON)
    swapped = trace(setting, image, places[::-1], COMPARISON)
    slots = ("mask", "context", "spatial")
    half = len(pair.only(*slots)) // 2
    per_region = setting.generator.builder.tokens_per_region
    return [
        ("one `<region>` takes a slot for each of the extractor's tokens", still.ids.count(REGION_SLOT) == per_region),
        ("text places hold the embeddings of their ids", gaps(setting, still)["text"] == 0),
        ("image places hold the projector's tokens", gaps(setting, still)["image"] == 0),
        ("region places hold the extractor's tokens, in order", gaps(setting, still)["region"] == 0),
        ("moving the mask leaves text and image tokens as they are",
         largest_gap(still.only("text", "image"), moved.only("text", "image")) == 0),
        ("moving the mask changes the mask token", largest_gap(still.only("mask"), moved.only("mask")) > 0),
        ("moving the mask changes the spatial token", largest_gap(still.only("spatial"), moved.only("spatial")) > 0),
        ("two regions take twice the slots", pair.ids.count(REGION_SLOT) == 2 * per_region),
        ("two regions given in the other order swap their tokens", largest_gap(
            pair.only(*slots), np.roll(swapped.only(*slots), half, axis=0)) < 1e-5),
    ]


def _report_checks(setting: Setting, report: Report, image: NDArray[np.uint8], still: Trace) -> None:
    found = checks(setting, image, still)
    report.table("Checks.", ["what must hold", "holds"], [[name, "yes" if held else "**no**"] for name, held in found])


if __name__ == "__main__":
    command("interleaving", run, __doc__)
