"""Forty messages, written before the router was tried on them, through the real parts."""

from collections import Counter

import pytest

from knowledge.audience import EVERYONE
from router.answers import Answered
from router.decisions import FROM_DOCUMENTS, Route
from router.questions import Question
from tests.integration.conftest import read_cases

pytestmark = [pytest.mark.model, pytest.mark.data, pytest.mark.slow]


@pytest.fixture(scope="module")
def messages():
    return read_cases("routing_messages.json")


async def _route(parts, message):
    question = Question(text=message, audience=EVERYONE, asker="U0TEST")
    async for event in parts.router.answer(question, exchange_id=f"route:{message}"):
        if isinstance(event, Answered):
            return event.answer.decision
    raise AssertionError("no answer came")


async def test_forty_messages_take_the_right_route(handbook_parts, messages):
    right, probabilities = 0, Counter()
    for case in messages:
        decision = await _route(handbook_parts, case["message"])
        # One search of the documents or several: which of the two, the documents decide.
        route = Route.RETRIEVE if decision.route in FROM_DOCUMENTS else decision.route
        accepted = route in {case["route"], case.get("also")}
        right += accepted
        probabilities[decision.route, round(decision.probabilities[decision.route], 6)] += 1
        print(f"{'ok' if accepted else 'NO'} {case['route']:9} → {decision.route:9} {case['message'][:60]!r}")
    assert right >= 32
    # Probabilities differ between the messages of one route.
    assert len(probabilities) >= len(messages) * 3 // 4
