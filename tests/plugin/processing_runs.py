"""Running Aquila's algorithms as QGIS does, and listening to what they say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, Dict, List, Optional

from qgis.core import (
    QgsApplication,
    QgsFeature,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from core_model.checkpoint import load_model
from core_model.describer import Describer
from tests.plugin.scenes import squares

COUNTS = (
    "OK_COUNT", "PARTLY_OUTSIDE_COUNT", "OUTSIDE_COUNT", "NO_VALID_PIXELS_COUNT", "INVALID_COUNT", "ERROR_COUNT",
)


class Heard(QgsProcessingFeedback):
    """Keeps what a run says; cancels it once ``cancel_when`` holds for its progress."""

    def __init__(self, cancel_when: Optional[Callable[[float], bool]] = None) -> None:
        super().__init__(False)
        self.said: List[str] = []
        self.warnings: List[str] = []
        self.errors: List[str] = []
        self.steps: List[float] = []
        self._cancel_when = cancel_when
        self.progressChanged.connect(self._step)

    def pushInfo(self, info: str) -> None:  # noqa: N802
        self.said.append(info)

    def pushWarning(self, warning: str) -> None:  # noqa: N802
        self.warnings.append(warning)

    def reportError(self, error: str, fatalError: bool = False) -> None:  # noqa: ARG002, N802, N803
        self.errors.append(error)

    def _step(self, progress: float) -> None:
        self.steps.append(progress)
        if self._cancel_when is not None and self._cancel_when(progress):
            self.cancel()


@contextmanager
def registered_provider() -> Iterator[Any]:
    """Aquila's provider in QGIS's registry, for as long as it is needed."""
    from aquila_qgis_plugin.processing.provider import AquilaProvider

    registry = QgsApplication.processingRegistry()
    provider = AquilaProvider()
    assert registry.addProvider(provider)
    yield provider
    registry.removeProvider(provider)


def run(name: str, values: Dict[str, Any], feedback: Optional[QgsProcessingFeedback] = None) -> Dict[str, Any]:
    """``processing.run`` on the CPU; raises what it raises."""
    import processing

    given = {"DEVICE": "cpu", "OUTPUT": "TEMPORARY_OUTPUT", **values}
    found: Dict[str, Any] = processing.run(f"aquila:{name}", given, feedback=feedback or Heard())
    return found


def problem(name: str, values: Dict[str, Any]) -> str:
    """The sentence with which QGIS refuses to run an algorithm, "" if it does not."""
    algorithm = algorithm_of(name)
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    usable, sentence = algorithm.checkParameterValues(
        {"DEVICE": "cpu", "OUTPUT": "TEMPORARY_OUTPUT", **values}, context)
    assert usable == (not sentence)
    return str(sentence)


def algorithm_of(name: str, *, in_place: bool = False) -> QgsProcessingAlgorithm:
    """A new instance of an algorithm, in place as the toolbox makes it for editing in place."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(
        f"aquila:{name}", {"IN_PLACE": True} if in_place else {})
    assert algorithm is not None
    return algorithm


def edit_in_place(
    name: str, layer: QgsVectorLayer, values: Dict[str, Any], feedback: Optional[QgsProcessingFeedback] = None
) -> bool:
    """Run an algorithm on a layer's selected features as QGIS's "Edit in place" does."""
    from processing.gui.AlgorithmExecutor import execute_in_place

    QgsProject.instance().addMapLayer(layer, False)
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    feedback = feedback or Heard()
    context.setFeedback(feedback)
    given = {"DEVICE": "cpu", "INPUT": layer, **values}
    worked, _ = execute_in_place(algorithm_of(name, in_place=True), given, context, feedback)
    return bool(worked)


def rows(layer: QgsVectorLayer) -> List[Dict[str, Any]]:
    """The attributes of a layer's features, in their order."""
    names = layer.fields().names()
    features: List[QgsFeature] = sorted(layer.getFeatures(), key=lambda feature: feature.id())
    return [dict(zip(names, feature.attributes())) for feature in features]


def texts_of(model: str, raster: QgsRasterLayer, **wording: Any) -> List[str]:
    """What the façade itself says of the squares."""
    describer = Describer(load_model(model, device="cpu"))
    found = sorted(describer.describe(raster.source(), squares(), **wording), key=lambda each: each.id)
    return [each.description for each in found]
