"""``python -m training.data convert | check | copy | build``: manifests of data sets, and texts for their masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.data.build.commands import build
from training.data.converters.commands import app as convert_app
from training.data.converters.commands import one_sentence
from training.data.manifest.checking import check as look
from training.data.manifest.packing import copy as copy_manifest

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Data for training Aquila.")
app.add_typer(convert_app, name="convert")
app.command()(build)
_SHOWN = 50


@app.command()
def check(
    manifest: Annotated[Path, typer.Argument(help="The manifest (.jsonl, .jsonl.gz or .parquet).")],
    images: Annotated[bool, typer.Option("--images/--no-images", help="Look for every picture.")] = True,
) -> None:
    """Look at every record; say what is wrong by its number, and count what is right."""
    with one_sentence():
        found = look(manifest, images)
    for number, reason in found.problems[:_SHOWN]:
        typer.echo(f"record {number}: {reason}", err=True)
    if len(found.problems) > _SHOWN:
        typer.echo(f"and {len(found.problems) - _SHOWN} more", err=True)
    for line in found.lines():
        typer.echo(line)
    raise typer.Exit(1 if found.problems or found.leaks else 0)


@app.command()
def copy(
    manifest: Annotated[Path, typer.Argument(help="The manifest to copy.")],
    out: Annotated[Path, typer.Argument(help="The new one (.jsonl, .jsonl.gz or .parquet).")],
    shard_size: Annotated[
        int, typer.Option(min=0, help="Put the pictures into tar shards, so many in each; 0: leave them.")] = 0,
) -> None:
    """Write a manifest in another form, with its pictures where they are or in tar shards."""
    with one_sentence():
        count = copy_manifest(manifest, out, shard_size)
    typer.echo(f"{count} records written to {out}.", err=True)


if __name__ == "__main__":
    app()
