"""From the click to the text: where the time goes in the plugin for 100 selected polygons, the first time and again.

    PYTHONPATH=. python benchmarks/clicks.py [--polygons 100] [--threads 2]

Runs what the button "Describe" runs (the request on the main thread, the background task, the writing into the
layer's fields) in QGIS's libraries without a screen, over the mosaic of ``describe.py``: a first click, which imports
torch and loads the model, a second on the same polygons, a third with another style, and clicks on one polygon that
has been seen and on one that has not. Prints a Markdown table of seconds and the figures as JSON.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

# Before Qt starts; the plugin comes first, since it makes core_model and qtpy importable.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import aquila_qgis_plugin  # noqa: F401, I001
from machine import machine, table, tell
from osgeo import gdal
from qgis.core import QgsApplication, QgsFeature, QgsGeometry, QgsProject, QgsRasterLayer, QgsVectorLayer
from scenes import DATA, mosaic, random_regions

from aquila_qgis_plugin import models
from aquila_qgis_plugin.describe_task import DescribeRequest, DescribeTask, start
from aquila_qgis_plugin.model_options import ModelOptions
from aquila_qgis_plugin.polygons import regions
from aquila_qgis_plugin.rasters import raster_spec
from aquila_qgis_plugin.results import Targets, publish
from core_model.geo.raster import GdalRaster

PARTS = ("prepare", "start", "import", "load", "place", "wait", "encode", "extract", "prefill", "decode", "publish")
ONE_CLICKS = 5


class Clicks:
    """Clicks on polygons of one layer over one raster."""

    def __init__(self, raster: Path) -> None:
        self._raster = QgsRasterLayer(str(raster), "mosaic")
        self._timed = _Timed()
        QgsProject.instance().addMapLayer(self._raster)

    def describe(self, features: QgsVectorLayer, style: str) -> dict[str, float]:
        """One click; the seconds of its parts, and of all of it as ``click to text``."""
        self._timed.begin()
        clicked = time.perf_counter()
        chosen = list(regions(features.getSelectedFeatures(), features.crs()))
        task = DescribeTask(DescribeRequest(
            raster_spec(self._raster), chosen, ModelOptions(device="cpu"), style=style))
        ended: list[Any] = []
        task.ended.connect(ended.append)
        prepared = time.perf_counter()
        start(task)
        while not ended:
            QgsApplication.processEvents()
            time.sleep(0.001)
        over = time.perf_counter()
        if len(ended[0].results) != len(chosen) or ended[0].error:
            raise SystemExit(f"the click failed: {ended[0].error}")
        published = publish(features, ended[0].results, Targets("description", "label", "confidence"), commit=True)
        told = time.perf_counter()
        if published.written != len(chosen):
            raise SystemExit(f"the texts were not written: {published.message}")
        return {
            "click to text": told - clicked, "prepare": prepared - clicked,
            "start": over - prepared - ended[0].seconds, "publish": told - over, **self._timed.seconds(),
        }


class _Timed:
    """The parts of a click that happen in its task."""

    def __init__(self) -> None:
        self._load, self._describer = models._loaded, models.describer
        self._parts: dict[str, float] = {}
        self._last: Any = None
        models._loaded, models.describer = self._loaded, self._described

    def begin(self) -> None:
        """A new click."""
        self._parts = {}
        if self._last is not None:
            self._last.stopwatch.reset()

    def seconds(self) -> dict[str, float]:
        """Those since it began."""
        return {**self._parts, **self._last.stopwatch.seconds()}

    def _loaded(self, options: object) -> object:
        started = time.perf_counter()
        found = self._load(options)
        self._parts["load"] = time.perf_counter() - started
        return found

    def _described(self, options: object) -> object:
        started = time.perf_counter()
        self._last = self._describer(options)
        self._parts["import"] = time.perf_counter() - started - self._parts["load"]
        return self._last


def selected(raster: Path, count: int, seed: int) -> QgsVectorLayer:
    """A memory layer of irregular polygons, all of them selected."""
    with GdalRaster(raster) as source:
        found, crs = random_regions(source, count, seed), source.crs_wkt
    layer = QgsVectorLayer("Polygon", "plots", "memory")
    reference = layer.crs()
    reference.createFromWkt(crs)
    layer.setCrs(reference)
    rows = []
    for region in found:
        geometry = QgsGeometry()
        geometry.fromWkb(region.wkb)
        row = QgsFeature(layer.fields())
        row.setGeometry(geometry)
        rows.append(row)
    layer.dataProvider().addFeatures(rows)
    layer.selectAll()
    QgsProject.instance().addMapLayer(layer)
    return layer


def prepared(folder: Path, arguments: argparse.Namespace) -> tuple[Path, list[QgsVectorLayer]]:
    """The raster, as old as most are, a layer of many polygons, and layers of one."""
    raster = mosaic(DATA / "scenes" / "naip", folder / "mosaic.tif")
    os.utime(raster, (1e9, 1e9))
    counts = [arguments.polygons, *[1] * ONE_CLICKS]
    return raster, [selected(raster, count, arguments.seed + number) for number, count in enumerate(counts)]


def measured(raster: Path, arguments: argparse.Namespace, layers: list[QgsVectorLayer]) -> dict[str, dict[str, float]]:
    """The seconds of every kind of click; of those on one polygon, the medians."""
    clicks, (many, *single) = Clicks(raster), layers
    found = {
        f"first, {arguments.polygons}": clicks.describe(many, "description"),
        f"again, {arguments.polygons}": clicks.describe(many, "description"),
        f"other style, {arguments.polygons}": clicks.describe(many, "detailed"),
    }
    new = [clicks.describe(layer, "description") for layer in single]
    seen = [clicks.describe(layer, "description") for layer in single]
    for name, several in (("one, not seen before", new), ("one, seen before", seen)):
        found[name] = {part: statistics.median(each.get(part, 0.0) for each in several) for part in several[0]}
    return found


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description="Measures where the time of a click goes.")
    parser.add_argument("--polygons", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    gdal.UseExceptions()
    # torch is not there yet: it counts the threads it may use when it is first imported.
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    application = QgsApplication([], True)
    application.initQgis()
    with tempfile.TemporaryDirectory() as folder:
        raster, layers = prepared(Path(folder), arguments)
        found = measured(raster, arguments, layers)
        QgsProject.instance().clear()
    first = found[f"first, {arguments.polygons}"]["click to text"]
    rows = [
        [name, f"{parts['click to text']:.2f}", f"{parts['click to text'] / first:.2f}",
         *(f"{parts.get(part, 0.0):.3f}" for part in PARTS)]
        for name, parts in found.items()
    ]
    print(table(["click", "click to text", "ratio to the first", *PARTS], rows))
    tell({"clicks": found, **machine()}, arguments.json)
    application.exitQgis()


if __name__ == "__main__":
    main()
