"""One question in, one answer out: decided, written, checked and journalled."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from router.agreement import contradicts
from router.answers import Answered, AnswerEvent, Released, Working
from router.chooser import Chooser
from router.deciding import Decider
from router.decisions import Decision, Route
from router.draft import Draft
from router.embedding import Embedding
from router.evidence import EvidenceLoop, Search
from router.guessing import Guesser
from router.journal import Journal
from router.kinds import kind_of
from router.model import ModelClient
from router.policies import Policies
from router.policy import Policy
from router.queries import search_query
from router.questions import Question
from router.releases import Releases
from router.replies import MEMORY_DIFFERS, SOURCES_UNAVAILABLE, ask_back, cut_question, not_in_documents
from router.rewriting import Rewriter
from router.settings import RouterSettings
from router.smalltalk import reply_to
from router.writer import Writer


class Router:
    def __init__(
        self,
        *,
        search: Search,
        model: ModelClient,
        policy: Policy | None = None,
        policies: Policies,
        journal: Journal,
        releases: Releases,
        settings: RouterSettings,
        embedding: Embedding | None = None,
    ) -> None:
        """Without an embedding nobody can say whether a question asks for what an adapter was taught."""
        rewriter = Rewriter(model=model, settings=settings) if settings.query_rewrite else None
        self._decider = Decider(
            chooser=Chooser(policy=policy or Policy(), policies=policies, settings=settings),
            evidence=EvidenceLoop(search=search, settings=settings, rewriter=rewriter),
            guesser=Guesser(model=model, settings=settings),
            rewriter=rewriter,
            embedding=embedding,
            settings=settings,
        )
        self._writer = Writer(model=model, settings=settings)
        self._journal = journal
        self._releases = releases
        self._settings = settings

    async def answer(self, question: Question, *, exchange_id: str) -> AsyncGenerator[AnswerEvent, None]:
        """Working and Released events as they come, and Answered, journalled, at the end.

        Raises RouterError with a sentence for people: ModelError where the model does not answer, perhaps after
        some text was released, and JournalUnavailable where the answer cannot be kept. The same `exchange_id`
        asked again replaces what an interrupted run left.
        """
        draft = self._draft(question, exchange_id)
        if not draft.is_certain:
            yield Working(status="Searching the documents")
        await self._decide(draft)
        async with aclosing(self._write(draft)) as events:
            async for event in events:
                yield event
        sent, read = len(question.text.strip()), _chars_read(draft)
        if read < sent:
            yield draft.note(cut_question(sent, read))
        draft.clock("total")
        await self._journal.record(draft.exchange())
        yield Answered(answer=draft.answer())

    async def explain(self, question: Question) -> Decision:
        """How this would be answered now, and why; nothing is answered or kept. Raises RouterError."""
        draft = self._draft(question, exchange_id="")
        await self._decide(draft)
        return draft.decision

    def _draft(self, question: Question, exchange_id: str) -> Draft:
        shortened = self._shortened(question)
        return Draft(question=shortened, exchange_id=exchange_id, is_certain=self._decider.is_certain(shortened))

    async def _decide(self, draft: Draft) -> None:
        started = time.perf_counter()
        draft.in_service = await self._releases.in_service()
        draft.timings_ms["release"] = round((time.perf_counter() - started) * 1000, 3)
        await self._decider.decide(draft)

    def _shortened(self, question: Question) -> Question:
        """No message is too long: it is read to a limit, and the answer says so."""
        most = self._settings.question_max_chars
        thread = tuple(replace(turn, text=turn.text[:most]) for turn in question.thread)
        return replace(question, text=question.text.strip()[:most], thread=thread)

    async def _write(self, draft: Draft) -> AsyncGenerator[Working | Released, None]:
        match draft.decision.route:
            case Route.DIRECT:
                yield Working(status="Writing an answer")
                async with aclosing(self._writer.direct(draft)) as pieces:
                    async for piece in pieces:
                        yield piece
            case Route.RETRIEVE | Route.MULTI if draft.findings.passages:
                yield Working(status="Reading what was found")
                async with aclosing(self._writer.grounded(draft)) as pieces:
                    async for piece in pieces:
                        yield piece
                if not draft.pieces:
                    yield draft.release(_not_known(draft))
                elif draft.guess is not None and contradicts(draft.guess.text, draft.completion):
                    yield draft.note(MEMORY_DIFFERS)
            case _:
                yield draft.release(_prepared(draft))


def _chars_read(draft: Draft) -> int:
    """Of the question, by the model, whose window may hold less than the setting allows, or by our own rules."""
    return len(draft.question.text) if draft.read_chars is None else draft.read_chars


def _prepared(draft: Draft) -> str:
    """The answers that need no model."""
    match draft.decision.route:
        case Route.SMALLTALK:
            text = draft.question.text
            return reply_to(text, len(draft.question.thread), kind_of(text).social.kind)
        case Route.CLARIFY:
            return ask_back(draft.question, draft.findings.passages)
        case _ if draft.sources_are_down:
            return SOURCES_UNAVAILABLE
        case _:
            return _not_known(draft)


def _not_known(draft: Draft) -> str:
    if draft.decision.route is not Route.ABSTAIN:
        draft.decline()
    return not_in_documents(search_query(draft.question), draft.findings.passages)
