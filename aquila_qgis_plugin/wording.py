"""Numbers in words: how many, how long, on what."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Optional, Sequence

from aquila_qgis_plugin.environment import runtime
from aquila_qgis_plugin.translation import tr
from core_model.description import Description, Plan

# Reasons of errors may all differ; nobody reads more of them.
_MOST_STATUSES = 20


def plan_text(plan: Plan, device: str, seconds: Optional[float], *, tiles_known: bool = True) -> str:
    """What will run where: "128 polygons, 23 tiles, CPU, about 40 s"."""
    parts = [polygons_text(plan.polygons)]
    if tiles_known:
        parts.append(tr("1 tile") if plan.tiles == 1 else tr("{count} tiles").format(count=number_text(plan.tiles)))
    parts.append(device_text(device))
    if seconds is not None:
        parts.append(tr("about {time}").format(time=duration_text(seconds)))
    return ", ".join(parts)


def polygons_text(count: int) -> str:
    """How many polygons."""
    return tr("1 polygon") if count == 1 else tr("{count} polygons").format(count=number_text(count))


def progress_text(done: int, total: int, seconds_left: Optional[float]) -> str:
    """How far a run is: "12 of 128 polygons, about 30 s left"."""
    text = tr("{done} of 1 polygon") if total == 1 else tr("{done} of {total} polygons")
    text = text.format(done=number_text(done), total=number_text(total))
    if seconds_left is None or done >= total:
        return text
    return tr("{progress}, about {time} left").format(progress=text, time=duration_text(seconds_left))


def duration_text(seconds: float) -> str:
    """A duration as people say it, rounded: 40 s, 3 min, 2 h."""
    if seconds < 10:
        return tr("{count} s").format(count=max(1, round(seconds)))
    if seconds < 90:
        return tr("{count} s").format(count=5 * round(seconds / 5))
    if seconds < 90 * 60:
        return tr("{count} min").format(count=round(seconds / 60))
    return tr("{count} h").format(count=round(seconds / 3600))


def device_text(device: str) -> str:
    """The device that a setting stands for, found without loading torch."""
    if device.startswith("cuda"):
        return tr("GPU")
    if device == "cpu" or runtime.state().versions.get("torch", "").endswith("+cpu"):
        return tr("CPU")
    # A worker may be importing torch at this very moment.
    has_gpu = getattr(getattr(sys.modules.get("torch"), "cuda", None), "is_available", None)
    if has_gpu is None:
        return tr("automatic device")
    return tr("GPU") if has_gpu() else tr("CPU")


def status_counts(results: Sequence[Description]) -> str:
    """How many polygons ended in which way, the most first: "120 ok, 8 outside raster"."""
    counts = Counter(_kind(result.status) for result in results)
    return ", ".join(f"{number_text(count)} {status_text(kind)}" for kind, count in counts.most_common())


def status_text(kind: str) -> str:
    """A status in the user's language; the reason behind "error:" is as ``core_model`` says it."""
    texts = {
        "ok": tr("described"), "partly outside": tr("described in part (partly outside the raster)"),
        "outside raster": tr("outside the raster"), "no valid pixels": tr("without valid pixels"),
        "invalid geometry": tr("with an invalid geometry"), "error": tr("failed"),
    }
    known, colon, reason = kind.partition(":")
    return texts.get(known, known) + colon + reason


def run_details(results: Sequence[Description], seconds: float) -> str:
    """A run in a few lines: how long it took, with what model, and how often each status and reason came."""
    models = ", ".join(sorted({result.model for result in results if result.model}))
    lines = [tr("{polygons} in {time}, model {model}").format(
        polygons=polygons_text(len(results)), time=duration_text(seconds), model=models or "–")]
    counts = Counter(result.status for result in results).most_common(_MOST_STATUSES)
    return "\n".join(lines + [f"{number_text(count)} × {status_text(status)}" for status, count in counts])


def sentence(text: str) -> str:
    """A message of ``core_model``'s as it stands alone: with a capital letter."""
    return text[:1].upper() + text[1:]


def number_text(number: int) -> str:
    """A count with thin spaces between thousands."""
    return f"{number:,}".replace(",", "\u202f")


def _kind(status: str) -> str:
    return status.split(":", 1)[0]
