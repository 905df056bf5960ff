"""Adapts a model to classes of one's own: any raster, and any polygon layer with a field that names their classes.

``python -m training.finetune --raster … --polygons … --label-field …`` looks through the product's windows, keeps some
places apart, trains on the others with the frozen encoder's view of each window, and says how often the model was right
on the places kept apart, before and after. The folder it writes is chosen in QGIS like any other model.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch

from core_model.checkpoint import pick_device, save_model
from core_model.errors import AquilaError
from core_model.folders import model_folder
from core_model.generation import Generator
from core_model.network.aquila import Aquila
from core_model.text.tokenizer import TextTokenizer
from training.bank import fill, region_counts
from training.data.augment import photometric
from training.data.build.supplies import ManifestSupply
from training.data.build.vocabularies import ClassWords, words_for
from training.data.conversations import Material, TurnMaker, choose_regions, material
from training.data.converters.base import Origin, Report, save
from training.data.converters.gis import Layers, gis
from training.data.manifest import rle
from training.data.manifest.masks import record_masks
from training.data.manifest.record import Record, RegionEntry
from training.data.manifest.store import records
from training.data.scenes import Scene, turned
from training.engine import Engine, Launch, Work, training_arguments
from training.errors import TrainingError
from training.evaluation import tasks
from training.feeds.drawn import Speaker, shown
from training.feeds.examples import Examples, Order, Sights, collate
from training.parts import Start, finished, ready_to_train
from training.plan import plan_of, schedule_line
from training.recipe import start_logging
from training.run import folder_start
from training.settings import Lora, TextStage
from training.stages.text import TextLearner, prompt_builder

_LOG = logging.getLogger(__name__)
SOURCE = "own"
HELD_OUT_SHARE = 0.25
MOST_REGIONS = 8
_SHIFTS = 12
# For nano on a CPU.
FULL = TextStage(
    steps=150, scenes_per_batch=8, optimizer="muon", learning_rate=0.002, warmup=10, floor=0.05, average=0.95,
    workers=0, save_every=50, turns_per_region=2, pairs_per_region=1, bank=True)
ADAPTERS = replace(FULL, optimizer="adamw", learning_rate=0.002, lora=Lora(rank=16, alpha=32, dropout=0.0))


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for; ``classes`` maps values of the field to words, and leaves out all others.

    ``background`` names ground that none of the polygons covers, where the layer holds one class alone.
    """

    layers: Layers
    out: Path
    start: str = "nano"
    classes: Tuple[Tuple[str, str], ...] = ()
    background: str = ""
    rounds: int = 2
    device: str = "auto"


@dataclass(frozen=True)
class Rates:
    """How often held-out regions got their class: written freely, and chosen from the list of classes."""

    regions: int
    written: float
    chosen: float
    most_frequent: float


class OwnScenes:
    """Windows with their labelled regions, each ``rounds`` times: as it is, then turned and in other light."""

    def __init__(self, supply: ManifestSupply, windows: int, rounds: int) -> None:
        self.supply, self.windows, self.rounds = supply, windows, rounds

    def __len__(self) -> int:
        return self.windows * self.rounds

    def __getitem__(self, number: int) -> Tuple[Material, Sights]:
        scene = self.scene(number)
        choose_regions(np.random.default_rng((number, 1)), scene, MOST_REGIONS)
        return material(scene), shown(scene)

    def scene(self, number: int) -> Scene:
        """A window as a scene."""
        rng = np.random.default_rng((number, 0))
        drawn = self.supply.draw(rng, number)
        if drawn is None:
            raise TrainingError("a window has no labelled region left; remove empty polygons from the layer.")
        return drawn.scene if number < self.windows else _turned(rng, drawn.scene)


def _turned(rng: np.random.Generator, scene: Scene) -> Scene:
    """The scene in one of its eight positions, and in other light."""
    turn = functools.partial(turned, turns=int(rng.integers(4)), flip=bool(rng.integers(2)))
    return replace(
        scene, image=photometric(rng, turn(scene.image)), categories=turn(scene.categories), valid=turn(scene.valid),
        regions=[replace(region, mask=turn(region.mask)) for region in scene.regions])


def windows(wanted: Wanted, size: int) -> List[Record]:
    """The labelled windows of the layers, stored under ``wanted.out``; raises ``ManifestError`` for unusable layers."""
    folder = wanted.out / "data"
    origin = Origin(SOURCE, "the layer's own", folder / "pictures", folder / "labelled.jsonl")
    report = Report()
    words = dict(wanted.classes)
    found = (_named(record, words) for record in gis(replace(wanted.layers, size=size), origin, report))
    kept = (_with_background(record, wanted.background) for record in found if record.regions)
    save(kept, origin.out, report)
    for feature, reason in report.problems[:5]:
        _LOG.warning("%s is left out: %s", feature, reason)
    if len(report.problems) > 5:
        _LOG.warning("%d polygons are left out in all", len(report.problems))
    return list(records(origin.out))


def _named(record: Record, words: Dict[str, str]) -> Record:
    """The record with its regions' classes in the words that are wanted, without those that are not."""
    if not words:
        return record
    kept = tuple(replace(region, label=words[region.label]) for region in record.regions if region.label in words)
    return replace(record, regions=kept, conversations=())


def _with_background(record: Record, name: str) -> Record:
    """For every polygon one of its shape beside all of them, where there is room."""
    if not name:
        return record
    masks = record_masks(record)
    taken = masks.any(axis=0)
    rng = np.random.default_rng(int(hashlib.sha256(record.id.encode("utf-8")).hexdigest()[:12], 16))
    found: List[RegionEntry] = []
    for mask in masks:
        rows, columns = np.nonzero(mask)
        for _ in range(_SHIFTS):
            down = int(rng.integers(-rows.min(), mask.shape[0] - rows.max()))
            right = int(rng.integers(-columns.min(), mask.shape[1] - columns.max()))
            moved = np.roll(mask, (down, right), axis=(0, 1))
            if not (moved & taken).any():
                found.append(RegionEntry(name, rle=rle.encode(moved)))
                break
    return replace(record, regions=(*record.regions, *found), conversations=())


def apart(found: Sequence[Record]) -> Tuple[List[Record], List[Record]]:
    """Records to train on, and a quarter of them, whole places, to measure on.

    Raises ``TrainingError`` where there is only one place.
    """
    places = sorted({record.place for record in found}, key=lambda place: hashlib.sha256(place.encode()).hexdigest())
    if len(places) < 2:
        raise TrainingError("the polygons lie in one place, so nothing can be kept apart to measure on; add polygons.")
    held_out: List[str] = []
    for place in places[:-1]:
        if sum(record.place in held_out for record in found) < HELD_OUT_SHARE * len(found):
            held_out.append(place)
    return ([record for record in found if record.place not in held_out],
            [record for record in found if record.place in held_out])


def classes_of(found: Sequence[Record]) -> List[ClassWords]:
    """The classes of the records; raises ``TrainingError`` where there are not two to tell apart."""
    labels = sorted({region.label for record in found for region in record.regions if region.label})
    if len(labels) < 2:
        raise TrainingError(
            f"the polygons have one class, {labels[0] if labels else 'none'!r}; name the ground around them with "
            "--background, or choose another --label-field.")
    return [words_for(label) for label in labels]


def measured(model: Aquila, tokenizer: TextTokenizer, scenes: Sequence[Scene], names: Sequence[str]) -> Rates:
    """How often a model gives held-out regions their class."""
    generator = Generator(model, tokenizer)
    found = tasks.known(scenes)
    truth = [facts.name for one in found for facts in one.facts]
    written = tasks.answer(generator, found, tasks.category_turn(generator))
    chosen = [names[number] for number in tasks.score(generator, found, names).argmax(axis=1)]
    return Rates(
        len(truth), tasks.accuracy(written), float(np.mean([said == true for said, true in zip(chosen, truth)])),
        max(truth.count(name) for name in names) / len(truth))


def adapt(wanted: Wanted, stage: TextStage) -> Tuple[Rates, Rates]:
    """Train and write the folder; the rates before and after, on the places kept apart."""
    start = folder_start(str(model_folder(wanted.start)))
    device = pick_device(wanted.device)
    model, tokenizer = start("float32", device)
    size = model.config.encoder.image_size
    found = windows(wanted, size)
    classes = classes_of(found)
    train, test = apart(found)
    _LOG.info("%d windows to train on, %d kept apart; classes: %s", len(train), len(test),
              ", ".join(entry.name for entry in classes))
    folder = wanted.out / "data"
    supply = ManifestSupply(folder, train, classes, size, wanted.rounds, "train")
    held_out = OwnScenes(ManifestSupply(folder, test, classes, size, 1, "test"), len(test), 1)
    names = [entry.name for entry in classes]
    with supply.speaking():
        scenes = [held_out.scene(number) for number in range(len(held_out))]
        before = measured(model, tokenizer, scenes, names)
        _LOG.info("before: %s", before)
        model, tokenizer = _trained(wanted, stage, start, OwnScenes(supply, len(train), wanted.rounds), device)
        after = measured(model, tokenizer, scenes, names)
        _LOG.info("after: %s", after)
    model.config = replace(model.config, name=wanted.out.name)
    save_model(wanted.out / "model", model, tokenizer, card=_card(wanted, names, before, after))
    return before, after


def _trained(
    wanted: Wanted, stage: TextStage, start: Start, source: OwnScenes, device: torch.device
) -> Tuple[Aquila, TextTokenizer]:
    model, tokenizer = start("float32", device)
    launch = Launch(wanted.out / "run", device, report=())
    arguments = training_arguments(stage, launch)
    size, accumulation = arguments.per_device_train_batch_size, arguments.gradient_accumulation_steps
    plan = plan_of(model.config, stage, weights="float32", rows=size)
    for line in (*plan.lines(), schedule_line(stage, size, accumulation, 1, len(source))):
        _LOG.info("%s", line)
    builder = prompt_builder(model, tokenizer)
    speaker = Speaker(
        TurnMaker(stage.kinds, stage.turns_per_region, stage.pairs_per_region), builder, model.config.context)
    bank = fill(model, source, stage.workers, device)
    ready_to_train(model, stage)
    order = Order(list(region_counts(bank)), stage.scenes_per_batch, stage.seed)
    examples = Examples(bank, speaker, builder, order, count=stage.steps * stage.scenes_per_batch, seed=stage.seed)
    weights = Engine(Work(TextLearner(model), examples, collate), stage, arguments, launch).run()
    return finished(start, stage, weights, "float32")


def table(before: Rates, after: Rates) -> str:
    """Both rates as people read them."""
    rows = (("class written", before.written, after.written),
            ("class chosen from the list", before.chosen, after.chosen))
    lines = [f"{'':<28}{'before':>8}{'after':>8}", *(f"{name:<28}{old:>8.3f}{new:>8.3f}" for name, old, new in rows)]
    lines.append(f"{before.regions} held-out regions; {before.most_frequent:.3f} of them are of one class.")
    return "\n".join(lines)


def _card(wanted: Wanted, names: Sequence[str], before: Rates, after: Rates) -> str:
    return f"""# {wanted.out.name}

`{wanted.start}`, adapted to {', '.join(names)} of the field `{wanted.layers.label_field}` of
`{Path(wanted.layers.polygons).name}` over `{Path(wanted.layers.raster).name}`, on places of their own:

```
{table(before, after)}
```

The licences of the starting model, the imagery and the layer apply to this folder.
"""


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--raster", required=True, help="any raster that GDAL reads")
    found.add_argument("--polygons", required=True, help="any polygon layer that GDAL reads, in any CRS")
    found.add_argument("--label-field", required=True, help="the field that names each polygon's class")
    found.add_argument("--layer", help="the layer, where the file holds several")
    found.add_argument("--where", help="take only the polygons for which this SQL holds")
    found.add_argument("--classes", default="", help="VALUE=words,…: how values are spoken of; others are left out")
    found.add_argument("--background", default="", help="words for ground that no polygon covers")
    found.add_argument("--start", default="nano", help="the model to adapt: a built-in one, or a folder")
    found.add_argument("--lora", action="store_true", help="train adapters of the language model, not all of it")
    found.add_argument("--steps", type=int, default=FULL.steps, help="how many steps of 8 windows")
    found.add_argument("--rounds", type=int, default=2, help="how many looks at each window are trained on")
    found.add_argument("--out", type=Path, default=Path("runs/own"), help="the new folder; the model is in OUT/model")
    found.add_argument("--device", default="auto", help="auto, cpu or cuda")
    return found


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The command line."""
    chosen = parser().parse_args(arguments)
    start_logging()
    layers = Layers(chosen.raster, chosen.polygons, chosen.label_field, chosen.layer, chosen.where)
    wanted = Wanted(
        layers, chosen.out, chosen.start, _pairs(chosen.classes), chosen.background, chosen.rounds, chosen.device)
    try:
        before, after = adapt(wanted, replace(ADAPTERS if chosen.lora else FULL, steps=chosen.steps))
    except AquilaError as error:
        raise SystemExit(f"{error}") from None
    print(table(before, after))  # noqa: T201 (the command's purpose)
    print(f"Add {(chosen.out / 'model').resolve()} in QGIS: Settings → Options → Aquila.")  # noqa: T201


def _pairs(text: str) -> Tuple[Tuple[str, str], ...]:
    pairs = [entry.partition("=") for entry in text.split(",") if entry.strip()]
    return tuple((value.strip(), (words or value).strip()) for value, _, words in pairs)
