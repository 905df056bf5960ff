"""Linear layers whose few rows are multiplied from the weight's side.

A batch that is being written has a few rows. On several cores ``weight @ rows.T`` took about 0.6 of the time of
``rows @ weight.T`` then, timed by hand on an AMD EPYC with MKL; see ``benchmarks/generation.py`` for the whole.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_FEWEST, _MOST = 2, 256
# What turning the product round costs is less than it saves from here on.
_LARGE = 2**19


class FewRowsLinear(nn.Linear):
    """``nn.Linear``, faster for few rows in float32 on several cores of a CPU."""

    def forward(self, input: Tensor) -> Tensor:
        """[…, in_features] to […, out_features]."""
        rows = input.numel() // self.in_features
        if not (_FEWEST <= rows <= _MOST and self._is_slow(input)):
            return super().forward(input)
        found = torch.mm(self.weight, input.reshape(rows, -1).t()).t().contiguous()
        found = found if self.bias is None else found + self.bias
        return found.unflatten(0, input.shape[:-1])

    def _is_slow(self, rows: Tensor) -> bool:
        plain = rows.device.type == "cpu" and rows.dtype == self.weight.dtype == torch.float32
        return plain and self.weight.numel() >= _LARGE and torch.get_num_threads() > 1


def multiply_few_rows_fast(network: nn.Module) -> None:
    """Let a network's linear layers be ``FewRowsLinear``, with the weights that they have."""
    for layer in network.modules():
        if type(layer) is nn.Linear:
            layer.__class__ = FewRowsLinear
