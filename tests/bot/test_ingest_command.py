from typing import Any

import pytest

from bot.arrivals import ADD_SHORTCUT
from bot.ingest_command import not_understood, read_command, read_shortcut, spoken
from bot.ingest_form import choice_value, read_choice, read_comment
from bot.rendering import escape

_COMMAND = {"command": "/ingest", "team_id": "T1", "channel_id": "C1", "user_id": "U1", "trigger_id": "t"}


@pytest.mark.parametrize(
    ("text", "name", "argument"),
    [
        ("list", "list", ""),
        ("LIST 2", "list", "2"),
        (" remove  #12345 ", "remove", "12345"),
        ("remove <https://a.example/p?x=1&amp;y=2|the page>", "remove", "https://a.example/p?x=1&y=2"),
        ("preview https://a.example/p", "preview", "https://a.example/p"),
        ("refresh all", "refresh", "all"),
        ("undo", "undo", ""),
        ("listing https://a.example", "", "https://a.example"),
        ("", "", ""),
    ],
)
def test_command_is_its_first_word_and_what_follows(text: str, name: str, argument: str) -> None:
    command = spoken(text)
    assert (command.name, command.argument) == (name, argument)


@pytest.mark.parametrize(
    ("text", "kind", "reference"),
    [("remove 12345", "remove", "12345"), ("undo", "undo", ""), ("refresh all", "refresh", "all")],
)
def test_command_that_changes_documents_is_stored_before_it_is_done(text: str, kind: str, reference: str) -> None:
    arrival = read_command({**_COMMAND, "text": text})
    assert arrival is not None
    assert (arrival.kind, arrival.payload["reference"]) == (kind, reference)


@pytest.mark.parametrize(
    "text", ["list", "status", "help", "preview https://a.example/p", "remove", "refresh", "list https://a.example"]
)
def test_command_that_only_shows_something_takes_nothing_in(text: str) -> None:
    assert read_command({**_COMMAND, "text": text}) is None


@pytest.mark.parametrize("text", ["undo 12345", "undo https://a.example/p", "undo please"])
def test_undo_that_names_a_document_undoes_nothing(text: str) -> None:
    assert read_command({**_COMMAND, "text": text}) is None


@pytest.mark.parametrize("said", ["www.example.org", "lst", "<!channel>"])
def test_what_is_none_of_the_commands_is_said_to_be_none(said: str) -> None:
    told = not_understood(spoken(said))
    assert told.startswith(f"I do not understand “{escape(said)}”: an address begins with `https://`")


@pytest.mark.parametrize("text", ["/ingest preview https://a.example", "<@UBOT> ingest remove https://a.example"])
def test_comment_that_begins_with_a_command_takes_nothing_in(text: str) -> None:
    assert read_comment(text)["urls"] == []


def _shortcut(**message: str) -> dict[str, Any]:
    return {
        "type": "message_action", "callback_id": ADD_SHORTCUT, "team": {"id": "T1"}, "channel": {"id": "C1"},
        "user": {"id": "U1"}, "message": {"text": "secret", "ts": "100.1", **message}, "action_ts": "200.1",
    }  # fmt: skip


@pytest.mark.parametrize(("message", "thread"), [({}, "100.1"), ({"thread_ts": "90.1"}, "90.1")])
def test_shortcut_names_the_message_and_stores_nothing_of_what_it_says(message: dict[str, str], thread: str) -> None:
    arrival = read_shortcut(_shortcut(**message))
    assert arrival.kind == "ingest"
    assert arrival.payload["shared"] == {"ts": "100.1", "thread_ts": thread}
    assert "secret" not in str(arrival)


def test_button_under_who_may_read_it_knows_the_message_again() -> None:
    shared = {"ts": "100.1", "thread_ts": "90.1"}
    assert read_choice(choice_value({"shared": shared})) == {"shared": shared, "files": [], "urls": [], "left_out": 0}
