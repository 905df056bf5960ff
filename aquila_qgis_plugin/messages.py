"""What the user is told: the message bar for sentences, the log panel "Aquila" for everything."""

from __future__ import annotations

import html
import logging
from typing import Callable, Optional

from qgis.core import Qgis, QgsMessageLog
from qgis.gui import QgisInterface, QgsMessageBarItem, QgsMessageViewer
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QPushButton

from aquila_qgis_plugin.translation import tr

TAG = "Aquila"
LOGGERS = ("core_model", "aquila_qgis_plugin")
# Seconds; 0 stays until the user closes it.
_BRIEF, _STAY = 8, 0
_LEVELS = (
    (logging.ERROR, Qgis.MessageLevel.Critical),
    (logging.WARNING, Qgis.MessageLevel.Warning),
    (logging.NOTSET, Qgis.MessageLevel.Info),
)


def inform(iface: QgisInterface, sentence: str, details: str = "") -> None:
    """Tell that something went as it should."""
    _show(iface, sentence, details, Qgis.MessageLevel.Success, _BRIEF)


def warn(iface: QgisInterface, sentence: str, details: str = "") -> None:
    """Tell that something needs the user's attention."""
    _show(iface, sentence, details, Qgis.MessageLevel.Warning, _STAY)


def fail(iface: QgisInterface, sentence: str, details: str = "") -> None:
    """Tell that something could not be done, and why."""
    _show(iface, sentence, details, Qgis.MessageLevel.Critical, _STAY)


def offer(iface: QgisInterface, sentence: str, button: str, action: Callable[[], object], details: str = "") -> None:
    """Tell what went wrong, with a button that mends it."""
    item = _item(iface, sentence, details)
    mend = QPushButton(button, item)
    mend.setObjectName("aquilaMendButton")
    item.layout().addWidget(mend)
    mend.clicked.connect(action)
    mend.clicked.connect(lambda: iface.messageBar().popWidget(item))
    _push(iface, item, sentence, details, Qgis.MessageLevel.Warning, _STAY)


def log(message: str, level: Qgis.MessageLevel = Qgis.MessageLevel.Info) -> None:
    """Write to QGIS's log panel, under "Aquila"; callable from any thread."""
    QgsMessageLog.logMessage(message, TAG, level, notifyUser=False)


class LogBridge(logging.Handler):
    """Python's logging, shown in QGIS's log panel."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on."""
        level = next(shown for lowest, shown in _LEVELS if record.levelno >= lowest)
        log(self.format(record), level)


def connect_logging() -> LogBridge:
    """Let Aquila's loggers write to QGIS's log panel."""
    bridge = LogBridge(logging.INFO)
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.addHandler(bridge)
    return bridge


def disconnect_logging(bridge: Optional[LogBridge]) -> None:
    """Undo ``connect_logging``."""
    for name in LOGGERS:
        if bridge is not None:
            logging.getLogger(name).removeHandler(bridge)


def _show(iface: QgisInterface, sentence: str, details: str, level: Qgis.MessageLevel, seconds: int) -> None:
    _push(iface, _item(iface, sentence, details), sentence, details, level, seconds)


def _item(iface: QgisInterface, sentence: str, details: str) -> QgsMessageBarItem:
    item = iface.messageBar().createMessage(TAG, html.escape(sentence, quote=False))  # which is read as HTML
    if details:
        item.layout().addWidget(_more_button(item, sentence, details))
    return item


def _push(
    iface: QgisInterface, item: QgsMessageBarItem, sentence: str, details: str, level: Qgis.MessageLevel, seconds: int
) -> None:
    iface.messageBar().pushWidget(item, level, seconds)
    log(f"{sentence}\n{details}" if details else sentence, level)


def _more_button(parent: QObject, sentence: str, details: str) -> QPushButton:
    button = QPushButton(tr("More…"), parent)
    button.setObjectName("aquilaMoreButton")
    button.clicked.connect(lambda: _show_details(button, sentence, details))
    return button


def _show_details(parent: QPushButton, sentence: str, details: str) -> None:
    viewer = QgsMessageViewer(parent.window())
    viewer.setWindowTitle(TAG)
    viewer.setMessageAsPlainText(f"{sentence}\n\n{details}")
    viewer.showMessage(False)
