from pathlib import Path

import pytest

from router.datasets.examples import Arm, read_examples
from router.errors import ExamplesUnreadable


def written(folder: Path, *lines: str) -> Path:
    file = folder / "data.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_what_is_optional_may_be_missing(tmp_path: Path) -> None:
    (example,) = read_examples(written(tmp_path, '{"question": "Who?", "acc": {"none": 1}}'))
    assert (example.question.text, example.right) == ("Who?", {Arm.NONE: True})
    assert (example.dataset, example.label, example.conversation, example.passages) == ("", "", "", None)


def test_containing_the_gold_counts_before_being_it(tmp_path: Path) -> None:
    line = '{"question": "Who?", "em": {"none": 0, "single": 0}, "acc": {"none": 1, "single": 0, "other": 1}}'
    assert read_examples(written(tmp_path, line))[0].right == {Arm.NONE: True, Arm.SINGLE: False}


def test_exact_matches_serve_where_nothing_else_is_told(tmp_path: Path) -> None:
    line = '{"question": "Who?", "em": {"none": 0, "single": 1, "multi": null}, "acc": null}'
    assert read_examples(written(tmp_path, line))[0].right == {Arm.NONE: False, Arm.SINGLE: True}


def test_thread_and_passages_are_those_of_a_question_in_slack(tmp_path: Path) -> None:
    line = (
        '{"question": "And then?", "label": 7, "conversation": "c",'
        ' "thread": [{"speaker": "user", "text": "First?"}],'
        ' "passages": [{"text": "It is.", "title": "T", "document": "d", "similarity": 0.5}]}'
    )
    (example,) = read_examples(written(tmp_path, "", line, ""))
    assert example.label == "7"
    assert example.question.thread[0].text == "First?"
    assert example.passages is not None
    assert (example.passages[0].document_id, example.passages[0].similarity) == ("d", 0.5)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["nonsense"], "line 1: this is no JSON object"),
        (['{"question": "Who?", "label": "a"}', "[]"], "line 2: this is no JSON object"),
        (['{"label": "a"}'], "line 1: “question”: field required"),
        (['{"question": "", "label": "a"}'], "line 1: “question”"),
        (['{"question": "Who?"}'], "line 1: neither a label nor"),
        (['{"question": "Who?", "acc": {"other": 1}}'], "line 1: neither a label nor"),
        (['{"question": "Who?", "acc": {"none": 7}}'], "line 1: “acc.none”"),
        (['{"question": "A", "label": "a"}', "", '{"question": "B", "acc": {"none": 1}}'], "line 3: this line tells"),
        (['{"question": "A", "label": "a", "passages": [{"text": "t", "similarity": 2}]}'], "“passages.0.similarity”"),
        ([""], "is empty"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong(tmp_path: Path, lines: list[str], told: str) -> None:
    with pytest.raises(ExamplesUnreadable, match=told):
        read_examples(written(tmp_path, *lines))


def test_bytes_that_are_no_text_are_named_by_their_line(tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_bytes(b'{"question": "A", "label": "a"}\n{"question": "\xff", "label": "a"}\n')
    with pytest.raises(ExamplesUnreadable, match="line 2"):
        read_examples(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExamplesUnreadable, match=r"There is no .*absent\.jsonl"):
        read_examples(tmp_path / "absent.jsonl")
    with pytest.raises(ExamplesUnreadable, match="cannot be read"):
        read_examples(tmp_path)
