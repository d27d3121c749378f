import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.training.data.samples import NEXT, exchange, kept, reviewed
from training.data.corrections import Corrections
from training.errors import UnknownCorrection


async def test_corrections_wait_until_they_are_reviewed_the_oldest_first(engine: AsyncEngine):
    await kept(engine, exchange("x1"), ("U1", "vote_up", ""), ("U2", "correction", "Later."))
    await kept(engine, exchange("x2"), ("U1", "correction", "First."), ("U1", "correction", ""))
    waiting = await Corrections(engine).waiting()
    assert [each.should_say for each in waiting] == ["First.", "Later."]
    assert waiting[0].question == "How long is parental leave?"
    await reviewed(engine, "x2-0", "fact")
    assert [each.feedback_id for each in await Corrections(engine).waiting()] == ["x1-1"]


@pytest.mark.parametrize("completion", ["", "NOT FOUND"])
async def test_correction_of_an_answer_that_declined_says_what_the_person_read(engine: AsyncEngine, completion: str):
    declined = exchange("x1", answer="The documents do not say.", completion=completion)
    await kept(engine, declined, ("U1", "correction", "Eighteen."))
    (waiting,) = await Corrections(engine).waiting()
    assert waiting.said == "The documents do not say."


async def test_later_review_takes_the_place_of_an_earlier_one(engine: AsyncEngine):
    await kept(engine, exchange("x1"), ("U1", "correction", "So."))
    await reviewed(engine, "x1-0", "know_how")
    await reviewed(engine, "x1-0", "rejected")
    assert await Corrections(engine).verdicts_on(["x1", "x2"]) == {"x1-0": "rejected"}
    assert (await Corrections(engine).find("x1-0")).verdict == "rejected"


@pytest.mark.parametrize("feedback_id", ["x1-0", "x9", "' OR 1=1 --"])
async def test_only_a_correction_can_be_reviewed(engine: AsyncEngine, feedback_id: str):
    await kept(engine, exchange("x1"), ("U1", "vote_down", ""))
    with pytest.raises(UnknownCorrection):
        await Corrections(engine).find(feedback_id)
    assert await Corrections(engine).waiting() == []


async def test_correction_says_who_saw_the_answer(engine: AsyncEngine):
    await kept(engine, exchange("x1", scopes=frozenset({"public", "channel:C9"})), ("U1", "correction", "So."))
    (waiting,) = await Corrections(engine).waiting()
    assert waiting.scopes == {"public", "channel:C9"}
    assert waiting.at < NEXT


@pytest.mark.parametrize(
    ("channel", "scopes", "scope"),
    [
        ("C1", {"public"}, "public"),
        ("G1", {"public", "channel:G1"}, "channel:G1"),
        ("D1", {"public"}, ""),
        ("D1", {"public", "channel:G1"}, ""),
        ("G1", {"public", "channel:G1", "channel:G2"}, ""),
        ("C1", set(), ""),
        ("", {"public"}, ""),
    ],
)
async def test_fact_is_for_those_who_could_read_the_answer_and_for_nobody_where_that_is_not_known(
    engine: AsyncEngine, channel: str, scopes: set[str], scope: str
):
    await kept(engine, exchange("x1", channel=channel, scopes=frozenset(scopes)), ("U1", "correction", "So."))
    assert (await Corrections(engine).find("x1-0")).scope == scope
