"""Which layer polygons were taken from, in values that outlive the layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from qgis.core import QgsProject, QgsProviderRegistry, QgsVectorLayer

from aquila_qgis_plugin.translation import tr

# What a provider calls the filter of a layer: with another one its features are still the same.
_FILTERS = ("subset", "sql")


@dataclass(frozen=True)
class Origin:
    """A layer's id, what it was called and where its features came from."""

    layer_id: str
    name: str
    source: Tuple[str, ...]

    @classmethod
    def of(cls, layer: QgsVectorLayer) -> Origin:
        """The origin of polygons that a layer has now."""
        return cls(layer.id(), layer.name(), _source(layer))

    def layer(self) -> Optional[QgsVectorLayer]:
        """The layer, to write to; ``None`` where it is gone or has another source and so other polygons by now."""
        layer = QgsProject.instance().mapLayer(self.layer_id)
        return layer if isinstance(layer, QgsVectorLayer) and _source(layer) == self.source else None

    def why_lost(self) -> str:
        """One sentence that says why there is no ``layer``."""
        if QgsProject.instance().mapLayer(self.layer_id) is None:
            return tr("The layer “{name}” is gone.").format(name=self.name)
        return tr("The layer “{name}” was given another data source.").format(name=self.name)


def _source(layer: QgsVectorLayer) -> Tuple[str, ...]:
    if layer.providerType() == "memory":  # its source changes with its fields and its filter, but never its features
        return ("memory",)
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    if not parts:  # providers that do not say what their sources are made of
        parts = {"source": layer.source()}
    return (layer.providerType(), *(f"{name}={parts[name]}" for name in sorted(parts) if name not in _FILTERS))
