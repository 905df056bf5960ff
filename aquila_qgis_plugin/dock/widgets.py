"""Small helpers that the parts of the dock share.

Mnemonics in the dock keep off the letters of QGIS's own menus, which would stop working: J E V L S P O R D W M C H in
English, J B A L E W V R D N H in German.
"""

from __future__ import annotations

from qgis.gui import QgsScrollArea
from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QComboBox, QFormLayout, QFrame, QSizePolicy, QWidget

# The dock must stay usable at 300 pixels, whatever layers and fields are called.
_SHORTEST = 6


class FittingScrollArea(QgsScrollArea):
    """As high as what it holds, and scrolling only where there is less room than that."""

    def __init__(self, content: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setWidget(content)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The size of the content."""
        return self.widget().sizeHint() if self.widget() is not None else super().sizeHint()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The content's width, since only its height can be scrolled."""
        width = self.widget().minimumSizeHint().width() if self.widget() is not None else 0
        return QSize(width, super().minimumSizeHint().height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the content as parts of it open and close."""
        if watched is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


def form_layout(parent: QWidget) -> QFormLayout:
    """A form without margins whose fields take the width there is."""
    layout = QFormLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return layout


def narrow(combo: QComboBox) -> None:
    """Let a combo box be narrower than its longest entry."""
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(_SHORTEST)
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)


def describe_widget(widget: QWidget, object_name: str, accessible_name: str, tooltip: str) -> None:
    """Name a widget for tests, for screen readers and for the curious."""
    widget.setObjectName(object_name)
    widget.setAccessibleName(accessible_name)
    widget.setToolTip(tooltip)
