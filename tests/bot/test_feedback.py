from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from bot.directory import Directory
from bot.errors import SlackRefused
from bot.feedback import FeedbackDesk, correction_form, is_blank, read_correction
from bot.pacer import Pacer
from bot.payloads import Malformed
from bot.slack import Slack
from bot.whispers import Whispers
from router.decisions import Decision, Route
from router.exchanges import Exchange
from router.journal import Journal
from router.tables import metadata
from tests.bot.fakes import FakeSlack, person

_EXCHANGE = "slack:T1:C1:100.1"


@pytest.fixture
async def journal(tmp_path) -> AsyncIterator[Journal]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'journal.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    journal = Journal(engine)
    await journal.record(
        Exchange(
            exchange_id=_EXCHANGE, asked_at=datetime.now(UTC), team="T1", channel="C1", asker="U1", scopes=frozenset({"public"}),
            question="How?", thread=(), prompt=(), passages=(), decision=Decision(route=Route.DIRECT, probabilities={}, reason=""),
            answer="So.", completion="So.", sources=(),
        )
    )  # fmt: skip
    yield journal
    await engine.dispose()


def _desk(journal: Journal) -> tuple[FeedbackDesk, FakeSlack]:
    fake = FakeSlack(chat__postEphemeral={"ok": True}, users__info=person())
    slack = cast("Slack", fake)
    whispers = Whispers(slack=slack, pacer=Pacer(interval_s=0))
    return FeedbackDesk(journal=journal, directory=Directory(slack, team="T1"), whispers=whispers), fake


def _click(vote: str, at: float, *, user: str = "U1", exchange: str = _EXCHANGE) -> dict[str, Any]:
    return {"value": f"{vote} {exchange}", "user": user, "channel": "C1", "thread_ts": "100.1", "version": f"{at}"}


async def test_second_click_takes_the_vote_back_and_a_third_gives_it_again(journal: Journal) -> None:
    desk, _ = _desk(journal)
    assert [await desk.vote(f"w{n}", _click("up", n)) for n in (1, 2, 3)] == ["vote_up", "unvote", "vote_up"]


async def test_other_button_changes_the_vote(journal: Journal) -> None:
    desk, _ = _desk(journal)
    assert [await desk.vote("w1", _click("up", 1)), await desk.vote("w2", _click("down", 2))] == [
        "vote_up",
        "vote_down",
    ]
    final = await journal.feedback(_EXCHANGE)
    assert (final.ups, final.downs) == (0, 1)


async def test_click_that_is_worked_on_twice_counts_once(journal: Journal) -> None:
    desk, _ = _desk(journal)
    assert [await desk.vote("w1", _click("up", 1)), await desk.vote("w1", _click("up", 1))] == ["vote_up", "vote_up"]
    assert len(await journal.feedback_events(_EXCHANGE)) == 1


async def test_one_persons_vote_is_not_anothers(journal: Journal) -> None:
    desk, _ = _desk(journal)
    await desk.vote("w1", _click("up", 1))
    assert await desk.vote("w2", _click("up", 2, user="U2")) == "vote_up"
    assert (await journal.feedback(_EXCHANGE)).ups == 2


async def test_vote_on_a_forgotten_answer_says_so(journal: Journal) -> None:
    desk, slack = _desk(journal)
    assert await desk.vote("w1", _click("down", 1, exchange="gone")) is None
    assert "no longer on record" in slack.calls[-1][1]["text"]


async def test_correction_is_kept_with_what_was_wrong(journal: Journal) -> None:
    desk, _ = _desk(journal)
    arrival = read_correction(_submitted(["sources", "nonsense"], " It is 30. "))
    assert arrival is not None
    await desk.correct(arrival.id, arrival.payload)
    (event,) = await journal.feedback_events(_EXCHANGE)
    assert (event.kind, event.what_was_wrong, event.correction) == ("correction", ("sources",), "It is 30.")


def test_blank_form_is_no_work() -> None:
    assert is_blank(_submitted([], "  "))
    assert read_correction(_submitted([], "  ")) is None


def test_form_whose_origin_is_unknown_is_refused() -> None:
    body = _submitted([], "x")
    body["view"]["private_metadata"] = ""
    with pytest.raises(Malformed):
        read_correction(body)


def _submitted(wrong: list[str], correction: str) -> dict[str, Any]:
    options = [{"value": each} for each in wrong]
    view = correction_form(_EXCHANGE, channel="C1", thread_ts="100.1")
    values = {
        "what_was_wrong": {"wrong": {"selected_options": options}},
        "should_have_said": {"correction": {"value": correction}},
    }
    return {"team": {"id": "T1"}, "user": {"id": "U1"}, "view": {**view, "id": "V1", "state": {"values": values}}}


@pytest.mark.parametrize(
    "told",
    [
        person(is_restricted=True),
        person(is_stranger=True),
        person(team_id="T9"),
        SlackRefused("users.info", "user_not_found"),
    ],
)
async def test_outsiders_vote_and_correction_are_not_kept_and_they_are_told(journal: Journal, told: Any) -> None:
    desk, slack = _desk(journal)
    slack.replies["users.info"] = told
    assert await desk.vote("w1", _click("up", 1)) is None
    form = {
        "exchange_id": _EXCHANGE,
        "user": "U1",
        "channel": "C1",
        "wrong": [],
        "correction": "No.",
        "at": "2026-03-01",
    }
    await desk.correct("w2", form)
    assert await journal.feedback_events(_EXCHANGE) == []
    said = [arguments["text"] for method, arguments in slack.calls if method == "chat.postEphemeral"]
    assert len(said) == 2
    assert all("members" in text for text in said)
