"""Errors whose message is one sentence that tells a user what is wrong and what to do."""

from __future__ import annotations


class AquilaError(Exception):
    """Base of every error that Aquila raises on purpose; its text is fit for a user."""


class ModelError(AquilaError):
    """A model folder, weight file or tokenizer that cannot be used as it is."""


class NotFiniteError(ModelError):
    """A model that calculates no numbers, as half precision or damaged weights make it."""

    def __init__(
        self, message: str = "the model calculates no numbers (nan); choose another number format, such as float32, or "
                             "copy its folder again."
    ) -> None:
        super().__init__(message)


class MemoryRanOutError(ModelError):
    """A single thing that memory does not do for."""


class RasterError(AquilaError):
    """A raster that cannot be opened, placed or read."""


class RegionError(AquilaError):
    """A polygon layer or polygon that cannot be used."""


class PromptError(AquilaError):
    """An instruction whose region markers or length do not fit."""


class OutputError(AquilaError):
    """A result file that cannot be written or continued."""


class ClusterError(AquilaError):
    """A cluster that cannot be reached, or has not what was asked of it."""


# What torch says on the CPU, and what the system or CUDA says.
_MEMORY_MESSAGES = ("defaultcpuallocator", "not enough memory", "out of memory", "cannot allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, numpy or torch says that memory ran out."""
    said = str(error).lower()
    return isinstance(error, (MemoryError, MemoryRanOutError)) or any(words in said for words in _MEMORY_MESSAGES)
