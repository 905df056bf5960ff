"""Records as what a training batch is made of: pictures, masks, numbers for the context, and conversations."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator, List, Tuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core_model.form import Form
from core_model.geo.outline import form_of_mask
from core_model.text.prompt import Turn as PromptTurn
from training.data.about import About, in_context
from training.data.manifest.images import Pixels, read_image
from training.data.manifest.masks import Mask, record_masks
from training.data.manifest.record import ConversationEntry, ManifestError, Record, from_line
from training.data.manifest.store import in_utf8


@dataclass(frozen=True, eq=False)
class Sample:
    """Picture uint8 [h, w, 3], masks bool [regions, h, w], GSD and areas (metres, nan unknown), and conversations.

    ``forms`` take the picture's top for north.
    """

    id: str
    image: Pixels
    masks: Mask
    labels: Tuple[str, ...]
    gsd: float
    areas: Tuple[float, ...]
    forms: Tuple[Form, ...]
    conversations: Tuple[ConversationEntry, ...]


class ManifestReader:
    """A sequence of samples, read from their files as they are asked for; only where the lines start is kept.

    ``split`` and ``source`` choose records; ``size`` fits pictures into squares. It can be handed to several worker
    processes.
    """

    def __init__(self, path: Path, *, split: str = "", source: str = "", size: int = 0) -> None:
        """:raises ManifestError: with the number of the first record that is wrong."""
        if path.suffix in (".parquet", ".gz"):
            raise ManifestError(f"{path} cannot be read in any order; make it a .jsonl with 'training.data copy' first")
        self.path, self.size = path, size
        self._starts = [start for start, record in self._walk() if (
            (not split or record.split == split) and (not source or record.source == source))]

    def _walk(self) -> Iterator[Tuple[int, Record]]:
        """Every record and the byte its line starts at."""
        start = 0
        if not self.path.is_file():
            raise ManifestError(f"there is no manifest {self.path}")
        with self.path.open("rb") as stream, in_utf8(self.path):
            for number, line in enumerate(stream, 1):
                if line.strip():
                    try:
                        yield start, from_line(line.decode("utf-8"))
                    except ManifestError as error:
                        raise ManifestError(f"record {number} of {self.path}: {error}") from None
                start += len(line)

    def __len__(self) -> int:
        return len(self._starts)

    def record(self, number: int) -> Record:
        """The record alone, without its picture."""
        with self.path.open("rb") as stream:
            stream.seek(self._starts[number])
            return from_line(stream.readline().decode("utf-8"))

    def __getitem__(self, number: int) -> Sample:
        record = self.record(number)
        try:
            found = sample(record, self.path.parent)
        except ManifestError as error:
            raise ManifestError(f"{record.id} of {self.path}: {error}") from None
        return fit(found, self.size) if self.size else found


def sample(record: Record, folder: Path) -> Sample:
    """A record's picture and masks as they are; raises ``ManifestError`` if they do not fit each other."""
    image = read_image(record, folder)
    if record.regions and image.shape[:2] != (record.height, record.width):
        raise ManifestError(
            f"it says {record.width} × {record.height} pixels, but the picture has {image.shape[1]} × {image.shape[0]}")
    masks = record_masks(record) if record.regions else np.zeros((0, *image.shape[:2]), bool)
    gsd = math.nan if record.gsd is None else record.gsd
    areas = tuple(float(mask.sum()) * gsd**2 for mask in masks)
    forms = tuple(map(form_of_mask, masks))
    labels = tuple(region.label for region in record.regions)
    return Sample(record.id, image, masks, labels, gsd, areas, forms, record.conversations)


def fit(found: Sample, size: int) -> Sample:
    """The sample in a square picture: scaled until its longer side is ``size``, the rest filled with the mean colour.

    No mask is lost: one too small for the coarser picture keeps the pixel it covers most.
    """
    height, width = found.image.shape[:2]
    if height == width == size:
        return found
    scale = size / max(height, width)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    image = np.empty((size, size, 3), np.uint8)
    image[:] = found.image.mean(axis=(0, 1)).round()
    method = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    image[: inner[1], : inner[0]] = np.asarray(Image.fromarray(found.image).resize(inner, method))
    masks = np.zeros((len(found.masks), size, size), bool)
    for number, mask in enumerate(found.masks):
        masks[number, : inner[1], : inner[0]] = _scaled(mask, inner)
    return replace(found, image=image, masks=masks, gsd=found.gsd / scale)


def _scaled(mask: Mask, inner: Tuple[int, int]) -> Mask:
    method = Image.Resampling.BOX if inner[0] < mask.shape[1] else Image.Resampling.BILINEAR
    share: NDArray[np.float32] = np.asarray(Image.fromarray(mask.astype(np.float32)).resize(inner, method))
    covered = share >= 0.5
    return covered if covered.any() else np.asarray(share == share.max())


def prompt_turns(found: About, entry: ConversationEntry, context: str = "") -> List[PromptTurn]:
    """One of the conversations about a picture as ``core_model.text.prompt.PromptBuilder.suffix`` takes it.

    ``context`` is the model's (``AquilaConfig.context``); it stands before the first instruction, as in use, with the
    numbers of the regions that it names. Conversations about the whole picture have none.
    """
    return in_context(context, [(turn.instruction, turn.answer) for turn in entry.turns], found, entry.regions)
