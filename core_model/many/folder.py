"""The folder of a run by many workers, ``NAME.parts`` beside the result: all that is needed to go on with it.

In it are the working copy of the input's rows, ``run.json`` with what beyond their metadata must not change, and one
``part-00000.parquet`` for every finished unit. At the end it becomes the result, or the result is made from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import List, Sequence

from core_model.errors import OutputError
from core_model.formats import files_of
from core_model.geo.vector import VectorLayer
from core_model.job import Job
from core_model.many.geoparquet import WorkingCopy, read_part
from core_model.many.plan import Unit
from core_model.output import (
    Results,
    begin,
    check_target,
    other_run,
    partial_path,
    parts_path,
    refuse_existing,
    resume,
)

PARTITIONED = ".parquet"
_RESULT = ("part-*.parquet",)
_WORKING = ("part-*.parquet*", "*.gpkg*", "run.*", "stop")


class RunFolder:
    """The working folder of one result."""

    def __init__(self, target: Path) -> None:
        # Workers need not have this process's working folder.
        self.target = target.absolute()
        self.path = parts_path(self.target)
        self._rows = self.path / f"{target.stem}.gpkg"
        self._run = self.path / "run.json"
        self._stop = self.path / "stop"

    @property
    def rows(self) -> Path:
        """The working copy."""
        return partial_path(self._rows)

    def part(self, number: int) -> Path:
        """The file of a unit."""
        return self.path / f"part-{number:05d}.parquet"

    def check(self, job: Job, inputs: Sequence[str]) -> None:
        """Raises ``OutputError`` if the result cannot be written there, or something is there already.

        ``inputs`` are the files that are read.
        """
        if self.target.suffix.lower() != PARTITIONED:
            check_target(self.target, inputs)
        elif not self.target.parent.is_dir():
            raise OutputError(f"the folder {self.target.parent} does not exist; make it first.")
        if partial_path(self.target).exists():
            raise OutputError(f"an unfinished run without --engine ray is in {partial_path(self.target)}; continue it "
                              "so, with --resume, or delete that file.")
        _refuse_foreign(self.path, _WORKING)
        if job.overwrite:
            _refuse_foreign(self.target, _RESULT)
        if job.overwrite or job.resume:
            return
        refuse_existing([self.target] if self.target.suffix.lower() == PARTITIONED else files_of(self.target))
        if self.rows.exists():
            raise OutputError(f"an unfinished run for {self.target} is there; add --resume to continue it or "
                              "--overwrite to start again.")

    def open(self, job: Job, layer: VectorLayer, record: Mapping[str, str], crs_wkt: str = "") -> Results:
        """The rows of the run, copied from ``layer`` (if it has no CRS, in this one) or, with ``resume``, continued."""
        self._stop.unlink(missing_ok=True)
        if job.resume and self.rows.exists():
            return resume(self._rows, record)
        self.path.mkdir(exist_ok=True)
        _remove(self.path.iterdir())
        return begin(self._rows, layer, record, limit=job.limit, crs_wkt=crs_wkt)

    def check_same_run(self, run: Mapping[str, str]) -> None:
        """Note ``run`` when it begins; later raises ``OutputError`` where it is another."""
        if not self._run.exists():
            unfinished = self._run.with_suffix(".writing")
            unfinished.write_text(json.dumps(run, indent=1), encoding="utf-8")
            unfinished.replace(self._run)
            return
        before = json.loads(self._run.read_text(encoding="utf-8"))
        for key, value in run.items():
            if before.get(key) != value:
                raise other_run(self.path, key, str(before.get(key)), value)

    def stop(self) -> None:
        """Ask all workers to begin no further unit."""
        self._stop.touch()

    def is_stopped(self) -> bool:
        """Whether ``stop`` was asked for."""
        return self._stop.exists()

    def finish(self, record: Mapping[str, str], units: Sequence[Unit]) -> List[str]:
        """Make the result of the parts and remove the folder; returns sentences on what the format could not hold."""
        if self.target.suffix.lower() == PARTITIONED:
            if not units:  # of a layer without rows: its columns all the same
                copy = WorkingCopy(self.rows)
                copy.write(self.part(0), copy.table(()), ())
            self._publish()
            return []
        results = resume(self._rows, record)
        for unit in units:
            for found in read_part(self.part(unit.number)):
                results.put(found)
        results.target = self.target
        notes = results.finish()
        _remove(self.path.iterdir())
        self.path.rmdir()
        return notes

    def _publish(self) -> None:
        _refuse_foreign(self.target, _RESULT)
        if self.target.is_dir():
            _remove(self.target.iterdir())
            self.target.rmdir()
        else:
            self.target.unlink(missing_ok=True)
        self.path.replace(self.target)
        _remove(path for path in self.target.iterdir() if path.suffix != PARTITIONED)


def _refuse_foreign(folder: Path, ours: Sequence[str]) -> None:
    """Raises ``OutputError`` for a folder in our folder's place that holds anything but what we write."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    for name in names:
        if not any(fnmatch(name, pattern) for pattern in ours):
            raise OutputError(f"the folder {folder} holds something else, {name}; choose another name.")


def _remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        path.unlink()
