"""The mean of two models' weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core_model.checkpoint import load_model, save_model
from tests.tiny import save_tiny, tiny_config, tiny_model, tiny_tokenizer
from training import mean


def _other(folder: Path) -> Path:
    """As a tiny model that went on learning."""
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn_like(value))
    save_model(folder, model, tokenizer)
    return folder


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_mean_of_two_folders(share: float, tmp_path: Path) -> None:
    before = save_tiny(tmp_path / "before", familiar=4, confidence=(1.5, 2.0, -1.0), unsure_below=0.5)
    other = _other(tmp_path / "other")
    mean.main([str(other), str(before), "--share", str(share), "--out", str(tmp_path / "out")])
    made, own, wanted = (load_model(str(folder), device="cpu", dtype="float32").model
                         for folder in (tmp_path / "out", before, other))
    assert (made.config.familiar, made.config.confidence, made.config.unsure_below) == (0, (1.0, 0.0, 0.0), 0.0)
    others = dict(wanted.named_parameters())
    starts = dict(own.named_parameters())
    for name, value in made.named_parameters():
        assert torch.allclose(value, (1 - share) * starts[name] + share * others[name], atol=1e-6), name


def test_models_of_other_sizes_have_no_mean(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    extractor = replace(tiny_config(tokenizer.size).extractor, width=24)
    save_model(tmp_path / "other", tiny_model(tokenizer, extractor=extractor), tokenizer)
    with pytest.raises(SystemExit, match="one architecture"):
        mean.main([str(tmp_path / "other"), str(save_tiny(tmp_path / "before")), "--share", "0.5", "--out",
                   str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_and_a_share_beyond_one_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="nowhere"):
        mean.main([str(tmp_path / "nowhere"), "nano", "--share", "0.5", "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit):
        mean.main(["nano", "nano", "--share", "1.5", "--out", str(tmp_path / "out")])
    assert "--share is 1.5" in capsys.readouterr().err
