"""A run without a model, for the tests of the dock: the test says what is described and when."""

from __future__ import annotations

from typing import List, Optional

from qtpy.QtCore import QObject, Signal

from core_model.description import Description


class FakeTask(QObject):
    """Stands for ``DescribeTask``; the last one made is ``FakeTask.last``."""

    described = Signal(object)
    counted = Signal(int, int)
    ended = Signal(object)
    last: Optional[FakeTask] = None

    def __init__(self, request: object) -> None:
        super().__init__()
        self.request = request
        self.started = self.cancelled = False
        FakeTask.last = self

    def cancel(self) -> None:
        self.cancelled = True

    def seconds_left(self) -> Optional[float]:
        return 30.0

    def seconds_per_polygon(self) -> Optional[float]:
        return 0.5

    def describe(self, *texts: str) -> List[Description]:
        """Describe as many of the regions as there are texts."""
        total = len(self.request.regions)
        results = []
        for done, (region, text) in enumerate(zip(self.request.regions, texts), 1):
            results.append(Description(region.id, "ok", text, text.split()[0], 0.75, area_m2=100.0, model="fake"))
            self.described.emit(results[-1])
            self.counted.emit(done, total)
        return results


def start_fake(task: FakeTask) -> None:
    """Stands for ``describe_task.start``."""
    task.started = True
