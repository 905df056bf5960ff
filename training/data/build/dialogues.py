"""Several turns about one region: the first names it, the others go on about it."""

from __future__ import annotations

from typing import List, Optional, Sequence

import numpy as np

from training.data import wording
from training.data.facts import RegionFacts
from training.data.manifest.record import ConversationEntry, Exchange
from training.data.phrases import Turn

MOST = 4
LATER = "the region"


def dialogue(facts: Sequence[RegionFacts], region: int, rng: np.random.Generator) -> Optional[ConversationEntry]:
    """Two to four turns of different kinds about one region; None where too little can be asked of it."""
    wanted = int(rng.integers(2, MOST + 1))
    fitting = [turn for turn in wording.turns(facts, region, rng, 2 * MOST) if _can_go_on(turn)]
    chosen: List[Turn] = []
    for turn in fitting:
        if len(chosen) < wanted and _subject_matter(turn) not in map(_subject_matter, chosen):
            chosen.append(turn)
    if len(chosen) < 2:
        return None
    turns = [Exchange(chosen[0].instruction, chosen[0].answer)]
    turns += [Exchange(_later(turn.instruction), turn.answer) for turn in chosen[1:]]
    return ConversationEntry("dialogue", (region,), tuple(turns))


def _can_go_on(turn: Turn) -> bool:
    """Turns about this region alone, in words that stay good when the region is already named."""
    return len(turn.regions) == 1 and ": <region>" not in turn.instruction


def _subject_matter(turn: Turn) -> str:
    """What a turn is about, so that no dialogue asks twice for the same."""
    matter = turn.kind.replace("yesno-", "")
    return "category" if matter in ("labels", "phrase") else matter


def _later(instruction: str) -> str:
    text = instruction.replace("<region>", LATER)
    return text[0].upper() + text[1:]
