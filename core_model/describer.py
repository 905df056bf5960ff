"""The one façade: a raster and polygons in, a stream of descriptions out.

>>> describer = Describer(load_model("nano"))  # doctest: +SKIP
>>> for found in describer.describe("orthophoto.tif", (row.region for row in open_layer("plots.gpkg"))):
...     found.id, found.label, found.description
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Dict, List, Tuple

import numpy as np
from torch import nn

from core_model.checkpoint import LoadedModel
from core_model.confidence import confidence, hedged
from core_model.config import AquilaConfig
from core_model.crew import crew_for, is_small_on_cpu
from core_model.description import Answer, Description, Plan
from core_model.errors import PromptError
from core_model.form import NO_FORM
from core_model.generation import Generator, Request, Sampling, View, Written
from core_model.geo.planning import plan
from core_model.geo.raster import Picture
from core_model.geo.regions import PlacedRegion, Placer, Region, Status
from core_model.geo.tiling import Bounds, choose_tile
from core_model.prefix_cache import Pictures, PrefixCache
from core_model.prompts import asked, check_prompt, clean_labels, label_prompt, style_prompt, with_all_regions
from core_model.seeing import (
    EXPECTED,
    BatchSize,
    Cancelled,
    Progress,
    Raster,
    Seen,
    Walk,
    look,
    open_picture,
    open_source,
    show,
    side_by_side,
)
from core_model.stopwatch import Stopwatch
from core_model.text.prompt import Turn

__all__ = ["Answer", "Describer", "Description", "Plan"]

# What encoded pictures may take between two runs: some 150 of the default model's.
CACHE_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class _Task:
    """What to write: ``text`` asks for the description ("" if the label serves), ``category`` for the label.

    With ``in_turn`` the description is asked for after the label, in the same conversation.
    """

    text: str
    category: str
    in_turn: bool
    labels: Tuple[str, ...]
    sampling: Sampling


class Describer:
    """Describes regions of rasters with one model; one run at a time.

    At most ``batch_size`` regions share one pass through it (by default 32, or 64 for a small model on a CPU), fewer
    where memory runs out. Encoded pictures of raster files are kept for the next run, the latest used up to
    ``cache_bytes``. ``reads_ahead`` reads the next pictures in another thread meanwhile. None of the three changes a
    text. ``stopwatch`` tells where the time went.
    """

    def __init__(
        self, loaded: LoadedModel, *, batch_size: int | None = None, cache_bytes: int = CACHE_BYTES,
        reads_ahead: bool = True,
    ) -> None:
        self.loaded = loaded
        self.model_name = loaded.name
        self.config: AquilaConfig = loaded.model.config
        self.size = self.config.encoder.image_size
        self.batch_size = _usual_batch(loaded.model) if batch_size is None else max(1, batch_size)
        self.stopwatch = Stopwatch()
        self._batch = BatchSize(self.batch_size)
        self._reads_ahead = reads_ahead
        self._cache = PrefixCache(cache_bytes)
        self._generator = Generator(loaded.model, loaded.tokenizer, rows=self.batch_size, stopwatch=self.stopwatch)

    def describe(
        self, raster: Raster, regions: Iterable[Region], *, style: str | None = None, prompt: str | None = None,
        labels: Sequence[str] | None = None, sampling: Sampling = Sampling(), bands: Sequence[int] | None = None,
        wider: int = 0, progress: Progress | None = None, is_cancelled: Cancelled | None = None,
    ) -> Iterator[Description]:
        """One ``Description`` for each region, in the order of the tiles they are seen through, as they are made.

        ``style`` is category, phrase, description (the default) or detailed; ``prompt`` is asked instead of it. With
        ``labels`` the label is the likeliest of them and, unless a style or prompt is given, the description too.
        Labels are always the likeliest; ``sampling`` concerns descriptions. ``wider`` 1 shows twice as much around
        every region as the model was taught with, 2 four times. All regions are placed before the first result comes.
        ``progress`` gets (done, total); ``is_cancelled`` is asked between batches and ends the stream.

        :raises PromptError: for a prompt, style or label list that cannot be used.
        :raises RasterError: if the raster cannot be opened. A tile that cannot be read only concerns its regions.
        """
        task = self._checked_task(style, prompt, labels, sampling)
        picture, opened = open_picture(raster, bands)
        kept = self._kept(picture)
        walk = Walk(
            size=self.size, batch=self._batch, wider=wider, work=lambda seen: self._tried(task, seen, kept),
            blank=self._blank, known=kept.get, stopwatch=self.stopwatch, reads_ahead=self._reads_ahead,
            crew=crew_for(self.loaded.model))
        return walk.stream(picture, opened, regions, progress, is_cancelled)

    def ask(
        self, raster: Raster, regions: Iterable[Region], question: str, *, labels: Sequence[str] | None = None,
        sampling: Sampling = Sampling(), bands: Sequence[int] | None = None,
    ) -> Answer:
        """One answer about one region or several together, called ``<region1>``, ``<region2>`` … in the question.

        With ``labels`` the answer is the likeliest of them.

        :raises PromptError: for a question that cannot be used.
        :raises RasterError: if the raster cannot be read.
        """
        chosen = list(regions)
        if not chosen:
            raise PromptError("no region is given to ask about; give at least one polygon.")
        check_prompt(question, len(chosen))
        kept = tuple(clean_labels(labels)) if labels is not None else ()
        picture, opened = open_picture(raster, bands)
        pictures = self._kept(picture)
        try:
            seen = self._seen_together(picture, chosen, pictures)
        finally:
            if opened is not None:
                opened.close()
        if isinstance(seen, str):
            return Answer(tuple(region.id for region in chosen), seen, model=self.model_name)
        return self._answer(self._view(seen, pictures), seen, with_all_regions(question, len(chosen)), kept, sampling)

    def instruction(
        self, *, style: str | None = None, prompt: str | None = None, labels: Sequence[str] | None = None
    ) -> str:
        """The instruction that ``describe`` asks under these options; raises ``PromptError`` as it does."""
        task = self._checked_task(style, prompt, labels, Sampling())
        return self.config.context + (task.text or task.category or label_prompt(self.config, task.labels))

    def plan(self, raster: Raster, regions: Iterable[Region]) -> Plan:
        """How many polygons and tiles a run would see; reads no pixels."""
        source, opened = open_source(raster)
        try:
            return plan(source, regions, self.size)
        finally:
            if opened is not None:
                opened.close()

    def _checked_task(
        self, style: str | None, prompt: str | None, labels: Sequence[str] | None, sampling: Sampling
    ) -> _Task:
        task = _task(self.config, style, prompt, labels, sampling)
        conversations = [(task.category, task.text)] if task.in_turn else [(task.category,), (task.text,)]
        for first, *later in filter(all, conversations):
            self._check_room(first, later)
        if task.labels:
            self._check_room(label_prompt(self.config, task.labels), (), task.labels)
        return task

    def _check_room(self, first: str, later: Sequence[str], labels: Sequence[str] = ()) -> None:
        """Raises ``PromptError`` for what is too long for the model even where little is told of a region."""
        known = asked(self.config, first, math.nan, (math.nan,), (NO_FORM,))
        self._generator.check_room(Request((0,), (Turn(known), *map(Turn, later))), labels)

    def _tried(self, task: _Task, seen: Sequence[Seen], kept: Pictures) -> List[Description]:
        try:
            return self._write(task, seen, kept)
        except EXPECTED:
            self._cache.clear()  # what lacked memory finds more of it when it is tried again
            raise

    def _write(self, task: _Task, seen: Sequence[Seen], kept: Pictures) -> List[Description]:
        view = self._view(seen, kept)
        names, texts, chances = self._names(view, task, seen)
        found = []
        for number, item in enumerate(seen):
            label, sure, probabilities = "", None, None
            if task.labels:
                probabilities = dict(zip(task.labels, (float(value) for value in chances[number])))
                label = max(probabilities, key=lambda name: probabilities[name])
                sure = probabilities[label]
            elif task.category:
                label = _printable(names[number].text)
                sure = confidence(self.config, names[number])
            text = _printable(texts[number].text) if task.text else label
            if sure is None:
                sure = texts[number].token_probability
            if task.in_turn:
                text = hedged(self.config, text, sure)
            found.append(self._blank(item.placed, item.placed.status, text, label, sure, probabilities))
        return found

    def _names(
        self, view: View, task: _Task, seen: Sequence[Seen]
    ) -> Tuple[List[Written], List[Written], np.ndarray]:
        """Written categories, written descriptions (either empty if not wanted) and label probabilities [R, labels]."""
        names = self._requests(seen, task.category) if task.category else []
        chances = np.zeros((len(seen), 0))
        if task.in_turn:
            return (*self._in_turn(view, task, names), chances)
        texts = self._requests(seen, task.text) if task.text else []
        if task.labels:
            asked_for = self._requests(seen, label_prompt(self.config, task.labels))
            chances = self._generator.score(view, asked_for, task.labels)
        if task.sampling.temperature > 0:
            written = self._generator.write(view, names)
            written += self._generator.write(view, texts, sampling=task.sampling)
        else:
            written = self._generator.write(view, names + texts)
        named = written[: len(names)]
        return _replaced(named, self._known(view, names, named)), written[len(names):], chances

    def _in_turn(self, view: View, task: _Task, names: List[Request]) -> Tuple[List[Written], List[Written]]:
        """Categories, and the texts that follow them in one conversation."""
        led = [replace(name, turns=(*name.turns, Turn(task.text))) for name in names]
        texts = self._generator.write(view, led, sampling=task.sampling)
        named = [one.earlier[0] for one in texts]
        known = self._known(view, names, named)
        again = [replace(names[number], turns=(replace(names[number].turns[0], answer=one.text), Turn(task.text)))
                 for number, one in known.items()]
        rewritten = dict(zip(known, self._generator.write(view, again, sampling=task.sampling)))
        return _replaced(named, known), _replaced(texts, rewritten)

    def _known(self, view: View, names: Sequence[Request], named: Sequence[Written]) -> Dict[int, Written]:
        """The likeliest of the model's categories for every region that it called something else, by number."""
        known = self.config.categories
        strange = [number for number, one in enumerate(named) if known and _printable(one.text) not in known]
        if not strange:
            return {}
        chances = self._generator.score(view, [names[number] for number in strange], known)
        return {
            number: replace(named[number], text=known[int(row.argmax())],
                            log_probability=named[number].log_probability + math.log(row.max()))
            for number, row in zip(strange, chances)}

    def _kept(self, picture: Picture) -> Pictures:
        identity = picture.identity
        # Pictures of a raster that may change unnoticed are only good for the run they were read in.
        return Pictures(PrefixCache(0) if identity is None else self._cache, identity)

    def _view(self, seen: Sequence[Seen], kept: Pictures) -> View:
        pictures, masks, image_index = side_by_side(seen)
        return self._generator.view_of(kept.encoded(pictures, self._generator.encode), masks, image_index)

    def _requests(self, seen: Sequence[Seen], prompt: str) -> List[Request]:
        return [
            Request((number,), (Turn(self._asked(prompt, [item])),), zlib.crc32(repr(item.placed.id).encode()))
            for number, item in enumerate(seen)
        ]

    def _asked(self, prompt: str, seen: Sequence[Seen]) -> str:
        # The model was taught metres per pixel of the picture it sees, not of the raster.
        gsd = seen[0].placed.gsd_m * 2.0 ** seen[0].tile.level
        areas, forms = zip(*((item.placed.area_m2, item.placed.form) for item in seen))
        return asked(self.config, prompt, gsd, areas, forms)

    def _seen_together(
        self, picture: Picture, regions: Sequence[Region], kept: Pictures
    ) -> List[Seen] | str:
        """The regions on one picture that holds them all, or the status that says why not."""
        placer = Placer(picture.source, self.size)
        placed = [placer.place(region) for region in regions]
        bounds = []
        for number, region in enumerate(placed, 1):
            if region.bounds is None:
                return _status_of(number, len(placed), region.status)
            bounds.append(region.bounds)
        tile = choose_tile(_union(bounds), self.size, raster_size=(picture.source.width, picture.source.height))
        shown = show(picture, tile, self.size, kept.get(tile))
        seen = []
        for number, region in enumerate(placed, 1):
            item = look(placer, region, shown, self.size)
            if item is None:
                return _status_of(number, len(placed), str(Status.NO_VALID_PIXELS))
            seen.append(item)
        return seen

    def _answer(
        self, view: View, seen: Sequence[Seen], question: str, labels: Sequence[str], sampling: Sampling
    ) -> Answer:
        request = Request(tuple(range(len(seen))), (Turn(self._asked(question, seen)),))
        probabilities = None
        if labels:
            chances = self._generator.score(view, [request], labels)[0]
            probabilities = dict(zip(labels, (float(value) for value in chances)))
            text, confidence = max(probabilities.items(), key=lambda entry: entry[1])
        else:
            written = self._generator.write(view, [request], sampling=sampling)[0]
            text, confidence = _printable(written.text), written.token_probability
        outside = [item.placed.status for item in seen if item.placed.status != Status.OK]
        return Answer(
            tuple(item.placed.id for item in seen), outside[0] if outside else str(Status.OK), text, confidence,
            tuple(item.placed.area_m2 for item in seen), seen[0].placed.gsd_m, self.model_name, probabilities,
        )

    def _blank(
        self, placed: PlacedRegion, status: str, text: str = "", label: str = "", confidence: float | None = None,
        probabilities: Dict[str, float] | None = None,
    ) -> Description:
        return Description(
            placed.id, status, text, label, confidence, placed.area_m2, placed.perimeter_m, placed.gsd_m,
            placed.centroid_lonlat, self.model_name, probabilities,
        )


def _usual_batch(model: nn.Module) -> int:
    """A small model spends much of a step on what does not depend on how many are written; a large one needs memory."""
    return 64 if is_small_on_cpu(model) else 32


def _task(
    config: AquilaConfig, style: str | None, prompt: str | None, labels: Sequence[str] | None, sampling: Sampling
) -> _Task:
    kept = tuple(clean_labels(labels)) if labels is not None else ()
    if prompt is not None and style is not None:
        raise PromptError("a style and a prompt are given; choose one of them.")
    if prompt is not None:
        check_prompt(prompt, 1)
    chosen = style or ("category" if kept else "description")
    text = prompt if prompt is not None else style_prompt(config, chosen)
    category = "" if kept else config.prompts.get("category", "")
    if prompt is None and chosen == "category":  # the label is the text, written once
        text, category = "", "" if kept else text
    in_turn = config.label_first and prompt is None and bool(text and category)
    return _Task(text, category, in_turn, kept, sampling)


def _replaced(written: Sequence[Written], others: Dict[int, Written]) -> List[Written]:
    """The texts, with the ``others`` in their places."""
    return [others.get(number, one) for number, one in enumerate(written)]


def _union(bounds: Sequence[Bounds]) -> Bounds:
    low = np.min(bounds, axis=0)
    high = np.max(bounds, axis=0)
    return float(low[0]), float(low[1]), float(high[2]), float(high[3])


def _printable(text: str) -> str:
    """Text without control characters, which a model can write byte by byte and XML formats cannot hold."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t").strip()


def _status_of(number: int, count: int, status: str) -> str:
    return status if count == 1 else f"region {number}: {status}"
