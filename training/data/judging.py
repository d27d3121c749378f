"""A page of the journal judged: what each exchange teaches, or why it teaches nothing.

Where there are many pages, they are judged in a process of their own while the next ones are read.
"""

import asyncio
import hashlib
import json
import multiprocessing
import os
import threading
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from router.exchanges import Exchange
from router.feedback import Feedback
from training.data.consent import OptedOut
from training.data.corrections import Verdict
from training.data.examples import Example, example_of
from training.data.placement import Candidate
from training.data.privacy import private_part, private_question
from training.data.quality import fault
from training.data.reasons import Reason
from training.data.signatures import asked, plain, sign

# A process takes a second to start, which as many pages as these take by themselves.
_MANY_PAGES = 25
_AHEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPage:
    """Some exchanges with all that was said about them, by exchange, and of corrections by feedback id.

    `opted_out` do not take part; `edited` are the ids of its exchanges whose question was edited after it was answered.
    """

    exchanges: Sequence[Exchange]
    said: Mapping[str, list[Feedback]]
    verdicts: Mapping[str, Verdict]
    opted_out: OptedOut
    edited: frozenset[str]


@dataclass(slots=True, kw_only=True)
class JudgedPage:
    """`lines` are the examples, a line of JSON each, in the order of `candidates`."""

    exchanges: int = 0
    withheld: Counter[str] = field(default_factory=Counter[str])
    unfound: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    candidates: list[Candidate] = field(default_factory=list[Candidate])
    lines: bytes = b""


class Judges:
    """Pages are judged in their order: the first in a thread, and once there are many, in another process."""

    def __init__(self, *, many_pages: int = _MANY_PAGES) -> None:
        self._in_thread = many_pages
        self._pool: ProcessPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool:
            await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    async def judged(self, pages: AsyncIterator[JournalPage]) -> AsyncGenerator[JudgedPage, None]:
        waiting: deque[asyncio.Future[JudgedPage]] = deque()
        async for page in pages:
            waiting.append(self._begin(page))
            if len(waiting) > _AHEAD:
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()

    def _begin(self, page: JournalPage) -> asyncio.Future[JudgedPage]:
        loop = asyncio.get_running_loop()
        if self._in_thread > 0:
            self._in_thread -= 1
            return loop.run_in_executor(None, judge, page)
        if not self._pool:
            spawned = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(max_workers=1, mp_context=spawned, initializer=end_with_parent)
        return loop.run_in_executor(self._pool, judge, page)


def judge(page: JournalPage) -> JudgedPage:
    judged = JudgedPage(exchanges=len(page.exchanges))
    taken: list[tuple[Exchange, Example]] = []
    for exchange in page.exchanges:
        found = _judge(exchange, page)
        if not isinstance(found, str):
            taken.append((exchange, found))
            continue
        judged.withheld[found] += 1
        if found == "poor_retrieval":
            judged.unfound.append(_unfound(exchange))
    signatures = sign(asked(exchange) for exchange, _ in taken)
    judged.candidates = [_candidate(*each, signature) for each, signature in zip(taken, signatures, strict=True)]
    judged.lines = b"".join(_line(example) for _, example in taken)
    return judged


def _judge(exchange: Exchange, page: JournalPage) -> Example | Reason:
    events = page.opted_out.without_theirs(page.said.get(exchange.exchange_id, ()))
    if page.opted_out.has_part_in(exchange):
        return "opted_out"
    if exchange.exchange_id in page.edited:
        return "edited_question"
    judged = example_of(exchange, events, page.verdicts)
    if isinstance(judged, str):
        return (private_question(exchange) or judged) if judged == "poor_retrieval" else judged
    return fault(judged, exchange) or private_part(judged, exchange) or judged


def _unfound(exchange: Exchange) -> dict[str, Any]:
    """For whoever mends the documents or the search: what was asked, looked for and found."""
    return {
        "exchange_id": exchange.exchange_id,
        "question": exchange.question.encode("utf-8", "replace").decode(),
        "queries": [step.query.encode("utf-8", "replace").decode() for step in exchange.searches],
        "similarity": max((step.similarity for step in exchange.searches), default=0.0),
        "documents": [shown.document_id for shown in exchange.passages],
    }


def _candidate(exchange: Exchange, example: Example, signature: bytes) -> Candidate:
    taught = f"{bool(example.should_say) or example.label} {plain(example.taught)}"
    return Candidate(
        exchange_id=exchange.exchange_id,
        thread_id=exchange.thread_id,
        signature=signature,
        taught=hashlib.sha256(taught.encode()).hexdigest(),
        people=example.people,
        agreement=example.agreement,
    )


def _line(example: Example) -> bytes:
    """Without the people, who are told to placement alone."""
    told = [example.exchange_id, example.prompt, example.said, example.should_say, example.label, example.agreement]
    return json.dumps(told).encode() + b"\n"


def example_in(line: bytes) -> Example:
    """What a line of a judged page says."""
    exchange_id, prompt, said, should_say, label, agreement = json.loads(line)
    return Example(
        exchange_id=exchange_id,
        prompt=tuple(prompt),
        said=said,
        should_say=should_say,
        label=label,
        people=frozenset(),
        agreement=agreement,
    )


def end_with_parent() -> None:
    """A pool's process waits for ever for work from a parent that was killed."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent:
            parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
