"""What tells a raster file from the same file with other pixels: where it lies, its size, and when it was written."""

from __future__ import annotations

import time
from collections.abc import Hashable
from pathlib import Path
from typing import Any

# Formats whose pixels lie in the files that GDAL lists for them. A virtual raster, web service or database may draw
# on others: nothing says when those change.
_SELF_CONTAINED = frozenset({
    "GTiff", "COG", "PNG", "JPEG", "BMP", "GIF", "WEBP", "HFA", "ENVI", "EHdr", "AAIGrid", "JP2OpenJPEG", "JP2KAK",
    "JP2ECW", "JP2MrSID", "ECW", "MrSID",
})
# Within this time a file may be written again without its time of change telling, on the coarsest of file systems.
_TOO_FRESH_NS = 2_000_000_000


def file_identity(dataset: Any, path: str) -> Hashable | None:
    """A value that changes whenever the pixels of an open data set's files do; ``None`` where none can be trusted."""
    files = dataset.GetFileList() or []
    if dataset.GetDriver().ShortName not in _SELF_CONTAINED or not files:
        return None
    try:
        found = [(name, Path(name).stat()) for name in files]
    except OSError:  # not a file of this machine's
        return None
    if time.time_ns() - max(stat.st_mtime_ns for _, stat in found) < _TOO_FRESH_NS:
        return None
    return (path, *((name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino) for name, stat in found))
