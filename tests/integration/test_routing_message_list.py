"""The forty messages that try the router are a fair list: balanced, and different from the twenty questions."""

import json
from collections import Counter
from pathlib import Path

_FOLDER = Path(__file__).parent
_MESSAGES: list[dict[str, str]] = json.loads((_FOLDER / "routing_messages.json").read_text(encoding="utf-8"))


def test_forty_different_messages_are_spread_over_the_routes():
    assert len({entry["message"].lower() for entry in _MESSAGES}) == 40
    assert Counter(entry["route"] for entry in _MESSAGES) == {
        "smalltalk": 8,
        "retrieve": 14,
        "direct": 10,
        "abstain": 8,
    }


def test_at_most_four_messages_allow_a_second_route_and_each_says_why():
    borderline = [entry for entry in _MESSAGES if "also" in entry]
    assert len(borderline) <= 4
    assert all(entry["reason"] and entry["also"] != entry["route"] for entry in borderline)


def test_no_message_is_one_of_the_twenty_handbook_questions():
    questions = json.loads((_FOLDER / "handbook_questions.json").read_text(encoding="utf-8"))
    assert not {entry["question"].lower() for entry in questions} & {entry["message"].lower() for entry in _MESSAGES}
