from pathlib import Path

import pytest

from training.base_model import load_tokenizer
from training.encoding import encode_rows
from training.errors import DataUnusable
from training.rows import Message, PreferenceRow, RatedRow, Row


def _row(question: str, answer: str) -> Row:
    return Row(prompt=[Message(role="user", content=question)], completion=[Message(role="assistant", content=answer)])


def test_only_the_answer_and_its_stop_are_learnt(models_folder: Path):
    tokenizer = load_tokenizer("tiny", models_folder)

    [row] = encode_rows([_row("Who?", "Ann [1].")], tokenizer, max_tokens=100).rows

    [completion] = row.completions
    assert tokenizer.text(completion) == "Ann [1]."
    assert completion[-1] == tokenizer.stop
    assert tokenizer.text(row.prompt) == "user\nWho?\nassistant\n"


def test_rows_too_long_are_counted_and_not_cut(models_folder: Path):
    tokenizer = load_tokenizer("tiny", models_folder)

    encoded = encode_rows([_row("Who?", "Ann"), _row("Who?" * 40, "Ann")], tokenizer, max_tokens=60)

    assert (len(encoded.rows), encoded.too_long) == (1, 1)


def test_data_of_which_nothing_fits_is_refused(models_folder: Path):
    with pytest.raises(DataUnusable, match="max_tokens"):
        encode_rows([_row("Who?" * 40, "Ann")], load_tokenizer("tiny", models_folder), max_tokens=20)


def test_preference_keeps_both_answers_the_chosen_first(models_folder: Path):
    tokenizer = load_tokenizer("tiny", models_folder)
    row = PreferenceRow(
        prompt=[Message(role="user", content="Who?")],
        chosen=[Message(role="assistant", content="Ann")],
        rejected=[Message(role="assistant", content="Bob")],
    )

    [encoded] = encode_rows([row], tokenizer, max_tokens=100).rows

    assert [tokenizer.text(completion) for completion in encoded.completions] == ["Ann", "Bob"]


def _rated(answer: str, *, label: bool = True) -> RatedRow:
    row = _row("Who?", answer)
    return RatedRow(prompt=row.prompt, completion=row.completion, label=label)


def test_each_rated_row_gets_the_answer_of_another_and_each_answer_is_given_once(models_folder: Path):
    tokenizer = load_tokenizer("tiny", models_folder)
    rows = [_rated(answer, label=answer > "C") for answer in "ABCDE"]

    encoded = encode_rows(rows, tokenizer, max_tokens=100, seed=4).rows

    own, strangers = zip(*([tokenizer.text(each) for each in row.completions] for row in encoded), strict=True)
    assert "".join(own) == "ABCDE"
    assert sorted(strangers) == list("ABCDE")
    assert all(mine != other for mine, other in zip(own, strangers, strict=True))
    assert [row.liked for row in encoded] == [False, False, False, True, True]


def test_a_single_vote_is_nothing_to_learn_from(models_folder: Path):
    with pytest.raises(DataUnusable, match="only one"):
        encode_rows([_rated("A")], load_tokenizer("tiny", models_folder), max_tokens=100)
