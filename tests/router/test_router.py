import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import EVERYONE, NOBODY
from knowledge.errors import IndexUnavailable
from router.answers import Answer, Answered, Released
from router.calibration import ArmCalibration, Calibration
from router.decisions import FROM_DOCUMENTS, Route
from router.errors import JournalUnavailable, ModelTimeout, ModelUnavailable, PolicyBroken
from router.journal import Journal
from router.model import ModelClient
from router.policies import Policies
from router.policy import Policy, Weighed
from router.prompts import DECLINE
from router.questions import Question, Turn
from router.releases import Release, Releases
from router.router import Router
from router.settings import RouterSettings
from tests.router.fakes import FakeSearch, ScriptedModel, passage

LEAVE = passage("Employees get sixteen weeks of paid parental leave.", title="Parental leave", similarity=0.72)
TRAVEL = passage("Book trains through the travel desk 14 days ahead.", title="Travel", similarity=0.31)
PARENTAL = "How many weeks of parental leave do employees get?"


@pytest.fixture
def search() -> FakeSearch:
    return FakeSearch(passages=[LEAVE, TRAVEL])


@pytest.fixture
def journal(sqlite_engine: AsyncEngine) -> Journal:
    return Journal(sqlite_engine)


@pytest.fixture
def releases(sqlite_engine: AsyncEngine) -> Releases:
    return Releases(sqlite_engine)


@pytest.fixture
def router_by(
    search: FakeSearch, model: ModelClient, policies: Policies, settings: RouterSettings, sqlite_engine: AsyncEngine
) -> Callable[..., Router]:
    """A router by a policy, with other settings where they are named."""

    def build(policy: Policy | None = None, **changes: object) -> Router:
        return Router(
            search=search,
            model=model,
            policy=policy,
            policies=policies,
            journal=Journal(sqlite_engine),
            releases=Releases(sqlite_engine),
            settings=settings.model_copy(update=changes),
        )

    return build


@pytest.fixture
def router(router_by: Callable[..., Router]) -> Router:
    return router_by()


def asked(text: str, **fields) -> Question:
    return Question(text=text, audience=fields.pop("audience", EVERYONE), asker="U1", team="T1", channel="C1", **fields)


async def answered(router: Router, question: Question) -> Answer:
    events = [event async for event in router.answer(question, exchange_id="x1")]
    answer = events[-1]
    assert isinstance(answer, Answered)
    assert "".join(event.text for event in events if isinstance(event, Released)) == answer.answer.text
    return answer.answer


async def test_handbook_question_is_answered_with_its_source(server: ScriptedModel, router: Router):
    server.reply = "Sixteen weeks [1]."
    answer = await answered(router, asked(PARENTAL))
    assert answer.text == "Sixteen weeks [1]."
    assert answer.decision.route is Route.RETRIEVE
    assert [(source.n, source.uri, source.quote) for source in answer.sources] == [(1, LEAVE.uri, LEAVE.text)]
    assert answer.model == "base"
    assert {"search", "first_chunk", "first_sentence", "total"} <= answer.timings_ms.keys()


async def test_exchange_is_journalled_before_it_is_answered(server: ScriptedModel, router: Router, journal: Journal):
    server.reply = "Sixteen weeks [1]."
    async for event in router.answer(asked(PARENTAL), exchange_id="x1"):
        if isinstance(event, Answered):
            kept = await journal.exchange("x1")
            assert kept is not None
            assert (kept.answer, kept.question, kept.scopes) == ("Sixteen weeks [1].", PARENTAL, {"public"})
            assert list(kept.prompt) == server.requests[0]["messages"]
            assert [shown.content_hash for shown in kept.passages] == [LEAVE.content_hash, TRAVEL.content_hash]
            assert kept.searches[0].query == PARENTAL
            assert kept.usage == {"prompt": 7, "completion": 3}


async def test_wrong_citation_is_moved_before_release(server: ScriptedModel, router: Router):
    server.reply = "Employees get sixteen weeks [2]."
    answer = await answered(router, asked(PARENTAL))
    assert answer.text == "Employees get sixteen weeks [1]."


async def test_claim_that_no_passage_supports_is_never_said(server: ScriptedModel, router: Router):
    server.reply = "Employees get 99 weeks of leave [1]."
    answer = await answered(router, asked(PARENTAL))
    assert "99" not in answer.text
    assert answer.sources == ()
    assert answer.decision.route is Route.ABSTAIN
    assert answer.removed_citations == 1


async def test_declining_model_becomes_an_honest_answer_with_the_closest_pages(
    server: ScriptedModel, router: Router, journal: Journal
):
    server.reply = f"{DECLINE} Something more."
    answer = await answered(router, asked(PARENTAL))
    assert answer.decision.route is Route.ABSTAIN
    assert "Parental leave" in answer.text
    assert PARENTAL in answer.text
    assert answer.sources == ()
    assert sum(answer.decision.probabilities.values()) == pytest.approx(1)
    kept = await journal.exchange("x1")
    assert kept is not None
    assert kept.completion == DECLINE


async def test_joining_words_are_released_only_with_a_claim(server: ScriptedModel, router: Router):
    server.reply = "Here is what I found: \nSixteen weeks of leave [1]."
    assert (await answered(router, asked(PARENTAL))).text == "Here is what I found: \nSixteen weeks of leave [1]."
    server.reply = "Here is what I found: \nThe canteen is open at noon."
    assert not (await answered(router, asked(PARENTAL))).text.startswith("Here")


async def test_general_request_is_answered_directly(server: ScriptedModel, search: FakeSearch, router: Router):
    search.passages = [TRAVEL]
    server.reply = "Autumn leaves drift down. Quiet rivers carry them."
    answer = await answered(router, asked("Write a haiku about autumn"))
    assert answer.decision.route is Route.DIRECT
    assert answer.text == server.reply
    assert answer.sources == ()


async def test_direct_answer_holds_no_link_mention_or_invented_citation(
    server: ScriptedModel, search: FakeSearch, router: Router
):
    search.passages = []
    server.reply = "Read [this](https://evil.example/x) now, <!channel>. Autumn is calm [3]. Use row[1]."
    answer = await answered(router, asked("Write a haiku about autumn"))
    assert "evil" not in answer.text
    assert "<!" not in answer.text
    assert "[3]" not in answer.text
    assert "row[1]" in answer.text
    assert answer.removed_citations == 2


async def test_injected_model_can_name_only_links_of_sources(server: ScriptedModel, router: Router):
    server.reply = f"Employees get sixteen weeks of leave, see https://evil.example/?q=1 and {LEAVE.uri} [1]."
    answer = await answered(router, asked(PARENTAL))
    assert "evil.example/" not in answer.text
    assert LEAVE.uri in answer.text


async def test_adapter_in_service_answers(server: ScriptedModel, router: Router, releases: Releases):
    server.names.append("grounding@1a2b")
    server.reply = "Sixteen weeks [1]."
    await releases.put_in_service(release("grounding@1a2b"))
    assert (await answered(router, asked(PARENTAL))).model == "grounding@1a2b"


@pytest.fixture
async def served(server: ScriptedModel, releases: Releases) -> ScriptedModel:
    """A model server with an adapter in service."""
    server.names.append("grounding@1a2b")
    await releases.put_in_service(release("grounding@1a2b"))
    return server


@pytest.fixture
def apart(router_by: Callable[..., Router]) -> Router:
    return router_by(read_apart=True)


async def test_adapter_reads_each_passage_by_itself(served: ScriptedModel, apart: Router, journal: Journal):
    served.reply = lambda messages: "Sixteen weeks [2]." if "sixteen" in messages[-1]["content"] else DECLINE
    answer = await answered(apart, asked(PARENTAL))
    assert answer.text == "Sixteen weeks [1]."
    assert [source.uri for source in answer.sources] == [LEAVE.uri]
    assert {"first_chunk", "first_sentence"} <= answer.timings_ms.keys()
    kept = await journal.exchange("x1")
    assert kept is not None
    assert TRAVEL.text not in kept.prompt[-1]["content"]
    assert f"[1] {LEAVE.title}\n{LEAVE.text}" in kept.prompt[-1]["content"]
    assert [shown.content_hash for shown in kept.passages] == [LEAVE.content_hash, TRAVEL.content_hash]


async def test_adapter_that_is_not_sure_enough_declines(served: ScriptedModel, router_by: Callable[..., Router]):
    served.reply = "Sixteen weeks [1]."
    answer = await answered(router_by(read_apart=True, least_surety=5.0), asked(PARENTAL))
    assert answer.decision.route is Route.ABSTAIN
    assert answer.sources == ()


async def test_long_answer_of_a_passage_that_was_read_apart_is_told_whole(
    served: ScriptedModel, search: FakeSearch, apart: Router
):
    names = " ".join(f"l{letter}{other}" for letter in "abcdefghij" for other in "abcdefgh")
    search.passages = [passage(f"The kinds of parental leave are {names}.", title="Parental leave"), TRAVEL]
    served.reply, served.sure = f"The kinds of parental leave are {names} [1].", lambda _: -0.01
    assert (await answered(apart, asked("Which kinds of parental leave do employees get?"))).text == served.reply


async def test_parts_of_a_question_are_read_together(served: ScriptedModel, search: FakeSearch, apart: Router):
    search.passages, search.by_word = [CONTRACTORS], {"interns on": [INTERNS]}
    served.reply = "The notice period of interns is two weeks [1]."
    await answered(apart, asked(IN_PARTS))
    shown = served.requests[-1]["messages"][-1]["content"]
    assert INTERNS.text in shown
    assert CONTRACTORS.text in shown


async def test_base_model_reads_the_passages_together(server: ScriptedModel, apart: Router):
    await answered(apart, asked(PARENTAL))
    assert not any(request.get("logprobs") for request in server.requests if LEAVE.text in str(request["messages"]))


async def test_passages_are_read_together_where_the_server_tells_no_probabilities(served: ScriptedModel, apart: Router):
    served.mode, served.reply = "unweighed", "Sixteen weeks [1]."
    answer = await answered(apart, asked(PARENTAL))
    assert answer.text == "Sixteen weeks [1]."
    shown = served.requests[-1]["messages"][-1]["content"]
    assert LEAVE.text in shown
    assert TRAVEL.text in shown


async def test_base_model_answers_labelled_where_the_adapter_is_missing(
    server: ScriptedModel, router: Router, releases: Releases, journal: Journal
):
    server.reply = "Sixteen weeks [1]."
    await releases.put_in_service(release("grounding@gone"))
    assert (await answered(router, asked(PARENTAL))).model == "base"
    kept = await journal.exchange("x1")
    assert kept is not None
    assert kept.adapter == ""


async def test_base_model_writes_what_a_grounding_adapter_declines(
    server: ScriptedModel, search: FakeSearch, router: Router, releases: Releases
):
    search.passages = []
    server.names.append("grounding@1a2b")
    server.reply = lambda _: DECLINE if server.requests[-1]["model"] != "base" else "Leaves fall."
    await releases.put_in_service(release("grounding@1a2b"))
    answer = await answered(router, asked("Write a haiku about autumn"))
    assert (answer.text, answer.model) == ("Leaves fall.", "base")


@pytest.mark.parametrize(
    ("text", "route"),
    [("hello!", Route.SMALLTALK), ("thanks a lot", Route.SMALLTALK), ("", Route.CLARIFY), ("🎉🎉", Route.CLARIFY)],
)
async def test_certain_messages_ask_neither_documents_nor_model(
    server: ScriptedModel, search: FakeSearch, router: Router, text: str, route: Route
):
    answer = await answered(router, asked(text))
    assert answer.decision.route is route
    assert answer.text
    assert not search.queries
    assert not server.requests


async def test_vague_message_gets_one_question_back(search: FakeSearch, router: Router):
    search.passages = [TRAVEL]
    answer = await answered(router, asked("how do I do it?"))
    assert answer.decision.route is Route.CLARIFY
    assert answer.text.count("?") == 1


async def test_question_about_the_team_without_evidence_is_not_guessed_at(
    server: ScriptedModel, search: FakeSearch, router: Router
):
    search.passages = [TRAVEL]
    answer = await answered(router, asked("What is our policy on parking at the office?"))
    assert answer.decision.route is Route.ABSTAIN
    assert "parking" in answer.text
    assert not server.requests
    assert 1 < len(search.queries) <= 3


async def test_follow_up_is_searched_with_what_it_refers_to(server: ScriptedModel, search: FakeSearch, router: Router):
    server.reply = "Sixteen weeks [1]."
    thread = (Turn(speaker="user", text=PARENTAL), Turn(speaker="assistant", text="Sixteen weeks [1]."))
    await answered(router, asked("and for contractors?", thread=thread))
    assert "parental leave" in search.queries[0]
    assert "contractors" in search.queries[0]


async def test_weak_search_is_reworded_and_its_result_used(server: ScriptedModel, search: FakeSearch, router: Router):
    search.passages = [TRAVEL]
    search.by_word = {"weeks parental leave": [LEAVE]}
    server.reply = "Sixteen weeks [1]."
    answer = await answered(router, asked("Hey, how many weeks is the parental leave again at our place?"))
    assert answer.sources


async def test_forced_route_is_taken(server: ScriptedModel, search: FakeSearch, router: Router):
    server.reply = "Sixteen weeks."
    assert (await answered(router, asked(PARENTAL, forced_route=Route.DIRECT))).decision.route is Route.DIRECT
    assert not search.queries
    search.passages = []
    answer = await answered(router, asked("Write a haiku about autumn", forced_route=Route.RETRIEVE))
    assert answer.decision.route is Route.ABSTAIN


async def test_private_passage_stays_out_of_a_public_answer(server: ScriptedModel, search: FakeSearch, router: Router):
    search.passages = [passage("The secret is 42 weeks of parental leave.", scope="channel:C9", similarity=0.9)]
    answer = await answered(router, asked(PARENTAL))
    assert "42" not in answer.text
    answer = await answered(router, asked(PARENTAL, audience=NOBODY))
    assert "42" not in answer.text


@pytest.mark.parametrize("fault", ["error", pytest.param("slow", marks=pytest.mark.hurried)])
async def test_without_documents_nothing_is_guessed_and_direct_answers_go_on(
    server: ScriptedModel, search: FakeSearch, router: Router, fault: str
):
    if fault == "error":
        search.error = IndexUnavailable("down")
    else:
        search.delay_s = 2
    answer = await answered(router, asked(PARENTAL))
    assert "can't reach the documents" in answer.text
    assert not server.requests
    server.reply = "Leaves fall."
    assert (await answered(router, asked("Write a haiku about autumn"))).text == "Leaves fall."


@pytest.mark.parametrize(
    ("mode", "error"),
    [("error", ModelUnavailable), pytest.param("hanging", ModelTimeout, marks=pytest.mark.hurried)],
)
async def test_failing_model_is_told_in_a_sentence(
    server: ScriptedModel, router: Router, mode: str, error: type[Exception]
):
    server.mode = mode
    with pytest.raises(error, match=r"^The model .+ try again in a minute\.$"):
        await answered(router, asked(PARENTAL))


async def test_what_was_released_before_a_cut_stays_released(server: ScriptedModel, router: Router):
    server.mode = "cut"
    server.reply = f"Employees get sixteen weeks of leave [1]. {' '.join(map(str, range(90)))}"
    released: list[str] = []

    async def listen() -> None:
        async for event in router.answer(asked(PARENTAL), exchange_id="x1"):
            released.extend([event.text] if isinstance(event, Released) else [])

    with pytest.raises(ModelUnavailable):
        await listen()
    assert released == ["Employees get sixteen weeks of leave [1]. "]


async def test_endless_model_is_stopped_with_a_note(server: ScriptedModel, search: FakeSearch, router: Router):
    search.passages = []
    server.mode = "endless"
    answer = await answered(router, asked("Write a haiku about autumn"))
    assert "repeat itself" in answer.text
    assert len(answer.text) < 600


async def test_same_sentence_again_and_again_is_stopped(server: ScriptedModel, search: FakeSearch, router: Router):
    search.passages = []
    server.reply = "A first line here. " + "The leaves are falling down. " * 3 + "Never reached."
    answer = await answered(router, asked("Write a haiku about autumn"))
    assert answer.text.count("falling") == 2
    assert "Never" not in answer.text


async def test_broken_policy_falls_back_to_the_documents(server: ScriptedModel, router_by: Callable[..., Router]):

    class Broken(Policy):
        def decide(self, *_: object, **__: object) -> Weighed:
            raise PolicyBroken

    server.reply = "Sixteen weeks [1]."
    assert (await answered(router_by(Broken()), asked(PARENTAL))).decision.route is Route.RETRIEVE


async def test_hundred_thousand_characters_are_read_to_a_limit_and_it_is_said(server: ScriptedModel, router: Router):
    server.reply = "Sixteen weeks [1]."
    text = f"{PARENTAL} {'Many words follow! ' * 5000}".strip()
    answer = await answered(router, asked(text))
    assert f"has {len(text):,} characters; I read the first 4,000." in answer.text


@pytest.mark.parametrize("route", [Route.RETRIEVE, Route.DIRECT])
async def test_question_that_the_models_window_cuts_is_said_to_be_cut(
    server: ScriptedModel, router: Router, route: Route
):
    server.reply = "Sixteen weeks [1]."
    text = f"{PARENTAL} {'Сколько недель отпуска? ' * 160}".strip()
    answer = await answered(router, asked(text, forced_route=route))
    shown = server.requests[-1]["messages"][-1]["content"]
    read = len(shown) - shown.rindex(PARENTAL)
    assert 100 < read < len(text) < 4000
    assert f"has {len(text):,} characters; I read the first {read:,}." in answer.text


async def test_answer_that_cannot_be_recorded_is_an_error(
    server: ScriptedModel, router: Router, sqlite_engine: AsyncEngine
):
    server.reply = "Sixteen weeks [1]."
    async with sqlite_engine.begin() as connection:
        await connection.execute(sql("DROP TABLE exchanges"))
    with pytest.raises(JournalUnavailable):
        await answered(router, asked(PARENTAL))


async def test_interrupted_run_is_replaced_by_the_next(server: ScriptedModel, router: Router, journal: Journal):
    for weeks in ("Sixteen weeks [1].", "Sixteen weeks of leave [1]."):
        server.reply = weeks
        await answered(router, asked(PARENTAL))
    kept = await journal.exchange("x1")
    assert kept is not None
    assert kept.answer == "Sixteen weeks of leave [1]."


async def test_router_adds_little_to_the_models_first_sentence(
    server: ScriptedModel, search: FakeSearch, router: Router
):
    search.passages = []
    server.reply = "Leaves fall. Rivers run on."
    added = []
    for _ in range(20):
        answer = await answered(router, asked("Write a haiku about autumn"))
        added.append(answer.timings_ms["first_sentence"] - answer.timings_ms["first_chunk"])
    # The fastest of twenty: a busy machine may delay any one of them.
    assert min(added) < 15


async def test_loop_is_free_while_an_answer_is_written(server: ScriptedModel, router: Router):
    server.reply, server.pause_s = "Employees get sixteen weeks of leave [1]. " * 2, 0.01
    longest, stop = 0.0, False

    async def watch() -> None:
        nonlocal longest
        clock = asyncio.get_running_loop().time
        while not stop:
            before = clock()
            await asyncio.sleep(0.001)
            longest = max(longest, clock() - before)

    watching = asyncio.create_task(watch())
    await answered(router, asked(PARENTAL))
    stop = True
    await watching
    assert longest < 0.5


def release(name: str) -> Release:
    return Release(adapter=name, path=f"adapters/{name}", base="base", promoted_at=datetime(2026, 1, 1, tzinfo=UTC))


INTERNS = passage("The notice period of interns is two weeks.", title="Interns", similarity=0.6)
CONTRACTORS = passage("Contractors are on notice periods of three months.", title="Contractors", similarity=0.6)
IN_PARTS = "Compare interns and contractors on notice periods"


async def test_question_in_parts_is_answered_by_several_searches_and_each_is_kept(
    server: ScriptedModel, search: FakeSearch, router: Router, journal: Journal
):
    search.passages, search.by_word = [CONTRACTORS], {"interns on": [INTERNS]}
    server.reply = (
        "The notice period of interns is two weeks [1]. Contractors are on notice periods of three months [2]."
    )
    answer = await answered(router, asked(IN_PARTS))
    assert answer.decision.route is Route.MULTI
    assert {source.title for source in answer.sources} == {"Interns", "Contractors"}
    assert sum(answer.decision.probabilities.values()) == pytest.approx(1)
    kept = await journal.exchange("x1")
    assert kept is not None
    assert [step.kind for step in kept.searches] == ["question", "part", "part"]
    assert kept.decision.route is Route.MULTI


async def test_search_that_found_enough_is_the_only_one(server: ScriptedModel, search: FakeSearch, router: Router):
    server.reply = "Sixteen weeks [1]."
    assert (await answered(router, asked(PARENTAL))).decision.route is Route.RETRIEVE
    assert len(search.queries) == 1


async def test_several_searches_that_hold_no_answer_are_an_honest_no(
    server: ScriptedModel, search: FakeSearch, router: Router
):
    search.passages = [INTERNS]
    server.reply = DECLINE
    answer = await answered(router, asked(IN_PARTS))
    assert answer.decision.route is Route.ABSTAIN
    assert answer.decision.probabilities[Route.MULTI] < 0.2


async def test_exchange_keeps_by_what_it_was_decided(server: ScriptedModel, router: Router, journal: Journal):
    server.reply = "Sixteen weeks [1]."
    await answered(router, asked(PARENTAL))
    kept = await journal.exchange("x1")
    assert kept is not None
    decision = kept.decision
    assert (decision.policy, decision.propensity, decision.explored, decision.forced) == ("rules", 1.0, False, False)
    assert decision.features["similarity"] == LEAVE.similarity
    assert sum(decision.features[f"odds_{route}"] for route in Route) == pytest.approx(1, abs=1e-4)
    assert all(isinstance(value, float) for value in decision.features.values())


async def test_route_that_was_asked_for_is_kept_as_such(server: ScriptedModel, router: Router, journal: Journal):
    await answered(router, asked(PARENTAL, forced_route=Route.DIRECT))
    kept = await journal.exchange("x1")
    assert kept is not None
    assert kept.decision.forced


DOUBTED = "Write a haiku about parental leave for employees"


async def test_doubtful_route_asks_for_one_short_guess_and_no_other_does(server: ScriptedModel, router_by):
    server.reply = "Sixteen weeks of leave [1]."
    sure = await answered(router_by(), asked(PARENTAL))
    assert "guess" not in sure.timings_ms
    doubtful = await answered(router_by(doubt_band=1.0), asked(DOUBTED))
    assert doubtful.timings_ms["guess"] > 0
    (guess,) = [request for request in server.requests if request.get("logprobs")]
    assert guess["max_tokens"] == 24
    assert doubtful.decision.features["guess_mean"] == -0.5
    assert doubtful.decision.features["guess_margin"] == 1.5


async def test_guess_that_does_not_come_in_time_leaves_the_route_to_the_rest(server: ScriptedModel, router_by):
    server.reply = lambda _: "Sixteen weeks [1]."
    server.mode = "hanging"
    router = router_by(doubt_band=1.0, guess_s=0.05)
    decision = await router.explain(asked(PARENTAL))
    assert decision.route is Route.RETRIEVE
    assert "guess_mean" not in decision.features


@pytest.mark.parametrize(("memory", "said"), [("Employees get 9 weeks of leave.", True), ("Sixteen weeks.", False)])
async def test_where_memory_contradicts_the_documents_they_are_given_and_it_is_said(
    server: ScriptedModel, router_by, memory: str, said: bool
):
    server.reply = lambda messages: "Sixteen weeks of leave [1]." if "[1]" in messages[-1]["content"] else memory
    answer = await answered(router_by(doubt_band=1.0), asked(PARENTAL))
    assert answer.text.startswith("Sixteen weeks of leave [1].")
    assert ("From memory the model would have said otherwise" in answer.text) is said
    assert "9 weeks" not in answer.text


async def test_doubtful_question_that_memory_answers_against_the_documents_is_answered_from_them(
    server: ScriptedModel, search: FakeSearch, router_by
):
    search.passages = [passage("The garden is watered 3 times a week.", title="Garden", similarity=0.36)]
    cited, memory = "The garden is watered 3 times a week [1].", "The garden is watered 9 times a week."
    server.reply = lambda messages: cited if "[1]" in messages[-1]["content"] else memory
    text = "Write a haiku about the garden"
    assert (await answered(router_by(doubt_band=0.0), asked(text))).decision.route is Route.DIRECT
    answer = await answered(router_by(doubt_band=1.0, explore=0.5), asked(text))
    assert answer.decision.route in FROM_DOCUMENTS
    assert "contradict each other" in answer.decision.reason
    assert not answer.decision.explored
    assert answer.text.startswith(cited)
    assert "From memory the model would have said otherwise" in answer.text


async def test_second_best_route_is_tried_in_the_doubtful_band_and_kept_as_such(
    server: ScriptedModel, router_by, journal: Journal
):
    server.reply = "Sixteen weeks [1]."
    router = router_by(doubt_band=1.0, explore=0.5)
    kept = []
    for number in range(12):
        async for _ in router.answer(asked(PARENTAL), exchange_id=f"x{number}"):
            pass
        exchange = await journal.exchange(f"x{number}")
        assert exchange is not None
        kept.append((exchange.decision.explored, exchange.decision.route, exchange.decision.propensity))
    assert set(kept) == {(True, Route.DIRECT, 0.5), (False, Route.RETRIEVE, 0.5)}


async def test_route_that_was_asked_for_is_never_tried_otherwise(server: ScriptedModel, router_by):
    server.reply = "Sixteen weeks [1]."
    router = router_by(doubt_band=1.0, explore=0.5)
    for number in range(12):
        question = asked(PARENTAL, forced_route=Route.RETRIEVE)
        events = [event async for event in router.answer(question, exchange_id=f"x{number}")]
        assert isinstance(events[-1], Answered)
        assert events[-1].answer.decision.route is Route.RETRIEVE


def corrected(policies: Policies, **arms: ArmCalibration) -> str:
    calibration = Calibration(base="rules", arms={Route(name): arm for name, arm in arms.items()})
    return policies.keep(calibration.model_dump_json().encode(), name="rules-test")


async def test_policy_of_the_release_decides_from_the_next_question_on(
    server: ScriptedModel, router: Router, releases: Releases, policies: Policies
):
    server.reply = "Sixteen weeks [1]."
    assert (await router.explain(asked(PARENTAL))).route is Route.RETRIEVE
    name = corrected(policies, retrieve=ArmCalibration(bias=-9), multi=ArmCalibration(bias=-9))
    await releases.put_policy(name)
    corrected_one = await router.explain(asked(PARENTAL))
    assert corrected_one.policy == name
    assert corrected_one.route is not Route.RETRIEVE
    assert corrected_one.reason.startswith("Feedback on earlier answers speaks for")
    await releases.roll_policy_back()
    assert (await router.explain(asked(PARENTAL))).route is Route.RETRIEVE


@pytest.mark.parametrize("damage", ["changed", "gone"])
async def test_policy_whose_file_is_not_what_its_name_says_leaves_the_rules(
    router: Router, releases: Releases, policies: Policies, tmp_path, damage: str
):
    name = corrected(policies, retrieve=ArmCalibration(bias=-9))
    place = tmp_path / "policies" / f"{name}.json"
    if damage == "changed":
        place.write_bytes(place.read_bytes().replace(b"-9", b"-8"))
    else:
        place.unlink()
    await releases.put_policy(name)
    decision = await router.explain(asked(PARENTAL))
    assert (decision.policy, decision.route) == ("rules", Route.RETRIEVE)


async def test_greeting_is_one_whatever_feedback_corrects(router: Router, releases: Releases, policies: Policies):
    await releases.put_policy(corrected(policies, smalltalk=ArmCalibration(bias=-20)))
    assert (await router.explain(asked("hello!"))).route is Route.SMALLTALK
