"""Time and memory that a model of Osprey's size takes to import, to load and to write, in bfloat16 on the CPU.

    python benchmarks/load_7b.py FOLDER [--layers 32] [--steps make,import,load] [--dtype bfloat16]

``make`` writes random weights in the published layout (two ``.bin`` shards in float16, 14 GB for 32 layers) to
FOLDER/published, ``import`` turns them into FOLDER/model, and ``load`` loads that and writes about one region of one
picture. The last two run in processes of their own; for each, a line of JSON with its time and its peak of memory:
``peak_gib`` counts all resident pages, those of mapped files too, ``own_gib`` only what the process holds itself and
the system cannot drop. Fewer ``--layers`` make a smaller model. FOLDER needs 28 GB of disk and is not removed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core_model.checkpoint import load_model
from core_model.config import AquilaConfig, EncoderConfig, ExtractorConfig, LanguageConfig
from core_model.folders import MODELS
from core_model.generation import Generator, Request
from core_model.importing import osprey
from core_model.loading.empty import empty_model
from core_model.text.prompt import Turn
from core_model.text.tokenizer import load_tokenizer
from core_model.weights import own_weights

GIB = 1024**3
LLAMA_7B = {
    "hidden_size": 4096, "intermediate_size": 11008, "num_attention_heads": 32, "num_key_value_heads": 32,
    "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2,
    "pad_token_id": 0, "tie_word_embeddings": False,
}
VOCABULARY, SHARDS, NEW_TOKENS = 32_000, 2, 16
PUBLISHED = {
    "encoder.": "model.vision_tower.vision_tower.visual.", "projector.": "model.mm_projector.", "language.": "",
    "extractor.feat_linear.": "mask_extractor.feat_linear.",
    **{f"extractor.levels.{number}.": f"mask_extractor.res{number + 2}." for number in range(4)},
    **{f"extractor.spatial.{2 * number}.": f"mask_extractor.mask_linear.layers.{number}." for number in range(3)},
}


def make(folder: Path, layers: int) -> None:
    """A checkpoint of random numbers in the published layout."""
    fields = {**LLAMA_7B, "num_hidden_layers": layers, "vocab_size": VOCABULARY}
    model = empty_model(AquilaConfig(
        encoder=EncoderConfig(vision={"timm_model_name": osprey.ENCODER}, image_size=osprey.IMAGE_SIZE),
        extractor=ExtractorConfig(spatial_size=112, pooling="osprey"),
        language=LanguageConfig({**fields, "model_type": "llama"}, "osprey", "float16")))
    folder.mkdir(parents=True)
    shapes = {_published(name): value.shape for name, value in own_weights(model).items()}
    names, places = list(shapes), {}
    block = torch.randn(1 << 24, generator=torch.Generator().manual_seed(0)).half() * 0.02
    for number in range(SHARDS):
        file = f"pytorch_model-{number + 1:05d}-of-{SHARDS:05d}.bin"
        part = names[number * len(names) // SHARDS : (number + 1) * len(names) // SHARDS]
        torch.save({name: _random(name, shapes[name], block) for name in part}, folder / file)
        places.update(dict.fromkeys(part, file))
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))
    (folder / "config.json").write_text(json.dumps({**fields, "model_type": "osprey"}))


def _published(name: str) -> str:
    start = max((start for start in PUBLISHED if name.startswith(start)), key=len)
    return PUBLISHED[start] + name[len(start):]


def _random(name: str, shape: torch.Size, block: Tensor) -> Tensor:
    if name.endswith("norm.weight"):
        return torch.ones(shape, dtype=torch.float16)
    count = shape.numel()
    return block.repeat(-(-count // block.numel()))[:count].clone().view(shape)


def bring_in(published: Path, out: Path) -> None:
    """What ``import-osprey`` does, with nano's tokenizer: what it is matters nothing here."""
    osprey._copy_tokenizer = lambda _folder, made: load_tokenizer(MODELS / "nano").save(made)  # type: ignore[assignment]
    osprey.import_osprey(published, out)


def load_and_write(folder: Path, dtype: str) -> dict[str, float]:
    """Load, and write about one region; returns the seconds of each."""
    started = time.monotonic()
    loaded = load_model(str(folder), device="cpu", dtype=dtype)
    ready = time.monotonic()
    generator = Generator(loaded.model, loaded.tokenizer)
    generator.end_id = -1  # random weights must not stop early
    image = np.random.default_rng(0).integers(0, 255, (1, osprey.IMAGE_SIZE, osprey.IMAGE_SIZE, 3), dtype=np.uint8)
    mask = np.zeros((1, osprey.IMAGE_SIZE, osprey.IMAGE_SIZE), dtype=np.float32)
    mask[:, 100:300, 100:300] = 1
    view = generator.view(image, mask, [0])
    seen = time.monotonic()
    written = generator.write(view, [Request((0,), (Turn("What is <region>?"),))], max_new_tokens=NEW_TOKENS)
    ended = time.monotonic()
    return {
        "load_s": ready - started, "encode_and_prefill_s": seen - ready, "write_s": ended - seen,
        "tokens": len(written[0].ids), "parameters": sum(value.numel() for value in loaded.model.parameters()),
    }


def measured(step: Callable[[], object], name: str) -> None:
    """Run a step in a process of its own and print its time and peak of memory."""
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(step, name))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{name} failed")


def _run(step: Callable[[], object], name: str) -> None:
    own = [0]
    threading.Thread(target=_watch, args=(own,), daemon=True).start()
    started = time.monotonic()
    told = step()
    print(json.dumps({
        "step": name, "seconds": round(time.monotonic() - started, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB, 2),
        "own_gib": round(own[0] / GIB, 2),
        **({key: round(value, 1) for key, value in told.items()} if isinstance(told, dict) else {}),
    }), flush=True)


def _watch(own: list[int]) -> None:
    while True:
        own[0] = max(own[0], *_anonymous())
        time.sleep(0.02)


def _anonymous() -> Iterator[int]:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            yield int(line.split()[1]) * 1024


class Step:
    """One of the measured steps; a class, since a process is told it by name."""

    def __init__(self, name: str, folder: Path, dtype: str) -> None:
        self.name, self.folder, self.dtype = name, folder, dtype

    def __call__(self) -> object:
        """Do it; returns what there is to tell of it beside time and memory."""
        if self.name == "import":
            return bring_in(self.folder / "published", self.folder / "model")
        return load_and_write(self.folder / "model", self.dtype)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--steps", default="make,import,load")
    chosen = parser.parse_args()
    for name in chosen.steps.split(","):
        if name == "make":
            make(chosen.folder / "published", chosen.layers)
        else:
            measured(Step(name, chosen.folder, chosen.dtype), name)


if __name__ == "__main__":
    main()
