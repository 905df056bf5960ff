"""From words to token slots: conversation templates, ``<region>`` interleaving, and labels for training.

A prompt becomes one list of ids. Image and region embeddings have no id: their places hold ``IMAGE_SLOT`` and
``REGION_SLOT``, one entry per embedding, and the model fills them in order. A ``<region>`` marker becomes the region's
``<mask><position>`` tokens (Aquila-plus, arXiv 2411.06142, section 3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from core_model.errors import PromptError
from core_model.text.tokenizer import TextTokenizer

IMAGE_SLOT = -200
REGION_SLOT = -201
IGNORED_LABEL = -100
REGION_PATTERN = re.compile(r"<region(\d{0,6})>")
_OSPREY_SYSTEM = (
    "A chat between a curious {person} and an artificial intelligence assistant. The assistant gives helpful, "
    "detailed, and polite answers to the {person}'s questions."
)


@dataclass(frozen=True)
class Template:
    """A conversation template as data.

    ``prefix`` ends where the image tokens begin, so that all regions of a picture share it. ``opening`` stands before
    the first instruction, ``between`` before each later one, ``closing`` between instruction and answer, ``ending``
    after the answer, which is tokenised on its own. Text inside ``specials`` becomes special tokens; an empty
    ``ending`` means the tokenizer's end token.
    """

    prefix: str
    opening: str
    closing: str
    between: str
    ending: str = ""
    specials: Tuple[str, ...] = ()


_CHATML = ("<|im_start|>", "<|im_end|>")
TEMPLATES: Dict[str, Template] = {
    "nano": Template(prefix="", opening="", closing="\n", between="\n"),
    "vicuna": Template(
        prefix=_OSPREY_SYSTEM.format(person="user") + " USER: ",
        opening="\nThis provides an overview of the picture.\n", closing=" ASSISTANT:", between="USER: ",
    ),
    "osprey": Template(
        prefix=_OSPREY_SYSTEM.format(person="human") + " USER: ",
        opening="\nThis provides an overview of the picture.\n", closing=" ASSISTANT:", between="USER: ",
    ),
    "chatml": Template(
        prefix="<|im_start|>system\nYou describe regions of aerial and satellite images.<|im_end|>\n<|im_start|>user\n",
        opening="\n", closing="<|im_end|>\n<|im_start|>assistant\n", between="\n<|im_start|>user\n",
        ending="<|im_end|>", specials=_CHATML,
    ),
}


@dataclass(frozen=True)
class Turn:
    """One instruction with its answer (empty when it is to be written); its markers count from the prompt's regions.

    ``learned`` says whether training learns to give the answer, or only what follows it.
    """

    instruction: str
    answer: str = ""
    learned: bool = True


@dataclass(frozen=True)
class TokenSequence:
    """Ids with slots, labels (−100 where nothing is learned), and the regions in the order of their slots."""

    ids: List[int]
    labels: List[int]
    regions: List[int]


def template(name: str) -> Template:
    """A template by name; raises ``PromptError`` for one that is not there."""
    if name not in TEMPLATES:
        raise PromptError(f"no conversation template is called {name!r}; choose one of {', '.join(sorted(TEMPLATES))}.")
    return TEMPLATES[name]


def region_order(instruction: str, regions: int) -> List[int]:
    """Which region each marker of an instruction names, from 0.

    ``<region>`` takes the next region in turn, ``<region1>`` the first, ``<region2>`` the second. Raises
    ``PromptError`` for a marker beyond the ``regions`` that are there, and for an instruction that names none of them.
    """
    order, following = [], 0
    for match in REGION_PATTERN.finditer(instruction):
        number = int(match.group(1)) - 1 if match.group(1) else following
        following = following if match.group(1) else following + 1
        if not 0 <= number < regions:
            raise PromptError(f"the prompt names {match.group(0)}, but {regions} region(s) are given.")
        order.append(number)
    if regions and not order:
        raise PromptError("the prompt names no region; write <region> where the polygon belongs.")
    return order


class PromptBuilder:
    """Builds token sequences for one tokenizer, template and number of embeddings per image and region."""

    def __init__(
        self, *, tokenizer: TextTokenizer, template: Template, image_tokens: int, tokens_per_region: int
    ) -> None:
        self.tokenizer, self.template = tokenizer, template
        self.image_tokens, self.tokens_per_region = image_tokens, tokens_per_region

    def prefix(self) -> List[int]:
        """What all regions of a picture share: begin token, system text, image slots."""
        begin = [] if self.tokenizer.begin_id is None else [self.tokenizer.begin_id]
        return begin + self._template_ids(self.template.prefix) + [IMAGE_SLOT] * self.image_tokens

    @property
    def end_id(self) -> int:
        """The token that ends an answer."""
        ending = self.template.ending
        return self.tokenizer.special(ending) if ending else self.tokenizer.end_id

    def suffix(self, turns: Sequence[Turn], regions: int) -> TokenSequence:
        """The turns after the prefix. The last answer may be empty: then the sequence ends where it is to be written.

        ``regions`` is how many regions the turns may name. Labels are built segment by segment, never by tokenising
        the whole text again.
        """
        found = TokenSequence([], [], [])
        for number, turn in enumerate(turns):
            self._add(found, turn, regions, number == 0)
        return found

    def questions(self, turns: Sequence[Turn], regions: int) -> List[TokenSequence]:
        """What is read before each answer that is to be written, one part for every turn without an answer.

        The first part follows the prefix, a later one the answer before it, whose ending it begins with.
        """
        parts = [TokenSequence([], [], [])]
        for number, turn in enumerate(turns):
            self._add(parts[-1], turn, regions, number == 0)
            if not turn.answer:
                parts.append(TokenSequence([self.end_id], [IGNORED_LABEL], []))
        return parts[:-1]

    def answer_ids(self, answer: str) -> List[int]:
        """Ids of an answer with its ending."""
        return self.tokenizer.encode(answer) + [self.end_id]

    def _add(self, sequence: TokenSequence, turn: Turn, regions: int, first: bool) -> None:
        """Put a turn behind a sequence, with its answer if it has one."""
        asked, named = self._instruction(turn.instruction, regions if first else 0, regions, first)
        answer = self.answer_ids(turn.answer) if turn.answer else []
        sequence.ids.extend(asked + answer)
        sequence.labels.extend([IGNORED_LABEL] * len(asked))
        sequence.labels.extend(answer if turn.learned else [IGNORED_LABEL] * len(answer))
        sequence.regions.extend(named)

    def _instruction(self, text: str, required: int, regions: int, first: bool) -> Tuple[List[int], List[int]]:
        order = region_order(text, regions) if required or REGION_PATTERN.search(text) else []
        pieces = REGION_PATTERN.split(text)[::2]
        lead = self.template.opening if first else self.template.between
        ids = self._template_ids(lead, following=pieces[0] if len(pieces) > 1 else pieces[0] + self._plain_closing())
        for number, piece in enumerate(pieces[1:], 1):
            ids += [REGION_SLOT] * self.tokens_per_region
            last = number == len(pieces) - 1
            ids += self.tokenizer.encode(piece + (self._plain_closing() if last else ""))
        return ids + self._special_closing(), order

    def _plain_closing(self) -> str:
        return "" if self.template.specials else self.template.closing

    def _special_closing(self) -> List[int]:
        return self._template_ids(self.template.closing) if self.template.specials else []

    def _template_ids(self, text: str, following: str = "") -> List[int]:
        """Ids of template text, special tokens recognised, with user text joined to its last plain piece."""
        if not self.template.specials:
            return self.tokenizer.encode(text + following)
        parts = re.split("(" + "|".join(map(re.escape, self.template.specials)) + ")", text)
        ids: List[int] = []
        for number, part in enumerate(parts):
            if part in self.template.specials:
                ids.append(self.tokenizer.special(part))
            else:
                ids += self.tokenizer.encode(part + (following if number == len(parts) - 1 else ""))
        return ids
