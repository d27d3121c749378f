"""Champion and challenger asked the same, side by side, so that both meet the same load."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from router.model import Finish, ModelClient
from router.prompts import ChatMessage
from training.gate.cases import Cases, Judged, Known, Probe, is_grounded
from training.tasks import failing_as_one

_GROUNDED_TOKENS = 64
_DIRECT_TOKENS = 160


class _Asked(Protocol):
    @property
    def prompt(self) -> tuple[ChatMessage, ...]: ...


_Case = TypeVar("_Case", bound=_Asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One answer. `first_ms` is the time to its first piece, `total_ms` to its end."""

    text: str
    finish: Finish = "stop"
    first_ms: float = 0.0
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard(Generic[_Case]):
    case: _Case
    champion: Spoken
    challenger: Spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """All that a verdict is made of. Of a probe, the champion's place is the base model's, which cannot know a secret."""

    judged: Sequence[Heard[Judged]]
    general: Sequence[Heard[Known]]
    probes: Sequence[Heard[Probe]] = ()


async def hear(
    cases: Cases,
    client: ModelClient,
    *,
    champion: str,
    challenger: str,
    base: str,
    concurrency: int = 8,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Trial:
    """Ask all cases greedily. The three names are the model server's.

    Raises RouterError when it does not answer, and asks no more.
    """
    seats = asyncio.Semaphore(concurrency)
    total = len(cases.judged) + len(cases.general) + len(cases.probes)
    done = 0

    async def ask(case: _Case, against: str) -> Heard[_Case]:
        nonlocal done
        async with seats, failing_as_one() as both:
            one = both.create_task(_answer(client, against, case.prompt))
            other = both.create_task(_answer(client, challenger, case.prompt))
        done += 1
        progress(done, total)
        return Heard(case=case, champion=one.result(), challenger=other.result())

    async with failing_as_one() as tasks:
        judged = [tasks.create_task(ask(case, champion)) for case in cases.judged]
        general = [tasks.create_task(ask(case, champion)) for case in cases.general]
        probes = [tasks.create_task(ask(case, base)) for case in cases.probes]
    return Trial(
        judged=[each.result() for each in judged],
        general=[each.result() for each in general],
        probes=[each.result() for each in probes],
    )


async def _answer(client: ModelClient, model: str, prompt: Sequence[ChatMessage]) -> Spoken:
    tokens = _GROUNDED_TOKENS if is_grounded(prompt) else _DIRECT_TOKENS
    pieces: list[str] = []
    finish: Finish = "stop"
    first_ms = total_ms = 0.0
    async for chunk in client.stream(prompt, model=model, max_tokens=tokens):
        first_ms = first_ms or (chunk.elapsed_ms if chunk.text else 0.0)
        total_ms, finish = chunk.elapsed_ms, chunk.finish or finish
        pieces.append(chunk.text)
    return Spoken(text="".join(pieces).strip(), finish=finish, first_ms=first_ms or total_ms, total_ms=total_ms)
