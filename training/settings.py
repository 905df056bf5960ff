"""The settings of every stage, as the recipes name them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Optional

from training.errors import RecipeError
from training.optimizers import OPTIMIZERS

PARTS = ("projector", "extractor", "language")  # the encoder is stage 0's alone
ABOUT = ("pictures", "regions", "both")
QUANTISED = ("", "int8", "int4")


@dataclass(frozen=True)
class Schedule:
    """What every stage of training is told.

    ``scenes_per_batch`` pictures are learned from in one step, whatever the number of processes; each takes
    ``micro_batch`` of them at a time (0: all of its own). Give ``steps``, or ``epochs`` where the data has an end.
    ``warmup`` counts steps, or is a share of them below 1; the rate then falls as a cosine to the share ``floor`` of
    ``learning_rate``. ``average`` is the decay of the weights' moving average (0: none). ``evaluate_every`` steps the
    loss of ``evaluate_scenes`` held-out pictures is measured. ``deterministic`` also fixes the order of sums on a GPU.
    """

    steps: int = 0
    epochs: float = 0.0
    scenes_per_batch: int = 16
    micro_batch: int = 0
    optimizer: str = "adamw"
    fallback_scale: float = 1.0
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    warmup: float = 0.03
    floor: float = 0.0
    clip: float = 1.0
    average: float = 0.0
    seed: int = 0
    workers: int = 1
    save_every: int = 100
    evaluate_every: int = 0
    evaluate_scenes: int = 128
    deterministic: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        if self.optimizer not in OPTIMIZERS:
            raise RecipeError(f"'optimizer' is {self.optimizer!r}; use {' or '.join(OPTIMIZERS)}.")
        if not 0 <= self.average < 1:
            raise RecipeError(f"'average' is {self.average}; use 0 for none, or a decay below 1.")


@dataclass(frozen=True)
class EncoderStage(Schedule):
    """Stage 0; ``label_smoothing`` is of the categories' cross-entropy.

    ``anchor`` weighs what keeps features near those of the model that it starts from (0: they go where they will), of
    regions inside others near what that reads of them among ground of their own kind.
    A share ``insets`` of the mosaics has patches inside others, a share ``painted`` of all pictures is invented
    countryside (``training.data.countryside``).
    """

    steps: int = 3800
    optimizer: str = "muon"
    learning_rate: float = 1e-2
    weight_decay: float = 0.05
    warmup: float = 200
    floor: float = 0.01
    clip: float = 2.0
    average: float = 0.999
    save_every: int = 250
    label_smoothing: float = 0.05
    anchor: float = 0.0
    insets: float = 0.0
    painted: float = 0.0


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters of the language model (Hu et al. 2021); ``targets`` names layers, or "all-linear".

    With ``embeddings`` those of the tokens are trained beside the adapters: of a model that knows few words, adapters
    alone did not learn what follows a token in a new one.
    """

    rank: int = 64
    alpha: float = 128
    dropout: float = 0.05
    targets: str = "all-linear"
    embeddings: bool = False


@dataclass(frozen=True)
class TextStage(Schedule):
    """A stage that trains on texts: the parts in ``train``, the language model by adapters where ``lora`` is given.

    It learns from ``manifest`` files where any are named, else from the drawn mixture. Of the mixture, ``kinds`` lists
    the kinds of conversation (empty: all), ``pairs_per_region`` are yes/no questions asked with a true and a false
    premise, ``misled`` the share of the texts behind a category that keep to a wrong one (which is not learned), and
    ``scenes`` different pictures are drawn, a share ``mixed`` of them with a region that holds several categories, a
    share ``insets`` of the mosaics with patches inside others, a share ``painted`` of all pictures invented countryside
    (``training.data.countryside``), a share ``groundless`` noise or drawings (``training.data.groundless``). The first
    word of yes/no answers counts ``verdict_weight`` times in the loss, as do "first", "second" and "third", which say
    which region an answer is about, and the first word of a category where it is the answer ``category_weight`` times.
    Of manifests, ``about`` chooses conversations about whole pictures, about regions, or both. No row is longer than
    ``longest`` tokens. With ``bank`` the frozen encoder sees every picture once; without it, decoded pictures are kept
    on disk, up to ``cache_gib`` of them.
    """

    train: List[str] = field(default_factory=lambda: list(PARTS))
    lora: Optional[Lora] = None
    quantised: str = ""
    checkpointing: bool = False
    manifest: List[str] = field(default_factory=list)
    about: str = "regions"
    bank: bool = False
    cache_gib: float = 20.0
    longest: int = 2048
    kinds: List[str] = field(default_factory=list)
    turns_per_region: int = 3
    pairs_per_region: int = 0
    verdict_weight: float = 1.0
    category_weight: float = 1.0
    misled: float = 0.0
    mixed: float = 0.0
    insets: float = 0.0
    painted: float = 0.0
    groundless: float = 0.0
    regions_per_scene: int = 6
    scenes: int = 8000
    seed: int = 1
    fallback_scale: float = 0.3

    def __post_init__(self) -> None:
        """Refuse parts that no model has, and numbers of bits that cannot be trained."""
        super().__post_init__()
        unknown = sorted(set(self.train) - set(PARTS))
        if unknown or not self.train:
            raise RecipeError(f"'train' lists {self.train}; use some of {', '.join(PARTS)}.")
        if self.about not in ABOUT:
            raise RecipeError(f"'about' is {self.about!r}; use {', '.join(ABOUT)}.")
        if self.quantised not in QUANTISED:
            raise RecipeError(f"'quantised' is {self.quantised!r}; use int8, int4, or leave it out.")
        if self.quantised and "language" in self.train and self.lora is None:
            raise RecipeError("weights of few bits cannot be trained; add 'lora', or leave 'quantised' out.")
        if self.lora is not None and "language" not in self.train:
            raise RecipeError("'lora' adapts the language model; add 'language' to 'train', or leave 'lora' out.")
