"""Measures a model on imagery it has not seen.

``python -m training.evaluate --model nano`` prints the tables of the model's card (task ``card``). ``--task all`` runs
the five tasks of region understanding, each beside its baselines and with confidence intervals, on the public data sets
or on a manifest of one's own (``--data regions.jsonl``); docs/evaluation.md says what they measure. ``--out FOLDER``
keeps the figures as JSON and Markdown, with a picture sheet of successes and failures for every task.
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import sys
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from core_model.checkpoint import LoadedModel, load_model
from core_model.errors import AquilaError
from core_model.generation import Generator
from training.evaluation import card, tasks
from training.evaluation.bench import Bench, Task
from training.evaluation.caption import Captioning
from training.evaluation.classification import Classification
from training.evaluation.describing import Describing
from training.evaluation.features import TRAINING_PICTURES
from training.evaluation.hallucination import Hallucination
from training.evaluation.held_out import evenly, held_out_scenes
from training.evaluation.judges import Judge, LabelJudge, LanguageModelJudge
from training.evaluation.manifest_set import manifest_sets
from training.evaluation.material import DataSet, NotMeasured
from training.evaluation.public_sets import public_sets
from training.evaluation.recognition import Recognition
from training.evaluation.results import Outcome, Report
from training.evaluation.sheet import write_sheet
from training.recipe import DATA, start_logging

_LOG = logging.getLogger(__name__)
SETS = ("eurosat", "ucmerced", "dubai", "naip", "banepa", "solar")
CARD, ALL = "card", "all"
TASKS: Dict[str, Task] = {
    task.name: task for task in (Recognition(), Classification(), Captioning(), Describing(), Hallucination())}


def measure_card(loaded: LoadedModel, chosen: argparse.Namespace) -> str:
    """The card's tables as Markdown; the figures go to ``card.json`` in ``--out``."""
    if chosen.data.is_file():
        raise NotMeasured(f"the card is of the public data sets; choose a task for {chosen.data}: {', '.join(TASKS)}.")
    size = loaded.model.config.encoder.image_size
    scenes = held_out_scenes(chosen.data, chosen.split, size, chosen.sets or SETS)
    kept = {name: tasks.known(evenly(found, chosen.scenes)) for name, found in scenes.items() if found}
    figures = card.measure(Generator(loaded.model, loaded.tokenizer), kept)
    text = card.markdown(figures, loaded.name)
    if chosen.out:
        chosen.out.mkdir(parents=True, exist_ok=True)
        (chosen.out / "card.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        (chosen.out / "card.md").write_text(text, encoding="utf-8")
    return text


def measure_tasks(loaded: LoadedModel, chosen: argparse.Namespace) -> str:
    """The tasks' tables as Markdown; with ``--out`` also as JSON, with picture sheets."""
    names = list(TASKS) if chosen.task == ALL else [chosen.task]
    judges: List[Judge] = [LabelJudge()]
    if chosen.judge:
        judges.append(LanguageModelJudge.load(chosen.judge, loaded.model.device))
    generator = Generator(loaded.model, loaded.tokenizer)
    bench = Bench(
        generator, judges=judges, sentence_model=chosen.sentence_model, resamples=chosen.resamples, seed=chosen.seed,
        training_pictures=chosen.training_scenes)
    found, left_out = _outcomes(bench, _data_sets(loaded, chosen), names)
    if not found:
        raise NotMeasured(" ".join(left_out))
    config = loaded.model.config
    report = Report(
        loaded.name, chosen.command, generator.builder.template, config.context, config.max_new_tokens, bench.resamples,
        bench.seed, [outcome for _, outcome in found], left_out)
    if chosen.out:
        report.write(chosen.out)
        for name in names:
            of_task = [(data, outcome) for data, outcome in found if outcome.task == name]
            if of_task:
                write_sheet(chosen.out / f"sheet-{name}.png", of_task, chosen.seed)
    return report.markdown()


def _data_sets(loaded: LoadedModel, chosen: argparse.Namespace) -> List[DataSet]:
    config = loaded.model.config
    if not chosen.data.exists():
        raise NotMeasured(f"there is no {chosen.data}; give --data a folder of public data sets or a manifest.")
    if chosen.data.is_file():
        size = config.encoder.image_size
        return manifest_sets(chosen.data, chosen.split, size, sources=chosen.sets, most=chosen.scenes)
    return public_sets(chosen.data, chosen.split, config, chosen.sets or SETS, chosen.scenes)


def _outcomes(
    bench: Bench, data_sets: Sequence[DataSet], names: Sequence[str]
) -> Tuple[List[Tuple[DataSet, Outcome]], List[str]]:
    """Every task on every data set, and why what was left out was."""
    found: List[Tuple[DataSet, Outcome]] = []
    left_out: List[str] = []
    for name in names:
        for data in data_sets:
            try:
                found.append((data, TASKS[name].measure(bench, data)))
                _LOG.info("%s on %s: done", name, data.name)
            except NotMeasured as error:
                left_out.append(f"{name}: {error}")
                _LOG.warning("%s on %s is left out: %s", name, data.name, error)
    return found, list(dict.fromkeys(left_out))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nano", help="a built-in model, or a model folder")
    parser.add_argument("--task", default=CARD, choices=(CARD, *TASKS, ALL), help="all: all but card")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the public data sets, or a manifest")
    parser.add_argument("--sets", type=_listed, default=(), help="comma-separated data sets, of a manifest its sources")
    parser.add_argument("--split", default="test", choices=("val", "test"))
    parser.add_argument("--scenes", type=int, help="at most so many pictures of each data set, for a quick look")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="folder for figures (JSON, Markdown) and picture sheets")
    parser.add_argument("--sentence-model", type=Path, help="folder of a sentence-embedding model for recognition")
    parser.add_argument("--judge", type=Path, help="Hugging Face folder of a language model that judges descriptions")
    parser.add_argument("--resamples", type=int, default=1000, help="of the bootstrap")
    parser.add_argument("--training-scenes", type=int, default=TRAINING_PICTURES,
                        help="pictures that the baseline of pooled features learns from")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def _listed(text: str) -> Tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The command line."""
    chosen = _parser().parse_args(arguments)
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen.command = shlex.join(["python", "-m", "training.evaluate", *given])
    start_logging()
    try:
        loaded = load_model(chosen.model, device=chosen.device)
        text = measure_card(loaded, chosen) if chosen.task == CARD else measure_tasks(loaded, chosen)
    except AquilaError as error:
        raise SystemExit(str(error)) from None
    print(text)  # noqa: T201 (the command's purpose)


if __name__ == "__main__":
    main()
