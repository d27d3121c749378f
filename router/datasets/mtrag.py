"""MTRAG (Katsis et al., 2025): turns of conversations, which documents answer, answer in part, do not answer, or whose
question is not clear.

The gold passages that stand beside a turn are no evidence: where there are none, no passage answers, by definition.
So the passages of all turns make one corpus, and the passages of a row are what a search of it finds, as for a question
in Slack.
"""  # noqa: D205

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from knowledge.audience import EVERYONE, PUBLIC
from knowledge.documents import Document, Passage
from knowledge.index import PassageIndex
from router.errors import ExamplesUnreadable
from router.queries import search_query
from router.questions import Question, Turn

FILE = "reference.jsonl"
_PASSAGES = 8


class _Context(BaseModel):
    document_id: str
    text: str
    title: str = ""


class _Said(BaseModel):
    speaker: str
    text: str


class _Task(BaseModel):
    conversation_id: str
    contexts: list[_Context]
    input: list[_Said]
    answerability: tuple[str]


_TASK = TypeAdapter(_Task)


async def convert(folder: Path, index: PassageIndex) -> AsyncIterator[Mapping[str, object]]:
    """`index` is empty before, and holds the corpus afterwards. Raises ExamplesUnreadable or IndexUnavailable."""
    tasks = _read(folder / FILE)
    for document in _corpus(tasks):
        await index.add(document)
    await index.settle()
    for task in tasks:
        question = _question(task)
        found = await index.search(search_query(question), EVERYONE, limit=_PASSAGES)
        yield {
            "question": question.text,
            "label": task.answerability[0].lower(),
            "conversation": task.conversation_id,
            "thread": [{"speaker": turn.speaker, "text": turn.text} for turn in question.thread],
            "passages": [_row(passage) for passage in found],
        }


def _read(file: Path) -> list[_Task]:
    tasks: list[_Task] = []
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            tasks.append(_TASK.validate_json(line))
        except ValidationError as error:
            raise ExamplesUnreadable(f"{file}, line {number}: this is no task of MTRAG") from error
    return tasks


def _corpus(tasks: Sequence[_Task]) -> list[Document]:
    """Each passage once, however many turns it stands beside."""
    texts = {context.text.strip(): context.title for task in tasks for context in task.contexts}
    return [
        Document(uri=hashlib.sha256(text.encode()).hexdigest(), title=title, text=text, scope=PUBLIC)
        for text, title in texts.items()
        if text
    ]


def _question(task: _Task) -> Question:
    turns = [Turn(speaker="user" if said.speaker == "user" else "assistant", text=said.text) for said in task.input]
    return Question(text=turns[-1].text, audience=EVERYONE, asker="", thread=tuple(turns[:-1]))


def _row(passage: Passage) -> Mapping[str, object]:
    return {
        "title": passage.title,
        "text": passage.text,
        "document": passage.uri,
        "similarity": round(passage.similarity, 5),
        "score": round(passage.score, 5),
    }
