"""Runs by many workers: what they are given, what they write, and that the loss of one changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from osgeo import gdal, ogr
from typer.testing import CliRunner, Result

from core_model import output
from core_model.cli import app
from core_model.console import Meter
from core_model.errors import ClusterError, OutputError
from core_model.formats import Export
from core_model.geo.raster import GdalRaster
from core_model.geo.vector import open_layer
from core_model.job import Job
from core_model.output import Results
from tests.geo_helpers import write_layer, write_raster
from tests.tiny import save_tiny

pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'many'")
pytest.importorskip("ray.data", reason="needs the extra 'many'")

from core_model.many import cluster  # noqa: E402
from core_model.many.folder import RunFolder  # noqa: E402
from core_model.many.geoparquet import read_part  # noqa: E402
from core_model.many.plan import BATCHES_OF_A_UNIT, Unit, cut, fingerprint  # noqa: E402
from core_model.many.worker import Errand, Finished, Worker  # noqa: E402

REPOSITORY = Path(__file__).resolve().parent.parent
SIDE, COUNT, BATCH = 400, 144, 2
UNIT = BATCH * BATCHES_OF_A_UNIT


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, a raster and a layer of plots, some of which have no place, in no order of place."""
    folder = tmp_path_factory.mktemp("scene")
    save_tiny(folder / "model")
    values = np.random.default_rng(0).integers(0, 255, (3, SIDE, SIDE), dtype=np.uint8)
    write_raster(folder / "scene.tif", values)
    order = np.random.default_rng(1).permutation(COUNT - 3)
    wkts: list[str | None] = [_square(10 + 30 * (place % 12), 10 + 30 * (place // 12)) for place in order]
    write_layer(folder / "plots.gpkg", [*wkts, _square(5000, 0), None, "POLYGON EMPTY"])
    return folder


@pytest.fixture(scope="module", autouse=True)
def cluster_in() -> Iterator[None]:
    """Ray keeps to a folder of its own, and every process, this one too, to one thread: sums have one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    # Not a folder of pytest's: the names of sockets, 107 letters at most, would not fit below a longer path.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder, \
            pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def alone(scene: Path) -> Path:
    """What a single process writes."""
    target = scene / "alone.gpkg"
    assert CliRunner().invoke(app, _arguments(scene, target)).exit_code == 0
    return target


@pytest.fixture
def without_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """The units are done one after the other in this process, all else is as with Ray."""
    ray_work = cluster.work

    def work(errand: Errand, units: Sequence[Unit], share: cluster.Share) -> Generator[Finished, None, None]:
        yield from map(Worker(errand).do, units) if units else ray_work(errand, units, share)

    monkeypatch.setattr(cluster, "connected", lambda address, workers: nullcontext())
    monkeypatch.setattr(cluster, "share", lambda workers, device: cluster.Share(1, 1))
    monkeypatch.setattr(cluster, "work", work)


def _square(x: float, y: float, side: float = 12) -> str:
    west, north = 500000 + x, 5800000 - y
    corners = [(west, north), (west + side, north), (west + side, north - side), (west, north - side), (west, north)]
    return "POLYGON((" + ",".join(f"{a} {b}" for a, b in corners) + "))"


def _arguments(scene: Path, target: Path, *options: object) -> list[str]:
    given = ["describe", scene / "scene.tif", scene / "plots.gpkg", "-o", target, "--model", scene / "model",
             "--batch-size", BATCH, *options]
    return [str(each) for each in given]


def _many(scene: Path, target: Path, *options: object) -> Result:
    return CliRunner().invoke(app, _arguments(scene, target, "--engine", "ray", "--workers", 2, *options))


def _contents(path: Path) -> dict[str, Any]:
    """All that a vector file holds: columns, metadata, and rows with their numbers and geometries."""
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    layer = dataset.GetLayer(0)
    definition = layer.GetLayerDefn()
    fields = [definition.GetFieldDefn(index) for index in range(definition.GetFieldCount())]
    return {
        "name": layer.GetGeometryColumn(), "kind": layer.GetGeomType(), "crs": layer.GetSpatialRef().ExportToWkt(),
        "columns": [(field.GetName(), field.GetType(), field.GetSubType()) for field in fields],
        "metadata": layer.GetMetadata(),
        "rows": [(row.GetFID(), [row.GetField(index) for index in range(len(fields))], _wkb(row)) for row in layer],
    }


def _northing(wkb: bytes) -> float:
    return float(ogr.CreateGeometryFromWkb(wkb).Centroid().GetY())


def _wkb(row: ogr.Feature) -> bytes | None:
    geometry = row.GetGeometryRef()
    return None if geometry is None else bytes(geometry.ExportToIsoWkb())


def _workers(ancestor: int) -> list[int]:
    """The processes of Ray's actors among a process's descendants."""
    parents, titles = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            titles[int(folder.name)] = (folder / "cmdline").read_bytes().decode(errors="replace")
        except (OSError, ValueError):  # it ended meanwhile
            continue
    return [process for process, title in titles.items() if "_Actor" in title and ancestor in _line(process, parents)]


def _line(process: int, parents: dict[int, int]) -> list[int]:
    found = [process]
    while found[-1] in parents:
        found.append(parents[found[-1]])
    return found


def test_units_are_whole_batches_in_tile_order(scene: Path) -> None:
    with open_layer(scene / "plots.gpkg") as layer, GdalRaster(scene / "scene.tif") as raster:
        units = cut(raster, 64, (row.region for row in layer), BATCH)
        centres = {row.fid: _northing(row.region.wkb) for row in layer if row.fid <= COUNT - 3}
    assert [len(unit.rows) for unit in units] == [3] + [UNIT] * 8 + [COUNT - 3 - 8 * UNIT]
    assert units[0].rows == (COUNT - 2, COUNT - 1, COUNT)
    assert sorted(row for unit in units for row in unit.rows) == list(range(1, COUNT + 1))
    northing = [centres[row] for unit in units[1:] for row in unit.rows]
    assert max(northing[-UNIT:]) < min(northing[:UNIT])
    assert fingerprint(units) != fingerprint(units[:-1])


def test_a_worker_tells_what_is_wrong_and_heeds_a_stop(scene: Path, tmp_path: Path) -> None:
    job = Job(str(scene / "scene.tif"), str(scene / "plots.gpkg"))
    folder = RunFolder(tmp_path / "out.parquet")
    worker = Worker(Errand(job, folder.target, str(scene / "model"), "cpu", "auto", BATCH))
    assert "all machines must see this folder" in worker.do(Unit(0, (1,))).error
    with open_layer(job.polygons) as layer:
        folder.open(job, layer, {})
    done = worker.do(Unit(0, (COUNT, 1)))
    assert (done.error, sorted(done.statuses)) == ("", ["invalid geometry", "ok"])
    assert [found.id for found in read_part(folder.part(0))] == [COUNT, 1]
    folder.stop()
    assert worker.do(Unit(1, (2,))) == Finished(1) and not folder.part(1).exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--json"], "not to stdout"),
        (["--device", "cuda:1"], "a GPU of its own"),
        (["--workers", "0"], "--workers"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(
    scene: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    result = _many(scene, tmp_path / "out.gpkg", *options)
    assert result.exit_code == 2 and words in _unwrapped(result.stderr)


@pytest.mark.parametrize(("name", "options"), [("out.gpkg", ["--workers", "2"]), ("out.parquet", [])])
def test_options_of_many_workers_are_refused_without_them(
    scene: Path, tmp_path: Path, name: str, options: list[str]
) -> None:
    result = CliRunner().invoke(app, _arguments(scene, tmp_path / name, *options))
    assert result.exit_code == 2 and "--engine ray" in _unwrapped(result.stderr)


def _unwrapped(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--where", "nummer = 1"], "columns: number"),
        (["--bands", "9"], "band 9 was asked for"),
        (["--labels", "one"], "at least two"),
        (["--dtype", "float128"], "no number format"),
        (["--ray-address", "127.0.0.1:1"], "no Ray cluster is to be had"),
    ],
)
def test_errors_before_the_work_are_one_sentence_and_leave_nothing(
    scene: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    result = _many(scene, tmp_path / "out.parquet", *options)
    assert result.exit_code == 1 and words in result.stderr and result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_other_things_is_not_replaced(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "out.parquet").mkdir()
    (tmp_path / "out.parquet" / "thesis.txt").write_text("years of work")
    refused = _many(scene, tmp_path / "out.parquet", "--overwrite")
    assert refused.exit_code == 1 and "holds something else, thesis.txt" in refused.stderr


def test_the_engines_do_not_continue_each_others_runs(scene: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.gpkg"
    output.parts_path(target).mkdir()
    alone = CliRunner().invoke(app, _arguments(scene, target, "--resume"))
    assert alone.exit_code == 1 and "--engine ray" in alone.stderr
    output.parts_path(target).rmdir()
    output.partial_path(target).touch()
    assert "without --engine ray" in _many(scene, target, "--resume").stderr


def test_without_ray_one_sentence_tells_how_to_get_it(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("core_model.many")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    result = _many(scene, tmp_path / "out.gpkg")
    assert result.exit_code == 1 and 'pip install "ray[data]"' in result.stderr


@pytest.mark.parametrize(
    ("machines", "workers", "expected"), [([8], 2, 4), ([8], 3, 2), ([4, 4], 3, 2), ([5, 5, 5], 4, 2), ([16, 2], 2, 8)]
)
def test_no_worker_reaches_over_two_machines(machines: list[int], workers: int, expected: int) -> None:
    assert cluster.cpus_each(machines, workers) == expected


def test_more_workers_than_processors_are_refused() -> None:
    with pytest.raises(ClusterError, match="3 CPUs for 4 workers"):
        cluster.cpus_each([2, 1], 4)


def test_units_done_here_come_to_the_rows_of_one_process(
    scene: Path, alone: Path, tmp_path: Path, without_cluster: None
) -> None:
    target = tmp_path / "alone.geojson"
    assert _many(scene, target).exit_code == 0
    assert _contents(target)["rows"] == _contents(_exported(alone, tmp_path / "expected.geojson"))["rows"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone.geojson", "expected.geojson"]


@pytest.mark.parametrize("name", ["none.gpkg", "none.parquet"])
def test_a_condition_that_no_row_meets_gives_a_result_without_rows(
    scene: Path, tmp_path: Path, without_cluster: None, name: str
) -> None:
    assert _many(scene, tmp_path / name, "--where", "number < 0").exit_code == 0
    if name.endswith(".parquet"):
        table = pq.read_table(tmp_path / name)
        assert table.num_rows == 0 and "description" in table.column_names
    else:
        assert _contents(tmp_path / name)["rows"] == []
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_run_whose_end_failed_goes_on_from_its_parts(
    scene: Path, alone: Path, tmp_path: Path, without_cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OutputError("the file is open elsewhere")

    target = tmp_path / "out.parquet"
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", fail)
        assert "open elsewhere" in _many(scene, target).stderr
    assert _many(scene, target, "--resume").exit_code == 0
    _same_rows(target, alone)


def test_a_run_killed_at_its_end_goes_on(scene: Path, tmp_path: Path, without_cluster: None) -> None:
    """Some rows of the working copy are filled by then: its units must stay the same ones."""
    def commit(results: Results) -> None:
        whole(results)
        raise KeyboardInterrupt

    whole, target = Results.commit, tmp_path / "out.geojson"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Results, "commit", commit)
        assert _many(scene, target).exit_code != 0 and not target.exists()
    assert _many(scene, target, "--resume").exit_code == 0 and len(_contents(target)["rows"]) == COUNT


def test_ctrl_c_keeps_the_parts_and_resume_makes_a_folder_of_geoparquet(
    scene: Path, alone: Path, tmp_path: Path, without_cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.parquet"
    parts = output.parts_path(target)
    with monkeypatch.context() as patch:
        patch.setattr(Meter, "update", lambda _, done, total: signal.raise_signal(signal.SIGINT) if done == 19 else 0)
        stopped = _many(scene, target)
    assert stopped.exit_code == 130 and f"Stopped after 19 of {COUNT}" in stopped.stderr
    assert f"{parts} holds what is done" in stopped.stderr and not target.exists()
    assert len(list(parts.glob("part-*.parquet"))) == 2
    plain = _many(scene, target)
    assert plain.exit_code == 1 and "--resume" in plain.stderr
    for options in (["--style", "phrase"], ["--dtype", "bfloat16"], ["--limit", 9]):
        assert "use the same options" in _many(scene, target, "--resume", *options).stderr
    resumed = _many(scene, target, "--resume")
    assert resumed.exit_code == 0 and f"{COUNT - 19} polygons in" in resumed.stderr
    assert sorted(path.name for path in target.iterdir()) == [f"part-{number:05d}.parquet" for number in range(10)]
    assert not parts.exists() and "nothing to resume" in _many(scene, target, "--resume").stderr
    _same_rows(target, alone)
    assert _many(scene, target, "--limit", 1).exit_code == 1
    assert _many(scene, target, "--limit", 1, "--overwrite").exit_code == 0
    assert [path.name for path in target.iterdir()] == ["part-00000.parquet"]


def test_what_goes_wrong_at_a_worker_is_one_sentence(
    scene: Path, tmp_path: Path, without_cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Worker, "do", lambda _, unit: Finished(unit.number, error="no space left"))
    result = _many(scene, tmp_path / "out.gpkg")
    assert result.exit_code == 1 and result.stderr == "error: no space left\n"


KILLED = """
import os, signal, sys
from core_model.cli import app
from core_model.console import Meter

Meter.update = lambda self, done, total: os.kill(os.getpid(), signal.SIGKILL)
app(sys.argv[1:])
"""


def test_the_loss_of_the_command_and_of_a_worker_changes_nothing(
    scene: Path, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "alone.gpkg"
    parts = output.parts_path(target)
    arguments = _arguments(scene, target, "--engine", "ray", "--workers", 2)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
    first = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], env=environment, capture_output=True, check=False)
    assert first.returncode == -signal.SIGKILL, first.stderr
    assert not target.exists()
    done_before = sum(1 for path in parts.glob("part-*.parquet") for _ in read_part(path))
    killed: list[int] = []
    seen: list[tuple[int, int]] = []

    def kill(_: Meter, done: int, total: int) -> None:
        seen.append((done, total))
        if not killed:
            killed.extend(_workers(os.getpid())[:1])
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(Meter, "update", kill)
    result = _many(scene, target, "--resume")
    assert result.exit_code == 0, result.stderr
    total = seen[0][1]
    assert killed and seen[0][0] < total, "the worker was lost too late to matter"
    # A worker may have written one more part after its command was gone.
    assert done_before > 0 and total <= COUNT - done_before
    assert seen[-1] == (total, total) and f"{total} polygons in" in result.stderr
    assert _contents(target) == _contents(alone)
    assert list(tmp_path.iterdir()) == [target]


def _exported(source: Path, target: Path) -> Path:
    """A GeoPackage in another format, as the command writes it."""
    dataset = gdal.OpenEx(str(source), gdal.OF_VECTOR)
    Export(dataset.GetLayer(0), target, source).run()
    return target


def _same_rows(folder: Path, single: Path) -> None:
    expected = _contents(single)
    found = pq.read_table(folder).sort_by("fid")
    assert found.schema.names == ["fid", *(name for name, _, _ in expected["columns"]), expected["name"]]
    rows = [(row, list(values), wkb) for row, *values, wkb in zip(*(column.to_pylist() for column in found.columns))]
    assert rows == expected["rows"]
