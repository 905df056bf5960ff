"""The zip in a clean profile: QGIS loads it with no torch on the machine, says what is missing, and works with it."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

# Runs in QGIS's own Python, with the plugin as QGIS's plugin manager finds it.
LOAD = """
import sys
from qgis.core import QgsApplication
application = QgsApplication([], True)
application.initQgis()
import qgis.utils
qgis.utils.plugin_paths = [sys.argv[1]]
sys.path.insert(0, sys.argv[1])
qgis.utils.updateAvailablePlugins()
assert "aquila_qgis_plugin" in qgis.utils.available_plugins
assert qgis.utils.loadPlugin("aquila_qgis_plugin")
plugin = sys.modules["aquila_qgis_plugin"].classFactory(None)
plugin.initProcessing()
import aquila_qgis_plugin, core_model, qtpy
print("MODULES", aquila_qgis_plugin.__file__, core_model.__file__, qtpy.__file__)
print("HEAVY", sorted({"torch", "transformers", "open_clip", "timm"} & set(sys.modules)))
provider = QgsApplication.processingRegistry().providerById("aquila")
print("ALGORITHMS", sorted(algorithm.id() for algorithm in provider.algorithms()))
plugin.unload()
assert QgsApplication.processingRegistry().providerById("aquila") is None
"""


PROFILE = Path(".local", "share", "QGIS", "QGIS3", "profiles", "default")


@pytest.fixture()
def home(archive: Path, tmp_path: Path) -> Path:
    """A home folder with a clean profile: the unpacked zip in it, and switched on."""
    plugins = tmp_path / PROFILE / "python" / "plugins"
    plugins.mkdir(parents=True)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(plugins)
    _settings(tmp_path, "[PythonPlugins]\naquila_qgis_plugin=true\n")
    return tmp_path


def _settings(home: Path, text: str) -> None:
    file = home / PROFILE / "QGIS" / "QGIS3.ini"
    file.parent.mkdir(exist_ok=True)
    with file.open("a", encoding="utf-8") as settings:
        settings.write(text)


def _run(home: Path, *command: object) -> subprocess.CompletedProcess[str]:
    """As it is for a user: nothing of the repository or of its virtual environment is on Python's path."""
    environment = {
        "HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        list(map(str, command)), env=environment, cwd=home, capture_output=True, text=True, check=False
    )


def _describe(home: Path, project: Path) -> subprocess.CompletedProcess[str]:
    # Debian's wrapper of this name hands it an option for the desktop, which it refuses.
    process = shutil.which("qgis_process.bin") or "qgis_process"
    folder = project.parent
    given = {"INPUT": folder / "places.gpkg", "RASTER": folder / "scene.tif", "OUTPUT": home / "described.gpkg"}
    return _run(
        home, process, "run", "aquila:describe_polygons", "--", *(f"{name}={path}" for name, path in given.items())
    )


def test_it_loads_where_there_is_no_torch(home: Path) -> None:
    python = _run(home, "/usr/bin/python3", "-c", LOAD, home / PROFILE / "python" / "plugins")
    assert python.returncode == 0, python.stderr
    lines = dict(line.split(" ", 1) for line in python.stdout.splitlines() if line.split(" ", 1)[0].isupper())
    assert all(str(home) in path for path in lines["MODULES"].split()[:2])
    assert lines["HEAVY"] == "[]"
    assert "aquila:describe_polygons" in lines["ALGORITHMS"] and lines["ALGORITHMS"].count("aquila:") >= 5
    assert "Traceback" not in python.stderr


def test_without_torch_an_algorithm_says_in_one_sentence_what_is_missing(home: Path, project: Path) -> None:
    done = _describe(home, project)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "PyTorch" in said
    assert "Traceback" not in said and not (home / "described.gpkg").exists()


def test_with_torch_in_a_folder_the_user_points_to_it_describes(home: Path, project: Path) -> None:
    _settings(home, f'\n[aquila]\nruntime_folder="\\"{sys.prefix}\\""\n')
    done = _describe(home, project)
    assert done.returncode == 0, done.stdout + done.stderr
    with closing(sqlite3.connect(home / "described.gpkg")) as written:
        texts = [text for (text,) in written.execute("SELECT description FROM described")]
    assert len(texts) == 14 and all(len(text) > 10 for text in texts)
