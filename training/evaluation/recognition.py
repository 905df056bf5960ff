"""Open-vocabulary recognition: what a region is, in the model's own words."""

from __future__ import annotations

from typing import List, Sequence

from core_model.prompts import style_prompt
from training.evaluation.asking import CHANGES, Question, Reply
from training.evaluation.bench import Bench, missing_features
from training.evaluation.bootstrap import mean_of
from training.evaluation.material import DataSet, Target, most_frequent
from training.evaluation.metrics import Classified, semantic_iou
from training.evaluation.results import Answer, Outcome, Row


class Recognition:
    """Rates names for regions: by likeness to the true class, and as the class whose name they are most like.

    Semantic similarity is the cosine of the sentence embeddings of answer and class, semantic IoU the share of words in
    common; the class of the most similar name gives PQ, AP and mIoU with given masks (``training.evaluation.metrics``).
    """

    name = "recognition"

    def measure(self, bench: Bench, data: DataSet) -> Outcome:
        """See ``Task``."""
        targets = data.require_targets()
        prompt = style_prompt(bench.config, "category")
        questions = [Question(target.picture, (target.region,), prompt) for target in targets]
        replies = bench.asker.write(data, questions)
        rows = [self._row("model", bench, data, replies)]
        for name, change in CHANGES.items():
            rows.append(self._row(name, bench, data, bench.asker.write(data, questions, change)))
        always = most_frequent([target.label for target in targets])
        rows.append(self._row(f"most frequent: {always}", bench, data, [Reply(prompt, always, 1.0)] * len(targets)))
        guesses = bench.guesses(data)
        for name, guess in guesses.items():
            said = [Reply("", data.labels[number], chance) for number, chance in zip(guess.said, guess.confidence)]
            rows.append(self._row(name, bench, data, said))
        return Outcome(self.name, data.name, data.units()[1], rows, [prompt], self._answers(bench, data, replies),
                       missing_features(guesses, data))

    def _row(self, name: str, bench: Bench, data: DataSet, replies: Sequence[Reply]) -> Row:
        targets, texts = data.targets, [reply.text for reply in replies]
        vectors, true = bench.sentences.embed(texts), bench.sentences.embed([target.label for target in targets])
        classified = Classified(
            [data.labels.index(target.label) for target in targets], nearest(bench, data, texts), len(data.labels))
        return bench.row(name, data, [target.picture for target in targets], {
            "semantic similarity": mean_of((vectors * true).sum(axis=1).tolist()),
            "semantic IoU": mean_of([semantic_iou(text, target.label) for text, target in zip(texts, targets)]),
            "PQ": classified.panoptic_quality,
            "AP": classified.average_precision([reply.probability for reply in replies]),
            "mIoU": classified.mean_iou([target.pixels for target in targets]),
        })

    def _answers(self, bench: Bench, data: DataSet, replies: Sequence[Reply]) -> List[Answer]:
        numbers = nearest(bench, data, [reply.text for reply in replies])
        return [_answer(target, reply, data.labels[number])
                for target, reply, number in zip(data.targets, replies, numbers)]


def nearest(bench: Bench, data: DataSet, texts: Sequence[str]) -> List[int]:
    """The number of the class whose name is most like each text."""
    labels = bench.sentences.embed(data.labels)
    return [int(number) for number in (bench.sentences.embed(texts) @ labels.T).argmax(axis=1)]


def _answer(target: Target, reply: Reply, label: str) -> Answer:
    right = float(label == target.label)
    return Answer(target.picture, (target.region,), reply.prompt, target.label, reply.text, right)
