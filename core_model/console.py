"""What the command line needs of its terminal: a progress bar or a line a minute, and Ctrl-C as a polite request."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Callable, List, Optional, Type

import typer
from tqdm import tqdm

_LINE_SECONDS = 60.0


class Meter:
    """Shows progress on stderr: a bar on a terminal, else one line a minute."""

    def __init__(self, *, is_terminal: bool | None = None, line_seconds: float = _LINE_SECONDS) -> None:
        self._is_terminal = _has_terminal() if is_terminal is None else is_terminal
        self._line_seconds = line_seconds
        self._started = self._shown = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` polygons are described."""
        if self._is_terminal:
            if self._bar is None:
                self._bar = tqdm(total=total, unit=" polygons", file=sys.stderr, dynamic_ncols=True)
            self._bar.update(done - self._bar.n)
            return
        now = time.monotonic()
        if now - self._shown >= self._line_seconds and done:
            self._shown = now
            rate = done / max(now - self._started, 1e-9)
            typer.echo(f"{done} of {total} polygons, {rate:.1f} a second", err=True)


@contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Ask the value whether Ctrl-C (or a termination) was asked for; a second one raises ``KeyboardInterrupt``."""
    asked: List[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        typer.echo("finishing the polygons at hand; press Ctrl-C again to stop at once", err=True)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _has_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()
