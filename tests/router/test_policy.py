from itertools import pairwise

import pytest

from knowledge.audience import EVERYONE
from knowledge.documents import Passage
from router.decisions import Route
from router.policy import Policy
from router.questions import Question, Turn
from tests.router.fakes import passage

LEAVE = [passage("Employees get sixteen weeks of paid parental leave.", title="Parental leave", similarity=0.68)]
FAR = [passage("Trains are booked ahead.", title="Travel", similarity=0.12)]


def asked(text: str, *earlier: str, forced: Route | None = None) -> Question:
    thread = tuple(Turn(speaker="user", text=turn) for turn in earlier)
    return Question(text=text, audience=EVERYONE, asker="U1", thread=thread, forced_route=forced)


def route(text: str, passages: list[Passage], *earlier: str) -> Route:
    return Policy().decide(asked(text, *earlier), passages).route


@pytest.mark.parametrize(
    "text", ["How much parental leave do we get?", "parental leave", "Tell me about parental leave"]
)
def test_question_that_the_documents_speak_to_is_retrieved(text: str):
    assert route(text, LEAVE) is Route.RETRIEVE


@pytest.mark.parametrize(
    "text",
    [
        "write a haiku",
        "what is 12*7",
        "translate good morning to French",
        "explain what a mutex is",
        "Can you write a regex for email addresses?",
        "Who painted the Mona Lisa?",
    ],
)
def test_general_request_is_answered_directly(text: str):
    assert route(text, FAR) is Route.DIRECT


@pytest.mark.parametrize(
    "text", ["What is our parking policy?", "How much does our CEO earn?", "What's the wifi password at the office?"]
)
def test_question_about_the_team_without_evidence_abstains(text: str):
    assert route(text, FAR) is Route.ABSTAIN


@pytest.mark.parametrize("text", ["Wie lange dauert die Elternzeit?", "¿Cuántos días de vacaciones tengo?"])
def test_question_in_another_language_is_not_taken_for_one_about_the_world(text: str):
    assert route(text, FAR) is not Route.DIRECT


@pytest.mark.parametrize("text", ["how do I do it?", "what about that?", "why?", "tell me more", "🎉", "", "   "])
def test_message_that_names_nothing_is_asked_back(text: str):
    assert route(text, FAR) is Route.CLARIFY


def test_thread_says_what_a_short_message_is_about():
    assert route("who approves it?", LEAVE, "How much parental leave do we get?") is Route.RETRIEVE


@pytest.mark.parametrize("text", ["hello!", "thanks a lot", "good morning, team"])
def test_small_talk_needs_no_search(text: str):
    assert Policy().is_certain(asked(text))
    assert Policy().decide(asked(text), None).route is Route.SMALLTALK


@pytest.mark.parametrize("forced", list(Route))
def test_forced_route_is_taken(forced: Route):
    decision = Policy().decide(asked("How much parental leave do we get?", forced=forced), LEAVE)
    assert decision.route is forced
    assert decision.probabilities[forced] == max(decision.probabilities.values())


@pytest.mark.parametrize("text", ["hello!", "", "write a haiku", "How much parental leave do we get?", "why?"])
@pytest.mark.parametrize("passages", [LEAVE, FAR, [], None])
def test_probabilities_sum_to_one_and_name_every_route_with_one_for_the_documents(
    text: str, passages: list[Passage] | None
):
    decision = Policy().decide(asked(text), passages)
    assert sum(decision.probabilities.values()) == pytest.approx(1)
    assert set(decision.probabilities) == set(Route) - {Route.MULTI}
    assert all(0 < chance < 1 for chance in decision.probabilities.values())
    assert decision.reason.endswith(".")


def test_messages_of_one_route_differ_in_probability():
    for texts in (["hi", "hello there", "good morning all"], ["why?", "how do I do it?", "what about that?"]):
        chances = {max(Policy().decide(asked(text), FAR).probabilities.values()) for text in texts}
        assert len(chances) == len(texts)


def test_better_evidence_makes_retrieval_likelier():
    found = [[passage("Parental leave.", similarity=step / 10)] for step in range(10)]
    question = asked("How much parental leave do we get?")
    chances = [Policy().decide(question, passages).probabilities[Route.RETRIEVE] for passages in found]
    assert all(low < high for low, high in pairwise(chances))


def test_without_a_search_a_question_is_one_for_the_documents():
    assert Policy().decide(asked("How much parental leave do we get?"), None).route is Route.RETRIEVE


def test_what_models_know_by_heart_is_likelier_answered_directly():
    known, obscure = (
        "Which country is Muscat the capital of?",
        "Where was the place of burial of Zorka Petrovna's father?",
    )
    chances = [Policy().decide(asked(text), FAR).probabilities[Route.DIRECT] for text in (known, obscure)]
    assert chances[0] > chances[1] + 0.05


def test_what_documents_speak_to_is_retrieved_however_well_it_is_known_by_heart():
    found = [passage("Romeo and Juliet was written by our theatre club.", title="Romeo and Juliet", similarity=0.8)]
    assert route("Who wrote Romeo and Juliet?", found) is Route.RETRIEVE
