"""The note beside a polygon on the map: what is written about it, or why nothing is."""

from __future__ import annotations

import math

from qgis.core import QgsPointXY, QgsRectangle
from qgis.gui import QgsMapCanvas
from qtpy.QtCore import QPoint, QRect, Qt, Signal
from qtpy.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
)

from aquila_qgis_plugin.figures import area_text, share_text
from aquila_qgis_plugin.plain_label import plain_label
from aquila_qgis_plugin.wording import status_text
from core_model.description import Description
from core_model.geo.regions import Status

_WIDTH, _GAP, _EDGE, _FAR = 300, 12, 6, 1_000_000


class DescriptionBubble(QFrame):
    """A small frame over the map that stays beside one place of it.

    ``action_clicked`` is the one button whose text the owner chooses ("Store", "Set up…"); ``closed`` tells that the
    user shut the bubble, which also means that what is under way is no longer wanted.
    """

    action_clicked = Signal()
    closed = Signal()

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._box = QgsRectangle()
        # A press on the bubble must not reach the map under it.
        self.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setFixedWidth(_WIDTH)
        self._build()
        self.hide()
        canvas.extentsChanged.connect(self._follow_map)

    def show_busy(self, box: QgsRectangle, text: str) -> None:
        """Say beside ``box`` (map coordinates) that something is under way."""
        self._show(box, text, "", "", bold=False)
        self._busy.show()
        self._settle()

    def show_description(self, found: Description, action: str = "") -> None:
        """Show what was written, where the bubble is."""
        sure = share_text(found.confidence)
        title = f"{found.label} · {sure}" if found.label and sure else found.label or sure
        text = found.description if found.description != found.label else ""
        self._show(self._box, title, text or ("" if title else status_text(found.status)), action)
        note = [area_text(found.area_m2), found.model]
        if found.status != Status.OK:
            note.append(status_text(found.status))
        self._note.setText(" · ".join(part for part in note if part))
        self._note.show()
        self._copy.setVisible(bool(found.description or found.label))
        self._settle()

    def show_problem(self, box: QgsRectangle, sentence: str, action: str = "") -> None:
        """Show one sentence that says why there is no description."""
        self._show(box, sentence, "", action, bold=False)

    def say(self, sentence: str) -> None:
        """Add a line below what is shown, in place of the button: what became of its click."""
        self._note.setText(sentence)
        self._note.show()
        self._action.hide()
        self._settle()

    @property
    def text(self) -> str:
        """What is shown, title first."""
        return "\n".join(part for part in (self._title.text(), self._text.text()) if part)

    def shut(self) -> None:
        """Close as the user does."""
        self.hide()
        self.closed.emit()

    def _build(self) -> None:
        self._title, self._text, self._note = (plain_label() for _ in range(3))
        self._note.setEnabled(False)
        shut = QToolButton()
        shut.setText("×")
        shut.setAutoRaise(True)
        shut.setToolTip(self.tr("Close (Esc)"))
        shut.clicked.connect(self.shut)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(shut, 0, Qt.AlignmentFlag.AlignTop)
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._busy.setMaximumHeight(6)
        self._copy = QPushButton(self.tr("Copy"))
        self._copy.clicked.connect(lambda: QApplication.clipboard().setText(self.text))
        self._action = QPushButton()
        self._action.clicked.connect(self.action_clicked)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self._copy)
        buttons.addWidget(self._action)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 6, 8)
        layout.addLayout(head)
        for widget in (self._text, self._busy, self._note):
            layout.addWidget(widget)
        layout.addLayout(buttons)

    def _show(self, box: QgsRectangle, title: str, text: str, action: str, *, bold: bool = True) -> None:
        self._box = QgsRectangle(box)
        font = self._title.font()
        font.setBold(bold)
        self._title.setFont(font)
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self._action.setText(action)
        self._action.setVisible(bool(action))
        for widget in (self._busy, self._note, self._copy):
            widget.hide()
        self.show()
        self.raise_()
        self._settle()

    def _settle(self) -> None:
        """Take the size that the texts need, and the place beside the polygon."""
        self.layout().activate()
        self.resize(_WIDTH, max(self.layout().heightForWidth(_WIDTH), self.minimumSizeHint().height()))
        self._place()

    def _follow_map(self) -> None:
        if not self.isHidden():
            self._place()

    def _place(self) -> None:
        """Right of the polygon, or left of it, or inside the map's edge, never outside the map."""
        shown = self._pixels(self._box)
        room = self._canvas.rect().adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE)
        x = shown.right() + _GAP
        if x + self.width() > room.right() and shown.left() - _GAP - self.width() >= room.left():
            x = shown.left() - _GAP - self.width()
        x = max(room.left(), min(x, room.right() - self.width()))
        y = max(room.top(), min(shown.top(), room.bottom() - self.height()))
        self.move(QPoint(x, y))

    def _pixels(self, box: QgsRectangle) -> QRect:
        to_pixels = self._canvas.getCoordinateTransform()
        corners = [to_pixels.transform(QgsPointXY(x, y)) for x in (box.xMinimum(), box.xMaximum())
                   for y in (box.yMinimum(), box.yMaximum())]
        columns, rows = [_pixel(corner.x()) for corner in corners], [_pixel(corner.y()) for corner in corners]
        return QRect(QPoint(min(columns), min(rows)), QPoint(max(columns), max(rows)))


def _pixel(position: float) -> int:
    """A screen position that Qt can hold: on a map zoomed far in, or of another CRS, it may be anywhere."""
    return round(max(-_FAR, min(_FAR, position))) if math.isfinite(position) else _FAR
