"""Stored work over the real parts of the Slack side, with a Slack that remembers what it shows."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

import bot.tables
import router.tables
from bot.answering import Answering
from bot.arrivals import gave_up
from bot.deliveries import Deliveries, State
from bot.directory import Directory
from bot.document_queue import DocumentQueue
from bot.document_reading import DocumentReader
from bot.downloads import Downloads
from bot.errors import SlackRefused, SlackUnauthorized, SlackUnreachable
from bot.failpoints import Failpoints
from bot.failures import GAVE_UP, NOT_KEPT, NOT_TAKEN_IN
from bot.feedback import FeedbackDesk
from bot.ingest_form import HELP
from bot.ingesting import IngestDesk
from bot.ingests import Ingests
from bot.messages import History
from bot.overrides import OverrideDesk
from bot.pacer import Pacer
from bot.quarantine import Quarantine
from bot.quotas import Quota
from bot.releasing import ReleaseDesk
from bot.slack import Slack
from bot.slack_documents import SlackDocuments
from bot.stream import Outlet
from bot.upkeep import Upkeep
from bot.whispers import Whispers
from bot.work import Work
from knowledge.documents import IngestResult, Origin
from knowledge.errors import CatalogueUnavailable, IndexUnavailable
from knowledge.library import Library
from router.answers import Answer, Answered, AnswerEvent
from router.decisions import Decision, Route
from router.errors import JournalUnavailable, ModelUnavailable
from router.exchanges import Exchange
from router.feedback import Feedback
from router.journal import Journal
from router.questions import Question
from router.router import Router
from tests.bot.fakes import InlineQueue, ShowingSlack, channel

_KEY = "slack:T1:C1:100.1"
_not_asked = cast("Any", None)
_ON_A_FULL_DISK = OperationalError("INSERT", {}, Exception("database or disk is full"))
_TOO_LONG = DataError("INSERT", {}, Exception("value too long"))


def _started() -> asyncio.Event:
    started = asyncio.Event()
    started.set()
    return started


@dataclass
class _Parts:
    """Stands for the router and the library: what they are asked, and the errors they meet, first error first; None lets one pass."""

    journal: Journal
    errors: list[BaseException | None] = field(default_factory=list[BaseException | None])
    asked: list[str] = field(default_factory=list[str])
    questions: list[Question] = field(default_factory=list[Question])
    ingested: list[str] = field(default_factory=list[str])
    may_answer: asyncio.Event = field(default_factory=_started)

    async def answer(self, question: Question, *, exchange_id: str) -> AsyncIterator[AnswerEvent]:
        self._fail()
        self.asked.append(question.text)
        self.questions.append(question)
        await self.may_answer.wait()
        decision = Decision(route=Route.SMALLTALK, probabilities={}, reason="")
        exchange = Exchange(
            exchange_id=exchange_id, asked_at=datetime.now(UTC), team="T1", channel="C1", asker="U1",
            scopes=frozenset({"public"}), question=question.text, thread=(), prompt=(), passages=(),
            decision=decision, answer="So.", completion="So.", sources=(),
        )  # fmt: skip
        await self.journal.record(exchange)
        yield Answered(answer=Answer(exchange_id=exchange_id, text="So.", decision=decision))

    async def put_into_service(self, adapter: str) -> None:
        self._fail()
        self.asked.append(adapter)

    async def ingest(self, place: str, scope: str, origin: Origin) -> AsyncIterator[IngestResult]:
        self._fail()
        self.ingested.append(place)
        yield IngestResult(uri=place, title=place, status="added")

    async def ingest_bytes(self, data: bytes, *, name: str, uri: str, scope: str, origin: Origin) -> list[IngestResult]:
        self._fail()
        self.ingested.append(name)
        return [IngestResult(uri=uri, title=name, status="added")]

    def _fail(self) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error


class _Downloads(Downloads):
    """Asks Slack for files, and reads the same in each."""

    async def _read(self, address: str, name: str) -> tuple[bytes, str]:
        return b"So.", "text/plain"


class _Journal(Journal):
    """Meets `errors` where votes are read, first error first."""

    errors: Sequence[Exception] = ()

    async def feedback_events(self, exchange_id: str) -> list[Feedback]:
        if self.errors:
            first, *self.errors = self.errors
            raise first
        return await super().feedback_events(exchange_id)


@dataclass
class _Desk:
    work: Work
    slack: ShowingSlack
    parts: _Parts
    journal: _Journal
    deliveries: Deliveries
    directory: Directory


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[_Desk]:
    async with _open_desk(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}") as desk:
        yield desk


@asynccontextmanager
async def _open_desk(database_url: str) -> AsyncIterator[_Desk]:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(bot.tables.metadata.create_all)
        await connection.run_sync(router.tables.metadata.create_all)
    yield _desk(_Journal(engine), Deliveries(engine), Ingests(engine), Quarantine(engine))
    await engine.dispose()


def _desk(journal: _Journal, deliveries: Deliveries, ingests: Ingests, quarantine: Quarantine) -> _Desk:
    shown = ShowingSlack()
    slack, parts, pacer = cast("Slack", shown), _Parts(journal), Pacer(interval_s=0)
    directory = Directory(slack, team="T1")
    outlet = Outlet(slack=slack, deliveries=deliveries, pacer=pacer, bot_user="UBOT", failpoints=Failpoints())
    history = History(journal=journal, deliveries=deliveries, slack=slack, directory=directory, bot_user="UBOT")
    downloads = _Downloads(slack=slack, token="xoxb-", api_url="https://slack.com/api/", max_bytes=1_000)
    in_slack = SlackDocuments(slack=slack, downloads=downloads, directory=directory, bot_user="UBOT")
    library = cast("Library", parts)
    answering = Answering(
        router=cast("Router", parts), journal=journal, outlet=outlet, deliveries=deliveries, directory=directory,
        history=history, quota=Quota(1_000), seats=4, model_started=_started(),
    )  # fmt: skip
    queue, whispers = InlineQueue(), Whispers(slack=slack, pacer=pacer)
    work = Work(
        answering=answering,
        feedback=FeedbackDesk(journal=journal, directory=directory, whispers=whispers),
        overrides=OverrideDesk(
            answering=answering, journal=journal, deliveries=deliveries, directory=directory, whispers=whispers
        ),
        ingest=IngestDesk(
            outlet=outlet,
            in_slack=in_slack,
            directory=directory,
            ingests=ingests,
            queue=cast("DocumentQueue", queue),
        ),
        documents=DocumentReader(
            library=library, in_slack=in_slack, directory=directory, quarantine=quarantine, again_s=0
        ),
        releasing=ReleaseDesk(directory=directory, outlet=outlet, put_into_service=parts.put_into_service),
        upkeep=Upkeep(
            library=library,
            outlet=outlet,
            in_slack=in_slack,
            directory=directory,
            ingests=ingests,
            histories=_not_asked,
            threads=_not_asked,
            quarantine=_not_asked,
            queue=_not_asked,
        ),
        channels=_not_asked,
        deliveries=deliveries,
        slack=slack,
        waits_s=(0,),
    )
    queue.run = work.do
    return _Desk(work=work, slack=shown, parts=parts, journal=journal, deliveries=deliveries, directory=directory)


def _question(text: str = "How?", **changes: Any) -> dict[str, Any]:
    return {
        "key": _KEY, "team": "T1", "channel": "C1", "ts": "100.1", "thread_ts": "100.1", "user": "U1",
        "text": text, "files": [], "version": "", **changes,
    }  # fmt: skip


_DEFECT = RuntimeError("a defect of ours")


def _retry(at: str = "300.1") -> tuple[str, str, dict[str, Any]]:
    place = {"team": "T1", "channel": "C1", "user": "U2", "message_ts": "500.1", "thread_ts": "100.1"}
    return f"slack:T1:C1:retry:500.1:U2:{at}", "retry", {**place, "value": _KEY, "version": at}


def _press(**changes: str) -> dict[str, Any]:
    place = {"team": "T1", "channel": "C1", "user": "U1", "message_ts": "500.1", "thread_ts": "100.1"}
    return {**place, "action": "tandem_just_answer", "value": _KEY, "version": "300.1", **changes}


def _vote() -> dict[str, Any]:
    return {"value": f"up {_KEY}", "user": "U1", "channel": "C1", "thread_ts": "100.1", "version": "200.1"}


_INGEST = {"team": "T1", "channel": "C1", "user": "U1", "urls": ["https://a.example/p"], "everyone": False}
_DELETION = {"key": _KEY, "team": "T1", "channel": "C1", "ts": "100.1", "version": "400.1"}


@pytest.mark.parametrize(
    "error",
    [
        SlackUnreachable("away"),
        _ON_A_FULL_DISK,
        InterfaceError("", {}, Exception("connection closed")),
        PoolTimeout(),
        OSError(28, "No space left on device"),
    ],
)
async def test_question_waits_for_as_long_as_slack_or_the_database_is_away(desk: _Desk, error: Exception) -> None:
    desk.parts.errors = [error] * 125
    await desk.work.do(_KEY, "question", _question())
    assert desk.slack.texts() == ["So."]


async def test_question_asked_while_the_model_starts_is_told_what_it_waits_for(desk: _Desk) -> None:
    model_started = asyncio.Event()
    desk.work._answering._model_started = model_started
    doing = asyncio.create_task(desk.work.do(_KEY, "question", _question()))
    statuses = list[str]()
    async with asyncio.timeout(5):
        while not statuses:
            await asyncio.sleep(0.01)
            statuses = [arguments["status"] for _, arguments in desk.slack.calls if "status" in arguments]
    assert statuses[0].startswith("is waiting for the model")
    assert not doing.done()
    model_started.set()
    await doing
    assert desk.slack.texts() == ["So."]


@pytest.mark.parametrize(
    ("kind", "payload", "outcome"),
    [
        ("question", _question(), "So."),
        ("edit", _question(version="200.1"), "So."),
        ("ingest", _INGEST, "Added: https://a.example/p"),
    ],
)
async def test_accepted_work_waits_for_as_long_as_slack_does_not_take_the_token(
    desk: _Desk, kind: str, payload: dict[str, Any], outcome: str
) -> None:
    refusals = iter([SlackUnauthorized("any", "token_revoked")] * 125)

    def refused_first(reply: Any) -> Any:
        def answer(**arguments: Any) -> Any:
            for error in refusals:
                raise error
            return reply(**arguments) if callable(reply) else reply

        return answer

    desk.slack.replies = {method: refused_first(reply) for method, reply in desk.slack.replies.items()}
    await desk.work.do(_KEY, kind, payload)
    (said,) = desk.slack.texts()
    assert outcome in said


async def test_error_of_the_database_that_does_not_pass_is_said_in_the_thread(desk: _Desk) -> None:
    desk.parts.errors = [_TOO_LONG]
    await desk.work.do(_KEY, "question", _question())
    (said,) = desk.slack.texts()
    assert said.startswith("Something went wrong on my side")


async def test_vote_that_the_journal_can_never_hold_is_not_tried_for_ever(desk: _Desk) -> None:
    unavailable = JournalUnavailable()
    unavailable.__cause__ = _TOO_LONG
    desk.journal.errors = [unavailable] * 125
    await desk.work.do("w1", "vote", _vote())
    assert len(desk.journal.errors) == 124


async def test_vote_waits_for_as_long_as_the_journal_is_away(desk: _Desk) -> None:
    await desk.work.do(_KEY, "question", _question())
    away = JournalUnavailable()
    away.__cause__ = _ON_A_FULL_DISK
    desk.journal.errors = [away] * 125
    assert await desk.work.do("w1", "vote", _vote()) == "vote_up"


async def test_try_again_that_fails_can_be_pressed_again(desk: _Desk) -> None:
    desk.parts.errors = [_DEFECT, _DEFECT]
    await desk.work.do(_KEY, "question", _question())
    await desk.work.do(*_retry("300.1"))
    (said,) = desk.slack.texts()
    assert said.startswith("Something went wrong on my side")
    await desk.work.do(*_retry("301.1"))
    assert desk.slack.texts() == ["So."]


async def test_try_again_that_is_pressed_before_the_failure_is_written_down_is_done(desk: _Desk) -> None:
    desk.parts.errors = [_DEFECT]
    settle = desk.deliveries.settle

    async def late(exchange_id: str, key: str, state: State) -> None:
        await asyncio.sleep(0.2)
        await settle(exchange_id, key, state)

    desk.deliveries.settle = late
    asking = asyncio.create_task(desk.work.do(_KEY, "question", _question()))
    while not desk.slack.texts():
        await asyncio.sleep(0)
    await desk.work.do(*_retry())
    await asking
    assert desk.slack.texts() == ["So."]


async def test_try_again_whose_failure_slack_does_not_let_be_said_can_be_pressed_again(desk: _Desk) -> None:
    desk.parts.errors = [_DEFECT, _DEFECT]
    await desk.work.do(_KEY, "question", _question())
    update, desk.slack.replies["chat.update"] = desk.slack.replies["chat.update"], SlackRefused("chat.update", "no")
    await desk.work.do(*_retry("300.1"))
    desk.slack.replies["chat.update"] = update
    await desk.work.do(*_retry("301.1"))
    assert desk.slack.texts() == ["So."]


async def test_try_again_that_ended_the_process_each_time_can_be_pressed_again(desk: _Desk) -> None:
    desk.parts.errors = [_DEFECT]
    await desk.work.do(_KEY, "question", _question())
    work_id, kind, payload = _retry("300.1")
    desk.parts.errors = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        await desk.work.do(work_id, kind, payload)
    told = gave_up(work_id, kind, payload)
    await desk.work.do(told.id, told.kind, told.payload)
    assert desk.slack.texts() == [GAVE_UP]
    await desk.work.do(*_retry("301.1"))
    assert desk.slack.texts() == ["So."]


_SHARE = {**_INGEST, "value": "https://a.example/p", "message_ts": "90.1", "thread_ts": "90.1"}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("ingest", _INGEST),
        ("share", _SHARE),
        ("question", _question("/ingest https://a.example/p")),
        ("edit", _question("/ingest https://a.example/p", version="200.1")),
    ],
)
async def test_documents_that_could_not_be_taken_in_leave_no_message_that_says_they_are_being_read(
    desk: _Desk, kind: str, payload: dict[str, Any]
) -> None:
    desk.parts.errors = [_DEFECT] * 3
    await desk.work.do("w1", kind, payload)
    (said,) = desk.slack.texts()
    assert "Could not be added: https://a.example/p. Reading this failed 3 times on my side" in said
    assert "Try again" not in "".join(desk.slack.blocks.values())


@pytest.mark.parametrize(
    ("kind", "payload"), [("ingest", _INGEST), ("question", _question("/ingest https://a.example/p"))]
)
async def test_documents_that_ended_the_process_each_time_are_said_not_to_be_in(
    desk: _Desk, kind: str, payload: dict[str, Any]
) -> None:
    told = gave_up("w1", kind, payload)
    await desk.work.do(told.id, told.kind, told.payload)
    assert desk.slack.texts() == [NOT_TAKEN_IN]


async def test_person_hears_that_their_vote_was_not_kept(desk: _Desk) -> None:
    desk.journal.errors = [_DEFECT]
    assert await desk.work.do("w1", "vote", _vote()) is None
    assert desk.slack.whispers == [NOT_KEPT]


async def test_failure_is_said_once_slack_is_back(desk: _Desk) -> None:
    desk.parts.errors = [_DEFECT]
    post = desk.slack.replies["chat.postMessage"]
    outage = iter([SlackUnreachable("away")] * 3)

    def refuse(**arguments: Any) -> dict[str, Any]:
        for error in outage:
            raise error
        return cast("Any", post)(**arguments)

    desk.slack.replies["chat.postMessage"] = refuse
    await desk.work.do(_KEY, "question", _question())
    assert len(desk.slack.texts()) == 1


def _not_in_c1(*, channel: str, **_: Any) -> dict[str, Any]:
    if channel == "C1":
        raise SlackRefused("conversations.history", "not_in_channel")
    return {"messages": []}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [("ingest", _INGEST), ("share", _SHARE), ("question", _question("/ingest https://a.example/p"))],
)
async def test_person_is_told_directly_that_documents_were_handed_over_where_the_bot_may_not_write(
    desk: _Desk, kind: str, payload: dict[str, Any]
) -> None:
    desk.slack.replies |= {"conversations.history": _not_in_c1, "conversations.replies": _not_in_c1}
    for _ in range(2):  # a process that was killed does it again
        await desk.work.do("w1", kind, payload)
    ((place, said),) = desk.slack.shown.values()
    assert place == "D1"
    assert "I could not write in <#C1>" in said


_FOR_OPERATORS = ("TANDEM_", "tandem doctor")


def _catalogue_away(cause: Exception) -> CatalogueUnavailable:
    unavailable = CatalogueUnavailable()
    unavailable.__cause__ = cause
    return unavailable


@pytest.mark.parametrize(
    "error",
    [
        IndexUnavailable("The Qdrant server does not answer; look at TANDEM_QDRANT_URL and its log"),
        IndexUnavailable("The document index could not be written; `tandem doctor` says more"),
        _catalogue_away(_ON_A_FULL_DISK),
    ],
)
@pytest.mark.parametrize(
    ("kind", "payload", "added"),
    [
        ("ingest", _INGEST, "https://a.example/p"),
        ("ingest", {**_INGEST, "urls": [], "files": ["F1"]}, "tea.md"),
        ("share", _SHARE, "https://a.example/p"),
        ("question", _question("/ingest https://a.example/p"), "https://a.example/p"),
    ],
)
async def test_documents_wait_for_as_long_as_the_index_or_the_catalogue_is_away(
    desk: _Desk, error: Exception, kind: str, payload: dict[str, Any], added: str
) -> None:
    tea = {"name": "tea.md", "url_private": "https://files.slack.com/tea.md"}
    desk.slack.replies["files.info"] = {"file": tea}
    desk.parts.errors = [error] * 125
    await desk.work.do("w1", kind, payload)
    (said,) = desk.slack.texts()
    assert said.endswith(f"Added: {added}")
    assert not [text for text in desk.slack.said() if any(words in text for words in _FOR_OPERATORS)]


async def test_what_the_index_waits_for_is_in_the_log(desk: _Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.parts.errors = [IndexUnavailable("look at TANDEM_QDRANT_URL")]
    await desk.work.do("w1", "ingest", _INGEST)
    assert "waits: look at TANDEM_QDRANT_URL" in caplog.text


async def test_document_that_the_catalogue_can_never_hold_is_not_tried_for_ever(desk: _Desk) -> None:
    desk.parts.errors = [_catalogue_away(_TOO_LONG)] * 125
    await desk.work.do("w1", "ingest", _INGEST)
    assert len(desk.parts.errors) == 122
    (said,) = desk.slack.texts()
    assert "Reading this failed 3 times on my side" in said


async def test_what_was_added_stays_said_while_the_next_document_waits(desk: _Desk) -> None:
    first, second = "https://a.example/a", "https://a.example/b"
    desk.parts.errors = [None, *[IndexUnavailable("away")] * 3]
    await desk.work.do("w1", "ingest", {**_INGEST, "urls": [first, second]})
    assert desk.parts.ingested == [first, second]
    start, *said = desk.slack.said()
    assert start.startswith("Reading 2 documents…")
    assert all(f"Added: {first}" in text for text in said)
    assert [f"Added: {second}" in text for text in said].count(True) == 1


async def test_channel_that_is_closed_while_documents_wait_gets_all_of_them_for_itself(desk: _Desk) -> None:
    first, second = "https://a.example/a", "https://a.example/b"
    ingest = desk.parts.ingest

    async def close_at_the_second(place: str, scope: str, origin: Origin) -> AsyncIterator[IngestResult]:
        if place == second and scope == "public":
            desk.slack.replies["conversations.info"] = channel("private")
            desk.directory.forget()
            raise IndexUnavailable("away")
        async for result in ingest(place, scope, origin):
            yield replace(result, title=f"{place} for {scope}")

    desk.parts.ingest = close_at_the_second
    await desk.work.do("w1", "ingest", {**_INGEST, "urls": [first, second]})
    (said,) = desk.slack.texts()
    head, *lines = said.splitlines()
    assert head.startswith("Only this channel")
    assert [line.partition("Added: ")[2] for line in lines] == [f"{url} for channel:C1" for url in (first, second)]


async def test_person_who_leaves_the_channel_while_documents_wait_adds_nothing_more(desk: _Desk) -> None:
    desk.slack.replies["conversations.info"] = channel("private")
    urls = ["https://a.example/a", "https://a.example/b"]
    ingest = desk.parts.ingest

    async def leave(place: str, scope: str, origin: Origin) -> AsyncIterator[IngestResult]:
        async for result in ingest(place, scope, origin):
            yield result
        desk.slack.replies["conversations.members"] = {"members": []}
        desk.directory.forget()

    desk.parts.ingest = leave
    await desk.work.do("w1", "ingest", {**_INGEST, "urls": urls})
    assert desk.parts.ingested == urls[:1]
    (said,) = desk.slack.texts()
    assert "You are not in this channel" in said


async def test_documents_still_to_be_read_are_counted_down(desk: _Desk) -> None:
    urls = [f"https://a.example/{name}" for name in "abc"]
    await desk.work.do("w1", "ingest", {**_INGEST, "urls": urls})
    heads = [text.partition("\n")[0] for text in desk.slack.said()]
    who = "Everyone in this workspace will be able to read it."
    left = ("3 documents", "2 documents", "1 document")
    assert heads == [*(f"Reading {documents}… {who}" for documents in left), who]


async def test_edited_comment_that_hands_documents_over_is_no_question(desk: _Desk) -> None:
    await desk.work.do("w1", "edit", _question("/ingest <https://a.example/p?x=1&amp;y=2>", version="200.1"))
    assert desk.parts.ingested == ["https://a.example/p?x=1&y=2"]
    assert desk.parts.asked == []


async def test_message_is_read_alike_whether_or_not_its_delivery_brought_its_files(desk: _Desk) -> None:
    sent = {"messages": [{"ts": "100.1", "files": [{"id": "F1"}]}]}
    desk.slack.replies |= {"conversations.replies": sent, "files.info": SlackRefused("files.info", "file_deleted")}
    await desk.work.do("w1", "question", _question("<@UBOT> ingest this report for me, please"))
    (said,) = desk.slack.texts()
    assert "The file is no longer there." in said
    assert desk.parts.asked == []


async def test_question_about_ingesting_without_a_file_is_asked(desk: _Desk) -> None:
    await desk.work.do(_KEY, "question", _question("Ingest pipelines: which ones do we run in production?"))
    assert desk.slack.texts() == ["So."]


_DIRECT = {"conversations.info": channel("direct"), "users.conversations": {"channels": []}}


async def test_comment_that_says_not_public_is_asked_who_may_read_what(desk: _Desk) -> None:
    desk.slack.replies |= _DIRECT
    said = "ingest https://a.example/x but it is not public yet"
    await desk.work.do("w1", "question", _question(said, channel="D1"))
    assert desk.parts.ingested == []
    (asked,) = desk.slack.texts()
    assert "Who may read `https://a.example/x`?" in asked


@pytest.mark.parametrize("place", [{}, _DIRECT])
@pytest.mark.parametrize("said", ["<@UBOT> ingest what exactly?", "/ingest", "ingest public"])
async def test_comment_that_hands_nothing_over_is_told_how_to(desk: _Desk, place: dict[str, Any], said: str) -> None:
    desk.slack.replies |= place
    await desk.work.do("w1", "question", _question(said))
    assert desk.slack.texts() == [HELP]
    ((help_,),) = [arguments["blocks"] for _, arguments in desk.slack.calls if "blocks" in arguments]
    assert help_ == {"type": "section", "text": {"type": "mrkdwn", "text": HELP}}


def _hand_over(count: int) -> str:
    return "/ingest " + " ".join(f"<https://a.example/{number}>" for number in range(count))


@pytest.mark.parametrize(("given", "left_out"), [(11, "the last one was left out"), (12, "the last 2 were left out")])
async def test_addresses_beyond_the_limit_are_said_to_be_left_out(desk: _Desk, given: int, left_out: str) -> None:
    await desk.work.do("w1", "question", _question(_hand_over(given)))
    assert desk.parts.ingested == [f"https://a.example/{number}" for number in range(10)]
    (said,) = desk.slack.texts()
    assert f"I take in 10 addresses at a time, and {left_out}" in said


async def test_addresses_left_out_are_said_with_the_question_who_may_read_and_after_its_answer(desk: _Desk) -> None:
    desk.slack.replies |= _DIRECT
    await desk.work.do("w1", "question", _question(_hand_over(12), channel="D1"))
    ((ts, (_, asked)),) = desk.slack.shown.items()
    assert "the last 2 were left out" in asked
    choice = next(arguments["blocks"][-1] for _, arguments in desk.slack.calls if "blocks" in arguments)
    (button,) = choice["elements"]
    pressed = {**_SHARE, "channel": "D1", "message_ts": ts, "value": button["value"]}
    await desk.work.do("w2", "share", pressed)
    (said,) = desk.slack.texts()
    assert "Added: https://a.example/9" in said
    assert "the last 2 were left out" in said
    assert len(desk.parts.ingested) == 10


async def test_address_whose_readers_were_asked_for_is_taken_in_as_it_was_given(desk: _Desk) -> None:
    address = "https://a.example/p?x=&amp;y"
    await desk.work.do("w1", "share", {**_SHARE, "value": f"F1 {address}"})
    assert desk.parts.ingested == [address]


async def test_deleted_question_leaves_nothing_in_the_journal_in_whichever_version(database_url: str) -> None:
    async with _open_desk(database_url) as desk:
        await desk.work.do(_KEY, "question", _question())
        await desk.work.do(f"{_KEY}:edit:200.1", "edit", _question("Why?", version="200.1"))
        desk.parts.errors = [_DEFECT]
        await desk.work.do(f"{_KEY}:edit:250.1", "edit", _question("Where?", version="250.1"))
        await desk.work.do(*_retry("300.1"))
        await desk.work.do("w1", "vote", _vote())
        await desk.work.do("w2", "delete", _DELETION)
        until = datetime.now(UTC) + timedelta(1)
        assert [kept async for kept in desk.journal.exchanges_between(until - timedelta(2), until)] == []
        assert await desk.journal.feedback_events(_KEY) == []
        assert desk.slack.texts() == []


async def test_question_that_is_deleted_while_it_is_answered_leaves_no_answer(desk: _Desk) -> None:
    desk.parts.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.work.do(_KEY, "question", _question(thread_ts="50.1")))
        await _until(lambda: bool(desk.parts.asked))
        deleting = tasks.create_task(desk.work.do("w2", "delete", _DELETION))
        await asyncio.wait([deleting], timeout=0.3)
        desk.parts.may_answer.set()
    assert desk.slack.texts() == []
    assert await desk.journal.exchange(_KEY) is None
    found = await desk.deliveries.find(_KEY)
    assert found is not None
    assert found.state == "withdrawn"


async def _until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not seen():
            await asyncio.sleep(0.01)


async def test_press_for_another_route_that_is_worked_on_twice_is_one_event_and_one_new_answer(desk: _Desk) -> None:
    await desk.work.do(_KEY, "question", _question())
    payload = _press()
    for _ in range(2):
        await desk.work.do("slack:T1:C1:override:500.1:U1:300.1", "override", payload)
    assert desk.slack.texts() == ["So.", "So."]
    (event,) = await desk.journal.feedback_events(_KEY)
    assert (event.kind, event.wanted) == ("override", Route.DIRECT)


async def test_press_in_another_conversation_than_the_answers_is_refused(desk: _Desk) -> None:
    await desk.work.do(_KEY, "question", _question())
    payload = _press(channel="C2")
    await desk.work.do("w1", "override", payload)
    assert desk.slack.texts() == ["So."]
    assert await desk.journal.feedback_events(_KEY) == []
    assert "no longer on record" in desk.slack.whispers[-1]


async def test_press_is_answered_for_those_who_may_read_at_that_moment(desk: _Desk) -> None:
    desk.slack.replies["conversations.info"] = channel("direct")
    desk.slack.replies["users.conversations"] = {"channels": [{"id": "C9", "is_private": True}]}
    key = "slack:T1:D1:100.1"
    await desk.work.do(key, "question", _question(key=key, channel="D1"))
    desk.slack.replies["users.conversations"] = {"channels": []}
    desk.directory.forget()
    payload = _press(channel="D1", action="tandem_redo_with_sources", value=key)
    await desk.work.do("w1", "override", payload)
    first, again = desk.parts.questions
    assert first.audience.scopes == {"public", "channel:C9"}
    assert again.audience.scopes == {"public"}
    assert again.forced_route is Route.RETRIEVE


async def test_press_after_the_question_was_deleted_answers_nothing(desk: _Desk) -> None:
    await desk.work.do(_KEY, "question", _question())
    await desk.work.do("d1", "delete", _question(**_DELETION))
    payload = _press(version="500.1")
    await desk.work.do("w1", "override", payload)
    assert desk.slack.texts() == []
    assert len(desk.parts.asked) == 1


async def test_edited_question_loses_what_was_answered_by_another_route(desk: _Desk) -> None:
    await desk.work.do(_KEY, "question", _question())
    payload = _press()
    await desk.work.do("w1", "override", payload)
    assert len(desk.slack.texts()) == 2
    await desk.work.do(f"{_KEY}:edit:400.1", "edit", _question("How long?", version="400.1"))
    assert desk.slack.texts() == ["So."]
    await desk.work.do("w2", "override", {**payload, "value": f"{_KEY}:edit:400.1", "version": "600.1"})
    assert desk.slack.texts() == ["So.", "So."]
    assert desk.parts.asked == ["How?", "How?", "How long?", "How long?"]


async def test_failed_answer_by_another_route_is_tried_again_by_that_route(desk: _Desk) -> None:
    await desk.work.do(_KEY, "question", _question())
    payload = _press()
    desk.parts.errors = [ModelUnavailable()]
    await desk.work.do("w1", "override", payload)
    assert "The model is not available" in desk.slack.texts()[1]
    redone = f"{_KEY}:redo:direct"
    await desk.work.do("w2", "retry", {**payload, "value": redone, "version": "700.1"})
    assert desk.slack.texts() == ["So.", "So."]
    assert desk.parts.questions[-1].forced_route is Route.DIRECT
