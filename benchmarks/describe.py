"""Polygons a second of ``Describer.describe`` over aerial imagery.

    python benchmarks/describe.py [--raster FILE] [--model nano|FOLDER] [--threads 2]

Without ``--raster``, a scene of the NAIP imagery under the data folder (AQUILA_DATA, by default ../shared/data beside
the repository) is laid out twelve times in a 4 × 3 mosaic. The polygons are irregular, 10–40 m wide, and drawn with a
seed. Prints one table line, and the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from osgeo import gdal

from core_model.checkpoint import load_model
from core_model.describer import Describer
from core_model.geo.raster import GdalRaster, ground_sample_distance, pixel_to_map
from core_model.geo.regions import Region

DATA = Path(os.environ.get("AQUILA_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
WIDTHS_M = (10, 40)
CORNERS = 9


def mosaic(folder: Path, path: Path) -> Path:
    """Twelve NAIP scenes side by side as one raster with red, green and blue."""
    scenes = sorted(folder.glob("*.tif"))[:12]
    if not scenes:
        raise SystemExit(f"no scenes in {folder}; give --raster, or set AQUILA_DATA to the data folder.")
    arrays = [gdal.Open(str(scene)).ReadAsArray()[:3] for scene in scenes]
    side = min(min(array.shape[1:]) for array in arrays)
    columns = min(4, len(arrays))
    rows = len(arrays) // columns
    first = gdal.Open(str(scenes[0]))
    target = gdal.GetDriverByName("GTiff").Create(
        str(path), columns * side, rows * side, 3, gdal.GDT_Byte, ["TILED=YES", "PHOTOMETRIC=RGB"]
    )
    target.SetGeoTransform(first.GetGeoTransform())
    target.SetProjection(first.GetProjection())
    for number, array in enumerate(arrays[: rows * columns]):
        x, y = number % columns * side, number // columns * side
        target.WriteArray(array[:, :side, :side], x, y)
    target.FlushCache()
    return path


def random_regions(raster: GdalRaster, count: int, seed: int) -> list[Region]:
    """Irregular polygons all over the raster."""
    rng = np.random.default_rng(seed)
    gsd = ground_sample_distance(raster, raster.width / 2, raster.height / 2)
    widest = min(raster.width, raster.height) / 4
    regions = []
    for number in range(count):
        reach = min(widest, rng.uniform(*WIDTHS_M) / 2 / (1.0 if math.isnan(gsd) else gsd))
        turns = np.sort(rng.uniform(0, 2 * math.pi, CORNERS))
        spokes = reach * rng.uniform(0.6, 1, CORNERS)
        centre = rng.uniform([reach, reach], [raster.width - reach, raster.height - reach])
        corners = centre + spokes[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        places = pixel_to_map(raster.transform, np.concatenate([corners, corners[:1]]))
        text = ", ".join(f"{x:.6f} {y:.6f}" for x, y in places)
        regions.append(Region.from_wkt(number, f"POLYGON (({text}))", raster.crs_wkt))
    return regions


def measure(describer: Describer, raster: Path, regions: list[Region], style: str) -> tuple[float, int]:
    """Seconds of one run, and how many regions it described."""
    start = time.perf_counter()
    described = sum(bool(found.description) for found in describer.describe(str(raster), regions, style=style))
    return time.perf_counter() - start, described


def processor() -> str:
    """The name of the CPU where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def run(arguments: argparse.Namespace, raster: Path) -> dict[str, object]:
    """Load the model, warm up, and measure the runs."""
    loaded = load_model(arguments.model, device=arguments.device)
    describer = Describer(loaded, batch_size=arguments.batch_size)
    with GdalRaster(raster) as source:
        regions = random_regions(source, arguments.polygons, arguments.seed)
        size = f"{source.width} × {source.height}"
    plan = describer.plan(str(raster), regions)
    measure(describer, raster, regions[: arguments.batch_size], arguments.style)
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
        "batch_size": arguments.batch_size,
        "polygons_per_second": round(statistics.median(rates), 1),
        "slowest_run": round(min(rates), 1),
        "fastest_run": round(max(rates), 1),
        "processor": processor(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "torch": torch.__version__,
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
    parser.add_argument("--batch-size", type=int, default=32)
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
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    print("| " + " | ".join(str(found[name]) for name in columns) + " |")
    text = json.dumps(found, ensure_ascii=False)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
