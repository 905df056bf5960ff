"""The catalogues: every text of the plugin is in them, and every text of theirs is translated with its parts kept."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from scripts import translations

PARTS = re.compile(r"\{\w*\}|</?\w+>|&lt;\w+&gt;")


@pytest.fixture(scope="module")
def texts() -> list[tuple[str, str]]:
    return translations.collect()


@pytest.fixture(scope="module", params=translations.LANGUAGES)
def translated(request: pytest.FixtureRequest) -> dict[tuple[str, str], str]:
    return translations.read(translations.CATALOGUES / f"aquila_{request.param}.ts")


def test_the_source_catalogue_has_every_text_and_no_other(texts: list[tuple[str, str]]) -> None:
    assert len(texts) > 300
    assert set(translations.read(translations.CATALOGUES / "aquila.ts")) == set(texts), "run make translations"


def test_every_text_is_translated(
    texts: list[tuple[str, str]], translated: dict[tuple[str, str], str]
) -> None:
    assert set(translated) == set(texts), "run make translations"
    assert [source for (_, source), translation in translated.items() if not translation] == []


def test_a_translation_keeps_the_parts_that_are_filled_in(translated: dict[tuple[str, str], str]) -> None:
    for (_, source), translation in translated.items():
        assert sorted(PARTS.findall(source)) == sorted(PARTS.findall(translation)), source


def test_a_translation_has_a_shortcut_where_the_source_has_one(translated: dict[tuple[str, str], str]) -> None:
    shortcut = re.compile(r"&\w(?!\w*;)")
    for (_, source), translation in translated.items():
        assert len(shortcut.findall(source)) == len(shortcut.findall(translation)), source


def test_texts_that_end_in_a_mark_do_so_in_translation(translated: dict[tuple[str, str], str]) -> None:
    for (_, source), translation in translated.items():
        for mark in (".", "…", "?", ":"):
            assert source.endswith(mark) == translation.endswith(mark), source


def test_self_tr_stands_in_no_class_that_has_heirs() -> None:
    """Qt looks a text up under the class of the object, which for an heir is another than the class of the text."""
    parents: set[str] = set()
    users: set[str] = set()
    for path in translations.PLUGIN.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                parents |= {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                if "self.tr(" in ast.unparse(node):
                    users.add(node.name)
    assert users and users & parents == set()


def test_updating_keeps_translations_and_marks_new_texts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(translations, "CATALOGUES", tmp_path)
    monkeypatch.setattr(translations, "collect", lambda: [("Aquila", "Yes"), ("Dock", "New & <odd>")])
    (tmp_path / "aquila_de.ts").write_text(
        translations._catalogue([("Old", "Yes"), ("Old", "Gone")], {("Old", "Yes"): "Ja"}, "de"), encoding="utf-8"
    )
    lines = list(translations.update())
    assert translations.read(tmp_path / "aquila_de.ts") == {("Aquila", "Yes"): "Ja", ("Dock", "New & <odd>"): ""}
    assert lines[-1] == "aquila_de.ts: 1 of 2 texts without a translation"
