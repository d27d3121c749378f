"""The corpora and questions of chunking_evaluation (Smith and Troynikov, 2024) as a retrieval data set.

The data knows no documents: it is five long texts, and for each question the spans of characters that answer it. So each
text is cut into passages of up to 1,000 characters, which end where a paragraph ends or else a sentence, else a word; each
passage is a document, under the text's name as its title, and all of them make up one corpus.

Relevant is a passage that holds at least half of one of the question's spans, or of the same words in another place: the
texts repeat themselves, and the spans name the first place only. Of a span that was cut into more pieces than
that, the passage with the longest piece is relevant; so every place has one passage at least.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from knowledge.beir.dataset import CorpusDocument, Dataset, Query
from knowledge.errors import DatasetUnreadable

QUESTIONS = "questions_df.csv"
_CORPORA = "corpora"
_COLUMNS = frozenset({"question", "references", "corpus_id"})
_PASSAGE_CHARS = 1000
# Best first: the end of a paragraph, of a line, of a sentence, of a word.
_ENDS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"[.!?][”\"')\]]*\s+"), re.compile(r"\s+"))
# An end that would leave a shorter passage than this share of the longest is passed over for a lesser one.
_SHORTEST_SHARE = 0.5


class _Reference(BaseModel):
    """A span of the corpus that holds an answer, or a part of one."""

    start_index: int
    end_index: int

    def everywhere(self, text: str) -> Iterator["_Reference"]:
        """The places where the words of this span stand."""
        words = text[self.start_index : self.end_index]
        for place in re.finditer(re.escape(words), text) if words else ():
            yield _Reference(start_index=place.start(), end_index=place.end())


_REFERENCES = TypeAdapter(list[_Reference])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passage:
    id: str
    start: int
    end: int

    def shared_with(self, reference: _Reference) -> int:
        return max(0, min(self.end, reference.end_index) - max(self.start, reference.start_index))


def convert(folder: Path) -> Dataset:
    """Raises DatasetUnreadable, or OSError where a file is missing."""
    texts = {file.stem: file.read_text(encoding="utf-8") for file in sorted((folder / _CORPORA).glob("*.md"))}
    passages = {name: list(_passages(name, text)) for name, text in texts.items()}
    queries = list(_queries(folder / QUESTIONS, texts, passages))
    documents = [
        CorpusDocument(id=passage.id, title=name.replace("_", " "), text=texts[name][passage.start : passage.end])
        for name, of_text in passages.items()
        for passage in of_text
    ]
    return Dataset(documents=documents, queries=queries)


def _passages(name: str, text: str) -> Iterator[_Passage]:
    start = 0
    for number, end in enumerate(_cuts(text)):
        if text[start:end].strip():
            yield _Passage(id=f"{name}:{number}", start=start, end=end)
        start = end


def _cuts(text: str) -> Iterator[int]:
    start = 0
    while len(text) - start > _PASSAGE_CHARS:
        start = _cut(text, start)
        yield start
    yield len(text)


def _cut(text: str, start: int) -> int:
    earliest, latest = start + int(_PASSAGE_CHARS * _SHORTEST_SHARE), start + _PASSAGE_CHARS
    for end in _ENDS:
        found = [match.end() for match in end.finditer(text, earliest, latest)]
        if found:
            return found[-1]
    return latest


def _queries(file: Path, texts: Mapping[str, str], passages: Mapping[str, Sequence[_Passage]]) -> Iterator[Query]:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        if _COLUMNS - set(rows.fieldnames or ()):
            raise DatasetUnreadable(f"{file} lacks one of the columns {', '.join(sorted(_COLUMNS))}")
        for number, row in enumerate(rows):
            where = f"{file}, line {rows.line_num}"
            if row["corpus_id"] not in passages:
                raise DatasetUnreadable(f"{where}: there is no corpus “{row['corpus_id']}”")
            try:
                references = _REFERENCES.validate_json(row["references"])
            except ValidationError as error:
                raise DatasetUnreadable(f"{where}: the references are no JSON list of spans") from error
            text = texts[row["corpus_id"]]
            places = [place for reference in references for place in reference.everywhere(text)]
            grades = _grades(places, passages[row["corpus_id"]])
            if not grades:
                raise DatasetUnreadable(f"{where}: no reference lies within the corpus")
            yield Query(id=str(number), text=row["question"], grades=grades)


def _grades(references: Sequence[_Reference], passages: Sequence[_Passage]) -> dict[str, int]:
    relevant: dict[str, int] = {}
    for reference in references:
        shared = {passage.id: chars for passage in passages if (chars := passage.shared_with(reference))}
        if shared:
            enough = min(max(shared.values()), (reference.end_index - reference.start_index) / 2)
            relevant |= {id_: 1 for id_, chars in shared.items() if chars >= enough}
    return relevant
