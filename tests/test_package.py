"""The plugin's zip: what is in it, what must not be, and that the plugin repository's checks find nothing."""

from __future__ import annotations

import ast
import configparser
import io
import re
import shutil
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts import gate, package

REPOSITORY = Path(__file__).resolve().parent.parent
TOP = "aquila_qgis_plugin/"

pytestmark = pytest.mark.skipif(
    shutil.which("lrelease") is None, reason="the zip needs Qt's lrelease: make setup-qgis installs it"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def names(built: Path) -> list[str]:
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def _metadata() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(REPOSITORY / "metadata.txt", encoding="utf-8")
    return parser["general"]


def test_one_top_folder_with_all_that_belongs_in_it(names: list[str]) -> None:
    assert {name.split("/")[0] for name in names} == {"aquila_qgis_plugin"}
    for wanted in (
        "__init__.py", "metadata.txt", "LICENSE", "icons/aquila.svg", "bundled/core_model/__init__.py",
        "bundled/core_model/models/nano/model.safetensors", "bundled/core_model/models/nano/config.json",
        "bundled/core_model/models/nano/README.md", "bundled/qtpy/__init__.py", "bundled/qtpy/LICENSE.qtpy.txt",
        "bundled/qtpy/LICENSE.packaging.BSD.txt", "bundled/qtpy/README.md",
    ):
        assert TOP + wanted in names


def test_nothing_compiled_hidden_or_of_the_development_is_in_it(names: list[str]) -> None:
    unwanted = re.compile(r"\.(pyc|pyo|so|pyd|dll|exe|ts)$|__pycache__|(^|/)\.|/tests?/|/training/")
    assert [name for name in names if unwanted.search(name)] == []
    assert len(names) == len(set(names))


def test_every_module_of_the_repository_ships(names: list[str]) -> None:
    for path in (REPOSITORY / "aquila_qgis_plugin").rglob("*.py"):
        assert TOP + path.relative_to(REPOSITORY / "aquila_qgis_plugin").as_posix() in names
    for path in (REPOSITORY / "core_model").rglob("*.py"):
        assert TOP + "bundled/" + path.relative_to(REPOSITORY).as_posix() in names


def test_it_is_small_enough_and_built_the_same_twice(built: Path, tmp_path: Path) -> None:
    assert built.stat().st_size < 25_000_000
    assert built.name == f"aquila_qgis_plugin-{_metadata()['version']}.zip"
    assert package.build(tmp_path).read_bytes() == built.read_bytes()


def test_the_metadata_is_complete() -> None:
    stated = _metadata()
    for key in (
        "name", "description", "about", "version", "author", "email", "homepage", "repository", "tracker", "license",
        "category", "tags", "changelog",
    ):
        assert stated[key].strip(), key
    assert stated["qgisMinimumVersion"] == "3.22" and stated["qgisMaximumVersion"] == "4.99"
    assert stated["hasProcessingProvider"] == "yes" and stated["license"] == "GPL-2.0-or-later"
    assert (REPOSITORY / "aquila_qgis_plugin" / stated["icon"]).is_file()


def test_the_resource_file_lists_every_icon_that_ships(names: list[str]) -> None:
    listed = [element.text for element in ElementTree.parse(REPOSITORY / "resources.qrc").iter("file")]
    shipped = [name for name in names if name.startswith(TOP + "icons/")]
    assert listed == sorted(shipped) and len(listed) > 5
    assert all((REPOSITORY / str(name)).is_file() for name in listed)


def test_every_icon_that_the_plugin_names_ships(names: list[str]) -> None:
    used = set()
    for path in (REPOSITORY / "aquila_qgis_plugin").rglob("*.py"):
        used |= set(re.findall(r"[\"']([a-z_]+\.svg)[\"']", path.read_text(encoding="utf-8")))
    assert {name for name in used if f"{TOP}icons/{name}" not in names} == set()


def test_the_copy_of_qtpy_stands_on_its_own(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        for name in archive.namelist():
            if name.startswith(TOP + "bundled/qtpy/") and name.endswith(".py"):
                tree = ast.parse(archive.read(name), name)
                imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
                assert "packaging.version" not in imported, name


def test_every_shipped_module_of_ours_is_readable_by_python_3_9(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        for name in archive.namelist():
            if name.endswith(".py"):
                ast.parse(archive.read(name), name, feature_version=(3, 9))


def test_the_gate_finds_nothing_in_the_built_zip(built: Path) -> None:
    assert gate.findings(built) == []


def test_the_gate_finds_what_is_wrong_and_what_would_hide_it(tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.zip"
    with zipfile.ZipFile(spoilt, "w") as archive:
        archive.writestr(TOP + "shell.py", "import subprocess\nsubprocess.run(['a'])  # no" + "sec\nassert True\n")
        key = "AKIA" + "QYLPMN5HABCDEFGH"
        archive.writestr(TOP + "key.py", f'key = "{key}"  # pragma: allow' + "list secret\n")
    found = "\n".join(gate.findings(spoilt))
    assert "shell.py:2: B603" in found and "shell.py:3: B101" in found and "key.py:1: AWS Access Key" in found
    assert "shell.py: a mark" in found and "key.py: a mark" in found


def test_the_gates_rules_are_the_plugin_repositorys() -> None:
    published = REPOSITORY.parent / "shared" / "qgis_repository_bandit_rules.txt"
    if not published.is_file():
        pytest.skip(f"the repository's list of rules is absent: {published}")
    settings = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.bandit]")[2]
    withdrawn = {"B111", "B320"}  # by bandit itself
    assert set(re.findall(r'"(B\d+)"', settings)) == set(published.read_text().strip().split(",")) - withdrawn


def test_a_file_that_does_not_ship_stops_the_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "core_model").mkdir()
    (tmp_path / "core_model" / "left_over.dll").write_bytes(b"")
    monkeypatch.setattr(package, "REPOSITORY", tmp_path)
    with pytest.raises(package.PackagingError, match=r"left_over\.dll"):
        list(package._kept(tmp_path / "core_model"))


def test_the_licence_in_the_zip_is_the_repositorys(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        assert archive.read(TOP + "LICENSE") == (REPOSITORY / "LICENSE").read_bytes()
        stated = configparser.ConfigParser(interpolation=None)
        stated.read_file(io.StringIO(archive.read(TOP + "metadata.txt").decode()))
        assert stated["general"]["name"] == "Aquila"
