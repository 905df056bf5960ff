"""A web map service of one layer, on this machine and for tests only: it draws where on the ground each pixel lies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Dict, List, Tuple
from urllib.parse import parse_qs, urlparse

import numpy as np
from qtpy.QtCore import QBuffer, QByteArray, QIODevice
from qtpy.QtGui import QImage

WEST, SOUTH, EAST, NORTH = 500000.0, 5799000.0, 501000.0, 5800000.0
_CAPABILITIES = """<?xml version="1.0" encoding="UTF-8"?>
<WMS_Capabilities version="1.3.0" xmlns="http://www.opengis.net/wms" xmlns:xlink="http://www.w3.org/1999/xlink">
<Service><Name>WMS</Name><Title>Test</Title></Service>
<Capability><Request>
<GetCapabilities><Format>text/xml</Format>
<DCPType><HTTP><Get><OnlineResource xlink:href="{url}"/></Get></HTTP></DCPType></GetCapabilities>
<GetMap><Format>image/png</Format>
<DCPType><HTTP><Get><OnlineResource xlink:href="{url}"/></Get></HTTP></DCPType></GetMap>
</Request><Exception><Format>XML</Format></Exception>
<Layer><Title>All</Title><CRS>EPSG:32633</CRS>
<Layer queryable="0"><Name>ground</Name><Title>Ground</Title><CRS>EPSG:32633</CRS>
<EX_GeographicBoundingBox><westBoundLongitude>15</westBoundLongitude><eastBoundLongitude>15.015</eastBoundLongitude>
<southBoundLatitude>52.34</southBoundLatitude><northBoundLatitude>52.35</northBoundLatitude></EX_GeographicBoundingBox>
<BoundingBox CRS="EPSG:32633" minx="{west}" miny="{south}" maxx="{east}" maxy="{north}"/>
<Style><Name>default</Name><Title>default</Title></Style></Layer></Layer></Capability></WMS_Capabilities>"""


class MapServer(ThreadingHTTPServer):
    """Notes the sizes it is asked for; answers after ``hold`` is set, and with errors while ``is_broken``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sizes: List[Tuple[int, int]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.is_broken = False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}/wms?"

    @property
    def source(self) -> str:
        """Its layer as QGIS names it."""
        return f"contextualWMSLegend=0&crs=EPSG:32633&format=image/png&layers=ground&styles=default&url={self.url}"


@contextmanager
def serving() -> Iterator[MapServer]:
    """A running server."""
    server = MapServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.hold.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: MapServer

    def do_GET(self) -> None:
        asked = {key.lower(): values[0] for key, values in parse_qs(urlparse(self.path).query).items()}
        if asked["request"] == "GetCapabilities":
            places = {"west": WEST, "south": SOUTH, "east": EAST, "north": NORTH}
            self._answer("text/xml", _CAPABILITIES.format(url=self.server.url.replace("&", "&amp;"), **places).encode())
            return
        self.server.sizes.append((int(asked["width"]), int(asked["height"])))
        self.server.hold.wait(30)
        if self.server.is_broken:
            self.send_error(500)
        else:
            self._answer("image/png", _drawn(asked))

    def _answer(self, kind: str, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def colour_at(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What the server draws at places [n]: metres from the corner in steps of 4 as red and green, blue 9."""
    return np.stack([(x - WEST) // 4, (NORTH - y) // 4, np.full_like(x, 9)], axis=-1).astype(np.uint8)


def _drawn(asked: Dict[str, str]) -> bytes:
    x0, y0, x1, y1 = (float(part) for part in asked["bbox"].split(","))
    wide, high = int(asked["width"]), int(asked["height"])
    x = x0 + (np.arange(wide) + 0.5) * (x1 - x0) / wide
    y = y1 - (np.arange(high) + 0.5) * (y1 - y0) / high
    columns, rows = np.meshgrid(x, y)
    rgba = np.concatenate([colour_at(columns, rows), np.full((high, wide, 1), 255, np.uint8)], axis=-1)
    image = QImage(np.ascontiguousarray(rgba).tobytes(), wide, high, 4 * wide, QImage.Format.Format_RGBA8888)
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(content)
