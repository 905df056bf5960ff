"""Stages 1 to 3: the chosen parts of the model learn from packed conversations.

Stage 1 aligns pictures with text (projector), stage 2 masks with text (extractor), stage 3 trains everything but the
encoder (arXiv 2411.06142, section 4). The default model's language model starts from nothing, so its recipe trains it
in every stage.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from core_model.network.aquila import Aquila, Sight, packed_loss
from core_model.text.context import ORDINALS
from core_model.text.prompt import PromptBuilder, template
from core_model.text.tokenizer import TextTokenizer
from training.bank import fill, look, region_counts
from training.data.conversations import TurnMaker
from training.data.vocabulary import CATEGORIES
from training.engine import Work
from training.errors import RecipeError
from training.feeds.drawn import Speaker, drawn_scenes, held_out_scenes
from training.feeds.examples import Examples, Order, collate, conversations, kept_sight
from training.feeds.manifests import ManifestPictures, Teller, open_manifests
from training.settings import TextStage


class TextLearner(nn.Module):
    """The model as the engine trains it: a batch in, the loss of its answers out. The encoder is frozen.

    ``weights`` says how often a label counts by its token; one that is not in it counts once.
    """

    accepts_loss_kwargs = True

    weights: Optional[Tensor]

    def __init__(self, model: Aquila, weights: Optional[Mapping[int, float]] = None) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("weights", _of_every_token(model, weights) if weights else None, persistent=False)
        # FSDP divides the language model layer by layer.
        self._no_split_modules = list(getattr(model.language, "_no_split_modules", None) or [])

    def train(self, mode: bool = True) -> TextLearner:
        """Training mode for everything but the frozen encoder."""
        super().train(mode)
        self.model.encoder.eval()
        return self

    def forward(self, num_items_in_batch: Optional[Tensor] = None, **batch: Tensor) -> Dict[str, Tensor]:
        """The sum over the batch's labels, divided by ``num_items_in_batch`` [1] (or by their own count)."""
        logits = self.model.logits(self._seen(batch), conversations(batch))
        labels, parents = batch["labels"], batch["parents"]
        loss = packed_loss(logits, labels, parents, "sum", self.weights)
        total = batch["counts"] if num_items_in_batch is None else num_items_in_batch
        return {"loss": loss / total[0]}

    def _seen(self, batch: Dict[str, Tensor]) -> Sight:
        if "cells" in batch:
            return kept_sight(batch)
        return look(self.model, batch["image"], batch["masks"], batch["image_index"])


def _of_every_token(model: Aquila, weights: Mapping[int, float]) -> Tensor:
    """[vocabulary], 1 where nothing is said."""
    found = torch.ones(model.language.get_input_embeddings().num_embeddings)
    found[list(weights)] = torch.tensor(list(weights.values()), dtype=found.dtype)
    return found


def prompt_builder(model: Aquila, tokenizer: TextTokenizer) -> PromptBuilder:
    """The builder that training and use share."""
    return PromptBuilder(
        tokenizer=tokenizer, template=template(model.config.language.template), image_tokens=model.image_tokens,
        tokens_per_region=model.config.extractor.tokens_per_region,
    )


def verdict_ids(builder: PromptBuilder) -> List[int]:
    """The tokens that yes/no answers begin with, and those that say which of several regions an answer is about."""
    verdicts = [builder.answer_ids(f"{verdict},")[0] for verdict in ("Yes", "No")]
    # Where the names of three come before the odd one, one word of forty is all that had to be found out.
    return verdicts + [builder.answer_ids(f"The {ordinal}")[1] for ordinal in ORDINALS[:3]]


def category_ids(builder: PromptBuilder) -> List[int]:
    """The tokens that the default model's categories begin with where they are an answer.

    Inside a text a word begins with a space and is another token.
    """
    return sorted({builder.answer_ids(category.name)[0] for category in CATEGORIES})


def answer_weights(stage: TextStage, builder: PromptBuilder) -> Dict[int, float]:
    """What ``TextLearner`` is told of the tokens that decide an answer."""
    found = dict.fromkeys(category_ids(builder), stage.category_weight) if stage.category_weight != 1 else {}
    return found | (dict.fromkeys(verdict_ids(builder), stage.verdict_weight) if stage.verdict_weight != 1 else {})


class TextData:
    """A text stage's pictures, from manifests or drawn, and the examples made of them."""

    def __init__(
        self, stage: TextStage, builder: PromptBuilder, context: str, size: int, data: Path, out: Path
    ) -> None:
        self.stage, self.builder, self.context, self.size = stage, builder, context, size
        self.data, self.out = data, out
        self.manifest = self._manifest("train") if stage.manifest else None

    def steps(self) -> int:
        """How many steps the stage takes; raises ``RecipeError`` where nothing says so."""
        if self.stage.steps:
            return self.stage.steps
        if self.manifest is None or not self.stage.epochs:
            raise RecipeError("the stage has no end: give it 'steps', or 'epochs' and a manifest to count them by.")
        return max(1, round(self.stage.epochs * len(self.manifest) / self.stage.scenes_per_batch))

    def pictures(self) -> int:
        """How many different pictures there are."""
        if self.manifest is not None:
            return len(self.manifest)
        return min(self.stage.scenes, self.steps() * self.stage.scenes_per_batch)

    def work(self, model: Aquila, device: torch.device) -> Work:
        """The examples of all steps; with a bank, the model's encoder sees every picture here.

        Raises ``RecipeError`` where there is nothing to evaluate on as the recipe asks.
        """
        count = self.steps() * self.stage.scenes_per_batch
        held_out = self._held_out()
        source: Any = self.manifest or drawn_scenes(self.data, self.size, self.stage, count)
        lengths = self._lengths(source)
        if self.stage.bank:
            model.to(device)
            source = fill(model, source, self.stage.workers, device)
            lengths = lengths or list(region_counts(source))
        learner = TextLearner(model, answer_weights(self.stage, self.builder))
        return Work(learner, self._examples(source, lengths, count), collate, held_out)

    def _manifest(self, split: str) -> ManifestPictures:
        cache = 0.0 if self.stage.bank else self.stage.cache_gib
        return open_manifests(
            self.stage.manifest, split=split, about=self.stage.about, size=self.size, cache=self.out / "cache",
            cache_gib=cache)

    def _lengths(self, source: Any) -> List[int]:
        return source.lengths(self.builder, self.stage.longest) if self.manifest is not None else []

    def _speak(self) -> Any:
        if self.manifest is not None:
            return Teller(self.builder, self.context, self.stage.longest)
        stage = self.stage
        maker = TurnMaker(stage.kinds, stage.turns_per_region, stage.pairs_per_region, stage.misled)
        return Speaker(maker, self.builder, self.context)

    def _examples(self, source: Any, lengths: List[int], count: int) -> Examples[Any]:
        order = Order(lengths or [1] * len(source), self.stage.scenes_per_batch, self.stage.seed)
        return Examples(source, self._speak(), self.builder, order, count=count, seed=self.stage.seed)

    def _held_out(self) -> Optional[Dataset]:
        """The same pictures and the same texts at every evaluation."""
        if not self.stage.evaluate_every:
            return None
        source: Any = (
            self._manifest("val") if self.manifest is not None
            else held_out_scenes(self.data, self.size, self.stage))
        if not len(source):
            raise RecipeError(
                "'evaluate_every' asks for the loss on held-out pictures, but there are none of the split 'val'; give "
                "some records that split, or leave 'evaluate_every' out of the recipe.")
        order = Order([1] * len(source), 1, self.stage.seed)
        count = min(len(source), self.stage.evaluate_scenes)
        return Examples(source, self._speak(), self.builder, order, count=count, seed=self.stage.seed)


