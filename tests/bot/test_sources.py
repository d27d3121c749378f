from datetime import UTC, datetime
from typing import cast

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

import router.tables
from bot.directory import Directory
from bot.slack import Slack
from bot.sources import SourceDesk
from router.answers import Source
from router.decisions import Decision, Route
from router.exchanges import Exchange, ShownPassage
from router.journal import Journal
from tests.bot.fakes import FakeSlack, channel, person

TEXT = "Everyone has 31 days of leave.\n\nUnused days <expire> at the end of March."


def _exchange(scope):
    passage = ShownPassage(
        chunk_id="k1",
        document_id="d1",
        content_hash="h",
        title="Leave",
        uri="file:///srv/leave.md",
        text=TEXT,
        scope=scope,
        similarity=0.6,
    )
    source = Source(n=1, title="Leave", uri=passage.uri, quote="31 days", document_id="d1", chunk_id="k1")
    return Exchange(
        exchange_id="e1",
        asked_at=datetime(2026, 1, 5, tzinfo=UTC),
        team="T1",
        channel="C1",
        asker="U1",
        scopes=frozenset({"public", scope}),
        question="How many days?",
        thread=(),
        prompt=(),
        passages=(passage,),
        decision=Decision(route=Route.RETRIEVE, probabilities={Route.RETRIEVE: 1.0}, reason="It was found."),
        answer="31 days [1].",
        completion="31 days [1].",
        sources=(source,),
    )


@pytest.fixture
async def journal(tmp_path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'journal.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(router.tables.metadata.create_all)
    yield Journal(engine)
    await engine.dispose()


def _desk(journal, **replies):
    known = {
        "users__info": person(),
        "conversations__info": channel("private"),
        "conversations__members": {"members": ["U1"]},
    }
    return SourceDesk(journal=journal, directory=Directory(cast("Slack", FakeSlack(**known | replies)), team="T1"))


def _click(value):
    return {"actions": [{"value": value}], "channel": {"id": "C1"}, "user": {"id": "U1"}}


def _said(view):
    return "\n".join(block["text"]["text"] for block in view["blocks"] if block["type"] == "section")


async def test_source_shows_the_whole_passage_as_plain_text(journal):
    await journal.record(_exchange("channel:C1"))
    said = _said(await _desk(journal).view(_click("1 e1")))
    assert "Unused days &lt;expire&gt; at the end of March." in said


async def test_passage_whose_readers_no_longer_include_the_channel_is_not_shown(journal):
    await journal.record(_exchange("channel:C2"))
    assert "31 days" not in _said(await _desk(journal).view(_click("1 e1")))


async def test_guest_is_not_shown_a_source(journal):
    await journal.record(_exchange("public"))
    desk = _desk(journal, users__info=person(is_restricted=True))
    assert "31 days" not in _said(await desk.view(_click("1 e1")))


@pytest.mark.parametrize("value", ["", "1 unknown", "0 e1", "2 e1", "x e1", "²  e1", "-1 e1"])
async def test_source_that_is_not_there_is_said_in_words(journal, value):
    await journal.record(_exchange("channel:C1"))
    assert "no longer on record" in _said(await _desk(journal).view(_click(value)))
