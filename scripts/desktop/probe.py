"""Runs inside QGIS and writes what is on the screen, five times a second, to a file; it clicks and changes nothing.

The caller outside finds in the file where to click with the mouse, and what became of the layers.
"""

from __future__ import annotations

import json
import os
import sys
from itertools import count
from pathlib import Path
from typing import Any, Dict, List

from qgis.core import NULL, Qgis, QgsApplication, QgsMapLayer, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QPoint, QRect, QTimer
from qgis.PyQt.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QLineEdit, QMenu, QToolButton, QWidget
from qgis.utils import active_plugins, iface

STATE = Path(os.environ["AQUILA_PROBE"])
NUMBERS = count()
ERRORS: List[str] = []


def keep_error(message: str, tag: str, level: int) -> None:
    """Keep what QGIS logs of Python's errors and Aquila's."""
    if level == Qgis.MessageLevel.Critical and ("Python" in tag or tag == "Aquila"):
        ERRORS.append(message)


def _rectangle(widget: QWidget, inner: QRect) -> List[int]:
    corner = widget.mapToGlobal(QPoint(inner.x(), inner.y()))
    return [corner.x(), corner.y(), inner.width(), inner.height()]


def _text(widget: QWidget) -> str:
    if isinstance(widget, QComboBox):
        return widget.currentText()
    if isinstance(widget, (QAbstractButton, QLabel, QLineEdit)):
        return widget.text()
    for method in ("toPlainText", "windowTitle"):
        if hasattr(widget, method):
            return getattr(widget, method)()
    return ""


def _name(widget: QWidget) -> str:
    """The widget's name, or for a toolbar's button its action's."""
    if isinstance(widget, QToolButton) and widget.defaultAction() is not None:
        return widget.defaultAction().objectName() or widget.objectName()
    return widget.objectName()


def widgets() -> Dict[str, Any]:
    """Every visible widget that has a name: where it is and what it says."""
    found: Dict[str, Any] = {}
    for widget in QApplication.allWidgets():
        if widget.isVisible() and _name(widget) and not widget.visibleRegion().isEmpty():
            shown = widget.visibleRegion().boundingRect()
            found[_name(widget)] = {
                "at": _rectangle(widget, shown), "text": _text(widget), "enabled": widget.isEnabled(),
                "kind": type(widget).__name__,
            }
    return found


def menus() -> Dict[str, List[int]]:
    """The entries of the menus that are open, by their texts."""
    return {
        action.text().replace("&", ""): _rectangle(menu, menu.actionGeometry(action))
        for menu in QApplication.topLevelWidgets()
        if isinstance(menu, QMenu) and menu.isVisible()
        for action in menu.actions()
    }


def _value(value: Any) -> Any:
    return None if value in (None, NULL) else value if isinstance(value, (int, float, str)) else str(value)


def _layer(layer: QgsMapLayer) -> Dict[str, Any]:
    if not isinstance(layer, QgsVectorLayer):
        return {}
    names = layer.fields().names()
    rows = {row.id(): dict(zip(names, map(_value, row.attributes()))) for row in layer.getFeatures()}
    return {
        "rows": rows, "selected": list(layer.selectedFeatureIds()), "editing": layer.isEditable(),
        "undo": layer.undoStack().index(), "undo_text": layer.undoStack().undoText(),
    }


def state() -> Dict[str, Any]:
    """Everything the test asks for."""
    canvas = iface.mapCanvas()
    extent = canvas.extent()
    bar = iface.messageBar().currentItem()
    modal = QApplication.activeModalWidget()
    return {
        "number": next(NUMBERS), "widgets": widgets(), "menus": menus(), "plugins": list(active_plugins),
        "layers": {layer.name(): _layer(layer) for layer in QgsProject.instance().mapLayers().values()},
        "canvas": _rectangle(canvas, canvas.rect()), "drawing": canvas.isDrawing(),
        "extent": [extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()],
        "message": bar.text() if bar is not None else "",
        "modal": modal.objectName() or modal.windowTitle() if modal is not None else "",
        "errors": ERRORS, "tasks": QgsApplication.taskManager().countActiveTasks(), "torch": "torch" in sys.modules,
    }


def write() -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    part = STATE.with_suffix(".part")
    part.write_text(json.dumps(state()), encoding="utf-8")
    part.replace(STATE)


QgsApplication.messageLog().messageReceived.connect(keep_error)
if os.environ.get("AQUILA_ZIP"):
    import pyplugin_installer

    # What the button of "Install from ZIP" calls.
    pyplugin_installer.instance().installFromZipFile(os.environ["AQUILA_ZIP"])
# Kept as a property of QGIS: the names of this file are gone once it has been run.
timer = QTimer(iface.mainWindow())
timer.timeout.connect(write)
timer.start(200)
