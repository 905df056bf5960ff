"""A manifest (docs/data.md) as data sets to measure on: one for each of its sources."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple

from training.data.converters.base import words
from training.data.manifest.masks import record_masks
from training.data.manifest.reader import ManifestReader, fit
from training.data.manifest.record import Exchange, ManifestError, Record
from training.data.manifest.store import records
from training.data.phrases import Turn
from training.evaluation.held_out import evenly
from training.evaluation.material import DataSet, NotMeasured, Shown, Spoken, Target

CAPTION_KINDS = ("short", "part", "phrase", "caption", "description", "detailed")
# Their text may come after the class in one conversation, as training's makers write it.
STYLES = ("phrase", "description", "detailed")
REASONING_KINDS = (
    "reasoning", "odd-one-out", "tell-apart", "compare", "larger", "count", "direction", "order", "conversation",
    "dialogue", "question",
)


class ManifestSet(DataSet):
    """One source's records of one split, pictures fitted into the model's square as they are asked for.

    Classes are the labels of all the source's records. A picture's regions are taken for all there is of their classes.
    Of a conversation the first turn is asked, of one in the ``STYLES`` the last.
    """

    def __init__(
        self, path: Path, source: str, split: str, size: int, *, labels: Sequence[str], most: Optional[int] = None
    ) -> None:
        self.name, self.labels = source, tuple(labels)
        self._path, self._size = path, size
        self._reader = ManifestReader(path, split=split, source=source)
        self._numbers = evenly(range(len(self._reader)), most)
        self._records = [self._reader.record(number) for number in self._numbers]
        self.places = [record.place or record.image for record in self._records]
        self.targets = [
            target for number, record in enumerate(self._records) for target in self._of_record(number, record)]

    def _of_record(self, number: int, record: Record) -> List[Target]:
        if not record.regions:
            return []
        try:
            pixels = record_masks(record).sum(axis=(1, 2))
        except ManifestError as error:
            raise ManifestError(f"{record.id} of {self._path}: {error}") from None
        scale = self._size / max(record.width or 1, record.height or 1)
        return [Target(number, place, words(region.label), int(count), float(count) * scale**2)
                for place, (region, count) in enumerate(zip(record.regions, pixels)) if region.label]

    def shown(self, picture: int) -> Shown:
        """See ``DataSet``; raises ``ManifestError`` for a picture that cannot be read."""
        found = fit(self._reader[self._numbers[picture]], self._size)
        return Shown(found.image, found.masks, found.gsd, found.areas, found.forms)

    def present(self, picture: int) -> Optional[FrozenSet[str]]:
        """See ``DataSet``."""
        return frozenset(words(region.label) for region in self._records[picture].regions if region.label) or None

    def training(self, most: int) -> Optional[ManifestSet]:
        """See ``DataSet``."""
        found = ManifestSet(self._path, self.name, "train", self._size, labels=self.labels, most=most)
        return found if found.targets else None

    def captions(self) -> List[Spoken]:
        """Conversations of the kinds that describe; those of one kind about the same regions are one."""
        return self._spoken(CAPTION_KINDS, lambda _asked: "")

    def reasoning(self) -> List[Spoken]:
        """Conversations of the kinds that take more; those that ask the same of the same regions are one."""
        return self._spoken(REASONING_KINDS, lambda asked: asked)

    def _spoken(self, kinds: Sequence[str], task_of: Callable[[str], str]) -> List[Spoken]:
        """One question for each task, which ``task_of`` tells from the instruction, with all of its answers."""
        found: Dict[Tuple[int, str, Tuple[int, ...], str], List[Exchange]] = {}
        for number, record in enumerate(self._records):
            for entry in record.conversations:
                if entry.kind in kinds:
                    turn = entry.turns[-1 if entry.kind in STYLES else 0]
                    found.setdefault((number, entry.kind, entry.regions, task_of(turn.instruction)), []).append(turn)
        return [_spoken(picture, kind, regions, turns) for (picture, kind, regions, _), turns in found.items()]


def _spoken(picture: int, kind: str, regions: Tuple[int, ...], turns: Sequence[Exchange]) -> Spoken:
    asked = Turn(kind, turns[0].instruction, turns[0].answer, regions)
    return Spoken(picture, asked, tuple(dict.fromkeys(turn.answer for turn in turns)))


def manifest_sets(
    path: Path, split: str, size: int, *, sources: Sequence[str] = (), most: Optional[int] = None
) -> List[DataSet]:
    """A data set for each source; all records where none states a split. Raises ``NotMeasured`` if nothing is left."""
    labels: Dict[str, Dict[str, None]] = {}
    splits = set()
    for record in records(path):
        if not sources or record.source in sources:
            labels.setdefault(record.source, {}).update((words(one.label), None) for one in record.regions if one.label)
            splits.add(record.split)
    chosen = split if splits - {""} else ""
    found = [ManifestSet(path, source, chosen, size, labels=list(known), most=most) for source, known in labels.items()]
    kept: List[DataSet] = [entry for entry in found if entry.places]
    if not kept:
        raise NotMeasured(f"{path} has no record of split {split!r} and the sources asked for; see docs/data.md.")
    return kept
