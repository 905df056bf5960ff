"""The metrics against values worked out by hand or published."""

from __future__ import annotations

import math
from importlib.util import find_spec
from shutil import which
from typing import Sequence

import numpy as np
import pytest

from training.evaluation.bootstrap import Bootstrap, mean_of
from training.evaluation.caption_metrics import CaptionMetrics
from training.evaluation.metrics import NONE_SAID, Classified, YesNo, says_yes, semantic_iou
from training.evaluation.sentences import PACKAGE, SentenceModel, sentence_folder

ONES = np.ones(6)


@pytest.fixture
def classified() -> Classified:
    """Classes 0 1 2: two of three 0 right, one of two 1 right, the only 2 unnamed; one 1 and one 0 called otherwise."""
    return Classified([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 0, NONE_SAID], 3)


def test_top_1_and_macro_f1(classified: Classified) -> None:
    assert classified.accuracy(ONES) == pytest.approx(3 / 6)
    # F1: class 0 2·2/(3+3), class 1 2·1/(2+2), class 2 0
    assert classified.macro_f1(ONES) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)


def test_panoptic_quality_of_given_masks(classified: Classified) -> None:
    # class 0: TP 2, FP 1, FN 1; class 1: TP 1, FP 1, FN 1; class 2: FN 1
    assert classified.panoptic_quality(ONES) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    with_a_stranger = Classified([0, 0], [0, 1], 2)
    # class 1 never is, but is said once: it counts, with 0, as in Kirillov et al.; macro-F1 leaves it out
    assert with_a_stranger.panoptic_quality(np.ones(2)) == pytest.approx((1 / 1.5 + 0) / 2)
    assert with_a_stranger.macro_f1(np.ones(2)) == pytest.approx(2 / 3)


def test_mean_iou_counts_pixels(classified: Classified) -> None:
    pixels = [10, 20, 30, 40, 50, 60]
    # class 0: 30 of (60 + 50); class 1: 40 of (90 + 30); class 2: 0 of 60
    assert classified.mean_iou(pixels)(ONES) == pytest.approx((30 / 110 + 40 / 120 + 0) / 3)


def test_average_precision_ranks_by_confidence() -> None:
    # Class 0 is said three times: right (0.9), wrong (0.8), right (0.7), of three that are. Precision is 1 up to a
    # recall of 1/3, then 2/3 up to 2/3, then nothing: at 34, 33 and 34 of the 101 recalls.
    found = Classified([0, 1, 0, 0], [0, 0, 0, NONE_SAID], 2)
    precision = (34 * 1 + 33 * 2 / 3) / 101
    assert found.average_precision([0.9, 0.8, 0.7, 0.1])(np.ones(4)) == pytest.approx((precision + 0) / 2)
    assert Classified([0, 1], [0, 1], 2).average_precision([0.3, 0.1])(np.ones(2)) == pytest.approx(1.0)


def test_metrics_of_drawn_items_are_those_of_the_items_drawn_so_often(classified: Classified) -> None:
    truth, said = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, NONE_SAID])
    pixels = np.array([10.0, 20, 30, 40, 50, 60])
    times = np.array([2, 0, 1, 3, 1, 0])
    again = np.repeat(np.arange(6), times)
    repeated, ones = Classified(truth[again], said[again], 3), np.ones(len(again))
    assert classified.accuracy(times) == pytest.approx(repeated.accuracy(ones))
    assert classified.macro_f1(times) == pytest.approx(repeated.macro_f1(ones))
    assert classified.panoptic_quality(times) == pytest.approx(repeated.panoptic_quality(ones))
    assert classified.mean_iou(pixels)(times) == pytest.approx(repeated.mean_iou(pixels[again])(ones))


def test_yes_no_rates() -> None:
    rates = YesNo([True, True, True, False, False, False], [True, True, False, True, False, False]).statistics()
    found = {name: rate(ONES) for name, rate in rates.items()}
    assert found == pytest.approx(
        {"accuracy": 4 / 6, "precision": 2 / 3, "recall": 2 / 3, "F1": 2 / 3, "yes-ratio": 0.5})
    never = YesNo([True, False], [False, False]).statistics()
    assert math.isnan(never["precision"](np.ones(2))) and never["recall"](np.ones(2)) == 0


@pytest.mark.parametrize(("text", "yes"), [
    ("Yes, it is a road.", True), ("No, it is a forest.", False), ("There is not a road.", False),
    ("It is a road. No houses are near.", True), ("A knot of roads", True), ("", True)])
def test_answers_are_read_as_pope_reads_them(text: str, yes: bool) -> None:
    assert says_yes(text) is yes


def test_semantic_iou_is_of_words() -> None:
    assert semantic_iou("A dense residential area.", "residential area") == pytest.approx(2 / 4)
    assert semantic_iou("river", "river") == 1 and semantic_iou("", "river") == 0


def test_intervals_draw_whole_places() -> None:
    """Ten items of one place are one sample: the interval is that of two numbers, not of twenty."""
    values = [0.0] * 10 + [1.0] * 10
    by_place = Bootstrap(["a"] * 10 + ["b"] * 10, 400, 0).interval(mean_of(values))
    assert (by_place.value, by_place.low, by_place.high) == (0.5, 0.0, 1.0)
    by_item = Bootstrap([str(number) for number in range(20)], 400, 0).interval(mean_of(values))
    # The mean of 20 halves has a deviation of 0.112: about 0.28 to 0.72.
    assert 0.2 < by_item.low < 0.36 and 0.64 < by_item.high < 0.8
    assert by_item == Bootstrap([str(number) for number in range(20)], 400, 0).interval(mean_of(values))


def test_a_mean_passes_over_what_does_not_apply() -> None:
    statistic = mean_of([1.0, math.nan, 0.0])
    assert statistic(np.array([1.0, 5.0, 1.0])) == 0.5
    assert math.isnan(statistic(np.array([0.0, 3.0, 0.0])))
    assert str(Bootstrap(["a", "b"], 10, 0).interval(mean_of([math.nan, math.nan]))) == "–"


def test_sentence_embeddings_are_the_published_ones() -> None:
    """The example of the sentence-transformers documentation for all-MiniLM-L6-v2."""
    if find_spec(PACKAGE) is None:
        pytest.skip(f"the package {PACKAGE} is not installed (make setup-evaluate)")
    sentences = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    vectors = SentenceModel(sentence_folder(None)).embed(sentences)
    published = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]
    assert np.allclose(vectors @ vectors.T, published, atol=2e-4)


@pytest.fixture
def without_java(monkeypatch: pytest.MonkeyPatch) -> CaptionMetrics:
    pytest.importorskip("pycocoevalcap.bleu.bleu")
    monkeypatch.setattr("shutil.which", lambda name: None)
    return CaptionMetrics()


def _values(metrics: CaptionMetrics, texts: Sequence[str], references: Sequence[Sequence[str]]) -> dict:
    statistics, _ = metrics.statistics(texts, references)
    return {name: statistic(np.ones(len(texts))) for name, statistic in statistics.items()}


def test_without_java_meteor_is_left_out_and_said_so(without_java: CaptionMetrics) -> None:
    assert "METEOR" not in _values(without_java, ["a road"], [["a road"]])
    assert "Java" in without_java.note


def test_bleu_is_clipped_as_in_its_paper(without_java: CaptionMetrics) -> None:
    """Papineni et al. 2002, example 2: a modified unigram precision of 2/7; the lengths are alike."""
    references = ["The cat is on the mat.", "There is a cat on the mat."]
    assert _values(without_java, ["the the the the the the the."], [references])["BLEU-1"] == pytest.approx(2 / 7)


def test_bleu_of_drawn_texts_is_the_librarys(without_java: CaptionMetrics) -> None:
    from pycocoevalcap.bleu.bleu import Bleu

    texts = ["a large green field next to a road", "dark roof", "the river runs past a small wood and a field"]
    references = [["a green field beside a road", "a large field"], ["a dark roof with panels", "roof"],
                  ["the river runs along a wood and a field"]]
    statistics, _ = without_java.statistics(texts, references)
    drawn = [0, 2, 2]
    said = {place: [texts[number]] for place, number in enumerate(drawn)}
    true = {place: references[number] for place, number in enumerate(drawn)}
    expected = Bleu(4).compute_score(true, said, verbose=0)[0]
    assert [statistics[f"BLEU-{n}"](np.array([1.0, 0, 2])) for n in range(1, 5)] == pytest.approx(expected)
    assert expected[3] > 0.1


def test_rouge_l_is_that_of_its_paper(without_java: CaptionMetrics) -> None:
    """Lin 2004, section 3.1: the second sentence shares more of the order of words, 3/4 against 2/4."""
    reference = ["police killed the gunman"]
    _, singles = without_java.statistics(["police kill the gunman", "the gunman kill police"], [reference, reference])
    assert singles == pytest.approx([0.75, 0.5])


def test_cider_weighs_words_by_how_rare_they_are(without_java: CaptionMetrics) -> None:
    """Two pictures without a word in common: the right text gets all of the 10, the wrong one nothing."""
    references = [["a red roof by the sea"], ["green fields along one straight road"]]
    texts = ["a red roof by the sea", "a red roof by the sea"]
    assert _values(without_java, texts, references)["CIDEr"] == pytest.approx(5.0)
    # Words that stand in every picture's references weigh nothing.
    assert _values(without_java, ["a b c d"] * 2, [["a b c d"]] * 2)["CIDEr"] == pytest.approx(0.0)


def test_meteor_runs_between_nothing_and_all_in_common() -> None:
    pytest.importorskip("pycocoevalcap.bleu.bleu")
    if which("java") is None:
        pytest.skip("METEOR needs Java")
    metrics = CaptionMetrics()
    references = [["a red roof by the sea"]] * 3
    statistics, _ = metrics.statistics(["A red roof by the sea.", "", "zebra"], references)
    assert [statistics["METEOR"](np.eye(3)[n]) - statistics["METEOR"](np.eye(3)[2]) for n in range(3)] == pytest.approx(
        [1.0, 0.0, 0.0])
