"""A built zip, a drawn scene and a project of it, for the tests that start the real QGIS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from scripts import package
from scripts.desktop.screen import Screen, screen
from scripts.desktop.session import PLACES, PROJECT, SCENE

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PICTURES = REPOSITORY / "build" / "desktop"


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin's zip, built now."""
    return package.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture()
def project(tmp_path: Path) -> Path:
    """A QGIS project of the drawn scene and its polygons, new for every test."""
    # Not in the system's temporary folder: QGIS takes layers there for temporary ones and asks about them.
    folder = REPOSITORY / "build" / "desktop" / "project"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = {
        **os.environ, "PYTHONPATH": str(REPOSITORY), "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)}
    for arguments in (
        ["examples/make_scene.py", "--raster", folder / SCENE, "--polygons", folder / PLACES],
        ["-m", "scripts.desktop.project", folder],
    ):
        subprocess.run(
            [sys.executable, *map(str, arguments)], cwd=REPOSITORY, env=environment, check=True, capture_output=True
        )
    return folder / PROJECT


@pytest.fixture()
def shown() -> Iterator[Screen]:
    """A screen without a monitor."""
    with screen() as made:
        yield made
