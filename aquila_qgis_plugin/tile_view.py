"""A picture with the outline of a mask on it, as large as there is room."""

from __future__ import annotations

from typing import List, Optional

import numpy as np
from qtpy.QtCore import QLineF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QResizeEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

# A pixel belongs to the outline's inside when it is covered by half.
_INSIDE = 0.5
_HALO, _LINE, _SHADE = QColor(0, 0, 0, 170), QColor(255, 221, 51), QColor(0, 0, 0, 110)


class TileView(QWidget):
    """Shows rgb uint8 [S, S, 3] under the outline of a mask [S, S] in 0…1, with what lies outside dimmed if wished."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._shade = QImage()
        self._outline: List[QLineF] = []
        self._with_mask, self._dimmed = True, False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 120)

    def show_tile(self, rgb: np.ndarray, mask: np.ndarray) -> None:
        """Show another picture."""
        self._image = to_image(rgb)
        self._shade = _shade(mask)
        self._outline = [QLineF(*line) for line in outline(mask)]
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self._image, self._shade, self._outline = QImage(), QImage(), []
        self.update()

    def set_outlined(self, outlined: bool) -> None:
        """Whether the outline is drawn over the picture."""
        self._with_mask = outlined
        self.update()

    def set_dimmed(self, dimmed: bool) -> None:
        """Whether everything but the region is darkened."""
        self._dimmed = dimmed
        self.update()

    @property
    def image(self) -> QImage:
        """The picture alone, null when there is none."""
        return self._image

    def sizeHint(self) -> QSize:  # noqa: N802
        """As large as nano's pictures are."""
        return QSize(256, 256)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Pictures are square: height beyond the width is for others."""
        super().resizeEvent(event)
        self.setMaximumHeight(event.size().width())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Draw the picture, and the outline in two strokes so that it shows on any ground."""
        painter = QPainter(self)
        side = min(self.width(), self.height())
        frame = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        if self._image.isNull():
            painter.fillRect(frame, self.palette().color(self.palette().ColorRole.AlternateBase))
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, side < self._image.width())
        painter.drawImage(frame, self._image)
        if self._dimmed:
            painter.drawImage(frame, self._shade)
        if self._with_mask and self._outline:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.translate(frame.topLeft())
            painter.scale(side / self._image.width(), side / self._image.height())
            for colour, width in ((_HALO, 4.0), (_LINE, 2.0)):
                painter.setPen(_pen(colour, width))
                painter.drawLines(self._outline)


def to_image(rgb: np.ndarray) -> QImage:
    """An image of its own from rgb uint8 [height, width, 3]."""
    height, width = rgb.shape[:2]
    packed = np.ascontiguousarray(rgb)
    # The copy owns its pixels; numpy's go with `packed`.
    return QImage(packed.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def outline(mask: np.ndarray) -> np.ndarray:
    """Lines [n, 4] (x1, y1, x2, y2 in pixels) between those pixels of a mask [S, S] that are inside and the others.

    Pixels at the picture's edge have nothing to border on there, so a region that goes beyond stays open.
    """
    inside = mask >= _INSIDE
    if not inside.any() and (mask > 0).any():  # a region thinner than a pixel
        inside = mask > 0
    rows, columns = np.nonzero(inside[:, 1:] != inside[:, :-1])
    upright = np.stack([columns + 1, rows, columns + 1, rows + 1], axis=1)
    rows, columns = np.nonzero(inside[1:] != inside[:-1])
    level = np.stack([columns, rows + 1, columns + 1, rows + 1], axis=1)
    return np.concatenate([upright, level]).astype(float)


def _shade(mask: np.ndarray) -> QImage:
    """Black over everything outside the mask, the denser the less a pixel is covered."""
    rgba = np.zeros((*mask.shape, 4), np.uint8)
    rgba[..., 3] = ((1 - np.clip(mask, 0, 1)) * _SHADE.alpha()).astype(np.uint8)
    height, width = mask.shape
    return QImage(rgba.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()


def _pen(colour: QColor, width: float) -> QPen:
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    return pen
