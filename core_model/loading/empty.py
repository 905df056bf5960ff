"""Networks without weights: parameters that have a shape and a name but take no memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from core_model.config import AquilaConfig
from core_model.network.aquila import Aquila


def empty_model(config: AquilaConfig) -> Aquila:
    """The model of a configuration with its parameters on the meta device; its buffers are real."""
    with parameters_on_meta():
        return Aquila(config).eval().requires_grad_(False)


@contextmanager
def parameters_on_meta() -> Iterator[None]:
    """While open, parameters of modules that this thread builds lie on the meta device.

    ``torch.device("meta")`` would take the buffers along, and some of those are computed while building, not loaded.
    """
    owner = threading.get_ident()

    def to_meta(_module: nn.Module, _name: str, parameter: Tensor | None) -> nn.Parameter | None:
        if parameter is None or parameter.is_meta or threading.get_ident() != owner:
            return None
        return nn.Parameter(parameter.to("meta"), requires_grad=parameter.requires_grad)

    handle = register_module_parameter_registration_hook(to_meta)  # type: ignore[arg-type]
    try:
        yield
    finally:
        handle.remove()
