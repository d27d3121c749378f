"""What people do in Slack and what they see, over Socket Mode, with a scripted model behind the real router."""

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.trial import Workspace, bot, eventually, shown, workspace
from tests.router.fakes import ScriptedModel

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

_ASK = "@bot How many days of paid leave do I have?"


def _reply(messages: list[dict[str, str]]) -> str:
    question = messages[-1]["content"].rpartition("Question:")[2]
    if "expire" in question:
        return "Unused days expire at the end of March [1]."
    return "You have 31 days of paid leave a year [1]. Unused days expire at the end of March [1]."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conversations")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(reply=_reply).running() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(folder: Path, model: ScriptedModel) -> AsyncIterator[Workspace]:
    database = f"sqlite+aiosqlite:///{folder / 'tandem.db'}"
    async with (
        workspace(folder / "workspace", "--no-rate-limits") as started,
        bot(started, database_url=database, model_url=model.url, questions_per_minute=1_000),
    ):
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def general(place: Workspace) -> str:
    return await place.channel("general")


def _rows(folder: Path, query: str) -> list[Any]:
    with sqlite3.connect(folder / "tandem.db") as database:
        return database.execute(query).fetchall()


def _button(message: dict[str, Any], kind: str) -> dict[str, Any]:
    """The block and the element of that type in a message."""
    return next(
        {**element, "block_id": block["block_id"]}
        for block in message["blocks"]
        for element in block.get("elements", [])
        if element["type"] == kind
    )


async def _press(place: Workspace, channel: str, message: dict[str, Any], *, kind: str, value: str = "") -> None:
    element = _button(message, kind)
    value = value or element["value"]
    action = {"type": kind, "block_id": element["block_id"], "action_id": element["action_id"], "value": value}
    clicked = await place.page("action", channel=channel, message_ts=message["ts"], action=action)
    assert clicked["ok"], clicked


async def test_mention_is_answered_in_its_thread_with_sources_receipt_and_buttons(
    place: Workspace, general: str
) -> None:
    asked = await place.say(general, _ASK)
    (answer,) = await place.finished(general, asked)
    assert answer["streaming_state"] == "completed"
    assert "You have 31 days of paid leave a year [1]." in shown(answer)
    assert "*[1]* <https://handbook.example/leave-policy|Leave policy>" in shown(answer)
    assert "1 document, no memory" in shown(answer)
    assert _button(answer, "feedback_buttons")["positive_button"]["value"].endswith(asked)


async def test_reply_in_the_bots_thread_needs_no_mention_and_refers_to_the_thread(
    place: Workspace, general: str, model: ScriptedModel
) -> None:
    asked = await place.say(general, _ASK)
    await place.finished(general, asked)
    await place.say(general, "And when do they expire?", thread_ts=asked)
    _, second = await place.finished(general, asked, count=2)
    assert "expire at the end of March" in shown(second)
    assert "Earlier question: How many days of paid leave do I have?" in model.requests[-1]["messages"][-1]["content"]


async def test_exchanges_of_a_thread_are_kept_as_such(place: Workspace, general: str, folder: Path) -> None:
    asked = await place.say(general, _ASK)
    await place.finished(general, asked)
    await place.say(general, "And when do they expire?", thread_ts=asked)
    await place.finished(general, asked, count=2)
    thread_id = f"{place.team}:{general}:{asked}"
    assert _rows(folder, f"SELECT count(*) FROM exchanges WHERE thread_id = '{thread_id}'") == [(2,)]


async def test_people_among_themselves_are_left_alone_until_they_mention_the_bot(
    place: Workspace, general: str
) -> None:
    head = await place.say(general, "Lunch?")
    await place.say(general, "How many days of leave are left?", "jonas", thread_ts=head)
    await place.say(general, _ASK, thread_ts=head)
    await place.finished(general, head)
    assert len(await place.answers(general, head)) == 1


async def test_direct_message_is_answered_without_a_mention(place: Workspace) -> None:
    channel = await place.channel("im", "sam")
    asked = await place.say(channel, "How many days of paid leave do I have?", "sam")
    (answer,) = await place.finished(channel, asked, person="sam")
    assert "31 days" in shown(answer)


async def test_edited_question_is_answered_anew_in_the_same_message(place: Workspace, general: str) -> None:
    asked = await place.say(general, _ASK)
    (first,) = await place.finished(general, asked)
    text = f"<@{place.bot['id']}> When does unused leave expire?"
    assert (await place.api("chat.update", channel=general, ts=asked, text=text))["ok"]

    async def changed() -> bool:
        return "31 days of paid" not in shown((await place.answers(general, asked))[0])

    await eventually(changed)
    (second,) = await place.answers(general, asked)
    assert second["ts"] == first["ts"]
    assert "expire at the end of March" in shown(second)


async def test_deleted_question_loses_its_answer(place: Workspace, general: str, folder: Path) -> None:
    asked = await place.say(general, _ASK)
    (answer,) = await place.finished(general, asked)
    assert (await place.api("chat.delete", channel=general, ts=asked))["ok"]

    async def gone() -> bool:
        history = await place.api("conversations.replies", channel=general, ts=answer["ts"])
        return not any(each["ts"] == answer["ts"] for each in history.get("messages", []))

    await eventually(gone)
    assert _rows(folder, f"SELECT text, state FROM deliveries WHERE question_ts = '{asked}'") == [("", "withdrawn")]


@pytest.mark.parametrize(
    ("text", "said"),
    [("@bot", "mentioned me without a question"), ("@bot   \n ", "mentioned me without a question"), ("@bot 🎉", "")],
)
async def test_message_that_asks_nothing_gets_a_friendly_word(
    place: Workspace, general: str, text: str, said: str
) -> None:
    asked = await place.say(general, text)
    (answer,) = await eventually(lambda: place.answers(general, asked))
    assert said in shown(answer) or said in answer["text"]


async def test_mention_of_somebody_unknown_is_nobodys_question(place: Workspace, general: str) -> None:
    stray = await place.say(general, "<@U0NOBODY> How many days of leave do I have?")
    asked = await place.say(general, _ASK)
    await place.finished(general, asked)
    assert await place.answers(general, stray) == []


async def test_very_long_message_is_answered(place: Workspace, general: str) -> None:
    asked = await place.say(general, _ASK + " please" * 5_000)
    (answer,) = await place.finished(general, asked)
    assert "31 days" in shown(answer)
    assert "first 4,000" in shown(answer) or "4000" in shown(answer) or "characters" in shown(answer)


async def test_model_failure_is_said_in_the_thread_and_can_be_tried_again(
    place: Workspace, general: str, model: ScriptedModel
) -> None:
    model.mode = "error"
    try:
        asked = await place.say(general, _ASK)
        (apology,) = await place.finished(general, asked)
    finally:
        model.mode = "good"
    assert "The model is not available right now" in shown(apology)
    assert "500" not in json.dumps(apology["blocks"])
    await _press(place, general, apology, kind="button")

    async def answered() -> bool:
        return "31 days" in shown((await place.answers(general, asked))[0])

    await eventually(answered)
    (answer,) = await place.answers(general, asked)
    assert answer["ts"] == apology["ts"]


async def test_event_that_comes_twice_is_answered_once(place: Workspace, general: str) -> None:
    await place.fault("events", "duplicate", times=2)
    asked = await place.say(general, _ASK)
    await place.finished(general, asked)
    later = await place.say(general, _ASK)
    await place.finished(general, later)
    assert len(await place.answers(general, asked)) == 1


@pytest.mark.parametrize("method", ["chat.startStream", "chat.stopStream"])
async def test_call_that_was_done_before_its_connection_broke_is_not_done_twice(
    place: Workspace, general: str, method: str
) -> None:
    await place.fault(method, "lose")
    asked = await place.say(general, _ASK)
    (answer,) = await place.finished(general, asked)
    assert shown(answer).count("31 days of paid leave a year [1]") == 1


@pytest.mark.parametrize(
    ("method", "kind"), [("chat.startStream", "429"), ("chat.appendStream", "500"), ("chat.startStream", "drop")]
)
async def test_failing_stream_still_becomes_one_whole_answer(
    place: Workspace, general: str, method: str, kind: str
) -> None:
    await place.fault(method, kind)
    asked = await place.say(general, _ASK)
    (answer,) = await place.finished(general, asked)
    assert shown(answer).count("31 days of paid leave a year [1]") == 1
    assert "Leave policy" in shown(answer)


async def test_vote_is_kept_and_a_second_click_takes_it_back(place: Workspace, general: str, folder: Path) -> None:
    asked = await place.say(general, _ASK)
    (answer,) = await place.finished(general, asked)
    value = _button(answer, "feedback_buttons")["positive_button"]["value"]
    query = f"SELECT kind FROM feedback WHERE exchange_id LIKE '%{asked}' ORDER BY at"
    await _press(place, general, answer, kind="feedback_buttons", value=value)
    await eventually(lambda: _kinds(folder, query, 1))
    await _press(place, general, answer, kind="feedback_buttons", value=value)
    assert await eventually(lambda: _kinds(folder, query, 2)) == ["vote_up", "unvote"]


async def _kinds(folder: Path, query: str, count: int) -> list[str] | None:
    found = [row[0] for row in _rows(folder, query)]
    return found if len(found) == count else None


async def test_vote_against_an_answer_opens_a_form_whose_correction_is_kept(
    place: Workspace, general: str, folder: Path
) -> None:
    asked = await place.say(general, _ASK)
    (answer,) = await place.finished(general, asked)
    value = _button(answer, "feedback_buttons")["negative_button"]["value"]
    async with place.watch() as frames:
        await _press(place, general, answer, kind="feedback_buttons", value=value)
        view = (await frames.until("view_opened"))["view"]
        blank = await place.page("view", view_id=view["id"], type="submit", state={"values": {}})
        assert "should_have_said" in blank["errors"]
        chosen = [option for option in view["blocks"][0]["element"]["options"] if option["value"] == "sources"]
        values = {
            "what_was_wrong": {"wrong": {"type": "checkboxes", "selected_options": chosen}},
            "should_have_said": {"correction": {"type": "plain_text_input", "value": "30 days, since May."}},
        }
        sent = await place.page("view", view_id=view["id"], type="submit", state={"values": values})
        assert sent["ok"], sent
        while "your correction is noted" not in (await frames.until("ephemeral"))["message"]["text"]:
            continue
    query = f"SELECT kind, what_was_wrong, correction FROM feedback WHERE exchange_id LIKE '%{asked}' ORDER BY at"
    vote, correction = _rows(folder, query)
    assert vote[0] == "vote_down"
    assert correction == ("correction", '["sources"]', "30 days, since May.")


async def test_address_given_in_a_public_channel_is_taken_in_for_everyone(place: Workspace, general: str) -> None:
    assert (await place.page("command", channel=general, command="/ingest", text="https://example.org/page"))["ok"]
    post = await eventually(lambda: _post_with(place, general, "Added: https://example.org/page for public"))
    assert "Everyone in this workspace" in shown(post)


async def test_address_given_in_a_private_channel_is_taken_in_for_that_channel(place: Workspace) -> None:
    channel = await place.channel("people-ops")
    await place.page("command", channel=channel, command="/ingest", text="https://example.org/pay")
    post = await eventually(lambda: _post_with(place, channel, f"https://example.org/pay for channel:{channel}"))
    assert "Only this channel" in shown(post)


async def test_unreachable_address_is_said_to_be_unreachable(place: Workspace, general: str) -> None:
    await place.page("command", channel=general, command="/ingest", text="https://unreachable.example/x")
    post = await eventually(lambda: _post_with(place, general, "unreachable.example"))
    assert "The page could not be reached." in shown(post)


async def test_upload_in_a_direct_message_is_taken_in_once_its_reader_is_named(place: Workspace) -> None:
    channel = await place.channel("im")
    await place.upload(channel, "tea.md", b"# Tea\n\nThe kettle is upstairs.", "/ingest")
    head = await eventually(lambda: _own_message(place, channel, "/ingest"))
    (question,) = await place.finished(channel, head)
    assert "Who may read it?" in shown(question)
    await _press(place, channel, question, kind="button")

    async def added() -> bool:
        return "Added: tea.md for public" in shown((await place.answers(channel, head))[0])

    await eventually(added)


async def test_file_that_cannot_be_read_is_said_to_be_broken(place: Workspace) -> None:
    channel = await place.channel("im")
    await place.upload(channel, "broken.pdf", b"%PDF\x00broken", "/ingest public")
    head = await eventually(lambda: _own_message(place, channel, "/ingest public"))

    async def said() -> bool:
        answers = await place.answers(channel, head)
        return bool(answers) and "The file is broken." in shown(answers[0])

    await eventually(said)


async def test_file_chosen_in_the_form_is_taken_in(place: Workspace, general: str) -> None:
    given = await place.api("files.getUploadURLExternal", filename="plan.md", length=6)
    async with place.session.post(given["upload_url"], data=b"# Plan") as response:
        assert response.status == 200
    await place.api("files.completeUploadExternal", files=[{"id": given["file_id"], "title": "plan.md"}])
    async with place.watch() as frames:
        await place.page("command", channel=general, command="/ingest", text="")
        view = (await frames.until("view_opened"))["view"]
    assert "Everyone in this workspace" in json.dumps(view["blocks"])
    values = {"files": {"value": {"type": "file_input", "files": [{"id": given["file_id"]}]}}}
    sent = await place.page("view", view_id=view["id"], type="submit", state={"values": values})
    assert sent["ok"], sent
    await eventually(lambda: _post_with(place, general, "Added: plan.md for public"))


async def test_guest_is_told_that_only_members_are_answered(place: Workspace, general: str) -> None:
    user = place.people["jonas"]["id"]
    await place.page("people", user=user, is_restricted=True)
    try:
        asked = await place.say(general, _ASK, "jonas")
        (answer,) = await place.finished(general, asked)
    finally:
        await place.page("people", user=user, is_restricted=False)
    assert "members of this workspace only" in shown(answer)
    assert "31" not in shown(answer)


async def _post_with(place: Workspace, channel: str, text: str) -> dict[str, Any] | None:
    return next((post for post in await place.posts(channel) if text in shown(post)), None)


async def _own_message(place: Workspace, channel: str, text: str) -> str | None:
    history = await place.api("conversations.history", channel=channel)
    return next((each["ts"] for each in history["messages"] if each.get("text") == text), None)
