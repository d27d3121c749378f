import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from router.decisions import Decision, Route
from router.exchanges import Exchange, ShownPassage
from router.feedback import Feedback, FeedbackKind
from router.journal import Journal
from router.questions import Turn
from router.tables import exchanges, metadata
from training.export import export
from training.settings import TrainingSettings

DAY = datetime(2026, 3, 1, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)
ON = TrainingSettings(training_enabled=True)

PASSAGE = ShownPassage(
    chunk_id="c",
    document_id="d",
    content_hash="h",
    title="Leave",
    uri="u",
    text="t",
    scope="public",
    similarity=0.7,
    overheard=False,
)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


def exchange(exchange_id: str, **changes) -> Exchange:
    plain = Exchange(
        exchange_id=exchange_id,
        asked_at=DAY + timedelta(hours=1),
        team="T1",
        channel="C1",
        asker="U1",
        scopes=frozenset({"public"}),
        question="How long?",
        thread=(),
        prompt=({"role": "system", "content": "Answer."}, {"role": "user", "content": "How long?"}),
        passages=(PASSAGE,),
        decision=Decision(route=Route.RETRIEVE, probabilities={Route.RETRIEVE: 1.0}, reason="r"),
        answer="Sixteen weeks [1].",
        completion="Sixteen weeks [1].",
        sources=(),
    )
    return replace(plain, **changes)


async def kept(engine: AsyncEngine, asked: Exchange, *said: tuple[str, FeedbackKind, str]) -> None:
    journal = Journal(engine)
    await journal.record(asked)
    for number, (person, kind, correction) in enumerate(said):
        event = Feedback(
            feedback_id=f"{asked.exchange_id}-{number}",
            exchange_id=asked.exchange_id,
            person=person,
            kind=kind,
            correction=correction,
            at=DAY + timedelta(minutes=number),
        )
        await journal.add_feedback(event)


def rows(folder: Path, name: str) -> list[dict]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


async def test_liked_answer_becomes_a_row_to_imitate(engine: AsyncEngine, tmp_path: Path):
    await kept(engine, exchange("x1"), ("U1", "vote_up", ""))
    await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    (row,) = rows(tmp_path, "sft.jsonl")
    assert row["prompt"][-1] == {"role": "user", "content": "How long?"}
    assert row["completion"] == [{"role": "assistant", "content": "Sixteen weeks [1]."}]
    assert [row["label"] for row in rows(tmp_path, "kto.jsonl")] == [True]


async def test_disliked_answer_is_only_a_row_to_avoid(engine: AsyncEngine, tmp_path: Path):
    await kept(engine, exchange("x1"), ("U1", "vote_down", ""))
    await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    assert rows(tmp_path, "sft.jsonl") == rows(tmp_path, "dpo.jsonl") == []
    assert [row["label"] for row in rows(tmp_path, "kto.jsonl")] == [False]


async def test_correction_is_preferred_to_what_was_said(engine: AsyncEngine, tmp_path: Path):
    await kept(engine, exchange("x1"), ("U1", "vote_down", ""), ("U1", "correction", "Eighteen weeks [1]."))
    await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    (pair,) = rows(tmp_path, "dpo.jsonl")
    assert pair["chosen"][0]["content"] == "Eighteen weeks [1]."
    assert pair["rejected"][0]["content"] == "Sixteen weeks [1]."
    assert [row["completion"][0]["content"] for row in rows(tmp_path, "sft.jsonl")] == ["Eighteen weeks [1]."]
    assert {(row["completion"][0]["content"], row["label"]) for row in rows(tmp_path, "kto.jsonl")} == {
        ("Eighteen weeks [1].", True),
        ("Sixteen weeks [1].", False),
    }


async def test_nothing_is_written_while_the_switch_is_off(engine: AsyncEngine, tmp_path: Path):
    await kept(engine, exchange("x1"), ("U1", "vote_up", ""))
    await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    done = await export(engine, tmp_path, start=DAY, end=NEXT, settings=TrainingSettings())
    assert done.withheld == {"switch_off": 1}
    assert all((tmp_path / name).read_bytes() == b"" for name in done.rows)


@pytest.mark.parametrize(
    ("changes", "said", "reason"),
    [
        ({"scopes": frozenset({"public", "channel:C9"})}, "vote_up", "not_public"),
        ({"scopes": frozenset()}, "vote_up", "not_public"),
        ({"channel": "D1"}, "vote_up", "not_public"),
        ({"channel": ""}, "vote_up", "not_public"),
        ({"passages": (replace(PASSAGE, scope="channel:C9"),)}, "vote_up", "not_public"),
        ({}, None, "no_feedback"),
        ({}, "unvote", "no_feedback"),
        ({"prompt": ()}, "vote_up", "no_prompt"),
        ({"completion": " "}, "vote_up", "no_completion"),
    ],
)
async def test_what_may_not_teach_is_withheld_and_counted(
    engine: AsyncEngine, tmp_path: Path, changes: dict, said: FeedbackKind | None, reason: str
):
    votes: list[tuple[str, FeedbackKind, str]] = [("U1", said, "")] if said else []
    await kept(engine, exchange("x1", **changes), *votes)
    done = await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    assert done.withheld == {reason: 1}
    assert sum(done.rows.values()) == 0
    assert json.loads((tmp_path / "manifest.json").read_text())["withheld"] == {reason: 1}


async def test_divided_people_teach_nothing(engine: AsyncEngine, tmp_path: Path):
    await kept(engine, exchange("x1"), ("U1", "vote_up", ""), ("U2", "vote_down", ""))
    done = await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    assert done.withheld == {"divided_feedback": 1}


@pytest.mark.parametrize("likes", [1, 10])
async def test_correction_does_not_overrule_those_who_liked_the_answer(engine: AsyncEngine, tmp_path: Path, likes: int):
    votes: list[tuple[str, FeedbackKind, str]] = [(f"U{n}", "vote_up", "") for n in range(likes)]
    await kept(engine, exchange("x1"), *votes, ("U99", "correction", "Eighteen weeks [1]."))
    done = await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    assert done.withheld == {"divided_feedback": 1}
    assert sum(done.rows.values()) == 0


async def test_window_is_half_open_and_in_any_zone(engine: AsyncEngine, tmp_path: Path):
    for name, at in (("before", DAY - timedelta(microseconds=1)), ("first", DAY), ("after", NEXT)):
        await kept(engine, exchange(name, asked_at=at), ("U1", "vote_up", ""))
    east = timezone(timedelta(hours=9))
    await export(engine, tmp_path, start=DAY.astimezone(east), end=NEXT.astimezone(east), settings=ON)
    assert [row["exchange_id"] for row in rows(tmp_path, "sft.jsonl")] == ["first"]


async def test_window_without_a_zone_is_refused(engine: AsyncEngine, tmp_path: Path):
    with pytest.raises(ValueError, match="zone"):
        await export(engine, tmp_path, start=DAY.replace(tzinfo=None), end=NEXT, settings=ON)


async def test_same_window_gives_the_same_bytes_and_leaves_nothing_else(engine: AsyncEngine, tmp_path: Path):
    for number in range(7):
        await kept(engine, exchange(f"x{number}", question=f"{number}?"), ("U1", "vote_up", ""))
    for folder in ("one", "two", "two"):
        await export(engine, tmp_path / folder, start=DAY, end=NEXT, settings=ON)
    names = sorted(path.name for path in (tmp_path / "two").iterdir())
    assert names == ["dpo.jsonl", "kto.jsonl", "manifest.json", "sft.jsonl"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("text", ['=HYPERLINK("http://evil")', "@SUM(1)\r\n+1", "\0\x1b[2J\ud800", '"},{"label":true}'])
async def test_hostile_text_stays_one_harmless_line(engine: AsyncEngine, tmp_path: Path, text: str):
    await kept(engine, exchange("x1", completion=text), ("U2", "correction", text + "!"))
    await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    data = (tmp_path / "kto.jsonl").read_bytes()
    assert data.isascii()
    assert all(line.startswith(b'{"completion"') for line in data.splitlines())
    assert len(rows(tmp_path, "dpo.jsonl")) == 1


async def test_exchange_that_heard_people_among_themselves_teaches_nothing(engine: AsyncEngine, tmp_path: Path):
    thread = (Turn(speaker="user", text="Has anybody asked about leave?", overheard=True),)
    await kept(engine, exchange("heard", thread=thread), ("U1", "vote_up", ""))
    done = await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    assert done.withheld == {"overheard": 1}
    assert "anybody" not in "".join(file.read_text() for file in tmp_path.glob("*.jsonl"))


async def test_exchange_answered_from_what_people_said_in_a_channel_teaches_nothing(
    engine: AsyncEngine, tmp_path: Path
):
    said = replace(PASSAGE, text="Ada: sixteen, I think", overheard=True)
    await kept(engine, exchange("channel", passages=(PASSAGE, said)), ("U1", "vote_up", ""))
    done = await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    assert done.withheld == {"overheard_passage": 1}
    assert sum(done.rows.values()) == 0
    assert json.loads((tmp_path / "manifest.json").read_text())["withheld"] == {"overheard_passage": 1}


async def test_correction_of_an_answer_from_what_people_said_teaches_nothing(engine: AsyncEngine, tmp_path: Path):
    said = replace(PASSAGE, overheard=True)
    await kept(engine, exchange("channel", passages=(said,)), ("U1", "correction", "Eighteen weeks [1]."))
    done = await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    assert done.withheld == {"overheard_passage": 1}


async def test_exchange_from_before_it_was_noted_who_said_a_passage_teaches_nothing(
    engine: AsyncEngine, tmp_path: Path
):
    await kept(engine, exchange("old"), ("U1", "vote_up", ""))
    async with engine.begin() as connection:
        (row,) = (await connection.execute(select(exchanges.c.passages))).scalars()
        before = [{name: value for name, value in passage.items() if name != "overheard"} for passage in row]
        await connection.execute(update(exchanges).values(passages=before))
    done = await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    assert done.withheld == {"overheard_passage": 1}
