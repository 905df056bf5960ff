"""Settings of the profile and of a project: kept, found again, and never trusted."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest
from qgis.core import QgsProject, QgsSettings

from aquila_qgis_plugin import settings
from aquila_qgis_plugin.settings import ProjectState, Settings


def test_a_fresh_profile_has_the_defaults() -> None:
    assert settings.load() == Settings()


def test_what_is_saved_is_loaded_again() -> None:
    kept = Settings(
        model="/models/big, really", device="cuda", dtype="bfloat16", batch_size=4, after_run=settings.COMMIT,
        prompts=[("Dächer", "What is the roof of <region> made of?\nBe brief; say \"unknown\" if unsure.")],
        model_folders=["/models/big, really", "C:\\models\\x"], runtime_folder="/env", install_folder="",
        paces={"nano|cpu|description": 0.25},
    )
    settings.save(kept)
    assert settings.load() == kept


def test_saving_is_announced() -> None:
    heard: List[bool] = []
    settings.NOTICE.changed.connect(lambda: heard.append(True))
    settings.save(Settings())
    assert heard == [True]


@pytest.mark.parametrize(("name", "stored"), [
    ("batch_size", '"many"'), ("batch_size", "0"), ("batch_size", "{"), ("model", "7"), ("after_run", '"whatever"'),
    ("prompts", '[["only a name"], 3, ["a", "b", "c"]]'), ("model_folders", "[1, null]"),
    ("paces", '{"a": -1.0, "b": "x"}'),
])
def test_broken_settings_do_no_harm(name: str, stored: str) -> None:
    QgsSettings().setValue(f"aquila/{name}", stored)
    found = settings.load()
    assert isinstance(found.batch_size, int)
    assert found.batch_size >= 1
    assert (found.model, found.after_run) == ("nano", "ask")
    assert (found.prompts, found.model_folders, found.paces) == ([], [], {})


def test_model_options_are_those_of_the_settings() -> None:
    options = Settings(model="m", device="cpu", dtype="float32", batch_size=3).model_options()
    assert (options.model, options.device, options.dtype, options.batch_size) == ("m", "cpu", "float32", 3)


def test_the_pace_is_learnt_from_runs_the_newest_most() -> None:
    found = Settings()
    assert found.pace("nano", "cpu", "phrase") is None
    found.learn_pace("nano", "cpu", "phrase", 1.0)
    assert found.pace("nano", "cpu", "phrase") == 1.0
    found.learn_pace("nano", "cpu", "phrase", 3.0)
    assert found.pace("nano", "cpu", "phrase") == 2.0


def test_a_style_that_never_ran_borrows_the_pace_of_the_same_model_and_device_only() -> None:
    found = Settings(paces={"nano|cpu|phrase": 1.0, "nano|cpu|detailed": 3.0, "nano|cuda|phrase": 0.1})
    assert found.pace("nano", "cpu", "category") == 2.0
    assert found.pace("big", "cpu", "category") is None


def test_the_state_survives_saving_and_reading_the_project(tmp_path: Path) -> None:
    project = QgsProject.instance()
    kept = ProjectState(
        raster="r_1", polygons="p_1", selected_only=False, style="labels", labels="Wald, Wiese; „Feld“",
        prompt="What\nis it?", target="text", extras={"label": "kind", "area": "area_m2"}, model="/m", device="cpu",
        as_displayed=True,
    )
    settings.save_state(project, kept)
    assert project.write(str(tmp_path / "kept.qgz"))
    project.clear()
    assert settings.load_state(project) == ProjectState()
    assert project.read(str(tmp_path / "kept.qgz"))
    assert settings.load_state(project) == kept
