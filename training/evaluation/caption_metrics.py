"""BLEU, METEOR, ROUGE-L and CIDEr as the field computes them: by pycocoevalcap, behind its own tokenizer."""

from __future__ import annotations

import math
import re
import shutil
from importlib import import_module
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from training.evaluation.bootstrap import Statistic, Weights, mean_of
from training.evaluation.material import NotMeasured

NO_JAVA = (
    "METEOR is left out and words are parted by a plain rule, since Java is not installed; install a Java runtime for "
    "METEOR and for COCO's own tokenizer.")
_ORDER = 4
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_TINY, _SMALL = 1e-15, 1e-9  # as the library keeps quotients from dividing by nothing
_EMPTY = "nothing"  # what METEOR reads for an empty text, which it cannot
Texts = Mapping[int, Sequence[str]]


class CaptionMetrics:
    """Scores texts against references; ``note`` says what is left out here.

    Raises ``NotMeasured`` where pycocoevalcap is not installed.
    """

    def __init__(self) -> None:
        self.has_java = shutil.which("java") is not None
        self.note = "" if self.has_java else NO_JAVA
        self._bleu, self._rouge, self._cider = (
            _load(part, name) for part, name in (
                ("bleu.bleu_scorer", "BleuScorer"), ("rouge.rouge", "Rouge"), ("cider.cider", "Cider")))
        self._meteor: Any = _load("meteor.meteor", "Meteor")() if self.has_java else None
        self._known: Dict[str, str] = {}

    def statistics(
        self, texts: Sequence[str], references: Sequence[Sequence[str]]
    ) -> Tuple[Dict[str, Statistic], List[float]]:
        """BLEU-1 … BLEU-4, METEOR, ROUGE-L and CIDEr of texts with their references, and each text's own ROUGE-L.

        BLEU and METEOR are of the whole corpus, ROUGE-L and CIDEr means over texts. In resamples CIDEr keeps the
        document frequencies of the whole sample; METEOR's interval is that of the mean over texts, moved to its value.
        """
        self._tokenize([*texts, *(text for found in references for text in found)])
        said = {number: [self._known[text]] for number, text in enumerate(texts)}
        true = {number: [self._known[text] for text in found] for number, found in enumerate(references)}
        found = self._bleus(said, true)
        if self._meteor is not None:
            heard = {number: [text or _EMPTY for text in entry] for number, entry in said.items()}
            found["METEOR"] = _moved(*self._meteor.compute_score(true, heard))
        singles = [float(score) for score in self._rouge().compute_score(true, said)[1]]
        found["ROUGE-L"] = mean_of(singles)
        found["CIDEr"] = mean_of(list(self._cider().compute_score(true, said)[1]))
        return found, singles

    def _bleus(self, said: Texts, true: Texts) -> Dict[str, Statistic]:
        scorer = self._bleu(n=_ORDER)
        for number, text in said.items():
            scorer += (text[0], true[number])
        lengths = np.array([entry["testlen"] for entry in scorer.ctest], float)
        closest = np.array([
            min(sorted(entry["reflen"]), key=lambda length: abs(length - entry["testlen"])) for entry in scorer.ctest
        ], float)
        correct, guessed = (np.array([entry[key] for entry in scorer.ctest], float) for key in ("correct", "guess"))
        return {f"BLEU-{order}": _bleu(order, correct, guessed, lengths, closest) for order in range(1, _ORDER + 1)}

    def _tokenize(self, texts: Sequence[str]) -> None:
        fresh = sorted(set(texts) - self._known.keys())
        flat = [" ".join(text.replace("|||", " ").split()) for text in fresh]
        if not self.has_java:
            self._known.update(zip(fresh, (" ".join(_WORD.findall(text.lower())) for text in flat)))
        elif fresh:
            tokenizer = _load("tokenizer.ptbtokenizer", "PTBTokenizer")()
            found = tokenizer.tokenize({number: [{"caption": text}] for number, text in enumerate(flat)})
            self._known.update((text, found[number][0]) for number, text in enumerate(fresh))


def _bleu(
    order: int, correct: NDArray[np.float64], guessed: NDArray[np.float64], lengths: NDArray[np.float64],
    closest: NDArray[np.float64],
) -> Statistic:
    """Corpus BLEU (Papineni et al. 2002) from each text's counts, as the library's scorer sums them."""

    def statistic(weights: Weights) -> float:
        shares = (weights @ correct[:, :order] + _TINY) / (weights @ guessed[:, :order] + _SMALL)
        ratio = (weights @ lengths + _TINY) / (weights @ closest + _SMALL)
        return float(np.prod(shares) ** (1 / order) * math.exp(min(0.0, float(1 - 1 / ratio))))

    return statistic


def _moved(corpus: float, single: Sequence[float]) -> Statistic:
    mean = mean_of(single)
    shift = corpus - mean(np.ones(len(single)))
    return lambda weights: mean(weights) + shift


def _load(module: str, name: str) -> Any:
    """A class of pycocoevalcap, whose parts are loaded one by one: all of it at once would want pycocotools."""
    try:
        return getattr(import_module(f"pycocoevalcap.{module}"), name)
    except ImportError:
        raise NotMeasured("captions need the package pycocoevalcap: run 'make setup-evaluate'.") from None

