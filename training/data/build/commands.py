"""``python -m training.data build``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Dict, List, Optional

import typer

from training.data.build import job
from training.data.build.pairs import PairSettings
from training.data.build.vocabularies import load_words
from training.data.converters.commands import one_sentence
from training.recipe import start_logging


def build(
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to make.")],
    data: Annotated[Optional[Path], typer.Option(help="The folder of the public data sets (../shared/data).")] = None,
    source: Annotated[Optional[List[str]], typer.Option(help="Only this public data set; may be given again.")] = None,
    manifest: Annotated[
        Optional[List[Path]], typer.Option(help="A manifest with labelled regions; may be given again.")] = None,
    pairs: Annotated[int, typer.Option(min=1, help="How many mask–text pairs to make.")] = 100_000,
    share: Annotated[
        Optional[List[str]], typer.Option(help="How often a source is drawn: dubai=0.3; may be given again.")] = None,
    words: Annotated[
        Optional[Path], typer.Option(help="A JSON file that says how classes are spoken of (docs/data.md).")] = None,
    gsd: Annotated[Optional[float], typer.Option(min=1e-6, help="Metres a pixel of records that do not say.")] = None,
    size: Annotated[int, typer.Option(min=64, help="The side of the pictures in pixels, a multiple of 64.")] = 256,
    rounds: Annotated[int, typer.Option(min=1, help="How often each picture of a manifest may be used.")] = 4,
    most_per_class: Annotated[float, typer.Option(min=1, help="Pairs of a class, at most so many medians.")] = 3.0,
    augment: Annotated[
        bool, typer.Option("--augment/--as-it-is", help="Change training pictures as sensors and seasons do.")] = True,
    samples: Annotated[int, typer.Option(min=1, help="How many samples the picture sheet shows.")] = 12,
    seed: Annotated[int, typer.Option(help="Makes the set repeatable.")] = 0,
) -> None:
    """Make mask–text instructions of all kinds from labelled masks, with a data card and a picture sheet."""
    start_logging()
    if size % 64:
        raise typer.BadParameter("--size must be a multiple of 64.")
    with one_sentence():
        settings = job.BuildSettings(
            out, pairs, data, source or (), manifest or (), _shares(share or []), load_words(words) if words else {},
            gsd, size, rounds, most_per_class, samples, seed, PairSettings(augment=augment))
        built = job.build(settings)
    for reason, count in built.skipped.items():
        typer.echo(f"left out: {count} {reason}", err=True)
    rate = built.pairs / max(built.seconds, 1e-9)
    typer.echo(
        f"{built.pairs} mask–text pairs of {len(built.records)} pictures in {built.seconds:.0f} s ({rate:.0f} a second)"
        f", {built.duplicates} near-duplicates left out. See {out / job.CARD} and {out / job.SHEET}.", err=True)
    if built.pairs < pairs:
        typer.echo(f"{pairs} were asked for: raise --rounds, or add labelled pictures.", err=True)
        raise typer.Exit(1)


def _shares(texts: List[str]) -> Dict[str, float]:
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise typer.BadParameter(f"'{text}' is no share; write for example dubai=0.3.") from None
    return found
