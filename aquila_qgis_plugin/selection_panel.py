"""What the panels about the selected polygons share: the dock's choice, and the selection they follow."""

from __future__ import annotations

from typing import Optional

from qgis.gui import QgisInterface
from qtpy.QtWidgets import QWidget

from aquila_qgis_plugin.choice import CurrentChoice
from aquila_qgis_plugin.selection import SelectionFollower


class SelectionPanel(QWidget):
    """A panel about the selected polygons of the dock's layer.

    The host sets ``choice`` (the dock's state), calls ``refresh`` when the layers of it change and ``close_down`` on
    unload; the panel follows the selection by itself.
    """

    def __init__(
        self, iface: QgisInterface, parent: Optional[QWidget] = None, *, choice: Optional[CurrentChoice] = None
    ) -> None:
        super().__init__(parent)
        self._iface, self._choice = iface, choice
        self._follower = SelectionFollower(self)
        self._follower.changed.connect(self._selection_changed)

    def set_choice(self, choice: CurrentChoice) -> None:
        """Where the panel asks for layers and model."""
        self._choice = choice
        self.refresh()

    def refresh(self) -> None:
        """Look at the chosen layers and the selection anew."""
        self._follower.follow(self._choice().polygons if self._choice is not None else None)
        self._selection_changed()

    def close_down(self) -> None:
        """Leave the layers alone; panels that work in the background cancel it first."""
        self._choice = None
        self._follower.follow(None)

    def _selection_changed(self) -> None:
        """Show what is selected now."""
        raise NotImplementedError
