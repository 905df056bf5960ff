"""What every benchmark says beside its figures: on which machine, how busy that was, and a table."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from core_model.diagnostics import processor


def machine() -> dict[str, object]:
    """The processor, torch and what else the machine was doing: its load is that of all programs, this one too."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "torch": metadata.version("torch"),
    }


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)])


def tell(figures: object, path: Path | None = None) -> None:
    """Print the figures as a line of JSON, and write it to a file too, if there is one."""
    text = json.dumps(figures, ensure_ascii=False)
    print(text)
    if path:
        path.write_text(text + "\n", encoding="utf-8")
