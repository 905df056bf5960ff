"""Installing with the real pip: from a folder of wheels, and all the ways in which it fails or is stopped."""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, List, Tuple

import pytest

from tests.plugin.fake_packages import GOOD, make_wheel, make_wheels
from tests.plugin.waiting import wait_until

if TYPE_CHECKING:
    from aquila_qgis_plugin.environment.installer import Installer
    from aquila_qgis_plugin.environment.recipe import Recipe

# Stands for the check with the real model, which the tiny packages cannot pass.
_PASSED = 'print(\'aquila-check:{"versions": {"torch": "2.9"}, "devices": ["cpu"], "model": "nano"}\')'
_REQUIREMENTS = tuple(f"{project}=={version}" for project, version in GOOD.items())


@pytest.fixture()
def wheels(tmp_path: Path) -> Path:
    return make_wheels(tmp_path / "wheels of tin")


@pytest.fixture()
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A package index that takes connections and never answers; pip is told of no other."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{listening.getsockname()[1]}/simple")
        yield listening


def _recipe(tmp_path: Path, **changes: object) -> Recipe:
    from aquila_qgis_plugin.environment.folders import InstallFolder
    from aquila_qgis_plugin.environment.recipe import Recipe

    fields = {"python": Path(sys.executable), "folder": InstallFolder(tmp_path / "own" / "py3"), **changes}
    return Recipe(**{"requirements": _REQUIREMENTS, **fields})


def _installer(recipe: Recipe) -> Tuple[Installer, List[Tuple[bool, str]], List[str]]:
    from aquila_qgis_plugin.environment.installer import Installer

    installer, ends, lines = Installer(recipe, download_bytes=1e6), [], []
    installer.ended.connect(lambda good, sentence: ends.append((good, sentence)))
    installer.wrote.connect(lines.append)
    return installer, ends, lines


def _run(recipe: Recipe) -> Tuple[bool, str]:
    installer, ends, _ = _installer(recipe)
    installer.start()
    wait_until(lambda: ends, 300)
    assert len(ends) == 1
    return ends[0]


def _no_scratch(recipe: Recipe) -> bool:
    """Whether pip's leavings are gone, also those being deleted by a thread."""
    for thread in threading.enumerate():
        if thread.name == "aquila-remove":
            thread.join()
    return [path.name for path in recipe.folder.root.parent.iterdir() if path != recipe.folder.root] == [] and (
        not recipe.folder.scratch.exists())


def test_a_folder_of_wheels_is_installed_without_numpy(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aquila_qgis_plugin.environment import installer as module
    from aquila_qgis_plugin.environment import runtime
    from aquila_qgis_plugin.environment.folders import Progress

    monkeypatch.setattr(module, "_CHECK", _PASSED)
    recipe = _recipe(tmp_path, wheels=wheels)
    installer, ends, lines = _installer(recipe)
    percents: List[int] = []
    installer.progressed.connect(lambda percent, _doing: percents.append(percent))
    installer.start()
    wait_until(lambda: ends, 300)
    assert ends == [(True, "Everything is installed; the model can run on: cpu.")]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert any("Successfully installed" in line for line in lines)
    assert not any("aquila-check" in line for line in lines)
    assert recipe.folder.progress() is Progress.COMPLETE
    assert runtime.own_problem(recipe.folder) == ""
    assert (recipe.folder.packages / "torch" / "__init__.py").is_file()
    assert list(recipe.folder.packages.glob("numpy*")) == []
    assert _no_scratch(recipe)


def test_packages_that_do_not_load_are_no_installation_and_can_be_repaired(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aquila_qgis_plugin.environment import installer as module
    from aquila_qgis_plugin.environment.folders import Progress

    # The real check, in a Python that has nothing beside the empty packages.
    bare = "import sys; sys.path[:] = [entry for entry in sys.path if '-packages' not in entry]; "
    monkeypatch.setattr(module, "_CHECK", bare + module._CHECK)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if "-packages" not in entry])
    recipe = _recipe(tmp_path, wheels=wheels)
    good, sentence = _run(recipe)
    assert not good
    assert sentence.startswith("The packages were installed but do not work: ")
    assert "Error" in sentence
    assert recipe.folder.progress() is Progress.UNFINISHED
    monkeypatch.setattr(module, "_CHECK", _PASSED)
    assert _run(recipe)[0]
    assert recipe.folder.progress() is Progress.COMPLETE
    assert _no_scratch(recipe)


def test_an_index_that_cannot_be_reached_is_one_sentence(tmp_path: Path, index: socket.socket) -> None:
    from aquila_qgis_plugin.environment.folders import Progress

    index.close()
    recipe = _recipe(tmp_path)
    good, sentence = _run(recipe)
    assert not good
    assert sentence == (
        "The package index cannot be reached; check the network and QGIS's proxy, or use a folder of wheels.")
    assert recipe.folder.progress() is Progress.UNFINISHED


def test_cancelling_kills_pip_and_leaves_the_mark(tmp_path: Path, index: socket.socket) -> None:
    from aquila_qgis_plugin.environment import runtime
    from aquila_qgis_plugin.environment.folders import Progress

    recipe = _recipe(tmp_path)
    installer, ends, _ = _installer(recipe)
    index.settimeout(0.0)
    asked: List[socket.socket] = []

    def pip_waits() -> bool:
        try:
            asked.append(index.accept()[0])
        except BlockingIOError:
            return False
        return True

    installer.start()
    wait_until(pip_waits, 60)
    process = installer._process
    installer.cancel()
    wait_until(lambda: ends)
    assert ends == [(False, "Cancelled; nothing of it will be used.")]
    assert process.state() == process.ProcessState.NotRunning
    assert recipe.folder.progress() is Progress.UNFINISHED
    assert "not finished" in runtime.own_problem(recipe.folder)
    assert _no_scratch(recipe)
    asked[0].close()


def test_closing_waits_until_pip_is_gone(tmp_path: Path, index: socket.socket) -> None:
    installer, ends, _ = _installer(_recipe(tmp_path))
    installer.start()
    installer.close()
    assert [good for good, _sentence in ends] == [False]
    assert installer._process is None


def test_what_stands_against_an_installation_is_said_before_anything_is_touched(tmp_path: Path, wheels: Path) -> None:
    from qtpy.QtCore import QLockFile

    (tmp_path / "empty").mkdir()
    assert "holds no wheels" in _run(_recipe(tmp_path, wheels=tmp_path / "empty"))[1]
    assert not (tmp_path / "own").exists()

    (tmp_path / "file").touch()
    from aquila_qgis_plugin.environment.folders import InstallFolder

    blocked = InstallFolder(tmp_path / "file" / "inside" / "py3")
    assert "cannot be written" in _run(_recipe(tmp_path, wheels=wheels, folder=blocked))[1]

    (tmp_path / "own").mkdir()
    other = QLockFile(str(tmp_path / "own" / "py3.lock"))
    assert other.tryLock(0)
    assert "Another window of QGIS" in _run(_recipe(tmp_path, wheels=wheels))[1]
    assert not (tmp_path / "own" / "py3").exists()
    other.unlock()


def test_a_python_that_cannot_start_is_said(tmp_path: Path, wheels: Path) -> None:
    good, sentence = _run(_recipe(tmp_path, wheels=wheels, python=tmp_path / "nothing" / "python3"))
    assert not good
    assert "cannot be started" in sentence


def test_a_package_that_is_not_there_is_named(tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", "aquila-test", "aquila_test", "1.0")
    recipe = _recipe(tmp_path, wheels=tmp_path / "wheels", requirements=("aquila-test==3.0",))
    good, sentence = _run(recipe)
    assert not good
    assert "has no aquila-test==3.0 for Python 3." in sentence


@pytest.mark.parametrize("output, words", [
    ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
    ("/usr/bin/python3: No module named pip", "has no pip"),
    ("WARNING: ... ProxyError('Cannot connect to proxy.', ...)\nERROR: No matching distribution found for a", "proxy"),
    ("SSLError(SSLCertVerificationError(1, ...))\nERROR: No matching distribution found for a", "certificate"),
    ("[Errno 111] Connection refused\nERROR: No matching distribution found for torch==1", "cannot be reached"),
    ("ERROR: No matching distribution found for torch==1", "has no torch==1"),
    ("OSError: [WinError 5] Access is denied: 'C:\\\\x'", "cannot be written"),
    ("something\nERROR: odd thing\n", "pip ended with code 3: ERROR: odd thing"),
    ("", "it wrote nothing"),
])
def test_failures_of_pip_are_one_sentence(output: str, words: str) -> None:
    from aquila_qgis_plugin.environment.failures import pip_failure

    sentence = pip_failure(output, 3)
    assert words in sentence
    assert "\n" not in sentence


def test_an_index_that_answered_in_the_end_is_not_blamed() -> None:
    from aquila_qgis_plugin.environment.failures import pip_failure

    output = (
        "WARNING: Retrying (Retry(total=4)) after connection broken by 'ReadTimeoutError(...)': /simple/torch/\n"
        "ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: 2.5.0, 2.6.0)\n"
        "ERROR: No matching distribution found for torch==2.13.0\n")
    assert "has no torch==2.13.0 for Python" in pip_failure(output, 1)
    assert "cannot be reached" in pip_failure(output.replace("2.5.0, 2.6.0", "none"), 1)


def test_a_missing_windows_library_is_told_as_such() -> None:
    from aquila_qgis_plugin.environment.failures import check_failure

    assert "Visual C++" in check_failure('OSError: [WinError 126] ... Error loading "c10.dll"')


def test_a_folder_that_pip_removes_meanwhile_does_not_stop_the_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python looks into a folder that it found a moment ago, and pip clears up after itself."""
    from aquila_qgis_plugin.environment.pip_progress import PipProgress

    progress = PipProgress(tmp_path, download_bytes=1000)
    (tmp_path / "pip-unpack-x1").mkdir()
    scandir = os.scandir

    def gone(path: object) -> object:
        if Path(str(path)).name == "pip-unpack-x1":
            raise FileNotFoundError(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", gone)
    progress.look()
    assert progress.percent == 1


def test_progress_follows_lines_and_files(tmp_path: Path) -> None:
    from aquila_qgis_plugin.environment.pip_progress import FETCHED, UNPACKED, PipProgress

    progress = PipProgress(tmp_path, download_bytes=1000)
    progress.follow("  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (190.1 MB)")
    assert progress.doing == "Fetching torch (190.1 MB)…"
    (tmp_path / "pip-unpack-x1").mkdir()
    (tmp_path / "pip-unpack-x1" / "torch.whl").write_bytes(b"0" * 500)
    progress.look()
    assert progress.percent == FETCHED // 2
    progress.follow("Processing ./wheels/timm-1.0-py3-none-any.whl")
    assert progress.doing == "Fetching timm…"
    progress.follow("Installing collected packages: a, b, c, d")
    for name in "abcd":
        (tmp_path / "pip-target-y" / "lib" / "python" / f"{name}-1.dist-info").mkdir(parents=True)
    progress.look()
    assert progress.percent == UNPACKED
    (tmp_path / "pip-unpack-x1" / "torch.whl").unlink()
    progress.look()
    assert progress.percent == UNPACKED


def test_the_offline_recipe_has_the_commands_and_the_folder(tmp_path: Path) -> None:
    from aquila_qgis_plugin.environment.packages import pins
    from aquila_qgis_plugin.environment.recipe import standard_requirements

    recipe = _recipe(tmp_path, requirements=standard_requirements(), extra_index="https://example.org/cpu")
    text = recipe.offline_text()
    assert all(text.count(pin) == 2 for pin in pins())
    assert text.count('"numpy==') == 2
    assert "-m pip download --only-binary :all: --dest aquila-wheels --extra-index-url https://example.org/cpu" in text
    assert f"--no-index --find-links aquila-wheels --target {recipe.folder.packages}" in text
    assert "--extra-index-url" in recipe.install()
    assert "--no-index" not in recipe.install()


def test_pip_goes_through_qgis_proxy(qgis_app: object) -> None:
    from qgis.core import QgsNetworkAccessManager
    from qtpy.QtNetwork import QNetworkProxy

    from aquila_qgis_plugin.environment.network import proxy_name, proxy_variables

    manager = QgsNetworkAccessManager.instance()
    before = manager.fallbackProxy()
    kind = QNetworkProxy.ProxyType
    try:
        manager.setFallbackProxyAndExcludes(
            QNetworkProxy(kind.HttpProxy, "proxy.example.org", 3128, "anna", "p@ss/w"), [], ["https://lan.example.org"])
        found = proxy_variables()
        assert found["HTTPS_PROXY"] == found["http_proxy"] == "http://anna:p%40ss%2Fw@proxy.example.org:3128"
        assert found["NO_PROXY"] == "lan.example.org"
        assert proxy_name(found) == "http://proxy.example.org:3128"
        manager.setFallbackProxyAndExcludes(QNetworkProxy(kind.NoProxy), [], [])
        assert proxy_variables() == {}
        assert proxy_name({}) == ""
    finally:
        manager.setFallbackProxyAndExcludes(before, [], [])


def test_the_build_is_chosen_and_said() -> None:
    from aquila_qgis_plugin.environment.hardware import Hardware

    gpu, plain = "NVIDIA RTX 4090, 24564 MiB", Hardware("Windows", False)
    assert "build for the CPU" in plain.build(other_index=False).explanation
    linux = Hardware("Linux", True, gpu).build(other_index=False)
    assert gpu in linux.explanation
    assert "CUDA" in linux.explanation
    windows = Hardware("Windows", True, gpu)
    assert "only the build for the CPU" in windows.build(other_index=False).explanation
    assert windows.build(other_index=True).needed > windows.build(other_index=False).needed
    assert Hardware("Linux", False).build(other_index=True).needed < linux.needed
    assert "Mac" in Hardware("Darwin", False).build(other_index=False).explanation


def test_qgis_python_is_found_beside_a_program_that_is_qgis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from aquila_qgis_plugin.environment.interpreter import find_python

    assert find_python() == Path(sys.executable)
    program = tmp_path / "QGIS.app" / "Contents" / "MacOS" / "QGIS"
    python = program.parent / "bin" / "python3"
    python.parent.mkdir(parents=True)
    python.touch()
    for name in ("exec_prefix", "base_exec_prefix", "prefix"):
        monkeypatch.setattr(sys, name, str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(program))
    assert find_python() == python
    python.unlink()
    assert find_python() is None
