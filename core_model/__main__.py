"""``python -m core_model``: see ``core_model.cli``."""

from __future__ import annotations

from core_model.cli import app

app(prog_name="python -m core_model")
