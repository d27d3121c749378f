import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.audience import EVERYONE
from router.prompts import foretold
from router.questions import Question, Turn
from router.settings import RouterSettings
from router.window import fit_direct, fit_grounded, tokens_of
from tests.router.fakes import passage

SMALL = RouterSettings(model_window_tokens=1024, answer_max_tokens=320, prompt_passages=5)
BUDGET = 1024 - 320 - 60


def asked(text: str, *turns: str) -> Question:
    thread = tuple(Turn(speaker="user", text=turn) for turn in turns)
    return Question(text=text, audience=EVERYONE, asker="U1", thread=thread)


def size(prompt) -> int:
    return sum(tokens_of(message["content"]) for message in prompt)


def test_prompt_that_fits_is_whole():
    passages = [passage("Sixteen weeks."), passage("Trains.")]
    fitted = fit_grounded(asked("How long?"), passages, SMALL)
    assert fitted.passages == tuple(passages)
    assert "[2] Handbook\nTrains." in fitted.prompt[1]["content"]


def test_passage_is_read_under_its_section_and_cited_by_its_title():
    under = passage("Report it within an hour.", section="Devices › A stolen laptop")
    fitted = fit_grounded(asked("My laptop was stolen?"), [under], SMALL)
    assert "[1] Handbook › Devices › A stolen laptop\nReport it within an hour." in fitted.prompt[1]["content"]
    assert fitted.passages[0].title == "Handbook"


def test_last_passages_go_first():
    passages = [passage("Sixteen weeks. " * 30), passage("Trains. " * 90), passage("Pets. " * 90)]
    fitted = fit_grounded(asked("How long?"), passages, SMALL)
    assert [shown.text[:5] for shown in fitted.passages] == ["Sixte", "Train"]


def test_best_passage_is_shown_whole_and_of_the_others_what_speaks_to_the_question():
    long = "Lunch is at noon. " * 40 + "Hotels cost at most 140 euros. " + "Lunch is at noon. " * 40
    best = passage("The kitchen is open. " * 40)
    tight = RouterSettings(prompt_chars=len(best.text) + 300)
    fitted = fit_grounded(asked("What may hotels cost?"), [best, passage(long)], tight)
    assert fitted.passages[0] == best
    assert "140 euros" in fitted.passages[1].text
    assert len(fitted.passages[1].text) <= 300


def test_targets_of_links_are_not_shown():
    fitted = fit_grounded(asked("Where?"), [passage("Fill in [the form](https://intra.example/form).")], SMALL)
    assert "Fill in the form." in fitted.prompt[1]["content"]


def test_no_more_passages_than_set():
    fitted = fit_grounded(asked("How long?"), [passage(str(n)) for n in range(9)], RouterSettings(prompt_passages=3))
    assert len(fitted.passages) == 3


def test_end_of_the_thread_is_kept():
    fitted = fit_direct(asked("and now?", *[f"turn {n} " + "word " * 300 for n in range(20)]), SMALL)
    assert "turn 19" in fitted.prompt[-2]["content"]
    assert fitted.prompt[-1]["content"] == "and now?"


def test_words_in_which_a_question_was_taught_follow_it_where_there_is_room():
    taught = "Who orders laptops?"
    assert fit_direct(asked("I need a laptop"), SMALL, taught=taught).prompt[-1]["content"].endswith(taught)
    assert fit_direct(asked("who orders laptops?"), SMALL, taught=taught).prompt[-1]["content"] == "who orders laptops?"
    crowded = fit_direct(asked("I need a laptop"), SMALL, taught="字" * 3000)
    assert crowded.prompt[-1]["content"] == "I need a laptop"


@settings(max_examples=40, deadline=None)
@given(
    st.text(max_size=300),
    st.lists(st.text(max_size=200), max_size=3),
    st.sampled_from(["a", "é", "字", "🎉", " ", "0", "\n"]),
)
def test_whatever_was_sent_the_prompt_fits(text: str, texts: list[str], filler: str):
    question = asked(text + filler * 3000, *(each + filler * 900 for each in texts))
    passages = [passage(each + filler * 1500) for each in texts]
    assert size(fit_grounded(question, passages, SMALL).prompt) <= BUDGET
    assert size(fit_direct(question, SMALL).prompt) <= BUDGET


def test_earlier_message_that_leaves_no_room_is_left_out():
    fitted = fit_grounded(asked("And for contractors?", "字" * 200), [passage("Sixteen weeks. " * 90)], SMALL)
    assert size(fitted.prompt) <= BUDGET
    assert "字" not in fitted.prompt[1]["content"]
    assert len(fitted.passages[0].text) >= 200


def test_earlier_message_is_kept_beside_what_is_left_of_a_long_passage():
    fitted = fit_grounded(asked("And for contractors?", "字" * 40), [passage("Sixteen weeks. " * 90)], SMALL)
    assert "Earlier question: 字" in fitted.prompt[1]["content"]
    assert len(fitted.passages[0].text) >= 200


def test_least_prompt_that_the_settings_allow_holds_question_and_passage():
    least = RouterSettings(model_window_tokens=1024, answer_max_tokens=512)
    fitted = fit_grounded(asked("How long? " * 400), [passage("Sixteen weeks. " * 100)], least)
    assert fitted.question_chars > 200
    assert len(fitted.passages[0].text) > 200


@pytest.mark.parametrize("text", ["Сколько недель отпуска? " * 200, "word " * 4000, "x" * 4000])
def test_what_was_read_of_a_long_question_is_told_and_fills_its_room(text: str):
    grounded, direct = fit_grounded(asked(text), [passage("Sixteen weeks.")], SMALL), fit_direct(asked(text), SMALL)
    for fitted in (grounded, direct):
        assert 0 < fitted.question_chars < len(text)
        assert fitted.prompt[-1]["content"].endswith(text[: fitted.question_chars])
    assert tokens_of(text[: direct.question_chars + 1]) > BUDGET - 60
    read = text[: grounded.question_chars + 1]
    assert tokens_of(read) + tokens_of(foretold(read)) > BUDGET // 2


def test_question_that_fits_is_read_whole():
    assert fit_grounded(asked("How long?"), [passage("Sixteen weeks.")], SMALL).question_chars == 9
    assert fit_direct(asked("How long?"), SMALL).question_chars == 9


@pytest.mark.parametrize(
    ("text", "least"), [("hello there", 2), ("字字字", 3), ("12345", 5), ("🎉", 1), ("xqjvkzwhgb" * 10, 80)]
)
def test_estimate_is_not_below_what_a_tokenizer_counts(text: str, least: int):
    assert tokens_of(text) >= least


def test_estimate_of_ordinary_words_is_not_far_above_what_a_tokenizer_counts():
    assert tokens_of("Employees get sixteen weeks of paid parental leave.") < 20
