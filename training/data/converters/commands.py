"""``python -m training.data convert …``: one command a format."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Iterable, Iterator, List, Optional

import typer

from core_model.errors import AquilaError
from training.data.converters.base import Origin, Report, save
from training.data.converters.boxes import box_text as convert_box_text
from training.data.converters.classes import class_table
from training.data.converters.coco import coco as convert_coco
from training.data.converters.dota import dota as convert_dota
from training.data.converters.osprey import osprey as convert_osprey
from training.data.converters.refcoco import refcoco as convert_refcoco
from training.data.converters.samrs import samrs as convert_samrs
from training.data.converters.semantic import semantic as convert_semantic
from training.data.converters.texts import captions as convert_captions
from training.data.converters.texts import llava as convert_llava
from training.data.converters.texts import table as convert_table
from training.data.converters.voc import voc as convert_voc
from training.data.converters.vrsbench import vrsbench as convert_vrsbench
from training.data.manifest.record import SPLITS, ManifestError, Record

app = typer.Typer(no_args_is_help=True, help="Turn published data sets and GIS layers into a manifest.")
_SHOWN = 20


def _known_split(split: str) -> str:
    if split and split not in SPLITS:
        raise typer.BadParameter(f"there is no split {split!r}; use {', '.join(SPLITS)}, or leave it out.")
    return split


Images = Annotated[Path, typer.Option("--images", help="The folder of the pictures.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="The manifest to make (.jsonl, .jsonl.gz or .parquet).")]
Source = Annotated[str, typer.Option("--source", help="The data set's name.")]
Licence = Annotated[str, typer.Option("--licence", help="Its licence, as CC-BY-4.0.")]
Split = Annotated[
    str, typer.Option("--split", callback=_known_split, help="train, val or test, where the data does not say.")]
Gsd = Annotated[Optional[float], typer.Option("--gsd", min=1e-6, help="Metres a pixel, where the data does not say.")]
Trust = Annotated[bool, typer.Option("--trust-images", help="Do not look whether the pictures are there.")]


@app.command()
def llava(
    file: Annotated[Path, typer.Argument(help="A list of {id, image, conversations}, such as chat.json.")],
    images: Images, out: Out, source: Source, licence: Licence, split: Split = "", gsd: Gsd = None,
    trust: Trust = False,
) -> None:
    """LLaVA-style image–text pairs (CC3M-595K and alike)."""
    origin, report = Origin(source, licence, images, out, split, gsd, not trust), Report()
    _finish(convert_llava(file, origin, report), out, report)


@app.command()
def captions(
    file: Annotated[Path, typer.Argument(help="dataset_rsicd.json, dataset.json of UCM or Sydney captions.")],
    images: Images, out: Out, source: Source, licence: Licence, split: Split = "", gsd: Gsd = None,
    trust: Trust = False,
) -> None:
    """Caption sets in Karpathy's layout (RSICD, UCM, Sydney)."""
    origin, report = Origin(source, licence, images, out, split, gsd, not trust), Report()
    _finish(convert_captions(file, origin, report), out, report)


@app.command()
def table(
    file: Annotated[Path, typer.Argument(help="A CSV or TSV with a picture and a text in each row.")],
    images: Images, out: Out, source: Source, licence: Licence,
    image_column: Annotated[Optional[str], typer.Option(help="The column of file names.")] = None,
    text_column: Annotated[Optional[str], typer.Option(help="The column of texts.")] = None,
    split: Split = "", gsd: Gsd = None, trust: Trust = False,
) -> None:
    """Tables of pictures and captions (RS5M and alike)."""
    origin, report = Origin(source, licence, images, out, split, gsd, not trust), Report()
    _finish(convert_table(file, origin, report, image_column, text_column), out, report)


@app.command()
def coco(
    file: Annotated[Path, typer.Argument(help="instances_train2017.json, iSAID_train.json, …")],
    images: Images, out: Out, source: Source, licence: Licence, split: Split = "", gsd: Gsd = None,
    trust: Trust = False,
) -> None:
    """COCO-format instances (COCO, iSAID, DIOR and SAMRS in that format)."""
    origin, report = Origin(source, licence, images, out, split, gsd, not trust), Report()
    _finish(convert_coco(file, origin, report), out, report)


@app.command()
def voc(
    folder: Annotated[Path, typer.Argument(help="The folder of XML annotations.")],
    images: Images, out: Out, source: Source, licence: Licence, split: Split = "", gsd: Gsd = None,
    trust: Trust = False,
) -> None:
    """Pascal-VOC annotations with upright or turned boxes (DIOR, DIOR-R)."""
    origin, report = Origin(source, licence, images, out, split, gsd, not trust), Report()
    _finish(convert_voc(folder, origin, report), out, report)


@app.command()
def samrs(
    folder: Annotated[Path, typer.Argument(help="The folder 'ins' of pickled instances.")],
    images: Images, out: Out, source: Source, licence: Licence, split: Split = "", gsd: Gsd = None,
    trust: Trust = False,
) -> None:
    """SAMRS's instances (SOTA, SIOR, FAST)."""
    origin, report = Origin(source, licence, images, out, split, gsd, not trust), Report()
    _finish(convert_samrs(folder, origin, report), out, report)


@app.command()
def dota(
    folder: Annotated[Path, typer.Argument(help="The folder of label files (labelTxt).")],
    images: Images, out: Out, source: Source, licence: Licence,
    names: Annotated[str, typer.Option(help="The classes of YOLO's numbers: plane,ship,…")] = "",
    difficult: Annotated[bool, typer.Option("--difficult", help="Keep objects marked as difficult.")] = False,
    split: Split = "", gsd: Gsd = None, trust: Trust = False,
) -> None:
    """Turned boxes as text (DOTA, FAIR1M; YOLO's OBB)."""
    origin, report = Origin(source, licence, images, out, split, gsd, not trust), Report()
    classes = [name.strip() for name in names.split(",")] if names else []
    _finish(convert_dota(folder, origin, report, classes, difficult), out, report)


@app.command()
def semantic(
    masks: Annotated[Path, typer.Argument(help="The folder of the masks; may be that of the pictures.")],
    images: Images, out: Out, source: Source,
    classes: Annotated[
        str, typer.Option(help="loveda, openearthmap, flair, dubai, samrs-sota, samrs-sior, or a .json.")
    ],
    licence: Annotated[str, typer.Option(help="Its licence, where the class table does not know it.")] = "",
    smallest: Annotated[int, typer.Option(min=1, help="Leave out connected regions of fewer pixels.")] = 40,
    split: Split = "", gsd: Gsd = None,
) -> None:
    """Semantic masks by number or colour."""
    report = Report()
    with one_sentence():
        chosen = class_table(classes)
        if not licence and not chosen.licence:
            raise ManifestError("say under which licence the data is, with --licence")
    origin = Origin(source, licence or chosen.licence, images, out, split, gsd)
    _finish(convert_semantic(masks, chosen, origin, report, smallest), out, report)


@app.command()
def osprey(
    file: Annotated[Path, typer.Argument(help="One of the five files, such as osprey_short_form.json.")],
    images: Images, out: Out, source: Source = "osprey-724k", licence: Licence = "CC-BY-NC-4.0",
    kind: Annotated[str, typer.Option(help="short, part, conversation, detailed or yesno; else by the name.")] = "",
    split: Split = "", trust: Trust = False,
) -> None:
    """Osprey-724K's five files."""
    origin, report = Origin(source, licence, images, out, split, None, not trust), Report()
    _finish(convert_osprey(file, origin, report, kind), out, report)


@app.command()
def refcoco(
    references: Annotated[Path, typer.Argument(help="refs(unc).p, refs(umd).p or refs(google).p.")],
    instances: Annotated[Path, typer.Argument(help="The instances.json beside it.")],
    images: Images, out: Out, source: Source, licence: Licence = "CC-BY-4.0", trust: Trust = False,
) -> None:
    """RefCOCO, RefCOCO+ and RefCOCOg."""
    origin, report = Origin(source, licence, images, out, "", None, not trust), Report()
    _finish(convert_refcoco(references, instances, origin, report), out, report)


@app.command()
def vrsbench(
    folder: Annotated[Path, typer.Argument(help="Annotations_train or Annotations_val.")],
    images: Images, out: Out, source: Source = "vrsbench", licence: Licence = "CC-BY-4.0", split: Split = "",
    gsd: Gsd = None,
) -> None:
    """VRSBench's annotations, one JSON a picture (its VRSBench_train.json goes by box-text)."""
    origin, report = Origin(source, licence, images, out, split, gsd), Report()
    _finish(convert_vrsbench(folder, origin, report), out, report)


@app.command("box-text")
def box_text(
    file: Annotated[Path, typer.Argument(help="GeoChat_Instruct.json, VRSBench_train.json, …")],
    images: Images, out: Out, source: Source, licence: Licence, split: Split = "", gsd: Gsd = None,
) -> None:
    """Conversations with boxes in their text (GeoChat, VRSBench)."""
    origin, report = Origin(source, licence, images, out, split, gsd), Report()
    _finish(convert_box_text(file, origin, report), out, report)


@app.command()
def gis(
    raster: Annotated[str, typer.Option(help="Any raster GDAL reads.")],
    polygons: Annotated[str, typer.Option(help="Any polygon layer OGR reads, in any CRS.")],
    label_field: Annotated[str, typer.Option(help="The field with the class.")],
    out: Out, source: Source, licence: Licence,
    images: Annotated[Optional[Path], typer.Option(help="Where the pictures go; else a folder beside OUT.")] = None,
    layer: Annotated[Optional[str], typer.Option(help="The layer, if the file has several.")] = None,
    where: Annotated[Optional[str], typer.Option(help="Only polygons that meet this SQL condition.")] = None,
    bands: Annotated[Optional[str], typer.Option(help="Bands for red, green, blue, or one for grey: 4,3,2.")] = None,
    size: Annotated[int, typer.Option(min=32, help="The side of the pictures in pixels.")] = 256,
    blocks: Annotated[int, typer.Option(min=1, help="Places per side of the raster, for splits by place.")] = 6,
    split: Split = "",
) -> None:
    """One's own raster and polygon layer with a class."""
    from training.data.converters import gis as layers_of_gis  # noqa: PLC0415 (GDAL is loaded for layers only)

    layers = layers_of_gis.Layers(raster, polygons, label_field, layer, where, _numbers(bands), size, blocks)
    folder = images or out.parent / f"{out.name.split('.')[0]}_images"
    origin, report = Origin(source, licence, folder, out, split), Report()
    _finish(layers_of_gis.gis(layers, origin, report), out, report)


def _numbers(text: Optional[str]) -> Optional[List[int]]:
    try:
        return [int(part) for part in text.split(",")] if text else None
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no list of band numbers; write for example 4,3,2.") from None


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn what went wrong into one sentence and exit code 1."""
    try:
        yield
    except (AquilaError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


def _finish(records: Iterable[Record], out: Path, report: Report) -> None:
    """Write the manifest, and say what is in it and what is not."""
    with one_sentence():
        written = save(records, out, report)
        listed = out.with_name(out.name + ".problems.txt")
        listed.unlink(missing_ok=True)
        if report.problems:
            listed.write_text("".join(f"{record}: {reason}\n" for record, reason in report.problems), encoding="utf-8")
    for record, reason in report.problems[:_SHOWN]:
        typer.echo(f"{record}: {reason}", err=True)
    for reason, count in report.notes.items():
        typer.echo(f"left out: {count} {reason}", err=True)
    left = f"; {len(report.problems)} could not be used, all listed in {listed}" if report.problems else ""
    typer.echo(f"{written} records written to {out}{left}.", err=True)
    raise typer.Exit(0 if written else 1)
