"""Pickled annotations without what makes pickles dangerous: plain values and numpy arrays only."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from training.data.manifest.record import ManifestError

_ALLOWED = {
    (module, name)
    for module in ("numpy.core.multiarray", "numpy._core.multiarray") for name in ("_reconstruct", "scalar")
} | {("numpy", "ndarray"), ("numpy", "dtype"), ("collections", "OrderedDict"), ("_codecs", "encode")}


class _PlainUnpickler(pickle.Unpickler):
    """Refuses every class and function that is not needed for plain values and arrays."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it holds {module}.{name}, which no annotation needs")
        return super().find_class(module, name)


def load_plain(path: Path) -> Any:
    """The value of a pickle, written by Python 2 or 3; raises ``ManifestError`` if it is none or holds code."""
    if not path.is_file():
        raise ManifestError(f"there is no file {path}")
    try:
        with path.open("rb") as stream:
            return _PlainUnpickler(stream, encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise ManifestError(f"{path} cannot be read as annotations ({error})") from None
