"""Whole runs of ``describe``, from the layer on disk to the result on disk: speed, memory and where the time goes.

    python benchmarks/whole_runs.py [--counts 1,10,100,1000] [--rasters small,large] [--threads 2]

Each count is a process of its own, so that its peak of memory is its own. The small raster is the mosaic of
``describe.py``; the large one repeats it over 60,000 × 60,000 pixels as a virtual raster, where hardly two polygons
share a picture. Counts up to 100 run three times, of which the medians stand here; the model is loaded and one batch
described before. ``--clock cpu`` counts the time of the process instead of the wall's, for a machine that others use;
it has one thread then. Prints a Markdown table and the figures as JSON.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from machine import machine, table, tell
from osgeo import gdal, ogr, osr
from scenes import DATA, mosaic, random_regions

from core_model.checkpoint import load_model
from core_model.config import AquilaConfig
from core_model.describer import Describer
from core_model.folders import model_folder
from core_model.geo.planning import plan
from core_model.geo.raster import GdalRaster
from core_model.job import Job
from core_model.job import run as run_job

LARGE_SIDE = 60_000
WARM = 97  # enough for every thread to have been there
RUNS, RUNS_UP_TO = 3, 100
# Several threads do them side by side, so that their times add up to more than the run's.
PARTS = ("place", "read", "rasterise", "encode", "extract", "prefill", "decode", "write")
# The clock of a run and that of its parts.
CLOCKS = {"wall": (time.perf_counter, time.perf_counter), "cpu": (time.process_time, time.thread_time)}


@dataclass(frozen=True)
class Run:
    """One process: a layer of so many polygons over a raster, and a small layer to warm up with."""

    raster: Path
    polygons: Path
    count: int
    tiles: int
    warm: Path
    model: str
    threads: int
    batch_size: int | None
    clock: str


def virtual(scene: Path, path: Path) -> Path:
    """The scene over and over, as a virtual raster of 60,000 × 60,000 pixels."""
    source = gdal.Open(str(scene))
    wide, high = source.RasterXSize, source.RasterYSize
    places = [(x, y) for y in range(0, LARGE_SIDE, high) for x in range(0, LARGE_SIDE, wide)]
    target = gdal.GetDriverByName("VRT").Create(str(path), LARGE_SIDE, LARGE_SIDE, 0)
    target.SetGeoTransform(source.GetGeoTransform())
    target.SetProjection(source.GetProjection())
    for number, colour in enumerate((gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand), 1):
        target.AddBand(gdal.GDT_Byte)
        band = target.GetRasterBand(number)
        band.SetColorInterpretation(colour)
        sources = {
            f"source_{at}": (
                f"<SimpleSource><SourceFilename>{scene}</SourceFilename><SourceBand>{number}</SourceBand>"
                f'<SrcRect xOff="0" yOff="0" xSize="{wide}" ySize="{high}"/>'
                f'<DstRect xOff="{x}" yOff="{y}" xSize="{wide}" ySize="{high}"/></SimpleSource>')
            for at, (x, y) in enumerate(places)
        }
        band.SetMetadata(sources, "new_vrt_sources")
    target.FlushCache()
    return path


def layer(raster: Path, count: int, seed: int, size: int) -> tuple[Path, int]:
    """So many irregular polygons all over a raster, as a GeoPackage, and on how many pictures they are seen."""
    path = raster.with_name(f"{raster.stem}_{count}.gpkg")
    with GdalRaster(raster) as source:
        regions, reference = random_regions(source, count, seed), osr.SpatialReference(source.crs_wkt)
        tiles = plan(source, regions, size).tiles
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    plots = dataset.CreateLayer("plots", reference, ogr.wkbPolygon)
    dataset.StartTransaction()
    for region in regions:
        feature = ogr.Feature(plots.GetLayerDefn())
        feature.SetGeometryDirectly(ogr.CreateGeometryFromWkb(region.wkb))
        plots.CreateFeature(feature)
    dataset.CommitTransaction()
    return path, tiles


def described(run: Run) -> dict[str, object]:
    """Do the run, after a small one; its figures."""
    torch.set_num_threads(run.threads)
    gdal.UseExceptions()
    describer = Describer(load_model(run.model, device="cpu"), batch_size=run.batch_size, cache_bytes=0)
    whole, describer.stopwatch.clock = CLOCKS[run.clock]
    _whole(describer, run.raster, run.warm, whole)
    seconds, parts = [], []
    for _ in range(RUNS if run.count <= RUNS_UP_TO else 1):
        describer.stopwatch.reset()
        seconds.append(_whole(describer, run.raster, run.polygons, whole))
        parts.append(describer.stopwatch.seconds())
    return {
        "raster": run.raster.stem, "polygons": run.count, "tiles": run.tiles,
        "seconds": statistics.median(seconds), "clock": run.clock, "runs": len(seconds),
        "parts": {name: statistics.median(part.get(name, 0.0) for part in parts) for name in PARTS},
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **machine(),
    }


def _whole(describer: Describer, raster: Path, polygons: Path, clock: Callable[[], float]) -> float:
    job = Job(str(raster), str(polygons), polygons.with_suffix(".described.gpkg"), overwrite=True)
    start = clock()
    outcome = run_job(
        job, describer, on_result=lambda _: None, progress=lambda *_: None, is_cancelled=lambda: False)
    if outcome.counts["ok"] != outcome.total:
        raise SystemExit(f"not all polygons were described: {dict(outcome.counts)}")
    return clock() - start


def _told(run: Run, told: multiprocessing.SimpleQueue[dict[str, object]]) -> None:
    told.put(described(run))


def apart(run: Run) -> dict[str, object]:
    """The figures of a run in a process of its own."""
    context = multiprocessing.get_context("spawn")
    told = context.SimpleQueue()
    process = context.Process(target=_told, args=(run, told))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"the run of {run.count} polygons over {run.raster.stem} failed")
    return dict(told.get())


def row(found: dict, before: dict | None, base: dict) -> list[object]:
    """One line of the table; ratios are to the count of ``base`` and to the run before."""
    seconds, parts = found["seconds"], found["parts"]
    growth = "" if before is None else (
        f"{seconds / before['seconds']:.2f} × for {found['polygons'] / before['polygons']:g} ×")
    shares = [f"{100 * parts[name] / sum(parts.values()):.0f} %" for name in PARTS]
    return [
        found["raster"], found["polygons"], found["tiles"], f"{seconds:.2f}", f"{found['polygons'] / seconds:.1f}",
        growth, f"{found['peak_mib']:.0f}", f"{found['peak_mib'] / base['peak_mib']:.2f}", *shares,
    ]


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description="Measures whole runs: polygons a second, memory, parts.")
    parser.add_argument("--counts", default="1,10,100,1000")
    parser.add_argument("--rasters", default="small,large")
    parser.add_argument("--model", default="nano", help="nano, or a model folder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, help="else the usual one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clock", default="wall", choices=sorted(CLOCKS))
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    if arguments.clock == "cpu":
        arguments.threads = 1
    gdal.UseExceptions()
    size = AquilaConfig.load(model_folder(arguments.model)).encoder.image_size
    counts = [int(count) for count in arguments.counts.split(",")]
    columns = ["raster", "polygons", "tiles", "seconds", "polygons/s", "time", "peak MiB", "peak ratio", *PARTS]
    rows, figures = [], []
    with tempfile.TemporaryDirectory() as folder:
        small = mosaic(DATA / "scenes" / "naip", Path(folder) / "small.tif")
        made = {"small": small, "large": virtual(small, Path(folder) / "large.vrt")}
        for name in arguments.rasters.split(","):
            warm, _ = layer(made[name], WARM, arguments.seed + 1, size)
            found = []
            for count in counts:
                polygons, tiles = layer(made[name], count, arguments.seed, size)
                found.append(apart(Run(
                    made[name], polygons, count, tiles, warm, arguments.model, arguments.threads,
                    arguments.batch_size, arguments.clock)))
            base = next((each for each in found if each["polygons"] == RUNS_UP_TO), found[0])
            rows += [row(each, before, base) for before, each in zip([None, *found], found)]
            figures += found
    print(table(columns, rows))
    print("\nThe shares are of the time of all threads.\n")
    tell(figures, arguments.json)


if __name__ == "__main__":
    main()
