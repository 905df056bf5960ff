"""Polygons a second of ``Describer.describe`` over aerial imagery.

    python benchmarks/describe.py [--raster FILE] [--model nano|FOLDER] [--threads 2]

Without ``--raster``, a scene of the NAIP imagery under the data folder (AQUILA_DATA, by default ../shared/data beside
the repository) is laid out twelve times in a 4 × 3 mosaic. The polygons are irregular, 10–40 m wide, and drawn with a
seed. Prints one table line, and the same as JSON.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
from machine import machine, table, tell
from osgeo import gdal
from scenes import DATA, mosaic, random_regions

from core_model.checkpoint import load_model
from core_model.describer import Describer
from core_model.geo.raster import GdalRaster
from core_model.geo.regions import Region


def measure(describer: Describer, raster: Path, regions: list[Region], style: str) -> tuple[float, int]:
    """Seconds of one run, and how many regions it described."""
    start = time.perf_counter()
    described = sum(bool(found.description) for found in describer.describe(str(raster), regions, style=style))
    return time.perf_counter() - start, described


def run(arguments: argparse.Namespace, raster: Path) -> dict[str, object]:
    """Load the model, warm up, and measure the runs."""
    loaded = load_model(arguments.model, device=arguments.device)
    # Without what a second run would find of the first.
    describer = Describer(loaded, batch_size=arguments.batch_size, cache_bytes=0)
    with GdalRaster(raster) as source:
        regions = random_regions(source, arguments.polygons, arguments.seed)
        size = f"{source.width} × {source.height}"
    plan = describer.plan(str(raster), regions)
    measure(describer, raster, regions[: describer.batch_size], arguments.style)
    runs = [measure(describer, raster, regions, arguments.style) for _ in range(arguments.runs)]
    rates = [len(regions) / seconds for seconds, _ in runs]
    return {
        "model": loaded.name,
        "style": arguments.style,
        "polygons": len(regions),
        "described": runs[-1][1],
        "tiles": plan.tiles,
        "raster": size,
        "device": arguments.device,
        "threads": torch.get_num_threads(),
        "batch_size": describer.batch_size,
        "polygons_per_second": round(statistics.median(rates), 1),
        "slowest_run": round(min(rates), 1),
        "fastest_run": round(max(rates), 1),
        **machine(),
    }


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description="Measures polygons a second.")
    parser.add_argument("--raster", type=Path, help="instead of a mosaic of NAIP scenes")
    parser.add_argument("--model", default="nano", help="nano, or a model folder")
    parser.add_argument("--style", default="description")
    parser.add_argument("--polygons", type=int, default=400)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, help="else the usual one")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    gdal.UseExceptions()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        raster = arguments.raster or mosaic(DATA / "scenes" / "naip", Path(folder) / "mosaic.tif")
        found = run(arguments, raster)
    columns = ("model", "style", "polygons", "described", "tiles", "threads", "polygons_per_second")
    print(table(columns, [[found[name] for name in columns]]))
    tell(found, arguments.json)


if __name__ == "__main__":
    main()
