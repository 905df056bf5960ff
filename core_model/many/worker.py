"""What one worker does: it loads the model once, then describes unit after unit and writes each as a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import List

from core_model.checkpoint import load_model
from core_model.describer import Describer
from core_model.errors import AquilaError
from core_model.geo.raster import GdalRaster, Picture
from core_model.job import Job
from core_model.many.folder import RunFolder
from core_model.many.geoparquet import WorkingCopy
from core_model.many.plan import Unit


@dataclass(frozen=True)
class Errand:
    """What all workers of a run are told."""

    job: Job
    target: Path
    model: str
    device: str
    dtype: str
    batch_size: int


@dataclass(frozen=True)
class Finished:
    """What became of a unit: its polygons' statuses, none if the run was stopped before, or one sentence of error."""

    number: int
    statuses: List[str] = field(default_factory=list)
    error: str = ""


class Worker:
    """Does units one at a time; everything is opened with the first, so that what fails comes back as a sentence."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._folder = RunFolder(errand.target)
        self._opened: _Opened | None = None

    def do(self, unit: Unit) -> Finished:
        """Describe a unit and write its part, unless the run is stopped."""
        if self._folder.is_stopped():
            return Finished(unit.number)
        try:
            if self._opened is None:
                self._opened = _Opened(self._errand, self._folder)
            return Finished(unit.number, self._opened.describe(unit, self._folder.part(unit.number)))
        except (AquilaError, OSError) as error:
            return Finished(unit.number, error=str(error))


class _Opened:
    """The model, the raster and the rows, as a worker holds them."""

    def __init__(self, errand: Errand, folder: RunFolder) -> None:
        self._job = errand.job
        self._copy = WorkingCopy(folder.rows)
        self._picture = Picture(GdalRaster(errand.job.raster), errand.job.bands)
        model = load_model(errand.model, device=errand.device, dtype=errand.dtype)
        self._describer = Describer(model, batch_size=errand.batch_size)

    def describe(self, unit: Unit, part: Path) -> List[str]:
        table = self._copy.table(unit.rows)
        found = list(self._describer.describe(
            self._picture, self._copy.regions(table), style=self._job.style, prompt=self._job.prompt,
            labels=self._job.labels, sampling=self._job.sampling))
        self._copy.write(part, table, found)
        return [str(each.status) for each in found]
