"""A report as Markdown with figures: what was asked, how, the numbers, and what a person wrote about them.

Everything but the last part, "What it means", is written anew by every run. That part is prose: a run keeps the one it
finds, and says so where the weights have changed since it was written.
"""

from __future__ import annotations

import io
import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEANING = "## What it means"
WRITTEN_ABOUT = "<!-- written about weights {weights} -->"
LARGEST_PNG = 290_000  # bytes
DOTS = 110  # per inch


def wrapped(text: str) -> str:
    """A paragraph in lines of at most 120 letters."""
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False)


def shown(value: Any) -> str:
    """A cell's text: floats with three decimals, a dash for nan."""
    if isinstance(value, float):
        return "–" if value != value else f"{value:.3f}"
    return str(value)


@dataclass
class Report:
    """Collects the parts of one report; ``name`` names its files."""

    name: str
    title: str
    question: str
    method: str
    parts: List[str] = field(default_factory=list)
    figures: Dict[str, Figure] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """A paragraph."""
        self.parts.append(wrapped(text))

    def table(self, caption: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table under its caption."""
        lines = [wrapped(caption), "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
        lines += ["| " + " | ".join(shown(cell) for cell in row) + " |" for row in rows]
        self.parts.append("\n".join(lines))

    def figure(self, key: str, figure: Figure, caption: str) -> None:
        """A figure, saved beside the report as ``name_key.png``."""
        self.figures[f"{self.name}_{key}.png"] = figure
        self.parts.append(f"![{key}]({self.name}_{key}.png)\n\n{wrapped(f'*{caption}*')}")

    def write(self, folder: Path, *, run: str, weights: str, command: str) -> Path:
        """Write ``name.md`` and its figures into ``folder``; ``run`` tells of model, seed, machine and time."""
        folder.mkdir(parents=True, exist_ok=True)
        for file, figure in self.figures.items():
            (folder / file).write_bytes(png(figure))
        path = folder / f"{self.name}.md"
        meaning = _meaning(path, weights)
        head = [
            f"# {self.title}", wrapped(self.question), "## How", wrapped(self.method), f"```\n{command}\n```",
            wrapped(run), "## Numbers"]
        path.write_text("\n\n".join(head + self.parts + [meaning]) + "\n", encoding="utf-8")
        return path


def _meaning(path: Path, weights: str) -> str:
    """The prose of an earlier report, with a warning where it was written about other weights."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    _, found, prose = text.partition(MEANING)
    if not found:
        return f"{MEANING}\n\n{WRITTEN_ABOUT.format(weights=weights)}\n\nNot written yet."
    kept = re.sub(r"\n\*\*The numbers above[^\n]*\n\n?", "\n", prose).strip()
    written = re.search(WRITTEN_ABOUT.format(weights="([0-9a-z]+)"), kept)
    if written is None or written.group(1) == weights:
        return f"{MEANING}\n\n{kept}"
    warning = f"**The numbers above are of weights `{weights}`; this part was written about `{written.group(1)}`.**"
    return f"{MEANING}\n\n{warning}\n\n{kept}"


def png(figure: Figure) -> bytes:
    """The figure as PNG bytes of at most ``LARGEST_PNG``: fewer colours first, then fewer pixels."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS)
    picture = Image.open(drawn).convert("RGB")
    while True:
        for colours in (256, 128, 64):
            packed = io.BytesIO()
            few = picture.quantize(colours, dither=Image.Dither.FLOYDSTEINBERG if colours < 256 else Image.Dither.NONE)
            few.save(packed, format="PNG", optimize=True)
            if len(packed.getvalue()) <= LARGEST_PNG:
                return packed.getvalue()
        width, height = picture.size
        picture = picture.resize((width * 4 // 5, height * 4 // 5), Image.Resampling.LANCZOS)
