"""The user's own prompts: a name and a text each."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from aquila_qgis_plugin.plain_label import plain_label
from core_model.errors import PromptError
from core_model.prompts import check_prompt

_NAME, _PROMPT = 0, 1
_ROWS_SHOWN = 7


class PromptTable(QWidget):
    """A table to add, change, order and remove prompts; a line below says what is wrong with one."""

    def __init__(self, prompts: Sequence[Tuple[str, str]] = (), parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._build()
        for name, prompt in prompts:
            self._append(name, prompt)
        self._check()

    def prompts(self) -> List[Tuple[str, str]]:
        """The rows that have a prompt; one without a name is called by its number."""
        rows = [(self._cell(row, _NAME), self._cell(row, _PROMPT)) for row in range(self.table.rowCount())]
        return [
            (name or self.tr("Prompt {number}").format(number=number), prompt)
            for number, (name, prompt) in enumerate(rows, 1) if prompt
        ]

    def add(self) -> None:
        """A new row, ready to be written into."""
        self._append("", self.tr("Describe the condition of <region>."))
        row = self.table.rowCount() - 1
        self.table.setCurrentCell(row, _NAME)
        self.table.editItem(self.table.item(row, _NAME))

    def remove(self) -> None:
        """Take the selected row out."""
        if self.table.currentRow() >= 0:
            self.table.removeRow(self.table.currentRow())
            self._check()

    def move(self, by: int) -> None:
        """Move the selected row up or down."""
        row, other = self.table.currentRow(), self.table.currentRow() + by
        if row < 0 or not 0 <= other < self.table.rowCount():
            return
        for column in (_NAME, _PROMPT):
            mine, theirs = self.table.takeItem(row, column), self.table.takeItem(other, column)
            self.table.setItem(row, column, theirs)
            self.table.setItem(other, column, mine)
        self.table.setCurrentCell(other, self.table.currentColumn())

    @property
    def problem(self) -> str:
        """One sentence about the first prompt that cannot be used, "" if all can."""
        names = set()
        for name, prompt in self.prompts():
            if name in names:
                return self.tr("Two prompts are called “{name}”; give one another name.").format(name=name)
            names.add(name)
            try:
                check_prompt(prompt, 1)
            except PromptError as error:
                return self.tr("“{name}”: {problem}").format(name=name, problem=error)
        return ""

    def _build(self) -> None:
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels([self.tr("Name"), self.tr("Prompt")])
        self.table.horizontalHeader().setSectionResizeMode(_PROMPT, QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.itemChanged.connect(self._check)
        self.table.setMinimumHeight(_ROWS_SHOWN * self.table.fontMetrics().lineSpacing())
        self._warning = plain_label()
        buttons = QHBoxLayout()
        for text, pressed in (
            (self.tr("Add"), self.add), (self.tr("Remove"), self.remove),
            (self.tr("Up"), lambda: self.move(-1)), (self.tr("Down"), lambda: self.move(1)),
        ):
            button = QPushButton(text)
            button.clicked.connect(lambda _=False, pressed=pressed: pressed())
            buttons.addWidget(button)
        buttons.addStretch()
        note = plain_label(self.tr(
            "Write <region> where the polygon belongs; {area} becomes its square metres, {gsd} the metres of a pixel. "
            "Aquila's panel offers these prompts too."))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (note, self.table, self._warning):
            layout.addWidget(widget)
        layout.addLayout(buttons)

    def _append(self, name: str, prompt: str) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        self.table.setItem(row, _NAME, QTableWidgetItem(name))
        self.table.setItem(row, _PROMPT, QTableWidgetItem(prompt))

    def _cell(self, row: int, column: int) -> str:
        item = self.table.item(row, column)
        return item.text().strip() if item is not None else ""

    def _check(self, *_item: object) -> None:
        self._warning.setText(self.problem)
        self._warning.setVisible(bool(self.problem))
