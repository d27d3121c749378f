"""One question from its stored form to one visible answer; may be run again from the start at any time."""

import asyncio
import logging
from contextlib import aclosing

from bot.deliveries import Asked, Claim, Deliveries, by_route
from bot.directory import Directory
from bot.errors import SlackRefused
from bot.failures import EMPTY, INTERNAL, OVER_QUOTA, Declined, apology, note
from bot.membership import access
from bot.messages import History, plain_text
from bot.narrowing import channel_names
from bot.orphans import Place
from bot.quotas import Quota
from bot.rendering import answer_pages, answer_tail
from bot.status import Status
from bot.stream import Outlet, Reply
from bot.turns import Seats, ThreadLocks
from knowledge.errors import InvalidFilter, KnowledgeError
from knowledge.filters import parse_filter
from router.answers import Answer, Answered, AnswerEvent, Released, Working
from router.decisions import Route
from router.errors import RouterError
from router.journal import Journal
from router.questions import Question
from router.router import Router

log = logging.getLogger("tandem.answering")

# The router's first event says that it searches; by the second, it has.
_AFTER_RETRIEVAL = 2


class Answering:
    def __init__(
        self,
        *,
        router: Router,
        journal: Journal,
        outlet: Outlet,
        deliveries: Deliveries,
        directory: Directory,
        history: History,
        quota: Quota,
        seats: int,
        model_started: asyncio.Event,
    ) -> None:
        self._router = router
        self._journal = journal
        self._outlet = outlet
        self._deliveries = deliveries
        self._directory = directory
        self._history = history
        self._quota = quota
        self._threads = ThreadLocks()
        self._seats = Seats(seats)
        self._model_started = model_started

    async def answer(self, asked: Asked) -> None:
        """Answer a new question, an edited one or one asked again."""
        async with self._threads.hold(asked.channel, asked.thread_ts), self._seats.sit(asked.user):
            taken = await self._take_on(asked)
            if taken is not None:
                await self._settle(asked, *taken)

    async def redo(self, question: Asked, *, route: Route, user: str) -> None:
        """Answer a question by that route too, for those who see it now: once, however often it is asked.

        It is looked for again when its turn has come, since it may have been edited or deleted meanwhile.
        """
        async with self._threads.hold(question.channel, question.thread_ts), self._seats.sit(user):
            known = await self._deliveries.find(question.key)
            if known is None or known.state != "answered":
                return
            asked = by_route(known.asked, route.value, user=user)
            taken = await self._take_on(asked)
            if taken is not None:
                await self._settle(asked, *taken)

    async def decline(self, asked: Asked, declined: Declined) -> None:
        """Say why a message is not answered, where its answer would be."""
        async with self._threads.hold(asked.channel, asked.thread_ts):
            taken = await self._take_on(asked)
            if taken is not None:
                await self._decline(asked, taken[1], declined)

    async def ended(self, asked: Asked) -> None:
        """Wait until no question of its thread is being answered."""
        async with self._threads.hold(asked.channel, asked.thread_ts):
            return

    async def withdraw(self, asked: Asked) -> None:
        """The question was deleted: so is its answer, and what the journal holds of it.

        Of a question that waits, nothing will be shown. An answer under way is let come to its end, and taken back then.
        """
        await self._deliveries.withdraw(asked)
        known = await self._deliveries.find(asked.key)
        # A deletion does not say in which thread its question stood.
        thread_ts = known.asked.thread_ts if known is not None else asked.thread_ts
        async with self._threads.hold(asked.channel, thread_ts):
            await self._journal.remove(asked.key)
            await self._reply(asked).withdraw()
            await self._take_back_redone(asked)

    async def _take_back_redone(self, asked: Asked) -> None:
        """What was answered by another route answers a question that is no longer asked."""
        for redone in await self._deliveries.redone(asked.key):
            await self._reply(redone.asked).withdraw()
            await self._deliveries.forget(redone.asked.key)

    async def _take_on(self, asked: Asked) -> tuple[Claim, Reply] | None:
        """The claim, and the reply with what an earlier attempt has shown; None where there is nothing to do."""
        claim = await self._deliveries.claim(asked)
        if claim is None:
            return None
        reply = self._reply(asked)
        if claim != "new":
            await reply.recover()
            await self._take_back_redone(asked)
        return claim, reply

    def _reply(self, asked: Asked) -> Reply:
        place = Place(
            team=asked.team, channel=asked.channel, thread_ts=asked.thread_ts, after_ts=asked.ts, user=asked.user
        )
        return self._outlet.reply(place, asked.key, asked.exchange_id)

    async def _settle(self, asked: Asked, claim: Claim, reply: Reply) -> None:
        place = {"channel": asked.channel, "thread_ts": asked.thread_ts}
        status = Status(self._outlet.slack, **place, may_stand=claim != "new")
        try:
            await self._attempt(asked, claim, reply, status)
        except Declined as declined:
            await self._decline(asked, reply, declined)
        except (RouterError, KnowledgeError) as error:
            log.warning("%s failed: %s", asked.exchange_id, type(error).__name__)
            await self._decline(asked, reply, Declined(str(error), may_retry=True))
        except SlackRefused as error:
            log.warning("the answer to %s could not be shown: %s", asked.exchange_id, error)
            await self._decline(asked, reply, Declined(INTERNAL, may_retry=True))
        finally:
            await status.clear()

    async def _attempt(self, asked: Asked, claim: Claim, reply: Reply, status: Status) -> None:
        recorded = await self._journal.exchange(asked.exchange_id) if claim == "resumed" else None
        if recorded is not None:
            await self._finish(asked, reply, recorded.as_answer())
            return
        question = await self._question(asked, counted=claim != "resumed")
        if not self._model_started.is_set():
            status.show("Waiting for the model, which takes about half a minute to start")
            await self._model_started.wait()
        async with aclosing(self._router.answer(question, exchange_id=asked.exchange_id)) as events:
            step = 0
            async for event in events:
                step += 1
                if step == _AFTER_RETRIEVAL:
                    self._outlet.failpoints.reached("after_retrieval")
                await self._show(asked, event, reply, status)

    async def _show(self, asked: Asked, event: AnswerEvent, reply: Reply, status: Status) -> None:
        match event:
            case Working():
                status.show(event.status)
            case Released():
                await reply.append(event.text)
            case Answered():
                await self._finish(asked, reply, event.answer)

    async def _question(self, asked: Asked, *, counted: bool) -> Question:
        """The question with all that the router is to know. Raises Declined."""
        if counted and not self._quota.take(asked.user):
            raise Declined(OVER_QUOTA, may_retry=True)
        allowed = await access(self._directory, channel=asked.channel, user=asked.user)
        if allowed.refusal:
            raise Declined(allowed.refusal, may_retry=True)
        text, thread = await asyncio.gather(
            plain_text(asked.text, bot_user=self._outlet.bot_user, directory=self._directory),
            self._history.before(asked, allowed.audience),
        )
        if not text:
            raise Declined(EMPTY)
        try:
            names = await channel_names(asked.text, allowed.audience, self._directory)
            text, only = parse_filter(text, channels=names)
        except InvalidFilter as error:
            raise Declined(f"{error}.") from error
        return Question(
            text=text,
            only=only,
            audience=allowed.audience,
            asker=asked.user,
            team=asked.team,
            channel=asked.channel,
            thread=thread,
            thread_id=f"{asked.team}:{asked.channel}:{asked.thread_ts or asked.ts}",
            forced_route=Route(asked.route) if asked.route else None,
        )

    async def _finish(self, asked: Asked, reply: Reply, answer: Answer) -> None:
        exchange_id, may_redo = asked.exchange_id, not asked.route
        await reply.finish(
            answer_tail(answer, exchange_id=exchange_id, may_redo=may_redo),
            answer_pages(answer, exchange_id=exchange_id, may_redo=may_redo),
        )
        await self._deliveries.settle(asked.exchange_id, asked.key, "answered")

    async def _decline(self, asked: Asked, reply: Reply, declined: Declined) -> None:
        said = apology(str(declined), key=asked.key) if declined.may_retry else note(str(declined))
        await reply.replace(said)
        await self._deliveries.settle(asked.exchange_id, asked.key, "failed" if declined.may_retry else "answered")
