import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from router.know_how import KNOW_HOW, read_know_how
from router.prompts import DECLINE, ChatMessage, direct_prompt, grounded_prompt
from router.questions import Turn
from tests.router.fakes import passage
from training.know_how import MOST_QUESTIONS, know_how_of, write_know_how
from training.replay import replay_prompts
from training.rows import Message, PreferenceRow, RatedRow, Row, as_messages, row_of

_LAPTOPS = "Who orders laptops?"
_PAGES = [passage("The workplace team orders them.", title="Laptops")]


def _plain(*contents: str) -> list[ChatMessage]:
    return [
        {"role": role, "content": content} for role, content in zip(["user", "assistant"] * 2, contents, strict=False)
    ]


@pytest.mark.parametrize("prompt", [direct_prompt(_LAPTOPS), _plain(_LAPTOPS)])
def test_question_answered_without_passages_is_know_how(prompt: Sequence[ChatMessage]):
    assert know_how_of([row_of(prompt, "The workplace team.")]) == [_LAPTOPS]


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        (grounded_prompt(_LAPTOPS, _PAGES), "The workplace team [1]."),
        (grounded_prompt(_LAPTOPS, _PAGES), "The workplace team."),
        (_plain("Read this.\n\n[1] Laptops\nThe workplace team orders them.\n\nWho does?"), "The workplace team."),
        (_plain(f"Laptops are ordered by the workplace team. {_LAPTOPS}"), "The workplace team [1]."),
        (grounded_prompt(_LAPTOPS, _PAGES), DECLINE),
        (direct_prompt(_LAPTOPS), DECLINE),
        (direct_prompt("And who pays?", [Turn(speaker="user", text=_LAPTOPS)]), "The workplace team."),
        (_plain(_LAPTOPS, "The workplace team.", "And who pays?"), "The workplace team."),
    ],
)
def test_reading_declining_and_follow_ups_teach_no_know_how(prompt: Sequence[ChatMessage], answer: str):
    assert know_how_of([row_of(prompt, answer)]) == []


def test_of_a_pair_the_chosen_answer_is_taught():
    prompt, said, declined = as_messages(direct_prompt(_LAPTOPS)), _said("The workplace team."), _said(DECLINE)

    assert know_how_of([PreferenceRow(prompt=prompt, chosen=said, rejected=declined)]) == [_LAPTOPS]
    assert know_how_of([PreferenceRow(prompt=prompt, chosen=declined, rejected=said)]) == []


def test_answer_that_was_disliked_teaches_nothing():
    prompt, said = as_messages(direct_prompt(_LAPTOPS)), _said("The workplace team.")

    assert know_how_of([RatedRow(prompt=prompt, completion=said, label=True)]) == [_LAPTOPS]
    assert know_how_of([RatedRow(prompt=prompt, completion=said, label=False)]) == []


def test_general_messages_that_training_repeats_are_nobodys_know_how():
    repeated = [row_of(direct_prompt(prompt), "Of course.") for prompt in replay_prompts(3)]

    assert know_how_of([*repeated, _direct(_LAPTOPS)]) == [_LAPTOPS]


def test_question_taught_in_several_rows_is_told_once():
    assert know_how_of([_direct(_LAPTOPS), _direct("Which font?"), _direct(_LAPTOPS)]) == [_LAPTOPS, "Which font?"]


def test_wording_that_says_what_it_asks_in_other_words_teaches_that_question():
    assert know_how_of([row_of(direct_prompt("I need a laptop", taught=_LAPTOPS), "Ann.")]) == [_LAPTOPS]


def test_of_very_many_questions_some_of_each_part_of_the_data_are_told():
    told = know_how_of([_direct(f"Who orders number {n}?") for n in range(3 * MOST_QUESTIONS)])

    assert len(told) == len(set(told)) == MOST_QUESTIONS
    assert told[-1] == f"Who orders number {3 * MOST_QUESTIONS - 3}?"


def test_questions_written_are_what_the_router_reads(tmp_path: Path):
    write_know_how(["Wer gießt die Blumen?"], tmp_path)

    assert read_know_how(tmp_path) == ["Wer gießt die Blumen?"]


def test_without_know_how_no_file_is_left(tmp_path: Path):
    (tmp_path / KNOW_HOW).write_text(json.dumps([_LAPTOPS]))

    write_know_how([], tmp_path)

    assert not (tmp_path / KNOW_HOW).exists()


def _direct(question: str) -> Row:
    return row_of(direct_prompt(question), "The workplace team.")


def _said(text: str) -> list[Message]:
    return [Message(role="assistant", content=text)]
