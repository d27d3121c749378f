"""Messages whose route is known, out of other people's data.

Questions about documents that are there and about such as are not, requests to an assistant, small talk, and turns of
conversations that cannot be answered, or not as they are asked.
"""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from knowledge.audience import EVERYONE, PUBLIC, Audience
from knowledge.documents import Document, Passage
from knowledge.filters import SearchFilter
from knowledge.index import PassageIndex, temporary_index
from knowledge.settings import KnowledgeSettings
from router.datasets import mtrag
from router.datasets.examples import read_examples
from router.decisions import FROM_DOCUMENTS, Route
from router.evidence import EvidenceLoop, Findings
from router.questions import Question
from router.settings import RouterSettings
from tests.benchmarks.documents import DATA
from training.articles import Article
from training.xquad import read_articles

_DOCUMENTS = frozenset(FROM_DOCUMENTS)
NOT_FROM_DOCUMENTS = frozenset({Route.DIRECT, Route.ABSTAIN})
_OF_INTENTS: dict[str, tuple[frozenset[Route], str]] = {
    "small talk": (frozenset({Route.SMALLTALK}), "greeting goodbye thank_you"),
    "about itself": (frozenset({Route.SMALLTALK, Route.DIRECT}), "what_is_your_name how_old_are_you are_you_a_bot"),
    "a text or a sum": (
        frozenset({Route.DIRECT}),
        "definition translate spelling calculator measurement_conversion",
    ),
    "about work": (
        _DOCUMENTS | {Route.ABSTAIN},
        "pto_request_status next_holiday insurance payday rollover_401k pto_balance w2 direct_deposit pto_used",
    ),
}
_OF_TURNS = {
    "answerable": _DOCUMENTS,
    "partial": _DOCUMENTS,
    "unanswerable": frozenset({Route.ABSTAIN}),
    "underspecified": frozenset({Route.CLARIFY}),
}


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`right` are the routes that are right; `found` is what one search finds, as in service."""

    kind: str
    question: Question
    right: frozenset[Route]
    found: Findings


async def messages_of(folder: Path, *, most: int) -> AsyncIterator[Message]:
    """At most so many of a kind, each with what a search of the documents finds."""
    articles = read_articles(DATA)
    there, elsewhere = articles[::2], articles[1::2]
    async with temporary_index(KnowledgeSettings()) as index:
        for document in (*_documents(there), *_pages()):
            await index.add(document)
        await index.settle()
        asked = (
            *(("about what is there", text, _DOCUMENTS) for text in _some(_questions(there), most)),
            *(("about what is not there", text, NOT_FROM_DOCUMENTS) for text in _some(_questions(elsewhere), most)),
            *_requests(most),
        )
        for kind, text, right in asked:
            question = Question(text=text, audience=EVERYONE, asker="U1")
            yield Message(kind=kind, question=question, right=right, found=await _found(_Search(index), question))
    async with temporary_index(KnowledgeSettings()) as index:
        rows = [row async for row in mtrag.convert(DATA / "mtrag-un", index)]
    file = folder / "turns.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for example in _some(read_examples(file), most):
        found = await _found(_Kept(example.passages or ()), example.question)
        yield Message(
            kind=f"turn: {example.label}", question=example.question, right=_OF_TURNS[example.label], found=found
        )


class _Search:
    def __init__(self, index: PassageIndex) -> None:
        self._index = index

    async def __call__(
        self, query: str, audience: Audience, *, limit: int, widen_to: int, only: SearchFilter
    ) -> list[Passage]:
        return await self._index.search(query, audience, limit=limit, only=only)


class _Kept:
    """What was found before."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages

    async def __call__(self, *_: object, **__: object) -> list[Passage]:
        return list(self._passages)


async def _found(search: _Search | _Kept, question: Question) -> Findings:
    return await EvidenceLoop(search=search, settings=RouterSettings()).first(question)


def _documents(articles: Sequence[Article]) -> Iterator[Document]:
    for article in articles:
        text = "\n\n".join(paragraph.text for paragraph in article.paragraphs)
        yield Document(uri=article.title, title=article.title, text=text, scope=PUBLIC)


def _pages() -> Iterator[Document]:
    for page in sorted((DATA / "team-handbook" / "pages").rglob("*.md")):
        yield Document(uri=str(page), title=page.stem.replace("-", " "), text=page.read_text("utf-8"), scope=PUBLIC)


def _questions(articles: Sequence[Article]) -> list[str]:
    return [asked.text for article in articles for paragraph in article.paragraphs for asked in paragraph.questions]


def _requests(most: int) -> Iterator[tuple[str, str, frozenset[Route]]]:
    rows = json.loads((DATA / "clinc150" / "train_val.json").read_text("utf-8"))["val"]
    for kind, (right, intents) in _OF_INTENTS.items():
        wanted = set(intents.split())
        for text in _some([text for text, intent in rows if intent in wanted], most):
            yield kind, text, right


def _some(all_of_them: Sequence[_T], most: int) -> Sequence[_T]:
    """Spread over all of them."""
    return all_of_them[:: -(-len(all_of_them) // most)]
