"""Finding the packages, telling what is wrong with them, and making them importable behind QGIS's own."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Iterator, List

import pytest

from tests.plugin.fake_packages import GOOD, put, put_all

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture()
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A QGIS whose Python has none of the packages, with Aquila's own folder in a temporary one."""
    from aquila_qgis_plugin import settings
    from aquila_qgis_plugin.environment import runtime

    settings.save(replace(settings.load(), install_folder=str(tmp_path / "own")))
    site = tmp_path / "qgis-site"
    site.mkdir()
    monkeypatch.setattr(sys, "path", [str(REPOSITORY), str(site), *_standard_library()])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(runtime, "_MEMORY", runtime._Memory())
    before = set(sys.modules)
    yield site
    for name in set(sys.modules) - before:
        if name.split(".")[0].startswith("aquila_test"):
            del sys.modules[name]


def _standard_library() -> List[str]:
    return [entry for entry in sys.path if "site-packages" not in entry and "dist-packages" not in entry]


def _choose(folder: Path) -> None:
    from aquila_qgis_plugin import settings
    from aquila_qgis_plugin.environment import runtime

    settings.save(replace(settings.load(), runtime_folder=str(folder)))
    runtime.forget()


def test_without_packages_the_reason_says_what_to_do(bare: Path) -> None:
    from aquila_qgis_plugin.environment import runtime

    found = runtime.state()
    assert not found.usable
    assert "PyTorch" in found.reason
    assert "Set up" in found.reason
    with pytest.raises(runtime.RuntimeUnavailable, match="PyTorch"):
        runtime.activate()


def test_qgis_own_packages_are_used_where_they_are(bare: Path) -> None:
    from aquila_qgis_plugin.environment import runtime

    put_all(bare)
    assert runtime.state() == runtime.RuntimeState(True, versions=GOOD)
    before = list(sys.path)
    runtime.activate()
    assert sys.path == before


def test_qgis_own_packages_that_lack_some_are_named(bare: Path) -> None:
    from aquila_qgis_plugin.environment import runtime

    put_all(bare, {"torch": "99.0", "transformers": "1.0"})
    reason = runtime.state().reason
    assert "timm" in reason
    assert "transformers 1.0" in reason


@pytest.mark.parametrize("inside", ["", "lib/python{}.{}/site-packages", "Lib/site-packages"])
def test_a_chosen_environment_is_found_by_its_root_or_its_packages(bare: Path, tmp_path: Path, inside: str) -> None:
    from aquila_qgis_plugin.environment import runtime

    packages = put_all(tmp_path / "env" / inside.format(*sys.version_info))
    _choose(tmp_path / "env")
    assert runtime.state().folder == packages
    runtime.activate()
    assert sys.path[-1] == str(packages)
    assert runtime.state().usable


def test_what_is_wrong_with_a_chosen_folder_is_one_sentence(bare: Path, tmp_path: Path) -> None:
    from aquila_qgis_plugin.environment import runtime

    foreign = put_all(tmp_path / "foreign")
    for compiled in (foreign / "torch").glob("_C.*"):
        compiled.rename(compiled.with_name("_C.cp27-win_amd64.pyd"))
    old = put_all(tmp_path / "old", {**GOOD, "torch": "1.9.0"})
    part = put_all(tmp_path / "part", {"torch": "99.0", "torchvision": "99.0"})
    half = put_all(tmp_path / "half")
    (half / "timm" / "__init__.py").unlink()
    for folder, words in (
        (tmp_path / "nowhere", "does not exist"), (foreign, "QGIS's Python"), (old, "torch 1.9.0"),
        (part, "transformers"), (half, "timm"),
    ):
        _choose(folder)
        found = runtime.state()
        assert not found.usable
        assert words in found.reason
        assert str(folder) in found.reason
        assert found.reason.count(".") >= 1
        assert "\n" not in found.reason


def test_folders_that_nobody_may_look_into_are_not_there(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a refused share or without rights, as Path.is_dir would raise."""
    from aquila_qgis_plugin import settings
    from aquila_qgis_plugin.environment import runtime

    def refuse(path: Path, *_: object, **__: object) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    settings.save(settings.Settings(runtime_folder="/closed/env", install_folder="/closed/aquila"))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "is_dir", refuse)
        patch.setattr(Path, "is_file", refuse)
        found = runtime.state()
    assert not found.usable and found.reason == "The folder /closed/env does not exist; choose another one."


def test_half_finished_and_damaged_installations_are_recognised(bare: Path) -> None:
    from aquila_qgis_plugin.environment import runtime
    from aquila_qgis_plugin.environment.folders import Progress, own_folder

    own = own_folder()
    assert own.progress() is Progress.ABSENT
    own.begin()
    put_all(own.packages)
    runtime.forget()
    assert own.progress() is Progress.UNFINISHED
    assert "not finished" in runtime.state().reason

    own.complete({"versions": GOOD, "devices": ["cpu"]})
    runtime.forget()
    assert runtime.state() == runtime.RuntimeState(True, folder=own.packages, versions=GOOD)

    metadata = next(own.packages.glob("transformers-*.dist-info")) / "METADATA"
    metadata.write_text(metadata.read_text().replace("99.0", "98.0"))
    runtime.forget()
    assert "damaged" in runtime.state().reason

    (own.root / "aquila.json").write_text("{half a", encoding="utf-8")
    runtime.forget()
    assert "not finished" in runtime.state().reason


def test_an_installation_made_by_hand_is_used_without_a_mark(bare: Path) -> None:
    from aquila_qgis_plugin.environment import runtime
    from aquila_qgis_plugin.environment.folders import Progress, own_folder

    put_all(own_folder().packages)
    assert own_folder().progress() is Progress.UNMARKED
    assert runtime.state().folder == own_folder().packages


def test_a_removed_installation_is_gone_at_once_and_from_the_disk(bare: Path) -> None:
    from aquila_qgis_plugin.environment.folders import Progress, own_folder

    own = own_folder()
    put_all(own.packages)
    thread = own.remove()
    assert own.progress() is Progress.ABSENT
    thread.join()
    assert list(own.root.parent.iterdir()) == []
    assert own.remove() is None


def test_packages_in_use_are_not_removed(bare: Path) -> None:
    from aquila_qgis_plugin.environment import runtime
    from aquila_qgis_plugin.environment.folders import InUseError, own_folder

    put_all(own_folder().packages)
    runtime.activate()
    with pytest.raises(InUseError, match="restart QGIS"):
        own_folder().remove()
    assert (own_folder().packages / "torch").is_dir()


def test_numpy_and_gdal_are_never_shadowed(bare: Path, tmp_path: Path) -> None:
    from aquila_qgis_plugin.environment.activation import make_importable

    put(bare, "numpy", "aquila_test_numpy", "1.20")
    folder = put_all(tmp_path / "env")
    put(folder, "torch", "torch", GOOD["torch"], requires=["numpy>=2"])
    put(folder, "numpy", "aquila_test_numpy", "2.0")
    make_importable(folder)
    assert sys.path[-1] == str(folder)
    assert importlib.import_module("aquila_test_numpy").__version__ == "1.20"
    assert importlib.metadata.version("numpy") == "1.20"


def test_only_what_is_too_old_in_qgis_comes_from_the_folder(bare: Path, tmp_path: Path) -> None:
    from aquila_qgis_plugin.environment.activation import make_importable

    for project, version in (("aquila-test-old", "1.0"), ("aquila-test-fit", "1.5"), ("aquila-test-extra", "1.0")):
        put(bare, project, project.replace("-", "_"), version)
    folder = put_all(tmp_path / "env")
    put(folder, "torch", "torch", GOOD["torch"], requires=[
        "aquila-test-fit>=1.0", "Aquila_Test.Old>=2", 'aquila-test-extra>=2; extra == "more"', "aquila-test-new",
    ])
    for project in ("aquila-test-old", "aquila-test-fit", "aquila-test-extra", "aquila-test-new"):
        put(folder, project, project.replace("-", "_"), "2.0")
    assert importlib.import_module("aquila_test_old").__version__ == "1.0"  # loaded by someone before
    make_importable(folder)
    versions = {
        name: importlib.import_module(f"aquila_test_{name}").__version__ for name in ("old", "fit", "extra", "new")
    }
    assert versions == {"old": "2.0", "fit": "1.5", "extra": "1.0", "new": "2.0"}
    assert importlib.metadata.version("aquila-test-old") == "2.0"
    assert importlib.metadata.version("aquila-test-fit") == "1.5"


def test_path_files_of_an_environment_are_not_run(bare: Path, tmp_path: Path) -> None:
    from aquila_qgis_plugin.environment.activation import make_importable

    folder = put_all(tmp_path / "env")
    (folder / "evil.pth").write_text(f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()\n")
    make_importable(folder)
    make_importable(folder)
    assert not (tmp_path / "ran").exists()
    assert sys.path.count(str(folder)) == 1


def test_an_older_torch_of_another_plugin_is_told(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import ModuleType

    from aquila_qgis_plugin.environment import runtime

    put_all(bare, {"torch": "1.9"})
    _choose(put_all(tmp_path / "env"))
    loaded = ModuleType("torch")
    loaded.__file__, loaded.__version__ = str(bare / "torch" / "__init__.py"), "1.9"
    monkeypatch.setitem(sys.modules, "torch", loaded)
    with pytest.raises(runtime.RuntimeUnavailable, match=r"already loaded PyTorch 1\.9"):
        runtime.activate()


def test_loading_the_rooms_imports_no_torch_and_starts_nothing() -> None:
    code = (
        "import sys, qgis.core; before = set(sys.modules); import aquila_qgis_plugin; "
        "import aquila_qgis_plugin.environment.dialog, aquila_qgis_plugin.environment.report; "
        "heavy = {'torch', 'transformers', 'open_clip', 'timm', 'torchvision'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_zip_brings_its_own_core_model_and_does_not_shadow(tmp_path: Path) -> None:
    plugin = tmp_path / "plugins" / "aquila_qgis_plugin"
    for package in ("core_model", "qtpy"):
        (plugin / "bundled" / package).mkdir(parents=True)
        (plugin / "bundled" / package / "__init__.py").touch()
    (plugin / "__init__.py").write_text((REPOSITORY / "aquila_qgis_plugin" / "__init__.py").read_text())
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'plugins')!r}); before = list(sys.path); "
        "import aquila_qgis_plugin, core_model; assert sys.path[:-1] == before, sys.path; "
        "assert 'bundled' in core_model.__file__, core_model.__file__"
    )
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=tmp_path, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("minor", [(3, 9), (3, 10), (3, 11), (3, 12), (3, 13), (3, 14)])
def test_every_python_has_one_exact_version_of_each_package(minor: tuple) -> None:
    from aquila_qgis_plugin.environment.packages import REQUIRED, pins

    found = dict(pin.split("==") for pin in pins(minor, "Linux", "x86_64"))
    assert set(found) == {package.project for package in REQUIRED} - {"packaging"} | {"sentencepiece"}
    assert dict(pin.split("==") for pin in pins(minor, "Darwin", "x86_64"))["torch"] == "2.2.2"
    # torchvision's minor number is torch's plus 15.
    assert int(found["torchvision"].split(".")[1]) == int(found["torch"].split(".")[1]) + 15
