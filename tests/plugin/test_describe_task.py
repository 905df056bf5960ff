"""Runs in the background: results, cancelling, failing, and nothing left behind."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, List

import pytest
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer, QgsTask
from qtpy import sip

from aquila_qgis_plugin import models, task_base
from aquila_qgis_plugin.describe_task import (
    AskTask,
    DescribeRequest,
    DescribeTask,
    Outcome,
    PlanTask,
    _Pace,
    start,
    stop_all,
)
from aquila_qgis_plugin.model_options import ModelOptions
from aquila_qgis_plugin.rasters import raster_spec
from aquila_qgis_plugin.task_base import AquilaTask
from core_model.description import Description
from core_model.geo.regions import Region
from tests.plugin.scenes import CRS, raster_layer, square, squares


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelOptions]:
    """A tiny untrained model in a folder."""
    from tests.tiny import save_tiny

    yield ModelOptions(model=str(save_tiny(tmp_path_factory.mktemp("model"))), device="cpu", batch_size=2)
    models.forget()


@pytest.fixture()
def layer(tmp_path: Path) -> QgsRasterLayer:
    return raster_layer(tmp_path)


@pytest.fixture()
def request_(layer: QgsRasterLayer, model: ModelOptions) -> DescribeRequest:
    return DescribeRequest(raster_spec(layer), squares(), model)


@pytest.fixture(autouse=True)
def _no_task_left() -> Iterator[None]:
    yield
    stop_all()
    assert not task_base._HELD.tasks


class Watcher:
    """Notes what a task says, and on which thread."""

    def __init__(self, task: AquilaTask) -> None:
        self.outcomes: List[Outcome] = []
        self.described: List[Description] = []
        self.counted: List[Any] = []
        self.left: List[Any] = []
        self.threads = set()
        self.task = task
        task.ended.connect(self._ended)
        if isinstance(task, DescribeTask):
            task.described.connect(self._described)
            task.counted.connect(self._counted)

    def _ended(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.threads.add(threading.current_thread())

    def _described(self, found: Description) -> None:
        self.described.append(found)
        self.threads.add(threading.current_thread())

    def _counted(self, done: int, total: int) -> None:
        self.counted.append((done, total))
        self.left.append(self.task.seconds_left())


def until(condition: Any, seconds: float = 60) -> None:
    """Let QGIS work until ``condition()``."""
    end = time.monotonic() + seconds
    while not condition():
        QgsApplication.processEvents()
        time.sleep(0.002)
        assert time.monotonic() < end, "nothing came of it"


def run(task: AquilaTask) -> Outcome:
    watcher = Watcher(task)
    start(task)
    until(lambda: watcher.outcomes)
    return watcher.outcomes[0]


def test_every_region_is_described_and_told_on_the_main_thread(request_: DescribeRequest) -> None:
    task = DescribeTask(request_)
    watcher = Watcher(task)
    progress: List[float] = []
    task.progressChanged.connect(progress.append)
    start(task)
    until(lambda: watcher.outcomes)
    outcome = watcher.outcomes[0]
    assert not outcome.error and not outcome.cancelled and outcome.seconds > 0
    assert sorted(found.id for found in outcome.results) == [1, 2, 3, 4, 5, 6, 7]
    assert all(found.status == "ok" and found.description for found in outcome.results)
    assert watcher.described == outcome.results
    assert watcher.counted == [(done, 7) for done in range(1, 8)]
    assert watcher.left[-1] is not None and watcher.left[-1] >= 0
    assert progress[-1] == 100
    assert watcher.threads == {threading.main_thread()}
    QgsApplication.processEvents()
    assert len(watcher.outcomes) == 1


def test_time_left_follows_the_pace_after_the_first_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pace = _Pace(50)
    assert pace.seconds_left() is None
    pace.note(10, 50)  # off the raster, in no time
    assert pace.seconds_left() is None
    now[0] += 4
    pace.note(18, 50)
    assert pace.seconds_left() == pytest.approx(16) and pace.seconds_per_polygon() == pytest.approx(0.5)
    now[0] += 16
    pace.note(50, 50)
    assert pace.seconds_left() == 0


def test_results_are_those_of_the_command_line(request_: DescribeRequest, layer: QgsRasterLayer) -> None:
    from core_model.checkpoint import load_model
    from core_model.describer import Describer

    expected = Describer(load_model(request_.model.model, device="cpu"), batch_size=2)
    by_id = {found.id: found.description for found in expected.describe(layer.source(), squares())}
    assert {found.id: found.description for found in run(DescribeTask(request_)).results} == by_id


def test_polygons_that_cannot_be_described_say_why(request_: DescribeRequest) -> None:
    bad = [Region("none", b""), Region.from_wkt("away", square(900, 900, 10), CRS),
           Region.from_wkt("hole", square(340, 20, 20), CRS)]
    outcome = run(DescribeTask(replace(request_, regions=[*bad, *squares(1)])))
    assert {found.id: found.status for found in outcome.results} == {
        "none": "invalid geometry", "away": "outside raster", "hole": "no valid pixels", 1: "ok"}


def test_cancel_keeps_what_is_done(request_: DescribeRequest) -> None:
    task = DescribeTask(replace(request_, regions=squares(300)))
    watcher = Watcher(task)
    task.counted.connect(lambda done, _total: task.cancel() if done == 4 else None)
    start(task)
    until(lambda: watcher.outcomes)
    outcome = watcher.outcomes[0]
    assert outcome.cancelled and not outcome.error
    assert 4 <= len(outcome.results) < 300
    assert all(found.status == "ok" for found in outcome.results)


def test_a_task_cancelled_in_the_queue_still_ends(request_: DescribeRequest) -> None:
    blocker = threading.Event()
    busy = [QgsTask.fromFunction(f"busy {n}", lambda _task: blocker.wait(30)) for n in range(64)]
    for task in busy:
        QgsApplication.taskManager().addTask(task)
    task = DescribeTask(request_)
    watcher = Watcher(task)
    start(task)
    task.cancel()
    until(lambda: watcher.outcomes)
    blocker.set()
    assert watcher.outcomes[0].cancelled and not watcher.outcomes[0].results
    until(lambda: not QgsApplication.taskManager().activeTasks())
    assert len(watcher.outcomes) == 1


def test_one_run_at_a_time_uses_the_model(request_: DescribeRequest) -> None:
    tasks = [DescribeTask(request_) for _ in range(3)]
    watchers = [Watcher(task) for task in tasks]
    with models.use_lock():
        for task in tasks:
            start(task)
        tasks[1].cancel()
        until(lambda: watchers[1].outcomes)
        assert watchers[1].outcomes[0].cancelled
        assert not watchers[0].described and not watchers[2].described
    until(lambda: watchers[0].outcomes and watchers[2].outcomes)
    assert [len(watcher.outcomes[0].results) for watcher in watchers] == [7, 0, 7]


def test_errors_come_as_one_sentence(request_: DescribeRequest, tmp_path: Path) -> None:
    missing = run(DescribeTask(replace(request_, model=ModelOptions(model=str(tmp_path / "gone")))))
    assert missing.error.startswith("There is no model") and missing.error.endswith(".") and not missing.details
    empty = run(DescribeTask(replace(request_, prompt=" ")))
    assert "prompt is empty" in empty.error
    bands = run(DescribeTask(replace(request_, bands=(9,))))
    assert "has bands 1 to 3" in bands.error
    moved = raster_spec(raster_layer(tmp_path))
    moved.path = str(tmp_path / "moved.tif")
    assert "cannot be opened as a raster" in run(DescribeTask(replace(request_, raster=moved))).error


def test_without_torch_the_sentence_says_what_is_missing(
    request_: DescribeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aquila_qgis_plugin.environment import runtime

    def unavailable() -> None:
        raise runtime.RuntimeUnavailable("PyTorch is missing; install it.")

    monkeypatch.setattr(runtime, "activate", unavailable)
    outcome = run(DescribeTask(request_))
    assert outcome.error == "PyTorch is missing; install it." and not outcome.results


def test_a_fault_of_ours_ends_the_run_and_keeps_the_rows(
    request_: DescribeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core_model.describer import Describer

    original = Describer.describe

    def faulty(self: Describer, *args: Any, **options: Any) -> Iterator[Description]:
        stream = original(self, *args, **options)
        yield next(stream)
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(Describer, "describe", faulty)
    outcome = run(DescribeTask(request_))
    assert len(outcome.results) == 1 and not outcome.cancelled
    assert "boom" in outcome.error and "ZeroDivisionError" in outcome.details


def test_layers_and_project_may_go_during_a_run(request_: DescribeRequest, layer: QgsRasterLayer) -> None:
    QgsProject.instance().addMapLayer(layer)
    task = DescribeTask(replace(request_, regions=squares(30), raster=raster_spec(layer, as_displayed=True)))
    watcher = Watcher(task)
    task.counted.connect(lambda done, _total: QgsProject.instance().clear() if done == 2 else None)
    start(task)
    until(lambda: watcher.outcomes)
    assert sip.isdeleted(layer)
    assert len(watcher.outcomes[0].results) == 30 and not watcher.outcomes[0].error


def test_stop_all_waits_and_delivers(request_: DescribeRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [DescribeTask(replace(request_, regions=squares(400))), AskTask(request_, "Is it wet?")]
    watchers = [Watcher(task) for task in tasks]
    start(tasks[0])
    until(lambda: watchers[0].described)
    start(tasks[1])  # only now, or it might have the model first
    waits: List[float] = []
    monkeypatch.setattr(task_base, "_POLL_SECONDS", 0.05)
    monkeypatch.setattr(time, "sleep", lambda seconds, sleep=time.sleep: (waits.append(seconds), sleep(seconds)))
    stop_all(600_000)
    assert len(waits) < 6000, "the wait went on although the tasks had ended"
    assert not task_base._HELD.tasks
    assert [len(watcher.outcomes) for watcher in watchers] == [1, 1]
    assert watchers[0].outcomes[0].cancelled and 0 < len(watchers[0].outcomes[0].results) < 400
    assert watchers[1].outcomes[0].cancelled and watchers[1].outcomes[0].answer is None
    assert watchers[0].described == watchers[0].outcomes[0].results


def test_questions_are_answered(request_: DescribeRequest) -> None:
    outcome = run(AskTask(replace(request_, regions=squares(2)), "Which is larger, <region1> or <region2>?"))
    assert not outcome.error and outcome.answer is not None
    assert outcome.answer.ids == (1, 2) and outcome.answer.status == "ok" and outcome.answer.text
    chosen = run(AskTask(replace(request_, regions=squares(1), labels=("yes", "no")), "Is <region> wet?"))
    assert chosen.answer is not None and chosen.answer.text in ("yes", "no")
    refused = run(AskTask(replace(request_, regions=[]), "Is it wet?"))
    assert "give at least one polygon" in refused.error and refused.answer is None


def test_a_plan_is_counted_without_the_model(request_: DescribeRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "describer", lambda _options: 1 / 0)
    regions = [*squares(), Region("none", b"")]
    outcome = run(PlanTask(request_.raster, regions, request_.model))
    assert outcome.plan is not None and (outcome.plan.polygons, outcome.plan.describable) == (8, 7)
    assert 1 < outcome.plan.tiles <= 7
    failed = run(PlanTask(request_.raster, regions, ModelOptions(model="gone")))
    assert failed.plan is None and failed.error.startswith("There is no model")


def test_the_model_is_loaded_once_and_anew_where_it_changed(
    model: ModelOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = models.describer(model)
    again = models.describer(replace(model, batch_size=100))
    assert first._generator.model is again._generator.model
    assert (first.batch_size, again.batch_size) == (2, 100)
    monkeypatch.setattr(models, "_LARGE_MODEL", 1)
    assert models.describer(replace(model, batch_size=100)).batch_size == 2
    card = Path(model.model) / "README.md"
    card.write_text("Another card.\n")
    assert models.describer(model)._generator.model is not first._generator.model
    assert models.picture_size(model) == 64 and models.picture_size(ModelOptions()) == 256


def test_a_second_click_on_a_place_encodes_nothing(
    request_: DescribeRequest, layer: QgsRasterLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(layer.source())
    os.utime(path, (1e9, 1e9))  # a file as fresh as this one could change once more without its time telling
    first = run(DescribeTask(request_))
    describer = models.describer(request_.model)
    encode, encoded = describer._generator.encode, []
    monkeypatch.setattr(describer._generator, "encode", lambda images: encoded.append(len(images)) or encode(images))
    again = run(DescribeTask(request_))
    assert [found.description for found in again.results] == [found.description for found in first.results]
    assert encoded == []
    os.utime(path, (1.1e9, 1.1e9))  # written anew, for all one can tell
    assert len(run(DescribeTask(request_)).results) == 7 and sum(encoded) > 0
    encoded.clear()
    shown = replace(request_, raster=raster_spec(layer, as_displayed=True))
    once = run(DescribeTask(shown)), sum(encoded)
    twice = run(DescribeTask(shown)), sum(encoded)
    assert once[1] > 0 and twice[1] == 2 * once[1]  # the layer's colours may have changed: nothing is kept of them
    assert [found.description for found in once[0].results] == [found.description for found in twice[0].results]


def test_many_runs_leave_nothing_behind(request_: DescribeRequest) -> None:
    small = replace(request_, regions=squares(2), style="phrase")
    for _ in range(10):
        assert len(run(DescribeTask(small)).results) == 2
    until(lambda: not QgsApplication.taskManager().tasks())
    gc.collect()
    tasks = [each for each in gc.get_objects() if issubclass(type(each), AquilaTask)]
    assert not [task for task in tasks if not sip.isdeleted(task)]
    assert not task_base._HELD.tasks
    assert len(tasks) <= 1
