"""Small mends for package combinations that users really have."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import List

import torch

_LOG = logging.getLogger(__name__)
_KEPT: List[torch.library.Library] = []
_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def ensure_torchvision() -> None:
    """Make ``import torchvision`` work where its compiled operators do not match torch.

    A torchvision built for another torch (say a CUDA build beside a CPU torch) fails on import with "operator
    torchvision::nms does not exist", and open_clip and timm with it, although none of the three needs that operator
    here. Declaring the two operators' schemas before a second try is enough. Does nothing where the pair matches.
    """
    try:
        importlib.import_module("torchvision")
        return
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _OPERATORS:
        library.define(schema)
    _KEPT.append(library)  # the declarations live as long as the library object
    _LOG.info("torchvision does not match torch %s; its operators are declared without code", torch.__version__)
    importlib.import_module("torchvision")
