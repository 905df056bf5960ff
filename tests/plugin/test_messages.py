"""Messages: one sentence on the bar, more behind a button, and everything in the log."""

from __future__ import annotations

import logging
from typing import Iterator, List, Tuple

import pytest
from qgis.core import Qgis, QgsApplication
from qgis.gui import QgsMessageBarItem, QgsMessageViewer
from qtpy.QtGui import QTextDocument
from qtpy.QtWidgets import QApplication, QPushButton, QTextBrowser

from aquila_qgis_plugin import messages
from tests.plugin.interface import Interface


@pytest.fixture()
def logged(qgis_app: object) -> Iterator[List[Tuple[str, int]]]:
    """What is written to the log under "Aquila"."""
    found: List[Tuple[str, int]] = []

    def note(text: str, tag: str, level: int) -> None:
        if tag == "Aquila":
            found.append((text, level))

    QgsApplication.messageLog().messageReceived.connect(note)
    yield found
    QgsApplication.messageLog().messageReceived.disconnect(note)


@pytest.mark.parametrize(("tell", "level", "seconds"), [
    (messages.inform, Qgis.MessageLevel.Success, 8),
    (messages.warn, Qgis.MessageLevel.Warning, 0),
    (messages.fail, Qgis.MessageLevel.Critical, 0),
])
def test_a_sentence_is_shown_and_logged(
    iface: Interface, logged: List[Tuple[str, int]], tell: object, level: int, seconds: int
) -> None:
    tell(iface, "Something happened.")
    item = iface.messageBar().currentItem()
    assert (item.text(), item.level(), item.duration()) == ("Something happened.", level, seconds)
    assert logged == [("Something happened.", level)]


def test_a_sentence_is_no_markup(iface: Interface) -> None:
    """QGIS's message bar reads HTML, in which "<new>" is nothing to see."""
    messages.inform(iface, "The layer “<new>” is gone: 1 < 2 & 3.")
    shown = QTextDocument()
    shown.setHtml(iface.messageBar().currentItem().text())
    assert shown.toPlainText() == "The layer “<new>” is gone: 1 < 2 & 3."


def test_details_wait_behind_a_button(iface: Interface, logged: List[Tuple[str, int]]) -> None:
    messages.fail(iface, "It failed.", "Traceback: deep inside")
    button = iface.messageBar().currentItem().findChild(QPushButton, "aquilaMoreButton")
    assert button.text() == "More…"
    button.click()
    viewer = iface.mainWindow().findChild(QgsMessageViewer)
    assert viewer.isVisible()
    assert viewer.findChild(QTextBrowser).toPlainText() == "It failed.\n\nTraceback: deep inside"
    viewer.close()
    assert "deep inside" in logged[0][0]


def test_without_details_there_is_no_button(iface: Interface) -> None:
    messages.inform(iface, "All went well.")
    assert iface.messageBar().currentItem().findChild(QPushButton, "aquilaMoreButton") is None


def test_an_offer_acts_once_and_goes_away(iface: Interface) -> None:
    acted: List[bool] = []
    messages.offer(iface, "The layer is gone.", "Add as layer", lambda: acted.append(True))
    item = iface.messageBar().currentItem()
    assert isinstance(item, QgsMessageBarItem)
    item.findChild(QPushButton, "aquilaMendButton").click()
    QApplication.processEvents()
    assert acted == [True]
    assert iface.messageBar().currentItem() is None


def test_pythons_log_reaches_qgis_and_stops_when_disconnected(logged: List[Tuple[str, int]]) -> None:
    bridge = messages.connect_logging()
    logging.getLogger("core_model.describer").warning("a tile of %s cannot be read", "x.tif")
    logging.getLogger("aquila_qgis_plugin").info("ready")
    messages.disconnect_logging(bridge)
    logging.getLogger("core_model").error("unheard")
    assert logged == [
        ("a tile of x.tif cannot be read", Qgis.MessageLevel.Warning), ("ready", Qgis.MessageLevel.Info),
    ]
