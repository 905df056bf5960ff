"""The guided step and the diagnostics, as the user sees them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Iterator, List

import pytest
from qgis.core import Qgis, QgsApplication, QgsMessageLog, QgsProject

from tests.plugin.fake_packages import GOOD, make_wheels, put_all
from tests.plugin.waiting import wait_until

_PASSED = 'print(\'aquila-check:{"versions": {"torch": "2.9"}, "devices": ["cpu"], "model": "nano"}\')'


@pytest.fixture()
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """No packages anywhere, and a folder for Aquila's own."""
    from aquila_qgis_plugin import settings
    from aquila_qgis_plugin.environment import runtime

    settings.save(replace(settings.load(), install_folder=str(tmp_path / "own")))
    monkeypatch.setattr(runtime, "_MEMORY", runtime._Memory())
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if "site-packages" not in entry])
    yield tmp_path
    runtime.forget()


@pytest.fixture()
def yes(monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """Questions are answered with yes, and kept."""
    from aquila_qgis_plugin.environment import dialog

    asked: List[str] = []
    monkeypatch.setattr(dialog.SetupDialog, "_confirm", lambda _self, question: not asked.append(question))
    return asked


def test_opening_says_what_is_missing_and_touches_nothing(bare: Path) -> None:
    from aquila_qgis_plugin.environment import runtime
    from aquila_qgis_plugin.environment.dialog import SetupDialog

    shown = SetupDialog()
    # Which packages are missing depends on what Python the tests run in; Debian's has torch.
    assert shown.status.text() == runtime.state().reason and "Set up" in shown.status.text()
    assert shown.install_page.install_button.text() == "Install"
    assert shown.install_page.remove_button.isHidden()
    assert shown.output.isHidden()
    assert "GB" in shown.install_page.space.text()
    assert str(bare / "own") in shown.recipe_page.text.toPlainText()
    assert list(bare.iterdir()) == []
    shown.deleteLater()


def test_install_repair_and_remove_are_one_click_each(
    bare: Path, yes: List[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from aquila_qgis_plugin.environment import dialog, installer, runtime
    from aquila_qgis_plugin.environment.folders import Progress, own_folder

    monkeypatch.setattr(dialog, "standard_requirements", lambda: tuple(f"{name}=={GOOD[name]}" for name in GOOD))
    monkeypatch.setattr(installer, "_CHECK", "raise ImportError('odd thing')")
    shown = dialog.SetupDialog()
    page = shown.install_page
    page.wheels.setFilePath(str(make_wheels(bare / "wheels")))
    assert "nothing is downloaded" in page.explanation.text()

    page.install_button.click()
    assert not shown.pages.isEnabled()
    assert not shown.stop_button.isHidden()
    wait_until(shown.pages.isEnabled, 300)
    assert shown.doing.text() == "The packages were installed but do not work: ImportError: odd thing"
    assert page.install_button.text() == "Try again"
    assert "not finished" in shown.status.text()
    assert "pip install" in shown.output.toPlainText()

    monkeypatch.setattr(installer, "_CHECK", _PASSED)
    page.install_button.click()
    wait_until(shown.pages.isEnabled, 300)
    assert "PyTorch 2.9" in shown.status.text()
    assert page.install_button.text() == "Repair"
    assert shown.bar.value() == 100
    assert runtime.state().folder == own_folder().packages

    page.remove_button.click()
    assert own_folder().progress() is Progress.ABSENT
    assert page.install_button.text() == "Install"
    assert not runtime.state().usable
    assert len(yes) == 1
    shown.deleteLater()


def test_closing_while_it_installs_asks_and_stops(bare: Path, yes: List[str]) -> None:
    from aquila_qgis_plugin.environment.dialog import SetupDialog

    shown = SetupDialog()
    shown.install_page.wheels.setFilePath(str(make_wheels(bare / "wheels")))
    shown.show()
    shown.install_page.install_button.click()
    running = shown._installer
    shown.close()
    assert yes == ["Stop the installation?"]
    assert running._process is None
    assert shown._installer is None
    assert not shown.isVisible()
    shown.deleteLater()


def test_too_little_room_is_asked_about(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aquila_qgis_plugin.environment import dialog, dialog_pages

    asked: List[str] = []
    monkeypatch.setattr(dialog.SetupDialog, "_confirm", lambda _self, question: asked.append(question))
    monkeypatch.setattr(dialog_pages, "free_bytes", lambda _folder: 5e8)
    shown = dialog.SetupDialog()
    shown.install_page.install_button.click()
    assert "GB more should be free" in asked[0]
    assert shown._installer is None
    assert not (bare / "own").exists()
    shown.deleteLater()


def test_an_existing_environment_is_checked_then_kept(bare: Path) -> None:
    from aquila_qgis_plugin import settings
    from aquila_qgis_plugin.environment import runtime
    from aquila_qgis_plugin.environment.dialog import SetupDialog

    env = put_all(bare / "env")
    shown = SetupDialog()
    page = shown.existing_page
    page.chooser.setFilePath(str(bare / "nowhere"))
    assert "does not exist" in page.finding.text()
    assert not page.use_button.isEnabled()
    page.chooser.setFilePath(str(env))
    assert page.finding.text() == "This environment has everything."
    page.use_button.click()
    assert settings.load().runtime_folder == str(env)
    assert str(env) in shown.status.text()
    page.forget_button.click()
    assert settings.load().runtime_folder == ""
    assert shown.status.text() == runtime.state().reason and "Set up" in shown.status.text()
    shown.deleteLater()


def test_an_environment_in_the_home_folder_may_be_typed_with_a_tilde(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aquila_qgis_plugin.environment.dialog_pages import ExistingPage

    put_all(bare / "me" / "venv")
    monkeypatch.setenv("HOME", str(bare / "me"))
    page = ExistingPage("~/venv")
    assert page.finding.text() == "This environment has everything." and page.use_button.isEnabled()
    page.deleteLater()


def test_the_recipe_can_be_copied(bare: Path) -> None:
    from qtpy.QtWidgets import QPushButton

    from aquila_qgis_plugin.environment.dialog import SetupDialog

    shown = SetupDialog()
    shown.recipe_page.findChild(QPushButton).click()
    assert "pip download" in QgsApplication.clipboard().text()
    shown.deleteLater()


def test_diagnostics_name_versions_and_no_path(bare: Path, tmp_path: Path) -> None:
    from aquila_qgis_plugin.environment import log_tail
    from aquila_qgis_plugin.environment.report import diagnostics_text

    QgsProject.instance().setFileName(str(tmp_path / "our town" / "plan.qgs"))
    log_tail.start()
    try:
        QgsMessageLog.logMessage(
            f"cannot read {tmp_path / 'our town' / 'roofs.tif'}", "Aquila", Qgis.MessageLevel.Warning)
        QgsMessageLog.logMessage("not ours", "Other", Qgis.MessageLevel.Warning)
        text = diagnostics_text()
    finally:
        log_tail.stop()
    assert Qgis.QGIS_VERSION in text
    assert "Model can run: no" in text
    assert "nano" in text
    assert "WARNING cannot read <project>/roofs.tif" in text
    assert "not ours" not in text
    assert str(Path.home()) not in text
    assert str(tmp_path) not in text
    assert log_tail.lines() == []


@pytest.mark.parametrize("text, clean", [
    ("see /home/anna/My Maps/a.tif: gone", "see <path>/a.tif: gone"),
    ("file:///home/anna/b.gpkg", "<path>/b.gpkg"),
    ("C:\\Users\\Anna B\\x.tif and D:/data/y.tif", "<path>/x.tif and <path>/y.tif"),
    ("\\\\server\\share\\z.shp", "<path>/z.shp"),
    ('File "/opt/a b/c.py", line 3', 'File "<path>/c.py", line 3'),
    ("https://anna:secret@example.org/simple, 3/4 done", "https://example.org/simple, 3/4 done"),
])
def test_paths_are_reduced_to_their_last_part(text: str, clean: str) -> None:
    from aquila_qgis_plugin.environment.report import without_paths

    assert without_paths(text) == clean
