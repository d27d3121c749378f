from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from bot.deliveries import Asked, Deliveries, Delivery
from bot.directory import Directory
from bot.messages import History
from bot.slack import Slack
from knowledge.audience import EVERYONE, Audience
from router.decisions import Decision, Route
from router.evidence import SearchStep
from router.exchanges import Exchange, ShownPassage
from router.journal import Journal
from router.questions import Turn
from tests.bot.fakes import FakeSlack, person


def _asked(ts: str) -> Asked:
    return Asked(key=ts, exchange_id=f"x{ts}", team="T1", channel="D1", ts=ts, thread_ts="1", user="U1", text="")


def _exchange(scope: str, *, overheard: bool = False) -> Exchange:
    passage = ShownPassage(
        chunk_id="c", document_id="d", content_hash="h", title="Pay", uri="u", text="t", scope=scope, similarity=0.7,
        overheard=overheard,
    )  # fmt: skip
    return Exchange(
        exchange_id="x2",
        asked_at=datetime(2026, 3, 1, tzinfo=UTC),
        team="T1",
        channel="D1",
        asker="U1",
        scopes=frozenset({"public", scope}),
        question="How much?",
        thread=(),
        prompt=(),
        passages=(passage,),
        decision=Decision(route=Route.RETRIEVE, probabilities={Route.RETRIEVE: 1.0}, reason="r"),
        answer="Much [1].",
        completion="Much [1].",
        sources=(),
    )


class _Kept:
    """Deliveries and journal of one earlier answer, or of none."""

    def __init__(self, exchange: Exchange | None) -> None:
        self._exchange = exchange

    async def in_thread(self, *_: str) -> list[Delivery]:
        return [Delivery(asked=_asked("2"), state="answered")] if self._exchange else []

    async def exchange(self, _: str) -> Exchange | None:
        return self._exchange


async def _before(kept: Exchange | None, audience: Audience, *messages: dict[str, Any]) -> tuple[Turn, ...]:
    return await _read(kept, audience, lambda **_: {"messages": list(messages)})


async def _read(kept: Exchange | None, audience: Audience, replies: Callable[..., dict[str, Any]]) -> tuple[Turn, ...]:
    slack = cast("Slack", FakeSlack(users__info=person(), conversations__replies=replies))
    history = History(
        journal=cast("Journal", _Kept(kept)),
        deliveries=cast("Deliveries", _Kept(kept)),
        slack=slack,
        directory=Directory(slack, team="T1"),
        bot_user="UBOT",
    )
    return await history.before(_asked("300"), audience)


async def test_earlier_answer_of_the_thread_comes_before_the_question() -> None:
    turns = await _before(_exchange("public"), EVERYONE)
    assert [turn.text for turn in turns] == ["How much?", "Much [1]."]
    assert not any(turn.overheard for turn in turns)


async def test_earlier_answer_that_may_repeat_what_was_overheard_is_marked_and_its_question_is_not() -> None:
    turns = await _before(_exchange("public", overheard=True), EVERYONE)
    assert [turn.overheard for turn in turns] == [False, True]
    repeated = replace(_exchange("public"), thread=turns)
    assert [turn.overheard for turn in await _before(repeated, EVERYONE)] == [False, True]


@pytest.mark.parametrize(("overheard", "found"), [(True, 1), (False, 1), (True, 0)])
async def test_answer_that_names_pages_that_came_near_repeats_what_their_titles_say(
    overheard: bool, found: int
) -> None:
    step = SearchStep(
        query="pay", found=found, similarity=0.2, coverage=0.1, is_enough=False, took_ms=1.0, overheard=overheard
    )
    declined = Decision(route=Route.ABSTAIN, probabilities={Route.ABSTAIN: 1.0}, reason="r")
    exchange = replace(_exchange("public"), passages=(), searches=(step,), decision=declined)
    assert [turn.overheard for turn in await _before(exchange, EVERYONE)] == [False, overheard and found > 0]


async def test_earlier_answer_from_what_may_no_longer_be_read_is_left_out() -> None:
    in_slack = {"ts": "2", "user": "UBOT", "text": "Much [1]."}
    assert await _before(_exchange("channel:C7"), EVERYONE, in_slack) == ()
    members = Audience(scopes=frozenset({"public", "channel:C7"}))
    assert len(await _before(_exchange("channel:C7"), members)) == 2


async def test_earlier_answer_that_names_pages_is_left_out_for_who_may_read_less_than_it_was_given_for() -> None:
    declined = Decision(route=Route.ABSTAIN, probabilities={Route.ABSTAIN: 1.0}, reason="r")
    exchange = replace(_exchange("channel:C7"), passages=(), decision=declined, answer="The closest page is “Layoffs”.")
    assert await _before(exchange, EVERYONE) == ()
    members = Audience(scopes=frozenset({"public", "channel:C7"}))
    assert len(await _before(exchange, members)) == 2


async def test_what_people_said_among_themselves_is_marked_as_overheard() -> None:
    turns = await _before(
        None, EVERYONE, {"ts": "1", "user": "U1", "text": "Leave?"}, {"ts": "2", "user": "UBOT", "text": "Hm."}
    )
    assert turns == (
        Turn(speaker="user", text="Leave?", overheard=True),
        Turn(speaker="assistant", text="Hm.", overheard=True),
    )


def _thread_of(messages: int, *, after: int = 0) -> Callable[..., dict[str, Any]]:
    """A thread, in pages of four from its beginning, each with the thread's first message; `after` the question come more."""
    first = {"ts": "1", "user": "U1", "text": "1"}
    rest = [{"ts": f"{100 + n}", "user": "U1", "text": f"{n}"} for n in range(2, messages + 1)]
    late = [{"ts": f"{300 + n}", "user": "U1", "text": "late"} for n in range(after)]

    def page(*, cursor: str = "", **_: Any) -> dict[str, Any]:
        start = int(cursor or 0)
        listed = [*rest, *late]
        following = f"{start + 4}" if start + 4 < len(listed) else ""
        return {"messages": [first, *listed[start : start + 4]], "response_metadata": {"next_cursor": following}}

    return page


async def test_last_messages_of_a_long_thread_come_before_the_question() -> None:
    turns = await _read(None, EVERYONE, _thread_of(23, after=3))
    assert [turn.text for turn in turns] == ["18", "19", "20", "21", "22", "23"]


async def test_thread_without_an_end_is_not_read_for_ever_and_its_beginning_not_taken_for_its_end() -> None:
    assert await _read(None, EVERYONE, _thread_of(100_000)) == ()
