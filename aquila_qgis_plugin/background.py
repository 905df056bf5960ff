"""Small work beside the main thread: a function of plain values, its result back on the main thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from qgis.core import QgsRasterBlockFeedback

from aquila_qgis_plugin.task_base import AquilaTask, Outcome, unlisted

Work = Callable[[QgsRasterBlockFeedback], Any]


@dataclass(frozen=True)
class Ended(Outcome):
    """The outcome of the work called ``tag``, with its ``value`` (``None`` if it failed or was cancelled)."""

    tag: Any = None
    value: Any = None


class BackgroundTask(AquilaTask):
    """Runs ``work`` in a worker thread; ``ended`` brings an ``Ended`` to the main thread exactly once.

    ``work`` must touch no layer, project or widget; its argument says when its result is no longer wanted. ``tag``
    tells the receiver which of its tasks has ended, so that it can connect a plain method, which Qt lets go of together
    with the receiver.
    """

    def __init__(self, title: str, work: Work, tag: Any = None) -> None:
        super().__init__(title, unlisted())
        self._work, self._tag, self._value = work, tag, None

    def work(self) -> None:
        """Call the function."""
        self._value = self._work(self.feedback)

    def is_done(self) -> bool:
        """Whether the function has returned something."""
        return self._value is not None

    def outcome(self) -> Ended:
        """What the function returned, or why it did not."""
        found = super().outcome()
        return Ended(cancelled=found.cancelled, error=found.error, details=found.details, seconds=found.seconds,
                     tag=self._tag, value=self._value)
