"""Where the time of a run goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Dict


class Stopwatch:
    """Seconds spent on each part of a run, summed over all threads: parts that run side by side both count.

    It takes about a microsecond a part. A GPU works on after a call has returned, so there the part that waits for it
    gets the time. ``clock`` gives the seconds; ``time.thread_time`` would leave out what other programs take.
    """

    def __init__(self) -> None:
        self.clock: Callable[[], float] = time.perf_counter
        self._lock = threading.Lock()
        self._seconds: Dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what happens inside as ``name``."""
        started = self.clock()
        try:
            yield
        finally:
            self.add(name, self.clock() - started)

    def add(self, name: str, seconds: float) -> None:
        """Count ``seconds`` more as ``name``."""
        with self._lock:
            self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    def seconds(self) -> Dict[str, float]:
        """The seconds of every part so far."""
        with self._lock:
            return dict(self._seconds)

    def reset(self) -> None:
        """Begin anew."""
        with self._lock:
            self._seconds.clear()
