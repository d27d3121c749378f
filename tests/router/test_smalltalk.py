import json
from pathlib import Path

import pytest

from router.smalltalk import Social, reply_to, social_part


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hi", Social.GREETING),
        ("Hello there, Tandem!", Social.GREETING),
        ("good morning everyone ☀️", Social.GREETING),
        ("thanks a lot, that was great", Social.THANKS),
        ("hey, how are you today?", Social.HOW_ARE_YOU),
        ("who are you?", Social.WHO_ARE_YOU),
        ("What can I ask you?", Social.WHAT_CAN_YOU_DO),
        ("bye, see you tomorrow", Social.BYE),
        ("ok great", Social.PRAISE),
        ("haha, you are funny", Social.PRAISE),
        ("You're so clever 😄", Social.PRAISE),
        ("that was really kind of you", Social.PRAISE),
        ("thanks for nothing, this is wrong", Social.COMPLAINT),
        ("You are useless", Social.COMPLAINT),
    ],
)
def test_small_talk_is_known_with_its_kind(text: str, kind: Social):
    part = social_part(text)
    assert (part.kind, part.share) == (kind, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "hi, how do I book a train?",
        "thanks, and for contractors?",
        "hello world in Python please",
        "history of the company",
        "are you smart about taxes?",
        "write a funny poem",
        "",
        "hi " * 200,
    ],
)
def test_message_that_asks_for_something_is_not_small_talk(text: str):
    assert social_part(text).share < 1


def test_reply_varies_with_what_was_said():
    texts = ["hi", "hello", "hey there", "good morning", "hiya", "greetings", "howdy", "yo"]
    assert len({reply_to(text, 0) for text in texts}) > 1
    assert reply_to("thanks!", 0) != reply_to("hello", 0)


def test_same_words_later_in_a_thread_get_another_reply():
    assert reply_to("thanks!", 2) != reply_to("thanks!", 3)


def test_no_request_of_other_people_is_taken_for_small_talk(data_dir: Path):
    rows = json.loads((data_dir / "clinc150" / "train_val.json").read_text())["val"]
    social = set(json.loads((data_dir / "clinc150" / "domains.json").read_text())["small_talk"])
    taken = [text for text, intent in rows if intent not in social and social_part(text).share == 1]
    assert len(taken) <= 5, taken
