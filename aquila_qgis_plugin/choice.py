"""What the user has chosen to run, as plain values that the dock hands to the map tools and panels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Optional, Tuple

from qgis.core import QgsRasterLayer, QgsVectorLayer

if TYPE_CHECKING:
    from aquila_qgis_plugin.model_options import ModelOptions
    from aquila_qgis_plugin.results import Targets


@dataclass(frozen=True)
class Choice:
    """Layers, model and wording of the next run; layers are ``None`` where none is chosen."""

    raster: Optional[QgsRasterLayer]
    polygons: Optional[QgsVectorLayer]
    model: ModelOptions
    style: Optional[str] = "description"
    prompt: Optional[str] = None
    labels: Optional[Tuple[str, ...]] = None
    bands: Optional[Tuple[int, ...]] = None
    as_displayed: bool = False
    targets: Optional[Targets] = None


CurrentChoice = Callable[[], Choice]
