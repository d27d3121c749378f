from typing import Any

import pytest

from bot.ingest_command import read_command
from bot.ingest_form import (
    addresses,
    ingest_form,
    is_ingest_comment,
    missing_in_form,
    names_everyone,
    read_form,
)

_COMMAND = {"command": "/ingest", "team_id": "T1", "channel_id": "D1", "user_id": "U1", "trigger_id": "t"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://a.example/x", ["https://a.example/x"]),
        ("<https://a.example/x|the page> and <http://b.example>", ["https://a.example/x", "http://b.example"]),
        ("https://a.example https://a.example", ["https://a.example"]),
        ("<https://a.example/p?x=1&amp;y=2&amp;copy=3>", ["https://a.example/p?x=1&y=2&copy=3"]),
        (
            "https://a.example/a, https://b.example/b; (see https://c.example).",
            ["https://a.example/a", "https://b.example/b", "https://c.example"],
        ),
        (
            "<https://a.example/Leave_(paid)> https://b.example/Leave_(paid)",
            ["https://a.example/Leave_(paid)", "https://b.example/Leave_(paid)"],
        ),
        ("file:///etc/passwd", []),
        ("", []),
    ],
)
def test_addresses_are_found_in_every_form_that_slack_sends(text: str, found: list[str]) -> None:
    assert addresses(text) == found


@pytest.mark.parametrize(
    ("text", "has_files", "asks"),
    [
        ("/ingest", True, True),
        ("/ingest public", False, True),
        ("<@UBOT> ingest this", False, True),
        ("ingest https://a.example/a/very/long/page that I found today", False, True),
        ("Ingest pipelines: which ones do we run in production?", False, False),
        ("What does /ingest do?", False, False),
        ("ingestion is slow", False, False),
    ],
)
def test_question_about_ingesting_is_no_request_to_ingest(text: str, has_files: bool, asks: bool) -> None:
    assert is_ingest_comment(text, has_files=has_files) is asks


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("/ingest public https://a.example", True),
        ("<@UBOT> ingest Public <https://a.example>", True),
        ("/ingest public", True),
        ("/ingest https://a.example/public", False),
        ("/ingest https://a.example public", False),
        ("ingest https://a.example/x but it is not public yet", False),
        ("/ingest https://a.example do not share with everyone", False),
        ("ingest everyone's notes https://a.example", False),
        ("ingest public-facing notes https://a.example", False),
        ("public, please: ingest https://a.example", False),
    ],
)
def test_comment_is_for_everyone_only_where_public_follows_the_command(text: str, public: bool) -> None:
    assert names_everyone(text) is public


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("public https://a.example", True),
        ("Public\thttps://a.example", True),
        ("https://a.example public", False),
        ("https://a.example do not share with everyone", False),
        ("everyone https://a.example", False),
        ("ingest public https://a.example", False),
        ("publication https://a.example", False),
    ],
)
def test_command_is_for_everyone_only_where_its_first_word_is_public(text: str, public: bool) -> None:
    arrival = read_command({**_COMMAND, "text": text})
    assert arrival is not None
    assert arrival.payload["everyone"] is public


def test_command_without_an_address_is_no_work() -> None:
    assert read_command({**_COMMAND, "text": "help"}) is None


def _pages(count: int) -> str:
    return "\n".join(f"https://a.example/{number}" for number in range(count))


@pytest.mark.parametrize(("given", "taken", "left_out"), [(10, 10, 0), (13, 10, 3)])
def test_command_counts_the_addresses_that_it_leaves_out(given: int, taken: int, left_out: int) -> None:
    arrival = read_command({**_COMMAND, "text": _pages(given)})
    assert arrival is not None
    assert arrival.payload["urls"] == _pages(taken).split()
    assert arrival.payload["left_out"] == left_out


def _submitted(values: dict[str, Any]) -> dict[str, Any]:
    return {
        "team": {"id": "T1"},
        "user": {"id": "U1"},
        "view": {"id": "V1", "private_metadata": "C1", "state": {"values": values}},
    }


def test_form_gives_its_files_and_addresses_to_the_channel_it_was_opened_in() -> None:
    values = {
        "files": {"value": {"type": "file_input", "files": [{"id": "F1"}]}},
        "urls": {"value": {"type": "plain_text_input", "value": "https://a.example\nhttps://b.example"}},
    }
    arrival = read_form(_submitted(values))
    assert arrival is not None
    assert arrival.id == "slack:T1:C1:form:V1"
    assert arrival.payload["files"] == ["F1"]
    assert arrival.payload["urls"] == ["https://a.example", "https://b.example"]
    assert arrival.payload["everyone"] is False


def test_empty_form_says_what_is_missing() -> None:
    assert read_form(_submitted({})) is None
    assert "Choose a file" in missing_in_form(_submitted({}))["urls"]


def test_form_with_too_many_addresses_names_the_limit_and_is_not_taken_until_it_is_mended() -> None:
    files = {"value": {"type": "file_input", "files": [{"id": "F1"}]}}
    too_many, enough = (_submitted({"files": files, "urls": {"value": {"value": _pages(count)}}}) for count in (11, 10))
    assert "I take in 10 addresses at a time, and these are 11" in missing_in_form(too_many)["urls"]
    assert read_form(too_many) is None
    assert missing_in_form(enough) == {}
    arrival = read_form(enough)
    assert arrival is not None
    assert arrival.payload["urls"] == _pages(10).split()


def test_form_asks_for_consent_only_where_nobody_else_decides_who_may_read() -> None:
    assert ingest_form(channel="C1", readers="Only this channel.")["blocks"][-1]["type"] == "section"
    assert ingest_form(channel="D1", readers="")["blocks"][-1]["block_id"] == "everyone"
