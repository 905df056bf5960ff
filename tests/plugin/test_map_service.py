"""Pictures of a web map service: drawn by another machine, slowly, or not at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, List

import numpy as np
import pytest
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsRasterBlockFeedback,
    QgsRasterLayer,
    QgsRectangle,
)

from aquila_qgis_plugin.cancelled import CancelledError
from aquila_qgis_plugin.provider_copy import _size
from aquila_qgis_plugin.rasters import raster_problem, raster_spec
from core_model.errors import RasterError
from core_model.geo.source import Window
from tests.plugin.map_server import EAST, NORTH, SOUTH, WEST, MapServer, colour_at, serving


@pytest.fixture()
def server() -> Iterator[MapServer]:
    with serving() as found:
        yield found


@pytest.fixture()
def layer(server: MapServer) -> QgsRasterLayer:
    made = QgsRasterLayer(server.source, "service", "wms")
    assert made.isValid()
    return made


class Reading(threading.Thread):
    """Reads a picture beside the main thread and keeps what comes of it."""

    def __init__(self, layer: QgsRasterLayer, window: Window, feedback: QgsRasterBlockFeedback) -> None:
        super().__init__()
        self._spec, self._window, self._feedback = raster_spec(layer), window, feedback
        self.found: List[Any] = []

    def run(self) -> None:
        try:
            picture = self._spec.open_picture(None, self._feedback)
            self.found.append(picture.read(self._window, 256))
        except (RasterError, CancelledError) as error:
            self.found.append(error)

    def wait(self) -> Any:
        """What came of it; QGIS goes on working meanwhile."""
        self.start()
        while self.is_alive():
            QgsApplication.processEvents()
            time.sleep(0.005)
        return self.found[0]


def test_a_service_draws_what_is_asked_for(layer: QgsRasterLayer, server: MapServer) -> None:
    assert raster_problem(layer) == ""
    spec = raster_spec(layer)
    assert spec.copied is not None
    assert (spec.copied.width, spec.copied.height) == (4 * (EAST - WEST), 4 * (NORTH - SOUTH))
    rgb, valid = Reading(layer, Window(400, 800, 1024, 1024), QgsRasterBlockFeedback()).wait()
    x, y = np.meshgrid(WEST + 100.5 + np.arange(256), NORTH - 200.5 - np.arange(256))
    assert valid.all() and np.array_equal(rgb, colour_at(x, y))
    assert server.sizes == [(256, 256)]


def test_qgis_lives_while_a_service_is_slow(layer: QgsRasterLayer, server: MapServer) -> None:
    server.hold.clear()
    reading = Reading(layer, Window(400, 800, 512, 512), QgsRasterBlockFeedback())
    reading.start()
    turns = 0
    while not server.sizes or turns < 50:
        QgsApplication.processEvents()
        time.sleep(0.005)
        turns += 1
        assert turns < 4000 and reading.is_alive()
    server.hold.set()
    reading.join()
    assert reading.found[0][1].all()


def test_a_slow_read_can_be_cancelled(layer: QgsRasterLayer, server: MapServer) -> None:
    server.hold.clear()
    feedback = QgsRasterBlockFeedback()
    reading = Reading(layer, Window(400, 800, 512, 512), feedback)
    reading.start()
    while not server.sizes:
        QgsApplication.processEvents()
        time.sleep(0.005)
    feedback.cancel()
    while reading.is_alive():  # the server still holds its answer back
        QgsApplication.processEvents()
        time.sleep(0.005)
    assert isinstance(reading.found[0], CancelledError) and not server.hold.is_set()


def test_a_service_that_fails_is_not_taken_for_an_empty_place(layer: QgsRasterLayer, server: MapServer) -> None:
    server.is_broken = True
    error = Reading(layer, Window(400, 800, 512, 512), QgsRasterBlockFeedback()).wait()
    assert isinstance(error, RasterError) and str(error).startswith("service sent no picture of this place")


def test_grids_of_services_without_pixels_are_fine_in_any_unit() -> None:
    class Service:
        """A provider that knows its extent only."""

        def __init__(self, crs: str, width: float) -> None:
            self._crs, self._width = QgsCoordinateReferenceSystem(crs), width

        def crs(self) -> QgsCoordinateReferenceSystem:
            return self._crs

        def extent(self) -> QgsRectangle:
            return QgsRectangle(0, 0, self._width, self._width / 2)

        def xSize(self) -> int:  # noqa: N802
            return 0

        ySize = xSize  # noqa: N815

        def nativeResolutions(self) -> List[float]:  # noqa: N802
            return []

    assert _size(Service("EPSG:32633", 1000)) == (4000, 2000)
    degrees = _size(Service("EPSG:4326", 0.01))
    assert degrees[0] == pytest.approx(1113 * 4, rel=1e-3) and degrees[1] == pytest.approx(degrees[0] / 2, abs=1)
    assert _size(Service("EPSG:2263", 1000))[0] == pytest.approx(1000 * 0.3048 * 4, rel=1e-3)
