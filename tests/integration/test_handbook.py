"""Twenty questions about a real handbook, written before the first search over it, through the real parts."""

import asyncio
import statistics
import time
from dataclasses import dataclass

import pytest
import pytest_asyncio

from bot.assembly import Parts
from knowledge.audience import EVERYONE
from knowledge.processor import has_fast_bfloat16
from router.answers import Answer, Answered, Released
from router.questions import Question
from tests.integration.conftest import read_cases

pytestmark = [pytest.mark.model, pytest.mark.data, pytest.mark.slow]
QUESTIONS = read_cases("handbook_questions.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    page: str
    gold: list[str]
    answer: Answer
    first_words_s: float

    @property
    def cites_page(self) -> bool:
        return any(source.uri.endswith(self.page) for source in self.answer.sources)

    @property
    def holds_gold(self) -> bool:
        return any(gold.lower() in self.answer.text.lower() for gold in self.gold)


async def ask(parts: Parts, text: str) -> tuple[Answer, float]:
    """The answer, and the seconds to its first released text."""
    began, first = time.perf_counter(), None
    question = Question(text=text, audience=EVERYONE, asker="U0TEST")
    async for event in parts.router.answer(question, exchange_id=f"test:{text}"):
        if isinstance(event, Released) and first is None:
            first = time.perf_counter() - began
        if isinstance(event, Answered):
            return event.answer, first or time.perf_counter() - began
    raise AssertionError("no answer came")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tried(handbook_parts: Parts) -> list[Tried]:
    await ask(handbook_parts, "How do I begin?")  # the first question pays for loading, as at `tandem run`
    found = []
    for case in QUESTIONS:
        answer, first_words_s = await ask(handbook_parts, case["question"])
        found.append(Tried(page=case["page"], gold=case["gold"], answer=answer, first_words_s=first_words_s))
        print(f"{found[-1].cites_page:d} {found[-1].holds_gold:d} {first_words_s:.2f} s  {answer.text[:90]!r}")
    return found


async def test_right_page_is_among_the_first_five_results(handbook_parts):
    hits = 0
    for case in QUESTIONS:
        passages = await handbook_parts.library.search(case["question"], EVERYONE, limit=5)
        hits += any(passage.uri.endswith(case["page"]) for passage in passages)
    assert hits >= 17


async def test_right_page_is_cited(tried):
    assert sum(one.cites_page for one in tried) >= 14


async def test_generated_text_holds_the_gold(tried):
    assert sum(one.holds_gold for one in tried) >= 9


async def test_every_citation_is_supported_by_its_passage(handbook_parts, tried):
    for one in tried:
        for source in one.answer.sources:
            passages = await handbook_parts.journal.exchange(one.answer.exchange_id)
            shown = {passage.chunk_id: passage.text for passage in passages.passages}
            assert source.quote
            assert " ".join(source.quote.strip("… ").split()) in " ".join(shown[source.chunk_id].split())
            assert f"[{source.n}]" in one.answer.text


@pytest.mark.xfail(
    not has_fast_bfloat16(), strict=False, reason="1.9 to 2.9 s where the processor has no fast bfloat16"
)
async def test_first_words_come_within_two_seconds(tried):
    answered = [one.first_words_s for one in tried]
    assert statistics.median(answered) <= 2.0


async def test_questions_asked_at_once_are_all_answered(handbook_parts):
    answers = await asyncio.gather(*(ask(handbook_parts, case["question"]) for case in QUESTIONS[:8]))
    assert all(answer.text for answer, _ in answers)
