"""Which rows teach know-how, and the questions that tell the router what an adapter knows without documents."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from router.know_how import KNOW_HOW
from router.prompts import GROUNDED_SYSTEM, IN_OTHER_WORDS
from training.replay import replay_prompts
from training.rows import Message, PreferenceRow, RatedRow, Row
from training.scoring import citations, declines

MOST_QUESTIONS = 1000
"""Of more, as many are kept, evenly spread: the router embeds them all when the adapter is first asked."""

# As `router.prompts` numbers the passages that a prompt shows; so do most others.
_PASSAGE = re.compile(r"^\[\d+\]", re.MULTILINE)


def is_know_how(prompt: Sequence[Message], answer: Sequence[Message]) -> bool:
    """Whether the answer is one from memory: the prompt shows no passages, and the answer neither cites nor declines.

    What leans on a thread does not count: by itself the question asks for something else.
    """
    stands_alone = [message.role for message in prompt if message.role != "system"] == ["user"]
    return stands_alone and not _shows_passages(prompt) and not is_grounded(answer)


def is_grounded(answer: Sequence[Message]) -> bool:
    """Whether it says what passages hold, or that they do not."""
    return any(citations(said.content) or declines(said.content) for said in answer)


def know_how_of(rows: Iterable[Row | PreferenceRow | RatedRow]) -> list[str]:
    """The questions whose answers are taught as know-how, each once: at most 1,000.

    Of a pair it is the chosen answer that is taught, of a vote one that was liked. The general messages that training
    repeats so that nothing is forgotten (`training.replay`) are no team's know-how.
    """
    repeated = set(replay_prompts())
    teaching = (row for row in rows if (answer := _taught(row)) and is_know_how(row.prompt, answer))
    asked = (_as_taught(each.content) for row in teaching for each in row.prompt if each.role == "user")
    questions = list(dict.fromkeys(question for question in asked if question not in repeated))
    kept = min(len(questions), MOST_QUESTIONS)
    return [questions[len(questions) * n // kept] for n in range(kept)]


def write_know_how(questions: Sequence[str], folder: Path) -> None:
    """Put the questions beside the adapter's weights. Where there are none, there is no file, nor an earlier one."""
    if questions:
        put_know_how(questions, folder)
    else:
        (folder / KNOW_HOW).unlink(missing_ok=True)


def put_know_how(questions: Sequence[str], folder: Path) -> None:
    """The same, where an empty list is to take the place of another."""
    (folder / KNOW_HOW).write_text(json.dumps(questions, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _taught(row: Row | PreferenceRow | RatedRow) -> list[Message]:
    """The answer that is to be given from now on; none where the row only says what to avoid."""
    if isinstance(row, PreferenceRow):
        return row.chosen
    return [] if isinstance(row, RatedRow) and not row.label else row.completion


def _as_taught(asked: str) -> str:
    """What a wording is another one of, where the prompt says so."""
    return asked.rpartition(IN_OTHER_WORDS)[2]


def _shows_passages(prompt: Sequence[Message]) -> bool:
    return any(each.content == GROUNDED_SYSTEM or _PASSAGE.search(each.content) for each in prompt)
