"""All experiments but the training of encoders, with one model: about ten minutes of one processor core.

``python -m training.experiments.all --model nano --out docs/experiments``
"""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from training.experiments import ambiguity, elsewhere, granularity, interleaving, mask_features, pooling
from training.experiments.setting import Experiment, begin, conduct, options

EXPERIMENTS: Tuple[Experiment, ...] = (
    mask_features.run, interleaving.run, pooling.run, granularity.run, ambiguity.run, elsewhere.run)


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The command."""
    setting, chosen = begin("all", options(__doc__), arguments)
    for experiment in EXPERIMENTS:
        conduct(experiment, setting, chosen)


if __name__ == "__main__":
    main()
