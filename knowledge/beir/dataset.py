"""A retrieval data set in BEIR's layout: documents, queries, and which documents answer which query.

corpus.jsonl     {"_id": …, "title": …, "text": …} a line; the title may be missing
queries.jsonl    {"_id": …, "text": …} a line
qrels/test.tsv   a header, then query's id, document's id and grade a line, with tabs between; above 0 is relevant
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from knowledge.errors import DatasetUnreadable

_CORPUS = "corpus.jsonl"
_QUERIES = "queries.jsonl"
_QRELS = Path("qrels", "test.tsv")
_HEADER = ("query-id", "corpus-id", "score")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusDocument:
    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """`grades` holds the documents judged for this query; above 0 is relevant, and at least one is."""

    id: str
    text: str
    grades: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """At least one document, and at least one query; a query for which no document is relevant measures nothing and is left out."""

    documents: Sequence[CorpusDocument]
    queries: Sequence[Query]


class _Row(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: str = Field(alias="_id", min_length=1)
    text: str
    title: str | None = None


def read_dataset(folder: Path) -> Dataset:
    """Raises DatasetUnreadable, which names the file and the line."""
    corpus = _rows(folder / _CORPUS)
    queries = _rows(folder / _QUERIES)
    grades = _grades(folder / _QRELS, queries=queries, corpus=corpus)
    return Dataset(
        documents=[CorpusDocument(id=row.id, title=row.title or "", text=row.text) for row in corpus.values()],
        queries=[Query(id=id_, text=queries[id_].text, grades=judged) for id_, judged in grades.items()],
    )


def write_dataset(dataset: Dataset, folder: Path) -> None:
    (folder / _QRELS).parent.mkdir(parents=True, exist_ok=True)
    corpus = ({"_id": each.id, "title": each.title, "text": each.text} for each in dataset.documents)
    _write_rows(folder / _CORPUS, corpus)
    _write_rows(folder / _QUERIES, ({"_id": query.id, "text": query.text} for query in dataset.queries))
    judged = [(query.id, id_, str(grade)) for query in dataset.queries for id_, grade in query.grades.items()]
    lines = ("\t".join(fields) + "\n" for fields in [_HEADER, *judged])
    (folder / _QRELS).write_text("".join(lines), encoding="utf-8")


def _rows(file: Path) -> dict[str, _Row]:
    rows: dict[str, _Row] = {}
    for number, line in _lines(file):
        try:
            row = _Row.model_validate_json(line)
        except ValidationError as error:
            raise _wrong(file, number, "this is no JSON object with an “_id” and a “text”") from error
        if row.id in rows:
            raise _wrong(file, number, f"the _id “{row.id[:80]}” has been given before")
        rows[row.id] = row
    if not rows:
        raise DatasetUnreadable(f"{file} is empty")
    return rows


def _grades(file: Path, *, queries: Mapping[str, Any], corpus: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """The judged documents of each query that has a relevant one."""
    grades: dict[str, dict[str, int]] = {}
    lines = _lines(file)
    _check_header(file, *next(lines, (1, b"")))
    for number, line in lines:
        query, document, grade = _judgement(file, number, line)
        if query not in queries:
            raise _wrong(file, number, f"the query “{query[:80]}” is not in {_QUERIES}")
        if document not in corpus:
            raise _wrong(file, number, f"the document “{document[:80]}” is not in {_CORPUS}")
        if document in grades.setdefault(query, {}):
            raise _wrong(file, number, f"the document “{document[:80]}” has been judged for this query before")
        grades[query][document] = grade
    relevant = {query: judged for query, judged in grades.items() if max(judged.values()) > 0}
    if not relevant:
        raise DatasetUnreadable(f"{file} names no relevant document")
    return relevant


def _check_header(file: Path, number: int, line: bytes) -> None:
    fields = _fields(file, number, line)
    if len(fields) != len(_HEADER) or _is_grade(fields[-1]):
        raise _wrong(file, number, f"a header belongs here: {', '.join(_HEADER)}, with tabs between")


def _judgement(file: Path, number: int, line: bytes) -> tuple[str, str, int]:
    fields = _fields(file, number, line)
    if len(fields) != len(_HEADER) or not _is_grade(fields[-1]):
        raise _wrong(file, number, "a query's id, a document's id and a whole number belong here, with tabs between")
    return fields[0], fields[1], int(fields[2])


def _fields(file: Path, number: int, line: bytes) -> list[str]:
    try:
        return line.decode().rstrip("\r\n").split("\t")
    except UnicodeDecodeError as error:
        raise _wrong(file, number, "this is not UTF-8") from error


def _is_grade(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers."""
    try:
        with file.open("rb") as lines:
            yield from ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    except FileNotFoundError as error:
        raise DatasetUnreadable(f"There is no {file}") from error
    except OSError as error:
        raise DatasetUnreadable(f"{file} cannot be read: {error.strerror}") from error


def _write_rows(file: Path, rows: Iterable[Mapping[str, str]]) -> None:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _wrong(file: Path, number: int, what: str) -> DatasetUnreadable:
    return DatasetUnreadable(f"{file}, line {number}: {what}")
