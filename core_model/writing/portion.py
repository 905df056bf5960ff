"""How much is done at once, and less of it where memory runs out."""

from __future__ import annotations

import logging
import sys
from typing import Callable, List, Sequence, TypeVar

import torch

from core_model.errors import MemoryRanOutError, is_out_of_memory

_LOG = logging.getLogger(__name__)

Item = TypeVar("Item")
Made = TypeVar("Made")


class Portion:
    """At most so many ``things`` at once: half as many, from then on, whenever memory runs out."""

    def __init__(self, most: int, things: str) -> None:
        self.most, self._things = max(1, most), things

    def over(
        self, items: Sequence[Item], work: Callable[[Sequence[Item]], Sequence[Made]], few: int = sys.maxsize
    ) -> List[Made]:
        """What ``work`` makes of all items, portion by portion, at most ``few`` of them at once, in their order."""
        made: List[Made] = []
        while len(made) < len(items):
            try:
                made += work(items[len(made) : len(made) + min(self.most, few)])
            except RuntimeError as error:
                self.halve(error)
        return made

    def halve(self, error: RuntimeError) -> None:
        """Do less at once if ``error`` says that memory ran out, else raise it again.

        Raises ``MemoryRanOutError`` where one thing is too much.
        """
        if not is_out_of_memory(error):
            raise error
        if self.most == 1:
            raise MemoryRanOutError(
                "memory does not do for a single region; close other programs, or choose a number format of fewer "
                "bits or a smaller model.") from error
        self.most //= 2
        _LOG.warning("memory ran out; from now on %d %s at once", self.most, self._things)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
