"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real imagery; the test is skipped, and says so, where it is absent."""
    folder = Path(os.environ.get("AQUILA_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real imagery is absent: no folder {folder} (set AQUILA_DATA to run this test)")
    return folder
