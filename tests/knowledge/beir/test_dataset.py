from pathlib import Path

import pytest

from knowledge.beir.dataset import CorpusDocument, Dataset, Query, read_dataset, write_dataset
from knowledge.errors import DatasetUnreadable

GOOD = {
    "corpus.jsonl": '{"_id": "d1", "title": "Leave", "text": "Sixteen weeks."}\n{"_id": "d2", "text": "Tea at four."}\n',
    "queries.jsonl": '{"_id": "q1", "text": "How long?"}\n\n{"_id": "q2", "text": "When?"}\n',
    "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq2\td2\t1\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "qrels").mkdir()
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_documents_queries_and_grades_are_read(folder: Path) -> None:
    dataset = read_dataset(folder)
    assert dataset.documents == [
        CorpusDocument(id="d1", title="Leave", text="Sixteen weeks."),
        CorpusDocument(id="d2", title="", text="Tea at four."),
    ]
    assert dataset.queries == [
        Query(id="q1", text="How long?", grades={"d1": 2, "d2": 0}),
        Query(id="q2", text="When?", grades={"d2": 1}),
    ]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    dataset = Dataset(
        documents=[CorpusDocument(id="1", title="Zwölf\u2028Uhr", text="a\tb\n\nc")],
        queries=[Query(id="a b", text="“Wann?”", grades={"1": 1})],
    )
    write_dataset(dataset, tmp_path / "new")
    assert read_dataset(tmp_path / "new") == dataset


def test_a_query_without_a_relevant_document_is_left_out(folder: Path) -> None:
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t0\nq2\td2\t1\n")
    assert [query.id for query in read_dataset(folder).queries] == ["q2"]


def test_ids_may_be_numbers_and_lines_may_end_as_on_windows(folder: Path) -> None:
    (folder / "corpus.jsonl").write_bytes(b'{"_id": 7, "title": null, "text": "Tea."}\r\n')
    (folder / "qrels" / "test.tsv").write_bytes(b"query-id\tcorpus-id\tscore\r\nq1\t7\t1\r\n")
    assert read_dataset(folder).queries[0].grades == {"7": 1}


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(DatasetUnreadable, match=f"There is no .*{name}"):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("corpus.jsonl", "\n", "corpus.jsonl is empty"),
        ("queries.jsonl", "", "queries.jsonl is empty"),
        ("qrels/test.tsv", "", "line 1: a header belongs here"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n", "names no relevant document"),
    ],
)
def test_an_empty_file_is_named(folder: Path, name: str, text: str, told: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(DatasetUnreadable, match=told):
        read_dataset(folder)


def test_a_folder_in_place_of_a_file_is_named(folder: Path) -> None:
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl").mkdir()
    with pytest.raises(DatasetUnreadable, match="corpus.jsonl cannot be read"):
        read_dataset(folder)


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b'{"text": "x"}', b'{"_id": "", "text": "x"}', b'{"_id": "x"}', b'{"_id": "x", "text": ["x"]}',
     b'{"_id": "x", "text": "\xff"}'],
)  # fmt: skip
@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
def test_a_bad_line_of_json_is_named(folder: Path, name: str, line: bytes) -> None:
    with (folder / name).open("ab") as file:
        file.write(b"\n" + line + b"\n")
    with pytest.raises(DatasetUnreadable) as caught:
        read_dataset(folder)
    number = len((folder / name).read_bytes().splitlines())
    assert str(caught.value) == f"{folder / name}, line {number}: this is no JSON object with an “_id” and a “text”"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("q9\td1\t1", "the query “q9” is not in queries.jsonl"),
        ("q1\td9\t1", "the document “d9” is not in corpus.jsonl"),
        ("q1\td1\t1", "the document “d1” has been judged for this query before"),
        ("q1\td1", "a query's id, a document's id and a whole number belong here, with tabs between"),
        ("q1\td1\thigh", "a query's id, a document's id and a whole number belong here, with tabs between"),
        ("\udcff\td1\t1", "this is not UTF-8"),
    ],
)
def test_a_bad_judgement_is_named(folder: Path, line: str, told: str) -> None:
    file = folder / "qrels" / "test.tsv"
    with file.open("a", encoding="utf-8", errors="surrogateescape") as qrels:
        qrels.write(line + "\n")
    with pytest.raises(DatasetUnreadable) as caught:
        read_dataset(folder)
    assert str(caught.value) == f"{file}, line 5: {told}"


def test_a_missing_header_is_told_rather_than_a_judgement_lost(folder: Path) -> None:
    (folder / "qrels" / "test.tsv").write_text("q1\td1\t1\nq2\td2\t1\n")
    with pytest.raises(DatasetUnreadable, match="line 1: a header belongs here"):
        read_dataset(folder)


def test_an_id_that_stands_twice_is_named(folder: Path) -> None:
    with (folder / "corpus.jsonl").open("a") as file:
        file.write('{"_id": "d1", "text": "again"}\n')
    with pytest.raises(DatasetUnreadable, match="line 3: the _id “d1” has been given before"):
        read_dataset(folder)
