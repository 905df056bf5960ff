"""What stops a training run, as one sentence that says what to do."""

from __future__ import annotations

from core_model.errors import AquilaError


class TrainingError(AquilaError):
    """A run that cannot start or go on; the message says what to change."""


class RecipeError(TrainingError, ValueError):
    """A recipe that cannot be followed; the message says what to change."""
