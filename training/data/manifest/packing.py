"""Copies of manifests in another form or another folder, their pictures where they are or in tar shards."""

from __future__ import annotations

import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Iterator, Optional, Type

from training.data.manifest.images import shard_member
from training.data.manifest.record import ManifestError, Record
from training.data.manifest.store import records, write


class ShardWriter:
    """Writes tar files ``STEM-00000.tar`` … with ``size`` members each."""

    def __init__(self, folder: Path, stem: str, size: int) -> None:
        self._folder, self._stem, self._size = folder, stem, size
        self._count = 0
        self._open: Optional[tarfile.TarFile] = None

    def __enter__(self) -> ShardWriter:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._open is not None:
            self._open.close()

    def add(self, name: str, data: bytes) -> str:
        """Store a member; returns the name of its shard. Raises ``ManifestError`` where that file exists."""
        shard = f"{self._stem}-{self._count // self._size:05d}.tar"
        if self._count % self._size == 0:
            if self._open is not None:
                self._open.close()
            if (self._folder / shard).exists():  # it may hold the very pictures that are being copied
                raise ManifestError(f"{self._folder / shard} is there already; name another manifest, or delete it")
            self._open = tarfile.open(self._folder / shard, "w")  # noqa: SIM115 (closed with the writer)
        if self._open is None:
            raise ValueError("the writer has no open shard")
        self._count += 1
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        self._open.addfile(entry, io.BytesIO(data))
        return shard


def copy(manifest: Path, out: Path, shard_size: int = 0) -> int:
    """Write a manifest anew as ``out`` and return its count of records; ``shard_size`` pictures go into each shard.

    Raises ``ManifestError`` for the first wrong record or missing picture.
    """
    if out.resolve() == manifest.resolve():
        raise ManifestError(f"{out} is the manifest itself; name another file")
    if not shard_size:
        return write((_moved(record, manifest.parent, out.parent) for record in records(manifest)), out)
    with ShardWriter(out.parent, out.name.split(".", 1)[0], shard_size) as shards:
        return write(_packed(manifest, shards), out)


def _moved(record: Record, old: Path, new: Path) -> Record:
    name = record.shard or record.image
    path = Path(os.path.relpath(old / name, new)).as_posix()
    return replace(record, shard=path) if record.shard else replace(record, image=path)


def _packed(manifest: Path, shards: ShardWriter) -> Iterator[Record]:
    for number, record in enumerate(records(manifest)):
        name = f"{number:08d}{Path(record.image).suffix.lower()}"
        yield replace(record, image=name, shard=shards.add(name, _bytes(record, manifest.parent)))


def _bytes(record: Record, folder: Path) -> bytes:
    if record.shard:
        return shard_member(folder / record.shard, record.image)
    path = folder / record.image
    if not path.is_file():
        raise ManifestError(f"{record.id}: there is no file {path}")
    return path.read_bytes()
