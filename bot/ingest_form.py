"""How documents are handed over: the command, the comment under an upload, and the form for files."""

import re
from collections.abc import Mapping
from typing import Any

from bot.arrivals import INGEST_VIEW, Arrival
from bot.payloads import Json, as_object, inner, objects, optional, required
from bot.rendering import plain, section

HELP = (
    "*Add documents to what I answer from*\n"
    "• `/ingest https://…` adds a page or a file from the web\n"
    "• `/ingest` alone opens a form for files\n"
    "• or upload files in a direct message to me, with the comment `ingest`\n"
    "• *Add to knowledge* in the menu of a message adds it, with its files and links\n"
    "• `/ingest #channel` takes in a channel's history and follows it, `/ingest stop #channel` ends that; administrators may\n"
    "What is added in a public channel can be read by everyone in the workspace; what is added in a private channel, only there. "
    "In a direct message I ask who may read it, unless you write `/ingest public` and what to add.\n"
    "*See and change what is there*\n"
    "• `/ingest list` shows what can be read here, and `/ingest list 2` the next page\n"
    "• `/ingest status` shows what is being taken in here, what failed last, and what is set aside\n"
    "• `/ingest preview https://…` shows what would be read of a page, and keeps nothing\n"
    "• `/ingest remove` with a number or a link takes a document out; its adder and administrators may\n"
    "• `/ingest undo` takes out what you added here last\n"
    "• `/ingest refresh` with a number, a link, a site or folder that was taken in, or `all` reads again"
)

FILES_BLOCK, URLS_BLOCK, EVERYONE_BLOCK = "files", "urls", "everyone"
URLS_AT_ONCE = 10
_ACTION = "value"
_FILES_AT_ONCE = 10
# Before a number among the names that a button holds: so many addresses were left out.
_LEFT_OUT = "+"
# Before the times of a message and its thread.
_MESSAGE = "@"
_WORD = re.compile(r"\s*(list|status|preview|remove|undo|refresh|stop|help)(?!\S)", re.IGNORECASE)
_ADDRESS = re.compile(r"(?P<opening><?)(?P<address>https?://[^\s<>|]+)")
_AFTER_AN_ADDRESS = ".,;"
# Only the word right after the command says that all may read it: “it is not public yet” says the contrary.
_COMMENT = re.compile(
    r"^\s*(?:<@[^>]+>\s*)?(?P<slash>/?)ingest\b(?P<everyone>\s+public(?!\S))?",
    re.IGNORECASE,
)
_SHORT_COMMENT_WORDS = 4


def addresses(text: str) -> list[str]:
    """The web addresses in a command or comment, also in Slack's `<https://…|label>` form."""
    found = [_address(each) for each in _ADDRESS.finditer(_unescaped(text))]
    return list(dict.fromkeys(found))


def _unescaped(text: str) -> str:
    """Slack escapes these three in what people write, and nothing else."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _address(found: re.Match[str]) -> str:
    """Where Slack has not marked where it ends, the punctuation after an address is no part of it."""
    address = found["address"]
    if found["opening"]:
        return address
    return address.rstrip(_AFTER_AN_ADDRESS if "(" in address else f"{_AFTER_AN_ADDRESS})")


def may_ask_to_ingest(text: str) -> bool:
    """Whether a message begins like one that hands something over: its files decide."""
    return _COMMENT.match(text) is not None


def may_hand_over(kind: str, payload: Mapping[str, Any]) -> bool:
    """Whether stored work may turn out to wait for documents."""
    if kind in {"question", "edit"}:
        return may_ask_to_ingest(optional(payload, "text"))
    return kind in {"ingest", "share", "refresh"}


def is_ingest_comment(text: str, *, has_files: bool) -> bool:
    """Whether a message asks to take something in, and is no question about the word."""
    found = _COMMENT.match(text)
    if found is None:
        return False
    return bool(found["slash"] or has_files or addresses(text) or len(text.split()) <= _SHORT_COMMENT_WORDS)


def names_everyone(text: str) -> bool:
    """`/ingest public …`, with or without the slash: the person says that all may read it."""
    found = _COMMENT.match(text)
    return found is not None and found["everyone"] is not None


def command_word(text: str) -> str:
    """The command that follows `/ingest`, empty where documents do."""
    found = _WORD.match(text)
    return found[1].lower() if found else ""


def read_comment(text: str) -> Json:
    """What a comment under an upload, or by itself, hands over beside files; `left_out` addresses are too many."""
    comment = _COMMENT.match(text)
    # `ingest preview https://…` asks for something else than to take the page in.
    found = [] if comment and command_word(text[comment.end() :]) else addresses(text)
    return {
        "urls": found[:URLS_AT_ONCE],
        "left_out": len(found[URLS_AT_ONCE:]),
        "everyone": names_everyone(text),
    }


def choice_value(handed_over: Mapping[str, Any]) -> str:
    """What the button under “who may read it?” holds."""
    left_out = handed_over.get("left_out", 0)
    names = [*handed_over.get("files", []), *handed_over.get("urls", [])]
    shared = inner(handed_over, "shared")
    if shared:
        names.append(f"{_MESSAGE}{shared['ts']}:{shared['thread_ts']}")
    return " ".join([*names, f"{_LEFT_OUT}{left_out}"] if left_out else names)


def read_choice(value: str) -> Json:
    """What was handed over when the button was shown: Slack's ids of files have no slash, addresses do."""
    names = value.split()
    shared = [name.removeprefix(_MESSAGE).partition(":") for name in names if name.startswith(_MESSAGE)]
    return {
        "shared": {"ts": shared[0][0], "thread_ts": shared[0][2]} if shared else {},
        "files": [name for name in names if "/" not in name and not name.startswith((_LEFT_OUT, _MESSAGE))],
        "urls": [name for name in names if "/" in name],
        "left_out": sum(int(name.removeprefix(_LEFT_OUT)) for name in names if name.startswith(_LEFT_OUT)),
    }


def ingest_form(*, channel: str, readers: str) -> Json:
    """The form for files. `readers` says who will be able to read them; empty asks for consent that all may."""
    consent = {
        "type": "input",
        "block_id": EVERYONE_BLOCK,
        "label": plain("Who may read it?"),
        "element": {
            "type": "checkboxes",
            "action_id": _ACTION,
            "options": [{"text": plain("Everyone in this workspace may read it"), "value": "everyone"}],
        },
    }
    return {
        "type": "modal",
        "callback_id": INGEST_VIEW,
        "private_metadata": channel,
        "title": plain("Add documents"),
        "submit": plain("Add"),
        "close": plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": FILES_BLOCK,
                "optional": True,
                "label": plain("Files"),
                "element": {"type": "file_input", "action_id": _ACTION, "max_files": _FILES_AT_ONCE},
            },
            {
                "type": "input",
                "block_id": URLS_BLOCK,
                "optional": True,
                "label": plain("Addresses"),
                "element": {"type": "plain_text_input", "action_id": _ACTION, "multiline": True},
            },
            section(readers) if readers else consent,
        ],
    }


def missing_in_form(body: Mapping[str, Any]) -> dict[str, str]:
    """What must be mended before the form can be taken, by block."""
    files, urls = _filled_in(body)
    if not files and not urls:
        return {URLS_BLOCK: "Choose a file above, or write an address like https://example.org/page."}
    if len(urls) > URLS_AT_ONCE:
        return {
            URLS_BLOCK: f"I take in {URLS_AT_ONCE} addresses at a time, and these are {len(urls)}. "
            "Please take some out, and add them afterwards."
        }
    return {}


def read_form(body: Mapping[str, Any]) -> Arrival | None:
    """The work in a submitted form; None for one that must be mended first. Raises Malformed."""
    view = inner(body, "view")
    channel = required(view, "private_metadata")
    if missing_in_form(body):
        return None  # mended, it is submitted under the same id, which is done once
    files, urls = _filled_in(body)
    team = required(inner(body, "team"), "id")
    return Arrival(
        id=f"slack:{team}:{channel}:form:{required(view, 'id')}",
        kind="ingest",
        payload={
            "team": team,
            "channel": channel,
            "user": required(inner(body, "user"), "id"),
            "files": files,
            "urls": urls,
            "everyone": bool(objects(_state(body, EVERYONE_BLOCK), "selected_options")),
        },
    )


def _filled_in(body: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    files = [required(file, "id") for file in objects(_state(body, FILES_BLOCK), "files")]
    return files, addresses(optional(_state(body, URLS_BLOCK), "value"))


def _state(body: Mapping[str, Any], block: str) -> Json:
    values = inner(inner(inner(body, "view"), "state"), "values")
    return as_object(inner(values, block).get(_ACTION))
