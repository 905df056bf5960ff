"""All that is said about one scene, as a record of a manifest: the picture as it is stored, its masks and texts."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
from PIL import Image

from training.data.augment import photometric
from training.data.build.dialogues import dialogue
from training.data.build.relations import RELATIONS, Place, RelationMaker, Scenery, by_facts, place_of
from training.data.build.supplies import Drawn, Supply
from training.data.conversations import (
    SMALLEST_PICTURE_SHARE,
    Material,
    TurnMaker,
    choose_regions,
    material,
    picture_turn,
)
from training.data.manifest import rle
from training.data.manifest.record import ConversationEntry, Exchange, Record, RegionEntry
from training.data.phrases import Turn
from training.data.questions import Subject
from training.data.reasoning import REASONINGS
from training.data.scenes import Scene
from training.data.vocabulary import UNKNOWN

# Kinds of conversation by what a data card counts them as; yes/no questions are all called yesno-….
GROUPS: Dict[str, str] = {
    "category": "category", "labels": "category", "phrase": "short", "description": "description",
    "detailed": "detailed", "colour": "attribute", "tone": "attribute", "texture": "attribute", "shape": "attribute",
    "orientation": "attribute", "size": "attribute", "surround": "relation", "compare": "relation",
    "larger": "relation", "direction": "relation", "order": "relation", "count": "relation", "reasoning": "reasoning",
    "odd-one-out": "reasoning", "tell-apart": "reasoning", "dialogue": "several turns", "refusal": "refusal",
    "picture": "whole picture",
}
_REASONINGS = {by_facts(maker): share for maker, share in REASONINGS.items()}
LEAST_SHOWN = 0.4  # pictures that are emptier, as beyond a raster's edge, are left out
LEAST_KNOWN = 0.5  # of a picture, for it to be described as a whole


@dataclass(frozen=True)
class PairSettings:
    """How much is said about a scene: per region so many turns and true/false pairs, per scene so many of the rest.

    A share of ``pairs`` below one is the share of scenes that get one more; ``dialogues`` is a share of the regions.
    """

    regions: int = 6
    turns: int = 4
    pairs: float = 0.5
    relations: int = 3
    reasonings: int = 2
    dialogues: float = 0.25
    augment: bool = True
    quality: int = 95


@dataclass(frozen=True)
class Made:
    """A record without its place in a shard, and its picture's bytes."""

    record: Record
    picture: bytes


def group_of(kind: str) -> str:
    """The group of a kind of conversation."""
    return "positive/negative" if kind.startswith("yesno") else GROUPS.get(kind, kind)


def make(
    supply: Supply, drawn: Drawn, name: str, rng: np.random.Generator, settings: PairSettings
) -> Optional[Made]:
    """The record of a scene; None if no region is left in it. Texts state what the stored picture shows."""
    scene = drawn.scene
    choose_regions(rng, scene, settings.regions)
    if not scene.regions or scene.valid.mean() < LEAST_SHOWN:
        return None
    if settings.augment and supply.split == "train":
        scene.image = photometric(rng, scene.image)
    stream = io.BytesIO()
    Image.fromarray(scene.image).save(stream, "JPEG", quality=settings.quality, subsampling=0)
    scene.image = np.asarray(Image.open(stream).convert("RGB"))
    about = material(scene)
    pairs = int(settings.pairs) + int(rng.uniform() < settings.pairs % 1)
    turns = [picture_turn(rng, about)] if _is_known(scene) else []
    turns += TurnMaker((), settings.turns, pairs)(rng, about)
    places = [place_of(region.mask) for region in scene.regions]
    for makers, wanted in ((RELATIONS, settings.relations), (_REASONINGS, settings.reasonings)):
        turns += _drawn_turns(makers, about, places, wanted, rng)
    entries = [ConversationEntry(turn.kind, turn.regions, _exchanges(turn)) for turn in turns]
    for number in range(len(about.facts)):
        entry = dialogue(about.facts, number, rng) if rng.uniform() < settings.dialogues else None
        entries += [entry] if entry is not None else []
    regions = tuple(
        RegionEntry(facts.name, rle=rle.encode(region.mask)) for facts, region in zip(about.facts, scene.regions))
    height, width = scene.image.shape[:2]
    record = Record(
        name, f"{name}.jpg", supply.source, supply.licence, width=width, height=height, gsd=round(scene.gsd, 4),
        regions=regions, conversations=unrepeated(entries), place=drawn.place, split=supply.split)
    return Made(record, stream.getvalue())


def _exchanges(turn: Turn) -> Tuple[Exchange, ...]:
    return tuple(Exchange(*said) for said in (*turn.before, (turn.instruction, turn.answer)))


def _is_known(scene: Scene) -> bool:
    """Whether the labels say of enough of the picture what it is."""
    known = scene.categories[scene.valid]
    largest = np.bincount(known[known != UNKNOWN], minlength=1).max() if len(known) else 0
    covered = (known != UNKNOWN).mean() >= LEAST_KNOWN if len(known) else False
    return bool(covered and largest >= SMALLEST_PICTURE_SHARE * scene.categories.size)


def _drawn_turns(
    makers: Mapping[RelationMaker, float], about: Material, places: Sequence[Place], wanted: int,
    rng: np.random.Generator,
) -> List[Turn]:
    """As many turns as wanted about regions at random, in three times as many tries at most."""
    chosen, shares = list(makers), np.array(list(makers.values()))
    found: List[Turn] = []
    for place in rng.choice(len(chosen), 3 * wanted, p=shares / shares.sum()).tolist():
        region = int(rng.integers(len(places)))
        turn = chosen[place](Scenery(Subject(about.facts, region, rng), places))
        found += [turn] if turn is not None else []
    return found[:wanted]


def unrepeated(entries: Sequence[ConversationEntry]) -> Tuple[ConversationEntry, ...]:
    """The conversations without those that ask the same of the same regions again."""
    kept: Dict[Tuple[Tuple[int, ...], str], ConversationEntry] = {}
    for entry in entries:
        said = entry.turns[0].instruction if len(entry.turns) == 1 else str(entry.turns)
        kept.setdefault((entry.regions, said), entry)
    return tuple(kept.values())
