"""The line a question is written into: it remembers earlier ones, and names of regions are put in by a click."""

from __future__ import annotations

from typing import List, Optional

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QLineEdit, QWidget


class QuestionLine(QLineEdit):
    """A line with a history: Up and Down go through the questions of this session."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._asked: List[str] = []
        self._at = 0
        self._draft = ""

    def remember(self, question: str) -> None:
        """Put a question at the end of the history and empty the line."""
        if question not in self._asked[-1:]:
            self._asked.append(question)
        self._at = len(self._asked)
        self._draft = ""
        self.clear()

    def insert_name(self, name: str) -> None:
        """Put a region's name where the cursor is, with blanks around it."""
        before = self.text()[: self.cursorPosition()]
        after = self.text()[self.cursorPosition():]
        lead = " " if before and not before.endswith(" ") else ""
        trail = "" if after[:1] in (" ", "?", ".", ",") and after else " "
        self.insert(lead + name + trail)
        self.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Up and Down walk through the history; what was being written waits at its end."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(event.key(), 0)
        if not step:
            super().keyPressEvent(event)
            return
        if self._at == len(self._asked):
            self._draft = self.text()
        self._at = max(0, min(self._at + step, len(self._asked)))
        self.setText(self._draft if self._at == len(self._asked) else self._asked[self._at])
