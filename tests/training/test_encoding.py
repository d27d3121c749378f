from pathlib import Path

import pytest

from training.base_model import load_tokenizer
from training.encoding import encode_rows
from training.errors import DataUnusable
from training.rows import Message, Row


def _row(question: str, answer: str) -> Row:
    return Row(prompt=[Message(role="user", content=question)], completion=[Message(role="assistant", content=answer)])


def test_only_the_answer_and_its_stop_are_learnt(models_folder: Path):
    tokenizer = load_tokenizer("tiny", models_folder)

    [row] = encode_rows([_row("Who?", "Ann [1].")], tokenizer, max_tokens=100).rows

    assert tokenizer.text(row.ids[row.start :]) == "Ann [1]."
    assert row.ids[-1] == tokenizer.stop
    assert tokenizer.text(row.ids[: row.start]) == "user\nWho?\nassistant\n"


def test_rows_too_long_are_counted_and_not_cut(models_folder: Path):
    tokenizer = load_tokenizer("tiny", models_folder)

    encoded = encode_rows([_row("Who?", "Ann"), _row("Who?" * 40, "Ann")], tokenizer, max_tokens=60)

    assert (len(encoded.rows), encoded.too_long) == (1, 1)


def test_data_of_which_nothing_fits_is_refused(models_folder: Path):
    with pytest.raises(DataUnusable, match="max_tokens"):
        encode_rows([_row("Who?" * 40, "Ann")], load_tokenizer("tiny", models_folder), max_tokens=20)
