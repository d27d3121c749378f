import random
import re

import pytest

from training.rewording import rewordings

_QUESTIONS = ["Who orders new laptops?", "How do we write dates in documents?", "VPN?", "?", "Wo ist der Schlüssel?"]


@pytest.mark.parametrize("question", _QUESTIONS)
def test_wordings_differ_from_one_another_and_from_the_question(question: str):
    found = rewordings(question, 12, random.Random(1))

    assert found
    assert len({each.casefold() for each in found} | {question.casefold()}) == len(found) + 1


def test_every_wording_asks_about_the_same_thing():
    found = rewordings("Where do I report a broken badge?", 40, random.Random(1))

    assert len(found) == 40
    assert all("badge" in each for each in found)
    assert all(re.search(r"broken|damaged|order", each) for each in found)


def test_the_same_seed_gives_the_same_wordings():
    one, other, again = (rewordings(_QUESTIONS[0], 10, random.Random(seed)) for seed in (1, 2, 1))

    assert one == again != other


def test_braces_in_a_question_are_text():
    found = rewordings("What does {0} mean in the template {q}?", 12, random.Random(1))

    assert any("{0}" in each and "{q}" in each for each in found)
