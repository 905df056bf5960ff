"""What every experiment is given, and the command line they share."""

from __future__ import annotations

import argparse
import hashlib
import logging
import shlex
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch

from core_model.checkpoint import LoadedModel, load_model
from core_model.diagnostics import processor
from core_model.errors import AquilaError
from core_model.generation import Generator
from core_model.hashes import file_hash
from core_model.weights import weight_files
from training.data.scenes import Scene
from training.evaluation.held_out import held_out_scenes
from training.experiments.report import Report
from training.recipe import DATA, start_logging

_LOG = logging.getLogger(__name__)
OUT = Path("docs/experiments")


@dataclass(frozen=True)
class Setting:
    """A loaded model with the held-out scenes it is shown; ``most`` caps every count, for a quick look."""

    loaded: LoadedModel
    seed: int = 0
    most: int = 1_000_000
    data: Path = DATA
    held_out: Dict[str, List[Scene]] = field(default_factory=dict)
    generator: Generator = field(init=False)

    def __post_init__(self) -> None:
        """Make the generator once."""
        object.__setattr__(self, "generator", Generator(self.loaded.model, self.loaded.tokenizer))

    @property
    def size(self) -> int:
        """The side of the model's pictures."""
        return self.loaded.model.config.encoder.image_size

    @property
    def weights(self) -> str:
        """The first 12 digits of the SHA-256 of the weights (of the hashes of all files, where there are several)."""
        hashes = [file_hash(path) for path in weight_files(self.loaded.folder)]
        return (hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest())[:12]

    def count(self, wanted: int) -> int:
        """So many, but no more than ``most``."""
        return min(wanted, self.most)

    def random(self, *key: int) -> np.random.Generator:
        """Numbers that depend on the seed and the key alone."""
        return np.random.default_rng((self.seed, *key))

    def scenes(self, name: str, wanted: int = 1_000_000) -> List[Scene]:
        """At most ``wanted`` held-out scenes of a data set, drawn once for all experiments and kept in order."""
        if name not in self.held_out:
            self.held_out[name] = held_out_scenes(self.data, "test", self.size, [name])[name]
        known = self.held_out[name]
        drawn = self.random(1).permutation(len(known))[: self.count(wanted)]
        return [known[number] for number in sorted(drawn.tolist())]


Experiment = Callable[[Setting], Report]


def conduct(experiment: Experiment, setting: Setting, chosen: argparse.Namespace) -> Path:
    """Run one experiment and write its report, with the command that was given."""
    wall, busy = time.monotonic(), time.process_time()
    report = experiment(setting)
    wall, busy = time.monotonic() - wall, time.process_time() - busy
    weights = setting.weights
    run = (
        f"Model `{setting.loaded.name}`, weights `{weights}` (SHA-256, first 12 digits), seed {setting.seed}; "
        f"{processor()}, {torch.get_num_threads()} thread(s), torch {torch.__version__.partition('+')[0]}; "
        f"{wall:.0f} s, of them {busy:.0f} s of processor time.")
    path = report.write(chosen.out, run=run, weights=weights, command=chosen.command)
    _LOG.info("%s: %.0f s", path, wall)
    return path


def options(description: Optional[str]) -> argparse.ArgumentParser:
    """The command line all experiments share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", default="nano", help="a built-in model, or a model folder")
    parser.add_argument("--out", type=Path, default=OUT, help="where the report goes")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the public data sets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=1_000_000, help="cap every count, for a quick look")
    return parser


def begin(
    name: str, parser: argparse.ArgumentParser, arguments: Optional[Sequence[str]]
) -> Tuple[Setting, argparse.Namespace]:
    """The setting that a command line asks for; ``name`` is the module's, for the command that reports tell."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = parser.parse_args(given)
    chosen.command = shlex.join(["python", "-m", f"training.experiments.{name}", *given])
    start_logging()
    try:
        loaded = load_model(chosen.model, device="cpu")
    except AquilaError as error:
        raise SystemExit(str(error)) from None
    return Setting(loaded, seed=chosen.seed, most=chosen.most, data=chosen.data), chosen


def command(
    name: str, experiment: Experiment, description: Optional[str], arguments: Optional[Sequence[str]] = None
) -> None:
    """The command of one experiment."""
    conduct(experiment, *begin(name, options(description), arguments))
