"""What a person asked, and who will see the answer."""

from dataclasses import dataclass
from typing import Literal

from knowledge.audience import Audience
from knowledge.filters import UNFILTERED, SearchFilter
from router.decisions import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One earlier message of the thread, oldest first.

    `overheard` was said among people, not to Tandem, or may repeat what was: it may help to understand a question, and
    is never learnt from.
    """

    speaker: Literal["user", "assistant"]
    text: str
    overheard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One message to be answered.

    `text` is plain text without the mention. `audience` is computed from live membership when the
    question is asked. `forced_route` is a person's or a command's choice, else None. `only` is what the person
    narrows the search to; its words are no longer in the text. `thread_id` is the same for all questions of a thread,
    "" where there is none.
    """

    text: str
    audience: Audience
    asker: str
    team: str = ""
    channel: str = ""
    thread: tuple[Turn, ...] = ()
    thread_id: str = ""
    forced_route: Route | None = None
    only: SearchFilter = UNFILTERED
