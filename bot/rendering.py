"""Answers as Block Kit, within Slack's limits: what is too long is split, nothing is cut."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from bot.arrivals import FEEDBACK_ACTION, JUST_ANSWER_ACTION, REDO_ACTION, SOURCE_ACTION, WHY_ACTION
from bot.payloads import Json
from router.answers import Answer, Source
from router.decisions import Route

# https://docs.slack.dev/reference/block-kit/blocks
BLOCKS_PER_MESSAGE = 50
SECTION_CHARS = 3_000
MARKDOWN_CHARS = 12_000
# `text` beside blocks is the notification's: it repeats the start of what the blocks hold in full.
NOTICE_CHARS = 3_000
_TITLE_CHARS = 120
# Of a longer address the title is shown alone.
_LINK_CHARS = 1_500

_REDO, _JUST_ANSWER = ("Redo with sources", REDO_ACTION), ("Just answer", JUST_ANSWER_ACTION)
_WHY = ("Why this way?", WHY_ACTION)
_OTHER_ROUTES: dict[Route, tuple[tuple[str, str], ...]] = {
    Route.DIRECT: (_REDO,),
    Route.RETRIEVE: (_JUST_ANSWER,),
    Route.MULTI: (_JUST_ANSWER,),
    Route.CLARIFY: (_REDO, _JUST_ANSWER),
    Route.ABSTAIN: (_JUST_ANSWER,),
    Route.SMALLTALK: (),
}

# Slack's control sequences: <@U…>, <#C…>, <!channel>, <https://…|label>. A piece that ends in `<` or `<http` may be
# the start of one.
_CONTROL = re.compile(r"<(?=[@#!]|[A-Za-z][A-Za-z0-9+.-]*(?::|\Z)|\Z)")
_URL_CHARS = ":/?#[]@!$&'()*+,;=%~"
_IMAGE = re.compile(r"!(?=\[)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One message: its blocks, and the text for notifications."""

    text: str
    blocks: list[Json]


def escape(text: str) -> str:
    """Text that mrkdwn shows literally: https://docs.slack.dev/messaging/formatting-message-text#escaping."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def defuse(markdown: str) -> str:
    """The model's Markdown without what Slack would act on: mentions, broadcasts, its own link form, images.

    Safe piece by piece: the pieces' results joined hold no control sequence either.
    """
    return _IMAGE.sub("", _CONTROL.sub("&lt;", markdown))


def split_text(text: str, limit: int) -> list[str]:
    """Pieces of at most `limit` characters that joined give the text; split after paragraphs, sentences or words where it can be."""
    pieces: list[str] = []
    rest = text
    while len(rest) > limit:
        cut = _last_break(rest, limit)
        pieces.append(rest[:cut])
        rest = rest[cut:]
    return [*pieces, rest] if rest or not pieces else pieces


def _last_break(text: str, limit: int) -> int:
    window = text[:limit]
    for separator in ("\n\n", "\n", ". ", " "):
        found = window.rfind(separator, limit // 2)
        if found >= 0:
            return found + len(separator)
    return limit


def answer_pages(answer: Answer, *, exchange_id: str, may_redo: bool = True) -> list[Page]:
    """A whole answer as messages: the text, its sources, how it was made, and the buttons on the last one."""
    body = [markdown(piece) for piece in split_text(defuse(answer.text), MARKDOWN_CHARS)]
    return pages([*body, *answer_tail(answer, exchange_id=exchange_id, may_redo=may_redo)], text=answer.text)


def answer_tail(answer: Answer, *, exchange_id: str, may_redo: bool = True) -> list[Json]:
    """What stands under the text of a streamed answer; `may_redo`: with the buttons for another route."""
    others = _OTHER_ROUTES[answer.decision.route] if may_redo else ()
    offered = [button(text, action_id=action, value=exchange_id) for text, action in (*others, _WHY)]
    return [
        *_sources(answer.sources, exchange_id),
        context(receipt(answer)),
        {"type": "actions", "block_id": "route", "elements": offered},
        _feedback_buttons(exchange_id),
    ]


def pages(blocks: Sequence[Json], *, text: str) -> list[Page]:
    """Blocks as as many messages as Slack's limits ask for."""
    groups: list[list[Json]] = [[]]
    markdown_chars = 0
    for block in blocks:
        size = len(block["text"]) if block["type"] == "markdown" else 0
        if len(groups[-1]) == BLOCKS_PER_MESSAGE or (groups[-1] and markdown_chars + size > MARKDOWN_CHARS):
            groups.append([])
            markdown_chars = 0
        groups[-1].append(block)
        markdown_chars += size
    notice = escape(text)[:NOTICE_CHARS]
    return [Page(text=notice, blocks=group) for group in groups]


def receipt(answer: Answer) -> str:
    """How the answer came about, in a line: `3 documents, no memory` or `team model 2026-11-20, no documents`."""
    match answer.decision.route:
        case Route.RETRIEVE | Route.MULTI as route:
            count = len({source.document_id for source in answer.sources})
            found = f"{count} document{'' if count == 1 else 's'}" if count else "no document supports this"
            several = " after several searches" if route is Route.MULTI else ""
            return f"{found}{several}, no memory"
        case Route.DIRECT:
            return f"{_memory(answer)}, no documents"
        case Route.CLARIFY:
            return "a question back"
        case Route.ABSTAIN:
            return "not answered: the documents do not hold it"
        case Route.SMALLTALK:
            return "small talk, nothing was looked up"


def _memory(answer: Answer) -> str:
    if "@" not in answer.model:
        return "base model"
    return f"team model {answer.adapter_at:%Y-%m-%d}" if answer.adapter_at else f"team model {answer.model}"


def _sources(sources: Iterable[Source], exchange_id: str) -> Iterable[Json]:
    for source in sources:
        quoted = f"*[{source.n}]* {title_of(source.title, source.uri)}\n>" + escape(source.quote).replace("\n", "\n>")
        first, *rest = (section(piece) for piece in split_text(quoted, SECTION_CHARS))
        opens = button("View source", action_id=SOURCE_ACTION, value=f"{source.n} {exchange_id}")
        yield from ({**first, "accessory": opens}, *rest)


def title_of(title: str, uri: str) -> str:
    """A link where the source has a web address, else its name: a path on our disk is no link for others."""
    shown = escape(" ".join(title.split())) or "Untitled"
    try:
        is_web = urlsplit(uri).scheme in {"http", "https"}
    except ValueError:
        is_web = False
    if not is_web:
        return shown
    # `|` and `>` would end the address, and what follows would be text that the document chose.
    return f"<{escape(quote(uri, safe=_URL_CHARS))}|{shown}>"


def short_title_of(title: str, uri: str) -> str:
    """As `title_of`, within what fits in a line of a list."""
    shown = title if len(title) <= _TITLE_CHARS else f"{title[:_TITLE_CHARS]}…"
    linked = title_of(shown, uri)
    return linked if len(linked) <= _LINK_CHARS else title_of(shown, "")


def _feedback_buttons(exchange_id: str) -> Json:
    def button(text: str, label: str, vote: str) -> Json:
        return {"text": plain(text), "accessibility_label": label, "value": f"{vote} {exchange_id}"}

    return {
        "type": "context_actions",
        "block_id": "feedback",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": FEEDBACK_ACTION,
                "positive_button": button("Good answer", "Mark this answer as good", "up"),
                "negative_button": button("Bad answer", "Mark this answer as bad and say what is wrong", "down"),
            }
        ],
    }


def markdown(text: str) -> Json:
    return {"type": "markdown", "text": text}


def section(mrkdwn: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn}}


def context(text: str) -> Json:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": escape(text)[:SECTION_CHARS]}]}


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": True}


def button(text: str, *, action_id: str, value: str) -> Json:
    return {"type": "button", "text": plain(text), "action_id": action_id, "value": value}
