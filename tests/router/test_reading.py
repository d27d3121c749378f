from collections.abc import Callable

import pytest

from router.completions import Token, WeighedAnswer
from router.model import ModelClient
from router.prompts import DECLINE, apart_prompts
from router.reading import Reading, read_apart, surety
from tests.router.fakes import ScriptedModel, passage

PASSAGES = [passage("Book trains early."), passage("Sixteen weeks of leave."), passage("Lunch is at noon.")]


async def read(model: ModelClient, *, least_surety: float = -100.0) -> Reading | None:
    prompts = apart_prompts("How long?", PASSAGES)
    return await read_apart(prompts, model, model="base", least_surety=least_surety)


def showing(text: str, then: float, otherwise: float) -> Callable[[list[dict[str, str]]], float]:
    return lambda messages: then if text in messages[-1]["content"] else otherwise


async def test_surest_answer_is_taken_under_the_number_of_its_passage(server: ScriptedModel, model: ModelClient):
    server.reply, server.sure = "Sixteen weeks [1].", showing("Sixteen", -0.1, -3.0)

    reading = await read(model)

    assert reading is not None
    assert (reading.n, reading.text) == (2, "Sixteen weeks [2].")
    assert "[2] Handbook\nSixteen weeks of leave." in reading.prompt[-1]["content"]
    assert reading.surety == pytest.approx(-0.1 + 2.0)


async def test_each_prompt_shows_one_passage(server: ScriptedModel, model: ModelClient):
    await read(model)

    shown = [request["messages"][-1]["content"] for request in server.requests]
    assert sorted(sum(each.text in content for each in PASSAGES) for content in shown) == [1, 1, 1]


async def test_passage_that_is_declined_is_never_the_best(server: ScriptedModel, model: ModelClient):
    server.reply = lambda messages: "Sixteen weeks [2]." if "Sixteen" in messages[-1]["content"] else DECLINE
    server.sure = showing("Sixteen", -3.0, -0.01)

    reading = await read(model)

    assert reading is not None
    assert reading.n == 2


async def test_declines_where_every_passage_is_declined(server: ScriptedModel, model: ModelClient):
    server.reply, server.sure = DECLINE, lambda _: -0.01

    reading = await read(model, least_surety=-3.0)

    assert reading is not None
    assert reading.text == DECLINE
    assert len(server.requests) == len(PASSAGES)


async def test_decline_that_is_hardly_the_likelier_one_gives_way_to_an_answer(
    server: ScriptedModel, model: ModelClient
):
    server.reply, server.sure, server.forced = DECLINE, showing("Sixteen", -0.05, -0.01), "Ten weeks [1]."

    reading = await read(model, least_surety=-4.0)

    assert reading is not None
    assert reading.text == "Ten weeks [2]."
    assert reading.surety == pytest.approx(-4.0 + 5 * 0.05)
    assert [request.get("bad_words") for request in server.requests] == [None, None, None, ["The"]]


async def test_answer_less_sure_than_asked_for_is_a_decline(server: ScriptedModel, model: ModelClient):
    server.reply = "Sixteen weeks [1]."
    assert (found := await read(model, least_surety=1.4)) is not None
    assert found.text == "Sixteen weeks [1]."
    assert (found := await read(model, least_surety=1.6)) is not None
    assert found.text == DECLINE


async def test_server_that_tells_no_probabilities_reads_nothing_apart(server: ScriptedModel, model: ModelClient):
    server.mode = "unweighed"

    assert await read(model) is None


async def test_usage_is_of_all_passages(server: ScriptedModel, model: ModelClient):
    server.reply = "Sixteen weeks [1]."
    reading = await read(model)
    assert reading is not None
    assert reading.usage is not None
    assert (reading.usage.prompt_tokens, reading.usage.completion_tokens) == (21, 9)


def _answer(*told: tuple[str, float, dict[str, float]]) -> WeighedAnswer:
    tokens = tuple(Token(text=text, logprob=logprob, nearest=nearest) for text, logprob, nearest in told)
    return WeighedAnswer(text="".join(token.text for token in tokens), tokens=tokens, elapsed_ms=0)


def test_surety_is_the_log_probability_of_an_answers_beginning_less_that_of_a_decline():
    answer = _answer((" Six", -0.5, {" Six": -0.5, " The": -1.5}), (" weeks", -0.25, {" weeks": -0.25}))

    assert surety(answer) == pytest.approx(-0.5 + 1.5)


def test_answer_that_begins_like_a_decline_is_told_from_it_where_they_part():
    answer = _answer(("The", -0.1, {"The": -0.1, "A": -4.0}), (" Normans", -0.2, {" Normans": -0.2, " passages": -2.0}))

    assert surety(answer) == pytest.approx(-0.3 + 2.1)


def test_decline_that_is_not_among_the_nearest_is_at_most_as_likely_as_the_last_of_them():
    assert surety(_answer(("Six", -0.1, {"Six": -0.1, "Ten": -5.0}))) == pytest.approx(4.9)


async def test_longer_answer_than_is_read_is_marked_as_cut(server: ScriptedModel, model: ModelClient):
    server.reply = "weeks " * 200

    reading = await read(model)

    assert reading is not None
    assert reading.finish == "length"
