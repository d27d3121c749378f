"""Rows to token ids, by the model's own chat template."""

from collections.abc import Sequence
from dataclasses import dataclass

from training.base_model import Tokenizer
from training.errors import DataUnusable
from training.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedRow:
    """Token ids of prompt and completion; the completion starts at `start`, and only it is learnt."""

    ids: tuple[int, ...]
    start: int

    @property
    def labels(self) -> int:
        return len(self.ids) - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    rows: list[EncodedRow]
    too_long: int


def encode_rows(rows: Sequence[Row], tokenizer: Tokenizer, *, max_tokens: int) -> Encoded:
    """Raises DataUnusable if no row fits into `max_tokens`; rows that do not are counted, not cut."""
    encoded = [_encode(row, tokenizer) for row in rows]
    fitting = [row for row in encoded if len(row.ids) <= max_tokens]
    if not fitting:
        raise DataUnusable(f"None of the {len(rows)} rows fits into the recipe's max_tokens, {max_tokens}")
    return Encoded(rows=fitting, too_long=len(encoded) - len(fitting))


def _encode(row: Row, tokenizer: Tokenizer) -> EncodedRow:
    prompt = [message.model_dump() for message in row.prompt]
    completion = [message.model_dump() for message in row.completion]
    start = tokenizer.chat(prompt, asks=True)
    whole = tokenizer.chat(prompt + completion, asks=False)
    if whole[: len(start)] != start:
        raise DataUnusable("The base model's chat template changes the prompt once it is answered")
    # What the template puts after the stop token is never generated, so it is not learnt.
    last = len(whole) - 1 - whole[::-1].index(tokenizer.stop) if tokenizer.stop in whole else len(whole) - 1
    return EncodedRow(ids=tuple(whole[: last + 1]), start=len(start))
