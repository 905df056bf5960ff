"""Fused blocks of a ConvNeXt give what the plain ones give, and leave weights and training as they are."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as functional

from core_model.config import EncoderConfig
from core_model.network.encoder import ConvNeXtEncoder, build_encoder

IMAGES = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def made(name: str = "convnext_atto_ols") -> ConvNeXtEncoder:
    """A small encoder whose scales are not all alike."""
    torch.manual_seed(1)
    encoder = build_encoder(EncoderConfig(vision={"timm_model_name": name}, image_size=64)).eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.ndim == 1:
                parameter.uniform_(-1, 1)
    assert isinstance(encoder, ConvNeXtEncoder)
    return encoder


def fused_blocks(encoder: ConvNeXtEncoder) -> int:
    return sum(type(module).__name__ == "FusedBlock" for module in encoder.modules())


def unwanted(*_arguments: object) -> None:
    raise AssertionError("a pass of its own for GELU")


@pytest.mark.parametrize("threads", [1, 2])
def test_fused_blocks_give_what_plain_ones_give(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    encoder = made()
    expected = [level.detach() for level in encoder(IMAGES)]  # with gradients, hence in all passes
    usual = torch.get_num_threads()
    monkeypatch.setattr(functional, "gelu", unwanted)
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            found = encoder(IMAGES)
    finally:
        torch.set_num_threads(usual)
    assert fused_blocks(encoder) == 12
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_training_takes_the_plain_way_with_its_gradients() -> None:
    encoder = made().train()
    sum(level.square().mean() for level in encoder(IMAGES)).backward()  # type: ignore[union-attr]
    gradients = {name: parameter.grad for name, parameter in encoder.named_parameters() if "blocks" in name}
    assert gradients and all(bool(gradient.any()) for gradient in gradients.values() if gradient is not None)
    assert None not in gradients.values()


def test_other_number_formats_take_the_plain_way() -> None:
    encoder = made()
    with torch.inference_mode():
        expected = encoder(IMAGES)
        found = copy.deepcopy(encoder).double()(IMAGES)
    for one, other in zip(found, expected):
        torch.testing.assert_close(one.float(), other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "count"), [("convnext_tiny", 0), ("convnextv2_atto", 0), ("convnext_atto", 12)])
def test_only_blocks_of_plain_convolutions_are_fused(name: str, count: int) -> None:
    """Those of linear layers and those with a response norm stay what they were."""
    assert fused_blocks(made(name)) == count
