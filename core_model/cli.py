"""The command line: ``python -m core_model describe | ask | info | import-osprey | assemble | check``.

Results go to stdout or a file; progress, summary and errors (one sentence, exit code 1; 2 for wrong usage) to stderr.
"""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, List, Optional, Tuple

import typer

from core_model.console import Meter, interruption
from core_model.errors import AquilaError, ClusterError, RasterError

if TYPE_CHECKING:
    from core_model.config import AquilaConfig
    from core_model.description import Description
    from core_model.geo.regions import Region
    from core_model.geo.source import RasterSource
    from core_model.job import Job, Outcome

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Descriptions of polygons over aerial and satellite imagery.",
)
_INTERRUPTED = 130


class Engine(str, Enum):
    """What runs the work."""

    local = "local"
    ray = "ray"


class Style(str, Enum):
    """How much is written about a polygon."""

    category = "category"
    phrase = "phrase"
    description = "description"
    detailed = "detailed"


RasterPath = Annotated[str, typer.Argument(help="Any raster GDAL reads: a file, a VRT, /vsi… or a connection string.")]
Bands = Annotated[Optional[str], typer.Option(help="Bands for red, green, blue, or one for grey: 4,3,2.")]
Labels = Annotated[Optional[str], typer.Option(help="Choose among these instead of writing freely: a,b,c.")]
ModelName = Annotated[str, typer.Option(help="A built-in model or a model folder.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
NumberFormat = Annotated[str, typer.Option("--dtype", help="auto, float32, bfloat16, float16, int8 or int4.")]
BatchSize = Annotated[Optional[int], typer.Option(
    min=1, help="Polygons that share one pass through the model; else 32, or 64 for a small one on a CPU.")]
Temperature = Annotated[float, typer.Option(min=0.0, help="Above 0, texts are drawn at random, not the likeliest.")]
Seed = Annotated[int, typer.Option(help="Makes drawn texts repeatable.")]
ImageSize = Annotated[int, typer.Option(min=32, help="The side, in pixels, of the pictures the model sees.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON object per line on stdout.")]


@app.callback()
def _write_utf8() -> None:
    """Texts of any script go to files and pipes, whatever the code page: those of Windows have few."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


@app.command()
def describe(
    raster: RasterPath,
    polygons: Annotated[str, typer.Argument(help="Any polygon layer OGR reads, in any CRS.")],
    output: Annotated[Optional[Path], typer.Option("-o", "--output", help="The result (.gpkg, .shp, …).")] = None,
    style: Annotated[Optional[Style], typer.Option(help="How much to write.")] = None,
    prompt: Annotated[Optional[str], typer.Option(help='Ask this instead, for example "Is <region> flooded?".')] = None,
    labels: Labels = None,
    where: Annotated[Optional[str], typer.Option(help="Only polygons that meet this SQL condition.")] = None,
    layer: Annotated[Optional[str], typer.Option(help="The layer, if the file has several.")] = None,
    bands: Bands = None,
    model: ModelName = "nano",
    device: Device = "auto",
    dtype: NumberFormat = "auto",
    batch_size: BatchSize = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing result.")] = False,
    limit: Annotated[Optional[int], typer.Option(min=1, help="Only the first so many polygons.")] = None,
    temperature: Temperature = 0.0,
    seed: Seed = 0,
    as_json: AsJson = False,
    engine: Annotated[Engine, typer.Option(help="This process, or many workers through Ray.")] = Engine.local,
    workers: Annotated[Optional[int], typer.Option(min=1, help="Of --engine ray; else one for each GPU.")] = None,
    ray_address: Annotated[Optional[str], typer.Option(help="auto or host:port; else its own cluster.")] = None,
) -> None:
    """Describe every polygon of a layer and write the result beside its attributes."""
    _check_usage(output, style, prompt, resume, overwrite, as_json)
    _check_engine(engine, output, device, workers, ray_address, as_json)
    numbers, names = _numbers(bands), _names(labels)
    with _one_sentence():
        from core_model.formats import named
        from core_model.generation import Sampling
        from core_model.job import Job

        output = None if output is None else named(output)
        job = Job(
            raster, polygons, output, style.value if style else None, prompt and _typed(prompt), names,
            where and _typed(where), layer and _typed(layer), numbers, limit,
            Sampling(temperature=temperature, seed=seed), resume, overwrite)
        if engine == Engine.ray and output is not None:
            code = _run_many(job, output, model, device, dtype, batch_size, workers, ray_address)
        else:
            code = _run(job, model, device, dtype, batch_size, as_json)
    raise typer.Exit(code)


@app.command()
def ask(
    raster: RasterPath,
    question: Annotated[str, typer.Argument(help="Names the places as <region1>, <region2> … if there are several.")],
    wkt: Annotated[Optional[List[str]], typer.Option(help="A polygon, POLYGON ((x y, …)); again for more.")] = None,
    point: Annotated[Optional[List[str]], typer.Option(help="The circle around x,y; counted after --wkt.")] = None,
    crs: Annotated[str, typer.Option(help="Of --wkt and --point, such as EPSG:4326; else the raster's.")] = "",
    radius: Annotated[Optional[float], typer.Option(help="Of the circles in metres; else 12 pixels.")] = None,
    labels: Labels = None,
    bands: Bands = None,
    model: ModelName = "nano",
    device: Device = "auto",
    dtype: NumberFormat = "auto",
    temperature: Temperature = 0.0,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Ask about one place on a raster, or about several together."""
    if not wkt and not point:
        raise typer.BadParameter("name a place with --wkt or --point.")
    points, numbers, names = [_place(text) for text in point or []], _numbers(bands), _names(labels)
    with _one_sentence():
        from core_model.checkpoint import load_model
        from core_model.describer import Describer
        from core_model.generation import Sampling
        from core_model.geo.raster import GdalRaster

        with GdalRaster(raster) as source:
            if crs and not source.crs_wkt:
                raise RasterError(f"{source.name} has no CRS, so {crs} means nothing on it; leave --crs and give the "
                                  "raster's own coordinates, or give the raster its CRS (gdal_edit.py -a_srs EPSG:…).")
            regions = _regions(source, wkt or [], points, crs, radius)
            answer = Describer(load_model(model, device=device, dtype=dtype)).ask(
                source, regions, _typed(question), labels=names, bands=numbers,
                sampling=Sampling(temperature=temperature, seed=seed))
        if as_json:
            _write_json(vars(answer))
        elif answer.text:
            typer.echo(answer.text)
        if not answer.text:
            typer.echo(f"no answer: {answer.status}", err=True)
    raise typer.Exit(0 if answer.text else 1)


@app.command()
def info(model: ModelName = "nano", as_json: AsJson = False) -> None:
    """Show devices, versions and the model."""
    from core_model.diagnostics import report

    found = report(model)
    if as_json:
        _write_json(found)
        return
    for name, value in found.items():
        text = "; ".join(f"{key} {entry}" for key, entry in value.items()) if isinstance(value, dict) else value
        typer.echo(f"{name}: {'; '.join(text) if isinstance(text, list) else text}")


@app.command("import-osprey")
def import_osprey(
    folder: Annotated[Path, typer.Argument(help="The downloaded checkpoint of Osprey.")],
    out: Annotated[Path, typer.Argument(help="The model folder to make.")],
    encoder: Annotated[str, typer.Option(help="The encoder's architecture, as timm names it.")] = "convnext_large",
    image_size: ImageSize = 512,
) -> None:
    """Turn Osprey's published weights into a model folder."""
    with _one_sentence():
        from core_model.importing.osprey import import_osprey as convert

        config = convert(folder, out, encoder=encoder, image_size=image_size)
    typer.echo(f"{out} is made; describe with --model {out}, or choose the folder in QGIS. {_size(config)}", err=True)


@app.command()
def assemble(
    out: Annotated[Path, typer.Argument(help="The model folder to make.")],
    clip: Annotated[Path, typer.Option(help="A weight file of the CLIP model that --encoder names.")],
    llm: Annotated[Path, typer.Option(help="The Hugging Face folder of a causal language model.")],
    encoder: Annotated[str, typer.Option(help="The CLIP model, as open_clip names it.")] = "convnext_large_d_320",
    image_size: ImageSize = 512,
    template: Annotated[Optional[str], typer.Option(help="vicuna or chatml; else the tokenizer decides.")] = None,
    seed: Annotated[int, typer.Option(help="Of the numbers that the new parts start from.")] = 0,
) -> None:
    """Put a model together from pretrained parts, to be trained."""
    with _one_sentence():
        from core_model.importing.assemble import assemble as put_together

        config = put_together(
            clip, llm, out, encoder=encoder, image_size=image_size, template=template, seed=seed)
    typer.echo(f"{out} is made, ready for the first training stage. {_size(config)}", err=True)


@app.command()
def check(model: Annotated[str, typer.Argument(help="A built-in model or a model folder.")]) -> None:
    """Compare a model's weight files with the hashes that its card gives."""
    with _one_sentence():
        from core_model.folders import model_folder
        from core_model.hashes import check_hashes
        from core_model.weights import weight_files

        folder = model_folder(model)
        files = weight_files(folder)
        checked = check_hashes(folder, files)
    typer.echo(f"{len(checked)} of {len(files)} weight files have the hash that is stated for them.", err=True)
    raise typer.Exit(0 if len(checked) == len(files) else 1)


def _size(config: AquilaConfig) -> str:
    """What a model takes, in the number formats there are."""
    from core_model.loading.empty import empty_model
    from core_model.loading.filling import weight_bytes
    from core_model.loading.memory import as_words

    return f"Memory by number format: {', '.join(as_words(weight_bytes(empty_model(config))))}."


def _run(job: Job, model: str, device: str, dtype: str, batch_size: Optional[int], as_json: bool) -> int:
    """Load the model, do the job and say how it went; returns the exit code."""
    from core_model.checkpoint import load_model
    from core_model.describer import Describer
    from core_model.job import run

    def show(found: Description) -> None:
        if as_json:
            _write_json(vars(found))

    # One run, and the process ends: no other run will want its pictures.
    describer = Describer(load_model(model, device=device, dtype=dtype), batch_size=batch_size, cache_bytes=0)
    with interruption() as interrupted, Meter() as meter:
        outcome = run(job, describer, on_result=show, progress=meter.update, is_cancelled=interrupted)
    return _report(outcome, job, job.output)


def _run_many(
    job: Job, output: Path, model: str, device: str, dtype: str, batch_size: Optional[int], workers: Optional[int],
    address: Optional[str],
) -> int:
    """As ``_run``, by many workers."""
    try:
        from core_model.many.engine import Setup, run
    except ImportError as error:  # absent, or a pyarrow that wants another numpy
        raise ClusterError(
            f'--engine ray needs more packages ({error}); install them with: pip install "ray[data]" "pyarrow<26"'
        ) from None
    from core_model.output import parts_path

    outcome = run(job, output, Setup(model, device, dtype, batch_size or Setup.batch_size, workers, address or "local"))
    return _report(outcome, job, parts_path(output))


def _report(outcome: Outcome, job: Job, kept: Optional[Path]) -> int:
    """Say how a run went and where its result lies, or what is ``kept`` of it; returns the exit code."""
    if outcome.was_complete:
        typer.echo(f"{job.output} is complete; there is nothing to resume.", err=True)
        return 0
    for note in outcome.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(_summary(outcome, job, kept), err=True)
    return _INTERRUPTED if outcome.interrupted else 0


def _summary(outcome: Outcome, job: Job, kept: Optional[Path]) -> str:
    rate = outcome.done / max(outcome.seconds, 1e-9)
    counts = ", ".join(f"{count} {status}" for status, count in outcome.counts.most_common()) or "none"
    ended = f"{outcome.done} polygons in {outcome.seconds:.1f} s ({rate:.1f} a second): {counts}."
    if not outcome.interrupted:
        return ended + (f" Written to {job.output}." if job.output else "")
    stopped = f"Stopped after {outcome.done} of {outcome.total}: {counts}."
    if kept is None:
        return stopped
    instead = " in place of --overwrite" if job.overwrite else ""
    return f"{stopped} {kept} holds what is done; give the same command with --resume{instead} to go on."


def _check_usage(
    output: Optional[Path], style: Optional[Style], prompt: Optional[str], resume: bool, overwrite: bool, as_json: bool
) -> None:
    if output is None and not as_json:
        raise typer.BadParameter("name the result with -o FILE, or write it to stdout with --json.")
    if resume and (overwrite or output is None):
        raise typer.BadParameter("--resume goes with -o, and not with --overwrite.")
    if style is not None and prompt is not None:
        raise typer.BadParameter("--style and --prompt exclude each other.")


def _check_engine(
    engine: Engine, output: Optional[Path], device: str, workers: Optional[int], address: Optional[str], as_json: bool
) -> None:
    if engine == Engine.local:
        if workers is not None or address is not None:
            raise typer.BadParameter("--workers and --ray-address go with --engine ray.")
        if output is not None and output.suffix.lower() == ".parquet":
            raise typer.BadParameter("a .parquet folder is written with --engine ray.")
        return
    if as_json or output is None:
        raise typer.BadParameter("--engine ray writes to -o FILE, and not to stdout with --json.")
    if device not in ("auto", "cpu", "cuda"):
        raise typer.BadParameter("with --engine ray every worker has a GPU of its own; --device is auto, cpu or cuda.")


def _regions(
    source: RasterSource, wkts: List[str], points: List[Tuple[float, float]], crs: str, radius: Optional[float]
) -> List[Region]:
    from core_model.geo.regions import Region
    from core_model.points import circle

    polygons = [Region.from_wkt(f"wkt {number}", text, crs) for number, text in enumerate(wkts, 1)]
    circles = [
        circle(source, f"point {number}", place, crs=crs, radius_m=radius) for number, place in enumerate(points, 1)
    ]
    return polygons + circles


def _numbers(text: Optional[str]) -> Optional[Tuple[int, ...]]:
    try:
        return tuple(int(part) for part in text.split(",")) if text else None
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no list of band numbers; write for example 4,3,2.") from None


def _names(text: Optional[str]) -> Optional[Tuple[str, ...]]:
    return tuple(_typed(text).split(",")) if text is not None else None


def _typed(text: str) -> str:
    """What was typed where the shell does not write UTF-8."""
    from core_model.geo.gdal_calls import readable

    return readable(text)


def _place(text: str) -> Tuple[float, float]:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no point; write x,y, for example 500120.5,5800410.") from None
    return x, y


def _write_json(values: Mapping[str, Any]) -> None:
    typer.echo(json.dumps({key: _plain(value) for key, value in values.items()}, ensure_ascii=False))


def _plain(value: Any) -> Any:
    """JSON has no nan: what is unknown becomes null."""
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Turn what went wrong into one sentence and exit code 1."""
    try:
        yield
    except (AquilaError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
