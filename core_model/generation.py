"""Writing text for regions: one prefix per picture, shared by all its regions; batched suffixes, batched decode."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Callable, Dict, List, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core_model.crew import one_thread
from core_model.errors import NotFiniteError, PromptError
from core_model.network.aquila import Aquila, Encoded
from core_model.network.one_step import take_few_parts
from core_model.network.reading import Reader
from core_model.network.shared_prefix import KeyValues, SharedPrefixes
from core_model.network.transfer import on_device
from core_model.stopwatch import Stopwatch
from core_model.text.prompt import PromptBuilder, TokenSequence, template
from core_model.text.tokenizer import TextTokenizer
from core_model.writing.decoder import Answer, Decoder, Draft
from core_model.writing.fixed_steps import recorder_for
from core_model.writing.portion import Portion
from core_model.writing.scoring import label_likelihoods
from core_model.writing.texts import Prefix, Request, Sampling, View, Written, joined_pyramid

__all__ = ["Generator", "Prefix", "Request", "Sampling", "View", "Written"]

# Attention cells [rows, length, length] that scoring may lay out at once: 64 MB in float32.
_SCORING_CELLS = 16_000_000
# Tokens that must be left for a text.
_LEAST_ROOM = 16
# Prefix tokens that are read together: enough to be multiplied fast.
_PREFIX_TOKENS = 1024


class Generator:
    """Answers requests about regions of encoded pictures.

    At most ``rows`` texts are written side by side and ``pictures`` encoded together (on a CPU, more have no room in
    its caches); fewer, from then on, whenever memory runs out. In float32 neither changes a text: where two tokens are
    as likely but for rounding, a pass of that text alone decides. ``stopwatch`` tells the time of encode, extract,
    prefill and decode. On a GPU, steps of writing are CUDA graphs if ``records``.
    """

    def __init__(
        self, model: Aquila, tokenizer: TextTokenizer, *, rows: int = 32, pictures: int = 4,
        stopwatch: Stopwatch | None = None, records: bool = True,
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.builder = PromptBuilder(
            tokenizer=tokenizer, template=template(model.config.language.template),
            image_tokens=model.image_tokens, tokens_per_region=model.config.extractor.tokens_per_region,
        )
        self.prefix = self.builder.prefix()
        self.end_id = self.builder.end_id
        self.rows, self.pictures = Portion(rows, "regions"), Portion(pictures, "pictures")
        self.prefixes = Portion(max(pictures, _PREFIX_TOKENS // len(self.prefix)), "prefixes")
        self.stopwatch = stopwatch or Stopwatch()
        self._reader = Reader(model.language)
        self._recorder = recorder_for(model.language) if records else None
        if self._recorder is not None:
            take_few_parts(model.language)

    def view(self, images: NDArray[np.uint8], masks: NDArray[np.float32], image_index: Sequence[int]) -> View:
        """Encode pictures uint8 [T, S, S, 3], their prefixes, and masks [R, S, S] over pictures ``image_index`` [R]."""
        return self.view_of(self.encode(images), masks, image_index)

    @torch.inference_mode()
    def encode(self, images: NDArray[np.uint8]) -> List[Prefix]:
        """What no mask changes about pictures uint8 [T, S, S, 3]; it may be kept for later views."""
        encoded = self.pictures.over(
            range(len(images)), lambda part: self._encoded(images[part[0] : part[-1] + 1]))
        return self.prefixes.over(encoded, self._read)

    @torch.inference_mode()
    def view_of(
        self, prefixes: Sequence[Prefix], masks: NDArray[np.float32], image_index: Sequence[int]
    ) -> View:
        """Masks [R, S, S] over encoded pictures, region r on ``prefixes[image_index[r]]``."""
        model = self.model
        pyramid = joined_pyramid(prefixes)
        with self.stopwatch.part("extract"):
            measured = model.extractor.measure(
                pyramid, on_device(masks, model.device).to(model.dtype),
                torch.tensor(list(image_index), device=model.device),
            )
            regions, near = model.extractor.tokens(measured), model.nearness(measured)
        return View(tuple(prefixes), masks, regions, tuple(image_index), tuple(near))

    @torch.inference_mode()
    def write(
        self, view: View, requests: Sequence[Request], *, max_new_tokens: int | None = None,
        sampling: Sampling = Sampling(),
    ) -> List[Written]:
        """The texts the requests ask for, in their order; greedy unless ``sampling`` says otherwise.

        ``sampling`` is for the texts, not for the answers on the way to them.

        Raises ``ModelError`` where memory does not even do for one text at a time, or the model calculates no numbers,
        and ``PromptError`` where a request is too long for the model.
        """
        limit = max_new_tokens or self.model.config.max_new_tokens
        pictures = view.pictures(requests)
        questions = [self.builder.questions(request.turns, len(request.regions)) for request in requests]
        rooms = [self._room(sum(len(part.ids) for part in parts)) // len(parts) for parts in questions]
        asked = [
            [self.embedded(view, request, part) for part in parts] for request, parts in zip(requests, questions)]
        done: Dict[int, Written] = {}
        while len(done) < len(requests):
            drafts = [
                Draft(number, asked[number], pictures[number], _random(sampling, request), min(limit, rooms[number]))
                for number, request in enumerate(requests) if number not in done
            ]
            try:
                self._write(view, drafts, sampling, done, self._settling(view, requests, questions))
            except RuntimeError as error:
                self.rows.halve(error)
        return [_near(done[number], view.near(request)) for number, request in enumerate(requests)]

    @torch.inference_mode()
    def score(self, view: View, requests: Sequence[Request], labels: Sequence[str]) -> NDArray[np.float64]:
        """The probability of every label for every request: [len(requests), len(labels)], rows sum to 1.

        A label's score is its mean log-likelihood per token (ending included) under the shared prefix; a softmax with
        the checkpoint's ``label_temperature`` makes probabilities of them.
        """
        if not labels or any(not label.strip() for label in labels):
            raise PromptError("the list of labels is empty or holds an empty label; give at least one name per label.")
        ids = [self.builder.answer_ids(label) for label in labels]
        prefixes, pictures = self._prefixes(view), view.pictures(requests)

        sequences = [self.sequence(request) for request in requests]
        longest = max(len(sequence.ids) for sequence in sequences)
        self._room(longest + max(map(len, ids)), least=0)
        length = longest + sum(map(len, ids))

        def likelihoods(part: Sequence[int]) -> List[Tensor]:
            asked = [self.embedded(view, requests[number], sequences[number]) for number in part]
            about = [pictures[number] for number in part]
            return list(label_likelihoods(self._reader, prefixes, asked, about, ids))

        few = max(1, _SCORING_CELLS // length**2)  # where the list of labels is long
        found = torch.stack(self.rows.over(range(len(requests)), likelihoods, few))
        if not bool(found.isfinite().all()):
            raise NotFiniteError
        return np.asarray(torch.softmax(found / self.model.config.label_temperature, dim=1).cpu().numpy())

    def check_room(self, request: Request, labels: Sequence[str] = ()) -> None:
        """Raises ``PromptError`` where a request, or the longest of ``labels`` behind it, is too long for the model."""
        tokens = sum(len(part.ids) for part in self.builder.questions(request.turns, len(request.regions)))
        if labels:
            self._room(tokens + max(len(self.builder.answer_ids(label)) for label in labels), least=0)
        else:
            self._room(tokens)

    def _room(self, tokens: int, least: int = _LEAST_ROOM) -> int:
        """For how many tokens the model has places after a picture and so many tokens of a prompt.

        Raises ``PromptError`` where these are fewer than ``least``.
        """
        most = getattr(self.model.language.config, "max_position_embeddings", None)
        room = most - len(self.prefix) - tokens if isinstance(most, int) else sys.maxsize
        if room < least:
            raise PromptError(
                f"the prompt is too long: with the picture it takes {len(self.prefix) + tokens:,} tokens, and this "
                f"model has room for {most:,}; write less, name fewer regions, or use shorter labels.")
        return room

    def sequence(self, request: Request) -> TokenSequence:
        """The ids of a request after the prefix."""
        return self.builder.suffix(request.turns, len(request.regions))

    def embedded(self, view: View, request: Request, sequence: TokenSequence) -> Tensor:
        """A request's embeddings after the prefix: [L, hidden]."""
        ids = torch.tensor([sequence.ids], device=self.model.device)
        regions = view.regions[[request.regions[number] for number in sequence.regions]] if sequence.regions else None
        return self.model.embed(ids, region_tokens=regions)[0]

    def _encoded(self, images: NDArray[np.uint8]) -> List[Encoded]:
        """Every picture by itself, with memory of its own."""
        with self.stopwatch.part("encode"):
            encoded = self.model.encode(on_device(images, self.model.device))
            return [
                Encoded(tuple(level[place].clone() for level in encoded.pyramid), encoded.image_tokens[place].clone())
                for place in (slice(number, number + 1) for number in range(len(images)))]

    def _read(self, encoded: Sequence[Encoded]) -> List[Prefix]:
        with self.stopwatch.part("prefill"):
            ids = torch.tensor([self.prefix] * len(encoded), device=self.model.device)
            tokens = torch.cat([picture.image_tokens for picture in encoded])
            keys, values = self._reader.prefixes(self.model.embed(ids, tokens))
        return [
            Prefix(
                picture.pyramid,
                KeyValues(tuple(key[number].clone() for key in keys), tuple(value[number].clone() for value in values)))
            for number, picture in enumerate(encoded)
        ]

    def _prefixes(self, view: View) -> SharedPrefixes:
        return SharedPrefixes([prefix.read for prefix in view.prefixes])

    def _write(
        self, view: View, drafts: Sequence[Draft], sampling: Sampling, done: Dict[int, Written],
        settle: Callable[[Draft], int] | None,
    ) -> None:
        """Write drafts into ``done``, which keeps those that were finished before memory ran out."""
        decoder = Decoder(
            self._reader, self._prefixes(view), slots=min(self.rows.most, len(drafts)), end_id=self.end_id,
            sampling=sampling, stopwatch=self.stopwatch, recorder=self._recorder, settle=settle)
        for draft in decoder.write(drafts):
            *earlier, last = [self._written(answer) for answer in draft.answers]
            done[draft.number] = replace(last, earlier=tuple(earlier))

    def _settling(
        self, view: View, requests: Sequence[Request], questions: Sequence[Sequence[TokenSequence]]
    ) -> Callable[[Draft], int] | None:
        """What chooses a draft's next token without regard to other drafts; in 16 bits rounding is too coarse for that.

        The region tokens are made anew and the text is read from its beginning, so that sums are taken in the same
        order whatever is written beside it. (A picture's features have no part in that: by oneDNN they are
        the same to the bit however many pictures are encoded together.)
        """
        if self.model.dtype != torch.float32:
            return None

        def settle(draft: Draft) -> int:
            regions = requests[draft.number].regions
            with one_thread(self.model):
                own = self.view_of([view.prefixes[draft.picture]], view.masks[list(regions)], [0] * len(regions))
                return self._next(own, _so_far(questions[draft.number], draft.answers))

        return settle

    def _next(self, view: View, sequence: TokenSequence) -> int:
        """The likeliest token after what was said about all regions of a view of one picture."""
        request = Request(tuple(range(len(view.image_index))), ())
        draft = Draft(0, [self.embedded(view, request, sequence)], 0, _random(Sampling(), request), 1)
        decoder = Decoder(
            self._reader, self._prefixes(view), slots=1, end_id=self.end_id, sampling=Sampling())
        (written,) = decoder.write([draft])
        return next(iter(written.answers[0].ids), self.end_id)

    def _written(self, answer: Answer) -> Written:
        return Written(self.tokenizer.decode(answer.ids), tuple(answer.ids), answer.log_probability)


def _near(written: Written, nearness: float) -> Written:
    earlier = tuple(replace(one, nearness=nearness) for one in written.earlier)
    return replace(written, earlier=earlier, nearness=nearness)


def _so_far(questions: Sequence[TokenSequence], answers: Sequence[Answer]) -> TokenSequence:
    """What was asked and answered up to the answer that is being written."""
    pairs = list(zip(questions, answers))
    return TokenSequence(
        [number for question, answer in pairs for number in (*question.ids, *answer.ids)], [],
        [region for question, _ in pairs for region in question.regions])


def _random(sampling: Sampling, request: Request) -> torch.Generator:
    return torch.Generator(device="cpu").manual_seed((sampling.seed * 1_000_003 + request.key) & 0x7FFFFFFF)
