"""Records what reaches the language model while the product's own ``Describer`` works."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from osgeo import gdal, osr
from torch import Tensor, nn

from core_model.describer import Answer, Describer, Description
from core_model.geo.outline import form_of_mask
from core_model.geo.regions import Region
from core_model.network.aquila import Aquila
from core_model.network.encoder import FeaturePyramid
from core_model.network.extractor import Measured
from core_model.prompts import asked
from core_model.text.prompt import IMAGE_SLOT, REGION_SLOT, Turn
from training.experiments.setting import Setting

GSD = 1.0  # metres: the pixels of every raster here
CRS = "EPSG:32633"
WEST, NORTH = 500_000.0, 5_800_000.0


@dataclass
class Recording:
    """``inputs`` [B, L, hidden] of every call of the language model; outputs of extractor and projector; the masks."""

    inputs: List[Tensor] = field(default_factory=list)
    region_tokens: List[Tensor] = field(default_factory=list)
    image_tokens: List[Tensor] = field(default_factory=list)
    masks: List[Tensor] = field(default_factory=list)

    @property
    def prefix(self) -> Tensor:
        """What the first call was given: begin token and picture [L, hidden]."""
        return self.inputs[0][0]

    @property
    def asked(self) -> Tensor:
        """What the next call with more than one position was given: the instruction [L, hidden]."""
        return next(found for found in self.inputs[1:] if found.shape[1] > 1)[0]

    @property
    def embedded(self) -> NDArray[np.float64]:
        """Prefix and instruction together [L, hidden]."""
        return np.concatenate([self.prefix.double().numpy(), self.asked.double().numpy()])


@contextlib.contextmanager
def recording(model: Aquila) -> Iterator[Recording]:
    """Listen to a model; nothing is changed in it."""
    found = Recording()

    def called(_: nn.Module, __: Any, named: Any) -> None:
        found.inputs.append(named["inputs_embeds"].detach().clone())

    def measure(pyramid: FeaturePyramid, masks: Tensor, image_index: Tensor) -> Measured:
        found.masks.append(masks.detach().clone())
        return own_measure(pyramid, masks, image_index)

    def tokens(measured: Measured) -> Tensor:
        made = own_tokens(measured)
        found.region_tokens.append(made.detach().clone())
        return made

    def projected(_: nn.Module, __: Any, made: Tensor) -> None:
        found.image_tokens.append(made.detach().clone())

    hooks = [
        model.language.register_forward_pre_hook(called, with_kwargs=True),
        model.projector.register_forward_hook(projected)]
    own_measure, own_tokens = model.extractor.measure, model.extractor.tokens
    model.extractor.measure, model.extractor.tokens = measure, tokens  # type: ignore[method-assign]
    try:
        yield found
    finally:
        del model.extractor.measure, model.extractor.tokens
        for hook in hooks:
            hook.remove()


@contextlib.contextmanager
def raster(image: NDArray[np.uint8], gsd: float) -> Iterator[Path]:
    """A GeoTIFF of the picture [h, w, 3] in UTM, pixels ``gsd`` metres wide, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.tif"
        dataset = gdal.GetDriverByName("GTiff").Create(str(path), image.shape[1], image.shape[0], 3, gdal.GDT_Byte)
        reference = osr.SpatialReference()
        reference.SetFromUserInput(CRS)
        dataset.SetProjection(reference.ExportToWkt())
        dataset.SetGeoTransform((WEST, gsd, 0.0, NORTH, 0.0, -gsd))
        for band in range(3):
            dataset.GetRasterBand(band + 1).WriteArray(np.ascontiguousarray(image[..., band]))
        dataset.FlushCache()
        del dataset
        yield path


def square(number: int, left: float, top: float, side: float, gsd: float) -> Region:
    """A square polygon by its upper left corner and side in pixels of ``raster``."""
    corners = [(left, top), (left + side, top), (left + side, top + side), (left, top + side), (left, top)]
    places = ", ".join(f"{WEST + column * gsd} {NORTH - row * gsd}" for column, row in corners)
    return Region.from_wkt(number, f"POLYGON (({places}))", CRS)


def slot_kinds(ids: Sequence[int], mask_tokens: int, context_tokens: int) -> List[str]:
    """What every place of a sequence holds: text, image, mask, context or spatial."""
    cycle = ["mask"] * mask_tokens + ["context"] * context_tokens + ["spatial"]
    kinds, at = [], 0
    for token in ids:
        if token == REGION_SLOT:
            kinds.append(cycle[at % len(cycle)])
            at += 1
        else:
            kinds.append("image" if token == IMAGE_SLOT else "text")
    return kinds


def largest_gap(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """The largest absolute difference of two arrays; infinite where their shapes differ, 0 for empty ones."""
    if first.shape != second.shape:
        return float("inf")
    return float(np.abs(first - second).max()) if first.size else 0.0


def relative_moves(before: NDArray[np.float64], after: NDArray[np.float64], kinds: Sequence[str]) -> List[
    Tuple[str, float]
]:
    """For each kind of token: the mean of |after − before| / |before| over its places."""
    moved = np.linalg.norm(after - before, axis=1) / (np.linalg.norm(before, axis=1) + 1e-12)
    names = list(dict.fromkeys(kinds))
    return [(name, float(moved[[kind == name for kind in kinds]].mean())) for name in names]


@dataclass(frozen=True)
class Trace:
    """One request: what the product answered, its ids with slots, what each place holds, and what was recorded."""

    answer: Description | Answer
    ids: List[int]
    kinds: List[str]
    recorded: Recording

    @property
    def said(self) -> str:
        """The text of the answer."""
        return self.answer.text if isinstance(self.answer, Answer) else self.answer.description

    def only(self, *kinds: str) -> NDArray[np.float64]:
        """The embeddings of some kinds [n, hidden]."""
        return self.recorded.embedded[[kind in kinds for kind in self.kinds]]


def trace(setting: Setting, image: NDArray[np.uint8], regions: Sequence[Region], question: str = "") -> Trace:
    """Describe one region by category, or ask about several, and record what the language model is given."""
    describer = Describer(setting.loaded)
    model, builder = setting.loaded.model, setting.generator.builder
    answer: Description | Answer
    with raster(image, GSD) as path, recording(model) as recorded:
        if question:
            answer = together = describer.ask(path, regions, question)
            areas, gsd, prompt = together.areas_m2, together.gsd_m, question
        else:
            answer = alone = next(iter(describer.describe(path, regions, style="category")))
            areas, gsd, prompt = (alone.area_m2,), alone.gsd_m, model.config.prompts["category"]
    gsd *= _scale(recorded, areas[0] / gsd**2)
    forms = [form_of_mask(mask.cpu().numpy() >= 0.5) for mask in recorded.masks[0]]
    text = asked(model.config, prompt, gsd, areas, forms)
    ids = setting.generator.prefix + builder.suffix((Turn(text),), len(regions)).ids
    extractor = model.config.extractor
    return Trace(answer, ids, slot_kinds(ids, extractor.mask_tokens, extractor.context_tokens), recorded)


def _scale(recorded: Recording, pixels: float) -> float:
    """Raster pixels to a pixel of the picture, a power of two, from the mask that was seen."""
    return float(2.0 ** np.round(np.log2(pixels / float(recorded.masks[0][0].sum())) / 2))


def gaps(setting: Setting, found: Trace) -> Dict[str, float]:
    """How far what reached the language model is from what each place should hold: three largest differences."""
    table = setting.loaded.model.language.get_input_embeddings().weight.detach().double().numpy()
    words = table[[token for token in found.ids if token not in (IMAGE_SLOT, REGION_SLOT)]]
    order = setting.generator.builder.tokens_per_region * len(found.recorded.masks[0])
    slots = found.recorded.region_tokens[0].flatten(0, 1).double().numpy()[:order]
    pictures = found.recorded.image_tokens[0][0].double().numpy()
    return {
        "text": largest_gap(found.only("text"), words),
        "image": largest_gap(found.only("image"), pictures),
        "region": largest_gap(found.only("mask", "context", "spatial"), slots),
    }
