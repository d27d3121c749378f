import json
from pathlib import Path

import pytest

from router.datasets.kinds import ANSWERS, OF_INTENT, TASK
from router.kinds import kind_of
from router.smalltalk import Social
from router.starting_policy import FOLDER


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("whats up", Social.HOW_ARE_YOU),
        ("thanks, you've helped me", Social.THANKS),
        ("i had a pleasure talking to you, see you later", Social.BYE),
        ("hi", Social.GREETING),
    ],
)
def test_small_talk_without_a_phrase_of_ours_is_known_with_its_kind(text: str, kind: Social):
    part = kind_of(text).social
    assert (part.kind, part.share) == (kind, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "vacation",
        "vpn",
        "parking policy",
        "morning standup",
        "goodbye party",
        "what about contractors?",
        "hello, can you tell me the wifi password",
        "Thanks! And how long is parental leave?",
        "how do we thank customers",
        "",
        "🎉",
        "thanks " * 200,
    ],
)
def test_message_that_asks_or_searches_is_not_small_talk(text: str):
    assert kind_of(text).social.share < 1


def test_most_small_talk_of_other_people_is_known_and_hardly_a_request_is_taken_for_it(data_dir: Path):
    rows = json.loads((data_dir / "clinc150" / "train_val.json").read_text())["val"]
    about_us = set(json.loads((data_dir / "clinc150" / "domains.json").read_text())["small_talk"])
    social = [text for text, intent in rows if OF_INTENT.get(intent, TASK) is not TASK]
    requests = [text for text, intent in rows if intent not in about_us | ANSWERS]
    assert sum(kind_of(text).social.share == 1 for text in social) / len(social) > 0.7
    assert sum(kind_of(text).social.share == 1 for text in requests) / len(requests) < 0.001


def test_most_sums_and_the_like_of_other_people_are_known_and_few_others_taken_for_one(data_dir: Path):
    rows = json.loads((data_dir / "clinc150" / "train_val.json").read_text())["val"]
    tasks = [text for text, intent in rows if OF_INTENT.get(intent) is TASK]
    others = [text for text, intent in rows if OF_INTENT.get(intent) is not TASK]
    assert sum(kind_of(text).task > 0 for text in tasks) / len(tasks) > 0.7
    assert sum(kind_of(text).task > 0 for text in others) / len(others) < 0.01


def test_it_is_small_enough_to_ship_and_holds_no_text_of_its_data():
    file = FOLDER / "kinds.json"
    assert file.stat().st_size < 2_500_000
    assert "morning" not in file.read_text()
