"""``python -m training.data convert | check | build``: manifests of data sets and layers, and texts for their masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.data.build.commands import build
from training.data.converters.commands import app as convert_app
from training.data.converters.commands import one_sentence
from training.data.manifest.checking import check as look

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


if __name__ == "__main__":
    app()
