"""Numbers in words, as the dock and its messages say them."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Dict, Optional

import pytest

from aquila_qgis_plugin import wording
from aquila_qgis_plugin.describe_task import AskTask, DescribeRequest
from aquila_qgis_plugin.environment import runtime
from core_model.description import Description, Plan


@pytest.fixture()
def versions(monkeypatch: pytest.MonkeyPatch) -> Dict[str, str]:
    found: Dict[str, str] = {}
    monkeypatch.setattr(runtime, "state", lambda: runtime.RuntimeState(True, "", None, found))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    return found


@pytest.mark.parametrize(("seconds", "text"), [
    (0.2, "1 s"), (7.4, "7 s"), (38, "40 s"), (89, "90 s"), (150, "2 min"), (5000, "83 min"), (9000, "2 h"),
])
def test_durations_are_rounded_as_people_say_them(seconds: float, text: str) -> None:
    assert wording.duration_text(seconds) == text


@pytest.mark.usefixtures("versions")
def test_a_plan_says_how_many_where_and_how_long() -> None:
    assert wording.plan_text(Plan(128, 120, 23), "cpu", 40.0) == "128 polygons, 23 tiles, CPU, about 40 s"
    assert wording.plan_text(Plan(1, 1, 1), "cuda:1", None) == "1 polygon, 1 tile, GPU"
    many = wording.plan_text(Plan(12000, 12000, 0), "cpu", 7200.0, tiles_known=False)
    assert many == "12\u202f000 polygons, CPU, about 2 h"


@pytest.mark.parametrize(("version", "has_gpu", "text"), [
    ("2.13.0+cpu", None, "CPU"), ("2.13.0", None, "automatic device"), ("2.13.0", True, "GPU"),
    ("2.13.0", False, "CPU"),
])
def test_the_automatic_device_is_told_as_far_as_it_is_known(
    versions: Dict[str, str], monkeypatch: pytest.MonkeyPatch, version: str, has_gpu: Optional[bool], text: str
) -> None:
    versions["torch"] = version
    if has_gpu is not None:
        loaded = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: has_gpu))
        monkeypatch.setitem(sys.modules, "torch", loaded)
    assert wording.device_text("auto") == text


@pytest.mark.usefixtures("versions")
def test_a_half_imported_torch_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace())
    assert wording.device_text("auto") == "automatic device"


def test_progress_tells_the_time_left_once_it_is_known() -> None:
    assert wording.progress_text(12, 128, None) == "12 of 128 polygons"
    assert wording.progress_text(12, 128, 30.0) == "12 of 128 polygons, about 30 s left"
    assert wording.progress_text(128, 128, 0.0) == "128 of 128 polygons"
    assert wording.progress_text(0, 1, None) == "0 of 1 polygon"


def test_a_question_says_about_how_many_polygons_it_is() -> None:
    for ids, text in (((1,), "1 polygon"), ((1, 2), "2 polygons")):
        assert AskTask(DescribeRequest(None, ids), "Why?").description() == f"Asking about {text}"


def test_statuses_are_counted_the_most_first_and_errors_together() -> None:
    results = [Description(1, "ok", model="nano"), Description(2, "error: disk"), Description(3, "ok", model="nano"),
               Description(4, "error: other"), Description(5, "ok"), Description(6, "outside raster")]
    assert wording.status_counts(results) == "3 described, 2 failed, 1 outside the raster"
    details = wording.run_details(results, 12.0).splitlines()
    assert details[0] == "6 polygons in 10 s, model nano"
    assert set(details[1:]) == {"3 × described", "1 × failed: disk", "1 × failed: other", "1 × outside the raster"}
