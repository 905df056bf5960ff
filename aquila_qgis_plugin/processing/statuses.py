"""What became of the polygons of a run, counted for its outputs and its log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Dict, List, Tuple

from qgis.core import QgsProcessingFeedback

from aquila_qgis_plugin.translation import tr
from aquila_qgis_plugin.wording import polygons_text, status_text

_OUTPUTS = {
    "OK_COUNT": "ok", "PARTLY_OUTSIDE_COUNT": "partly outside", "OUTSIDE_COUNT": "outside raster",
    "NO_VALID_PIXELS_COUNT": "no valid pixels", "INVALID_COUNT": "invalid geometry", "ERROR_COUNT": "error",
}


def outputs() -> List[Tuple[str, str]]:
    """The numeric outputs, one for each kind of status, and what they are called."""
    return [(name, tr("Polygons {status}").format(status=status_text(kind))) for name, kind in _OUTPUTS.items()]


def counts(statuses: Sequence[str]) -> Dict[str, int]:
    """How many polygons ended how, by output; all errors count together."""
    found = Counter(status.partition(":")[0] for status in statuses)
    return {name: found[kind] for name, kind in _OUTPUTS.items()}


def report(statuses: Sequence[str], feedback: QgsProcessingFeedback) -> None:
    """Say what became of the polygons, in one line for each status."""
    for status, number in Counter(statuses).most_common():
        kind, _, reason = status.partition(":")
        text = f"{polygons_text(number)} {status_text(kind)}" + (f":{reason}" if reason else "")
        if kind in ("ok", "partly outside"):
            feedback.pushInfo(text)
        else:
            feedback.pushWarning(text)
