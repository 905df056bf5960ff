"""Writing text for regions: one prefix per picture, shared by all its regions; batched suffixes, batched decode."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, List, Sequence, Tuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core_model.errors import PromptError
from core_model.network.aquila import Aquila
from core_model.network.encoder import FeaturePyramid
from core_model.network.language import packed_mask
from core_model.text.prompt import PromptBuilder, TokenSequence, Turn, template
from core_model.text.tokenizer import TextTokenizer


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen: greedily at temperature 0, else drawn from the top ``top_p`` of probability."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Request:
    """One text to write: the turns of a conversation about ``regions`` (numbers into ``View.regions``) of one picture.

    ``key`` seeds sampling, so that a sampled text does not depend on what else is in the batch.
    """

    regions: Tuple[int, ...]
    turns: Tuple[Turn, ...]
    key: int = 0


@dataclass(frozen=True)
class Written:
    """A text with its tokens and their summed log-probability."""

    text: str
    ids: Tuple[int, ...]
    log_probability: float

    @property
    def probability(self) -> float:
        """The probability of the whole text."""
        return math.exp(self.log_probability)

    @property
    def token_probability(self) -> float:
        """The geometric mean of the tokens' probabilities."""
        return math.exp(self.log_probability / max(1, len(self.ids)))


@dataclass(frozen=True)
class Prefix:
    """What one picture costs and no mask changes: its pyramid, and the language model's keys and values of its prefix.

    ``pyramid`` holds four maps [1, C_k, h_k, w_k]; ``keys`` and ``values`` one tensor [H_kv, P, d] for every layer.
    None of them shares memory with another picture's, so that a cache may drop one alone.
    """

    pyramid: FeaturePyramid
    keys: Tuple[Tensor, ...]
    values: Tuple[Tensor, ...]

    @property
    def bytes(self) -> int:
        """The memory it holds."""
        return sum(part.numel() * part.element_size() for part in (*self.pyramid, *self.keys, *self.values))


@dataclass(frozen=True)
class View:
    """Pictures' prefixes and the tokens of regions [R, K, D], each of them in the picture ``image_index`` [R]."""

    prefixes: Tuple[Prefix, ...]
    regions: Tensor
    image_index: Tuple[int, ...]


class Generator:
    """Answers requests about regions of encoded pictures."""

    def __init__(self, model: Aquila, tokenizer: TextTokenizer) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.builder = PromptBuilder(
            tokenizer=tokenizer, template=template(model.config.language.template),
            image_tokens=model.image_tokens, tokens_per_region=model.config.extractor.tokens_per_region,
        )
        self.prefix = self.builder.prefix()
        self.end_id = self.builder.answer_ids("")[-1]

    def view(self, images: NDArray[np.uint8], masks: NDArray[np.float32], image_index: Sequence[int]) -> View:
        """Encode pictures uint8 [T, S, S, 3], their prefixes, and masks [R, S, S] over pictures ``image_index`` [R]."""
        return self.view_of(self.encode(images), masks, image_index)

    @torch.inference_mode()
    def encode(self, images: NDArray[np.uint8]) -> List[Prefix]:
        """What no mask changes about pictures uint8 [T, S, S, 3]; it may be kept for later views."""
        model = self.model
        encoded = model.encode(torch.from_numpy(images).to(model.device))
        ids = torch.tensor([self.prefix] * len(images), device=model.device)
        cache = model.language(inputs_embeds=model.embed(ids, encoded.image_tokens), use_cache=True).past_key_values
        return [
            Prefix(
                tuple(level[number : number + 1].clone() for level in encoded.pyramid),
                tuple(layer.keys[number].clone() for layer in cache.layers),
                tuple(layer.values[number].clone() for layer in cache.layers),
            )
            for number in range(len(images))
        ]

    @torch.inference_mode()
    def view_of(
        self, prefixes: Sequence[Prefix], masks: NDArray[np.float32], image_index: Sequence[int]
    ) -> View:
        """Masks [R, S, S] over encoded pictures, region r on ``prefixes[image_index[r]]``."""
        model = self.model
        pyramid = tuple(torch.cat(levels) for levels in zip(*(prefix.pyramid for prefix in prefixes)))
        regions = model.region_tokens(
            pyramid, torch.from_numpy(masks).to(model.device, model.dtype),
            torch.tensor(list(image_index), device=model.device),
        )
        return View(tuple(prefixes), regions, tuple(image_index))

    @torch.inference_mode()
    def write(
        self, view: View, requests: Sequence[Request], *, max_new_tokens: int | None = None,
        sampling: Sampling = Sampling(),
    ) -> List[Written]:
        """The texts the requests ask for, in their order; greedy unless ``sampling`` says otherwise."""
        if not requests:
            return []
        limit = max_new_tokens or self.model.config.max_new_tokens
        decoder = _Decoder(self, view, requests, sampling)
        for _ in range(limit):
            if not decoder.step():
                break
        return [
            Written(self.tokenizer.decode(ids), tuple(ids), total)
            for ids, total in zip(decoder.written, decoder.log_probabilities)
        ]

    @torch.inference_mode()
    def score(self, view: View, requests: Sequence[Request], labels: Sequence[str]) -> NDArray[np.float64]:
        """The probability of every label for every request: [len(requests), len(labels)], rows sum to 1.

        A label's score is its mean log-likelihood per token (ending included) under the shared prefix; a softmax with
        the checkpoint's ``label_temperature`` makes probabilities of them.
        """
        if not labels or any(not label.strip() for label in labels):
            raise PromptError("the list of labels is empty or holds an empty label; give at least one name per label.")
        likelihoods = self._likelihoods(view, requests, [self.builder.answer_ids(label) for label in labels])
        scaled = likelihoods / self.model.config.label_temperature
        return np.asarray(torch.softmax(scaled, dim=1).cpu().numpy())

    def sequence(self, request: Request) -> TokenSequence:
        """The ids of a request after the prefix."""
        return self.builder.suffix(request.turns, len(request.regions))

    def embedded(self, view: View, request: Request, sequence: TokenSequence) -> Tensor:
        """A request's embeddings after the prefix: [L, hidden]."""
        ids = torch.tensor([sequence.ids], device=self.model.device)
        regions = view.regions[[request.regions[number] for number in sequence.regions]] if sequence.regions else None
        return self.model.embed(ids, region_tokens=regions)[0]

    def pictures(self, view: View, requests: Sequence[Request]) -> Tensor:
        """The picture of every request; raises ``PromptError`` where its regions are of several."""
        found = []
        for request in requests:
            owners = {view.image_index[number] for number in request.regions}
            if len(owners) != 1:
                raise PromptError("a prompt's regions must lie in one tile; ask about fewer or closer polygons.")
            found.append(owners.pop())
        return torch.tensor(found, device=self.model.device)

    def _likelihoods(self, view: View, requests: Sequence[Request], labels: Sequence[List[int]]) -> Tensor:
        """Mean log-likelihood per token [requests, labels], all labels of a request packed behind its instruction."""
        model, prefix = self.model, len(self.prefix)
        rows, parents, positions, starts = [], [], [], []
        table = model.language.get_input_embeddings()
        flat = torch.tensor([token for label in labels for token in label], device=model.device)
        for request in requests:
            asked = self.embedded(view, request, self.sequence(request))
            rows.append(torch.cat([asked, table(flat).to(asked.dtype)]))
            starts.append(len(asked))
            offset = prefix + len(asked)
            parents.append(list(range(-1, offset - 1)) + _label_parents(offset, labels))
            positions.append(list(range(prefix, offset)) + [offset + n for label in labels for n in range(len(label))])
        length = max(len(row) for row in rows)
        inputs = torch.stack([torch.nn.functional.pad(row, (0, 0, 0, length - len(row))) for row in rows])
        padded = torch.tensor([row + [-1] * (prefix + length - len(row)) for row in parents], device=model.device)
        places = torch.tensor([row + [0] * (length - len(row)) for row in positions], device=model.device)
        logits = model.language(
            inputs_embeds=inputs, position_ids=places, attention_mask=packed_mask(padded, inputs.dtype)[:, :, prefix:],
            past_key_values=_selected(view, self.pictures(view, requests)), use_cache=True,
        ).logits.float().log_softmax(dim=-1)
        return torch.stack([_label_means(logits[row], start, labels) for row, start in enumerate(starts)])


def _label_parents(start: int, labels: Sequence[List[int]]) -> List[int]:
    """The token before each label's tokens, the labels lying one behind the other from ``start``."""
    parents, at = [], start
    for label in labels:
        parents += [start - 1] + list(range(at, at + len(label) - 1))
        at += len(label)
    return parents


def _label_means(log_probabilities: Tensor, start: int, labels: Sequence[List[int]]) -> Tensor:
    """Mean log-probability of each packed label; its first token is foretold by the instruction's last position."""
    tokens = [token for label in labels for token in label]
    likelihoods = log_probabilities[_label_parents(start, labels), tokens]
    return torch.stack([part.mean() for part in likelihoods.split([len(label) for label in labels])])


def _selected(view: View, rows: Tensor) -> Any:
    """A cache of the given pictures' prefixes."""
    from transformers import DynamicCache  # noqa: PLC0415 (slow to import)

    cache, chosen = DynamicCache(), [view.prefixes[number] for number in rows.tolist()]
    for layer in range(len(chosen[0].keys)):
        keys = torch.stack([prefix.keys[layer] for prefix in chosen])
        cache.update(keys, torch.stack([prefix.values[layer] for prefix in chosen]), layer)
    return cache


class _Decoder:
    """The state of one batch while it is written; finished rows leave it once they are half of it."""

    def __init__(self, generator: Generator, view: View, requests: Sequence[Request], sampling: Sampling) -> None:
        self.generator, self.model, self.sampling = generator, generator.model, sampling
        self.written: List[List[int]] = [[] for _ in requests]
        self.log_probabilities = [0.0] * len(requests)
        self.rows = list(range(len(requests)))  # which request each row of the batch writes
        self.done = [False] * len(requests)
        device = self.model.device
        seeds = [sampling.seed * 1_000_003 + request.key for request in requests]
        self.random = [torch.Generator(device="cpu").manual_seed(seed & 0x7FFFFFFF) for seed in seeds]
        asked = [generator.embedded(view, request, generator.sequence(request)) for request in requests]
        longest, prefix = max(len(row) for row in asked), len(generator.prefix)
        self.inputs = torch.stack([torch.nn.functional.pad(row, (0, 0, longest - len(row), 0)) for row in asked])
        lengths = torch.tensor([len(row) for row in asked], device=device)
        padding = longest - lengths
        steps = torch.arange(longest, device=device)
        seen = steps.unsqueeze(0) >= padding.unsqueeze(1)
        self.mask = torch.cat([torch.ones(len(asked), prefix, device=device, dtype=torch.bool), seen], dim=1).long()
        self.positions = (prefix + steps.unsqueeze(0) - padding.unsqueeze(1)).clamp(min=0)
        self.cache = _selected(view, generator.pictures(view, requests))

    def step(self) -> bool:
        """Write one token per row; False when every text is finished."""
        output = self.model.language(
            inputs_embeds=self.inputs, attention_mask=self.mask, position_ids=self.positions,
            past_key_values=self.cache, use_cache=True, logits_to_keep=1,
        )
        self.cache = output.past_key_values
        logits = output.logits[:, -1].float()
        tokens = self._choose(logits)
        chances = logits.log_softmax(dim=-1).gather(1, tokens.unsqueeze(1)).squeeze(1).tolist()
        for row, (token, chance) in enumerate(zip(tokens.tolist(), chances)):
            self._take(self.rows[row], token, chance)
        if all(self.done[request] for request in self.rows):
            return False
        keep = self._compact()
        tokens = tokens if keep is None else tokens[keep]
        self.inputs = self.model.language.get_input_embeddings()(tokens).unsqueeze(1).to(self.model.dtype)
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)
        self.positions = self.positions[:, -1:] + 1
        return True

    def _take(self, request: int, token: int, chance: float) -> None:
        if self.done[request]:
            return
        self.log_probabilities[request] += chance
        self.done[request] = token == self.generator.end_id
        if not self.done[request]:
            self.written[request].append(token)

    def _compact(self) -> Tensor | None:
        """Drop finished rows when at least half are; returns the kept rows, or None where nothing was dropped."""
        alive = [row for row, request in enumerate(self.rows) if not self.done[request]]
        if 2 * len(alive) > len(self.rows):
            return None
        keep = torch.tensor(alive, device=self.model.device)
        self.rows = [self.rows[row] for row in alive]
        self.cache.batch_select_indices(keep)
        self.mask, self.positions = self.mask[keep], self.positions[keep]
        return keep

    def _choose(self, logits: Tensor) -> Tensor:
        if self.sampling.temperature <= 0:
            return logits.argmax(dim=-1)
        chances = torch.softmax(logits / self.sampling.temperature, dim=-1).cpu()
        ordered, places = chances.sort(dim=-1, descending=True)
        beyond = ordered.cumsum(dim=-1) - ordered > self.sampling.top_p
        ordered = ordered.masked_fill(beyond, 0.0)
        drawn = [
            int(places[row, torch.multinomial(ordered[row], 1, generator=self.random[self.rows[row]])])
            for row in range(len(ordered))
        ]
        return torch.tensor(drawn, device=logits.device)
