"""What all background tasks share: they never raise, end exactly once on the main thread, and stop when told to."""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import dataclass, field
from functools import partial
from typing import Dict, List, Optional

from qgis.core import QgsApplication, QgsRasterBlockFeedback, QgsTask
from qtpy import sip
from qtpy.QtCore import QCoreApplication, QEvent, Signal

from aquila_qgis_plugin.cancelled import CancelledError
from aquila_qgis_plugin.compat import number_of
from aquila_qgis_plugin.environment.runtime import RuntimeUnavailable
from aquila_qgis_plugin.translation import tr
from aquila_qgis_plugin.wording import sentence
from core_model.description import Answer, Description, Plan
from core_model.errors import AquilaError

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.01
_OVER = {number_of(QgsTask.TaskStatus.Complete), number_of(QgsTask.TaskStatus.Terminated)}


@dataclass(frozen=True)
class Outcome:
    """What a task came to: ``results`` of descriptions (those made before it ended early), an ``answer`` or a ``plan``.

    ``error`` is one sentence, "" if all went well; ``details`` says more, for those who ask.
    """

    results: List[Description] = field(default_factory=list)
    cancelled: bool = False
    error: str = ""
    details: str = ""
    seconds: float = 0.0
    answer: Optional[Answer] = None
    plan: Optional[Plan] = None


class AquilaTask(QgsTask):
    """A task whose ``work`` runs in a worker thread, on plain values and copies only.

    ``ended`` brings its ``Outcome`` to the main thread, exactly once, whatever happens. ``feedback`` goes to whoever
    reads pixels, so that ``cancel`` reaches into a slow read.
    """

    ended = Signal(object)

    def __init__(self, title: str, flags: QgsTask.Flag = QgsTask.Flag.CanCancel) -> None:
        super().__init__(title, flags)
        self.feedback = QgsRasterBlockFeedback()
        self.results: List[Description] = []
        self.answer: Optional[Answer] = None
        self.plan: Optional[Plan] = None
        self._error = self._details = ""
        self._seconds = 0.0
        self._has_told = False

    def work(self) -> None:
        """What there is to do; raises ``CancelledError`` where it stops because the user cancelled."""
        raise NotImplementedError

    def is_done(self) -> bool:
        """Whether all that was asked for is there, so that a late click on cancel changes nothing."""
        raise NotImplementedError

    def run(self) -> bool:
        """Do the work; never raises."""
        started = time.monotonic()
        try:
            self.check_cancelled()
            self.work()
        except CancelledError:
            _LOG.info("a task was cancelled")
        except (AquilaError, RuntimeUnavailable) as error:
            self._error = sentence(str(error))
        except MemoryError:
            self._error = tr("The memory is full; choose a smaller batch size or model in the options, and run again.")
        except Exception as error:  # noqa: BLE001 (the thread boundary: nothing may leave it)
            _LOG.exception("a task failed")
            reason = " ".join(str(error).split()) or type(error).__name__
            self._error = tr("The run failed unexpectedly: {reason}").format(reason=reason)
            self._details = traceback.format_exc()
        self._seconds = time.monotonic() - started
        return self.is_done() and not self._error

    def cancel(self) -> None:
        """Stop at the next polygon or read; called on the main thread, by the user or by QGIS."""
        super().cancel()
        self.feedback.cancel()

    def check_cancelled(self) -> None:
        """Raise ``CancelledError`` if the user has cancelled."""
        if self.isCanceled():
            raise CancelledError

    def finished(self, _successful: bool) -> None:
        """Called by QGIS on the main thread, at the end or when the task is taken out of the queue."""
        if not self._has_told:
            self._has_told = True
            self.ended.emit(self.outcome())

    def outcome(self) -> Outcome:
        """What the task has come to."""
        is_cancelled = self.isCanceled() and not self.is_done() and not self._error
        return Outcome(
            self.results, is_cancelled, self._error, self._details, self._seconds, self.answer, self.plan)


class _Held:
    """The running tasks: QGIS owns them, but a Python subclass also needs a Python reference to live."""

    def __init__(self) -> None:
        self.tasks: Dict[int, QgsTask] = {}

    def add(self, task: QgsTask) -> None:
        number = QgsApplication.taskManager().addTask(task)
        self.tasks[number] = task
        # After ``finished``; the manager's own signal is silent about hidden tasks. No reference to the task in here.
        release = partial(self.tasks.pop, number, None)
        task.taskCompleted.connect(release)
        task.taskTerminated.connect(release)


_HELD = _Held()


def start(task: QgsTask) -> None:
    """Run a task in the background and hold it until it has ended; for the main thread."""
    _HELD.add(task)


def stop_all(wait_ms: int = 10000) -> None:
    """Cancel all tasks that were started here and wait for them to end; their last signals come before this returns.

    For closing QGIS and unloading the plugin. A task still busy after ``wait_ms`` is held on, and ends by itself.
    """
    tasks = [task for task in _HELD.tasks.values() if not sip.isdeleted(task)]
    for task in tasks:
        task.cancel()
    deadline = time.monotonic() + wait_ms / 1000
    while any(_is_busy(task) for task in tasks) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        # What the workers have sent: a task only counts as ended when its last message has come to this thread.
        QCoreApplication.sendPostedEvents(None, number_of(QEvent.Type.MetaCall))
    if _HELD.tasks:
        _LOG.warning("%d tasks are still busy", len(_HELD.tasks))


def unlisted() -> QgsTask.Flag:
    """For short tasks: cancellable, and not shown in QGIS's list of tasks where QGIS can (from 3.26 on)."""
    flags = QgsTask.Flag.CanCancel
    for name in ("Hidden", "Silent"):
        flags = flags | getattr(QgsTask.Flag, name, flags)
    return flags


def _is_busy(task: QgsTask) -> bool:
    return not sip.isdeleted(task) and number_of(task.status()) not in _OVER
