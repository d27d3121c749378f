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

_EARLIER_TURN_CHARS = 200


class ChatMessage(TypedDict):
    role: str
    content: str


class Citable(Protocol):
    """A passage with its title: what knowledge returns, and what training builds rows from."""

    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...


def grounded_prompt(question: str, passages: Sequence[Citable], thread: Sequence[Turn] = ()) -> list[ChatMessage]:
    """The prompt of the retrieve route: passages numbered from 1, then the person's last message, then the question.

    Only the person's own last message of the thread is repeated: it says what “and for contractors?” refers
    to, and a small model is led astray by more.
    """
    numbered = "\n\n".join(f"[{n}] {passage.title}\n{passage.text}" for n, passage in enumerate(passages, 1))
    earlier = [turn.text for turn in thread if turn.speaker == "user"][-1:]
    asked_before = f"Earlier question: {earlier[0][:_EARLIER_TURN_CHARS]}\n" if earlier else ""
    return [
        {"role": "system", "content": GROUNDED_SYSTEM},
        {"role": "user", "content": f"{numbered}\n\n{asked_before}Question: {question}"},
    ]


def direct_prompt(question: str, thread: Sequence[Turn] = ()) -> list[ChatMessage]:
    """The prompt of the direct route: the thread as a conversation, then the question."""
    turns: list[ChatMessage] = [{"role": turn.speaker, "content": turn.text} for turn in thread]
    return [{"role": "system", "content": DIRECT_SYSTEM}, *turns, {"role": "user", "content": question}]
