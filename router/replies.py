"""What Tandem says in its own words: asking back, not knowing, and notes under an answer."""

from collections.abc import Sequence

from knowledge.documents import Passage
from router.links import defuse
from router.questions import Question
from router.words import content_words

_CLOSEST = 3
_NEAR = 0.35
_ASKED_CHARS = 160
_TITLE_CHARS = 100

SOURCES_UNAVAILABLE = (
    "I can't reach the documents right now, so I would rather not guess. Please ask again in a few minutes; "
    "if it stays like this, tell whoever runs me."
)
CUT_AT_LENGTH = "(My answer was cut here: it reached its length limit.)"
CUT_AT_REPETITION = "(I stopped here: the model began to repeat itself.)"
NOTHING_TO_SAY = "I have no answer to that. Could you ask it in other words?"


MEMORY_DIFFERS = "(From memory the model would have said otherwise; the cited documents are what counts.)"


def ask_back(question: Question, passages: Sequence[Passage] = ()) -> str:
    """One question back, about what is missing, with the pages that came near."""
    text = question.text.strip()
    if not any(letter.isalnum() for letter in text):
        return "What would you like to know? Write me a question, or ask for a text."
    if content_words(text):
        near = [passage for passage in passages if passage.similarity >= _NEAR]
        pages = f" Closest pages:\n{_closest(near)}" if near else ""
        return f"I am not sure what “{_short(text)}” is about. Which topic or document do you mean?{pages}"
    return "What do you mean by that? Please name the topic, and I will look it up."


def not_in_documents(query: str, passages: Sequence[Passage]) -> str:
    """What was looked for, what came nearest, and what to do."""
    looked = f"I looked for “{_short(query)}” in the documents that I may use here, "
    if not passages:
        return looked + "and found nothing. If there is a page on it, add it with /ingest, or ask someone who knows."
    advice = "Ask in other words, add a page on it with /ingest, or ask someone who knows."
    return f"{looked}but they do not say. Closest pages:\n{_closest(passages)}\n{advice}"


def _closest(passages: Sequence[Passage]) -> str:
    pages = list({passage.uri: passage for passage in passages}.values())[:_CLOSEST]
    return "\n".join(f"• {_page(passage)}" for passage in pages)


def cut_question(sent: int, read: int) -> str:
    return f"(Your message has {sent:,} characters; I read the first {read:,}.)"


def _page(passage: Passage) -> str:
    """Titles are text from documents: no link or mention comes of them."""
    title = " ".join(defuse(passage.title[:_TITLE_CHARS]).text.split()) or "Untitled"
    return f"{title} ({passage.uri})" if passage.uri.startswith(("https://", "http://")) else title


def _short(text: str) -> str:
    plain = " ".join(defuse(text[: 4 * _ASKED_CHARS]).text.split())
    return plain if len(plain) <= _ASKED_CHARS else f"{plain[:_ASKED_CHARS].rstrip()}…"
