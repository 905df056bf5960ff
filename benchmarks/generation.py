"""What sharing a picture's prefix among its regions brings, with random weights of a chosen size.

    python benchmarks/generation.py [--parts regions,decode,memory] [--hidden 1024 --layers 12] [--markdown]

``regions``: regions per second against the published procedure, which encodes the picture, reads the whole prompt and
writes, one region at a time, with the same weights; and against the floor, the time that the same arithmetic takes at
this machine's measured rates of multiplying and of reading. ``decode``: tokens per second of one row of a model of 1.1
billion weights (4.2 GiB in float32; fewer ``--decode-layers`` take less, ``--decode-size 7b`` has the sizes of Llama 2
7B), against the time of reading its weights, keys and values. ``memory``: bytes of keys and values a region, against a
copy of the prefix for each.

All ratios are of medians of one run, the ways taken in turns. ``--device cuda --dtype bfloat16`` measures on a GPU.
Steps are CUDA graphs there; with ``--no-recording`` they are done one by one, to compare. ``--clock cpu`` counts the
time of the process instead of the wall's, for a machine that others use; it has one thread then. Prints tables and one
line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache

from core_model.checkpoint import DTYPES, pick_device
from core_model.config import AquilaConfig, EncoderConfig, ExtractorConfig, LanguageConfig
from core_model.folders import MODELS
from core_model.generation import Generator, Request, Sampling
from core_model.loading.empty import empty_model
from core_model.loading.filling import move_buffers
from core_model.network.aquila import Aquila
from core_model.network.reading import Reader
from core_model.network.shared_prefix import SharedPrefixes
from core_model.network.transfer import on_device
from core_model.text.prompt import Turn
from core_model.text.tokenizer import load_tokenizer
from core_model.writing.decoder import Decoder, Draft

IMAGE, VOCABULARY = 512, 32_000  # 1,024 image tokens of 16 × 16 pixels
PROMPT = "GSD 0.6 m, area 1200 m2. Describe <region>."
DECODE_SIZES = {
    "1b": {"hidden": 2048, "intermediate": 5632, "heads": 32, "key_heads": 4, "layers": 22},  # TinyLlama's
    "7b": {"hidden": 4096, "intermediate": 11008, "heads": 32, "key_heads": 32, "layers": 32},
}
RATE_SIDE, RATE_BYTES = 2048, 512 * 1024**2
# A GPU multiplies and reads so fast that telling it to would be a good part of the time.
GPU_RATE_SIDE, GPU_RATE_BYTES = 8192, 4 * 1024**3


@dataclass(frozen=True)
class Place:
    """Where and in which numbers is calculated, and what tells the time there."""

    device: torch.device
    dtype: torch.dtype
    process_time: bool

    def clock(self) -> float:
        """Seconds, when all that was begun is done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.process_time() if self.process_time else time.perf_counter()

    def random(self, *shape: int) -> Tensor:
        """Small random numbers."""
        return torch.empty(shape, device=self.device, dtype=self.dtype).uniform_(-0.05, 0.05)


def random_model(
    place: Place, hidden: int, layers: int, intermediate: int, heads: int, key_heads: int, encoder: str
) -> Aquila:
    """A model of 1,024 image tokens with small random weights."""
    language = {
        "model_type": "llama", "hidden_size": hidden, "intermediate_size": intermediate, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": key_heads, "vocab_size": VOCABULARY,
        "max_position_embeddings": 4096, "tie_word_embeddings": False,
    }
    model = empty_model(AquilaConfig(
        encoder=EncoderConfig(vision={"timm_model_name": encoder}, image_size=IMAGE),
        extractor=ExtractorConfig(spatial_size=112), language=LanguageConfig(language, "nano")))
    torch.manual_seed(0)
    weights = {
        name: torch.ones_like(value, device=place.device, dtype=place.dtype) if "norm" in name
        else place.random(*value.shape) for name, value in model.named_parameters()}
    model.load_state_dict(weights, assign=True)
    move_buffers(model, place.device, place.dtype)
    return model


def published(generator: Generator, image: np.ndarray, masks: np.ndarray, new_tokens: int) -> list[list[int]]:
    """One region at a time: encode, read the whole prompt, write greedily."""
    model, texts = generator.model, []
    sequence = generator.sequence(request(0))
    ids = torch.tensor([generator.prefix + sequence.ids], device=model.device)
    owner = torch.zeros(1, dtype=torch.long, device=model.device)
    for mask in masks:
        encoded = model.encode(on_device(image[None], model.device))
        tokens = model.region_tokens(encoded.pyramid, on_device(mask[None], model.device).to(model.dtype), owner)
        inputs: Tensor = model.embed(ids, encoded.image_tokens, tokens)
        cache, written = DynamicCache(), list[int]()
        while len(written) < new_tokens:
            output = model.language(inputs_embeds=inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)
            written.append(int(output.logits[0, -1].argmax()))
            inputs = model.language.get_input_embeddings()(torch.tensor([[written[-1]]], device=model.device))
        texts.append(written)
    return texts


def shared(generator: Generator, image: np.ndarray, masks: np.ndarray, new_tokens: int) -> list[list[int]]:
    """All regions of the picture together, as ``Describer`` has them written."""
    view = generator.view(image[None], masks, [0] * len(masks))
    written = generator.write(view, [request(number) for number in range(len(masks))], max_new_tokens=new_tokens)
    return [list(one.ids) for one in written]


def request(region: int) -> Request:
    """What is asked about a region."""
    return Request((region,), (Turn(PROMPT),))


def medians(ways: Sequence[Callable[[], Any]], runs: int, clock: Callable[[], float]) -> list[float]:
    """The median seconds of every way, taken in turns."""
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(runs):
        for way, taken in zip(ways, times):
            start = clock()
            way()
            taken.append(clock() - start)
    return [statistics.median(taken) for taken in times]


def rates(place: Place) -> tuple[float, float]:
    """What this machine multiplies (operations a second) and reads from memory (bytes a second), at its best."""
    on_gpu = place.device.type == "cuda"
    side, size = (GPU_RATE_SIDE, GPU_RATE_BYTES) if on_gpu else (RATE_SIDE, RATE_BYTES)
    square = place.random(side, side)
    # In float32: a CPU does not read 16-bit numbers at its memory's rate in a product with one column.
    many, one = torch.rand(size // 4 // side, side, device=place.device), torch.rand(side, device=place.device)
    multiply, read = medians([lambda: square @ square, lambda: many @ one], 7, place.clock)
    moved = size / read
    if on_gpu:  # its library's product with one column need not be the fastest way: a copy reads and writes
        other = torch.empty_like(many)
        moved = max(moved, 2 * size / medians([lambda: other.copy_(many)], 7, place.clock)[0])
    return 2 * side**3 / multiply, moved


def floor(generator: Generator, regions: int, new_tokens: int, encoder: float, speeds: tuple[float, float]) -> float:
    """Seconds of the encoder once, of the prefix once, and of suffixes and new tokens, at the measured rates."""
    language, (multiplied, read) = generator.model.language.config, speeds
    layers = sum(p.numel() for p in generator.model.language.model.layers.parameters())
    head = VOCABULARY * language.hidden_size
    prefix, suffix = len(generator.prefix), len(generator.sequence(request(0)).ids)
    seen = 4 * language.num_hidden_layers * language.num_attention_heads * language.head_dim  # a token seen
    reading = 2 * layers * (prefix + regions * suffix) + seen * (prefix**2 / 2 + regions * suffix * prefix)
    step = regions * (2 * (layers + head) + seen * (prefix + suffix))
    weights = generator.model.dtype.itemsize * (layers + head)
    return encoder + reading / multiplied + new_tokens * max(step / multiplied, weights / read)


def measure_regions(chosen: argparse.Namespace, place: Place) -> list[dict[str, float]]:
    """Regions per second of both ways for every number of regions a picture."""
    heads = chosen.hidden // 64
    model = random_model(
        place, chosen.hidden, chosen.layers, chosen.hidden * 11 // 4 // 64 * 64, heads, heads, chosen.encoder)
    generator = never_ending(model, chosen, rows=max(chosen.regions))
    image, masks = picture(max(chosen.regions))
    with torch.inference_mode():
        encoder = medians([lambda: model.encode(on_device(image[None], model.device))], 3, place.clock)[0]
        found = []
        for count in chosen.regions:
            # Its regions cost the same each; a few of them say what all take.
            few = min(count, chosen.published)
            ways = [
                lambda few=few: published(generator, image, masks[:few], chosen.new_tokens),
                lambda count=count: shared(generator, image, masks[:count], chosen.new_tokens)]
            alone, together = medians(ways, chosen.runs, place.clock)
            least = floor(generator, count, chosen.new_tokens, encoder, rates(place))
            found.append({
                "regions": count, "published": few / alone, "shared": count / together,
                "ratio": (count / together) / (few / alone), "floor_share": least / together})
    return found


def measure_decode(chosen: argparse.Namespace, place: Place) -> dict[str, float]:
    """Tokens per second of one row, and what reading its weights, keys and values alone would allow."""
    size = DECODE_SIZES[chosen.decode_size]
    model = random_model(place, encoder="convnext_atto", **{**size, "layers": chosen.decode_layers or size["layers"]})
    generator = never_ending(model, chosen, rows=1)
    view = generator.view(picture(1)[0][None], picture(1)[1], [0])
    short, long = 2, 2 + chosen.decode_tokens
    brief, full = medians(
        [lambda count=count: generator.write(view, [request(0)], max_new_tokens=count) for count in (short, long)],
        chosen.runs, place.clock)
    weights = sum(p.numel() * p.element_size() for p in model.language.model.layers.parameters())
    weights += model.language.get_output_embeddings().weight.nbytes
    read = weights + view.prefixes[0].read.bytes
    step, bandwidth = (full - brief) / chosen.decode_tokens, rates(place)[1]
    return {
        "weights": sum(p.numel() for p in model.language.parameters()) / 1e9, "tokens_per_second": 1 / step,
        "limit": bandwidth / read, "share": read / bandwidth / step, "gigabytes_per_second": bandwidth / 1e9}


def measure_memory(chosen: argparse.Namespace, place: Place) -> list[dict[str, float]]:
    """Bytes of keys and values a region, with one prefix for all and with a copy for each."""
    model = random_model(place, 512, 2, 1024, 8, 8, "convnext_atto")
    generator = never_ending(model, chosen, rows=1)
    image, masks = picture(max(chosen.regions))
    found = []
    for count in chosen.regions:
        view = generator.view(image[None], masks[:count], [0] * count)
        decoder = Decoder(
            Reader(model.language), SharedPrefixes([view.prefixes[0].read]), slots=count, end_id=-1,
            sampling=Sampling())
        asked = [request(number) for number in range(count)]
        with torch.inference_mode():
            drafts = [
                Draft(
                    number, [generator.embedded(view, one, generator.sequence(one))], 0, torch.Generator(),
                    limit=chosen.new_tokens)
                for number, one in enumerate(asked)]
        for _ in decoder.write(drafts):
            prefix, own = view.prefixes[0].read.bytes, decoder.cache.bytes
        found.append({
            "regions": count, "kib_a_region": (prefix + own) / count / 1024,
            "copied_kib_a_region": (count * prefix + own) / count / 1024,
            "ratio": (prefix + own) / (count * prefix + own)})
    return found


def never_ending(model: Aquila, chosen: argparse.Namespace, rows: int) -> Generator:
    """A generator whose texts are as long as they may be."""
    generator = Generator(model, load_tokenizer(MODELS / "nano"), rows=rows, records=chosen.recording)
    generator.end_id = -1
    return generator


def picture(regions: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture [S, S, 3] of noise and rectangles on it [R, S, S]."""
    rng = np.random.default_rng(0)
    masks = np.zeros((regions, IMAGE, IMAGE), dtype=np.float32)
    for mask in masks:
        (top, left), (height, width) = rng.integers(0, IMAGE // 2, 2), rng.integers(32, IMAGE // 2, 2)
        mask[top : top + height, left : left + width] = 1
    return rng.integers(0, 255, (IMAGE, IMAGE, 3), dtype=np.uint8), masks


def table(rows: Sequence[dict[str, float]]) -> str:
    """A Markdown table of the rows."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return "\n".join(lines + ["| " + " | ".join(f"{value:.3g}" for value in row.values()) + " |" for row in rows])


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description="Measures what sharing prefixes brings.")
    parser.add_argument("--parts", default="regions,decode,memory")
    parser.add_argument("--regions", type=lambda text: [int(part) for part in text.split(",")], default=[1, 4, 16, 64])
    parser.add_argument("--published", type=int, default=2, help="regions that the published procedure is timed on")
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--encoder", default="convnext_tiny")
    parser.add_argument("--new-tokens", type=int, default=32)
    parser.add_argument("--decode-size", choices=list(DECODE_SIZES), default="1b")
    parser.add_argument("--decode-layers", type=int, default=0, help="other layers than the size has")
    parser.add_argument("--decode-tokens", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--dtype", choices=list(DTYPES), default="float32")
    parser.add_argument("--no-recording", dest="recording", action="store_false", help="no CUDA graphs")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--markdown", action="store_true", help="print the tables only")
    chosen = parser.parse_args()
    torch.set_num_threads(1 if chosen.clock == "cpu" else chosen.threads)
    place = Place(pick_device(chosen.device), DTYPES[chosen.dtype], chosen.clock == "cpu")
    found: dict[str, Any] = {}
    for part in chosen.parts.split(","):
        found[part] = {
            "regions": lambda: measure_regions(chosen, place), "decode": lambda: [measure_decode(chosen, place)],
            "memory": lambda: measure_memory(chosen, place)}[part]()
        print(f"\n{part}\n\n{table(found[part])}", flush=True)
    if not chosen.markdown:
        print("\n" + json.dumps({
            **found, "options": vars(chosen), "threads": torch.get_num_threads(), "torch": torch.__version__,
            "load": round(os.getloadavg()[0], 1)}))


if __name__ == "__main__":
    main()
