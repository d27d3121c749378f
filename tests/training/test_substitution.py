import random

from training.articles import Article, Asked, Paragraph
from training.substitution import name_pool, substituted

_POOL = ["Edith Marlow", "Anna Berg", "Rome"]


def _passage(text: str, *asked: tuple[str, str]) -> Paragraph:
    return Paragraph(title="Mill", text=text, questions=tuple(Asked(text=q, golds=(a,)) for q, a in asked))


def test_number_becomes_another_of_the_same_form_in_text_and_gold():
    passage = _passage("It cost 12,500 pounds, and 12,500 pounds was much.", ("What did it cost?", "12,500"))

    changed = substituted(passage, _POOL, random.Random(1))

    gold = changed.questions[0].golds[0]
    assert gold != "12,500"
    assert len(gold) == 6
    assert gold[2] == ","
    assert changed.text == f"It cost {gold} pounds, and {gold} pounds was much."


def test_name_becomes_a_name_of_as_many_words():
    passage = _passage("John Smith built it.", ("Who built it?", "John Smith"))

    changed = substituted(passage, _POOL, random.Random(1))

    assert changed.questions[0].golds[0] in {"Edith Marlow", "Anna Berg"}
    assert changed.text == f"{changed.questions[0].golds[0]} built it."


def test_every_question_on_the_passage_keeps_its_answer_in_it():
    passage = _passage(
        "John Smith built it in 1907.",
        ("Who built it?", "John Smith"),
        ("Who, and when?", "John Smith built it in 1907"),
    )

    changed = substituted(passage, _POOL, random.Random(1))

    assert len(changed.questions) == 2
    assert all(asked.golds[0] in changed.text for asked in changed.questions)


def test_answer_that_a_question_names_stays():
    passage = _passage("John Smith built it.", ("Who built it?", "John Smith"), ("What did John Smith build?", "it"))

    assert substituted(passage, _POOL, random.Random(1)) == passage


def test_plain_words_stay():
    passage = _passage("It is made of red brick.", ("What is it made of?", "red brick"))

    assert substituted(passage, _POOL, random.Random(1)) == passage


def test_pool_holds_short_names_only():
    passage = _passage("…", ("a", "Edith Marlow"), ("b", "red brick"), ("c", "1907"), ("d", "One Two Three Four"))

    assert name_pool([Article(title="Mill", paragraphs=(passage,))]) == ["Edith Marlow"]
