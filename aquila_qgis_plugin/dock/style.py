"""The dock's wording: a style, the user's labels, or a prompt of the user's own."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from aquila_qgis_plugin.dock.widgets import describe_widget, narrow
from aquila_qgis_plugin.labels import split_labels
from aquila_qgis_plugin.translation import tr
from aquila_qgis_plugin.wording import sentence
from core_model.errors import PromptError
from core_model.prompts import STYLES, check_prompt, clean_labels

LABELS, PROMPT = "labels", "prompt"
_PROMPT_LINES = 3


class StyleForm(QWidget):
    """What is to be written about each polygon; ``changed`` tells of every change."""

    changed = Signal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._saved: List[Tuple[str, str]] = []
        self.box = QComboBox(self)
        self._labels = QLineEdit(self)
        self._prompt = QPlainTextEdit(self)
        self._set_up_texts()
        narrow(self.box)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.box, self._labels, self._prompt):
            layout.addWidget(widget)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_saved_prompts(())
        self.set_style("description")
        self.box.currentIndexChanged.connect(self._chosen)
        self._labels.textChanged.connect(self.changed)
        self._prompt.textChanged.connect(self.changed)
        self._show_fields()

    def style(self) -> str:
        """A style's name, "labels" or "prompt"."""
        data = self.box.currentData()
        return data if data in STYLES or data == LABELS else PROMPT

    def labels_text(self) -> str:
        """The labels as the user wrote them."""
        return self._labels.text()

    def prompt_text(self) -> str:
        """The prompt as the user wrote it."""
        return self._prompt.toPlainText()

    def wording(self) -> Tuple[Optional[str], Optional[str], Optional[Tuple[str, ...]]]:
        """Style, prompt and labels as a run wants them: one of the three, the others ``None``."""
        chosen = self.style()
        if chosen == LABELS:
            return None, None, tuple(split_labels(self.labels_text()))
        if chosen == PROMPT:
            return None, self.prompt_text().strip(), None
        return chosen, None, None

    def problem(self) -> str:
        """One sentence saying what is wrong with the wording, "" if nothing is."""
        chosen = self.style()
        if chosen == PROMPT and not self.prompt_text().strip():
            return tr("Write the question or instruction for each polygon.")
        if chosen == LABELS and len(split_labels(self.labels_text())) < 2:
            return tr("Write at least two labels, separated by commas.")
        try:
            if chosen == LABELS:
                clean_labels(split_labels(self.labels_text()))
            elif chosen == PROMPT:
                check_prompt(self.prompt_text(), 1)
        except PromptError as error:
            return sentence(str(error))
        return ""

    def set_style(self, style: str) -> None:
        """Choose a style; an unknown one is ignored."""
        index = self.box.findData(style)
        if index >= 0:
            self.box.setCurrentIndex(index)

    def set_texts(self, labels: str, prompt: str) -> None:
        """Fill in labels and prompt."""
        self._labels.setText(labels)
        self._labels.setCursorPosition(0)
        self._prompt.setPlainText(prompt)

    def set_saved_prompts(self, prompts: Sequence[Tuple[str, str]]) -> None:
        """Offer the user's saved prompts (name, prompt) below the styles."""
        chosen = self.box.currentData()
        if isinstance(chosen, int):  # the same prompt may stand elsewhere now; the text stays in any case
            kept = self._saved[chosen]
            chosen = list(prompts).index(kept) if kept in prompts else PROMPT
        self._saved = list(prompts)
        self.box.blockSignals(True)
        self.box.clear()
        for style, text, meaning in _entries():
            self.box.addItem(text, style)
            self.box.setItemData(self.box.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
        for number, (name, prompt) in enumerate(self._saved):
            self.box.addItem(name, number)
            self.box.setItemData(self.box.count() - 1, prompt, Qt.ItemDataRole.ToolTipRole)
        self.box.setCurrentIndex(max(0, self.box.findData(chosen)))
        self.box.blockSignals(False)

    def _set_up_texts(self) -> None:
        describe_widget(
            self.box, "aquilaStyleBox", tr("Style of the text"), tr("How much is written about each polygon")
        )
        describe_widget(
            self._labels, "aquilaLabelsEdit", tr("My labels"),
            tr("Each polygon gets the likeliest of these labels, with its probability"),
        )
        describe_widget(
            self._prompt, "aquilaPromptEdit", tr("My prompt"),
            tr("A question or instruction; <region> stands for the polygon"),
        )
        self._labels.setPlaceholderText(tr("forest, meadow, water, …"))
        self._labels.setClearButtonEnabled(True)
        self._prompt.setPlaceholderText(tr("What covers <region>?"))
        self._prompt.setTabChangesFocus(True)
        line = self._prompt.fontMetrics().lineSpacing()
        self._prompt.setFixedHeight(_PROMPT_LINES * line + 2 * int(self._prompt.document().documentMargin()) + 4)

    def _chosen(self) -> None:
        number = self.box.currentData()
        if isinstance(number, int):
            self._prompt.setPlainText(self._saved[number][1])
        self._show_fields()
        self.changed.emit()

    def _show_fields(self) -> None:
        self._labels.setVisible(self.style() == LABELS)
        self._prompt.setVisible(self.style() == PROMPT)


def _entries() -> Tuple[Tuple[str, str, str], ...]:
    return (
        ("category", tr("Category"), tr("What it is, in a word or two")),
        ("phrase", tr("Phrase"), tr("A short phrase")),
        ("description", tr("Description"), tr("One or two sentences")),
        ("detailed", tr("Detailed description"), tr("Colour, texture, shape, size and surroundings")),
        (LABELS, tr("My labels…"), tr("The likeliest of your own labels")),
        (PROMPT, tr("My prompt…"), tr("The answer to your own question")),
    )
