"""Writes the mean of two models' weights, one of which went on from the other.

``python -m training.mean OTHER BEFORE --share 0.35 --out FOLDER``: 0.35 of OTHER and 0.65 of BEFORE. Between a model
and what more training made of it, a mean is often good at what either is good at (Wortsman et al. 2022, Robust
fine-tuning of zero-shot models, arXiv 2109.01903). What was measured of either is dropped: ``training.calibrate``
comes next.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Optional, Sequence

import torch

from core_model.checkpoint import load_model, save_model
from core_model.errors import AquilaError
from core_model.network.aquila import Aquila
from training.errors import TrainingError
from training.familiar import forget
from training.recipe import start_logging

_LOG = logging.getLogger(__name__)


@torch.no_grad()
def move(model: Aquila, other: Aquila, share: float) -> None:
    """Move a model's weights the ``share`` of the way to another's, in place; raises ``TrainingError`` if they differ.

    Prototypes and the fit of the confidence belong to neither mean nor model any more, and are dropped.
    """
    forget(model)
    forget(other)
    own, wanted = model.state_dict(), other.state_dict()
    if {name: value.shape for name, value in own.items()} != {name: value.shape for name, value in wanted.items()}:
        raise TrainingError("the two models differ in their sizes; only models of one architecture have a mean.")
    for name, value in own.items():
        if value.is_floating_point():
            value.lerp_(wanted[name].to(value.device, value.dtype), share)


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", help="the model that went on learning: a folder")
    parser.add_argument("before", help="the model that it started from: a folder, or nano")
    parser.add_argument("--share", type=float, required=True, help="of the first model, from 0 to 1")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    if not 0 <= chosen.share <= 1:
        parser.error(f"--share is {chosen.share}; it goes from 0 to 1.")
    start_logging()
    try:
        before, other = (load_model(name, device="cpu", dtype="float32") for name in (chosen.before, chosen.other))
        move(before.model, other.model, chosen.share)
    except AquilaError as error:
        raise SystemExit(f"{error}") from None
    save_model(chosen.out, before.model, before.tokenizer)
    _LOG.info(
        "wrote %s: %g of %s and %g of %s", chosen.out, chosen.share, chosen.other, 1 - chosen.share, chosen.before)


if __name__ == "__main__":
    main()
