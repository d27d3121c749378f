"""Rows to token ids, by the model's own chat template."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from training.base_model import Tokenizer
from training.errors import DataUnusable
from training.rows import Message, PreferenceRow, RatedRow, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedRow:
    """Token ids of a prompt and of what may follow it; only `completions` are learnt.

    The first is the one that the row is about. A second one is, for a preference, what was rejected, and for a
    rated row another row's completion, which nobody would give here: it tells how far the adapter has moved in all.
    `place` is that of the row in the data.
    """

    prompt: tuple[int, ...]
    completions: tuple[tuple[int, ...], ...]
    liked: bool = True
    place: int = 0

    @property
    def labels(self) -> int:
        return len(self.completions[0])

    @property
    def tokens(self) -> int:
        return len(self.prompt) + sum(len(completion) for completion in self.completions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    rows: list[EncodedRow]
    too_long: int


def encode_rows(
    rows: Sequence[Row | PreferenceRow | RatedRow], tokenizer: Tokenizer, *, max_tokens: int, seed: int = 0
) -> Encoded:
    """Raises DataUnusable if no row fits into `max_tokens`; rows that do not are counted, not cut.

    `seed` chooses which rated row gets whose completion as its second.
    """
    encoded = [replace(_encode(row, tokenizer), place=place) for place, row in enumerate(rows)]
    fitting = [row for row in encoded if row.tokens <= max_tokens]
    if not fitting:
        raise DataUnusable(f"None of the {len(rows)} rows fits into the recipe's max_tokens, {max_tokens}")
    if isinstance(rows[0], RatedRow):
        fitting = with_strangers(fitting, seed=seed)
    return Encoded(rows=fitting, too_long=len(encoded) - len(fitting))


def with_strangers(rows: Sequence[EncodedRow], *, seed: int) -> list[EncodedRow]:
    """Each row with another one's completion as its second, in a ring, so that each is used once.

    Raises DataUnusable for a single row.
    """
    if len(rows) < 2:  # noqa: PLR2004
        raise DataUnusable("Votes are learnt from by comparing rows, and there is only one that fits")
    ring = random.Random(seed).sample(range(len(rows)), len(rows))  # noqa: S311 - an order, not a secret
    given = dict(zip(ring, [ring[-1], *ring[:-1]], strict=True))
    return [
        replace(row, completions=(row.completions[0], rows[given[place]].completions[0]))
        for place, row in enumerate(rows)
    ]


def _encode(row: Row | PreferenceRow | RatedRow, tokenizer: Tokenizer) -> EncodedRow:
    told = [row.chosen, row.rejected] if isinstance(row, PreferenceRow) else [row.completion]
    prompt = tokenizer.chat([message.model_dump() for message in row.prompt], asks=True)
    return EncodedRow(
        prompt=tuple(prompt),
        completions=tuple(_completion(row.prompt, prompt, each, tokenizer) for each in told),
        liked=row.label if isinstance(row, RatedRow) else True,
    )


def _completion(
    asked: Sequence[Message], prompt: list[int], answer: Sequence[Message], tokenizer: Tokenizer
) -> tuple[int, ...]:
    whole = tokenizer.chat([message.model_dump() for message in (*asked, *answer)], asks=False)
    if whole[: len(prompt)] != prompt:
        raise DataUnusable("The base model's chat template changes the prompt once it is answered")
    # What the template puts after the stop token is never generated, so it is not learnt.
    last = len(whole) - 1 - whole[::-1].index(tokenizer.stop) if tokenizer.stop in whole else len(whole) - 1
    return tuple(whole[len(prompt) : last + 1])
