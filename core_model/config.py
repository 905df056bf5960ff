"""Every size and choice of a model, as frozen dataclasses that read and write ``config.json``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Dict, Mapping, Tuple, Type, TypeVar

from core_model.errors import ModelError

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
POOLINGS = ("area", "osprey")
ROTARY_FORMATS = ("float32", "float16")

T = TypeVar("T")
# What fields of plain types take, by their annotations, and the words for whoever wrote something else.
PLAIN_TYPES: Mapping[str, Tuple[Any, str]] = {
    "int": (int, "a whole number"), "float": ((int, float), "a number"), "str": (str, "a text"),
    "bool": (bool, "true or false")}
_TYPES: Mapping[str, Tuple[Any, str]] = {
    **PLAIN_TYPES, "Mapping": (dict, "an object, {…}"), "Tuple": (tuple, "a list, of texts or of three numbers")}


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """The CLIP image tower.

    ``vision`` holds open_clip ``vision_cfg`` fields: with ``timm_model_name`` the tower is a timm ConvNeXt, otherwise
    an open_clip ViT. ``image_size`` is the side, in pixels, of the square pictures (tiles) it is given.
    """

    vision: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"timm_model_name": "convnext_large"})
    image_size: int = 512
    mean: Tuple[float, float, float] = CLIP_MEAN
    std: Tuple[float, float, float] = CLIP_STD


@dataclasses.dataclass(frozen=True)
class ExtractorConfig:
    """The mask-aware extractor; the defaults are those of the Aquila-plus paper.

    ``mask_tokens`` projections are made of a region's pooled features; ``context_tokens`` more are made of as
    many sectors, clockwise from north, of the ring ``context_ring`` (a fraction of the picture's side) around it, and
    of a second ring outside it that reaches ``context_reach`` far where this is more; one spatial token follows.
    """

    width: int = 1024
    mask_tokens: int = 1
    context_tokens: int = 0
    context_ring: float = 0.05
    context_reach: float = 0.0
    spatial_size: int = 224
    spatial_width: int = 1024
    pooling: str = "area"

    @property
    def context_rings(self) -> Tuple[float, ...]:
        """How far each ring around a region reaches, the inner one first."""
        return (self.context_ring,) + ((self.context_reach,) if self.context_reach > self.context_ring else ())

    @property
    def tokens_per_region(self) -> int:
        """How many embeddings one ``<region>`` becomes."""
        return self.mask_tokens + self.context_tokens + 1


@dataclasses.dataclass(frozen=True)
class LanguageConfig:
    """The causal language model: a Hugging Face ``config.json`` as a mapping with its ``model_type``.

    ``rotary`` is the number format that the rotary tables are rounded to, float32 or float16: libraries of 2023 kept
    them in that of the weights.
    """

    huggingface: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    template: str = "vicuna"
    rotary: str = "float32"


@dataclasses.dataclass(frozen=True)
class AquilaConfig:
    """A whole model. ``image_level`` names the pyramid level (0–3) whose cells become the image tokens.

    ``prompts`` maps a style (category, phrase, description, detailed) to the instruction this model was trained
    with; ``context`` is put before every instruction and may use ``{gsd}``, ``{area}``, ``{size}``, ``{shape}``,
    ``{direction}`` and ``{others}`` (``core_model.text.context``). With ``label_first`` a style is asked for as the
    second turn, after the category and its answer, so that text and label agree.
    ``label_temperature`` calibrates the probabilities of scored labels. ``confidence`` are slope, nearness and bias of
    ``core_model.confidence``, for written categories; ``familiar`` prototypes tell how near a region is (0: none).
    Texts that follow a category of less confidence than ``unsure_below`` open with "Perhaps" (0: none does).
    ``categories`` are the only answers to the category's prompt; where the model writes another one, the likeliest of
    them stands instead (none: whatever it writes).
    """

    encoder: EncoderConfig = dataclasses.field(default_factory=EncoderConfig)
    extractor: ExtractorConfig = dataclasses.field(default_factory=ExtractorConfig)
    language: LanguageConfig = dataclasses.field(default_factory=LanguageConfig)
    image_level: int = 2
    name: str = "aquila"
    prompts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    context: str = ""
    label_prompt: str = ""
    label_first: bool = False
    label_temperature: float = 1.0
    confidence: Tuple[float, float, float] = (1.0, 0.0, 0.0)
    familiar: int = 0
    unsure_below: float = 0.0
    categories: Tuple[str, ...] = ()
    max_new_tokens: int = 128

    def __post_init__(self) -> None:
        """Refuse values that no model can be built from."""
        if self.extractor.pooling not in POOLINGS:
            raise ModelError(f"config.json: extractor.pooling is {self.extractor.pooling!r}; use one of {POOLINGS}.")
        if self.language.rotary not in ROTARY_FORMATS:
            raise ModelError(f"config.json: language.rotary is {self.language.rotary!r}; use one of {ROTARY_FORMATS}.")
        if not 0 <= self.image_level <= 3:
            raise ModelError(f"config.json: image_level is {self.image_level}; use 0, 1, 2 or 3.")
        for name, value, least in (
            ("encoder.image_size", self.encoder.image_size, 32), ("extractor.width", self.extractor.width, 1),
            ("extractor.mask_tokens", self.extractor.mask_tokens, 1),
            ("extractor.context_tokens", self.extractor.context_tokens, 0),
            ("extractor.spatial_size", self.extractor.spatial_size, 1),
            ("extractor.spatial_width", self.extractor.spatial_width, 1), ("familiar", self.familiar, 0),
            ("max_new_tokens", self.max_new_tokens, 1),
        ):
            if value < least:
                raise ModelError(f"config.json: {name} is {value}; it must be {least} or more.")
        if not self.label_temperature > 0:
            raise ModelError(f"config.json: label_temperature is {self.label_temperature}; it must be above 0.")
        if len(self.confidence) != 3:
            raise ModelError(f"config.json: confidence has {len(self.confidence)} numbers; give three.")

    def to_dict(self) -> Dict[str, Any]:
        """Plain dictionaries, as they stand in ``config.json``."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AquilaConfig:
        """The inverse of ``to_dict``; unknown fields raise ``ModelError``."""
        parts = dict(values)
        for name, kind in (("encoder", EncoderConfig), ("extractor", ExtractorConfig), ("language", LanguageConfig)):
            parts[name] = _build(kind, _checked(name, "Mapping", parts.get(name, {})))
        return _build(cls, parts)

    def save(self, folder: Path) -> None:
        """Write ``config.json`` into ``folder``."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"
        (folder / "config.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> AquilaConfig:
        """Read ``config.json`` from ``folder``; raises ``ModelError`` with one sentence when it is not usable."""
        path = folder / "config.json"
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ModelError(f"{folder} is no model folder: it has no config.json.") from None
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be read as JSON ({error}); copy the model folder again.") from error
        if not isinstance(values, dict) or "encoder" not in values:
            raise ModelError(f"{path} is not an Aquila configuration: it has no 'encoder' part.")
        return cls.from_dict(values)


def is_of_type(value: Any, wanted: Any) -> bool:
    """Whether a value from a file is of a type, or one of a tuple of them; true and false are no numbers."""
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))


def _build(kind: Type[T], values: Mapping[str, Any]) -> T:
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ModelError(f"config.json has unknown fields {unknown} for {kind.__name__}; it is of another version.")
    types = {field.name: str(field.type) for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: _checked(name, types[name], value) for name, value in values.items()})


def _checked(name: str, kind: str, value: Any) -> Any:
    """A field's value, lists as tuples; raises ``ModelError`` for one of another type."""
    value = tuple(value) if isinstance(value, list) else value
    wanted, words = _TYPES.get(kind.partition("[")[0], (object, ""))
    is_right = is_of_type(value, wanted)
    if is_right and kind.startswith("Tuple"):
        inner = str if "str" in kind else (int, float)
        is_right = all(is_of_type(one, inner) for one in value)
        is_right &= "..." in kind or len(value) == kind.count(",") + 1
    if not is_right:
        raise ModelError(f"config.json: {name} is {value!r}; it must be {words}.")
    return value
