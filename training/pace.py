"""A line in the log every so many seconds."""

from __future__ import annotations

import logging
import time
from typing import Dict, List

_LOG = logging.getLogger(__name__)


class Pace:
    """Logs step, rate, time left and the mean of what was noted since the last line."""

    def __init__(self, steps: int, every: float = 30.0) -> None:
        self.steps, self.every = steps, every
        self.since, self.last_step = time.monotonic(), -1
        self.noted: Dict[str, List[float]] = {}

    def note(self, step: int, **values: float) -> None:
        """Remember values of this step (from 0); log when it is time."""
        if self.last_step < 0:
            self.last_step = step
        for name, value in values.items():
            self.noted.setdefault(name, []).append(float(value))
        elapsed = time.monotonic() - self.since
        if elapsed < self.every and step + 1 < self.steps:
            return
        rate = max(1e-9, (step - self.last_step) / elapsed)
        means = "  ".join(f"{name} {sum(found) / len(found):.4f}" for name, found in self.noted.items() if found)
        _LOG.info("step %d/%d  %.2f step/s  %.0f min left  %s",
                  step + 1, self.steps, rate, (self.steps - 1 - step) / rate / 60, means)
        self.since, self.last_step, self.noted = time.monotonic(), step, {}
