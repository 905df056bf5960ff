"""COCO's run lengths: a mask column by column as lengths of runs of 0 and 1 in turn, plain or as COCO's short text."""

from __future__ import annotations

from typing import List, Mapping, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
_FIRST_CHARACTER, _LAST_CHARACTER = 48, 111
_MORE, _SIGN = 0x20, 0x10


def encode(mask: Mask) -> Mapping[str, object]:
    """A mask bool [h, w] as ``{"size": [h, w], "counts": "…"}`` with COCO's short text."""
    return {"size": [int(side) for side in mask.shape], "counts": to_text(runs_of(mask))}


def decode(rle: Mapping[str, object]) -> Mask:
    """A mask bool [h, w] from plain or short run lengths; raises ``ValueError`` with what is wrong with them."""
    height, width = _size(rle.get("size"))
    counts = _counts(rle.get("counts"))
    if any(count < 0 for count in counts):
        raise ValueError("its run lengths hold a negative number")
    if sum(counts) != height * width:
        raise ValueError(f"its run lengths sum to {sum(counts)}, but {height} × {width} pixels are {height * width}")
    values = np.arange(len(counts)) % 2 == 1
    return np.asarray(np.repeat(values, counts).reshape(width, height).T)


def encode_pixels(rows: NDArray[np.int64], columns: NDArray[np.int64], size: Tuple[int, int]) -> Mapping[str, object]:
    """The same of the pixels [n] of a mask of ``size`` (height, width), without making the mask."""
    flat = np.sort(columns.astype(np.int64) * size[0] + rows)
    breaks = np.flatnonzero(np.diff(flat) != 1) + 1
    firsts, lasts = flat[np.concatenate([[0], breaks])], flat[np.concatenate([breaks - 1, [-1]])] + 1
    edges = np.concatenate([[0], np.stack([firsts, lasts], axis=1).ravel(), [size[0] * size[1]]])
    counts = [int(length) for length in np.diff(edges)]
    return {"size": [int(side) for side in size], "counts": to_text(counts if counts[-1] else counts[:-1])}


def runs_of(mask: Mask) -> List[int]:
    """Lengths of the runs of 0 and 1 in turn, column by column, the first of them of 0."""
    flat = np.concatenate([[False], np.asarray(mask, bool).T.ravel()])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return [int(length) for length in np.diff(np.concatenate([[0], changes, [len(flat) - 1]]))]


def to_text(counts: Sequence[int]) -> str:
    """COCO's short text: from the fourth run on the difference to the last run but one, five bits a character."""
    characters: List[int] = []
    for place, count in enumerate(counts):
        value = int(count) - (int(counts[place - 2]) if place > 2 else 0)
        while True:
            bits = value & 0x1F
            value >>= 5
            ended = value == (-1 if bits & _SIGN else 0)
            characters.append(_FIRST_CHARACTER + (bits if ended else bits | _MORE))
            if ended:
                break
    return bytes(characters).decode("ascii")


def from_text(text: str) -> List[int]:
    """The run lengths of COCO's short text; raises ``ValueError`` for a text that is none."""
    counts: List[int] = []
    value, shift = 0, 0
    for character in text:
        code = ord(character)
        if not _FIRST_CHARACTER <= code <= _LAST_CHARACTER:
            raise ValueError(f"its run lengths hold the character {character!r}, which COCO does not use")
        bits = code - _FIRST_CHARACTER
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & _MORE:
            continue
        if bits & _SIGN:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value, shift = 0, 0
    if shift:
        raise ValueError("its run lengths end in the middle of a number")
    return counts


def _size(size: object) -> Tuple[int, int]:
    if not isinstance(size, (list, tuple)) or len(size) != 2 or not all(
            isinstance(side, int) and side > 0 for side in size):
        raise ValueError(f"its size must be [height, width], not {size}")
    return int(size[0]), int(size[1])


def _counts(counts: object) -> Sequence[int]:
    found: Union[str, bytes, object] = counts.decode("ascii") if isinstance(counts, bytes) else counts
    if isinstance(found, str):
        return from_text(found)
    if isinstance(found, (list, tuple)) and all(isinstance(count, int) for count in found):
        return found
    raise ValueError("its counts must be a list of whole numbers or COCO's short text")
