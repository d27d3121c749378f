import pytest

from knowledge.audience import EVERYONE
from router.queries import refers_back, rewordings, search_query, standalone
from router.questions import Question, Turn
from tests.router.fakes import passage


def asked(text: str, *earlier: str) -> Question:
    thread = tuple(Turn(speaker="user", text=turn) for turn in earlier)
    return Question(text=text, audience=EVERYONE, asker="U1", thread=thread)


LEAVE = "How much parental leave do employees get?"


@pytest.mark.parametrize("text", ["and for contractors?", "what about part-time staff?", "Who approves it?", "why?"])
def test_follow_up_is_searched_with_what_it_refers_to(text: str):
    query = search_query(asked(text, LEAVE))
    assert "parental leave" in query
    assert text in query


def test_second_follow_up_reaches_back_to_the_topic():
    query = search_query(asked("and in the first year?", LEAVE, "and for contractors?"))
    assert "parental leave" in query
    assert "first year" in query


def test_thanks_between_two_questions_are_not_searched_for():
    query = search_query(asked("how does that work", LEAVE, "and for contractors?", "thanks!"))
    assert "contractors" in query
    assert "thanks" not in query


def test_new_question_in_a_thread_stands_alone():
    text = "Where are hotel receipts uploaded after a business trip?"
    assert standalone(asked(text, LEAVE)) == text


def test_question_without_a_thread_stands_alone():
    assert search_query(asked("and for contractors?")) == "and for contractors?"


def test_whole_question_does_not_refer_back():
    assert not refers_back(LEAVE)


def test_rewordings_drop_filler_and_take_title_words_of_near_hits():
    near = [passage("x", title="Family leave policy")]
    keywords, wider = rewordings("Can you please tell me how long parental leave lasts?", near)
    assert keywords == "parental leave lasts"
    assert wider == "parental leave lasts Family policy"


def test_nothing_to_reword_gives_nothing():
    assert rewordings("how is it?", []) == []
    assert rewordings("parental leave", []) == []


def test_query_of_a_long_message_is_bounded():
    assert len(search_query(asked("word " * 20_000))) <= 600


def test_filters_of_an_earlier_message_are_not_searched_for():
    assert search_query(asked("and for contractors?", "How long is leave? in:#ops type:pdf")) == (
        "How long is leave? and for contractors?"
    )
