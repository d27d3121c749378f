from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

import router.tables
from bot.directory import Directory
from bot.reasons import ReasonDesk, why
from bot.rendering import SECTION_CHARS
from bot.slack import Slack
from router.decisions import Decision, Route
from router.evidence import SearchStep
from router.exchanges import Exchange
from router.journal import Journal
from tests.bot.fakes import FakeSlack, channel, person

STEPS = (
    SearchStep(query="leave & <pay>", found=3, similarity=0.31, coverage=0.5, is_enough=False, took_ms=2.0),
    SearchStep(query="pay", found=2, similarity=0.7, coverage=1.0, is_enough=True, took_ms=2.0, kind="part"),
)
ASKED = Exchange(
    exchange_id="e1", asked_at=datetime(2026, 1, 5, tzinfo=UTC), team="T1", channel="C1", asker="U1",
    scopes=frozenset({"public", "channel:C1"}), question="How many days?", thread=(), prompt=(), passages=(),
    searches=STEPS, answer="31 [1].", completion="31 [1].", sources=(), model="team@0a1b",
    decision=Decision(
        route=Route.MULTI, probabilities={Route.MULTI: 0.8, Route.DIRECT: 0.199, Route.CLARIFY: 0.001},
        reason="One search does not hold all.", policy="rules-2026@0123456789ab", features={"similarity": 0.7, "because_evidence": 2.34, "because_usual": 1.2, "because_feedback": -0.5,
                  "because_team": 0.3, "because_social": 0.0},
    ),
)  # fmt: skip


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'journal.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(router.tables.metadata.create_all)
    journal = Journal(engine)
    await journal.record(ASKED)
    yield journal
    await engine.dispose()


async def _told(journal: Journal, *, user: str = "U1", value: str = "e1", place: str = "C1", **replies: Any) -> str:
    known = {
        "users__info": person(),
        "conversations__info": channel("private"),
        "conversations__members": {"members": ["U1"]},
    }
    desk = ReasonDesk(journal=journal, directory=Directory(cast("Slack", FakeSlack(**known | replies)), team="T1"))
    body = {"actions": [{"value": value}], "channel": {"id": place}, "user": {"id": user}}
    return str((await desk.told(body)).blocks)


async def test_reason_odds_and_each_search_with_what_was_thought_of_it_are_told(journal: Journal) -> None:
    said = await _told(journal)
    assert "One search does not hold all." in said
    assert "from the documents, searched more than once: 80%" in said
    assert "from memory: 20%" in said
    assert "ask back" not in said
    assert (
        "what the documents hold on it: +2.3\\n• documents are the default: +1.2\\n• feedback on earlier answers: -0.5"
        in said
    )
    assert "rather than: from memory" in said
    assert "small talk: " not in said
    assert "*Search 1* for “leave &amp; &lt;pay&gt;” (the question): 3 passages, nearness 0.31" in said
    assert "not enough" in said
    assert "*Search 2* for “pay” (a part of it)" in said
    assert "policy rules-2026@0123456789ab · written by team@0a1b · exchange e1" in said


@pytest.mark.parametrize(
    "changed",
    [
        {"user": "U2"},
        {"users__info": person(is_restricted=True)},
        {"conversations__info": channel("public")},
        {"conversations__info": channel("private", is_ext_shared=True)},
    ],
)
async def test_who_may_not_read_all_that_was_searched_is_told_nothing(
    journal: Journal, changed: dict[str, Any]
) -> None:
    said = await _told(journal, **changed)
    assert "may not read" in said
    assert "leave" not in said


@pytest.mark.parametrize("changed", [{"value": "unknown"}, {"value": ""}, {"place": "C2"}])
async def test_answer_of_another_conversation_or_of_none_is_not_explained(
    journal: Journal, changed: dict[str, str]
) -> None:
    assert "no longer on record" in await _told(journal, **changed)


def test_long_searches_keep_slacks_limits() -> None:
    steps = tuple(replace(STEPS[0], query="&" * 4_000) for _ in range(5))
    blocks = why(replace(ASKED, searches=steps)).blocks
    assert all(len(block["text"]["text"]) <= SECTION_CHARS for block in blocks if block["type"] == "section")
