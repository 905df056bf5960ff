"""The plugin speaks the user's language where it can, and English where it cannot."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aquila_qgis_plugin import translation
from aquila_qgis_plugin.environment import runtime
from scripts import package
from tests.plugin.dock_fakes import mnemonics, shown_dock
from tests.plugin.interface import Interface


@pytest.fixture()
def catalogues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in translation.CATALOGUES.glob("*.ts"):
        shutil.copy(path, tmp_path)
    assert [path.name for path in package.compile_translations(tmp_path)] == ["aquila_de.qm"]
    monkeypatch.setattr(translation, "CATALOGUES", tmp_path)
    return tmp_path


@pytest.mark.parametrize("locale", ["de", "de_AT", "de-CH"])
def test_german_is_spoken_to_germans(catalogues: Path, locale: str) -> None:
    translator = translation.install(locale)
    try:
        assert translation.tr("Describe polygons") == "Polygone beschreiben"
    finally:
        translation.remove(translator)
    assert translation.tr("Describe polygons") == "Describe polygons"


def test_a_widget_speaks_german_too(catalogues: Path) -> None:
    from aquila_qgis_plugin.model_list import ModelList

    translator = translation.install("de")
    try:
        assert ModelList().tr("Add folder…") == "Ordner hinzufügen…"
    finally:
        translation.remove(translator)


def test_other_languages_get_english(catalogues: Path) -> None:
    translator = translation.install("fr")
    assert translator is None and translation.tr("Describe polygons") == "Describe polygons"


@pytest.mark.usefixtures("catalogues")
def test_german_mnemonics_leave_qgiss_german_menus_alone(iface: Interface, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "state", lambda: runtime.RuntimeState(True))
    translator = translation.install("de")
    try:
        with shown_dock(iface) as dock:
            for letters in mnemonics(dock):
                assert "F" in letters and len(set(letters)) == len(letters)
                assert not set(letters) & set("JBALEWVRDNH")
    finally:
        translation.remove(translator)
