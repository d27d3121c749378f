from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from router.questions import Turn
from tests.training.data.samples import DAY, NEXT, ON, both, exchange, kept
from training.data.consent import Consent
from training.data.export import export


async def withheld(engine: AsyncEngine, folder: Path) -> dict[str, int]:
    done = await export(engine, folder, start=DAY, end=NEXT, settings=ON)
    return dict(done.withheld)


async def test_nothing_is_learnt_from_questions_of_a_person_who_opted_out(engine: AsyncEngine, tmp_path: Path):
    await kept(engine, exchange("x1", asker="U1"), ("U2", "vote_up", ""))
    await Consent(engine).opt_out("U1", NEXT)
    assert await withheld(engine, tmp_path) == {"opted_out": 1}
    assert both(tmp_path, "kto.jsonl") == []
    await Consent(engine).opt_in("U1")
    assert await withheld(engine, tmp_path) == {}
    assert len(both(tmp_path, "kto.jsonl")) == 1


async def test_votes_of_a_person_who_opted_out_do_not_count(engine: AsyncEngine, tmp_path: Path):
    await kept(engine, exchange("x1", asker="U1"), ("U2", "vote_up", ""))
    await kept(engine, exchange("x2", asker="U1"), ("U2", "vote_down", ""), ("U3", "vote_up", ""))
    await Consent(engine).opt_out("U2", NEXT)
    assert await withheld(engine, tmp_path) == {"no_feedback": 1}
    assert [(row["exchange_id"], row["label"]) for row in both(tmp_path, "kto.jsonl")] == [("x2", True)]


@pytest.mark.parametrize(
    ("thread_id", "reasons"), [("T1:C1:1", {"opted_out": 2}), ("", {"opted_out": 2}), ("T1:C1:2", {"opted_out": 1})]
)
async def test_their_words_in_a_thread_are_not_learnt_from_where_others_asked_on(
    engine: AsyncEngine, tmp_path: Path, thread_id: str, reasons: dict[str, int]
):
    await kept(engine, exchange("theirs", asker="U1", thread_id="T1:C1:1"), ("U2", "vote_up", ""))
    thread = (Turn(speaker="user", text="And what of my illness?"),)
    await kept(engine, exchange("x2", asker="U2", thread=thread, thread_id=thread_id), ("U2", "vote_up", ""))
    await Consent(engine).opt_out("U1", NEXT)
    assert await withheld(engine, tmp_path) == reasons


async def test_opting_out_twice_is_opting_out_once(engine: AsyncEngine):
    for _ in range(2):
        await Consent(engine).opt_out("U1", NEXT)
    assert (await Consent(engine).opted_out()).people == {"U1"}
