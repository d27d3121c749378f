import json
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

import pyarrow.parquet
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from router.feedback import FeedbackKind
from router.questions import Turn
from router.tables import exchanges
from tests.training.data.samples import DAY, NEXT, ON, PASSAGE, Said, both, exchange, kept, reviewed, rows
from training.data.export import export
from training.settings import TrainingSettings

CAPITALS = ["Bern", "Lima", "Oslo", "Rome", "Cairo", "Delhi", "Quito"]


async def test_liked_answer_becomes_a_row_to_imitate(engine: AsyncEngine, tmp_path: Path):
    await kept(engine, exchange("x1"), ("U1", "vote_up", ""))
    await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    (row,) = both(tmp_path, "sft.jsonl")
    assert row["prompt"][-1] == {"role": "user", "content": "How long is parental leave?"}
    assert row["completion"] == [{"role": "assistant", "content": "Sixteen weeks [1]."}]
    assert [row["label"] for row in both(tmp_path, "kto.jsonl")] == [True]


async def test_disliked_answer_is_only_a_row_to_avoid(engine: AsyncEngine, tmp_path: Path):
    await kept(engine, exchange("x1"), ("U1", "vote_down", ""))
    await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    assert both(tmp_path, "sft.jsonl") == both(tmp_path, "dpo.jsonl") == []
    assert [row["label"] for row in both(tmp_path, "kto.jsonl")] == [False]


async def test_correction_is_preferred_to_what_was_said(engine: AsyncEngine, tmp_path: Path):
    await kept(engine, exchange("x1"), ("U1", "vote_down", ""), ("U1", "correction", "Eighteen weeks [1]."))
    await reviewed(engine, "x1-1", "know_how")
    await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    (pair,) = both(tmp_path, "dpo.jsonl")
    assert pair["chosen"][0]["content"] == "Eighteen weeks [1]."
    assert pair["rejected"][0]["content"] == "Sixteen weeks [1]."
    assert [row["completion"][0]["content"] for row in both(tmp_path, "sft.jsonl")] == ["Eighteen weeks [1]."]
    assert {(row["completion"][0]["content"], row["label"]) for row in both(tmp_path, "kto.jsonl")} == {
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
    votes: list[Said] = [("U1", said, "")] if said else []
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
    votes: list[Said] = [(f"U{n}", "vote_up", "") for n in range(likes)]
    await kept(engine, exchange("x1"), *votes, ("U99", "correction", "Eighteen weeks [1]."))
    done = await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    assert done.withheld == {"divided_feedback": 1}
    assert sum(done.rows.values()) == 0


async def test_window_is_half_open_and_in_any_zone(engine: AsyncEngine, tmp_path: Path):
    for name, at in (("before", DAY - timedelta(microseconds=1)), ("first", DAY), ("after", NEXT)):
        await kept(engine, exchange(name, asked_at=at), ("U1", "vote_up", ""))
    east = timezone(timedelta(hours=9))
    await export(engine, tmp_path, start=DAY.astimezone(east), end=NEXT.astimezone(east), settings=ON)
    assert [row["exchange_id"] for row in both(tmp_path, "sft.jsonl")] == ["first"]


async def test_window_without_a_zone_is_refused(engine: AsyncEngine, tmp_path: Path):
    with pytest.raises(ValueError, match="zone"):
        await export(engine, tmp_path, start=DAY.replace(tzinfo=None), end=NEXT, settings=ON)


async def test_same_window_gives_the_same_bytes_and_leaves_nothing_else(engine: AsyncEngine, tmp_path: Path):
    for number, capital in enumerate(CAPITALS):
        question = f"When does the office in {capital} close?"
        await kept(engine, exchange(f"x{number}", question=question), ("U1", "vote_up", ""))
    for folder in ("one", "two", "two"):
        await export(engine, tmp_path / folder, start=DAY, end=NEXT, settings=ON)
    one, two = (
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two
    forms = ["chat.jsonl", "dpo.jsonl", "dpo.parquet", "kto.jsonl", "kto.parquet", "sft.jsonl", "sft.parquet"]
    by_split = [f"{split}/{form}" for split in ("holdout", "train") for form in forms]
    assert sorted(one) == sorted([*by_split, "manifest.json", "retrieval.jsonl"])


@pytest.mark.parametrize("text", ['=HYPERLINK("evil")', "@SUM(1)\r\n+1", "\0\x1b[2J\ud800", '"},{"label":true}'])
async def test_hostile_text_stays_one_harmless_line(engine: AsyncEngine, tmp_path: Path, text: str):
    await kept(engine, exchange("x1", completion=text), ("U2", "correction", text + "!"))
    await reviewed(engine, "x1-0", "know_how")
    await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    data = b"".join((tmp_path / split / "kto.jsonl").read_bytes() for split in ("train", "holdout"))
    assert data.isascii()
    assert all(line.startswith(b'{"completion"') for line in data.splitlines())
    assert len(both(tmp_path, "dpo.jsonl")) == 1


async def test_exchange_that_heard_people_among_themselves_teaches_nothing(engine: AsyncEngine, tmp_path: Path):
    thread = (Turn(speaker="user", text="Has anybody asked about leave?", overheard=True),)
    await kept(engine, exchange("heard", thread=thread), ("U1", "vote_up", ""))
    done = await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    assert done.withheld == {"overheard": 1}
    assert "anybody" not in "".join(file.read_text() for file in tmp_path.rglob("*.jsonl"))


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


async def test_parquet_holds_the_same_rows(engine: AsyncEngine, tmp_path: Path):
    await kept(engine, exchange("x1", completion="Sechzehn Wochen – \u2028 \U0001f389 [1]."), ("U1", "vote_up", ""))
    await kept(engine, exchange("x2", completion="Bad."), ("U2", "correction", "=1+1 \ud800 é"))
    await reviewed(engine, "x2-0", "know_how")
    await export(engine, tmp_path, start=DAY, end=NEXT, settings=ON)
    for split in ("train", "holdout"):
        for form in ("sft", "kto", "dpo"):
            parquet = pyarrow.parquet.read_table(tmp_path / split / f"{form}.parquet").to_pylist()
            assert parquet == rows(tmp_path / split, f"{form}.jsonl")
    assert len(both(tmp_path, "kto.jsonl")) == 3
