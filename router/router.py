"""One question in, one answer out: decided, written, checked and journalled."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from router.answers import Answered, AnswerEvent, Released, Working
from router.decisions import Decision, Route
from router.draft import UNDECIDED, Draft
from router.errors import PolicyBroken, SearchUnavailable
from router.evidence import EvidenceLoop, Search
from router.journal import Journal
from router.model import ModelClient
from router.policy import Policy
from router.queries import search_query
from router.questions import Question
from router.releases import Releases
from router.replies import SOURCES_UNAVAILABLE, ask_back, cut_question, not_in_documents
from router.rewriting import Rewriter
from router.settings import RouterSettings
from router.smalltalk import reply_to
from router.writer import Writer

_FROM_DOCUMENTS = (Route.RETRIEVE, Route.ABSTAIN)


class Router:
    def __init__(
        self,
        *,
        search: Search,
        model: ModelClient,
        policy: Policy | None = None,
        journal: Journal,
        releases: Releases,
        settings: RouterSettings,
    ) -> None:
        self._evidence = EvidenceLoop(search=search, settings=settings)
        self._writer = Writer(model=model, releases=releases, settings=settings)
        self._rewriter = Rewriter(model=model, settings=settings) if settings.query_rewrite else None
        self._policy = policy or Policy()
        self._journal = journal
        self._settings = settings

    async def answer(self, question: Question, *, exchange_id: str) -> AsyncGenerator[AnswerEvent, None]:
        """Working and Released events as they come, and Answered, journalled, at the end.

        Raises RouterError with a sentence for people: ModelError where the model does not answer, perhaps after
        some text was released, and JournalUnavailable where the answer cannot be kept. The same `exchange_id`
        asked again replaces what an interrupted run left.
        """
        draft = Draft(question=self._shortened(question), exchange_id=exchange_id)
        if self._policy.is_certain(draft.question):
            draft.decision = self._decide(draft)
        else:
            yield Working(status="Searching the documents")
            await self._search(draft)
        async with aclosing(self._write(draft)) as events:
            async for event in events:
                yield event
        sent, read = len(question.text.strip()), _chars_read(draft)
        if read < sent:
            yield draft.note(cut_question(sent, read))
        draft.clock("total")
        await self._journal.record(draft.exchange())
        yield Answered(answer=draft.answer())

    def _shortened(self, question: Question) -> Question:
        """No message is too long: it is read to a limit, and the answer says so."""
        most = self._settings.question_max_chars
        thread = tuple(replace(turn, text=turn.text[:most]) for turn in question.thread)
        return replace(question, text=question.text.strip()[:most], thread=thread)

    async def _search(self, draft: Draft) -> None:
        """Decide after a first search; where documents are to answer and little was found, search on."""
        query = await self._rewritten(draft)
        started = time.perf_counter()
        try:
            draft.findings = await self._evidence.first(draft.question, query)
        except SearchUnavailable:
            draft.sources_are_down = True
        draft.decision = self._decide(draft)
        if draft.decision.route in _FROM_DOCUMENTS and not draft.sources_are_down and not draft.findings.is_enough:
            draft.findings = await self._evidence.deepen(draft.question, draft.findings)
            draft.decision = self._decide(draft)
        draft.timings_ms["search"] = round((time.perf_counter() - started) * 1000, 3)

    async def _rewritten(self, draft: Draft) -> str | None:
        """The model's own query, where that is switched on."""
        if self._rewriter is None:
            return None
        started = time.perf_counter()
        query = await self._rewriter.query(draft.question)
        draft.timings_ms["rewrite"] = round((time.perf_counter() - started) * 1000, 3)
        return query

    def _decide(self, draft: Draft) -> Decision:
        """A policy that cannot decide leaves the default: retrieve."""
        was_searched = bool(draft.findings.steps)
        try:
            return self._policy.decide(draft.question, draft.findings.passages if was_searched else None)
        except PolicyBroken:
            return UNDECIDED

    async def _write(self, draft: Draft) -> AsyncGenerator[Working | Released, None]:
        match draft.decision.route:
            case Route.DIRECT:
                yield Working(status="Writing an answer")
                async with aclosing(self._writer.direct(draft)) as pieces:
                    async for piece in pieces:
                        yield piece
            case Route.RETRIEVE if draft.findings.passages:
                yield Working(status="Reading what was found")
                async with aclosing(self._writer.grounded(draft)) as pieces:
                    async for piece in pieces:
                        yield piece
                if not draft.pieces:
                    yield draft.release(_not_known(draft))
            case _:
                yield draft.release(_prepared(draft))


def _chars_read(draft: Draft) -> int:
    """Of the question, by the model, whose window may hold less than the setting allows, or by our own rules."""
    return len(draft.question.text) if draft.read_chars is None else draft.read_chars


def _prepared(draft: Draft) -> str:
    """The answers that need no model."""
    match draft.decision.route:
        case Route.SMALLTALK:
            return reply_to(draft.question.text, len(draft.question.thread))
        case Route.CLARIFY:
            return ask_back(draft.question)
        case _ if draft.sources_are_down:
            return SOURCES_UNAVAILABLE
        case _:
            return _not_known(draft)


def _not_known(draft: Draft) -> str:
    if draft.decision.route is not Route.ABSTAIN:
        draft.decline()
    return not_in_documents(search_query(draft.question), draft.findings.passages)
