"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
# These start QGIS, so they run in a process of their own: `make test` runs all three.
collect_ignore = ["plugin", "desktop"]


def pytest_report_header(config: pytest.Config) -> str:
    """Say what a run of the whole folder leaves out."""
    return "tests/plugin and tests/desktop run only when named; make test runs everything"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real imagery; the test is skipped, and says so, where it is absent."""
    folder = Path(os.environ.get("AQUILA_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real imagery is absent: no folder {folder} (set AQUILA_DATA to run this test)")
    return folder
