"""Each converter on a small set of its own making, and on the real one where it is at hand."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from knowledge.beir import chunking_eval, xquad
from knowledge.beir.__main__ import app
from knowledge.beir.dataset import CorpusDocument, Dataset, Query, read_dataset
from knowledge.errors import DatasetUnreadable


def test_a_paragraph_of_xquad_answers_its_own_questions(tmp_path: Path) -> None:
    paragraphs = [
        {"context": "Tea is at four.", "qas": [{"id": "a", "question": "When is tea?", "answers": []}]},
        {"context": "It is green.", "qas": [{"id": "b", "question": "Which colour?", "answers": []}]},
    ]
    file = {"version": "1.1", "data": [{"title": "Tea_time", "paragraphs": paragraphs}]}
    (tmp_path / xquad.FILE).write_text(json.dumps(file))
    assert xquad.convert(tmp_path) == Dataset(
        documents=[
            CorpusDocument(id="Tea_time:0", title="Tea time", text="Tea is at four."),
            CorpusDocument(id="Tea_time:1", title="Tea time", text="It is green."),
        ],
        queries=[
            Query(id="a", text="When is tea?", grades={"Tea_time:0": 1}),
            Query(id="b", text="Which colour?", grades={"Tea_time:1": 1}),
        ],
    )


def test_passages_of_a_corpus_are_the_whole_of_it_and_end_where_sentences_do(tmp_path: Path) -> None:
    text = "A sentence of five words. " * 100 + "\n\n" + "word " * 300 + "x" * 1500
    documents = spans(tmp_path, text, [(0, 10)]).documents
    assert "".join(document.text for document in documents) == text
    assert all(len(document.text) <= 1000 for document in documents)
    assert [document.text.rstrip()[-6:] for document in documents][:3] == ["words.", "words.", "words."]
    assert {document.title for document in documents} == {"state of tea"}


def test_relevant_is_the_passage_that_holds_half_of_a_span(tmp_path: Path) -> None:
    text = "".join(letter * 999 + "\n" for letter in "abcd")
    within = spans(tmp_path, text, [(10, 20), (2100, 2200)])
    assert within.queries[0].grades == {"state_of_tea:0": 1, "state_of_tea:2": 1}
    mostly_second = spans(tmp_path, text, [(990, 1020)])
    assert mostly_second.queries[0].grades == {"state_of_tea:1": 1}
    halves = spans(tmp_path, text, [(990, 1010)])
    assert halves.queries[0].grades == {"state_of_tea:0": 1, "state_of_tea:1": 1}


def test_the_same_words_in_another_place_are_as_relevant(tmp_path: Path) -> None:
    text = ("Tea is at four." + "a" * 984 + "\n") + ("b" * 999 + "\n") + ("c" * 900 + "Tea is at four." + "\n")
    assert spans(tmp_path, text, [(0, 15)]).queries[0].grades == {"state_of_tea:0": 1, "state_of_tea:2": 1}


def test_relevant_is_the_longest_piece_of_a_span_that_no_passage_holds_half_of(tmp_path: Path) -> None:
    text = "".join(letter * 999 + "\n" for letter in "abcd")
    # 700, 1,000 and 600 characters of 2,300.
    assert spans(tmp_path, text, [(300, 2600)]).queries[0].grades == {"state_of_tea:1": 1}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ('q,"[]",state_of_tea', "line 2: no reference lies within the corpus"),
        ('q,"[{""start_index"": 900, ""end_index"": 910}]",state_of_tea', "no reference lies within"),
        ("q,nonsense,state_of_tea", "line 2: the references are no JSON list of spans"),
        ('q,"[]",another', "line 2: there is no corpus “another”"),
    ],
)
def test_a_bad_row_of_questions_is_named(tmp_path: Path, row: str, told: str) -> None:
    spans(tmp_path, "Tea.", [(0, 3)])
    (tmp_path / chunking_eval.QUESTIONS).write_text(f"question,references,corpus_id\n{row}\n")
    with pytest.raises(DatasetUnreadable, match=told):
        chunking_eval.convert(tmp_path)


def test_a_questions_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / chunking_eval.QUESTIONS).write_text("question,answer\n")
    with pytest.raises(DatasetUnreadable, match="lacks one of the columns"):
        chunking_eval.convert(tmp_path)


@pytest.mark.parametrize("name", ["xquad", "chunking-eval"])
def test_a_folder_without_the_set_is_one_line(tmp_path: Path, name: str) -> None:
    told = CliRunner().invoke(app, [name, str(tmp_path), str(tmp_path / "out")])
    assert told.exit_code == 1
    assert len(told.stderr.splitlines()) == 1
    assert str(tmp_path) in told.stderr


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "folder", "expected"), [("xquad", "xquad-en", (240, 1190)), ("chunking-eval", "", (1702, 472))]
)
def test_the_real_sets_are_converted_whole(
    data_dir: Path, tmp_path: Path, name: str, folder: str, expected: tuple[int, int]
) -> None:
    told = CliRunner().invoke(app, [name, str(data_dir / folder), str(tmp_path)])
    assert told.exit_code == 0, told.stderr
    dataset = read_dataset(tmp_path)
    assert (len(dataset.documents), len(dataset.queries)) == expected


@pytest.mark.data
def test_passages_of_each_real_corpus_are_the_whole_of_it(data_dir: Path) -> None:
    folder = data_dir / "chunking-eval"
    documents = chunking_eval.convert(folder).documents
    for file in (folder / "corpora").glob("*.md"):
        of_corpus = "".join(each.text for each in documents if each.id.startswith(f"{file.stem}:"))
        assert of_corpus == file.read_text(encoding="utf-8")


def spans(folder: Path, text: str, found: list[tuple[int, int]]) -> Dataset:
    """One corpus and one question, with these spans for its answer."""
    (folder / "corpora").mkdir(exist_ok=True)
    (folder / "corpora" / "state_of_tea.md").write_text(text)
    references = json.dumps([{"content": "", "start_index": start, "end_index": end} for start, end in found])
    quoted = references.replace('"', '""')
    (folder / chunking_eval.QUESTIONS).write_text(
        f'question,references,corpus_id\nHow is tea?,"{quoted}",state_of_tea\n'
    )
    return chunking_eval.convert(folder)
