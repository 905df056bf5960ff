"""Many runs in one QGIS session, each described, written and saved; prints what is left of them.

Run as a script, in a process of its own: memory can only be judged where nothing else takes any.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
from qgis.core import QgsApplication, QgsFeature, QgsGeometry, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QEvent, QEventLoop, QRunnable, QThreadPool

from aquila_qgis_plugin.describe_task import DescribeRequest, DescribeTask, Outcome, start, stop_all
from aquila_qgis_plugin.model_options import ModelOptions
from aquila_qgis_plugin.polygons import regions
from aquila_qgis_plugin.rasters import raster_spec
from aquila_qgis_plugin.results import Targets, publish
from tests.geo_helpers import UTM_33, write_raster
from tests.tiny import save_tiny

POLYGONS = 6
NOTE_EVERY = 20


def _layers(folder: Path) -> List[Any]:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 256, 256), dtype=np.uint8)
    raster = QgsRasterLayer(str(write_raster(folder / "image.tif", pixels)), "image")
    plots = QgsVectorLayer("Polygon?crs=EPSG:32633&field=description:string", "plots", "memory")
    west, north = UTM_33[0], UTM_33[3]
    rows = []
    for number in range(POLYGONS):
        row = QgsFeature(plots.fields())
        left, top = west + 20 + 35 * number, north - 40
        row.setGeometry(QgsGeometry.fromWkt(
            f"POLYGON(({left} {top},{left + 28} {top},{left + 28} {top - 90},{left} {top - 90},{left} {top}))"
        ))
        rows.append(row)
    plots.dataProvider().addFeatures(rows)
    QgsProject.instance().addMapLayers([raster, plots])
    return [raster, plots]


def _run(raster: QgsRasterLayer, plots: QgsVectorLayer, model: ModelOptions) -> Outcome:
    """One run as the dock makes it; the results are saved to the layer."""
    wanted = list(regions(plots.getFeatures(), plots.crs()))
    task = DescribeTask(DescribeRequest(raster_spec(raster), wanted, model, style="phrase"))
    loop, told = QEventLoop(), []
    task.ended.connect(told.append)
    task.ended.connect(loop.quit)
    start(task)
    loop.exec()
    published = publish(plots, told[0].results, Targets("description"), commit=True)
    if told[0].error or published.written != POLYGONS:
        raise RuntimeError(f"{told[0].error} {told[0].details} {published.message}")
    return told[0]


class _Warmth(QRunnable):
    """Brings a thread of Qt's pool to life, with the helpers that PyTorch gives each thread it calculates in."""

    def __init__(self, all_warm: threading.Barrier) -> None:
        super().__init__()
        self._all_warm = all_warm

    def run(self) -> None:
        """Calculate, and wait until every thread of the pool has."""
        import torch

        torch.ones(1024, 1024).exp()
        self._all_warm.wait(60)


def _warm_up() -> None:
    """A task may begin in any thread of the pool: let all of them be there from the first note to the last."""
    pool = QThreadPool.globalInstance()
    pool.setExpiryTimeout(-1)
    all_warm = threading.Barrier(pool.maxThreadCount() + 1)
    for _ in range(pool.maxThreadCount()):
        pool.start(_Warmth(all_warm))
    all_warm.wait(60)  # not the pool's waitForDone(), which ends its threads


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def _note() -> Dict[str, int]:
    QgsApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    threads = len(list(Path("/proc/self/task").iterdir()))
    return {"bytes": _resident_bytes(), "threads": threads, "python_threads": threading.active_count()}


def main(runs: int) -> None:
    """Run, and print the notes as JSON."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = ModelOptions(model=str(save_tiny(folder / "tiny")), device="cpu")
        raster, plots = _layers(folder)
        notes = []
        _run(raster, plots, model)
        _warm_up()
        for number in range(1, runs + 1):
            _run(raster, plots, model)
            if number % NOTE_EVERY == 0:
                notes.append(_note())
        stop_all()
        alive = sum(type(thing) is DescribeTask for thing in gc.get_objects())
        left = {"tasks": QgsApplication.taskManager().count(), "alive": alive, "notes": notes}
        sys.stdout.write(json.dumps(left) + "\n")
        QgsProject.instance().clear()
        del raster, plots


if __name__ == "__main__":
    application = QgsApplication([], True)
    application.initQgis()
    main(int(sys.argv[1]))
    application.exitQgis()
