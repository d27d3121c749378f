"""Writes an answer with the model, and releases it sentence by sentence as each passes its checks."""

import logging
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing

from router.answers import Released
from router.citations import CitationChecker, is_decline, without_citations
from router.completions import Chunk, Finish
from router.draft import Draft
from router.errors import ModelNotFound, ModelRefused
from router.links import defuse
from router.model import ModelClient
from router.policy import is_taught
from router.reading import Reading, read_apart
from router.replies import CUT_AT_LENGTH, CUT_AT_REPETITION, NOTHING_TO_SAY
from router.sentences import SentenceSplitter
from router.settings import RouterSettings
from router.window import Fitted, fit_direct, fit_grounded

_LOG = logging.getLogger(__name__)
_SAME_SENTENCE_TIMES = 3
_SHORT_SENTENCE_CHARS = 12
_NOTES: dict[Finish, str] = {"length": CUT_AT_LENGTH, "repetition": CUT_AT_REPETITION}


class Writer:
    def __init__(self, *, model: ModelClient, settings: RouterSettings) -> None:
        self._model = model
        self._settings = settings

    async def direct(self, draft: Draft) -> AsyncGenerator[Released, None]:
        """From the model alone: no link and no citation of it is ours to vouch for."""
        taught = draft.taught.question if is_taught(draft.taught.nearness) else ""
        fitted = fit_direct(draft.question, self._settings, taught=taught)
        draft.prompt, draft.read_chars = fitted.prompt, fitted.question_chars
        finish: list[Finish] = []
        async with aclosing(self._direct_sentences(draft, finish)) as sentences:
            async for sentence in sentences:
                safe = defuse(sentence)
                text, invented = without_citations(safe.text)
                draft.removed += safe.removed + invented
                draft.completion += text
                yield draft.release(text)
        if not draft.completion.strip():
            yield draft.release(NOTHING_TO_SAY)
        for note in _notes(finish):
            yield draft.note(note)

    async def grounded(self, draft: Draft) -> AsyncGenerator[Released, None]:
        """From the passages found; releases nothing where they do not hold the answer."""
        fitted = fit_grounded(draft.question, draft.findings.passages, self._settings)
        draft.prompt, draft.passages, draft.read_chars = fitted.prompt, fitted.passages, fitted.question_chars
        checker = CitationChecker(fitted.passages, question=draft.question.text)
        self._choose_model(draft)
        finish: list[Finish] = []
        joining: list[str] = []
        cited: list[int] = []
        chunks = self._grounded_chunks(draft, fitted)
        async with aclosing(self._sentences(draft, chunks, finish)) as sentences:
            async for sentence in sentences:
                if is_decline(sentence):
                    break
                checked = checker.check(sentence)
                draft.removed += checked.removed
                if not checked.cited:
                    # “In short:” claims nothing, and is worth nothing until a claim follows.
                    joining.append(checked.text)
                    continue
                cited.extend(checked.cited)
                text = "".join([*joining, checked.text])
                joining.clear()
                draft.completion += text
                yield draft.release(text)
        draft.sources = checker.sources(cited)
        if cited:
            for note in _notes(finish):
                yield draft.note(note)

    async def _direct_sentences(self, draft: Draft, finish: list[Finish]) -> AsyncGenerator[str, None]:
        """An adapter trained to answer from passages may decline where there are none: then the base model answers."""
        self._choose_model(draft)
        declined = False
        async with aclosing(self._sentences(draft, self._chunks(draft), finish)) as sentences:
            async for sentence in sentences:
                if draft.adapter and not draft.pieces and is_decline(sentence):
                    declined = True
                    break
                yield sentence
        if declined:
            self._use_base(draft)
            async with aclosing(self._sentences(draft, self._chunks(draft), finish)) as sentences:
                async for sentence in sentences:
                    yield sentence

    async def _sentences(
        self, draft: Draft, answer: AsyncGenerator[Chunk, None], finish: list[Finish]
    ) -> AsyncGenerator[str, None]:
        """Whole sentences as the model writes them; a third copy of one ends the answer."""
        splitter, seen = SentenceSplitter(), Counter[str]()
        async with aclosing(answer) as chunks:
            async for chunk in chunks:
                draft.model_ms = chunk.elapsed_ms
                if chunk.text:
                    draft.timings_ms.setdefault("first_chunk", round(chunk.elapsed_ms, 3))
                if chunk.usage is not None:
                    draft.usage = chunk.usage
                if chunk.finish is not None:
                    finish[:] = [chunk.finish]
                for sentence in splitter.feed(chunk.text):
                    seen[sentence.strip()] += len(sentence.strip()) > _SHORT_SENTENCE_CHARS
                    if seen[sentence.strip()] >= _SAME_SENTENCE_TIMES:
                        finish[:] = ["repetition"]
                        return
                    yield sentence
        if finish != ["repetition"]:
            for sentence in splitter.flush():
                yield sentence

    async def _grounded_chunks(self, draft: Draft, fitted: Fitted) -> AsyncGenerator[Chunk, None]:
        """Read apart where that is what the adapter was taught; a long answer is then written whole from its passage."""
        reading = await self._reading(draft, fitted)
        if reading is not None:
            draft.prompt = reading.prompt
        if reading is None or reading.finish != "stop":
            async with aclosing(self._chunks(draft)) as chunks:
                async for chunk in chunks:
                    yield chunk
        else:
            yield Chunk(text=reading.text, elapsed_ms=reading.elapsed_ms, finish=reading.finish, usage=reading.usage)

    async def _reading(self, draft: Draft, fitted: Fitted) -> Reading | None:
        """None where the passages are to be read together."""
        if draft.findings.is_in_parts or not draft.adapter or not fitted.apart:
            return None
        try:
            return await read_apart(
                fitted.apart, self._model, model=draft.model, least_surety=self._settings.least_surety
            )
        except (ModelNotFound, ModelRefused) as refusal:
            _LOG.warning("the passages are read together: %s", type(refusal).__name__)
            return None

    async def _chunks(self, draft: Draft) -> AsyncGenerator[Chunk, None]:
        """From the adapter in service, or from the base model where the server does not know that adapter."""
        try:
            async with aclosing(self._ask(draft)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except ModelNotFound:
            if not draft.adapter:
                raise
            _LOG.error("adapter %s is missing at the model server: the base model answers", draft.adapter)
            self._use_base(draft)
            async with aclosing(self._ask(draft)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _ask(self, draft: Draft) -> AsyncGenerator[Chunk, None]:
        tokens = self._settings.answer_max_tokens
        async with aclosing(self._model.stream(draft.prompt, model=draft.model, max_tokens=tokens)) as chunks:
            async for chunk in chunks:
                yield chunk

    def _choose_model(self, draft: Draft) -> None:
        draft.adapter = draft.in_service.adapter if draft.in_service else ""
        draft.model = draft.adapter or self._settings.model_name

    def _use_base(self, draft: Draft) -> None:
        draft.adapter, draft.model = "", self._settings.model_name


def _notes(finish: list[Finish]) -> list[str]:
    return [_NOTES[reason] for reason in finish if reason in _NOTES]
