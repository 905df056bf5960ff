"""The likelihood of given labels after an instruction: all of them in one row, as a tree behind it."""

from __future__ import annotations

from typing import List, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from core_model.network.language import packed_mask
from core_model.network.reading import Reader, Rows
from core_model.network.row_cache import Place, RowCache
from core_model.network.shared_prefix import SharedPrefixes


def label_likelihoods(
    reader: Reader, prefixes: SharedPrefixes, asked: Sequence[Tensor], pictures: Sequence[int],
    labels: Sequence[List[int]],
) -> Tensor:
    """Mean log-likelihood per token [n, labels] after what is ``asked`` (embeddings [L, hidden]) of ``pictures``."""
    device, table = asked[0].device, reader.language.get_input_embeddings()
    flat = table(torch.tensor([token for label in labels for token in label], device=device))
    starts = [len(row) for row in asked]
    length = max(starts) + len(flat)
    inputs = pad_sequence([torch.cat([row, flat.to(row.dtype)]) for row in asked], batch_first=True)
    parents, places = [], []
    for start in starts:
        padding = length - start - len(flat)
        parents.append(list(range(-1, start - 1)) + _label_parents(start, labels) + [-1] * padding)
        places.append(list(range(start)) + [start + n for label in labels for n in range(len(label))] + [0] * padding)
    columns = torch.arange(length, device=device).expand(len(asked), -1)
    rows = Rows(
        inputs, torch.tensor(places, device=device) + prefixes.length,
        packed_mask(torch.tensor(parents, device=device), inputs.dtype), Place(0, columns, length))
    logits = reader.read(rows, RowCache(len(asked), prefixes), prefixes.reach(pictures))
    return torch.stack([_label_means(row, start, labels) for row, start in zip(logits, starts)])


def _label_parents(start: int, labels: Sequence[List[int]]) -> List[int]:
    """The token before each label's tokens, the labels lying one behind the other from ``start``."""
    parents, at = [], start
    for label in labels:
        parents += [start - 1] + list(range(at, at + len(label) - 1))
        at += len(label)
    return parents


def _label_means(logits: Tensor, start: int, labels: Sequence[List[int]]) -> Tensor:
    """Mean log-probability of each packed label; its first token is foretold by the instruction's last position."""
    tokens = [token for label in labels for token in label]
    likelihoods = logits.log_softmax(dim=-1)[_label_parents(start, labels), tokens]
    return torch.stack([part.mean() for part in likelihoods.split([len(label) for label in labels])])
