"""The mixture of scenes that the default model learns from, as a data set of reproducible batches."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Sequence, Tuple

import numpy as np
from torch.utils.data import Dataset

from training.data import countryside, sources
from training.data.augment import photometric, restretched
from training.data.insets import InsetMosaic
from training.data.scenes import Cutout, PatchMosaic, Scene
from training.errors import TrainingError

_LOG = logging.getLogger(__name__)
STRONG = (1.0, 3.0)
SceneMaker = Callable[[np.random.Generator], Scene]


@dataclass(frozen=True)
class MixtureConfig:
    """How often each data set is drawn, and by training progress (0…1) which mosaics of patches are shown.

    ``grids`` maps the progress from which it holds to the cells per side: coarse mosaics early show many small
    patches cheaply, fine ones later show them at the size the product does. ``stretched`` is the share of pictures
    that are stretched anew before they are changed otherwise. A share ``strong`` is changed up to thrice as much.
    A share ``insets`` of the mosaics has patches inside others (``training.data.insets``), with ``homes`` among ground
    of their own as well, and a share ``painted`` of all pictures is invented (``training.data.countryside``).
    """

    shares: Mapping[str, float] = field(default_factory=lambda: {
        "eurosat": 0.38, "ucmerced": 0.2, "dubai": 0.3, "naip": 0.07, "banepa": 0.03, "solar": 0.02})
    grids: Mapping[float, Tuple[int, ...]] = field(default_factory=lambda: {0.0: (3, 4), 0.45: (2, 3), 0.75: (2, 2, 3)})
    size: int = 256
    scenes_per_batch: int = 16
    strength: float = 1.0
    strong: float = 0.35
    stretched: float = 0.35
    insets: float = 0.0
    homes: bool = False
    painted: float = 0.0

    @property
    def all_shares(self) -> Dict[str, float]:
        """How often each data set is drawn, what is painted among them; their sum is 1."""
        whole = sum(self.shares.values())
        real = {name: share / whole * (1 - self.painted) for name, share in self.shares.items()}
        return {**real, countryside.SOURCE: self.painted} if self.painted else real

    def grid_at(self, progress: float) -> Tuple[int, ...]:
        """The cells per side of mosaics at this point of the training."""
        return tuple(self.grids[max(start for start in self.grids if start <= progress)])


def load_sources(folder: Path, split: str, names: Sequence[str]) -> Dict[str, list]:
    """Patches or labelled scenes of every named data set; a data set without this split gets an empty list.

    Raises ``TrainingError`` where a file of them is not there.
    """
    readers: Dict[str, Callable[[Path, str], list]] = {
        "eurosat": sources.eurosat, "ucmerced": sources.ucmerced, "dubai": sources.dubai,
        "naip": sources.naip_trees, "banepa": sources.banepa, "solar": sources.solar_roofs,
        countryside.SOURCE: lambda _, split: countryside.sheets(split),
    }
    try:
        return {name: readers[name](folder, split) for name in names}
    except FileNotFoundError as error:
        raise TrainingError(
            f"there is no {error.filename} of the default model's data; docs/data.md tells what belongs there, and "
            "--data names another folder.") from None


def scene_makers(
    data: Mapping[str, list], size: int, grids: Tuple[int, ...], insets: float = 0.0, homes: bool = False
) -> Dict[str, SceneMaker]:
    """What composes or cuts the scenes of each data set."""
    makers: Dict[str, SceneMaker] = {}
    for name, items in data.items():
        if not items:
            continue
        if name in ("eurosat", "ucmerced", "solar"):
            chosen = grids if name == "eurosat" else tuple(min(cells, 3) for cells in grids)
            mosaic = PatchMosaic(items, name, size, (2,) if name == "solar" else chosen)
            makers[name] = InsetMosaic(mosaic, insets, homes) if insets and name != "solar" else mosaic
        else:
            scales = {"dubai": (0.5, 3.0), "naip": (0.4, 1.2), "banepa": (0.5, 2.0),
                      countryside.SOURCE: (0.4, 2.0)}[name]
            makers[name] = Cutout(items, size, scales)
    return makers


class SceneBatches(Dataset):
    """Batch ``step`` as a list of augmented scenes; it depends on (seed, step) alone, so that training can resume."""

    def __init__(self, data: Mapping[str, list], config: MixtureConfig, steps: int, seed: int) -> None:
        self.data, self.config, self.steps, self.seed = data, config, steps, seed
        self._makers: Dict[Tuple[int, ...], Dict[str, SceneMaker]] = {}

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> List[Scene]:
        rng = np.random.default_rng((self.seed, step))
        makers = self._makers_at(step)
        names = sorted(makers)
        shares = np.array([self.config.all_shares[name] for name in names])
        drawn = rng.choice(len(names), self.config.scenes_per_batch, p=shares / shares.sum())
        return [self._scene(rng, makers[names[number]]) for number in drawn]

    def _makers_at(self, step: int) -> Dict[str, SceneMaker]:
        """The makers of this point of the training; made once per grid, since they index every patch."""
        grids = self.config.grid_at(step / self.steps)
        if grids not in self._makers:
            config = self.config
            self._makers[grids] = scene_makers(self.data, config.size, grids, config.insets, config.homes)
        return self._makers[grids]

    def _scene(self, rng: np.random.Generator, maker: SceneMaker) -> Scene:
        scene = maker(rng)
        pictures = scene.image if scene.home is None else np.concatenate([scene.image, scene.home], axis=1)
        stretched = bool(rng.uniform() < self.config.stretched)
        if stretched:
            pictures = restretched(rng, pictures)
        strong = bool(rng.uniform() < self.config.strong)
        scene.altered |= stretched or strong
        strength = self.config.strength * (rng.uniform(*STRONG) if strong else 1.0)
        pictures = photometric(rng, pictures, strength)
        side = scene.image.shape[1]
        scene.image = np.ascontiguousarray(pictures[:, :side])
        scene.home = None if scene.home is None else np.ascontiguousarray(pictures[:, side:])
        return scene
