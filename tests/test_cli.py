"""The command line, from its arguments to its files and sentences."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr
from typer.testing import CliRunner, Result

from core_model import output
from core_model.cli import app
from core_model.console import Meter, interruption
from core_model.describer import Describer
from core_model.geo.gdal_calls import LONLAT, spatial_reference
from core_model.job import Job
from tests.geo_helpers import write_layer, write_raster
from tests.tiny import loaded_tiny, save_tiny

REPOSITORY = Path(__file__).resolve().parent.parent
SIDE, COUNT = 300, 100
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, a raster and a hundred plots, one of them outside."""
    folder = tmp_path_factory.mktemp("scene")
    save_tiny(folder / "model")
    values = np.random.default_rng(0).integers(0, 255, (4, SIDE, SIDE), dtype=np.uint8)
    write_raster(folder / "scene.tif", values)
    wkts = [_square(10 + 28 * (number % 10), 10 + 28 * (number // 10)) for number in range(COUNT - 1)]
    write_layer(folder / "plots.gpkg", [*wkts, _square(5000, 0)])
    return folder


@pytest.fixture
def run(scene: Path) -> Run:
    """Runs ``describe`` over the scene, or the command that is named first."""
    def invoke(*options: object, command: str = "describe") -> Result:
        places = ["scene.tif", "plots.gpkg"] if command == "describe" else ["scene.tif"]
        arguments = [command, *(str(scene / place) for place in places), "--model", str(scene / "model")]
        return CliRunner().invoke(app, [*arguments, *map(str, options)])

    return invoke


def _square(x: float, y: float, side: float = 12) -> str:
    west, north = 500000 + x, 5800000 - y
    corners = [(west, north), (west + side, north), (west + side, north - side), (west, north - side), (west, north)]
    return "POLYGON((" + ",".join(f"{a} {b}" for a, b in corners) + "))"


def _texts(path: Path) -> list[tuple[object, ...]]:
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    return [(row["number"], row["status"], row["description"], row["label"]) for row in dataset.GetLayer(0)]


@pytest.fixture(scope="module")
def whole(scene: Path) -> Sequence[tuple[object, ...]]:
    """The rows of a run that nothing interrupts."""
    arguments = ["describe", str(scene / "scene.tif"), str(scene / "plots.gpkg"), "-o", str(scene / "whole.gpkg")]
    result = CliRunner().invoke(app, [*arguments, "--model", str(scene / "model")])
    assert result.exit_code == 0, result.output
    return _texts(scene / "whole.gpkg")


def test_every_polygon_is_described_in_order(whole: Sequence[tuple[object, ...]]) -> None:
    assert [row[0] for row in whole] == list(range(COUNT))
    assert [row[1] for row in whole] == ["ok"] * (COUNT - 1) + ["outside raster"]
    assert all(row[2] and row[3] for row in whole[:-1]) and whole[-1][2] == ""


def test_summary_counts_and_names_the_file(run: Run, tmp_path: Path) -> None:
    result = run("-o", tmp_path / "out.geojson", "--where", "number > 95")
    assert result.exit_code == 0 and result.stdout == ""
    assert "4 polygons in" in result.stderr and "a second): 3 ok, 1 outside raster." in result.stderr
    assert f"Written to {tmp_path / 'out.geojson'}." in result.stderr


@pytest.mark.parametrize("lacking", ["raster", "polygons"])
def test_a_missing_crs_is_told(scene: Path, tmp_path: Path, lacking: str) -> None:
    raster, plots = tmp_path / "scene.vrt", scene / "plots.gpkg"
    gdal.Translate(str(raster), str(scene / "scene.tif"), format="VRT")
    if lacking == "raster":
        raster.write_text(re.sub("<SRS.*</SRS>", "", raster.read_text()))
    else:
        plots = tmp_path / "plots.csv"
        options = ["GEOMETRY=AS_WKT"]
        gdal.VectorTranslate(str(plots), str(scene / "plots.gpkg"), format="CSV", layerCreationOptions=options)
    arguments = [str(raster), str(plots), "-o", str(tmp_path / "out.gpkg"), "--model", str(scene / "model")]
    result = CliRunner().invoke(app, ["describe", *arguments, "--limit", "2"])
    assert result.exit_code == 0, result.output
    note, = (line for line in result.stderr.splitlines() if line.startswith("note: "))
    assert note.startswith(f"note: {'scene' if lacking == 'raster' else 'plots'}") and "-a_srs" in note


def test_json_lines_on_stdout_need_no_file(run: Run) -> None:
    result = run("--json", "--where", "number > 97", "--labels", "forest,field")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    outside, inside = sorted(found, key=lambda each: each["status"] == "ok")
    assert inside["label"] in ("forest", "field") and inside["description"] == inside["label"]
    assert sum(inside["probabilities"].values()) == pytest.approx(1)
    assert inside["area_m2"] == pytest.approx(144, rel=0.01) and len(inside["centroid"]) == 2
    assert outside["status"] == "outside raster" and outside["confidence"] is None and outside["gsd_m"] is None


def test_any_script_goes_through_a_pipe_whatever_the_code_page(scene: Path) -> None:
    arguments = [scene / "scene.tif", scene / "plots.gpkg", "--model", scene / "model", "--limit", "1", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "core_model", "describe", *map(str, arguments), "--labels", "森林,水"], cwd=REPOSITORY,
        capture_output=True, env={**os.environ, "PYTHONIOENCODING": "cp1252"}, check=True)
    assert json.loads(done.stdout.decode())["label"] in ("森林", "水")


def test_json_and_file_together(run: Run, tmp_path: Path) -> None:
    result = run("--json", "-o", tmp_path / "out.csv", "--limit", 3, "--style", "category")
    found = {json.loads(line)["id"]: json.loads(line)["label"] for line in result.stdout.splitlines()}
    assert [found[n + 1] for n in range(3)] == [row[3] for row in _texts(tmp_path / "out.csv")]


def test_metadata_tells_how_it_was_made(run: Run, tmp_path: Path) -> None:
    result = run("-o", tmp_path / "out.gpkg", "--limit", 1, "--prompt", "Is <region> wet?", "--bands", "4,3,2",
                 "--temperature", 0.5, "--seed", 3)
    assert result.exit_code == 0
    dataset = gdal.OpenEx(str(tmp_path / "out.gpkg"), gdal.OF_VECTOR)
    metadata = dataset.GetLayer(0).GetMetadata()
    assert metadata["AQUILA_PROMPT"] == "GSD {gsd} m, area {area} m2. Is <region> wet?"
    assert metadata["AQUILA_BANDS"] == "4,3,2" and metadata["AQUILA_SEED"] == "3"
    assert metadata["AQUILA_RASTER"] == "scene.tif" and metadata["AQUILA_MODEL"] == "tiny"
    assert "AQUILA_VERSION" in metadata and str(tmp_path) not in str(metadata)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "absent"], "no model is called 'absent'"),
        (["--device", "cuda:99"], "has no device cuda:99"),
        (["--dtype", "float128"], "no number format"),
        (["--bands", "9"], "band 9 was asked for"),
        (["--where", "nummer = 1"], "columns: number"),
        (["--layer", "roads"], "no layer 'roads'"),
        (["--prompt", "<region2>?"], "names <region2>"),
        (["--labels", "one"], "at least two"),
        (["-o", "out.docx"], "cannot be written as '.docx'"),
        (["-o", "absent/out.gpkg"], "does not exist; make it first"),
    ],
)
def test_errors_are_one_sentence(run: Run, tmp_path: Path, options: list[str], words: str) -> None:
    result = run("-o", tmp_path / "out.gpkg", *options)
    assert result.exit_code == 1 and words in result.stderr and result.stdout == ""
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [[], ["--style", "poem"], ["--bands", "a,b"], ["--limit", "0"], ["--style", "phrase", "--prompt", "x"],
     ["--resume", "--overwrite"], ["--resume"]],
)
def test_wrong_usage_exits_with_2(run: Run, tmp_path: Path, options: list[str]) -> None:
    target = [] if options in ([], ["--resume"]) else ["-o", str(tmp_path / "out.gpkg")]
    assert run(*target, *options).exit_code == 2


def test_an_existing_result_needs_overwrite(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "out.gpkg"
    assert run("-o", target, "--limit", 2).exit_code == 0
    again = run("-o", target, "--limit", 3)
    assert again.exit_code == 1 and "--overwrite" in again.stderr and len(_texts(target)) == 2
    assert run("-o", target, "--limit", 3, "--overwrite").exit_code == 0
    assert len(_texts(target)) == 3


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
def test_ctrl_c_keeps_what_is_done_and_resume_goes_on(
    run: Run, tmp_path: Path, suffix: str, whole: Sequence[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / f"out{suffix}"
    made: list[int] = []

    def update(_: Meter, done: int, total: int) -> None:
        made.append(done)
        if 20 < done < total:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Meter, "update", update)
        stopped = run("-o", target, "--batch-size", 30)
    assert stopped.exit_code == 130 and 20 < made[-1] < COUNT
    assert f"Stopped after {made[-1]} of 100" in stopped.stderr and "--resume" in stopped.stderr
    rows = _texts(target)
    assert len(rows) == COUNT and sum(row[1] is not None for row in rows) == made[-1]
    refused = run("-o", target, "--resume", "--style", "phrase")
    assert refused.exit_code == 1 and "use the same options" in refused.stderr
    resumed = run("-o", target, "--resume")
    assert resumed.exit_code == 0 and f"{COUNT - made[-1]} polygons in" in resumed.stderr
    assert _texts(target) == whole
    nothing = run("-o", target, "--resume")
    assert nothing.exit_code == 0 and "nothing to resume" in nothing.stderr
    other = run("-o", target, "--resume", "--limit", 2)
    if suffix == ".gpkg":  # the only one that notes what was asked
        assert other.exit_code == 1 and "was begun with limit '', not '2'" in other.stderr


def test_only_results_are_complete(run: Run, scene: Path, tmp_path: Path) -> None:
    for name in ("other.gpkg", "other.geojson"):
        gdal.VectorTranslate(str(tmp_path / name), str(scene / "plots.gpkg"))
        refused = run("-o", tmp_path / name, "--resume")
        assert refused.exit_code == 1 and "is no result that could be resumed" in refused.stderr
    for suffix in (".geojson", ".kml", ".gpkg"):  # without rows the first two have no columns
        options = ["-o", tmp_path / f"empty{suffix}", "--where", "number > 9999"]
        assert run(*options).exit_code == 0
        again = run(*options, "--resume")
        assert again.exit_code == 0 and "nothing to resume" in again.stderr, again.stderr
    own = run("-o", scene / "plots.gpkg", "--resume")
    assert own.exit_code == 1 and "is the input itself" in own.stderr


def test_after_an_interrupted_overwrite_the_sentence_names_a_command_that_works(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output.Results, "put", lambda *_: signal.raise_signal(signal.SIGINT))
    stopped = run("-o", tmp_path / "out.gpkg", "--overwrite")
    assert stopped.exit_code == 130 and "with --resume in place of --overwrite to go on" in stopped.stderr


def test_a_prompt_that_is_too_long_is_refused_before_a_file_is_made(run: Run, tmp_path: Path) -> None:
    long = " please" * 900
    for options in (["--prompt", f"what is <region>{long}"], ["--labels", f"a{long},b"], ["--labels", f"a,b,{long}"]):
        refused = run("-o", tmp_path / "out.gpkg", *options)
        assert refused.exit_code == 1 and "the prompt is too long" in refused.stderr
        assert list(tmp_path.iterdir()) == []


def test_results_hold_no_passwords() -> None:
    describer = Describer(loaded_tiny())
    secret = Job("WMS:https://u:geheim@maps.example/wms?key=geheim", "PG:host=db password=geheim dbname=gis")
    record = secret.record(describer, "plots")
    assert "geheim" not in str(record) and record == secret.record(describer, "plots")
    assert record["polygons"] != Job(secret.raster, "PG:host=db dbname=other").record(describer, "plots")["polygons"]
    assert Job("a/b.tif", "/vsizip/c.zip/d.shp").record(describer, "d")["polygons"] == "d.shp"


def test_long_connection_strings_are_no_file_names(run: Run, scene: Path) -> None:
    shape = ogr.CreateGeometryFromWkt(_square(50, 50))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32633)
    shape.AssignSpatialReference(reference)
    shape.TransformTo(spatial_reference(LONLAT))
    inline = json.dumps({"type": "FeatureCollection", "name": "x" * 300, "features": [
        {"type": "Feature", "properties": {}, "geometry": json.loads(shape.ExportToJson())}]})
    arguments = ["describe", scene / "scene.tif", inline, "--model", scene / "model", "--json", "-o", scene / "i.gpkg"]
    told = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert told.exit_code == 0, told.stderr
    dataset = gdal.OpenEx(str(scene / "i.gpkg"), gdal.OF_VECTOR)
    assert [row["status"] for row in dataset.GetLayer(0)] == ["ok"]


def test_a_second_ctrl_c_stops_at_once_and_keeps_what_is_done(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, count = output.Results.put, [0]

    def put(self: output.Results, found: object) -> None:
        count[0] += 1
        if count[0] in (10, 12):
            signal.raise_signal(signal.SIGINT)
        original(self, found)  # type: ignore[arg-type]

    monkeypatch.setattr(output.Results, "put", put)
    stopped = run("-o", tmp_path / "out.gpkg")
    assert stopped.exit_code == 130 and "Stopped after 11 of 100" in stopped.stderr
    assert sum(row[1] is not None for row in _texts(tmp_path / "out.gpkg")) == 11


KILLED = """
import os, signal, sys
from core_model import output
from core_model.cli import app

original, count = output.Results.put, [0]

def put(self, found):
    count[0] += 1
    if count[0] > 80:
        os.kill(os.getpid(), signal.SIGKILL)
    original(self, found)

output.Results.put = put
app(sys.argv[1:])
"""


def test_resume_after_a_kill_loses_and_repeats_nothing(
    run: Run, scene: Path, tmp_path: Path, whole: Sequence[tuple[object, ...]]
) -> None:
    target = tmp_path / "out.geojson"
    arguments = ["describe", scene / "scene.tif", scene / "plots.gpkg", "-o", target, "--model", scene / "model"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, arguments)], env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not target.exists() and output.partial_path(target).exists()
    plain = run("-o", target)
    assert plain.exit_code == 1 and "--resume" in plain.stderr
    resumed = run("-o", target, "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert "36 polygons in" in resumed.stderr  # 64 of the 80 were safe on disk
    assert _texts(target) == whole


def test_questions_are_answered_on_stdout(run: Run) -> None:
    result = run("Is <region> wet?", "--wkt", _square(50, 50), command="ask")
    assert result.exit_code == 0 and result.stdout.strip() and result.stderr == ""
    chosen = run("Is <region> wet?", "--wkt", _square(50, 50), "--labels", "yes,no", command="ask")
    assert chosen.stdout.strip() in ("yes", "no")


def test_points_are_asked_about_in_any_crs(run: Run) -> None:
    for place, crs in (("500100,5799900", ""), ("15.0014628,52.348", "EPSG:4326")):
        result = run("What is <region>?", "--point", place, "--crs", crs, "--radius", 20, "--json", command="ask")
        answer = json.loads(result.stdout)
        assert answer["status"] == "ok" and answer["ids"] == ["point 1"]
        assert answer["areas_m2"][0] == pytest.approx(np.pi * 400, rel=0.01)


def test_two_places_share_one_question(run: Run) -> None:
    result = run("Which is larger, <region1> or <region2>?", "--wkt", _square(50, 50), "--point", "500100,5799900",
                 "--json", command="ask")
    assert json.loads(result.stdout)["ids"] == ["wkt 1", "point 1"]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--wkt", _square(9000, 0)], 1, "no answer: outside raster"),
        (["--wkt", "junk"], 1, "not a WKT geometry"),
        (["--point", "1,2", "--crs", "junk"], 1, "cannot be placed"),
        (["--point", "somewhere"], 2, "no point"),
        (["--point", "500050,5799950", "--radius", "-5"], 1, "the radius is -5; give it in metres, more than 0"),
        (["--point", "500050,5799950", "--radius", "nan"], 1, "the radius is nan"),
        ([], 2, "--wkt or --point"),
    ],
)
def test_places_that_cannot_be_asked_about_say_why(run: Run, options: list[str], code: int, words: str) -> None:
    result = run("What is <region>?", *options, command="ask")
    assert result.exit_code == code and words in result.stderr and result.stdout == ""


def test_coordinates_of_a_crs_are_not_taken_for_pixels(scene: Path, tmp_path: Path) -> None:
    raster = write_raster(tmp_path / "bare.tif", np.full((3, 64, 64), 9, np.uint8), crs="")
    places = ["--point", "9,48", "--crs", "EPSG:4326"]
    told = CliRunner().invoke(
        app, ["ask", str(raster), "What is <region>?", *places, "--model", str(scene / "model")])
    assert told.exit_code == 1 and "bare.tif has no CRS, so EPSG:4326 means nothing on it" in told.stderr


def test_info_tells_versions_devices_and_model(scene: Path) -> None:
    result = CliRunner().invoke(app, ["info", "--json", "--model", str(scene / "model")])
    found = json.loads(result.stdout)
    assert found["packages"]["gdal"] == gdal.VersionInfo("RELEASE_NAME")
    assert found["model"]["name"] == "tiny" and found["devices"][0].startswith("cpu")
    plain = CliRunner().invoke(app, ["info", "--model", "absent"])
    assert plain.exit_code == 0 and "model: unusable: no model is called 'absent'" in plain.stdout


def test_module_runs_and_helps() -> None:
    for arguments in (["--help"], ["describe", "--help"], ["ask", "--help"], ["info", "--help"]):
        assert CliRunner().invoke(app, arguments).exit_code == 0


def test_progress_is_a_line_a_minute_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Meter(is_terminal=False) as meter:
        meter.update(5, 10)
    assert capsys.readouterr().err == ""
    with Meter(is_terminal=False, line_seconds=0) as meter:
        meter.update(5, 10)
    assert "5 of 10 polygons" in capsys.readouterr().err


def test_progress_is_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Meter(is_terminal=True) as meter:
        meter.update(0, 10)
        meter.update(10, 10)
    assert "10/10" in capsys.readouterr().err


def test_interruption_gives_the_handlers_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruption() as asked:
        assert not asked()
        signal.raise_signal(signal.SIGINT)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
