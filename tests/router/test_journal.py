from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from router.answers import Source
from router.decisions import Decision, Route
from router.errors import JournalUnavailable, UnknownExchange
from router.evidence import SearchStep
from router.exchanges import Exchange, ShownPassage
from router.feedback import Feedback, FeedbackKind
from router.journal import Journal
from router.questions import Turn

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def exchange(exchange_id: str = "slack:T1:C1:1.2", **changes) -> Exchange:
    whole = Exchange(
        exchange_id=exchange_id,
        asked_at=NOON,
        team="T1",
        channel="C1",
        asker="U1",
        scopes=frozenset({"public", "channel:C1"}),
        question="How long? 🎉",
        thread=(Turn(speaker="user", text="Leave?"), Turn(speaker="assistant", text="Yes.")),
        thread_id="T1:C1:1.1",
        prompt=({"role": "system", "content": "Answer."}, {"role": "user", "content": "How\x00 long? \ud800"}),
        passages=(
            ShownPassage(
                chunk_id="c1",
                document_id="d1",
                content_hash="ab",
                title="Leave",
                uri="file:leave.md",
                text="Sixteen weeks.",
                scope="public",
                similarity=0.71,
            ),
        ),
        searches=(SearchStep(query="How long?", found=1, similarity=0.71, coverage=1.0, is_enough=True, took_ms=3.1),),
        decision=Decision(
            route=Route.RETRIEVE,
            probabilities={Route.RETRIEVE: 0.9, Route.DIRECT: 0.1},
            reason="It fits.",
            policy="rules@0123456789ab",
            features={"similarity": 0.71},
            propensity=0.25,
            explored=True,
            forced=True,
        ),
        answer="Sixteen weeks [1].",
        completion="Sixteen weeks [1].",
        sources=(
            Source(n=1, title="Leave", uri="file:leave.md", quote="Sixteen weeks.", document_id="d1", chunk_id="c1"),
        ),
        removed_citations=1,
        model="grounding@1a2b",
        adapter="grounding@1a2b",
        adapter_at=NOON,
        usage={"prompt": 100, "completion": 5},
        timings_ms={"total": 12.5},
    )
    return replace(whole, **changes)


def event(feedback_id: str, kind: FeedbackKind = "vote_up", **fields) -> Feedback:
    fields.setdefault("person", "U1")
    return Feedback(feedback_id=feedback_id, exchange_id="slack:T1:C1:1.2", kind=kind, at=NOON, **fields)


async def test_exchange_comes_back_as_it_was_recorded(engine: AsyncEngine):
    journal = Journal(engine)
    await journal.record(exchange())
    assert await journal.exchange("slack:T1:C1:1.2") == exchange()


async def test_bytes_that_a_database_cannot_hold_do_not_lose_the_exchange(engine: AsyncEngine):
    journal = Journal(engine)
    await journal.record(exchange(question="NUL \0 and half \ud83c a pair"))
    kept = await journal.exchange("slack:T1:C1:1.2")
    assert kept is not None
    assert kept.question == "NUL � and half ? a pair"


async def test_unknown_exchange_is_none(engine: AsyncEngine):
    assert await Journal(engine).exchange("nobody") is None


async def test_second_record_replaces_the_first(engine: AsyncEngine):
    journal = Journal(engine)
    await journal.record(exchange(answer="Half"))
    await journal.record(exchange())
    assert [kept async for kept in journal.exchanges_between(NOON, NOON + timedelta(1))] == [exchange()]


async def test_exchanges_come_in_order_of_time_and_id_within_a_half_open_window(engine: AsyncEngine):
    journal = Journal(engine)
    for name, minutes in (("b", 1), ("a", 1), ("late", 5), ("early", 0), ("before", -1)):
        await journal.record(exchange(name, asked_at=NOON + timedelta(minutes=minutes)))
    window = journal.exchanges_between(NOON, NOON + timedelta(minutes=5))
    assert [kept.exchange_id async for kept in window] == ["early", "a", "b"]


async def test_pages_of_exchanges_join_without_gap_or_copy(engine: AsyncEngine):
    journal = Journal(engine, page_rows=3)
    names = [f"x{number:02}" for number in range(10)]
    for number, name in enumerate(names):
        await journal.record(exchange(name, asked_at=NOON + timedelta(seconds=number // 4)))
    assert [kept.exchange_id async for kept in journal.exchanges_between(NOON, NOON + timedelta(1))] == names


async def test_feedback_of_one_id_counts_once(engine: AsyncEngine):
    journal = Journal(engine)
    await journal.record(exchange())
    for _ in range(4):
        await journal.add_feedback(event("click-1"))
    assert len(await journal.feedback_events("slack:T1:C1:1.2")) == 1


async def test_feedback_comes_back_whole_and_folded(engine: AsyncEngine):
    journal = Journal(engine)
    await journal.record(exchange())
    correction = event("form-1", "correction", what_was_wrong=("sources", "text"), correction="Eighteen 🎉")
    await journal.add_feedback(correction)
    assert await journal.feedback_events("slack:T1:C1:1.2") == [correction]
    final = await journal.feedback("slack:T1:C1:1.2")
    assert (final.label, final.correction, final.what_was_wrong) == (False, "Eighteen 🎉", ("sources", "text"))


async def test_feedback_on_nothing_is_refused(engine: AsyncEngine):
    with pytest.raises(UnknownExchange):
        await Journal(engine).add_feedback(event("click-1"))


async def test_feedback_survives_a_second_record_of_its_exchange(engine: AsyncEngine):
    journal = Journal(engine)
    await journal.record(exchange())
    await journal.add_feedback(event("click-1"))
    await journal.record(exchange())
    assert (await journal.feedback("slack:T1:C1:1.2")).ups == 1


async def test_removed_question_takes_its_later_versions_and_its_feedback_with_it(engine: AsyncEngine):
    journal = Journal(engine)
    question = "slack:T1:C1:1.2"
    versions = [question, f"{question}:edit:3.1", f"{question}:retry:4.1"]
    others = ["slack:T1:C1:1.20", "slack:T1:C1:1.20:edit:3.1"]
    for number, name in enumerate([*versions, *others]):
        await journal.record(exchange(name))
        await journal.add_feedback(replace(event(f"click-{number}"), exchange_id=name))
    await journal.remove(question)
    await journal.remove(question)
    assert [kept.exchange_id async for kept in journal.exchanges_between(NOON, NOON + timedelta(1))] == others
    assert [len(await journal.feedback_events(name)) for name in [*versions, *others]] == [0, 0, 0, 1, 1]


async def test_database_without_tables_is_unavailable(tmp_path: Path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(JournalUnavailable):
        await Journal(engine).record(exchange())
    await engine.dispose()


async def test_server_that_is_down_is_unavailable(free_port: int):
    engine = create_async_engine(f"postgresql+psycopg://tandem@127.0.0.1:{free_port}/none")
    with pytest.raises(JournalUnavailable):
        await Journal(engine).exchange("x")
    await engine.dispose()


async def test_feedback_on_many_exchanges_is_each_ones_own_in_its_order(engine: AsyncEngine):
    journal = Journal(engine)
    for exchange_id in ("x1", "x2", "x3"):
        await journal.record(exchange(exchange_id))
    events = [
        Feedback(feedback_id=f"f{n}", exchange_id=about, person="U1", kind="vote_up", at=NOON - timedelta(seconds=n))
        for n, about in enumerate(("x1", "x2", "x1"))
    ]
    for event in events:
        await journal.add_feedback(event)
    assert await journal.feedback_on(["x1", "x2", "x3"]) == {"x1": [events[2], events[0]], "x2": [events[1]]}


async def test_override_comes_back_with_the_route_that_was_wanted(engine: AsyncEngine):
    journal = Journal(engine)
    await journal.record(exchange())
    wish = event("f1", "override", wanted=Route.DIRECT)
    await journal.add_feedback(wish)
    assert await journal.feedback_events(wish.exchange_id) == [wish]


async def test_exchanges_that_somebody_judged_are_read_page_by_page_with_what_was_said(engine: AsyncEngine):
    journal = Journal(engine, page_rows=2)
    for number in range(7):
        kept = exchange(f"x{number}", asked_at=NOON + timedelta(seconds=number // 2))
        await journal.record(kept)
        if number != 3:
            await journal.add_feedback(replace(event(f"f{number}"), exchange_id=kept.exchange_id))
    judged = [(kept.exchange_id, [said.feedback_id for said in events]) async for kept, events in journal.judged()]
    assert judged == [(f"x{number}", [f"f{number}"]) for number in range(7) if number != 3]
