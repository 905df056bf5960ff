"""Drawing for the reports, without a screen."""

from __future__ import annotations

from typing import Any, Mapping, Sequence, Tuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

COLOURS = ("#2f6f9f", "#d9822b", "#4f9d58", "#b04a5a", "#7b5ea7", "#7a7a7a", "#c2a83e", "#3aa6a6")


def canvas(rows: int, columns: int, width: float, height: float) -> Tuple[Figure, NDArray[Any]]:
    """A figure of ``width`` × ``height`` inches and its axes [rows, columns]."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def picture(axes: Axes, image: NDArray[Any], title: str = "", mask: NDArray[np.bool_] | None = None,
            colour: str = "#ffe600", **options: Any) -> None:
    """A picture without ticks, with the outline of a mask."""
    axes.imshow(image, **options)
    axes.set_xticks([])
    axes.set_yticks([])
    if title:
        axes.set_title(title, fontsize=8)
    if mask is not None:
        outline(axes, mask, colour)


def outline(axes: Axes, mask: NDArray[np.bool_], colour: str = "#ffe600", style: str = "solid") -> None:
    """The outline of a mask."""
    padded = np.pad(mask.astype(float), 1)
    side = np.arange(-1, mask.shape[0] + 1), np.arange(-1, mask.shape[1] + 1)
    axes.contour(side[1], side[0], padded, levels=[0.5], colors=colour, linewidths=1.2, linestyles=style)
    axes.set_xlim(-0.5, mask.shape[1] - 0.5)
    axes.set_ylim(mask.shape[0] - 0.5, -0.5)


def curves(axes: Axes, places: Sequence[float], lines: Mapping[str, Sequence[float]], *, x: str, y: str,
           limits: Tuple[float, float] | None = (0, 1)) -> None:
    """Lines over common places, each with its name."""
    for number, (name, values) in enumerate(lines.items()):
        axes.plot(places, values, marker="o", markersize=3.5, color=COLOURS[number % len(COLOURS)], label=name)
    _finish(axes, x, y, limits)


def bars(axes: Axes, groups: Sequence[str], columns: Mapping[str, Sequence[float]], *, y: str,
         limits: Tuple[float, float] | None = (0, 1)) -> None:
    """Bars side by side in every group."""
    places, width = np.arange(len(groups)), 0.8 / len(columns)
    for number, (name, values) in enumerate(columns.items()):
        shift = (number - (len(columns) - 1) / 2) * width
        axes.bar(places + shift, values, width, color=COLOURS[number % len(COLOURS)], label=name)
    axes.set_xticks(places, groups, fontsize=8)
    _finish(axes, "", y, limits)


def _finish(axes: Axes, x: str, y: str, limits: Tuple[float, float] | None) -> None:
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    if limits is not None:
        axes.set_ylim(*limits)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize=7, framealpha=0.8)
