"""Tokenizers behind one small interface; user text can never inject a special token."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List, Protocol, Sequence

from core_model.errors import ModelError

SPACE_MARKER = "\u2581"
_MARKER = re.compile(r"<.+>|\[.+\]", re.DOTALL)


class TextTokenizer(Protocol):
    """What the prompt builder and the generator need of a tokenizer."""

    begin_id: int | None
    end_id: int
    size: int

    def encode(self, text: str) -> List[int]:
        """Ids of plain text; special tokens inside it are read as ordinary characters."""
        ...

    def special(self, marker: str) -> int:
        """The id of a special token by its text; raises ``ModelError`` where the vocabulary lacks it."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, special tokens left out."""
        ...

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files into a model folder."""
        ...


class JsonTokenizer:
    """A ``tokenizer.json`` of the tokenizers library, with begin and end markers from ``tokenizer_config.json``."""

    def __init__(self, content: str, settings: Dict[str, Any]) -> None:
        from tokenizers import Tokenizer  # noqa: PLC0415 (kept off the import path of callers without a model)

        fields = json.loads(content)
        if "model" not in fields:
            raise ModelError("tokenizer.json is not of the tokenizers library; copy the model folder again.")
        self._content, self._settings = content, settings
        try:
            self._tokenizer = Tokenizer.from_str(_with_special_markers(fields))
        except Exception as error:  # the library raises nothing narrower
            raise ModelError(
                f"tokenizer.json cannot be read ({error}); it may need a newer package tokenizers.") from error
        self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.size = self._tokenizer.get_vocab_size(with_added_tokens=True)
        self.begin_id = self._marker_id(settings.get("bos_token")) if settings.get("bos_token") else None
        end = self._marker_id(settings.get("eos_token"))
        if end is None:
            raise ModelError("tokenizer_config.json names no eos_token; add it.")
        self.end_id: int = end

    def _marker_id(self, entry: Any) -> int | None:
        marker = entry.get("content") if isinstance(entry, dict) else entry
        return self._tokenizer.token_to_id(marker) if marker else None

    def encode(self, text: str) -> List[int]:
        """See ``TextTokenizer``."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids) if text else []

    def special(self, marker: str) -> int:
        """See ``TextTokenizer``."""
        found = self._tokenizer.token_to_id(marker)
        if found is None:
            raise ModelError(f"the tokenizer has no special token {marker!r}; choose another conversation template.")
        return int(found)

    def decode(self, ids: Sequence[int]) -> str:
        """See ``TextTokenizer``."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def save(self, folder: Path) -> None:
        """See ``TextTokenizer``."""
        (folder / "tokenizer.json").write_text(self._content, encoding="utf-8")
        text = json.dumps(self._settings, indent=2, ensure_ascii=False) + "\n"
        (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


def _with_special_markers(fields: Dict[str, Any]) -> str:
    """A ``tokenizer.json`` whose added markers (<|im_end|>, [INST]) are all special, so that no text can be one.

    Added tokens that are ordinary text, such as rows of spaces, stay so.
    """
    for token in fields.get("added_tokens") or []:
        token["special"] = token.get("special", False) or bool(_MARKER.fullmatch(str(token.get("content", ""))))
    return json.dumps(fields, ensure_ascii=False)


class SentencePieceTokenizer:
    """A Llama ``tokenizer.model``; every piece of text is encoded on its own, as the legacy Llama tokenizer did."""

    def __init__(self, path: Path) -> None:
        from sentencepiece import SentencePieceProcessor  # noqa: PLC0415 (only such models need it)

        self._content = path.read_bytes()
        self._processor = SentencePieceProcessor(model_proto=self._content)
        self.size = int(self._processor.get_piece_size())
        if not self.size:
            raise ModelError(f"{path} holds no tokenizer; copy the model folder again.")
        self.begin_id: int | None = int(self._processor.bos_id())
        self.end_id = int(self._processor.eos_id())

    def encode(self, text: str) -> List[int]:
        """See ``TextTokenizer``."""
        return [int(value) for value in self._processor.encode(text)] if text else []

    def special(self, marker: str) -> int:
        """See ``TextTokenizer``."""
        found = int(self._processor.piece_to_id(marker))
        if found == self._processor.unk_id():
            raise ModelError(f"the tokenizer has no special token {marker!r}; choose another conversation template.")
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """See ``TextTokenizer``."""
        plain = [int(value) for value in ids if 0 <= value < self.size and not self._processor.is_control(int(value))]
        return str(self._processor.decode(plain)).strip()

    def save(self, folder: Path) -> None:
        """See ``TextTokenizer``."""
        (folder / "tokenizer.model").write_bytes(self._content)
        (folder / "tokenizer.json").unlink(missing_ok=True)  # which would be taken instead


def load_tokenizer(folder: Path) -> TextTokenizer:
    """The tokenizer of a model folder: ``tokenizer.json`` if it is there, else ``tokenizer.model``."""
    try:
        if (folder / "tokenizer.json").is_file():
            content = (folder / "tokenizer.json").read_text(encoding="utf-8")
            settings_path = folder / "tokenizer_config.json"
            settings = json.loads(settings_path.read_text(encoding="utf-8")) if settings_path.is_file() else {}
            return JsonTokenizer(content, settings)
        if (folder / "tokenizer.model").is_file():
            return SentencePieceTokenizer(folder / "tokenizer.model")
    except ModelError:
        raise
    except ImportError as error:
        raise ModelError(f"the tokenizer in {folder} needs the package {error.name}; install it.") from error
    except (OSError, ValueError, RuntimeError, AttributeError) as error:
        raise ModelError(f"the tokenizer in {folder} cannot be read ({error}); copy the model folder again.") from error
    raise ModelError(f"{folder} has no tokenizer.json and no tokenizer.model; copy the model folder again.")
