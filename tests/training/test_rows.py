import json
from pathlib import Path

import pytest

from training.errors import DataUnusable, RowInvalid
from training.rows import Message, PreferenceRow, RatedRow, Row, read_rows, write_rows

_GOOD = {
    "prompt": [{"role": "user", "content": "Who?"}],
    "completion": [{"role": "assistant", "content": "Ann [1]."}],
}


def test_rows_written_are_rows_read(tmp_path: Path):
    rows = [
        Row(prompt=[Message(role="user", content=f"“{n}”\n")], completion=[Message(role="assistant", content="é")])
        for n in range(3)
    ]
    write_rows(tmp_path / "rows.jsonl", rows)

    assert read_rows(tmp_path / "rows.jsonl") == rows


def test_columns_that_other_trainers_use_are_left_alone(tmp_path: Path):
    (tmp_path / "rows.jsonl").write_text(json.dumps(_GOOD | {"label": True, "exchange_id": "x"}) + "\n")

    assert read_rows(tmp_path / "rows.jsonl")[0].completion[0].content == "Ann [1]."


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{not json", "Invalid JSON"),
        (json.dumps({"prompt": _GOOD["prompt"]}), "completion: it is missing"),
        (json.dumps(_GOOD | {"prompt": []}), "prompt: "),
        (json.dumps(_GOOD | {"prompt": [{"role": "tool", "content": "x"}]}), "prompt.0.role: "),
        (json.dumps(_GOOD | {"completion": [{"role": "assistant", "content": ""}]}), "completion.0.content: "),
    ],
)
def test_broken_line_is_named_by_file_and_number(tmp_path: Path, line: str, says: str):
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(_GOOD)}\n\n{line}\n")

    with pytest.raises(RowInvalid) as raised:
        read_rows(path)
    assert str(raised.value).startswith(f"{path}:3: ")
    assert says in str(raised.value)


def test_row_to_avoid_is_refused_by_file_and_number(tmp_path: Path):
    path = tmp_path / "kto.jsonl"
    path.write_text(f"{json.dumps(_GOOD | {'label': True})}\n{json.dumps(_GOOD | {'label': False})}\n")

    with pytest.raises(RowInvalid, match="label: .*sft.jsonl") as raised:
        read_rows(path)
    assert str(raised.value).startswith(f"{path}:2: ")


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_only_a_newline_ends_a_row(tmp_path: Path, separator: str):
    said = f"Ann.{separator}Bob."
    row = json.dumps(_GOOD | {"completion": [{"role": "assistant", "content": said}]}, ensure_ascii=False)
    (tmp_path / "rows.jsonl").write_bytes(f"{row}\r\n{row}\n".encode())

    assert [row.completion[0].content for row in read_rows(tmp_path / "rows.jsonl")] == [said, said]


def test_no_rows_is_said(tmp_path: Path):
    (tmp_path / "rows.jsonl").write_text("\n\n")

    with pytest.raises(DataUnusable, match="holds no rows"):
        read_rows(tmp_path / "rows.jsonl")


def test_missing_file_is_said(tmp_path: Path):
    with pytest.raises(DataUnusable, match=r"absent.jsonl cannot be read: No such file or directory$"):
        read_rows(tmp_path / "absent.jsonl")


def test_pairs_and_votes_are_read_in_trls_forms(tmp_path: Path):
    pair = {
        "prompt": _GOOD["prompt"],
        "chosen": _GOOD["completion"],
        "rejected": [{"role": "assistant", "content": "No."}],
    }
    (tmp_path / "dpo.jsonl").write_text(json.dumps(pair) + "\n")
    (tmp_path / "kto.jsonl").write_text(json.dumps(_GOOD | {"label": False}) + "\n")

    [preference] = read_rows(tmp_path / "dpo.jsonl", PreferenceRow)
    [rated] = read_rows(tmp_path / "kto.jsonl", RatedRow)

    assert (preference.chosen[0].content, preference.rejected[0].content) == ("Ann [1].", "No.")
    assert (rated.completion[0].content, rated.label) == ("Ann [1].", False)


def test_vote_without_its_label_is_no_vote(tmp_path: Path):
    (tmp_path / "kto.jsonl").write_text(json.dumps(_GOOD) + "\n")

    with pytest.raises(RowInvalid, match="label: it is missing"):
        read_rows(tmp_path / "kto.jsonl", RatedRow)
