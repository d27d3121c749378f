from dataclasses import replace

import pytest

from knowledge.audience import EVERYONE, NOBODY
from knowledge.documents import Part
from knowledge.errors import IndexUnavailable
from knowledge.filters import SearchFilter
from router.errors import SearchUnavailable
from router.evidence import EvidenceLoop, Findings, wants_more
from router.model import ModelClient
from router.questions import Question
from router.rewriting import Rewriter
from router.settings import RouterSettings
from tests.router.fakes import FakeSearch, ScriptedModel, passage

GOOD = passage("Employees get sixteen weeks of parental leave.", title="Parental leave", similarity=0.7)
POOR = passage("Trains are booked ahead.", title="Travel", similarity=0.2)


def asked(text: str, audience=EVERYONE) -> Question:
    return Question(text=text, audience=audience, asker="U1")


async def gathered(search: FakeSearch, text: str, **changes) -> Findings:
    loop = EvidenceLoop(search=search, settings=RouterSettings(**changes))
    return await loop.deepen(asked(text), await loop.first(asked(text)))


async def test_good_first_search_is_the_only_one():
    search = FakeSearch(passages=[GOOD])
    found = await gathered(search, "How much parental leave do employees get?")
    assert found.is_enough
    assert len(search.queries) == len(found.steps) == 1


async def test_weak_search_is_repeated_in_other_words_and_each_step_kept():
    search = FakeSearch(passages=[POOR], by_word={"parental leave weeks": [GOOD]})
    found = await gathered(search, "So tell me about that parental leave, how many weeks?")
    assert [step.is_enough for step in found.steps] == [False, True]
    assert found.steps[1].query == "parental leave weeks"
    assert {passage.chunk_id for passage in found.passages} == {GOOD.chunk_id, POOR.chunk_id}


NOTICE = passage("The notice period is three months.", title="Notice", similarity=0.6)
LETTER = passage("The head of people signs each letter.", title="Letters", similarity=0.6)
IN_PARTS = "What is the notice period, and who signs the letter?"


async def test_each_part_of_a_question_is_searched_for_and_its_best_passage_leads():
    search = FakeSearch(passages=[POOR], by_word={"notice": [NOTICE]})
    search.by_word["letter"] = [LETTER]
    found = await gathered(search, IN_PARTS)
    assert [(step.kind, step.query) for step in found.steps] == [
        ("question", IN_PARTS), ("part", "What is the notice period"), ("part", "who signs the letter"),
    ]  # fmt: skip
    assert {passage.chunk_id for passage in found.passages[:2]} == {NOTICE.chunk_id, LETTER.chunk_id}
    assert found.is_enough


async def test_question_whose_second_part_is_not_found_has_not_enough():
    search = FakeSearch(passages=[NOTICE])
    found = await gathered(search, IN_PARTS)
    assert [step.is_enough for step in found.steps if step.kind == "part"] == [True, False]
    assert not found.is_enough


@pytest.mark.parametrize(
    ("passages", "text", "wanted"),
    [
        ([GOOD], "How much parental leave do employees get?", False),
        ([POOR], "How much parental leave do employees get?", True),
        ([replace(GOOD, text=f"{NOTICE.text} {LETTER.text}")], IN_PARTS, False),
        ([replace(NOTICE, similarity=0.9)], IN_PARTS, True),
    ],
)
async def test_more_is_wanted_where_one_search_leaves_something_open(passages: list, text: str, wanted: bool):
    loop = EvidenceLoop(search=FakeSearch(passages=passages), settings=RouterSettings())
    assert wants_more(asked(text), await loop.first(asked(text))) is wanted


async def test_parts_that_only_the_model_sees_are_searched_for_where_it_may_be_asked(
    server: ScriptedModel, model: ModelClient, settings: RouterSettings
):
    server.reply = "1. notice period\n2. signed letter\n"
    search = FakeSearch(passages=[POOR], by_word={"notice": [NOTICE], "signed": [LETTER]})
    loop = EvidenceLoop(search=search, settings=settings, rewriter=Rewriter(model=model, settings=settings))
    question = asked("Can I leave next month?")
    found = await loop.deepen(question, await loop.first(question))
    assert [step.query for step in found.steps if step.kind == "part"] == ["notice period", "signed letter"]


@pytest.mark.parametrize(("mode", "reply"), [("error", "x"), ("good", "one thing"), ("good", ""), ("good", "a:\nb:")])
async def test_model_that_names_no_parts_leaves_the_rewordings(
    server: ScriptedModel, model: ModelClient, settings: RouterSettings, mode: str, reply: str
):
    server.mode, server.reply = mode, reply
    loop = EvidenceLoop(
        search=FakeSearch(passages=[POOR]), settings=settings, rewriter=Rewriter(model=model, settings=settings)
    )
    question = asked("Can you tell me where the unicorns of our office park?")
    found = await loop.deepen(question, await loop.first(question))
    assert [step.kind for step in found.steps] == ["question", "wording", "wording"]


async def test_searches_are_bounded_in_number():
    search = FakeSearch(passages=[POOR])
    found = await gathered(search, "Can you tell me where the unicorns of our office park?")
    assert len(search.queries) == 3
    assert not found.is_enough
    search.queries.clear()
    await gathered(search, "Can you tell me where the unicorns of our office park?", searches_max=2)
    assert len(search.queries) == 2


async def test_searches_are_bounded_in_time():
    search = FakeSearch(passages=[POOR], delay_s=0.05)
    await gathered(search, "Can you tell me where the unicorns of our office park?", search_budget_s=0.01)
    assert len(search.queries) == 2


async def test_passages_are_widened_only_as_far_as_the_prompt_shows_them():
    search = FakeSearch(passages=[GOOD])
    await gathered(search, "How much parental leave do employees get?")
    await gathered(search, "How much parental leave do employees get?", passage_widen_chars=900)
    await gathered(search, "How much parental leave do employees get?", passage_widen_chars=9000)
    assert search.widened_to == [0, 900, RouterSettings().passage_max_chars]


async def test_chunk_that_stands_in_a_widened_passage_is_not_shown_again():
    widened = replace(GOOD, parts=(Part(chunk_id=GOOD.chunk_id, text="x"), Part(chunk_id=POOR.chunk_id, text="y")))
    search = FakeSearch(passages=[widened, POOR])
    found = await gathered(search, "Where do the unicorns of the office park their trains?")
    assert [passage.chunk_id for passage in found.passages] == [GOOD.chunk_id]


async def test_each_search_for_a_question_is_narrowed_as_the_person_asked():
    search, only = FakeSearch(passages=[POOR]), SearchFilter(authors=frozenset({"anna"}))
    question = replace(asked("Where do the unicorns of our office park?"), only=only)
    loop = EvidenceLoop(search=search, settings=RouterSettings())
    await loop.deepen(question, await loop.first(question))
    assert search.filters == [only] * 3


async def test_chunk_found_twice_is_one_passage():
    search = FakeSearch(passages=[POOR])
    found = await gathered(search, "Can you tell me where the unicorns of our office park?")
    assert len(found.passages) == 1


@pytest.mark.parametrize("fault", [{"error": IndexUnavailable("down")}, {"delay_s": 5}])
async def test_failing_search_is_unavailable(fault: dict):
    loop = EvidenceLoop(search=FakeSearch(**fault), settings=RouterSettings(search_timeout_s=0.05))
    with pytest.raises(SearchUnavailable):
        await loop.first(asked("Leave?"))


async def test_audience_is_handed_on_to_every_search():
    loop = EvidenceLoop(search=FakeSearch(passages=[GOOD]), settings=RouterSettings())
    question = asked("Can you tell me where the unicorns of our office park?", NOBODY)
    assert (await loop.deepen(question, await loop.first(question))).passages == ()
