"""Collects the plugin's texts into ``aquila_qgis_plugin/i18n/*.ts`` and compiles them; translations made are kept.

pylupdate would miss ``tr("…")``, the plugin's own function for what is no QObject: its context is "Aquila". The context
of ``self.tr("…")`` is the class around it, as Qt has it.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple
from xml.etree import ElementTree

from scripts import package

PLUGIN = package.REPOSITORY / package.PLUGIN
CATALOGUES = PLUGIN / "i18n"
CONTEXT = "Aquila"
LANGUAGES = ("de",)
HEADER = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n'

# (context, source text)
Text = Tuple[str, str]


class _Collector(ast.NodeVisitor):
    """The texts of one module, and calls whose argument is not a plain text."""

    def __init__(self) -> None:
        self.texts: List[Text] = []
        self.unreadable: List[int] = []
        self._classes: List[str] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._classes.append(node.name)
        self.generic_visit(node)
        self._classes.pop()

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Name) and function.id == "tr":
            self._take(node, CONTEXT)
        elif isinstance(function, ast.Attribute) and ast.unparse(function) == "self.tr" and self._classes:
            self._take(node, self._classes[-1])

    def _take(self, node: ast.Call, context: str) -> None:
        text = node.args[0] if len(node.args) == 1 else None
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            self.texts.append((context, text.value))
        else:
            self.unreadable.append(node.lineno)


def collect() -> List[Text]:
    """Every text of the plugin, once, in the order of the sources.

    Raises:
        ValueError: a call has something else than one plain text.
    """
    found: Dict[Text, None] = {}
    for path in sorted(PLUGIN.rglob("*.py")):
        collector = _Collector()
        collector.visit(ast.parse(path.read_text(encoding="utf-8")))
        if collector.unreadable:
            raise ValueError(f"{path.name}: tr() takes one plain text, on line {collector.unreadable}")
        found.update(dict.fromkeys(collector.texts))
    return list(found)


def read(path: Path) -> Dict[Text, str]:
    """The translations of a catalogue; "" for a text that has none."""
    if not path.exists():
        return {}
    return {
        (str(context.findtext("name")), str(message.findtext("source"))): message.findtext("translation") or ""
        for context in ElementTree.parse(path).getroot().iter("context")
        for message in context.iter("message")
    }


def _catalogue(texts: List[Text], translations: Dict[Text, str], language: str) -> str:
    root = ElementTree.Element("TS", version="2.1", sourcelanguage="en")
    if language:
        root.set("language", language)
    for name in sorted({context for context, _ in texts}):
        context = ElementTree.SubElement(root, "context")
        ElementTree.SubElement(context, "name").text = name
        for text in texts:
            if text[0] == name:
                message = ElementTree.SubElement(context, "message")
                ElementTree.SubElement(message, "source").text = text[1]
                translation = ElementTree.SubElement(message, "translation")
                translation.text = translations.get(text) or None
                if not translation.text:
                    translation.set("type", "unfinished")
    ElementTree.indent(root)
    return HEADER + ElementTree.tostring(root, encoding="unicode") + "\n"


def update() -> Iterator[str]:
    """Rewrite the catalogues; yields a line about each."""
    texts = collect()
    CATALOGUES.mkdir(exist_ok=True)
    (CATALOGUES / "aquila.ts").write_text(_catalogue(texts, {}, ""), encoding="utf-8")
    yield f"aquila.ts: {len(texts)} texts"
    for language in LANGUAGES:
        path = CATALOGUES / f"aquila_{language}.ts"
        known = read(path)
        # A text that moves from one class to another keeps its translation.
        anywhere = {source: translation for (_, source), translation in known.items() if translation}
        kept = {text: known.get(text) or anywhere.get(text[1], "") for text in texts}
        path.write_text(_catalogue(texts, kept, language), encoding="utf-8")
        missing: Set[str] = {source for (_, source), translation in kept.items() if not translation}
        yield f"{path.name}: {len(missing)} of {len(texts)} texts without a translation"


def main() -> int:
    """Update and compile."""
    for line in update():
        sys.stdout.write(f"{line}\n")
    package.compile_translations(CATALOGUES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
