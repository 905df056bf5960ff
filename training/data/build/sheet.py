"""A picture sheet of samples: each region outlined over its picture, with what is said about it."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from training.data.manifest.reader import Sample, sample
from training.data.manifest.record import ConversationEntry, Record

COLOURS = ((255, 225, 25), (230, 25, 75), (0, 190, 255), (60, 220, 75), (245, 130, 48), (240, 50, 230))
PICTURE, TEXT, COLUMNS, LINE = 320, 470, 2, 13
_WRAP, _MARGIN = 76, 8


def write_sheet(path: Path, records: Sequence[Record], folder: Path, samples: int, seed: int) -> None:
    """A PNG with ``samples`` records at random, sources in turn."""
    chosen = _chosen(records, samples, np.random.default_rng((seed, 11)))
    rows = -(-len(chosen) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (PICTURE + TEXT), max(1, rows) * (PICTURE + _MARGIN)), "white")
    for place, record in enumerate(chosen):
        corner = (place % COLUMNS) * (PICTURE + TEXT), place // COLUMNS * (PICTURE + _MARGIN)
        sheet.paste(_tile(record, folder, seed + place), corner)
    sheet.save(path)


def _chosen(records: Sequence[Record], samples: int, rng: np.random.Generator) -> List[Record]:
    by_source = {}  # type: ignore[var-annotated]
    for number in rng.permutation(len(records)).tolist():
        by_source.setdefault(records[number].source, []).append(records[number])
    found: List[Record] = []
    while len(found) < samples and any(by_source.values()):
        for source in sorted(by_source):
            if by_source[source] and len(found) < samples:
                found.append(by_source[source].pop())
    return found


def _tile(record: Record, folder: Path, seed: int) -> Image.Image:
    tile = Image.new("RGB", (PICTURE + TEXT, PICTURE), "white")
    tile.paste(outlined(sample(record, folder)), (0, 0))
    draw, font = ImageDraw.Draw(tile), ImageFont.load_default(size=11)
    down = 2
    for text, colour in _lines(record, np.random.default_rng(seed)):
        if down + LINE > PICTURE:
            break
        draw.text((PICTURE + _MARGIN, down), text, fill=colour, font=font)
        down += LINE
    return tile


def outlined(found: Sample) -> Image.Image:
    """The picture with its regions' outlines and numbers."""
    scale = PICTURE / max(found.image.shape[:2])
    size = round(found.image.shape[1] * scale), round(found.image.shape[0] * scale)
    pixels = np.array(Image.fromarray(found.image).resize(size, Image.Resampling.BILINEAR))
    masks = [np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)) for mask in found.masks]
    for number, mask in enumerate(masks):
        edge = mask & ~ndimage.binary_erosion(mask, iterations=2)
        pixels[edge] = COLOURS[number % len(COLOURS)]
    picture = Image.fromarray(pixels)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=14)
    for number, mask in enumerate(masks):
        rows, columns = np.nonzero(mask)
        if len(rows):
            place = int(columns[len(rows) // 2]), int(rows[len(rows) // 2])
            colour = COLOURS[number % len(COLOURS)]
            draw.text(place, str(number), fill=colour, font=font, stroke_width=2, stroke_fill="black")
    return picture


def _lines(record: Record, rng: np.random.Generator) -> List[Tuple[str, str]]:
    """The texts, conversations at random but of as many kinds as fit."""
    head = f"{record.source}, {record.split}, {record.place}, GSD {record.gsd} m: " + ", ".join(
        f"{number} {region.label}" for number, region in enumerate(record.regions))
    lines = [(line, "#000080") for line in textwrap.wrap(head, _WRAP)]
    seen = set()
    order = [record.conversations[place] for place in rng.permutation(len(record.conversations)).tolist()]
    for entry in sorted(order, key=lambda found: found.kind in seen or bool(seen.add(found.kind))):  # type: ignore[func-returns-value]
        lines += _conversation_lines(entry)
    return lines


def _conversation_lines(entry: ConversationEntry) -> List[Tuple[str, str]]:
    lines = []
    about = ",".join(str(number) for number in entry.regions)
    for turn in entry.turns:
        lines += [(line, "#606060") for line in textwrap.wrap(f"[{entry.kind} {about}] {turn.instruction}", _WRAP)]
        lines += [(line, "#000000") for line in textwrap.wrap(f"> {turn.answer}", _WRAP)]
    return lines
