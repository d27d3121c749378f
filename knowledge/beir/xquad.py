"""XQuAD (Artetxe et al., 2020) as a retrieval data set: find the paragraph that answers.

Every paragraph is a document under its article's title, every question a query, and relevant is the paragraph that it was
asked about. The file is SQuAD's: articles of paragraphs of questions with answers.
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from knowledge.beir.dataset import CorpusDocument, Dataset, Query
from knowledge.errors import DatasetUnreadable

FILE = "xquad.en.json"


class _Question(BaseModel):
    id: str
    question: str


class _Paragraph(BaseModel):
    context: str
    qas: Sequence[_Question]


class _Article(BaseModel):
    title: str
    paragraphs: Sequence[_Paragraph]


class _File(BaseModel):
    data: Sequence[_Article]


def convert(folder: Path) -> Dataset:
    """Raises DatasetUnreadable, or OSError where the file is missing."""
    file = folder / FILE
    try:
        articles = _File.model_validate_json(file.read_bytes()).data
    except ValidationError as error:
        raise DatasetUnreadable(f"{file} is not JSON in the form of SQuAD's files") from error
    documents: list[CorpusDocument] = []
    queries: list[Query] = []
    for article in articles:
        for number, paragraph in enumerate(article.paragraphs):
            id_ = f"{article.title}:{number}"
            documents.append(CorpusDocument(id=id_, title=article.title.replace("_", " "), text=paragraph.context))
            queries += [Query(id=asked.id, text=asked.question, grades={id_: 1}) for asked in paragraph.qas]
    return Dataset(documents=documents, queries=queries)
