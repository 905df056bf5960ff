"""Manifests as files: JSON Lines (also gzipped), or Parquet where pyarrow is installed."""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Iterable, Iterator, List, Tuple, Union

from training.data.manifest.record import ManifestError, Record, from_line, to_line

Found = Union[Record, ManifestError]
_NESTED = ("regions", "conversations")


def read(path: Path) -> Iterator[Tuple[int, Found]]:
    """Every record with its number (from 1), or what is wrong with it; raises ``ManifestError`` for a missing file."""
    for number, line in lines(path):
        try:
            yield number, from_line(line)
        except ManifestError as error:
            yield number, error


def records(path: Path) -> Iterator[Record]:
    """Every record; raises ``ManifestError`` with the number of the first wrong one."""
    for number, found in read(path):
        if isinstance(found, ManifestError):
            raise ManifestError(f"record {number} of {path}: {found}")
        yield found


def lines(path: Path) -> Iterator[Tuple[int, str]]:
    """The records as JSON text with their numbers; empty lines are none."""
    if not path.is_file():
        raise ManifestError(f"there is no manifest {path}")
    if path.suffix == ".parquet":
        yield from _parquet_lines(path)
        return
    with _open_text(path, "rt") as stream, in_utf8(path):
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield number, line


@contextmanager
def in_utf8(path: Path) -> Iterator[None]:
    """Within it a file is read; raises ``ManifestError`` if it is not in UTF-8."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path} is not in UTF-8 ({error.reason}); save it anew so") from None


def write(found: Iterable[Record], path: Path) -> int:
    """Write records and return how many; the file appears when it is whole."""
    return write_lines(map(to_line, found), path)


def write_lines(found: Iterable[str], path: Path) -> int:
    """The same of records as ``to_line`` writes them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    count = 0
    if path.suffix == ".parquet":
        rows = list(found)
        _write_parquet(rows, partial)
        count = len(rows)
    else:
        with _open_text(partial, "wt", packed=path.suffix == ".gz") as stream:
            for line in found:
                stream.write(line + "\n")
                count += 1
    partial.replace(path)
    return count


@contextmanager
def _open_text(path: Path, mode: str, packed: bool = False) -> Iterator[IO[str]]:
    if packed or path.suffix == ".gz":
        with gzip.open(path, mode, encoding="utf-8") as stream:
            yield stream  # type: ignore[misc]
    else:
        with path.open(mode, encoding="utf-8") as stream:
            yield stream


def _pyarrow() -> Tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise ManifestError("Parquet needs pyarrow, which is not installed; use a name that ends in .jsonl") from None


def _parquet_lines(path: Path) -> Iterator[Tuple[int, str]]:
    """Nested fields are kept as JSON text in their columns."""
    _, parquet = _pyarrow()
    number = 0
    for batch in parquet.ParquetFile(path).iter_batches():
        for row in batch.to_pylist():
            number += 1
            kept = {name: value for name, value in row.items() if value is not None}
            yield number, json.dumps({
                name: json.loads(value) if name in _NESTED and isinstance(value, str) else value
                for name, value in kept.items()})


def _write_parquet(rows: List[str], path: Path) -> None:
    pyarrow, parquet = _pyarrow()
    values = [json.loads(row) for row in rows]
    flat = [{name: json.dumps(value) if name in _NESTED else value for name, value in row.items()} for row in values]
    names = list(dict.fromkeys(name for row in flat for name in row))
    parquet.write_table(pyarrow.table({name: [row.get(name) for row in flat] for name in names}), path)
