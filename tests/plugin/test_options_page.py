from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.waiting import wait_until


@pytest.fixture()
def page(qgis_app: object) -> Any:
    from aquila_qgis_plugin.options_page import AquilaOptionsFactory

    return AquilaOptionsFactory().createWidget(None)


def _choose(box: Any, data: str) -> None:
    at = box.findData(data)
    assert at >= 0
    box.setCurrentIndex(at)


def test_the_factory_has_a_title_and_an_icon(qgis_app: object) -> None:
    from aquila_qgis_plugin.options_page import AquilaOptionsFactory

    factory = AquilaOptionsFactory()
    assert factory.title() == "Aquila"
    assert not factory.icon().isNull()


def test_the_page_shows_the_defaults_and_saving_them_changes_nothing(page: Any) -> None:
    from aquila_qgis_plugin import settings

    before = settings.load()
    assert page.model.currentData() == "nano"
    assert page.batch_size.value() == before.batch_size
    page.apply()
    assert settings.load() == before


def test_what_is_chosen_is_saved_and_shown_again(page: Any, tmp_path: Path) -> None:
    from aquila_qgis_plugin import settings
    from aquila_qgis_plugin.options_page import AquilaOptionsFactory

    _choose(page.device, "cpu")
    _choose(page.dtype, "bfloat16")
    _choose(page.after_run, settings.LEAVE_OPEN)
    page.batch_size.setValue(7)
    page.runtime_folder.setFilePath(str(tmp_path))
    page.install_folder.setFilePath(str(tmp_path / "new"))
    page.apply()
    saved = settings.load()
    assert (saved.device, saved.dtype, saved.batch_size, saved.after_run) == ("cpu", "bfloat16", 7, "leave")
    assert (saved.runtime_folder, saved.install_folder) == (str(tmp_path), str(tmp_path / "new"))
    options = saved.model_options()
    assert (options.device, options.dtype, options.batch_size) == ("cpu", "bfloat16", 7)
    again = AquilaOptionsFactory().createWidget(None)
    assert (again.device.currentData(), again.dtype.currentData()) == ("cpu", "bfloat16")
    assert again.runtime_folder.filePath() == str(tmp_path)


def test_a_device_may_be_typed(page: Any) -> None:
    from aquila_qgis_plugin import settings
    from aquila_qgis_plugin.options_page import AquilaOptionsFactory

    page.device.setEditText(" cuda:1 ")
    page.apply()
    assert settings.load().device == "cuda:1"
    assert AquilaOptionsFactory().createWidget(None).device.currentText() == "cuda:1"


def test_nothing_is_saved_before_the_user_agrees(page: Any) -> None:
    from aquila_qgis_plugin import settings

    page.batch_size.setValue(5)
    page.prompts.add()
    assert settings.load().batch_size != 5
    assert settings.load().prompts == []


def test_what_the_page_does_not_show_stays_as_it_is(page: Any) -> None:
    from aquila_qgis_plugin import settings

    saved = settings.load()
    saved.paces = {"nano|cpu|phrase": 0.5}
    settings.save(saved)
    page.apply()
    assert settings.load().paces == {"nano|cpu|phrase": 0.5}


def test_an_added_model_can_be_the_default_and_stays_so_while_its_disk_is_away(page: Any, tmp_path: Path) -> None:
    from aquila_qgis_plugin import settings
    from aquila_qgis_plugin.options_page import AquilaOptionsFactory
    from core_model.folders import MODELS

    mine = str(shutil.copytree(MODELS / "nano", tmp_path / "mine"))
    page.models.add_folder(mine)
    assert page.model.findData(mine) < 0
    wait_until(lambda: page.model.findData(mine) >= 0)
    _choose(page.model, mine)
    page.apply()
    assert (settings.load().model, settings.load().model_folders) == (mine, [mine])
    shutil.rmtree(mine)
    again = AquilaOptionsFactory().createWidget(None)
    wait_until(lambda: len(again.models.entries()) == 2)
    assert again.model.currentData() == mine
    assert again.model.currentText() == f"{mine} (not usable now)"
    again.apply()
    assert (settings.load().model, settings.load().model_folders) == (mine, [mine])


def test_a_model_taken_off_the_list_is_no_longer_the_default(page: Any, tmp_path: Path) -> None:
    from aquila_qgis_plugin import settings
    from core_model.folders import MODELS

    mine = str(shutil.copytree(MODELS / "nano", tmp_path / "mine"))
    page.models.add_folder(mine)
    wait_until(lambda: page.model.findData(mine) >= 0)
    _choose(page.model, mine)
    page.models.remove_selected()
    page.apply()
    assert (settings.load().model, settings.load().model_folders) == ("nano", [])


def test_prompts_are_added_ordered_and_removed(page: Any) -> None:
    from aquila_qgis_plugin import settings

    table = page.prompts
    table._append("roof", "What is the roof of <region> made of?")
    table._append("", "Is <region> wet?")
    table._append("nothing", "  ")
    page.apply()
    kept = [("roof", "What is the roof of <region> made of?"), ("Prompt 2", "Is <region> wet?")]
    assert settings.load().prompts == kept
    table.table.setCurrentCell(1, 0)
    table.move(-1)
    assert table.prompts()[0][1] == "Is <region> wet?"
    table.move(-1)
    table.remove()
    assert table.prompts() == kept[:1]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("two", "Compare <region1> and <region2>.")], "<region2>"),
        ([("a", "What is <region>?"), ("a", "Where is <region>?")], "Two prompts are called “a”"),
        ([("a", "What is <region>?")], ""),
    ],
)
def test_a_prompt_that_cannot_be_used_is_said_but_not_lost(page: Any, rows: list, words: str) -> None:
    for name, prompt in rows:
        page.prompts._append(name, prompt)
    assert words in page.prompts.problem
    assert page.prompts._warning.text() == page.prompts.problem
    assert page.prompts.prompts() == rows


def test_without_torch_the_page_says_so_and_the_setup_gets_the_folders(
    page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aquila_qgis_plugin import settings
    from aquila_qgis_plugin.environment import dialog, runtime

    states = [runtime.RuntimeState(False, "PyTorch is missing; set it up.")]
    monkeypatch.setattr(runtime, "state", lambda: states[-1])
    page._show_runtime()
    assert page._state.text() == "PyTorch is missing; set it up."
    seen = []

    def offer(_parent: object) -> bool:
        seen.append(settings.load().install_folder)
        states.append(runtime.RuntimeState(True, versions={"torch": "2.13"}))
        return True

    monkeypatch.setattr(dialog, "offer_setup", offer)
    page.install_folder.setFilePath(str(tmp_path))
    page._set_up()
    assert seen == [str(tmp_path)]
    assert page._state.text() == "Ready: torch 2.13"
