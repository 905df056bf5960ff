"""What the model sees: the picture of the selected polygon, its outline, sizes, and what was written about it."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from qgis.core import NULL, QgsFeature, QgsProject, QgsRasterBlockFeedback, QgsVectorLayer
from qgis.gui import QgisInterface
from qtpy.QtCore import Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from aquila_qgis_plugin.background import BackgroundTask, Ended
from aquila_qgis_plugin.choice import Choice, CurrentChoice
from aquila_qgis_plugin.describe_task import start
from aquila_qgis_plugin.figures import area_text, gsd_text, length_text, level_text, share_text
from aquila_qgis_plugin.model_options import ModelOptions
from aquila_qgis_plugin.models import picture_size
from aquila_qgis_plugin.origin import Origin
from aquila_qgis_plugin.plain_label import plain_label
from aquila_qgis_plugin.polygons import regions
from aquila_qgis_plugin.rasters import RasterSpec, raster_problem, raster_spec
from aquila_qgis_plugin.selection import feature_name
from aquila_qgis_plugin.selection_panel import SelectionPanel
from aquila_qgis_plugin.sources import source_problem
from aquila_qgis_plugin.tile_view import TileView
from aquila_qgis_plugin.wording import status_text
from core_model.description import Description
from core_model.geo.preview import Look, look
from core_model.geo.regions import Placer, Region, Status

# One can step through this many selected polygons.
_MOST = 500
# The picture's share of the room against that of what is left empty below the text.
_MOST_ROOM = 100
# Descriptions kept for polygons that are not on show.
_REMEMBERED = 20_000


@dataclass(frozen=True)
class Seen:
    """What came of one look; ``level`` is the tile's in the pyramid, ``None`` where the polygon has none."""

    look: Look
    level: Optional[int]


@dataclass
class _Written:
    """A text about a feature of a layer; once it is ``settled`` the layer's field tells whether it still holds."""

    description: Description
    origin: Optional[Origin]
    settled: bool = False


class PreviewPanel(SelectionPanel):
    """The tile of the selected polygon with its mask outlined; torch is not needed.

    Besides what ``SelectionPanel`` says, the host calls ``show_description`` with each result of a run, and
    ``run_over`` after the last; the panel works only while it is visible.
    """

    def __init__(
        self, iface: QgisInterface, parent: Optional[QWidget] = None, *, choice: Optional[CurrentChoice] = None
    ) -> None:
        super().__init__(iface, parent, choice=choice)
        self._ids: List[int] = []
        self._at = 0
        self._feature: Optional[QgsFeature] = None
        self._task: Optional[BackgroundTask] = None
        self._looks = 0
        self._written: OrderedDict[Tuple[str, int], _Written] = OrderedDict()
        self._build()

    def show_description(self, layer_id: str, description: Description) -> None:
        """Remember what a run wrote about a feature of a layer, and show it if that feature is on show."""
        described = QgsProject.instance().mapLayer(layer_id)
        self._written[layer_id, description.id] = _Written(
            description, None if described is None else Origin.of(described))
        if len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)
        layer = self._follower.layer
        if layer is not None and layer.id() == layer_id and self._shown_id() == description.id:
            self._show_text()

    def run_over(self) -> None:
        """The layer holds the texts from now on, or was not to have them; it may be undone and edited."""
        for written in self._written.values():
            written.settled = True

    def close_down(self) -> None:
        """Cancel what runs and leave the layers alone; the plugin calls it on unload."""
        self._cancel()
        super().close_down()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Catch up with what happened while nobody looked."""
        super().showEvent(event)
        self.refresh()

    def _build(self) -> None:
        self._name = QLabel()
        self._name.setTextFormat(Qt.TextFormat.PlainText)
        self._place = QLabel()
        self._earlier = _arrow(Qt.ArrowType.LeftArrow, self.tr("Previous selected polygon"))
        self._earlier.clicked.connect(lambda: self._step(-1))
        self._later = _arrow(Qt.ArrowType.RightArrow, self.tr("Next selected polygon"))
        self._later.clicked.connect(lambda: self._step(1))
        head = QHBoxLayout()
        head.addWidget(self._name, 1)
        for widget in (self._earlier, self._place, self._later):
            head.addWidget(widget)
        self.view = TileView()
        outlined = QCheckBox(self.tr("Outline"))
        outlined.setChecked(True)
        outlined.toggled.connect(self.view.set_outlined)
        dimmed = QCheckBox(self.tr("Dim the surroundings"))
        dimmed.toggled.connect(self.view.set_dimmed)
        switches = QHBoxLayout()
        switches.addWidget(outlined)
        switches.addWidget(dimmed)
        switches.addStretch()
        self._facts = plain_label()
        self._text = plain_label()
        self._text.setObjectName("aquilaPreviewText")
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addWidget(self.view, _MOST_ROOM)
        layout.addLayout(switches)
        layout.addWidget(self._facts)
        layout.addWidget(self._text)
        layout.addStretch(1)

    def _selection_changed(self) -> None:
        if not self.isVisible():
            return
        shown = self._shown_id()
        self._ids = self._follower.ids(_MOST)
        self._at = self._ids.index(shown) if shown in self._ids else 0
        self._look()

    def _step(self, by: int) -> None:
        self._at = (self._at + by) % max(1, len(self._ids))
        self._look()

    def _shown_id(self) -> Optional[int]:
        return self._ids[self._at] if self._ids else None

    def _look(self) -> None:
        """Ask for the picture of the polygon on show; what an earlier question brings is no longer wanted."""
        self._cancel()
        choice, layer = self._choice() if self._choice is not None else None, self._follower.layer
        self._feature = self._follower.feature(self._ids[self._at]) if self._ids else None
        problem = self._problem(choice)
        self._show_head()
        if problem or choice is None or choice.raster is None or layer is None or self._feature is None:
            self.view.clear()
            self._facts.setText(problem)
            self._text.clear()
            return
        region = next(iter(regions([self._feature], layer.crs())))
        spec = raster_spec(choice.raster, as_displayed=choice.as_displayed)
        model, bands = choice.model, choice.bands
        self._facts.setText(self.tr("Reading the picture…"))
        self._show_text()
        self._task = BackgroundTask(
            self.tr("What the model sees"), lambda feedback: see(spec, region, model, bands, feedback), tag=self._looks)
        self._task.ended.connect(self._seen)
        start(self._task)

    def _cancel(self) -> None:
        self._looks += 1
        if self._task is not None:
            self._task.cancel()
        self._task = None

    def _problem(self, choice: Optional[Choice]) -> str:
        """One sentence saying why there is nothing to see, "" if there is."""
        if choice is None or choice.raster is None:
            return self.tr("Choose a raster layer in Aquila's panel.")
        if choice.polygons is None:
            return self.tr("Choose a polygon layer in Aquila's panel.")
        unreadable = source_problem(choice.polygons)
        if unreadable:
            return unreadable
        if self._feature is None:
            return self.tr("Select a polygon to see it as the model does.")
        return raster_problem(choice.raster)

    def _seen(self, ended: Ended) -> None:
        if ended.tag != self._looks:
            return
        self._task = None
        if ended.value is None:
            self.view.clear()
            self._facts.setText(ended.error or self.tr("The picture was not read: the task was cancelled."))
            return
        seen: Seen = ended.value
        self.view.show_tile(seen.look.rgb, seen.look.mask)
        self._facts.setText(self._fact_text(seen))

    def _fact_text(self, seen: Seen) -> str:
        found = seen.look
        if seen.level is None:
            return self._status_sentence(found.status)
        side = found.rgb.shape[0]
        lines = [f"{area_text(found.area_m2)} · {gsd_text(found.gsd_m)}", level_text(seen.level)]
        if math.isfinite(found.gsd_m):
            lines.append(self.tr("{side} × {side} pixels, {width} wide").format(
                side=side, width=length_text(found.gsd_m * side)))
        if found.status != Status.OK:
            lines.append(self._status_sentence(found.status))
        return "\n".join(lines)

    def _status_sentence(self, status: str) -> str:
        sentences = {
            str(Status.PARTLY_OUTSIDE): self.tr("A part of the polygon lies outside the raster."),
            str(Status.OUTSIDE): self.tr("The polygon lies outside the raster."),
            str(Status.NO_VALID_PIXELS): self.tr("The raster has no data under the polygon."),
            str(Status.INVALID): self.tr("The polygon's geometry is empty or invalid; repair it first."),
        }
        return sentences.get(status, status)

    def _show_head(self) -> None:
        layer, several = self._follower.layer, len(self._ids) > 1
        for widget in (self._earlier, self._place, self._later):
            widget.setVisible(several)
        if layer is None or self._feature is None:
            self._name.clear()
            return
        self._name.setText(feature_name(layer, self._feature))
        self._place.setText(self.tr("{at} of {count}").format(at=self._at + 1, count=len(self._ids)))

    def _show_text(self) -> None:
        layer, feature = self._follower.layer, self._feature
        if layer is None or feature is None:
            return
        field = self._target_field()
        stored = feature[field] if field and feature.fields().indexOf(field) >= 0 else None
        stored = "" if stored in (None, NULL) else str(stored)
        found = self._written.get((layer.id(), feature.id()))
        if found is not None and _holds(found, layer, stored):
            self._text.setText(description_text(found.description))
        else:
            self._text.setText(stored or self.tr("Not described yet."))

    def _target_field(self) -> str:
        targets = self._choice().targets if self._choice is not None else None
        return targets.description if targets is not None else ""


def see(
    spec: RasterSpec, region: Region, model: ModelOptions, bands: Optional[Sequence[int]],
    feedback: Optional[QgsRasterBlockFeedback] = None,
) -> Seen:
    """The region as the model sees it, in a worker thread; raises ``AquilaError`` with one sentence."""
    size = picture_size(model)
    picture = spec.open_picture(bands, feedback)
    try:
        found = look(picture, region, size)
        tile = Placer(picture.source, size).place(region).tile
    finally:
        picture.source.close()
    return Seen(found, None if tile is None else tile.level)


def _holds(found: _Written, layer: QgsVectorLayer, stored: str) -> bool:
    """Whether a text is about the feature as it is now: of the same source and, where it was stored, not changed."""
    if found.origin is None or found.origin.layer() is not layer:
        return False
    begins = stored.rstrip(".…")  # too long a text is cut and ended with dots
    text = found.description.description
    return not found.settled or (text.startswith(begins) if begins else not text)


def description_text(found: Description) -> str:
    """A description with its label and confidence in one text."""
    text = found.description or found.label or status_text(found.status)
    sure = share_text(found.confidence)
    if found.label and found.label != text:
        return f"{text}\n{found.label}, {sure}" if sure else f"{text}\n{found.label}"
    return f"{text} ({sure})" if sure else text


def _arrow(direction: Qt.ArrowType, tip: str) -> QToolButton:
    button = QToolButton()
    button.setArrowType(direction)
    button.setAutoRaise(True)
    button.setToolTip(tip)
    return button
