"""One question of the chat with its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from qgis.core import QgsApplication
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QToolButton,
    QVBoxLayout,
)

from aquila_qgis_plugin.figures import share_text
from aquila_qgis_plugin.origin import Origin
from aquila_qgis_plugin.plain_label import plain_label
from aquila_qgis_plugin.wording import status_text
from core_model.description import Answer
from core_model.geo.regions import Region


@dataclass(frozen=True)
class Question:
    """What was asked about which polygons, in values that outlive the layer."""

    text: str
    origin: Origin
    regions: Tuple[Region, ...]

    @property
    def feature_ids(self) -> Tuple[int, ...]:
        """The ids that the polygons had in their layer."""
        return tuple(int(str(region.id)) for region in self.regions)


class Exchange(QFrame):
    """A question and, once it is there, its answer with what can be done with it."""

    store_wanted = Signal(object)  # this exchange
    show_wanted = Signal(object)

    def __init__(self, question: Question, about: str) -> None:
        super().__init__()
        self.question = question
        self.answer = ""
        self.setFrameShape(QFrame.Shape.StyledPanel)
        asked = plain_label(question.text)
        font = asked.font()
        font.setBold(True)
        asked.setFont(font)
        self._answer = plain_label("")
        self._answer.hide()
        self._note = plain_label(about)
        self._note.setEnabled(False)
        self._about = about
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._busy.setMaximumHeight(6)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.setSpacing(3)
        for widget in (asked, self._answer, self._busy, self._note):
            layout.addWidget(widget)
        layout.addLayout(self._buttons())

    def show_answer(self, found: Answer) -> None:
        """Show what the model wrote, or the status that says why it wrote nothing."""
        self._busy.hide()
        self.answer = found.text
        self._answer.setText(found.text or status_text(found.status))
        self._answer.show()
        parts = (self._about, found.model, share_text(found.confidence))
        self._note.setText(" · ".join(part for part in parts if part))
        for button in (self._copy, self._store):
            button.setVisible(bool(found.text))

    def show_problem(self, sentence: str) -> None:
        """Show why there is no answer."""
        self._busy.hide()
        self._answer.setText(sentence)
        self._answer.show()

    def _buttons(self) -> QHBoxLayout:
        show = _button("/mActionPanToSelected.svg", self.tr("Select the polygons of this question again"))
        show.clicked.connect(lambda: self.show_wanted.emit(self))
        self._copy = _button("/mActionEditCopy.svg", self.tr("Copy the answer"))
        self._copy.clicked.connect(lambda: QApplication.clipboard().setText(self.answer))
        self._store = _button("/mActionFileSave.svg", self.tr("Write the answer to the polygons it is about"))
        self._store.setText(self.tr("Store answer in field…"))
        self._store.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._store.clicked.connect(lambda: self.store_wanted.emit(self))
        row = QHBoxLayout()
        row.setSpacing(2)
        for button in (show, self._copy, self._store):
            row.addWidget(button)
        row.addStretch()
        self._copy.hide()
        self._store.hide()
        return row


def _button(theme_icon: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(QgsApplication.getThemeIcon(theme_icon))
    button.setToolTip(tip)
    button.setAutoRaise(True)
    return button
