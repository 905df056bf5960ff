"""The foot of the dock: what will happen, the one big button, and how far it is."""

from __future__ import annotations

import html
from typing import Optional

from qgis.core import QgsApplication
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from aquila_qgis_plugin.artwork import icon
from aquila_qgis_plugin.dock.widgets import describe_widget
from aquila_qgis_plugin.double_click import FirstClick
from aquila_qgis_plugin.translation import tr
from aquila_qgis_plugin.wording import progress_text, status_text
from core_model.description import Description

_ICON_PIXELS = 16
_WARNING = "/mIconWarning.svg"


class RunBar(QWidget):
    """A sentence, a button and a progress bar; signals say what the button was pressed for."""

    describe_clicked = Signal()
    cancel_clicked = Signal()
    setup_clicked = Signal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._pressed = self.describe_clicked
        self._running = False
        self._first_click = FirstClick()
        self._icon, self._sentence = QLabel(self), QLabel(self)
        self._progress = QProgressBar(self)
        self._latest = QLabel(self)
        self.button = QPushButton(self)
        self._set_up()
        line = QHBoxLayout()
        line.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self._sentence, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        layout.addWidget(self._progress)
        layout.addWidget(self.button)
        layout.addWidget(self._latest, 1)
        self.button.clicked.connect(self._press)
        self.show_plan("")

    def sentence(self) -> str:
        """What stands above the button."""
        return self._sentence.text()

    def show_plan(self, plan: str, note: str = "") -> None:
        """Ready to describe: what will run where, and what the user should know before."""
        text = f"{plan}. {note}" if note else plan
        self._show(text, tr("Descri&be"), self.describe_clicked, enabled=True, warning=bool(note))

    def show_problem(self, problem: str) -> None:
        """Nothing can be described: one sentence says why."""
        self._show(problem, tr("Descri&be"), self.describe_clicked, enabled=False, warning=True)

    def show_setup(self, reason: str) -> None:
        """What the model needs is not installed: the button leads there."""
        self._show(reason, tr("Set &up Aquila…"), self.setup_clicked, enabled=True, warning=True)

    def show_running(self, done: int = 0, total: int = 0, seconds_left: Optional[float] = None) -> None:
        """A run is on its way; a total of 0 stands for the time before the first polygon."""
        text = progress_text(done, total, seconds_left) if total else tr("Getting the model and the polygons ready…")
        self._progress.setRange(0, total)
        self._progress.setValue(done)
        self._show(text, tr("C&ancel"), self.cancel_clicked, enabled=True, running=True)

    def show_cancelling(self) -> None:
        """The user cancelled, and the polygon at hand is being finished."""
        self._show(tr("Cancelling…"), tr("C&ancel"), self.cancel_clicked, enabled=False, running=True)

    def show_latest(self, result: Description) -> None:
        """Let the user read along: the polygon described last."""
        self._latest.setText(result.description or status_text(result.status))

    def clear_latest(self) -> None:
        """Show no description any more: it was of another run or project."""
        self._latest.clear()

    def _press(self) -> None:
        if not (self._running and self._first_click.is_fresh()):
            self._pressed.emit()

    def _set_up(self) -> None:
        self._icon.setPixmap(QgsApplication.getThemeIcon(_WARNING).pixmap(_ICON_PIXELS, _ICON_PIXELS))
        self._sentence.setWordWrap(True)
        self._sentence.setTextFormat(Qt.TextFormat.PlainText)
        self._sentence.setObjectName("aquilaPlanLine")
        self._progress.setObjectName("aquilaProgress")
        self._progress.setAccessibleName(tr("Progress"))
        self._progress.setTextVisible(False)
        self._progress.setFixedHeight(8)
        self._latest.setObjectName("aquilaLatest")
        self._latest.setAccessibleName(tr("The latest description"))
        self._latest.setWordWrap(True)
        self._latest.setTextFormat(Qt.TextFormat.PlainText)
        self._latest.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._latest.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        describe_widget(self.button, "aquilaDescribeButton", tr("Describe"), "")
        self.button.setIconSize(QSize(22, 22))
        self.button.setMinimumHeight(36)
        font = self.button.font()
        font.setBold(True)
        self.button.setFont(font)

    def _show(
        self, text: str, button: str, pressed: Signal, *, enabled: bool, running: bool = False, warning: bool = False
    ) -> None:
        if running and not self._running:
            self._first_click.made()
        self._running = running
        self._sentence.setText(text)
        self._icon.setVisible(warning)
        self._progress.setVisible(running)
        self._pressed = pressed
        self.button.setText(button)
        self.button.setAccessibleName(button.replace("&", ""))
        self.button.setIcon(QgsApplication.getThemeIcon("/mTaskCancel.svg") if running else icon("describe"))
        self.button.setEnabled(enabled)
        self.button.setToolTip("" if enabled else f"<qt>{html.escape(text)}</qt>")
