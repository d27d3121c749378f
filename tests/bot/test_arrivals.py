import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.arrivals import Arrival, Identity, read_action, read_event, storable
from bot.payloads import Malformed
from bot.thread_events import read_change

ME = Identity(team="T1", user="UBOT", bot="BBOT")


def _event(**event: object) -> dict:
    return {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": event}


def _message(text: str = "hello", **more: object) -> dict:
    return _event(type="message", channel="C1", ts="100.1", user="U1", text=text, **more)


def _mention(text: str = "<@UBOT> hello", **more: object) -> dict:
    return _event(type="app_mention", channel="C1", ts="100.1", user="U1", text=text, **more)


def _read(body: dict) -> Arrival:
    found = read_event(body, ME)
    assert found is not None
    return found


def test_a_mention_and_its_message_copy_are_one_piece_of_work() -> None:
    assert _read(_mention()).id == _read(_message("<@UBOT> hello")).id == "slack:T1:C1:100.1"


def test_a_message_without_a_mention_is_not_the_bots() -> None:
    assert read_event(_message(), ME) is None


def test_a_direct_message_needs_no_mention() -> None:
    body = _event(type="message", channel="D1", channel_type="im", ts="100.1", user="U1", text="hello")
    assert _read(body).settled


def test_a_reply_without_a_mention_waits_on_the_thread_and_takes_no_mentions_place() -> None:
    reply = _read(_message(thread_ts="50.1"))
    assert not reply.settled
    assert reply.about == "slack:T1:C1:50.1"


@pytest.mark.parametrize(
    "mark",
    [
        {"bot_id": "B2"},
        {"user": "UBOT"},
        {"user": "USLACKBOT"},
        {"subtype": "bot_message"},
        {"subtype": "channel_join"},
    ],
)
def test_bots_and_notices_are_never_answered(mark: dict) -> None:
    body = _message("<@UBOT> hello")
    body["event"] |= mark
    assert read_event(body, ME) is None


def _edit(text: str, before: str, **more: object) -> dict:
    message = {"ts": "100.1", "user": "U1", "text": text, "edited": {"user": "U1", "ts": "200.1"}, **more}
    previous = {"ts": "100.1", "user": "U1", "text": before}
    return _event(
        type="message",
        subtype="message_changed",
        channel="C1",
        ts="200.2",
        event_ts="200.2",
        message=message,
        previous_message=previous,
    )


def test_an_edit_is_work_of_its_own_with_its_time() -> None:
    edit = _read(_edit("<@UBOT> bye", "<@UBOT> hello"))
    assert (edit.kind, edit.id, edit.payload["version"]) == ("edit", "slack:T1:C1:100.1:edit:200.2", "200.2")
    assert edit.payload["key"] == "slack:T1:C1:100.1"


def test_an_unfolded_link_is_no_edit() -> None:
    assert read_event(_edit("<@UBOT> hello", "<@UBOT> hello"), ME) is None


def test_a_deletion_names_the_question() -> None:
    body = _event(
        type="message", subtype="message_deleted", channel="C1", ts="300.1", event_ts="300.1", deleted_ts="100.1"
    )
    assert (_read(body).kind, _read(body).about) == ("delete", "slack:T1:C1:100.1")


def test_a_deleted_thread_head_leaves_a_tombstone_and_is_a_deletion() -> None:
    body = _edit("This message was deleted.", "<@UBOT> hello", subtype="tombstone")
    assert _read(body).kind == "delete"


def test_each_click_is_work_of_its_own() -> None:
    body = {
        "type": "block_actions",
        "team": {"id": "T1"},
        "channel": {"id": "C1"},
        "user": {"id": "U1"},
        "container": {"message_ts": "100.2"},
        "message": {"thread_ts": "100.1"},
        "actions": [{"action_id": "tandem_feedback", "value": "up x", "action_ts": "400.1"}],
    }
    first = read_action(body)
    body["actions"][0]["action_ts"] = "400.2"
    second = read_action(body)
    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert first.payload["thread_ts"] == "100.1"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "subtype", "event", "team_id", "channel", "ts", "user", "text", "message", "files"]
                ),
                inner,
            )
        ),
    )
)
def test_no_payload_makes_the_reader_fail_in_any_other_way(body: object) -> None:
    if not isinstance(body, dict):
        return
    for read in (lambda: read_event(body, ME), lambda: read_action(body), lambda: read_change(body, ME)):
        try:
            read()
        except Malformed:
            continue


@given(st.text(alphabet=st.characters(codec=None)))
def test_what_is_stored_can_be_written_to_any_database(text: str) -> None:
    kept = storable(text)
    assert "\x00" not in kept
    assert json.dumps(kept, ensure_ascii=False).encode()


def test_message_in_a_channel_may_change_a_document_and_nothing_of_what_it_says_is_stored() -> None:
    change = read_change(_message("the secret plan", thread_ts="50.1", event_ts="100.1"), ME)
    assert change is not None
    assert change.payload == {"team": "T1", "channel": "C1", "ts": "100.1", "thread_ts": "50.1", "is_new": True}


@pytest.mark.parametrize(
    "body",
    [
        _message("<@UBOT> a question", event_ts="100.1"),
        _message("to the bot", channel_type="im", event_ts="100.1"),
        _message("from a bot", bot_id="B2", event_ts="100.1"),
        _message("joined", subtype="channel_join", event_ts="100.1"),
        _edit("hello", "hello"),
        _event(type="member_left_channel", channel="C1", user="U2", event_ts="100.1"),
        {"type": "block_actions", "event": {"type": "message"}},
    ],
)
def test_what_changes_no_document_is_none(body: dict) -> None:
    assert read_change(body, ME) is None
