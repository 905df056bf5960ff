"""Pictures of records, from files of any kind or out of tar shards, as uint8 RGB."""

from __future__ import annotations

import io
import tarfile
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Dict, Tuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from core_model.errors import RasterError
from training.data.manifest.record import ManifestError, Record

if TYPE_CHECKING:
    from core_model.geo.gdal_raster import GdalRaster

Pixels = NDArray[np.uint8]
_RASTERS = (".tif", ".tiff", ".vrt", ".jp2", ".img")
_READY_MODES = ("RGB", "L", "P", "RGBA", "LA", "1", "CMYK")
Image.MAX_IMAGE_PIXELS = None  # scenes of satellites are larger than Pillow's guard against malice allows


def read_image(record: Record, folder: Path) -> Pixels:
    """The picture uint8 [h, w, 3]; ``folder`` is the manifest's. Raises ``ManifestError`` if it cannot be read."""
    if record.shard:
        return read_bytes(shard_member(folder / record.shard, record.image), record.image)
    return read_file(folder / record.image)


def image_size(record: Record, folder: Path) -> Tuple[int, int]:
    """Width and height, from the file's header; raises ``ManifestError`` if it cannot be read."""
    if record.shard:
        return _header(io.BytesIO(shard_member(folder / record.shard, record.image)), record.image)
    return file_size(folder / record.image)


def file_size(path: Path) -> Tuple[int, int]:
    """Width and height of a picture file; raises ``ManifestError`` if it cannot be read."""
    _require(path)
    if path.suffix.lower() in _RASTERS:
        with _raster(path) as raster:
            return raster.width, raster.height
    with path.open("rb") as stream:
        return _header(stream, str(path))


def read_file(path: Path) -> Pixels:
    """A picture file as uint8 [h, w, 3]; rasters get the bands and the stretch that the product gives them."""
    _require(path)
    return _read_raster(path) if path.suffix.lower() in _RASTERS else read_bytes(path.read_bytes(), str(path))


def read_bytes(data: bytes, name: str) -> Pixels:
    """A picture's bytes as uint8 [h, w, 3]; raises ``ManifestError`` if they are none."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.mode not in _READY_MODES:
                raise ManifestError(f"the picture {name} is not of 8 bits (mode {picture.mode}); make it a GeoTIFF")
            return np.asarray(picture.convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise ManifestError(f"the picture {name} cannot be read ({_reason(error)})") from None


def shard_member(shard: Path, name: str) -> bytes:
    """The bytes of one member of a tar file; raises ``ManifestError`` if either is missing."""
    _require(shard)
    place = _shard_index(shard, shard.stat().st_mtime_ns).get(name)
    if place is None:
        raise ManifestError(f"the shard {shard} has no member {name}")
    with shard.open("rb") as stream:
        stream.seek(place[0])
        return stream.read(place[1])


@lru_cache(maxsize=64)
def _shard_index(shard: Path, _changed: int) -> Dict[str, Tuple[int, int]]:
    """Where each member's bytes lie; the time of its last change makes a new index of a file written anew."""
    try:
        with tarfile.open(shard) as archive:
            return {member.name: (member.offset_data, member.size) for member in archive if member.isfile()}
    except tarfile.TarError as error:
        raise ManifestError(f"the shard {shard} cannot be read ({error})") from None


def _header(stream: IO[bytes], name: str) -> Tuple[int, int]:
    try:
        with Image.open(stream) as picture:
            return picture.size
    except (UnidentifiedImageError, OSError) as error:
        raise ManifestError(f"the picture {name} cannot be read ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    return "it is no picture, or of an unknown kind" if isinstance(error, UnidentifiedImageError) else str(error)


def _require(path: Path) -> None:
    if not path.is_file():
        raise ManifestError(f"there is no file {path}")


def _raster(path: Path) -> GdalRaster:
    from core_model.geo.gdal_raster import GdalRaster  # noqa: PLC0415 (GDAL is loaded for rasters only)

    try:
        return GdalRaster(str(path))
    except RasterError as error:
        raise ManifestError(str(error)) from None


def _read_raster(path: Path) -> Pixels:
    from core_model.geo.raster import Window, choose_bands  # noqa: PLC0415
    from core_model.geo.stretch import measure_stretch  # noqa: PLC0415

    with _raster(path) as raster:
        bands = choose_bands(raster)
        try:
            values, valid = raster.read(
                Window(0, 0, raster.width, raster.height), (raster.height, raster.width), bands)
            planes = measure_stretch(raster, bands).apply(np.where(valid, values, 0))
        except RasterError as error:
            raise ManifestError(str(error)) from None
    return np.array(np.broadcast_to(np.moveaxis(planes, 0, -1), (*planes.shape[1:], 3)))
