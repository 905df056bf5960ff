"""Tasks that are started and never run: the test says when and how they end."""

from __future__ import annotations

from types import ModuleType
from typing import Any, List

import pytest
from qtpy.QtCore import QObject, Signal

from aquila_qgis_plugin.environment import runtime


class FakeTask(QObject):
    """A task of which the test says when and how it ends; ``question`` is empty where none is asked."""

    ended = Signal(object)

    def __init__(self, request: Any, question: str = "") -> None:
        super().__init__()
        self.request, self.question, self.cancelled = request, question, False

    def cancel(self) -> None:
        self.cancelled = True


def held_tasks(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> List[FakeTask]:
    """What ``module`` will start in the stead of its task ``name``, as if PyTorch were there."""
    started: List[FakeTask] = []
    monkeypatch.setattr(module, name, FakeTask)
    monkeypatch.setattr(module, "start", started.append)
    monkeypatch.setattr(runtime, "state", lambda: runtime.RuntimeState(True))
    return started
