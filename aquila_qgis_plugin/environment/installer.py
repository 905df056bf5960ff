"""Installing the packages with QGIS's own Python: pip in a process, its output live, a check at the end."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from qtpy.QtCore import QLockFile, QObject, QProcess, QProcessEnvironment, QTimer, Signal

from aquila_qgis_plugin.environment import network, runtime
from aquila_qgis_plugin.environment.check import RESULT_MARKER
from aquila_qgis_plugin.environment.failures import check_failure, pip_failure
from aquila_qgis_plugin.environment.folders import InstallFolder, InUseError
from aquila_qgis_plugin.environment.pip_progress import UNPACKED, PipProgress
from aquila_qgis_plugin.environment.recipe import Recipe
from aquila_qgis_plugin.translation import tr

_LOG = logging.getLogger(__name__)
_PLUGINS = Path(__file__).resolve().parents[2]
# The check sees what QGIS's Python sees: on some systems the program alone would not find QGIS's numpy.
_CHECK = (
    "import json, pathlib, sys; "
    "sys.path.extend(entry for entry in json.loads(sys.argv[1]) if entry not in sys.path); "
    "from aquila_qgis_plugin.environment.check import main; main(pathlib.Path(sys.argv[2]))"
)
_POLL_MS = 500
_KILL_MS = 3000
_LOGGED_LINES = 20
# What pip leaves of numpy in the folder is QGIS's business.
_NUMPY = ("numpy", "numpy.libs", "numpy-*.dist-info")


class Installer(QObject):
    """Runs one installation. ``ended`` comes exactly once, with success and a sentence.

    The process works on its own; nothing here waits for it. What pip writes comes by ``wrote``, and ``progressed``
    tells percent and what is being done.
    """

    wrote = Signal(str)
    progressed = Signal(int, str)
    ended = Signal(bool, str)

    def __init__(self, recipe: Recipe, *, download_bytes: float, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._recipe = recipe
        self._output: List[str] = []
        self._rest = b""
        self._progress = PipProgress(recipe.folder.scratch, download_bytes)
        self._cancelled = False
        self._process: Optional[QProcess] = None
        root = recipe.folder.root
        self._lock = QLockFile(str(root.with_name(f"{root.name}.lock")))
        self._lock.setStaleLockTime(0)  # hours may pass; a lock of a program that is gone is noticed all the same
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._look)

    @property
    def folder(self) -> InstallFolder:
        """Where the packages go."""
        return self._recipe.folder

    def start(self) -> None:
        """Begin afresh in the folder; an earlier installation there is taken away first."""
        problem = self._prepare()
        if problem:
            self._lock.unlock()
            QTimer.singleShot(0, lambda: self._report(False, problem))
            return
        proxy = network.proxy_name(self._variables())
        if proxy:
            self.wrote.emit(tr("Through QGIS's proxy {proxy}").format(proxy=proxy))
        self._tell()
        self._timer.start()
        self._run(self._recipe.install(), self._finish_install)

    def cancel(self) -> None:
        """Kill what runs; the folder stays marked as unfinished."""
        self._cancelled = True
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Cancel and wait until the process is gone: the window or QGIS closes."""
        self.cancel()
        if self._process is not None:
            self._process.waitForFinished(_KILL_MS)

    def _prepare(self) -> str:
        """Make room and take the lock; what stands against it in one sentence, or ""."""
        recipe, folder = self._recipe, self._recipe.folder
        if recipe.wheels is not None and not any(recipe.wheels.glob("*.whl")):
            return tr("The folder {folder} holds no wheels; choose the one made by the recipe.").format(
                folder=recipe.wheels)
        try:
            folder.root.parent.mkdir(parents=True, exist_ok=True)
            if not self._lock.tryLock(0):
                return tr("Another window of QGIS is installing into {folder}; wait until it is done.").format(
                    folder=folder.root)
            folder.begin()
        except InUseError as error:
            return str(error)
        except OSError as error:
            return tr("The folder {folder} cannot be written ({error}); choose another one.").format(
                folder=folder.root, error=error.strerror)
        return ""

    def _run(self, arguments: List[str], finish: Callable[[int], None]) -> None:
        self._output.clear()
        process = QProcess(self)
        process.setProcessEnvironment(self._environment())
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        process.setWorkingDirectory(str(self.folder.scratch))
        process.readyRead.connect(self._read)
        process.errorOccurred.connect(self._fail_to_start)
        process.finished.connect(lambda code, _status: self._finish(code, finish))
        self._process = process
        process.start(str(self._recipe.python), arguments)

    def _environment(self) -> QProcessEnvironment:
        environment = QProcessEnvironment.systemEnvironment()
        for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"):
            environment.remove(name)
        for name, value in self._variables().items():
            environment.insert(name, value)
        return environment

    def _variables(self) -> Dict[str, str]:
        return {
            "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1",
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.folder.scratch)),
            **network.proxy_variables(self._recipe.extra_index),
        }

    def _read(self) -> None:
        """Hand on whole lines; what comes last may be half a line, or half a letter."""
        if self._process is None:
            return
        *lines, self._rest = (self._rest + bytes(self._process.readAll())).split(b"\n")
        for raw in lines:
            line = raw.decode("utf-8", "replace").rstrip()
            self._output.append(line)
            if not line.startswith(RESULT_MARKER):
                self.wrote.emit(line)
            self._progress.follow(line)
        if self._timer.isActive():
            self._tell()

    def _look(self) -> None:
        self._progress.look()
        self._tell()

    def _tell(self) -> None:
        self.progressed.emit(self._progress.percent, self._progress.doing)

    def _finish(self, code: int, finish: Callable[[int], None]) -> None:
        self._read()
        self._process = None
        if self._cancelled:
            self._end(False, tr("Cancelled; nothing of it will be used."))
        else:
            finish(code)

    def _fail_to_start(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._process = None
            self._end(False, tr("QGIS's Python ({python}) cannot be started; use an existing folder instead.").format(
                python=self._recipe.python))

    def _finish_install(self, code: int) -> None:
        if code != 0:
            self._end(False, pip_failure("\n".join(self._output), code))
            return
        for pattern in _NUMPY:
            for path in self.folder.packages.glob(pattern):
                shutil.rmtree(path, ignore_errors=True)
        self._timer.stop()
        self.progressed.emit(UNPACKED, tr("Trying the packages with the model…"))
        known = [*filter(None, sys.path), str(_PLUGINS)]
        self._run(["-c", _CHECK, json.dumps(known), str(self.folder.packages)], self._finish_check)

    def _finish_check(self, code: int) -> None:
        found = next((line for line in self._output if line.startswith(RESULT_MARKER)), None)
        if code != 0 or found is None:
            self._end(False, check_failure("\n".join(self._output)))
            return
        notes: Dict[str, Any] = json.loads(found[len(RESULT_MARKER):])
        self.folder.complete(notes)
        self.progressed.emit(100, tr("Done."))
        self._end(True, tr("Everything is installed; the model can run on: {devices}.").format(
            devices=", ".join(notes["devices"])))

    def _end(self, good: bool, sentence: str) -> None:
        self._timer.stop()
        if not good:
            _LOG.info("%s", "\n".join(self._output[-_LOGGED_LINES:]))
        self.folder.clear_scratch()
        self._lock.unlock()
        self._report(good, sentence)

    def _report(self, good: bool, sentence: str) -> None:
        runtime.forget()
        _LOG.log(logging.INFO if good else logging.WARNING, "%s", sentence)
        self.ended.emit(good, sentence)

