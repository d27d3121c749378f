"""A query made by a model on loopback, and every way in which it may fail."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import EVERYONE
from router.answers import Answer, Answered
from router.decisions import Route
from router.journal import Journal
from router.model import ModelClient
from router.policies import Policies
from router.questions import Question, Turn
from router.releases import Releases
from router.rewriting import Rewriter
from router.router import Router
from router.settings import RouterSettings
from tests.router.fakes import FakeSearch, ScriptedModel, passage

LEAVE = passage("Contractors get six weeks of parental leave.", title="Parental leave", similarity=0.72)
TRAVEL = passage("Book trains through the travel desk.", title="Travel", similarity=0.2)
ASKED = "How many weeks of parental leave do employees get?"
THREAD = (Turn(speaker="user", text=ASKED), Turn(speaker="assistant", text="Sixteen weeks [1]."))
FOLLOW_UP = Question(text="And for contractors?", audience=EVERYONE, asker="U1", channel="C1", thread=THREAD)
PLAIN = f"{ASKED} And for contractors?"
REWRITTEN = "parental leave weeks contractors"


@pytest.fixture
def settings(settings: RouterSettings) -> RouterSettings:
    return settings.model_copy(update={"query_rewrite": True})


def _says(query: str):
    """Answers a rewriting with this query, and a question with a cited sentence."""
    return lambda messages: query if "search queries" in messages[0]["content"] else "Six weeks [1]."


async def _query(server: ScriptedModel, model: ModelClient, settings: RouterSettings, written: str) -> str:
    server.reply = written
    return await Rewriter(model=model, settings=settings).query(FOLLOW_UP)


@pytest.mark.parametrize(
    "written",
    [REWRITTEN, f"  “{REWRITTEN}”\n", f"Search query: {REWRITTEN}", f"\n\n{REWRITTEN}\nThis query finds the policy."],
)
async def test_query_is_what_the_model_writes_without_its_trimmings(server, model, settings, written: str):
    assert await _query(server, model, settings, written) == REWRITTEN


@pytest.mark.parametrize(
    "written",
    [
        "",
        " \n ",
        "“”",
        "?!",
        "What is it?",
        "Query:",
        "Sure! Here is the query:\nparental leave",
        "<think>\nThe user",
        "leave " * 30,
        " ".join(map(str, range(90))),
    ],
)
async def test_query_that_says_nothing_or_too_much_is_not_searched_for(server, model, settings, written: str):
    assert await _query(server, model, settings, written) == PLAIN


@pytest.mark.parametrize(
    "mode", ["error", "refused", "garbage", "not_events", "cut", "broken", "deaf_line", "endless", "length"]
)
async def test_model_that_fails_leaves_the_plain_query(server, model, settings, mode: str):
    server.mode = mode
    assert await _query(server, model, settings, REWRITTEN) == PLAIN


@pytest.mark.hurried
@pytest.mark.parametrize("mode", ["hanging", "stalled"])
async def test_model_that_takes_too_long_leaves_the_plain_query(server, model, settings, mode: str):
    server.mode = mode
    patient = settings.model_copy(update={"model_first_token_s": 30, "model_between_tokens_s": 30})
    assert await _query(server, model, patient.model_copy(update={"query_rewrite_s": 0.1}), REWRITTEN) == PLAIN


@pytest.fixture
def search() -> FakeSearch:
    return FakeSearch(by_word={"weeks contractors": [LEAVE]})


@pytest.fixture
def router(
    search: FakeSearch, model: ModelClient, policies: Policies, settings: RouterSettings, sqlite_engine: AsyncEngine
) -> Router:
    journal, releases = Journal(sqlite_engine), Releases(sqlite_engine)
    return Router(search=search, model=model, policies=policies, journal=journal, releases=releases, settings=settings)


async def _answered(router: Router, question: Question = FOLLOW_UP) -> Answer:
    events = [event async for event in router.answer(question, exchange_id="x1")]
    assert isinstance(events[-1], Answered)
    return events[-1].answer


async def test_follow_up_is_answered_from_what_the_models_query_finds(server, router, search, sqlite_engine):
    server.reply = _says(REWRITTEN)
    answer = await _answered(router)
    assert [source.uri for source in answer.sources] == [LEAVE.uri]
    assert search.queries[0] == REWRITTEN
    assert answer.timings_ms["rewrite"] > 0
    kept = await Journal(sqlite_engine).exchange("x1")
    assert kept is not None
    assert kept.timings_ms["rewrite"] == answer.timings_ms["rewrite"]
    assert kept.searches[0].query == REWRITTEN


async def test_question_is_searched_for_as_it_was_asked_where_the_models_query_finds_little(server, router, search):
    search.by_word = {"do employees get": [LEAVE]}
    search.passages = [TRAVEL]
    server.reply = _says("unicorns of the office")
    answer = await _answered(router)
    assert search.queries[:2] == ["unicorns of the office", PLAIN]
    assert [source.uri for source in answer.sources] == [LEAVE.uri]


@pytest.mark.hurried
async def test_question_is_answered_where_the_rewriting_takes_too_long(server, router, search):
    search.passages = [LEAVE]
    server.pause_s = 0.2
    server.reply = _says("a b c d e f g h")
    answer = await _answered(router)
    assert search.queries[0] == PLAIN
    assert [source.uri for source in answer.sources] == [LEAVE.uri]
    assert 250 < answer.timings_ms["rewrite"] < 1_500


async def test_model_reads_the_question_and_its_thread_and_nothing_else(server, router, search):
    search.passages = [passage("The canary sings at four.", scope="channel:C9")]
    server.reply = _says(REWRITTEN)
    await _answered(router)
    assert server.requests[0]["model"] == "base"
    assert server.requests[0]["messages"][1]["content"] == (
        f"user: {ASKED}\nassistant: Sixteen weeks [1].\nuser: And for contractors?\n\nSearch query:"
    )
    assert "canary" not in str(server.requests)


async def test_message_that_is_not_searched_for_is_not_rewritten(server, router):
    answer = await _answered(router, Question(text="Thanks!", audience=EVERYONE, asker="U1"))
    assert answer.decision.route is Route.SMALLTALK
    assert server.requests == []
    assert "rewrite" not in answer.timings_ms


async def test_nothing_is_rewritten_unless_it_is_switched_on(server, model, search, policies, sqlite_engine):
    settings = RouterSettings(model_name="base")
    assert not settings.query_rewrite
    journal, releases = Journal(sqlite_engine), Releases(sqlite_engine)
    router = Router(
        search=search, model=model, policies=policies, journal=journal, releases=releases, settings=settings
    )
    search.passages = [LEAVE]
    server.reply = "Six weeks [1]."
    answer = await _answered(router)
    assert search.queries[0] == PLAIN
    assert len(server.requests) == 1
    assert "rewrite" not in answer.timings_ms
