"""Conversations as LLaVA and its successors write them: ``{"from": "human" | "gpt", "value": …}`` in turn."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence, Tuple

from training.data.manifest.record import ManifestError

_ASKS, _ANSWERS = ("human", "user"), ("gpt", "assistant")


def turns_of(values: Mapping[str, Any]) -> List[Tuple[str, str]]:
    """The instructions with their answers, less the picture's marker; raises ``ManifestError`` if they do not pair."""
    messages = values.get("conversations")
    if not isinstance(messages, list) or not messages:
        raise ManifestError("'conversations' is missing or empty")
    if len(messages) % 2:
        raise ManifestError(f"its conversation has {len(messages)} messages; the last instruction has no answer")
    pairs = zip(messages[::2], messages[1::2])
    return [(_value(asked, _ASKS), _value(answer, _ANSWERS)) for asked, answer in pairs]


def _value(message: Any, roles: Sequence[str]) -> str:
    if not isinstance(message, Mapping) or message.get("from", message.get("role")) not in roles:
        raise ManifestError(f"a message is not from {roles[0]!r} where one is due")
    text = message.get("value", message.get("content"))
    if not isinstance(text, str):
        raise ManifestError("a message has no text")
    text = text.replace("<image>", "").strip()
    if not text:
        raise ManifestError("a message is empty")
    return text
