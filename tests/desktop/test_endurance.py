"""A long session: nothing grows and no task stays behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.desktop.conftest import REPOSITORY

RUNS = 200
MEGABYTE = 1_000_000


def test_two_hundred_runs_leave_nothing_behind(tmp_path: Path) -> None:
    environment = {
        **os.environ, "PYTHONPATH": str(REPOSITORY), "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "tests/desktop/endurance.py", str(RUNS)], cwd=REPOSITORY, env=environment,
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    left = json.loads(done.stdout.splitlines()[-1])
    assert left["tasks"] == 0 and left["alive"] == 0
    notes = left["notes"]
    # The allocator settles in the first third; then twenty runs must cost nothing that stays.
    settled, last = notes[len(notes) // 3], notes[-1]
    assert last["bytes"] - settled["bytes"] < 20 * MEGABYTE, [note["bytes"] // MEGABYTE for note in notes]
    assert last["threads"] <= settled["threads"], [note["threads"] for note in notes]
    assert last["python_threads"] <= settled["python_threads"]
