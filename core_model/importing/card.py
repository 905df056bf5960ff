"""Model cards of folders made here: what a model is, and the hashes of its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from core_model.hashes import CARD_NAME, file_hash
from core_model.weights import weight_files


def write_card(folder: Path, text: str, *, sources: Mapping[str, str]) -> None:
    """Write a card with the hashes of the folder's weights, which loading checks, and of the files they are made of."""
    lines = [text.rstrip(), "", "## Files", ""]
    lines += [f"- `{path.name}` sha256 {file_hash(path)}" for path in weight_files(folder)]
    lines += ["", "Made of:", ""]
    # On two lines, since a name and a hash in one line concern this folder's own file.
    lines += [f"- `{name}`\n  sha256 {value}" for name, value in sources.items()]
    (folder / CARD_NAME).write_text("\n".join(lines) + "\n", encoding="utf-8")
