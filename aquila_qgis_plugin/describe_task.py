"""Describing polygons, asking about them and counting them, in the background.

The main thread makes a request of plain values and copies, starts a task, and gets its ``Outcome`` by ``ended``; only
then are layers touched again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Optional, Tuple

from qtpy.QtCore import Signal

from aquila_qgis_plugin import models
from aquila_qgis_plugin.model_options import ModelOptions
from aquila_qgis_plugin.rasters import RasterSpec
from aquila_qgis_plugin.task_base import AquilaTask, Outcome, start, stop_all, unlisted
from aquila_qgis_plugin.translation import tr
from aquila_qgis_plugin.wording import polygons_text
from core_model.geo.planning import plan
from core_model.geo.raster import Picture
from core_model.geo.regions import Region

__all__ = ["AskTask", "DescribeRequest", "DescribeTask", "Outcome", "PlanTask", "start", "stop_all"]


@dataclass(frozen=True, eq=False)
class DescribeRequest:
    """Everything a run needs, as plain values and copies; at most one of ``style`` and ``prompt`` is given."""

    raster: RasterSpec
    regions: Sequence[Region]
    model: ModelOptions = field(default_factory=ModelOptions)
    style: Optional[str] = None
    prompt: Optional[str] = None
    labels: Optional[Tuple[str, ...]] = None
    bands: Optional[Tuple[int, ...]] = None


class DescribeTask(AquilaTask):
    """Describes the regions of a request.

    ``described`` brings each ``Description`` to the main thread as it is made, ``counted`` how many are done of how
    many; ``ended`` brings them all, or those done before the user cancelled or something failed.
    """

    described = Signal(object)
    counted = Signal(int, int)

    def __init__(self, request: DescribeRequest) -> None:
        super().__init__(tr("Describing {polygons}").format(polygons=polygons_text(len(request.regions))))
        self._request = request
        self._pace = _Pace(len(request.regions))

    def work(self) -> None:
        """Describe region by region; what is described stays, whatever happens to the rest."""
        request = self._request
        with models.use_lock(self.isCanceled), _opened(self, request) as picture:
            describer = models.describer(request.model)
            stream = describer.describe(
                picture, request.regions, style=request.style, prompt=request.prompt, labels=request.labels,
                progress=self._pace.note, is_cancelled=self.isCanceled)
            for found in stream:
                self.results.append(found)
                self.described.emit(found)
                self._count()

    def is_done(self) -> bool:
        """Whether every region has its description."""
        return len(self.results) == self._pace.total

    def seconds_left(self) -> Optional[float]:
        """About how long it will still take, ``None`` while that is unknown."""
        return self._pace.seconds_left()

    def seconds_per_polygon(self) -> Optional[float]:
        """The mean pace so far without loading the model, ``None`` while that is unknown."""
        return self._pace.seconds_per_polygon()

    def _count(self) -> None:
        done, total = len(self.results), self._pace.total
        self.setProgress(100.0 * done / total)
        self.counted.emit(done, total)


class AskTask(AquilaTask):
    """Asks one question about the regions of a request together; ``ended`` brings the ``answer``."""

    def __init__(self, request: DescribeRequest, question: str) -> None:
        super().__init__(tr("Asking about {polygons}").format(polygons=polygons_text(len(request.regions))))
        self._request, self._question = request, question

    def work(self) -> None:
        """Ask."""
        request = self._request
        with models.use_lock(self.isCanceled), _opened(self, request) as picture:
            describer = models.describer(request.model)
            self.check_cancelled()
            self.answer = describer.ask(picture, request.regions, self._question, labels=request.labels)

    def is_done(self) -> bool:
        """Whether there is an answer."""
        return self.answer is not None


class PlanTask(AquilaTask):
    """Counts the polygons that lie on a raster and the tiles they are seen through; needs no torch."""

    def __init__(self, raster: RasterSpec, regions: Sequence[Region], model: ModelOptions) -> None:
        super().__init__(tr("Counting {polygons}").format(polygons=polygons_text(len(regions))), unlisted())
        self._raster, self._regions, self._model = raster, regions, model

    def work(self) -> None:
        """Count."""
        size = models.picture_size(self._model)
        source = self._raster.open(self.feedback)
        try:
            self.plan = plan(source, self._until_cancelled(), size)
        finally:
            source.close()

    def is_done(self) -> bool:
        """Whether all are counted."""
        return self.plan is not None

    def _until_cancelled(self) -> Iterator[Region]:
        for region in self._regions:
            self.check_cancelled()
            yield region


class _Pace:
    """How fast a run goes, measured from when the first polygons are placed: before that, the model is loaded."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._first: Optional[Tuple[float, int]] = None
        self._last: Optional[Tuple[float, int]] = None

    def note(self, done: int, _total: int) -> None:
        """``done`` polygons are dealt with; those off the raster take no time and come with the first call."""
        self._last = (time.monotonic(), done)
        self._first = self._first or self._last

    def seconds_left(self) -> Optional[float]:
        """By the mean pace so far, ``None`` before there is one."""
        per_polygon = self.seconds_per_polygon()
        return None if per_polygon is None or self._last is None else per_polygon * (self.total - self._last[1])

    def seconds_per_polygon(self) -> Optional[float]:
        """The mean pace so far, ``None`` before there is one."""
        if self._first is None or self._last is None or self._last[1] == self._first[1]:
            return None
        return (self._last[0] - self._first[0]) / (self._last[1] - self._first[1])


@contextmanager
def _opened(task: AquilaTask, request: DescribeRequest) -> Iterator[Picture]:
    """The request's raster as pictures, closed afterwards."""
    picture = request.raster.open_picture(request.bands, task.feedback)
    try:
        yield picture
    finally:
        picture.source.close()
