"""Few rows multiplied from the weight's side give what the plain layer gives."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core_model.network.few_rows import FewRowsLinear, multiply_few_rows_fast


def layers(*, bias: bool, inputs: int = 600, outputs: int = 900) -> tuple[nn.Linear, nn.Linear]:
    """A plain layer and one of the same weights that is asked to be fast."""
    torch.manual_seed(0)
    plain, fast = nn.Linear(inputs, outputs, bias), nn.Linear(inputs, outputs, bias)
    fast.load_state_dict(plain.state_dict())
    multiply_few_rows_fast(fast)
    assert isinstance(fast, FewRowsLinear)
    return plain, fast


@pytest.fixture(autouse=True)
def several_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1,), (2,), (16, 1), (3, 5), (256,), (257,)])
def test_the_product_is_the_same(shape: tuple[int, ...], bias: bool) -> None:
    plain, fast = layers(bias=bias)
    rows = torch.randn(*shape, 600)
    found = fast(rows)
    assert found.is_contiguous()
    torch.testing.assert_close(found, plain(rows), rtol=1e-4, atol=1e-4)


def test_it_is_the_weights_side_that_is_multiplied(monkeypatch: pytest.MonkeyPatch) -> None:
    _, fast = layers(bias=True)
    sides: list[tuple[int, ...]] = []
    product = torch.mm

    def noted(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        sides.append(tuple(one.shape))
        return product(one, other)

    monkeypatch.setattr(torch, "mm", noted)
    fast(torch.randn(1, 600)), fast(torch.randn(300, 600)), fast.double()(torch.randn(4, 600).double())
    assert not sides
    fast.float()(torch.randn(4, 600))
    layers(bias=True, inputs=20)[1](torch.randn(4, 20))
    assert sides == [(900, 600)]


def test_gradients_pass() -> None:
    plain, fast = layers(bias=True)
    rows = torch.randn(4, 600)
    for layer in (plain, fast):
        layer(rows).square().sum().backward()
    torch.testing.assert_close(fast.weight.grad, plain.weight.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(fast.bias.grad, plain.bias.grad, rtol=1e-4, atol=1e-4)


def test_other_layers_stay_what_they_are() -> None:
    class Own(nn.Linear):
        pass

    network = nn.Sequential(Own(3, 3), nn.ReLU(), nn.Linear(3, 3))
    multiply_few_rows_fast(network)
    assert [type(layer).__name__ for layer in network] == ["Own", "ReLU", "FewRowsLinear"]
