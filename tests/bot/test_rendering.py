import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.rendering import (
    BLOCKS_PER_MESSAGE,
    MARKDOWN_CHARS,
    SECTION_CHARS,
    answer_pages,
    answer_tail,
    defuse,
    escape,
    pages,
    receipt,
    section,
    split_text,
)
from router.answers import Answer, Source
from router.decisions import FROM_DOCUMENTS, Decision, Route

_CONTROL = re.compile(r"<(?:[@#!]|[A-Za-z][A-Za-z0-9+.-]*:)")
_risky = st.text(alphabet="<>@#!&|:abhtps/.[]() \n", max_size=60)


def _answer(text: str = "Yes [1].", *, route: Route = Route.RETRIEVE, model: str = "", **source: str) -> Answer:
    given = {
        "title": "Leave",
        "uri": "https://handbook.example/leave",
        "quote": "Yes.",
        "document_id": "d",
        "chunk_id": "c",
    }
    sources = (Source(n=1, **{**given, **source}),) if route in FROM_DOCUMENTS else ()
    decision = Decision(route=route, probabilities={route: 1.0}, reason="because")
    return Answer(exchange_id="x", text=text, decision=decision, sources=sources, model=model)


@given(st.lists(_risky, max_size=4))
@example(["<a", ":"])
@example(["<", "ht", "tp://a|b>"])
def test_no_split_of_a_text_smuggles_a_control_sequence_through(pieces: list[str]) -> None:
    joined = "".join(defuse(piece) for piece in pieces)
    assert not _CONTROL.search(joined)


@given(_risky)
def test_escaped_text_holds_no_character_that_mrkdwn_acts_on(text: str) -> None:
    escaped = escape(text)
    assert "<" not in escaped
    assert ">" not in escaped


def test_code_keeps_its_less_than_signs() -> None:
    assert defuse("`if a < b`") == "`if a < b`"


def test_an_image_becomes_a_link() -> None:
    assert defuse("![x](https://a.example)") == "[x](https://a.example)"


@given(st.text(alphabet="ab. \n", max_size=400), st.integers(min_value=4, max_value=60))
def test_splitting_loses_nothing_and_keeps_the_limit(text: str, limit: int) -> None:
    pieces = split_text(text, limit)
    assert "".join(pieces) == text
    assert all(len(piece) <= limit for piece in pieces)


def test_text_is_split_after_a_sentence() -> None:
    assert split_text("One is first. Two is second.", 20) == ["One is first. ", "Two is second."]


@pytest.mark.parametrize("characters", [11_999, 12_001, 100_000])
def test_a_long_answer_is_shown_whole_within_slacks_limits(characters: int) -> None:
    made = answer_pages(_answer("word " * (characters // 5)), exchange_id="x")
    shown = "".join(block["text"] for page in made for block in page.blocks if block["type"] == "markdown")
    assert shown == "word " * (characters // 5)
    for page in made:
        assert len(page.blocks) <= BLOCKS_PER_MESSAGE
        assert sum(len(block["text"]) for block in page.blocks if block["type"] == "markdown") <= MARKDOWN_CHARS
        assert len(page.text) < 4_000


def test_more_blocks_than_a_message_holds_make_a_second_message() -> None:
    made = pages([section(str(n)) for n in range(51)], text="many")
    assert [len(page.blocks) for page in made] == [50, 1]


def test_a_long_quote_is_split_and_not_cut() -> None:
    quote = "a sentence of a document. " * 200
    tail = answer_tail(_answer(quote=quote), exchange_id="x")
    sections = [block["text"]["text"] for block in tail if block["type"] == "section"]
    assert len(sections) > 1
    assert all(len(text) <= SECTION_CHARS for text in sections)
    assert quote in "".join(sections)


def test_a_source_shows_its_title_as_a_link_and_its_quote() -> None:
    first = answer_tail(_answer(), exchange_id="x")[0]
    assert first["text"]["text"] == "*[1]* <https://handbook.example/leave|Leave>\n>Yes."


@pytest.mark.parametrize("uri", ["/srv/handbook/leave.md", "javascript:alert(1)", "http://[", "slack-file:F1"])
def test_a_source_without_a_web_address_is_no_link(uri: str) -> None:
    assert answer_tail(_answer(uri=uri), exchange_id="x")[0]["text"]["text"].startswith("*[1]* Leave\n")


def test_an_address_can_not_end_its_link_early() -> None:
    shown = answer_tail(_answer(uri="https://a.example/x|<!channel>"), exchange_id="x")[0]["text"]["text"]
    assert shown.startswith("*[1]* <https://a.example/x%7C%3C!channel%3E|Leave>")


def test_a_title_can_not_mention_anybody() -> None:
    shown = answer_tail(_answer(title="Leave <!channel>"), exchange_id="x")[0]["text"]["text"]
    assert "<!channel>" not in shown


def _other_routes(answer: Answer, **asked: bool) -> list[tuple[str, str]]:
    tail = answer_tail(answer, exchange_id="x1", **asked)
    buttons = [element for block in tail if block["type"] == "actions" for element in block["elements"]]
    return [(element["text"]["text"], element["value"]) for element in buttons]


@pytest.mark.parametrize(
    ("route", "offered"),
    [
        (Route.DIRECT, ["Redo with sources"]),
        (Route.RETRIEVE, ["Just answer"]),
        (Route.MULTI, ["Just answer"]),
        (Route.ABSTAIN, ["Just answer"]),
        (Route.CLARIFY, ["Redo with sources", "Just answer"]),
        (Route.SMALLTALK, []),
    ],
)
def test_each_answer_offers_the_routes_that_it_did_not_take(route: Route, offered: list[str]) -> None:
    why = ("Why this way?", "x1")
    assert _other_routes(_answer(route=route)) == [*((text, "x1") for text in offered), why]
    assert _other_routes(_answer(route=route), may_redo=False) == [why]


def test_feedback_buttons_carry_the_exchange_and_the_vote() -> None:
    last = answer_tail(_answer(), exchange_id="slack:T1:C1:1.2")[-1]
    assert last["type"] == "context_actions"
    (buttons,) = last["elements"]
    assert buttons["positive_button"]["value"] == "up slack:T1:C1:1.2"
    assert buttons["negative_button"]["value"] == "down slack:T1:C1:1.2"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (_answer(model="team@0a1b"), "1 document, no memory"),
        (_answer(route=Route.MULTI), "1 document after several searches, no memory"),
        (_answer(route=Route.DIRECT, model="SmolLM2"), "base model, no documents"),
        (
            replace(_answer(route=Route.DIRECT, model="team@0a1b"), adapter_at=datetime(2026, 11, 20, tzinfo=UTC)),
            "team model 2026-11-20, no documents",
        ),
        (_answer(route=Route.SMALLTALK), "small talk, nothing was looked up"),
    ],
)
def test_the_receipt_says_how_the_answer_came_about(answer: Answer, said: str) -> None:
    assert receipt(answer) == said
