"""A whole run over a layer: what is asked, the rows it fills, and what came of it."""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

from core_model import __version__
from core_model.describer import Describer
from core_model.description import Description
from core_model.folders import exists
from core_model.generation import Sampling
from core_model.geo.raster import GdalRaster, Picture
from core_model.geo.regions import Region
from core_model.geo.source import RasterSource
from core_model.geo.vector import VectorLayer, open_layer
from core_model.output import Results, begin, check_finished, check_target, is_complete, partial_path, resume

# Of connection strings and addresses.
_MAY_HOLD_SECRETS = re.compile(r"[=@?{]|^OCI:", re.IGNORECASE)


@dataclass(frozen=True)
class Job:
    """What to describe, how, and where to; without ``output`` the descriptions only go to the caller."""

    raster: str
    polygons: str
    output: Optional[Path] = None
    style: Optional[str] = None
    prompt: Optional[str] = None
    labels: Optional[Tuple[str, ...]] = None
    where: Optional[str] = None
    layer: Optional[str] = None
    bands: Optional[Tuple[int, ...]] = None
    limit: Optional[int] = None
    sampling: Sampling = Sampling()
    resume: bool = False
    overwrite: bool = False

    def record(self, describer: Describer, layer: str) -> Dict[str, str]:
        """What was asked, as texts for the result's metadata; an unfinished run only goes on if it is the same."""
        values = {
            "raster": _name_of(self.raster), "polygons": _name_of(self.polygons), "layer": layer,
            "where": self.where, "limit": self.limit, "style": self.style,
            "prompt": describer.instruction(style=self.style, prompt=self.prompt, labels=self.labels),
            "labels": ",".join(self.labels or ()), "bands": ",".join(map(str, self.bands or ())),
            "model": describer.model_name, "temperature": self.sampling.temperature, "seed": self.sampling.seed,
            "version": __version__,
        }
        return {key: "" if value is None else str(value) for key, value in values.items()}


@dataclass
class Outcome:
    """What a run came to: how many of its ``total`` polygons ended how, and sentences on what the format lost.

    One that ``was_complete`` had nothing to resume.
    """

    total: int
    interrupted: bool = False
    was_complete: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    notes: List[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many polygons were dealt with."""
        return sum(self.counts.values())

    def count(self, status: str) -> None:
        """Note one polygon's status; all errors count together."""
        self.counts[status.partition(":")[0]] += 1


def run(
    job: Job, describer: Describer, *, on_result: Callable[[Description], None],
    progress: Callable[[int, int], None], is_cancelled: Callable[[], bool],
) -> Outcome:
    """Describe a layer; ends early, with what is done written, on cancellation or ``KeyboardInterrupt``.

    :raises AquilaError: if the raster, layer, prompt or result cannot be used.
    """
    with open_layer(job.polygons, job.layer, job.where) as rows, GdalRaster(job.raster) as raster:
        if job.output is not None:
            check_target(job.output, [*rows.files, *raster.files])
        record = job.record(describer, rows.name)
        if job.resume and job.output is not None and is_complete(job.output):
            check_finished(job.output, record)
            return Outcome(0, was_complete=True)
        picture = Picture(raster, job.bands)
        with describer.stopwatch.part("write"):
            results = _results(job, rows, record, raster.crs_wkt)
        outcome = Outcome(_count(rows, job.limit) if results is None else results.waiting())
        started = time.monotonic()
        stream = describer.describe(
            picture, _regions(rows, job.limit) if results is None else results.regions(),
            style=job.style, prompt=job.prompt, labels=job.labels, sampling=job.sampling,
            progress=progress, is_cancelled=is_cancelled)
        try:
            for found in stream:
                if results is not None:
                    with describer.stopwatch.part("write"):
                        results.put(found)
                on_result(found)
                outcome.count(found.status)
        except KeyboardInterrupt:
            outcome.interrupted = True
        outcome.interrupted |= is_cancelled() and outcome.done < outcome.total
        outcome.seconds = time.monotonic() - started
        with describer.stopwatch.part("write"):
            outcome.notes = crs_notes(raster, rows) + (results.finish() if results is not None else [])
    return outcome


def crs_notes(raster: RasterSource, layer: VectorLayer) -> List[str]:
    """What was taken for granted where the raster or the layer does not say in which CRS it is."""
    if bool(raster.crs_wkt) == bool(layer.crs_wkt):
        return []
    if layer.crs_wkt:
        return [f"{raster.name} has no CRS, so the polygons' coordinates were taken for the raster's own; if they are "
                "not, give the raster its CRS (gdal_edit.py -a_srs EPSG:…) and its place, and run again."]
    return [f"{layer.name} has no CRS and was taken to be in the raster's; if it is not, give the layer its CRS "
            "(ogr2ogr -a_srs EPSG:…), and run again."]


def _name_of(source: str) -> str:
    """A file's name; a mark of what may hold a password or key, since results are passed on."""
    if exists(source) or not _MAY_HOLD_SECRETS.search(source):
        return Path(source).name
    return f"connection {hashlib.sha256(source.encode()).hexdigest()[:12]}"


def _results(job: Job, rows: VectorLayer, record: Dict[str, str], crs_wkt: str) -> Results | None:
    if job.output is None:
        return None
    if job.resume and partial_path(job.output).exists():
        return resume(job.output, record)
    return begin(job.output, rows, record, limit=job.limit, overwrite=job.overwrite, crs_wkt=crs_wkt)


def _regions(rows: VectorLayer, limit: int | None) -> Iterator[Region]:
    return (row.region for row in islice(rows, limit))


def _count(rows: VectorLayer, limit: int | None) -> int:
    return len(rows) if limit is None else min(limit, len(rows))
