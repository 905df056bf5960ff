"""A whole run over a layer by many workers, one model each: the same rows as ``core_model.job.run`` gives.

This process copies the layer, places its polygons and cuts them into units; workers describe units and write them, each
to a file of its own, into a folder that all machines see. So the loss of a worker costs a unit, and that of this
process nothing that is written.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

import torch

from core_model.checkpoint import LoadedModel, pick_dtype
from core_model.config import AquilaConfig
from core_model.console import Meter, interruption
from core_model.describer import Describer
from core_model.errors import OutputError
from core_model.folders import exists, model_folder
from core_model.geo.raster import GdalRaster, choose_bands
from core_model.geo.vector import open_layer
from core_model.job import Job, Outcome, crs_notes
from core_model.loading.empty import empty_model
from core_model.many import cluster
from core_model.many.folder import PARTITIONED, RunFolder
from core_model.many.plan import Unit, cut, fingerprint
from core_model.many.worker import Errand
from core_model.output import check_finished, is_complete
from core_model.text.tokenizer import load_tokenizer
from core_model.weights import weight_files


@dataclass(frozen=True)
class Setup:
    """What a run by many needs to know beside its job; ``device`` is auto, cpu or cuda, a GPU for each worker.

    Without ``workers`` the cluster decides (``cluster.share``); ``address`` is local, auto or a host:port.
    """

    model: str = "nano"
    device: str = "auto"
    dtype: str = "auto"
    batch_size: int = 32
    workers: Optional[int] = None
    address: str = cluster.LOCAL


def run(job: Job, target: Path, setup: Setup) -> Outcome:
    """Describe a layer into ``target`` on a Ray cluster; after Ctrl-C, units at hand are finished and the rest left.

    :raises AquilaError: if the raster, layer, prompt, result or cluster cannot be used.
    """
    folder = RunFolder(target)
    pick_dtype(setup.dtype, torch.device("cpu"))
    job = replace(job, raster=_seen_by_all(job.raster))
    model = model_folder(setup.model)
    outline = _outline(model)
    with open_layer(job.polygons, job.layer, job.where) as layer, GdalRaster(job.raster) as raster:
        folder.check(job, [*layer.files, *raster.files])
        choose_bands(raster, job.bands)
        record = job.record(outline, layer.name)
        if job.resume and is_complete(target):
            if target.suffix.lower() != PARTITIONED:
                check_finished(target, record)
            return Outcome(0, was_complete=True)
        with cluster.connected(setup.address, setup.workers):
            divided = cluster.share(setup.workers, setup.device)
            results = folder.open(job, layer, record, raster.crs_wkt)
            # Those of rows that were filled before an interruption, too: it is the same run with the same parts.
            units = cut(raster, outline.size, results.regions(described=True), setup.batch_size)
            del results  # workers read the file: nobody may hold it for writing
            folder.check_same_run({
                "raster": _raster_fingerprint(raster), "model": _model_fingerprint(model), "dtype": setup.dtype,
                "batch size": str(setup.batch_size), "polygons": fingerprint(units)})
            device = "cuda" if divided.gpus else "cpu"
            errand = Errand(job, folder.target, str(model.absolute()), device, setup.dtype, setup.batch_size)
            outcome = _work(errand, folder, units, divided)
        outcome.notes = crs_notes(raster, layer)
    if not outcome.interrupted:
        outcome.notes += folder.finish(record, units)
    return outcome


def _work(errand: Errand, folder: RunFolder, units: Sequence[Unit], divided: cluster.Share) -> Outcome:
    waiting = [unit for unit in units if not folder.part(unit.number).exists()]
    outcome = Outcome(sum(len(unit.rows) for unit in waiting))
    started = time.monotonic()
    with interruption() as interrupted, Meter() as meter, closing(cluster.work(errand, waiting, divided)) as finished:
        try:
            for unit in finished:
                if unit.error:
                    raise OutputError(unit.error)
                for status in unit.statuses:
                    outcome.count(status)
                meter.update(outcome.done, outcome.total)
                if interrupted() and not folder.is_stopped():
                    folder.stop()
        except KeyboardInterrupt:
            outcome.interrupted = True
    outcome.interrupted |= outcome.done < outcome.total
    outcome.seconds = time.monotonic() - started
    return outcome


def _outline(folder: Path) -> Describer:
    """The model as its settings tell it, without weights: enough to know its prompts and the size of its pictures."""
    return Describer(LoadedModel(empty_model(AquilaConfig.load(folder)), load_tokenizer(folder), folder))


def _seen_by_all(raster: str) -> str:
    """A file's whole path, since workers have other working folders; what is no file is left as it is."""
    return str(Path(raster).absolute()) if exists(raster) else raster


def _raster_fingerprint(raster: GdalRaster) -> str:
    return f"{raster.width}×{raster.height}×{len(raster.bands)} at {raster.transform}"


def _model_fingerprint(folder: Path) -> str:
    """Of the settings, and of the names and sizes of the weight files: reading gigabytes takes too long for a start."""
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for path in weight_files(folder):
        digest.update(f"{path.name} {path.stat().st_size if path.is_file() else 0}".encode())
    return digest.hexdigest()
