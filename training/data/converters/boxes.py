"""Box text as GeoChat and VRSBench write it: ``{<x1><y1><x2><y2>|<angle>}`` in hundredths of the picture's sides.

A model that reads regions does not write boxes, so a box in an instruction becomes a region; a request for the place of
something (``[refer]``) is turned round: its box is the region, and what was looked for is the answer; and a caption
with boxes (``[grounding]``) becomes the caption, and each of its phrases the name of its boxes.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Iterator, List, NamedTuple, Sequence, Tuple

from training.data.converters.base import Origin, Report, exchange, load_json, text_of
from training.data.converters.chats import turns_of
from training.data.manifest.record import ConversationEntry, ManifestError, Record, RegionEntry

PHRASE = "Describe <region> in a short phrase."
_NUMBER = r"\s*<(-?\d+(?:\.\d+)?)>\s*"
_BOX = re.compile(r"\{" + _NUMBER * 4 + r"(?:\|" + _NUMBER + r")?\}")
_BRACES = re.compile(r"\{\s*<[^{}]*\}")
_TASK = re.compile(r"^\s*\[(\w+)\]\s*")
_PHRASE = re.compile(r"<p>\s*(.*?)\s*</p>", re.DOTALL)
_PHRASE_WITH_BOXES = re.compile(r"<p>\s*(.*?)\s*</p>\s*((?:\{[^{}]*\}\s*(?:<delim>)?\s*)+)", re.DOTALL)
_FULL = 100.0


class Converted(NamedTuple):
    """The regions and conversations of one record."""

    regions: Tuple[RegionEntry, ...]
    conversations: Tuple[ConversationEntry, ...]


def box_text(path: Path, origin: Origin, report: Report) -> Iterator[Record]:
    """LLaVA-style JSON with box text: GeoChat_Instruct.json, VRSBench_train.json."""
    for number, values in enumerate(load_json(path), 1):
        try:
            image = text_of(values, "image")
            blank = origin.record(f"{number}-{values.get('id', Path(image).stem)}", image)
            if blank.width is None or blank.height is None:
                raise ManifestError("its boxes need the picture's size, so its picture must be there")
            made = converted(turns_of(values), blank.width, blank.height)
            yield origin.record(blank.id, image, regions=made.regions, conversations=made.conversations)
        except ManifestError as error:
            report.problem(number, str(error))


def converted(turns: Sequence[Tuple[str, str]], width: int, height: int) -> Converted:
    """Turns with box text as regions and conversations; raises ``ManifestError`` for box text that cannot be read."""
    builder = _Builder(width, height)
    for asked, answer in turns:
        builder.add(asked, answer)
    return builder.finished()


class _Builder:
    """Collects the regions of one record; turns without boxes that follow each other stay one conversation."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.regions: List[RegionEntry] = []
        self.conversations: List[ConversationEntry] = []
        self._running: List[Tuple[str, str]] = []

    def add(self, asked: str, answer: str) -> None:
        """One turn."""
        task = _TASK.match(asked)
        kind, asked = (task.group(1), asked[task.end():]) if task else ("", asked)
        for text in (asked, answer):
            _check(text)
        if kind != "refer" and not _BOX.search(asked) and not _BOX.search(answer):
            self._running.append((_plain(asked), _plain(answer)))
        elif _BOX.search(asked):
            self._end_running()
            self._about_boxes(kind or "question", asked, answer)
        elif _PHRASE_WITH_BOXES.search(answer):
            self._end_running()
            self._grounded(asked, answer)
        else:
            self._end_running()
            self._referred(asked, answer)

    def _about_boxes(self, kind: str, asked: str, answer: str) -> None:
        """``[identify] {box}``, or a question that names boxes."""
        first = len(self.regions)
        self.regions += [self._region([match]) for match in _BOX.finditer(asked)]
        count = len(self.regions) - first
        numbers = iter(range(1, count + 1))
        text = _plain(_BOX.sub(lambda _: "<region>" if count == 1 else f"<region{next(numbers)}>", asked))
        if not re.sub(r"<region\d*>|[\s?.]", "", text):
            text = PHRASE if count == 1 else f"Describe {text}."
        self.conversations.append(exchange(kind, [(text, _plain(_BOX.sub("", answer)))], range(first, first + count)))

    def _grounded(self, asked: str, answer: str) -> None:
        """A caption whose phrases have boxes."""
        caption = _plain(_BOX.sub("", answer).replace("<delim>", ""))
        self.conversations.append(exchange("picture", [(_plain(asked) or "Describe the picture.", caption)]))
        for phrase, boxes in _PHRASE_WITH_BOXES.findall(answer):
            self._named(phrase, boxes)

    def _referred(self, asked: str, answer: str) -> None:
        """"Where is <p>the ship</p>?" with its box: the box is asked about and the phrase is the answer."""
        phrases = _PHRASE.findall(asked)
        if not _BOX.search(answer):
            raise ManifestError(f"its answer {answer[:40]!r} to a [refer] instruction has no box")
        if not phrases:
            phrases = [asked]
        self._named(phrases[0], answer)

    def _named(self, phrase: str, boxes: str) -> None:
        self.regions.append(self._region(list(_BOX.finditer(boxes))))
        self.conversations.append(exchange("phrase", [(PHRASE, _plain(phrase))], [len(self.regions) - 1]))

    def _region(self, boxes: Sequence[re.Match[str]]) -> RegionEntry:
        return RegionEntry(polygons=[self._ring(match) for match in boxes])

    def _ring(self, match: re.Match[str]) -> List[float]:
        left, top, right, bottom = (float(value) / _FULL for value in match.groups()[:4])
        if right <= left or bottom <= top:
            raise ManifestError(f"its box {match.group(0)} has no area")
        return turned_box(
            left * self.width, top * self.height, right * self.width, bottom * self.height, float(match.group(5) or 0))

    def _end_running(self) -> None:
        if self._running:
            self.conversations.append(exchange("picture", self._running))
            self._running = []

    def finished(self) -> Converted:
        """All that was added."""
        self._end_running()
        return Converted(tuple(self.regions), tuple(self.conversations))


def turned_box(left: float, top: float, right: float, bottom: float, degrees: float) -> List[float]:
    """The corners x, y, … of a box turned about its middle, counterclockwise as one sees it."""
    x, y, wide, high = (left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners: List[float] = []
    for across, down in ((-wide, -high), (wide, -high), (wide, high), (-wide, high)):
        corners += [round(x + across * cosine + down * sine, 3), round(y - across * sine + down * cosine, 3)]
    return corners


def _check(text: str) -> None:
    """Every pair of braces with numbers must be a box that can be read."""
    for found in _BRACES.findall(text):
        if not _BOX.fullmatch(found):
            raise ManifestError(f"its box {found[:60]} is not {{<x1><y1><x2><y2>}} or {{<x1><y1><x2><y2>|<angle>}}")


def _plain(text: str) -> str:
    """Without phrase and task marks, and without the gaps they leave."""
    text = re.sub(r"\s+", " ", _PHRASE.sub(lambda match: match.group(1), text)).strip()
    return re.sub(r"\s+([.,;?!])", r"\1", text)
