"""Passages of the team's own documents, for a night's rows: of those that everybody may read, drawn by its seed."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data.corrections import fact_place
from training.data.privacy import private_text

READ = 300
"""Passages a night, of which fewer are shown: there are about as many invented pages that they stand among."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamPassage:
    """A passage under its heading, and the document that it is of."""

    title: str
    text: str
    document_id: str = ""
    uri: str = ""


ReadPassages = Callable[[int, int], Awaitable[Sequence[TeamPassage]]]
"""Takes how many at most, and a seed: the same library gives the same ones for it."""


async def no_passages(_limit: int, _seed: int) -> Sequence[TeamPassage]:
    """Where none are to be shown."""
    return ()


def learnable(passages: Sequence[TeamPassage], home: Path) -> list[TeamPassage]:
    """Those without secrets and personal data. Facts are left out: they are one person's words, who may not agree."""
    facts = fact_place(home, "").parent.resolve().as_uri()
    return [
        each
        for each in passages
        if not each.uri.startswith(f"{facts}/") and not private_text(f"{each.title}\n{each.text}")
    ]
