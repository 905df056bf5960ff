"""How a model is loaded and run; apart from the model itself, since settings know it and load with QGIS."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelOptions:
    """Which model to use and how: a built-in model's name or a folder, device, number format, regions per batch."""

    model: str = "nano"
    device: str = "auto"
    dtype: str = "auto"
    batch_size: int = 32
