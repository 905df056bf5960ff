"""SHA-256 hashes that a folder states for its files, and whether the files have them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Dict

from core_model.errors import ModelError

CARD_NAME = "README.md"
_HASH = r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"
_FILE = r"[\w.-]+\.(?:safetensors|bin|pt|pth|model|json)(?![\w-])"
# Where the hub's own download command notes what it fetched: the hash of a large file is its second line.
_RECORDS = Path(".cache") / "huggingface" / "download"
_BLOCK = 1 << 22


def stated_hashes(folder: Path) -> Dict[str, str]:
    """File names and hashes from the model card's lines that give both, and from the hub's record of a download."""
    found: Dict[str, str] = {}
    for record in sorted((folder / _RECORDS).glob("*.metadata")):
        lines = record.read_text(encoding="utf-8", errors="replace").splitlines()
        if len(lines) > 1 and re.fullmatch(_HASH, lines[1].strip().strip('"')):
            found[record.name[: -len(".metadata")]] = lines[1].strip().strip('"')
    card = folder / CARD_NAME
    for line in card.read_text(encoding="utf-8", errors="replace").splitlines() if card.is_file() else []:
        names, hashes = re.findall(_FILE, line), re.findall(_HASH, line.lower())
        if len(names) == len(hashes) == 1:
            found[names[0]] = hashes[0]
    return found


def forget_hashes(folder: Path) -> None:
    """Take the lines that give a file's hash out of a folder's card, for its files have changed."""
    card = folder / CARD_NAME
    if card.is_file():
        lines = card.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not (re.search(_FILE, line) and re.search(_HASH, line.lower()))]
        if len(kept) < len(lines):
            card.write_text("".join(kept), encoding="utf-8")


def check_hashes(folder: Path, files: Iterable[Path], *, every: bool = False) -> Dict[str, str]:
    """The hashes of those files that have one stated, or of every file, by name.

    Raises ``ModelError`` for a file whose hash is not the stated one.
    """
    stated = stated_hashes(folder)
    found: Dict[str, str] = {}
    for path in files:
        if not path.is_file() or not (every or path.name in stated):
            continue
        found[path.name] = file_hash(path)
        if stated.get(path.name, found[path.name]) != found[path.name]:
            raise ModelError(f"{path} is not the file its model card or download record names; copy it again.")
    return found


def file_hash(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as opened:
        for block in iter(lambda: opened.read(_BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()
