"""Pictures of manifests (docs/data.md): read and rasterised in the workers, kept on disk as they are shown."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np
import torch

from core_model.form import Form
from core_model.text.prompt import PromptBuilder, TokenSequence
from training.data.manifest.reader import ManifestReader, Sample, prompt_turns
from training.data.manifest.record import ConversationEntry, Record
from training.errors import TrainingError
from training.feeds.examples import Sights

# What a token is at least, in characters: lengths are estimated, not tokenised, since a manifest may hold millions.
_CHARACTERS = 3
_AROUND_TURN = 8
_GIB = 1024**3
# What the cache keeps of a picture; a change makes it anew.
_KEPT = ("image", "masks", "gsd", "areas", "forms")


@dataclass(frozen=True)
class Told:
    """What a manifest says about a picture: conversations, GSD and areas in metres (nan unknown), forms."""

    conversations: Tuple[ConversationEntry, ...]
    gsd: float
    areas: Tuple[float, ...]
    forms: Tuple[Form, ...]


class ManifestPictures:
    """The records of some manifests that have conversations about what is wanted, fitted to ``size`` pixels.

    Records of the ``split``, and for "train" those without one. Decoded pictures and masks are kept in ``cache``,
    the first so many that ``cache_gib`` holds; a worker reads them back several times faster than it makes them.
    """

    def __init__(
        self, paths: Sequence[Path], *, split: str, about: str, size: int, cache: Path, cache_gib: float = 0.0,
    ) -> None:
        self.size, self.about, self.cache = size, about, cache
        self._readers = [ManifestReader(path, size=size) for path in paths]
        wanted = ("train", "") if split == "train" else (split,)
        self._places: List[Tuple[int, int]] = []
        self._texts: List[int] = []
        self.regions: List[int] = []
        for reader_number, reader in enumerate(self._readers):
            for number in range(len(reader)):
                record = reader.record(number)
                chosen = wanted_conversations(record.conversations, about)
                if record.split in wanted and chosen:
                    self._places.append((reader_number, number))
                    self._texts.append(sum(estimated_length(entry) for entry in chosen))
                    self.regions.append(len(record.regions))
        self._kept = self._how_many_fit(cache_gib)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> Tuple[Told, Sights]:
        found = self._read(number) if number >= self._kept else self._remembered(number)
        told = Told(wanted_conversations(found.conversations, self.about), found.gsd, found.areas, found.forms)
        return told, {"image": torch.tensor(found.image), "masks": torch.from_numpy(found.masks)}

    def lengths(self, builder: PromptBuilder, longest: int) -> List[int]:
        """About how many tokens each picture's row will have."""
        prefix = len(builder.prefix())
        return [min(longest, prefix + text) for text in self._texts]

    def _read(self, number: int) -> Sample:
        reader, record = self._places[number]
        return self._readers[reader][record]

    def _remembered(self, number: int) -> Sample:
        reader_number, record_number = self._places[number]
        reader = self._readers[reader_number]
        record = reader.record(record_number)
        path = self.cache / f"{_key(reader.path, record, self.size)}.npz"
        if not path.is_file():
            _keep(path, self._read(number))
        with np.load(path, allow_pickle=False) as kept:
            masks = np.unpackbits(kept["masks"], axis=-1, count=self.size).astype(bool)
            gsd, areas = (kept[name].tolist() for name in ("gsd", "areas"))
            labels = tuple(region.label for region in record.regions)
            forms = tuple(Form(*words) for words in kept["forms"].tolist())
            return Sample(record.id, kept["image"], masks, labels, gsd, tuple(areas), forms, record.conversations)

    def _how_many_fit(self, cache_gib: float) -> int:
        sizes = np.array([self.size**2 * 3 + count * self.size**2 // 8 for count in self.regions])
        return int(np.searchsorted(np.cumsum(sizes), cache_gib * _GIB, side="right"))


def wanted_conversations(entries: Sequence[ConversationEntry], about: str) -> Tuple[ConversationEntry, ...]:
    """Those about whole pictures, about regions, or both."""
    return tuple(entry for entry in entries if about == "both" or bool(entry.regions) == (about == "regions"))


def estimated_length(entry: ConversationEntry) -> int:
    """About how many tokens a conversation takes."""
    return sum((len(turn.instruction) + len(turn.answer)) // _CHARACTERS + _AROUND_TURN for turn in entry.turns)


@dataclass
class Teller:
    """Conversations of a manifest as token sequences: a part of them in random order where a row cannot hold all."""

    builder: PromptBuilder
    context: str
    longest: int

    def __call__(self, rng: np.random.Generator, about: Told) -> List[TokenSequence]:
        """The conversations' tokens; their regions are the record's, by number.

        :raises TrainingError: if not one conversation fits into a row.
        """
        room = self.longest - len(self.builder.prefix())
        found: List[TokenSequence] = []
        for number in rng.permutation(len(about.conversations)):
            sequence = self._sequence(about, about.conversations[number])
            if len(sequence.ids) <= room:
                room -= len(sequence.ids)
                found.append(sequence)
        if not found:
            raise TrainingError(
                f"no conversation of a record fits into 'longest: {self.longest}' tokens; raise it in the recipe, or "
                f"shorten this one: {about.conversations[0].turns[0].instruction[:60]!r}.")
        return found

    def _sequence(self, about: Told, entry: ConversationEntry) -> TokenSequence:
        sequence = self.builder.suffix(prompt_turns(about, entry, self.context), len(entry.regions))
        return replace(sequence, regions=[entry.regions[place] for place in sequence.regions])


def _key(manifest: Path, record: Record, size: int) -> str:
    """A name for a record as it is now; a picture that is written anew gets another one, as does what is kept of it."""
    path = manifest.parent / (record.shard or record.image)
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    shown = record.image, record.width, record.height, record.regions, record.gsd
    text = repr((_KEPT, str(path.resolve()), changed, shown, size))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def _keep(path: Path, found: Sample) -> None:
    """Write a sample so that it is there whole or not at all, whichever worker comes first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    values: Dict[str, np.ndarray] = dict(zip(_KEPT, (
        found.image, np.packbits(found.masks, axis=-1), np.array(found.gsd), np.array(found.areas, np.float64),
        np.array([dataclasses.astuple(form) for form in found.forms], np.str_))))
    with partial.open("wb") as stream:
        np.savez(stream, **values)
    partial.replace(path)


def open_manifests(
    names: Sequence[str], *, split: str, about: str, size: int, cache: Path, cache_gib: float
) -> ManifestPictures:
    """The pictures of manifests by name; raises ``TrainingError`` where none of them can be used."""
    found = ManifestPictures(
        [Path(name) for name in names], split=split, about=about, size=size, cache=cache, cache_gib=cache_gib)
    if split == "train" and not len(found):
        wanted = {"pictures": "whole pictures", "regions": "regions"}.get(about, "anything")
        raise TrainingError(f"{', '.join(names)}: no record of the split 'train' has a conversation about {wanted}.")
    if not math.isfinite(cache_gib) or cache_gib < 0:
        raise TrainingError(f"'cache_gib' is {cache_gib}; use 0 for no cache, or a number of GiB.")
    return found
