"""The assembled model: encoder, projector, mask-aware extractor and language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from core_model.config import AquilaConfig
from core_model.network.encoder import STRIDES, FeaturePyramid, build_encoder
from core_model.network.extractor import MaskExtractor
from core_model.network.language import build_language, packed_mask
from core_model.text.prompt import IGNORED_LABEL, IMAGE_SLOT, REGION_SLOT


@dataclass(frozen=True)
class Encoded:
    """What does not depend on any mask: the feature pyramid and the image tokens [T, N, hidden]."""

    pyramid: FeaturePyramid
    image_tokens: Tensor


@dataclass(frozen=True)
class TrainingBatch:
    """Pictures with packed conversations, for ``Aquila.forward``.

    images uint8 [T, S, S, 3]; masks [R, H, W] with ``image_index`` [R]; ids, labels, positions, segments [T, L] as
    built by ``core_model.text.prompt`` (segment 0 the shared prefix, 1… the turns, −1 padding); ``region_index`` [K]
    lists, in reading order of the batch, which region each ``<region>`` is.
    """

    images: Tensor
    masks: Tensor
    image_index: Tensor
    ids: Tensor
    labels: Tensor
    positions: Tensor
    segments: Tensor
    region_index: Tensor


class Aquila(nn.Module):
    """Aquila-plus (arXiv 2411.06142). Read ``forward`` for training; ``encode`` and ``region_tokens`` for use."""

    def __init__(self, config: AquilaConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config.encoder)
        self.language = build_language(config.language.huggingface)
        self.hidden: int = self.language.get_input_embeddings().embedding_dim
        channels = self.encoder.channels[config.image_level]
        self.projector = nn.Sequential(
            nn.Linear(channels, self.hidden), nn.GELU(), nn.Linear(self.hidden, self.hidden)
        )
        self.extractor = MaskExtractor(config=config.extractor, channels=self.encoder.channels, hidden=self.hidden)

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
        cells = pyramid[self.config.image_level].flatten(2).transpose(1, 2)  # [T, h·w, C]
        return self.projector(cells)

    def region_tokens(self, pyramid: FeaturePyramid, masks: Tensor, image_index: Tensor) -> Tensor:
        """Masks [R, H, W] over the pictures ``image_index`` [R] to region tokens [R, tokens_per_region, hidden]."""
        return self.extractor(pyramid, masks, image_index)

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
        return self.read(self.encoder(batch.images), batch)

    def read(self, pyramid: FeaturePyramid, batch: TrainingBatch) -> Tuple[Tensor, Tensor]:
        """``forward`` from a pyramid that is already there (a frozen encoder's, say)."""
        image_tokens = self.project(pyramid)
        regions = self.region_tokens(pyramid, batch.masks, batch.image_index)
        inputs = self.embed(batch.ids, image_tokens, regions[batch.region_index])
        logits = self.language(
            inputs_embeds=inputs, attention_mask=packed_mask(batch.segments, inputs.dtype),
            position_ids=batch.positions, use_cache=False,
        ).logits
        return packed_loss(logits, batch.labels, batch.segments), logits


def packed_loss(logits: Tensor, labels: Tensor, segments: Tensor) -> Tensor:
    """Cross-entropy of every label given the position before it in its own segment: the mean over labels."""
    target = labels[:, 1:]
    same = segments[:, 1:] == segments[:, :-1]
    target = torch.where(same, target, torch.full_like(target, IGNORED_LABEL))
    return functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), target.flatten(), ignore_index=IGNORED_LABEL)


def pack(prefix: Sequence[int], suffixes: Sequence[Tuple[List[int], List[int]]]) -> Dict[str, List[int]]:
    """One prefix and its independent (ids, labels) suffixes as one packed row; positions restart after the prefix."""
    row: Dict[str, List[int]] = {
        "ids": list(prefix), "labels": [IGNORED_LABEL] * len(prefix),
        "positions": list(range(len(prefix))), "segments": [0] * len(prefix),
    }
    for number, (ids, labels) in enumerate(suffixes, 1):
        row["ids"] += ids
        row["labels"] += labels
        row["positions"] += range(len(prefix), len(prefix) + len(ids))
        row["segments"] += [number] * len(ids)
    return row


def collate_packed(rows: Sequence[Dict[str, List[int]]]) -> Dict[str, Tensor]:
    """Packed rows to tensors [B, L], padded on the right."""
    length = max(len(row["ids"]) for row in rows)
    fill: Dict[str, Any] = {"ids": 0, "labels": IGNORED_LABEL, "positions": 0, "segments": -1}
    return {
        name: torch.tensor([row[name] + [value] * (length - len(row[name])) for row in rows])
        for name, value in fill.items()
    }
