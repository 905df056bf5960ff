"""Draws described polygons onto their raster: a PNG with numbered outlines and the texts beside the picture.

    python examples/draw.py RASTER DESCRIBED.gpkg -o PICTURE.png

Takes any raster GDAL reads and any layer that ``python -m core_model describe`` wrote. A large raster is read
decimated, and only where the polygons are.
"""

from __future__ import annotations

import argparse
import colorsys
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core_model.errors import AquilaError, RegionError
from core_model.geo.raster import GdalRaster, Picture
from core_model.geo.regions import PlacedRegion, Placer
from core_model.geo.source import Window
from core_model.geo.vector import Feature, open_layer

MARGIN = 0.04
SMALLEST, LARGEST = 1000, 1400
# Outlines are drawn this many times larger and shrunk, which smooths their edges.
FINER = 2
PANEL, GAP, TEXT_SIZE, LINE = 600, 16, 17, 24
SMALL = 40
PAPER, INK, FAINT = (250, 249, 245), (28, 30, 33), (112, 114, 118)

Colour = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Item:
    """A polygon on the picture, its number there and what is written about it."""

    number: int
    placed: PlacedRegion
    text: str
    note: str

    @property
    def colour(self) -> Colour:
        """Steps of the golden ratio round the colour circle: neighbours in number differ in hue."""
        red, green, blue = colorsys.hsv_to_rgb(self.number * 0.618 % 1, 0.62, 1.0)
        return round(red * 255), round(green * 255), round(blue * 255)


@dataclass(frozen=True)
class Frame:
    """The square of the raster that is shown, in pixels, and the side of its picture."""

    window: Window
    size: int

    @property
    def scale(self) -> float:
        """Picture pixels for one raster pixel."""
        return self.size / self.window.width

    def place(self, points: np.ndarray) -> np.ndarray:
        """Raster pixels [n, 2] on the picture."""
        return (points - (self.window.x, self.window.y)) * self.scale


@lru_cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The system's DejaVu Sans, which has letters for most languages, or else Pillow's own font."""
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


def read_items(polygons: Path, placer: Placer) -> list[Item]:
    """The polygons that lie on the raster, numbered in the order of the file."""
    with open_layer(polygons) as layer:
        placed = [(row, placer.place(row.region)) for row in layer]
    shown = [(row, region) for row, region in placed if region.bounds is not None]
    if not shown:
        raise RegionError(f"no polygon of {polygons} lies on the raster; give the raster it was described on.")
    return [Item(number, region, *wording(row)) for number, (row, region) in enumerate(shown, 1)]


def wording(row: Feature) -> tuple[str, str]:
    """The description, and the smaller line below it: label, confidence, area, status."""
    values = row.attributes
    text = str(values.get("description") or values.get("label") or values.get("status") or "not described")
    notes = []
    if values.get("label") and values["label"] != text:
        notes.append(str(values["label"]))
    if values.get("confidence") is not None:
        notes.append(f"confidence {float(values['confidence']):.0%}")
    if values.get("area_m2") is not None:
        notes.append(f"{float(values['area_m2']):,.0f} m2")
    if values.get("status") not in (None, "ok", text):
        notes.append(str(values["status"]))
    return text, " · ".join(notes)


def choose_frame(items: Sequence[Item], raster: GdalRaster) -> Frame:
    """A square around all polygons with some margin."""
    bounds = np.array([item.placed.bounds for item in items])
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    side = max(float((high - low).max()) * (1 + 2 * MARGIN), 16.0)
    whole = max(raster.width, raster.height)
    if side > 0.85 * whole:
        side, centre = float(whole), np.array([raster.width, raster.height]) / 2
    else:
        centre = (low + high) / 2
    x, y = (float(value) - side / 2 for value in centre)
    return Frame(Window(x, y, side, side), int(np.clip(side, SMALLEST, LARGEST)))


def crop_to_raster(image: Image.Image, frame: Frame, raster: GdalRaster) -> Image.Image:
    """The part of the square picture that the raster covers."""
    corners = frame.place(np.array([[0, 0], [raster.width, raster.height]], dtype=float))
    left, top, right, bottom = (round(value) for value in np.clip(corners, 0, frame.size).ravel())
    return image.crop((left, top, right, bottom))


def draw_outlines(image: Image.Image, items: Sequence[Item], frame: Frame) -> Image.Image:
    """The picture with every polygon's rings, dark below light so that they show on anything."""
    large = image.resize((frame.size * FINER, frame.size * FINER), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(large)
    for width, dark in ((5 * FINER, True), (2 * FINER + 1, False)):
        for item in items:
            for ring in item.placed.rings:
                points = [(float(x), float(y)) for x, y in frame.place(ring) * FINER]
                pen.line(points, fill=(20, 20, 20) if dark else item.colour, width=width, joint="curve")
    return large.resize(image.size, Image.Resampling.LANCZOS)


def draw_badges(image: Image.Image, items: Sequence[Item], frame: Frame, placer: Placer) -> None:
    """The numbers, each inside its polygon, or at the right of one that it would hide."""
    pen = ImageDraw.Draw(image)
    for item in items:
        x, y = frame.place(inside(item.placed, placer)[None])[0]
        x0, y0, x1, y1 = item.placed.bounds or (0, 0, 0, 0)
        if min(x1 - x0, y1 - y0) * frame.scale < SMALL and max(x1 - x0, y1 - y0) * frame.scale < 2 * SMALL:
            x = float(frame.place(np.array([[x1, y1]]))[0, 0]) + 16
        badge(pen, float(np.clip(x, 16, frame.size - 16)), float(np.clip(y, 16, frame.size - 16)), item)


def inside(placed: PlacedRegion, placer: Placer) -> np.ndarray:
    """A point [2] well inside the polygon, in raster pixels: of its covered cells, the one nearest to their middle."""
    x0, y0, x1, y1 = placed.bounds or (0, 0, 0, 0)
    side, cells = max(x1 - x0, y1 - y0, 1e-6), 64
    mask = placer.mask(placed, Window(x0, y0, side, side), cells)
    mask[int(np.ceil((y1 - y0) / side * cells)) :] = 0
    mask[:, int(np.ceil((x1 - x0) / side * cells)) :] = 0
    covered = np.argwhere(mask >= max(0.5 * float(mask.max()), 1e-9))
    if not len(covered):
        return np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    nearest = covered[np.square(covered - covered.mean(axis=0)).sum(axis=1).argmin()]
    return np.array([x0, y0]) + (nearest[::-1] + 0.5) * side / cells


def badge(pen: ImageDraw.ImageDraw, x: float, y: float, item: Item) -> None:
    """A number on a disc of the polygon's colour."""
    radius = 13 if item.number < 100 else 17
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=item.colour, outline=(20, 20, 20), width=2)
    pen.text((x, y), str(item.number), fill=(20, 20, 20), font=font(16), anchor="mm")


def wrap(text: str, width: float, size: int) -> Iterator[str]:
    """Lines of words no wider than ``width`` pixels."""
    letters, line = font(size), ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and letters.getlength(longer) > width:
            yield line
            line = word
        else:
            line = longer
    if line:
        yield line


def draw_legend(items: Sequence[Item], left_over: int, height: int) -> Image.Image:
    """The texts in columns of ``height`` pixels; the image is taller only for a single very long text."""
    entries = [(item, list(wrap(item.text, PANEL - 64, TEXT_SIZE))) for item in items]
    columns: list[list[tuple[int, Item, list[str]]]] = [[]]
    y = GAP
    for item, lines in entries:
        tall = LINE * len(lines) + (LINE if item.note else 0) + GAP
        if columns[-1] and y + tall > height - LINE:
            columns.append([])
            y = GAP
        columns[-1].append((y, item, lines))
        y += tall
    sheet = Image.new("RGB", (PANEL * len(columns), max(height, y + LINE)), PAPER)
    pen = ImageDraw.Draw(sheet)
    for column, rows in enumerate(columns):
        for top, item, lines in rows:
            draw_entry(pen, column * PANEL, top, item, lines)
    if left_over:
        end = f"… and {left_over} more polygons without a number"
        pen.text((PANEL * (len(columns) - 1) + 48, y), end, fill=FAINT, font=font(TEXT_SIZE - 3))
    return sheet


def draw_entry(pen: ImageDraw.ImageDraw, left: int, top: int, item: Item, lines: Sequence[str]) -> None:
    """One polygon's number, text and note."""
    badge(pen, left + 24, top + 12, item)
    for line in lines:
        pen.text((left + 48, top), line, fill=INK, font=font(TEXT_SIZE))
        top += LINE
    pen.text((left + 48, top), item.note, fill=FAINT, font=font(TEXT_SIZE - 3))


def draw(raster_path: Path, polygons: Path, most: int) -> Image.Image:
    """The whole sheet: the picture at the left, the texts of the first ``most`` polygons at the right."""
    with GdalRaster(raster_path) as raster:
        placer = Placer(raster, LARGEST)
        items = read_items(polygons, placer)
        frame = choose_frame(items, raster)
        rgb, _ = Picture(raster).read(frame.window, frame.size)
        image = draw_outlines(Image.fromarray(rgb), items, frame)
        draw_badges(image, items[:most], frame, placer)
        image = crop_to_raster(image, frame, raster)
    legend = draw_legend(items[:most], max(0, len(items) - most), image.height)
    sheet = Image.new("RGB", (image.width + legend.width, max(image.height, legend.height)), PAPER)
    sheet.paste(image, (0, 0))
    sheet.paste(legend, (image.width, 0))
    return sheet


def main() -> None:
    """Read the command line and write the picture."""
    parser = argparse.ArgumentParser(description="Draws described polygons and their texts onto the raster.")
    parser.add_argument("raster", type=Path)
    parser.add_argument("polygons", type=Path, help="what `python -m core_model describe` wrote")
    parser.add_argument("-o", "--output", type=Path, default=Path("described.png"))
    parser.add_argument("--most", type=int, default=40, help="number and list at most so many polygons")
    arguments = parser.parse_args()
    try:
        sheet = draw(arguments.raster, arguments.polygons, arguments.most)
    except AquilaError as error:
        sys.exit(str(error))
    sheet.save(arguments.output)
    print(f"{arguments.output}: {sheet.width} × {sheet.height} pixels")


if __name__ == "__main__":
    main()
