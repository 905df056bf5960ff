"""A convolution that takes its GELU in gives what both give, and leaves weights and training as they are."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from core_model.config import EncoderConfig
from core_model.network.encoder import build_encoder
from core_model.network.fused import GeluConv, fuse_gelu

PIXELS = torch.randn(2, 6, 9, 9, generator=torch.Generator().manual_seed(0))


def plain() -> nn.Conv2d:
    torch.manual_seed(1)
    return nn.Conv2d(6, 10, 3, stride=2, padding=1, groups=2)


def unwanted(*_arguments: object) -> None:
    raise AssertionError("a pass of its own for GELU")


def test_one_pass_gives_what_two_give(monkeypatch: pytest.MonkeyPatch) -> None:
    conv = plain()
    expected = functional.gelu(conv(PIXELS))
    if torch.backends.mkldnn.is_available():
        monkeypatch.setattr(functional, "gelu", unwanted)
    with torch.inference_mode():
        torch.testing.assert_close(GeluConv.of(conv)(PIXELS), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_those_of_the_plain_layers(dtype: torch.dtype) -> None:
    conv = plain().to(dtype)
    fused, pixels = GeluConv.of(conv), PIXELS.to(dtype)
    functional.gelu(conv(pixels)).square().sum().backward()
    expected = conv.weight.grad
    conv.weight.grad = None
    fused(pixels).square().sum().backward()
    assert fused.weight is conv.weight
    torch.testing.assert_close(conv.weight.grad, expected)


def test_only_convolutions_before_the_exact_gelu_are_fused() -> None:
    class Block(nn.Module):
        def __init__(self, layer: nn.Module, act: nn.Module) -> None:
            super().__init__()
            self.fc1, self.act = layer, act

    blocks = [Block(plain(), nn.GELU()), Block(plain(), nn.GELU("tanh")), Block(plain(), nn.ReLU()),
              Block(nn.Linear(2, 2), nn.GELU())]
    names = [list(block.state_dict()) for block in blocks]
    fuse_gelu(nn.ModuleList(blocks))
    assert [isinstance(block.fc1, GeluConv) for block in blocks] == [True, False, False, False]
    assert [list(block.state_dict()) for block in blocks] == names
    assert isinstance(blocks[0].act, nn.Identity) and isinstance(blocks[1].act, nn.GELU)


def test_a_small_encoder_is_fused_throughout(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = build_encoder(EncoderConfig(vision={"timm_model_name": "convnext_atto_ols"}, image_size=64)).eval()
    images = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8)
    assert sum(isinstance(module, GeluConv) for module in encoder.modules()) == 12
    with torch.no_grad():
        fused = encoder(images)
    for parameter in encoder.parameters():
        assert parameter.requires_grad
    for one, other in zip(fused, encoder(images)):  # with gradients, in two passes
        torch.testing.assert_close(one, other.detach(), rtol=1e-4, atol=1e-4)
