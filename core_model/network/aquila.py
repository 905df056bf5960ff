"""The assembled model: encoder, projector, mask-aware extractor and language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from core_model.config import AquilaConfig
from core_model.network.encoder import STRIDES, FeaturePyramid, build_encoder
from core_model.network.extractor import MaskExtractor, Measured
from core_model.network.familiarity import Familiarity
from core_model.network.language import build_language, packed_mask, round_rotary
from core_model.text.prompt import IGNORED_LABEL, IMAGE_SLOT, REGION_SLOT, TokenSequence


@dataclass(frozen=True)
class Encoded:
    """What does not depend on any mask: the feature pyramid and the image tokens [T, N, hidden]."""

    pyramid: FeaturePyramid
    image_tokens: Tensor


@dataclass(frozen=True)
class Sight:
    """What the trained parts read of pictures and regions: cells of one level [T, N, C], and the measured masks."""

    cells: Tensor
    regions: Measured


@dataclass(frozen=True)
class Conversations:
    """Packed conversations about pictures, one row for each.

    ids, labels, positions, parents [T, L] as ``pack`` builds them (``parents`` −1 for padding); ``region_index`` [K]
    lists, in reading order of the batch, which region each ``<region>`` is.
    """

    ids: Tensor
    labels: Tensor
    positions: Tensor
    parents: Tensor
    region_index: Tensor


@dataclass(frozen=True)
class TrainingBatch(Conversations):
    """Conversations with their pictures uint8 [T, S, S, 3] and masks [R, H, W] over pictures ``image_index`` [R]."""

    images: Tensor
    masks: Tensor
    image_index: Tensor


class Aquila(nn.Module):
    """Aquila-plus (arXiv 2411.06142). Read ``forward`` for training; ``encode`` and ``region_tokens`` for use."""

    def __init__(self, config: AquilaConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config.encoder)
        self.language = build_language(config.language.huggingface)
        if config.language.rotary == "float16":
            round_rotary(self.language, torch.float16)
        self.hidden: int = self.language.get_input_embeddings().embedding_dim
        channels = self.encoder.channels[config.image_level]
        self.projector = nn.Sequential(
            nn.Linear(channels, self.hidden), nn.GELU(), nn.Linear(self.hidden, self.hidden)
        )
        self.extractor = MaskExtractor(config=config.extractor, channels=self.encoder.channels, hidden=self.hidden)
        self.familiarity = Familiarity(config.familiar, config.extractor.width) if config.familiar else None

    @property
    def image_tokens(self) -> int:
        """How many embeddings one picture becomes."""
        return (self.config.encoder.image_size // STRIDES[self.config.image_level]) ** 2

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(self.projector.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The weights' number format."""
        return next(self.projector.parameters()).dtype

    def encode(self, images: Tensor) -> Encoded:
        """uint8 RGB [T, S, S, 3] to the pyramid and the image tokens."""
        pyramid = self.encoder(images)
        return Encoded(pyramid, self.project(pyramid))

    def project(self, pyramid: FeaturePyramid) -> Tensor:
        """One level of the pyramid, row by row, to image tokens [T, N, hidden]."""
        return self.projector(self._cells(pyramid))

    def _cells(self, pyramid: FeaturePyramid) -> Tensor:
        return pyramid[self.config.image_level].flatten(2).transpose(1, 2)  # [T, h·w, C]

    def region_tokens(self, pyramid: FeaturePyramid, masks: Tensor, image_index: Tensor) -> Tensor:
        """Masks [R, H, W] over the pictures ``image_index`` [R] to region tokens [R, tokens_per_region, hidden]."""
        return self.extractor(pyramid, masks, image_index)

    def nearness(self, measured: Measured) -> List[float]:
        """How alike measured regions are to what the model learned from: [R] in −1…1, or 0 if it was not measured."""
        if self.familiarity is None:
            return [0.0] * len(measured.small)
        found: List[float] = self.familiarity(self.extractor.own(measured)).tolist()
        return found

    def embed(self, ids: Tensor, image_tokens: Tensor | None = None, region_tokens: Tensor | None = None) -> Tensor:
        """Ids with slots [B, L] to embeddings [B, L, hidden]; slots are filled in reading order of the batch."""
        embedded = self.language.get_input_embeddings()(ids.clamp(min=0))
        for slot, tokens in ((IMAGE_SLOT, image_tokens), (REGION_SLOT, region_tokens)):
            if tokens is not None:
                where = (ids == slot).unsqueeze(-1).expand_as(embedded)
                embedded = embedded.masked_scatter(where, tokens.to(embedded.dtype))
        return embedded

    def forward(self, batch: TrainingBatch) -> Tuple[Tensor, Tensor]:
        """The mean cross-entropy of the labels, and logits [T, L, vocabulary]."""
        return self.read(self.see(self.encoder(batch.images), batch.masks, batch.image_index), batch)

    def see(self, pyramid: FeaturePyramid, masks: Tensor, image_index: Tensor) -> Sight:
        """What ``read`` needs of a pyramid; it stays the same as long as the encoder does."""
        return Sight(self._cells(pyramid), self.extractor.measure(pyramid, masks, image_index))

    def read(self, seen: Sight, batch: Conversations) -> Tuple[Tensor, Tensor]:
        """``forward`` from what was seen."""
        logits = self.logits(seen, batch)
        return packed_loss(logits, batch.labels, batch.parents), logits

    def logits(self, seen: Sight, batch: Conversations) -> Tensor:
        """The language model's logits [T, L, vocabulary] over the packed rows."""
        regions = self.extractor.tokens(seen.regions)
        inputs = self.embed(batch.ids, self.projector(seen.cells), regions[batch.region_index])
        found: Tensor = self.language(
            inputs_embeds=inputs, attention_mask=packed_mask(batch.parents, inputs.dtype),
            position_ids=batch.positions, use_cache=False,
        ).logits
        return found


def packed_loss(
    logits: Tensor, labels: Tensor, parents: Tensor, reduction: str = "mean", weights: Optional[Tensor] = None
) -> Tensor:
    """Cross-entropy of every label given the token before it in its own text: the mean (or "sum") over labels.

    With ``weights`` [vocabulary] a label counts as often as they say.
    """
    row, place = ((labels != IGNORED_LABEL) & (parents >= 0)).nonzero(as_tuple=True)
    return functional.cross_entropy(
        logits[row, parents[row, place]].float(), labels[row, place], weights, reduction=reduction)


@dataclass(frozen=True)
class PackedRow:
    """A tree of tokens in one row, and the region of every ``<region>`` in it, in order."""

    ids: List[int]
    labels: List[int]
    positions: List[int]
    parents: List[int]
    regions: List[int]


def pack(prefix: Sequence[int], suffixes: Sequence[TokenSequence], tokens_per_region: int) -> PackedRow:
    """One prefix and the texts that follow it, as a tree: what texts begin with in common is there once.

    ``TokenSequence.regions`` number the regions of the row's picture, so that texts share only the same region's slots.
    """
    row = PackedRow(list(prefix), [IGNORED_LABEL] * len(prefix), list(range(len(prefix))),
                    list(range(-1, len(prefix) - 1)), [])
    known: Dict[Tuple[int, int, int, int], int] = {}
    slots: List[int] = []
    for suffix in suffixes:
        owners = iter([region for region in suffix.regions for _ in range(tokens_per_region)])
        before = len(prefix) - 1
        for token, label in zip(suffix.ids, suffix.labels):
            owner = next(owners) if token == REGION_SLOT else -1
            key = before, token, label, owner
            if key not in known:
                known[key] = len(row.ids)
                row.ids.append(token)
                row.labels.append(label)
                row.positions.append(row.positions[before] + 1)
                row.parents.append(before)
                slots += [owner] if token == REGION_SLOT else []
            before = known[key]
    row.regions.extend(slots[::tokens_per_region])
    return row


def collate_packed(rows: Sequence[PackedRow]) -> Dict[str, Tensor]:
    """Packed rows to the tensors [B, L] of ``Conversations``, padded on the right."""
    length = max(len(row.ids) for row in rows)
    fill = {"ids": 0, "labels": IGNORED_LABEL, "positions": 0, "parents": -1}
    return {
        name: torch.tensor([getattr(row, name) + [value] * (length - len(row.ids)) for row in rows])
        for name, value in fill.items()
    }
