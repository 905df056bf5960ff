"""Encoded pictures kept for the next click, the latest used of them, up to so many bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import List

import numpy as np

from core_model.generation import Prefix
from core_model.geo.tiling import TileId
from core_model.seeing import Shown


@dataclass(frozen=True, eq=False)
class Kept:
    """An encoded picture and where its pixels [S, S] are data: all that a region on it needs."""

    prefix: Prefix
    valid: np.ndarray

    @property
    def bytes(self) -> int:
        """The memory it holds."""
        return self.prefix.bytes + self.valid.nbytes


class PrefixCache:
    """Pictures by a key that names all their pixels depend on; any thread may use it.

    The picture put last stays whatever its size, since the next batch often begins with it.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """The memory that the pictures hold."""
        return self._bytes

    def get(self, key: Hashable) -> Kept | None:
        """A picture, which now counts as the latest used, or ``None``."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Hashable, kept: Kept) -> None:
        """Keep a picture; those that were used longest ago go where there is no room."""
        with self._lock:
            self._drop(key)
            self._kept[key] = kept
            self._bytes += kept.bytes
            while self._bytes > self.most_bytes and len(self._kept) > 1:
                self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _drop(self, key: Hashable) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped.bytes


@dataclass(frozen=True)
class Pictures:
    """The pictures of one raster in a cache; its ``identity`` is part of their keys."""

    cache: PrefixCache
    identity: Hashable

    def get(self, tile: TileId) -> Kept | None:
        """What is kept of a tile's picture."""
        return self.cache.get((self.identity, tile))

    def encoded(
        self, pictures: Sequence[Shown], encode: Callable[[np.ndarray], Sequence[Prefix]]
    ) -> List[Prefix]:
        """The pictures' prefixes; ``encode`` makes those that are not known, from pixels [T, S, S, 3]."""
        known = [shown.known or self.get(shown.tile) for shown in pictures]
        new = [shown.rgb for shown, kept in zip(pictures, known) if kept is None]
        made = iter(encode(np.stack(new)) if new else ())
        found = [kept or Kept(next(made), shown.valid) for shown, kept in zip(pictures, known)]
        for shown, kept in zip(pictures, found):
            self.cache.put((self.identity, shown.tile), kept)
        return [kept.prefix for kept in found]
