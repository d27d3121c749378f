"""What an adapter learnt from, kept beside its weights: each row, the exchange that it comes from, and whose words those are.

An adapter of which that is not known counts as one that learnt from everything.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from training.nightly.files import put_text
from training.rows import Row

LINEAGE = "lineage.json"
_METRICS = "metrics.json"
_LARGEST_BYTES = 500_000_000

RowKind = Literal["correction", "liked", "general", "rehearsed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What somebody wants to find in what was learnt; any of it is enough."""

    exchanges: frozenset[str] = frozenset()
    feedback: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LearntRow(_Part):
    """`exchange_id` is empty for what no person of the team said: general messages and rehearsed pages.

    `documents` are ids of the team's documents whose passages stand among the rehearsed ones.
    """

    sha256: str
    kind: RowKind
    exchange_id: str = ""
    documents: tuple[str, ...] = ()


class LearntDocument(_Part):
    """A document of the team's, by what people may call it when it is gone."""

    id: str
    uri: str


class LearntExchange(_Part):
    """`people` asked, or gave feedback; `documents` are those whose passages were shown.

    `before` are the exchanges of its thread whose words its prompt repeats; their people and documents are among the others.
    """

    exchange_id: str
    asked_at: str
    feedback: tuple[str, ...]
    people: tuple[str, ...]
    documents: tuple[str, ...]
    before: tuple[str, ...] = ()

    def is_among(self, sought: Sought) -> bool:
        return bool(
            sought.exchanges & {self.exchange_id, *self.before}
            or sought.feedback.intersection(self.feedback)
            or sought.people.intersection(self.people)
            or sought.documents.intersection(self.documents)
        )


class LearntWindow(_Part):
    """An export's folder, and the digest of its manifest, which vouches for its files."""

    day: str
    manifest_sha256: str


class Lineage(_Part):
    """`data_sha256` is the digest of all rows, as the adapter's metrics have it.

    `is_whole` is False where the journal did not hold all that was learnt from, or where that of the adapter that training
    started from is not known. What that one learnt from is among the `exchanges` and the `documents`, which are those
    that rows of no exchange show.
    """

    format: Literal[1] = 1
    base: str
    start: str
    recipe: str
    recipe_sha256: str
    seed: int
    data_sha256: str
    is_whole: bool
    windows: tuple[LearntWindow, ...] = ()
    exchanges: tuple[LearntExchange, ...] = ()
    documents: tuple[LearntDocument, ...] = ()
    rows: tuple[LearntRow, ...] = ()

    @model_validator(mode="after")
    def _tells_of_all_its_rows(self) -> "Lineage":
        told = {each.exchange_id for each in self.exchanges} | {""}
        if any(row.exchange_id not in told for row in self.rows):
            raise ValueError("a row comes from an exchange that is not told of")
        if not {each for row in self.rows for each in row.documents} <= {each.id for each in self.documents}:
            raise ValueError("a row shows a document that is not told of")
        return self

    def found(self, sought: Sought) -> list[LearntExchange]:
        """The exchanges learnt from that are sought, or have a part in it."""
        return [each for each in self.exchanges if each.is_among(sought)]

    def shown(self, sought: Sought) -> list[LearntDocument]:
        """The documents sought that rows of no exchange show."""
        return [each for each in self.documents if each.id in sought.documents]

    def names(self, sought: Sought) -> bool:
        """Whether anything sought is among what was learnt from."""
        return bool(self.found(sought) or self.shown(sought))

    def rows_of(self, sought: Sought) -> list[LearntRow]:
        """The rows that come from an exchange found, or show a document sought."""
        ids = {each.exchange_id for each in self.found(sought)}
        return [row for row in self.rows if row.exchange_id in ids or sought.documents.intersection(row.documents)]


def learnt_from(lineage: Lineage | None, sought: Sought) -> bool:
    """Whether an adapter of this lineage learnt from it, or may have."""
    return lineage is None or not lineage.is_whole or lineage.names(sought)


def read_lineage(folder: Path) -> Lineage | None:
    """That of the adapter in this folder; None where there is none, or one that cannot be read or is of other data."""
    lineage = read_lineage_of_rows(folder)
    if lineage is None:
        return None
    try:
        metrics = json.loads((folder / _METRICS).read_bytes())
        return lineage if metrics["data_sha256"] == lineage.data_sha256 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_lineage_of_rows(folder: Path) -> Lineage | None:
    """The same of rows that no adapter was trained on yet."""
    try:
        with (folder / LINEAGE).open("rb") as file:
            # Cut at this size it is no JSON, and read as broken.
            return Lineage.model_validate_json(file.read(_LARGEST_BYTES))
    except (OSError, ValidationError):
        return None


def write_lineage(folder: Path, lineage: Lineage) -> None:
    told = lineage.model_dump(mode="json")
    # An older Tandem knows no documents of rows: what names none is told as it was then.
    for part in (told, *told["rows"]):
        if not part["documents"]:
            del part["documents"]
    put_text(folder / LINEAGE, json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def row_digest(row: Row) -> str:
    """Of its line in the rows that are trained on."""
    return hashlib.sha256(row.model_dump_json().encode()).hexdigest()


def learnt_rows(rows: Iterable[Row], *, corrected: Iterable[str], general: Iterable[Row]) -> tuple[LearntRow, ...]:
    """`corrected` are the exchanges whose answers people corrected."""
    corrected, said = set(corrected), {row_digest(row) for row in general}
    return tuple(_learnt(row, corrected, said) for row in rows)


def _learnt(row: Row, corrected: set[str], general: set[str]) -> LearntRow:
    digest = row_digest(row)
    if row.exchange_id:
        kind: RowKind = "correction" if row.exchange_id in corrected else "liked"
    else:
        kind = "general" if digest in general else "rehearsed"
    return LearntRow(sha256=digest, kind=kind, exchange_id=row.exchange_id, documents=row.shown_documents)
