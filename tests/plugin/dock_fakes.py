"""A dock on the screen, and a run without a model: the test says what is described and when."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, List, Optional

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QAbstractButton, QLabel, QWidget

from aquila_qgis_plugin.dock.dock import AquilaDock
from core_model.description import Description
from tests.plugin.interface import Interface


@contextmanager
def shown_dock(iface: Interface) -> Iterator[AquilaDock]:
    """The dock with its content, in QGIS's window until the test ends."""
    found = AquilaDock(iface, iface.mainWindow())
    iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, found)
    iface.mainWindow().show()
    found.show()
    found.content()
    yield found
    found.close_down()
    iface.removeDockWidget(found)


def part(dock: AquilaDock, name: str) -> Any:
    """A widget of the dock by its name."""
    found = dock.findChild(QWidget, name)
    assert found is not None, name
    return found


def mnemonics(dock: AquilaDock) -> List[List[str]]:
    """The letters that go with the Alt key, in every state of the dock's big button."""
    bar, found = dock.content().form.run_bar, []
    for show in (lambda: bar.show_plan(""), bar.show_running, lambda: bar.show_setup("")):
        show()
        texts = [each.text() for kind in (QLabel, QAbstractButton) for each in dock.content().findChildren(kind)]
        found.append([text[text.index("&") + 1].upper() for text in texts if "&" in text])
    return found


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
