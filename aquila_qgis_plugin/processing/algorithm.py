"""What all of Aquila's algorithms share: who they are, what they can do without, how they fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Mapping, Tuple

from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProcessingFeedback, QgsRasterBlockFeedback
from qtpy.QtCore import QCoreApplication, Qt, QThread
from qtpy.QtGui import QIcon

from aquila_qgis_plugin import models
from aquila_qgis_plugin.environment import runtime
from aquila_qgis_plugin.processing import parameters as common
from aquila_qgis_plugin.translation import tr
from aquila_qgis_plugin.wording import sentence
from core_model.errors import AquilaError

if TYPE_CHECKING:
    from core_model.describer import Describer
    from core_model.geo.raster import Picture

_ICONS = Path(__file__).resolve().parent.parent / "icons"
# What a model, a raster or a full memory can answer with; anything else is a fault of ours and keeps its traceback.
EXPECTED = (AquilaError, runtime.RuntimeUnavailable, RuntimeError, OSError, MemoryError)


def icon_path(name: str) -> str:
    """The file of an icon."""
    return str(_ICONS / f"{name}.svg")


class AquilaAlgorithm:
    """Put before a ``QgsProcessingAlgorithm`` in an algorithm's bases; ``ICON`` is needed where it is not ``NAME``."""

    NAME = ""
    ICON = ""

    def name(self) -> str:
        """The name in ``aquila:…``."""
        return self.NAME

    def group(self) -> str:
        """The name of the group in the toolbox."""
        return tr("Polygons over imagery")

    def groupId(self) -> str:  # noqa: N802 (QGIS's name)
        """The group's own name."""
        return "polygons"

    def icon(self) -> QIcon:
        """The picture in the toolbox."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:  # noqa: N802 (QGIS's name)
        """The picture's file."""
        return icon_path(self.ICON or self.NAME)

    def createInstance(self) -> Any:  # noqa: N802 (QGIS's name)
        """Another one of the same kind: QGIS runs each in an instance of its own."""
        return type(self)()

    def canExecute(self) -> Tuple[bool, str]:  # noqa: N802 (QGIS's name)
        """Whether the model can run here, and what is missing."""
        state = runtime.state()
        return state.usable, "" if state.usable else state.reason

    def checkParameterValues(  # noqa: N802 (QGIS's name)
        self, parameters: Mapping[str, Any], context: QgsProcessingContext
    ) -> Tuple[bool, str]:
        """Whether a run can start, and one sentence that says why not."""
        usable, message = super().checkParameterValues(parameters, context)  # type: ignore[misc]
        if not usable:
            return False, message
        sentence = self._obstacle(parameters, context)
        return not sentence, sentence

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str:
        """One sentence that says what is wrong with the values given, "" if nothing is."""
        return common.raster_problem(self, parameters, context) or common.model_problem(self, parameters, context)

    def check_all(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        """For runs that nobody checked before, as those of a model's steps: raises with the sentence."""
        sentence = self._obstacle(parameters, context)
        if sentence:
            raise QgsProcessingException(sentence)

    def _obstacle(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str:
        usable, missing = self.canExecute()
        return self.problem(parameters, context) if usable else missing


@contextmanager
def looking(setup: common.Setup, feedback: QgsProcessingFeedback) -> Iterator[Tuple[Describer, Picture]]:
    """The model, for this run alone, and the raster; what fails inside becomes a ``QgsProcessingException``.

    :raises CancelledError: if the run is cancelled while another one has the model, or while a slow raster is read.
    """
    try:
        with models.use_lock(lambda: _is_waiting_cancelled(feedback)):
            feedback.pushInfo(tr("Loading the model {name}…").format(name=setup.model.model))
            describer = models.describer(setup.model)
            reading = QgsRasterBlockFeedback()
            feedback.canceled.connect(reading.cancel, Qt.ConnectionType.DirectConnection)
            picture = setup.raster.open_picture(setup.bands, reading)
            try:
                yield describer, picture
            finally:
                picture.source.close()
    except EXPECTED as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise QgsProcessingException(sentence(text)) from error


def progress(feedback: QgsProcessingFeedback) -> Callable[[int, int], None]:
    """Tells how much of all is done."""
    return lambda done, total: feedback.setProgress(100.0 * done / total if total else 100.0)


def _is_waiting_cancelled(feedback: QgsProcessingFeedback) -> bool:
    """Whether the user cancelled while another run has the model."""
    application = QCoreApplication.instance()
    # In place QGIS runs algorithms on the main thread, where nobody could press Cancel before there is progress.
    if application is not None and QThread.currentThread() == application.thread():
        application.processEvents()
    return bool(feedback.isCanceled())
