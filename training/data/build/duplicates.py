"""Near-duplicates among pictures: the same ground again, shifted in tone or compressed anew."""

from __future__ import annotations

from typing import Dict, List, Tuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data.sources import Pixels

HASH_DISTANCE = 4  # of 64 bits
THUMB_DISTANCE = 6.0  # mean difference of brightness, of 255, after its mean is taken away
_BANDS, _BAND_BITS = 8, 8  # pictures whose hashes differ in at most 4 bits agree in at least one of 8 bands
_THUMB = 12


class Distinct:
    """Remembers pictures and tells which are near-duplicates of an earlier one."""

    def __init__(self) -> None:
        self.removed: List[Tuple[str, str]] = []
        self._names: List[str] = []
        self._hashes: List[int] = []
        self._thumbs: List[NDArray[np.float32]] = []
        self._bands: Dict[Tuple[int, int], List[int]] = {}

    def add(self, pixels: Pixels, name: str) -> bool:
        """Remember a picture uint8 [h, w, 3]; False if it is a near-duplicate, which is noted in ``removed``."""
        code, thumb = fingerprint(pixels)
        bands = [(band, (code >> (band * _BAND_BITS)) & ((1 << _BAND_BITS) - 1)) for band in range(_BANDS)]
        for number in dict.fromkeys(number for band in bands for number in self._bands.get(band, ())):
            near = bin(self._hashes[number] ^ code).count("1") <= HASH_DISTANCE
            if near and float(np.abs(self._thumbs[number] - thumb).mean()) <= THUMB_DISTANCE:
                self.removed.append((name, self._names[number]))
                return False
        for band in bands:
            self._bands.setdefault(band, []).append(len(self._names))
        self._names.append(name)
        self._hashes.append(code)
        self._thumbs.append(thumb)
        return True


def fingerprint(pixels: Pixels) -> Tuple[int, NDArray[np.float32]]:
    """64 bits that say where the picture gets brighter to the right, and a small centred copy of it."""
    grey = Image.fromarray(pixels).convert("L")
    steps = np.asarray(grey.resize((9, 8), Image.Resampling.BOX), np.int16)
    bits = (steps[:, 1:] > steps[:, :-1]).ravel()
    thumb = np.asarray(grey.resize((_THUMB, _THUMB), Image.Resampling.BOX), np.float32)
    return int.from_bytes(np.packbits(bits).tobytes(), "big"), thumb - thumb.mean()
