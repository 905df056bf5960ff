"""The image encoder: pixels to a feature pyramid of strides 4, 8, 16 and 32."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import Any, Dict, Mapping, Tuple

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from core_model.compat import ensure_torchvision
from core_model.config import EncoderConfig
from core_model.errors import ModelError
from core_model.weights import read_weights

STRIDES = (4, 8, 16, 32)
FeaturePyramid = Tuple[Tensor, ...]


class Encoder(nn.Module, abc.ABC):
    """Common part of all encoders: normalisation lives here, so callers hand over plain uint8 RGB."""

    channels: Tuple[int, ...]
    mean: Tensor
    std: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.image_size = config.image_size
        self.register_buffer("mean", torch.tensor(config.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.std).view(3, 1, 1), persistent=False)

    def normalise(self, images: Tensor) -> Tensor:
        """uint8 RGB [T, H, W, 3] to normalised pixels [T, 3, H, W] in the encoder's dtype."""
        pixels = images.to(self.mean.dtype, memory_format=torch.contiguous_format, copy=True)
        # Whole rows at a time, since three colours alone are too few for a processor's vectors.
        mean, std = (colours.flatten().repeat(images.shape[2]) for colours in (self.mean, self.std))
        pixels.flatten(2).div_(255.0).sub_(mean).div_(std)
        return pixels.permute(0, 3, 1, 2)

    @abc.abstractmethod
    def features(self, pixels: Tensor) -> FeaturePyramid:
        """Normalised pixels [T, 3, H, W] to four maps [T, C_k, H / stride_k, W / stride_k]."""

    def forward(self, images: Tensor) -> FeaturePyramid:
        """uint8 RGB [T, H, W, 3] to the feature pyramid."""
        return self.features(self.normalise(images))


class ConvNeXtEncoder(Encoder):
    """A ConvNeXt CLIP tower of open_clip; the levels are the raw outputs of its four stages."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        ensure_torchvision()
        from open_clip.timm_model import TimmModel  # noqa: PLC0415 (after the torchvision mend)

        from core_model.network.fused import fuse_blocks  # noqa: PLC0415 (likewise)

        tower = TimmModel(
            config.vision["timm_model_name"], embed_dim=0, image_size=config.image_size, pool="", proj="",
            pretrained=False, drop_path=config.vision.get("timm_drop_path"),
        )
        self.trunk = tower.trunk
        if not hasattr(self.trunk, "stem") or len(getattr(self.trunk, "stages", ())) != len(STRIDES):
            raise TypeError("it is no ConvNeXt of four stages")
        self.trunk.norm_pre = nn.Identity()
        fuse_blocks(self.trunk)
        self.channels = tuple(info["num_chs"] for info in self.trunk.feature_info)

    def features(self, pixels: Tensor) -> FeaturePyramid:
        """See ``Encoder.features``."""
        hidden = self.trunk.stem(pixels.contiguous(memory_format=torch.channels_last))
        levels = []
        for stage in self.trunk.stages:
            hidden = stage(hidden)
            levels.append(hidden)
        return tuple(levels)


class ViTEncoder(Encoder):
    """An open_clip vision transformer; its patch grid is resampled to the four levels (for the encoder ablation)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        ensure_torchvision()
        from open_clip.model import _build_vision_tower  # noqa: PLC0415 (after the torchvision mend)

        fields = {**config.vision, "image_size": config.image_size}
        self.tower = _build_vision_tower(embed_dim=int(fields["width"]), vision_cfg=fields)
        self.channels = (int(fields["width"]),) * len(STRIDES)

    def features(self, pixels: Tensor) -> FeaturePyramid:
        """See ``Encoder.features``."""
        found: Dict[str, Any] = self.tower.forward_intermediates(
            pixels, indices=1, normalize_intermediates=True, intermediates_only=True
        )
        grid = found["image_intermediates"][-1]
        height, width = pixels.shape[-2:]
        return tuple(
            functional.interpolate(grid, (height // stride, width // stride), mode="bilinear", align_corners=False)
            for stride in STRIDES
        )


def build_encoder(config: EncoderConfig) -> Encoder:
    """The encoder that ``config`` names, with untrained weights."""
    name = config.vision.get("timm_model_name", "")
    if not isinstance(name, str) or ":" in name:  # "hf-hub:…" would be looked for in the network
        raise ModelError(f"config.json: timm_model_name is {name!r}; use the plain name of a ConvNeXt of timm.")
    try:
        return ConvNeXtEncoder(config) if name else ViTEncoder(config)
    except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"no encoder can be built from {dict(config.vision)}: {error}") from error


def open_clip_vision(name: str) -> Mapping[str, Any]:
    """The ``vision_cfg`` of an open_clip model by name, for example ``convnext_large_d_320``."""
    ensure_torchvision()
    import open_clip  # noqa: PLC0415 (after the torchvision mend)

    found = open_clip.get_model_config(name)
    if found is None:
        raise ModelError(f"open_clip knows no model {name!r}; see open_clip.list_models().")
    return dict(found["vision_cfg"])


def load_clip_weights(encoder: Encoder, path: Path) -> None:
    """Load the image tower of a CLIP checkpoint from a local file (safetensors, or a weights-only torch file).

    Keys may start with ``visual.`` as in a whole CLIP. Raises ``ModelError`` when the tower's weights are not in it.
    """
    wanted = encoder.state_dict()
    found = {}
    for key, value in read_weights(path).items():
        bare = key.split("visual.", 1)[-1]
        for name in (bare, f"tower.{bare}"):
            if name in wanted:
                found[name] = value
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise ModelError(f"{path} does not hold this encoder: {len(missing)} weights are missing, first {missing[0]}.")
    wrong = [key for key, value in found.items() if value.shape != wanted[key].shape]
    if wrong:
        shape = tuple(found[wrong[0]].shape)
        raise ModelError(f"{path} holds an encoder of another size: {wrong[0]} has shape {shape}.")
    encoder.load_state_dict(found)
