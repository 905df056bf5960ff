"""A chat about the selected polygons."""

from __future__ import annotations

from typing import List, Optional

from qgis.core import QgsFeature
from qgis.gui import QgisInterface
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aquila_qgis_plugin import messages, settings
from aquila_qgis_plugin.ask_input import QuestionLine
from aquila_qgis_plugin.choice import Choice, CurrentChoice
from aquila_qgis_plugin.describe_task import AskTask, DescribeRequest, Outcome, start
from aquila_qgis_plugin.double_click import FirstClick
from aquila_qgis_plugin.environment import dialog, runtime
from aquila_qgis_plugin.exchange import Exchange, Question
from aquila_qgis_plugin.map_marks import MapMarks
from aquila_qgis_plugin.origin import Origin
from aquila_qgis_plugin.plain_label import plain_label
from aquila_qgis_plugin.polygons import regions
from aquila_qgis_plugin.rasters import raster_problem, raster_spec
from aquila_qgis_plugin.results import Targets
from aquila_qgis_plugin.selection import feature_name
from aquila_qgis_plugin.selection_panel import SelectionPanel
from aquila_qgis_plugin.sources import source_problem
from aquila_qgis_plugin.store_dialog import StoreDialog
from aquila_qgis_plugin.storing import layer_of, store
from aquila_qgis_plugin.wording import polygons_text, sentence
from core_model.description import Description
from core_model.errors import PromptError
from core_model.geo.regions import Status
from core_model.prompts import check_prompt

# All regions of a question share one picture and one line of tokens; more than these and nothing is left to see.
MOST_REGIONS = 8
_NAMES_IN_A_ROW = 4


class AskPanel(SelectionPanel):
    """Questions about the selected polygons, several in one question, and the answers of this session.

    See ``SelectionPanel`` for what the host does.
    """

    def __init__(
        self, iface: QgisInterface, parent: Optional[QWidget] = None, *, choice: Optional[CurrentChoice] = None
    ) -> None:
        super().__init__(iface, parent, choice=choice)
        self._marks = MapMarks(iface.mapCanvas())
        self._features: List[QgsFeature] = []
        self._exchanges: List[Exchange] = []
        self._task: Optional[AskTask] = None
        self._first_click = FirstClick()
        iface.mapCanvas().destinationCrsChanged.connect(self._selection_changed)
        self._build()
        self._show_state()

    def close_down(self) -> None:
        """Cancel what runs and leave the layers alone; the plugin calls it on unload."""
        if self._task is not None:
            self._task.ended.disconnect(self._ended)
            self._task.cancel()
        self._task = None
        self._iface.mapCanvas().destinationCrsChanged.disconnect(self._selection_changed)
        super().close_down()
        self._marks.clear()

    def ask(self, text: str) -> None:
        """Ask about the selected polygons, as the button does."""
        question = text.strip()
        choice = self._choice() if self._choice is not None else None
        layer = self._follower.layer
        if choice is None or layer is None or self._task is not None or self._problem(choice):
            return
        try:
            check_prompt(question, len(self._features))
            request = DescribeRequest(
                raster=raster_spec(choice.raster, as_displayed=choice.as_displayed),
                regions=list(regions(self._features, layer.crs())), model=choice.model, bands=choice.bands)
        except PromptError as error:
            self._hint.setText(sentence(str(error)))
            return
        found = runtime.state()
        if not found.usable and not dialog.offer_setup(self._iface.mainWindow()):
            self._hint.setText(found.reason)
            return
        self._line.remember(question)
        self._add(Question(question, Origin.of(layer), tuple(request.regions)))
        self._task = AskTask(request, question)
        self._task.ended.connect(self._ended)
        self._first_click.made()
        start(self._task)
        self._show_state()

    def forget(self) -> None:
        """Empty the history of answers; one that is on its way stays."""
        kept = self._exchanges[-1:] if self._task is not None else []
        for exchange in self._exchanges[: len(self._exchanges) - len(kept)]:
            exchange.setParent(None)
            exchange.deleteLater()
        self._exchanges = kept

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Catch up with the selection."""
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """The numbers on the map belong to the panel."""
        super().hideEvent(event)
        self._marks.clear()

    def _build(self) -> None:
        self._head = plain_label()
        self._names = QGridLayout()
        self._names.setSpacing(2)
        self._names.setColumnStretch(_NAMES_IN_A_ROW, 1)
        self._history = QVBoxLayout()
        self._history.setContentsMargins(0, 0, 0, 0)
        self._history.addStretch()
        inside = QWidget()
        inside.setLayout(self._history)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(inside)
        self._line = QuestionLine()
        self._line.setObjectName("aquilaQuestion")
        self._line.returnPressed.connect(lambda: self.ask(self._line.text()))
        self._line.textChanged.connect(lambda _: self._show_state())
        self._button = QPushButton(self.tr("Ask"))
        self._button.setObjectName("aquilaAsk")
        self._button.clicked.connect(self._ask_or_cancel)
        self._hint = plain_label()
        row = QHBoxLayout()
        for widget in (self._line, self._button, self._menu_button()):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.addWidget(self._head)
        layout.addLayout(self._names)
        layout.addWidget(self._scroll, 1)
        layout.addWidget(self._hint)
        layout.addLayout(row)

    def _menu_button(self) -> QToolButton:
        button = QToolButton()
        button.setText("⋯")
        button.setToolTip(self.tr("Questions to start with, and the history"))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.aboutToShow.connect(lambda: self._fill_menu(menu))
        button.setMenu(menu)
        return button

    def _fill_menu(self, menu: QMenu) -> None:
        menu.clear()
        for text in self._suggestions():
            menu.addAction(text, lambda text=text: self._line.setText(text))
        for name, prompt in settings.load().prompts:
            menu.addAction(name, lambda prompt=prompt: self._line.setText(prompt))
        menu.addSeparator()
        menu.addAction(self.tr("Clear the history"), self.forget)

    def _suggestions(self) -> List[str]:
        if len(self._features) > 1:
            return [
                self.tr("How do <region1> and <region2> differ?"),
                self.tr("Are <region1> and <region2> of the same kind?"),
                self.tr("How can <region1> be told from <region2>?"),
                self.tr("Which is larger, <region1> or <region2>?"),
            ]
        return [
            self.tr("What is <region>?"), self.tr("What surrounds <region>?"),
            self.tr("What colour and texture has <region>?"), self.tr("Which kinds of land cover are in <region>?"),
            self.tr("Is there water in <region>?"),
        ]

    def _selection_changed(self) -> None:
        if not self.isVisible():
            return
        self._features = self._follower.features(MOST_REGIONS)
        self._show_names()
        self._show_state()

    def _show_names(self) -> None:
        """A button for each region's name, and its number on the map, where there are several."""
        while self._names.count():
            widget = self._names.takeAt(0).widget()
            widget.setParent(None)
            widget.deleteLater()
        self._marks.clear()
        layer = self._follower.layer
        if layer is None or not 1 < self._follower.count() <= MOST_REGIONS:
            return
        self._marks.number(layer, self._features)
        for count, feature in enumerate(self._features):
            name = f"<region{count + 1}>"
            button = QToolButton()
            button.setText(name)
            button.setToolTip(self.tr("Put {name} into the question: {feature}").format(
                name=name, feature=feature_name(layer, feature)))
            button.clicked.connect(lambda _=False, name=name: self._line.insert_name(name))
            self._names.addWidget(button, count // _NAMES_IN_A_ROW, count % _NAMES_IN_A_ROW)

    def _problem(self, choice: Optional[Choice]) -> str:
        """One sentence saying why nothing can be asked now, "" if it can."""
        if choice is None or choice.raster is None:
            return self.tr("Choose a raster layer in Aquila's panel.")
        if choice.polygons is None:
            return self.tr("Choose a polygon layer in Aquila's panel.")
        unreadable = source_problem(choice.polygons)
        if unreadable:
            return unreadable
        count = self._follower.count()
        if not count:
            return self.tr("Select one polygon or a few to ask about them.")
        if count > MOST_REGIONS:
            return self.tr("{count} polygons are selected; select at most {most} to ask about them together.").format(
                count=count, most=MOST_REGIONS)
        return raster_problem(choice.raster)

    def _show_state(self) -> None:
        choice = self._choice() if self._choice is not None else None
        problem = self._problem(choice)
        running = self._task is not None
        if problem or choice is None or choice.raster is None or choice.polygons is None:
            self._head.setText(problem)
        else:
            self._head.setText(self.tr("{polygons} of “{layer}” over “{raster}”").format(
                polygons=polygons_text(self._follower.count()), layer=choice.polygons.name(),
                raster=choice.raster.name()))
        self._hint.clear()
        self._line.setEnabled(not problem)
        self._line.setPlaceholderText(self._suggestions()[0])
        self._button.setText(self.tr("Cancel") if running else self.tr("Ask"))
        self._button.setEnabled(running or bool(not problem and self._line.text().strip()))

    def _ask_or_cancel(self) -> None:
        if self._task is None:
            self.ask(self._line.text())
        elif not self._first_click.is_fresh():
            self._task.cancel()

    def _add(self, question: Question) -> None:
        about = self.tr("{polygons} of “{layer}”").format(
            polygons=polygons_text(len(question.feature_ids)), layer=question.origin.name)
        exchange = Exchange(question, about)
        exchange.store_wanted.connect(self._store)
        exchange.show_wanted.connect(self._select)
        self._exchanges.append(exchange)
        self._history.addWidget(exchange)
        self._to_the_end()

    def _ended(self, outcome: Outcome) -> None:
        self._task = None
        exchange = self._exchanges[-1]
        if outcome.answer is not None:
            exchange.show_answer(outcome.answer)
        else:
            exchange.show_problem(outcome.error or self.tr("Cancelled."))
            if outcome.error:
                messages.log(f"{outcome.error}\n{outcome.details}")
        self._to_the_end()
        self._show_state()

    def _to_the_end(self) -> None:
        """Show the last exchange, once the layout has given it its height."""
        bar = self._scroll.verticalScrollBar()
        QTimer.singleShot(0, lambda: bar.setValue(bar.maximum()))

    def _store(self, exchange: Exchange) -> None:
        """Ask for the field, and write the answer to the polygons it is about."""
        layer = layer_of(self._iface, exchange.question.origin)
        if layer is None:
            return
        chooser = StoreDialog(layer, len(exchange.question.feature_ids), self)
        chooser.chosen.connect(lambda name: self._write(exchange, name))
        chooser.open()

    def _write(self, exchange: Exchange, field: str) -> None:
        question = exchange.question
        results = [Description(id, str(Status.OK), exchange.answer) for id in question.feature_ids]
        store(self._iface, question.origin, results, Targets(description=field), question.regions)

    def _select(self, exchange: Exchange) -> None:
        layer = exchange.question.origin.layer()
        if layer is not None:
            layer.selectByIds(list(exchange.question.feature_ids))
            self._iface.mapCanvas().panToSelected(layer)
