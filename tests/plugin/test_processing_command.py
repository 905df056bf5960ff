"""The algorithms through ``qgis_process``, QGIS's command line, in a profile that has the plugin."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List

import packaging
import pytest
import qtpy
from qgis.core import QgsVectorLayer

from tests.conftest import REPOSITORY
from tests.geo_helpers import write_layer
from tests.plugin.processing_runs import rows
from tests.plugin.scenes import square, write_scene

PLUGIN = REPOSITORY / "aquila_qgis_plugin"
# Debian's wrapper script `qgis_process` passes on options for the desktop, which the program then refuses.
PROGRAM = shutil.which("qgis_process.bin") or shutil.which("qgis_process")


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile in which the plugin is linked and enabled."""
    if PROGRAM is None:
        pytest.skip("qgis_process is absent; it comes with QGIS")
    folder = tmp_path_factory.mktemp("profile")
    linked = folder / "profiles" / "default" / "python" / "plugins" / PLUGIN.name
    linked.mkdir(parents=True)
    for entry in [*PLUGIN.iterdir(), REPOSITORY / "metadata.txt"]:
        (linked / entry.name).symlink_to(entry)
    done = _command(folder, ["plugins", "enable", PLUGIN.name], with_torch=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _command(profile: Path, words: List[str], *, with_torch: bool) -> subprocess.CompletedProcess[str]:
    packages = Path(qtpy.__file__).resolve().parent.parent
    if not with_torch:
        bare = profile / "bare"
        bare.mkdir(exist_ok=True)
        for package in (qtpy, packaging):
            found = Path(package.__file__).resolve().parent
            if not (bare / found.name).exists():
                (bare / found.name).symlink_to(found)
        packages = bare
    environment: Dict[str, str] = {
        **os.environ, "QGIS_CUSTOM_CONFIG_PATH": str(profile), "PYTHONPATH": str(packages),
        "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        [str(PROGRAM), *words], env=environment, capture_output=True, text=True, timeout=900, check=False, cwd=profile)


def _write_plots(folder: Path) -> Path:
    return write_layer(folder / "plots.gpkg", [square(150, 200, 60), square(900, 900, 10)])


def test_describing_from_the_command_line(profile: Path, tmp_path: Path) -> None:
    words = ["run", "aquila:classify_polygons", "--", f"INPUT={_write_plots(tmp_path)}",
             f"RASTER={write_scene(tmp_path)}", "LABELS=forest,water", "DEVICE=cpu", f"OUTPUT={tmp_path / 'out.gpkg'}"]
    done = _command(profile, words, with_torch=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK_COUNT:\t1" in done.stdout and "OUTSIDE_COUNT:\t1" in done.stdout
    written = rows(QgsVectorLayer(str(tmp_path / "out.gpkg"), "out"))
    assert [row["status"] for row in written] == ["ok", "outside raster"] and written[0]["label"] in ("forest", "water")


def test_without_torch_the_command_line_lists_them_and_says_what_is_missing(profile: Path, tmp_path: Path) -> None:
    listed = _command(profile, ["list"], with_torch=False)
    assert "aquila:describe_polygons" in listed.stdout, listed.stderr
    words = ["run", "aquila:describe_polygons", "--", f"INPUT={_write_plots(tmp_path)}",
             f"RASTER={write_scene(tmp_path)}", f"OUTPUT={tmp_path / 'out.gpkg'}"]
    done = _command(profile, words, with_torch=False)
    assert done.returncode != 0 and not (tmp_path / "out.gpkg").exists()
    said = done.stdout + done.stderr
    assert "Traceback" not in said and "torch" in said.lower(), said
