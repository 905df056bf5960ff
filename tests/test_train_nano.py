"""`make train-nano` in small: its own commands, one after the other, each starting from what the one before left."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import sys
from pathlib import Path
from typing import List

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from typer.testing import CliRunner

from core_model.checkpoint import load_model
from core_model.cli import app
from core_model.network.aquila import Aquila
from tests.geo_helpers import write_layer, write_raster
from tests.made_training import write_pictures
from training.data.sources import eurosat_split, ucmerced_split
from training.recipe import RECIPES

MAKEFILE = Path(__file__).resolve().parent.parent / "Makefile"
STEPS, SIZE = 2, 64  # the first step of a warm-up has a rate of 0


def _commands() -> List[List[str]]:
    """Module and arguments of the target's commands."""
    target = re.search(r"^train-nano:.*\n((?:\t.*\n)+)", MAKEFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert target is not None
    return [shlex.split(line)[2:] for line in target.group(1).splitlines()]


def _data(folder: Path) -> Path:
    """Two data sets with both splits that training reads; the others are there and empty."""
    folder.mkdir()
    kept = [number for number in range(1, 201) if eurosat_split(number) in ("train", "val")][::20]
    assert {eurosat_split(number) for number in kept} == {"train", "val"}
    write_pictures(folder / "eurosat_rgb.zip", [f"x/{kind}_{n}.jpg" for kind in ("Forest", "River") for n in kept])
    kept = [0, 1, 45, 46]
    assert [ucmerced_split(number) for number in kept] == ["train", "train", "val", "val"]
    write_pictures(folder / "ucmerced.zip", [f"x/{kind}{n:02d}.jpg" for kind in ("beach", "harbor") for n in kept])
    for name in ("dubai_segmentation", "naip_trees", "swissimage_solar_roofs"):
        write_pictures(folder / f"{name}.zip", [])
    return folder


def _small_recipe(path: Path) -> None:
    """nano with small pictures and few scenes; all else as it is shipped."""
    values = yaml.safe_load((RECIPES / "nano.yaml").read_text(encoding="utf-8"))
    values["model"]["encoder"]["image_size"] = SIZE
    values["tokenizer"]["scenes"] = 4
    values["defaults"].update(workers=0, scenes_per_batch=2)
    values["encoder"].update(workers=0, scenes_per_batch=2)
    values["finetune"]["scenes_per_batch"] = 2
    path.write_text(yaml.safe_dump(values), encoding="utf-8")


def test_every_stage_starts_from_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four stages and the calibration, as the Makefile has them, end in a folder that holds what was learned."""
    monkeypatch.chdir(tmp_path)
    data = str(_data(tmp_path / "data"))
    _small_recipe(tmp_path / "nano.yaml")
    commands = _commands()
    assert [name for name, *_ in commands] == [
        f"training.{stage}" for stage in ("encoder", "pretrain", "align", "finetune", "calibrate")]
    few = ["--recipe", "nano.yaml", "--steps", str(STEPS), "--report", "none", "--device", "cpu"]
    for name, *given in commands:
        _run(monkeypatch, name, *given, "--data", data, *([] if name == "training.calibrate" else few))
    _look(tmp_path)
    _use(tmp_path)
    _go_on(tmp_path, monkeypatch, "--data", data, *few[2:])


def _run(monkeypatch: pytest.MonkeyPatch, name: str, *given: str) -> None:
    monkeypatch.setattr(sys, "argv", [name, *given])
    monkeypatch.delitem(sys.modules, name, raising=False)  # runpy warns of a module that is there already
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _go_on(folder: Path, monkeypatch: pytest.MonkeyPatch, *given: str) -> None:
    """The encoder goes on from the finished model; what it does not train stays as it was."""
    values = {"encoder": {"workers": 0, "scenes_per_batch": 2, "warmup": 1, "anchor": 1.0}}
    (folder / "onward.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    start = folder / "core_model" / "models" / "nano"
    _run(monkeypatch, "training.encoder", "--recipe", "onward.yaml", "--start", str(start), *given)
    models = [load_model(str(path), device="cpu", dtype="float32").model
              for path in (start, folder / "runs" / "onward" / "encoder" / "model")]
    parts = ("encoder", "extractor.levels", "extractor.feat", "projector", "lang")
    changes = [_differs(*models, part) for part in parts]
    assert changes == [True, True, False, False, False]
    assert [model.config.familiar > 0 for model in models] == [True, False]


def _look(folder: Path) -> None:
    """Each stage goes on from the one before; the calibration rounds the last one and fits its temperatures."""
    runs = folder / "runs" / "nano"
    stages = ("pretrain", "align", "finetune")
    found = [load_model(str(runs / stage / "model"), device="cpu", dtype="float32").model for stage in stages]
    for name, value in load_file(str(runs / "encoder" / "encoder.safetensors")).items():
        if name.startswith("encoder."):
            assert all(torch.equal(model.state_dict()[name], value) for model in found), name
    for part, changes in (("projector", [False, True]), ("extractor", [True, True]), ("language", [True, True])):
        assert [_differs(one, other, part) for one, other in zip(found, found[1:])] == changes, part
    shipped = load_model(str(folder / "core_model" / "models" / "nano"), device="cpu", dtype="float32").model
    assert not any(model.config.familiar for model in found)  # what was measured is of the last weights alone
    for name, value in found[-1].state_dict().items():
        assert torch.equal(shipped.state_dict()[name], value.half().float()), name
    assert shipped.config.label_temperature != 1.0 and shipped.config.confidence[0] != 1.0
    assert shipped.familiarity is not None and shipped.config.familiar == len(shipped.familiarity.prototypes) > 1
    for stage in ("encoder", *stages):
        whole = runs / stage / f"checkpoint-{STEPS}" / "whole.json"
        assert json.loads(whole.read_text(encoding="utf-8")) == {"step": STEPS}


def _use(folder: Path) -> None:
    """The command line knows the folder and describes polygons with it."""
    made = ["--model", str(folder / "core_model" / "models" / "nano")]
    told = CliRunner().invoke(app, ["info", "--json", *made])
    assert json.loads(told.stdout)["model"]["name"] == "nano"
    write_raster(folder / "scene.tif", np.random.default_rng(0).integers(0, 255, (3, 120, 120), dtype=np.uint8))
    write_layer(folder / "plots.gpkg", [
        f"POLYGON(({x} 5799990,{x + 30} 5799990,{x + 30} 5799960,{x} 5799960,{x} 5799990))" for x in (500010, 500060)])
    files = [str(folder / name) for name in ("scene.tif", "plots.gpkg")]
    told = CliRunner().invoke(app, ["describe", *files, "-o", str(folder / "described.geojson"), *made])
    assert told.exit_code == 0, told.output
    rows = json.loads((folder / "described.geojson").read_text(encoding="utf-8"))["features"]
    assert [row["properties"]["status"] for row in rows] == ["ok", "ok"]


def _differs(one: Aquila, other: Aquila, part: str) -> bool:
    kept = other.state_dict()
    return any(not torch.equal(value, kept[name]) for name, value in one.state_dict().items() if name.startswith(part))
