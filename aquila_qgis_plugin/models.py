"""The one model in memory: which, where, and who may use it now. torch is imported in the worker's functions only."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Optional, Tuple

from qtpy.QtCore import QCoreApplication, QThread, QThreadPool

from aquila_qgis_plugin.cancelled import CancelledError
from aquila_qgis_plugin.environment import runtime
from aquila_qgis_plugin.model_options import ModelOptions
from aquila_qgis_plugin.translation import tr
from core_model import folders
from core_model.config import AquilaConfig
from core_model.errors import ModelError

if TYPE_CHECKING:
    from core_model.checkpoint import LoadedModel
    from core_model.describer import Describer

# A cancelled run ends between two batches, so those of a model of many bytes are kept short on a CPU.
_LARGE_MODEL, _LARGE_BATCH = 500_000_000, 2
_POLL_SECONDS = 0.05


class _Shelf:
    """Holds the last model loaded, with what it was loaded as, and the encoded pictures of its last runs."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.key: Optional[Tuple[object, ...]] = None
        self.loaded: Optional[LoadedModel] = None
        self.describer: Optional[Describer] = None

    def clear(self) -> None:
        self.key = self.loaded = self.describer = None


_SHELF = _Shelf()
_USE = threading.Lock()


def describer(options: ModelOptions) -> Describer:
    """A describer with the model that ``options`` ask for, loaded once and kept; for one worker thread at a time.

    It is the same one as long as the options are, so that a second click on a place finds its picture encoded.

    :raises RuntimeUnavailable: if torch and its companions are not installed.
    :raises ModelError: if the model or device cannot be used.
    """
    with _SHELF.lock:
        runtime.activate()
        from core_model.describer import Describer  # noqa: PLC0415 (needs torch)

        loaded = _loaded(options)
        batch_size = min(options.batch_size, _most_together(loaded))
        if _SHELF.describer is None or _SHELF.describer.batch_size != batch_size:
            _SHELF.describer = Describer(loaded, batch_size=batch_size)
        return _SHELF.describer


def forget() -> None:
    """Let go of the model in memory; one that a run is just loading stays, so that nobody waits for it here."""
    if not _SHELF.lock.acquire(blocking=False):
        return
    try:
        _SHELF.clear()
    finally:
        _SHELF.lock.release()
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


@contextmanager
def use_lock(is_cancelled: Optional[Callable[[], bool]] = None) -> Iterator[None]:
    """Held while a worker runs the model, one at a time; raises ``CancelledError`` if cancelled while waiting."""
    if not _USE.acquire(blocking=False):
        with _out_of_the_way():
            _wait_for_use(is_cancelled)
    try:
        yield
    finally:
        _USE.release()


def _wait_for_use(is_cancelled: Optional[Callable[[], bool]]) -> None:
    while not _USE.acquire(timeout=_POLL_SECONDS):
        if is_cancelled is not None and is_cancelled():
            raise CancelledError


@contextmanager
def _out_of_the_way() -> Iterator[None]:
    """Let Qt's pool, which draws the map too, have another thread for a worker that only waits."""
    application = QCoreApplication.instance()
    if application is None or QThread.currentThread() == application.thread():
        yield
        return
    pool = QThreadPool.globalInstance()
    pool.releaseThread()
    try:
        yield
    finally:
        pool.reserveThread()


def model_folder(name: str) -> Path:
    """The folder of a built-in model by name, else the folder given; raises ``ModelError`` where there is none."""
    try:
        return folders.model_folder(name)
    except ModelError:
        sentence = tr("There is no model {name}; choose another one in Settings → Options → Aquila.")
        raise ModelError(sentence.format(name=name)) from None


def picture_size(options: ModelOptions) -> int:
    """Side in pixels of the square pictures the model sees; raises ``ModelError`` where its folder is not usable."""
    return AquilaConfig.load(model_folder(options.model)).encoder.image_size


def _most_together(loaded: LoadedModel) -> int:
    """How many regions may share a batch."""
    size = sum(path.stat().st_size for path in loaded.folder.glob("*.safetensors"))
    return _LARGE_BATCH if loaded.model.device.type == "cpu" and size >= _LARGE_MODEL else sys.maxsize


def _loaded(options: ModelOptions) -> LoadedModel:
    from core_model.checkpoint import load_model  # noqa: PLC0415 (needs torch)

    folder = model_folder(options.model)
    # A folder that was retrained or copied anew meanwhile is another model.
    stamps = tuple(sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir() if path.is_file()))
    key = (folder, options.device, options.dtype, stamps)
    if _SHELF.loaded is None or _SHELF.key != key:
        _SHELF.clear()  # two models at once may not fit
        gc.collect()
        _SHELF.loaded = load_model(str(folder), device=options.device, dtype=options.dtype)
        _SHELF.key = key
    return _SHELF.loaded
