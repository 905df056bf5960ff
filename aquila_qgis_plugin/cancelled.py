"""How work in a worker thread ends when the user cancels it."""

from __future__ import annotations


class CancelledError(Exception):
    """The user cancelled; raised through ``core_model``, which takes other errors for the fault of one polygon."""
