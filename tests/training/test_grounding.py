import re
from pathlib import Path

import pytest

from router.prompts import DECLINE, DIRECT_SYSTEM, GROUNDED_SYSTEM, grounded_prompt
from router.questions import Turn
from training.articles import Article, Asked, Paragraph
from training.grounding import apart_rows, citing_answer, grounded_rows, row, unanswered_rows
from training.invented_pages import invented_pages
from training.replay import replay_prompts, replay_rows
from training.rows import Row
from training.scoring import citations
from training.xquad import held_out_titles, read_articles, split

_LETTERS = "abcdefghijklmnopqrst"


def _articles() -> list[Article]:
    """Six articles of three paragraphs; the answer to `q12x?` is `a12x`, and stands in paragraph p12 only."""
    return [
        Article(
            title=f"Article {number}",
            paragraphs=tuple(
                Paragraph(
                    title=f"Article {number}",
                    text=f"p{number}{part} holds {' and '.join(f'a{number}{part}{letter}' for letter in _LETTERS)}. It has a second"
                    " sentence. And a third.",
                    questions=tuple(
                        Asked(text=f"q{number}{part}{letter}?", golds=(f"a{number}{part}{letter}",))
                        for letter in _LETTERS
                    ),
                )
                for part in range(3)
            ),
        )
        for number in range(6)
    ]


def _rows() -> list[Row]:
    return list(grounded_rows(_articles(), seed=3))


def _asked(row: Row) -> str:
    return row.prompt[-1].content.rsplit("Question: q", 1)[1].rstrip("?")


def test_prompt_is_the_routers_own():
    passages = _articles()[0].paragraphs
    thread = (Turn(speaker="user", text="before"),)

    built = row("q?", passages, "a [1].", thread)

    assert [message.model_dump() for message in built.prompt] == grounded_prompt("q?", passages, thread)


def test_answers_cite_the_passage_that_holds_them():
    answering = [row for row in _rows() if row.completion[0].content != DECLINE]

    for each in answering:
        [cited] = citations(each.completion[0].content)
        numbered = re.split(r"(?m)^\[(\d)\] ", each.prompt[-1].content)
        passages = dict(zip(map(int, numbered[1::2]), numbered[2::2], strict=True))
        assert each.completion[0].content == citing_answer(f"a{_asked(each)}", cited)
        assert re.search(rf"\ba{_asked(each)}\b", passages[cited])


def test_declining_rows_hold_no_answer_but_another_passage_of_the_article():
    declining = [row for row in _rows() if row.completion[0].content == DECLINE]

    assert declining
    for each in declining:
        shown = each.prompt[-1].content.rsplit("\n\n", 1)[0]
        assert f"a{_asked(each)}" not in shown
        assert f"Article {_asked(each)[0]}\n" in shown


def test_declining_rows_of_the_pages_hold_no_answer_anywhere():
    pages = invented_pages()
    golds = {asked.text: asked.golds[0] for page in pages for part in page.paragraphs for asked in part.questions}
    declining = [row for row in grounded_rows(pages, seed=3) if row.completion[0].content == DECLINE]

    assert len(declining) > 100
    for each in declining:
        shown, question = each.prompt[-1].content.rsplit("Question: ", 1)
        text = "\n".join(passage.split("\n", 1)[1] for passage in re.split(r"(?m)^\[\d+\] ", shown)[1:])
        passages = text.rsplit("\n\nEarlier question: ", 1)[0]
        assert not re.search(rf"(?<!\w){re.escape(golds[question])}(?!\w)", passages, re.IGNORECASE), question


def _shown(row: Row) -> list[tuple[int, str]]:
    """The passages of a prompt with their numbers."""
    numbered = re.split(r"(?m)^\[(\d)\] ", row.prompt[-1].content.rsplit("\n\n", 1)[0])
    return list(zip(map(int, numbered[1::2]), numbered[2::2], strict=True))


def test_rows_that_are_read_apart_show_one_passage_under_any_number():
    shown = [_shown(row) for row in apart_rows(_articles(), seed=3)]

    assert {len(each) for each in shown} == {1}
    assert {n for [(n, _)] in shown} == {1, 2, 3, 4, 5}


def test_rows_that_are_read_apart_answer_from_the_right_passage_and_decline_from_its_neighbours():
    rows = list(apart_rows(_articles(), seed=3))

    for each in rows:
        [(n, passage)] = _shown(each)
        answer = citing_answer(f"a{_asked(each)}", n)
        assert each.completion[0].content == (
            answer if f"a{_asked(each)} " in f"{passage} ".replace(".", " ") else DECLINE
        )
        assert passage.startswith(f"Article {_asked(each)[0]}\n")
    declining = sum(row.completion[0].content == DECLINE for row in rows)
    assert 0.2 < declining / len(rows) < 0.4


def test_right_passage_stands_at_every_place():
    cited = [number for row in _rows() for number in citations(row.completion[0].content)]

    assert {1, 2, 3} <= set(cited)
    assert max(cited.count(n) for n in (1, 2, 3)) < 3 * min(cited.count(n) for n in (1, 2, 3))


def test_some_rows_carry_an_earlier_question():
    rows = _rows()
    share = sum(
        "\nEarlier question: " in row.prompt[-1].content or "\n\nEarlier question: " in row.prompt[-1].content
        for row in rows
    ) / len(rows)

    assert 0.08 < share < 0.25


def test_same_seed_gives_the_same_rows():
    assert _rows() == _rows()


def test_gold_is_trimmed_to_one_sentence():
    assert citing_answer("Luke Kuechly.", 2) == "Luke Kuechly [2]."


def test_invented_answers_are_spans_of_their_section():
    asked = [
        (paragraph, each) for page in invented_pages() for paragraph in page.paragraphs for each in paragraph.questions
    ]

    assert len(asked) > 4300
    assert [each.text for paragraph, each in asked if each.golds[0] not in paragraph.text] == []


def test_replay_prompts_are_distinct_texts():
    prompts = replay_prompts()

    assert len(prompts) == len(set(prompts)) > 80
    assert all(isinstance(prompt, str) for prompt in prompts)


def test_replay_rows_are_the_base_models_own_words_on_the_direct_route(models_folder: Path):
    rows = list(replay_rows(["Hello?", "Why?"], "tiny", models_folder))

    assert all(row.prompt[0].content == DIRECT_SYSTEM != GROUNDED_SYSTEM for row in rows)
    assert rows == list(replay_rows(["Hello?", "Why?"], "tiny", models_folder))


def test_every_question_is_asked_once_and_few_rows_decline():
    rows = _rows()
    answering = [_asked(row) for row in rows if row.completion[0].content != DECLINE]

    assert len(answering) == len(set(answering)) == 6 * 3 * len(_LETTERS)
    assert 0.03 < (len(rows) - len(answering)) / len(answering) < 0.11


@pytest.mark.data
def test_held_out_articles_are_never_learnt_from(data_dir: Path):
    learnt, held_out = split(read_articles(data_dir))

    assert {article.title for article in held_out} == held_out_titles()
    assert len(held_out) == 12
    assert len(learnt) == 36
    held_texts = {paragraph.text for article in held_out for paragraph in article.paragraphs}
    held_questions = {
        asked.text for article in held_out for paragraph in article.paragraphs for asked in paragraph.questions
    }
    for each in grounded_rows(learnt):
        content = each.prompt[-1].content
        assert not any(text in content for text in held_texts)
        assert content.rsplit("Question: ", 1)[1] not in held_questions


def test_passage_that_speaks_of_what_is_asked_is_never_shown_to_decline_from():
    asked = Asked(text="How many days of parental leave are there?", golds=("90",))
    page = Article(title="Leave", paragraphs=(Paragraph(title="Leave", text="There are 90.", questions=(asked,)),))
    other = Paragraph(title="Owls", text="Owls sleep by day.", questions=(), document_id="d1")
    holding = Paragraph(title="Owls", text="Of the owls 90 sleep.", questions=(), document_id="d2")
    speaking = Paragraph(title="Parental leave", text="Parents stay at home.", questions=(), document_id="d3")

    assert [each.shown_documents for each in unanswered_rows([page], [other])] == [("d1",)]
    assert [list(unanswered_rows([page], [each])) for each in (holding, speaking)] == [[], []]
