"""The prompts, word for word as the model sees them; training builds its rows with these functions.

The stable part comes first, so that the model server's prefix cache holds it. A change of one word here
asks for a new grounding adapter: it was trained on exactly these words.
"""

from collections.abc import Sequence
from typing import Protocol, TypedDict

from router.questions import Turn

GROUNDED_SYSTEM = (
    "Answer the question from the numbered passages. Keep the answer short and end it with the number of the "
    "passage it comes from, like [1]. If the passages do not hold the answer, say: The passages do not say."
)
DIRECT_SYSTEM = "You are Tandem, a helpful assistant of this team. Answer briefly and plainly."
DECLINE = "The passages do not say."
IN_OTHER_WORDS = "\nIn other words: "

_EARLIER_TURN_CHARS = 200
# Of a long message, this much stands before the passages too.
_FORETOLD_CHARS = 400


class ChatMessage(TypedDict):
    role: str
    content: str


class Citable(Protocol):
    """A passage with its title: what knowledge returns, and what training builds rows from."""

    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...


def grounded_prompt(
    question: str, passages: Sequence[Citable], thread: Sequence[Turn] = (), *, first: int = 1
) -> list[ChatMessage]:
    """The prompt of the retrieve route: the question, the passages, and the question again.

    A model that reads from left to right reads the passages better when it knows what is asked of them. They come
    best first and are numbered so, but stand the other way round: a small model tends to answer from what stands
    nearest to the question. Of the thread, only the person's own last message is repeated: it says what “and for contractors?” refers to, and a
    small model is led astray by more. `first` is the number of the first passage: one that is read by itself keeps the
    number that it has among those of its answer.
    """
    numbered = [f"[{n}] {passage.title}\n{passage.text}" for n, passage in enumerate(passages, first)]
    earlier = [turn.text for turn in thread if turn.speaker == "user"][-1:]
    asked_before = f"Earlier question: {earlier[0][:_EARLIER_TURN_CHARS]}\n" if earlier else ""
    before, after = (f"{asked_before}Question: {text}" for text in (foretold(question), question))
    return [
        {"role": "system", "content": GROUNDED_SYSTEM},
        {"role": "user", "content": "\n\n".join([before, *reversed(numbered), after])},
    ]


def apart_prompts(
    question: str, passages: Sequence[Citable], thread: Sequence[Turn] = ()
) -> tuple[list[ChatMessage], ...]:
    """A prompt for each passage by itself, under its number."""
    return tuple(grounded_prompt(question, [each], thread, first=n) for n, each in enumerate(passages, 1))


def foretold(question: str) -> str:
    """As much of the question as stands before the passages."""
    return question[:_FORETOLD_CHARS]


def direct_prompt(question: str, thread: Sequence[Turn] = (), *, taught: str = "") -> list[ChatMessage]:
    """The prompt of the direct route: the thread as a conversation, then the question.

    `taught` is the same question in the words in which the adapter was taught its answer, where there are such.
    """
    turns: list[ChatMessage] = [{"role": turn.speaker, "content": turn.text} for turn in thread]
    in_other_words = f"{IN_OTHER_WORDS}{taught}" if taught and taught.casefold() != question.casefold() else ""
    asked = f"{question}{in_other_words}"
    return [{"role": "system", "content": DIRECT_SYSTEM}, *turns, {"role": "user", "content": asked}]
