"""A channel's history taken in and followed, over a real library and a Slack that remembers what was said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.channel_command import channel_request
from bot.errors import SlackBusy
from knowledge.audience import parse_audience
from knowledge.documents import Document, IngestResult, Origin, Passage
from knowledge.filters import SearchFilter
from router.decisions import Decision, Route
from router.exchanges import Exchange, shown
from router.feedback import Feedback
from router.journal import Journal
from tests.bot.channel_slack import Json
from tests.bot.office import EVERYTHING, Office
from training.data.export import export
from training.settings import TrainingSettings

_DAY = datetime(2026, 3, 1, tzinfo=UTC)


def _ts(event: Json) -> str:
    return event["event"]["ts"]


@pytest.mark.parametrize(
    ("text", "wants", "id_", "name"),
    [
        ("<#C1|ops>", "start", "C1", ""),
        (" <#C1> ", "start", "C1", ""),
        ("#Ops", "start", "", "ops"),
        ("stop <#C1|ops>", "stop", "C1", ""),
        ("Stop #ops", "stop", "", "ops"),
    ],
)
def test_channel_is_named_in_slacks_form_or_as_it_is_typed(text: str, wants: str, id_: str, name: str) -> None:
    request = channel_request(text)
    assert request is not None
    assert (request.wants, request.id, request.name) == (wants, id_, name)


@pytest.mark.parametrize("text", ["", "stop", "ops", "#ops #pay", "https://a.example/#ops", "remove #48213", "#"])
def test_other_words_name_no_channel(text: str) -> None:
    assert channel_request(text) is None


@pytest.mark.parametrize(
    ("channel", "user", "marks", "refusal"),
    [
        ("C1", "U2", {}, "Only an administrator"),
        ("C2", "U3", {}, "no such channel that you and I are both in"),
        ("C9", "U1", {}, "no such channel that you and I are both in"),
        ("D1", "U1", {}, "Direct messages are never taken in"),
        ("G1", "U1", {}, "Direct messages are never taken in"),
        ("C1", "U1", {"is_ext_shared": True}, "shared with another organisation"),
        ("C1", "U1", {"is_pending_ext_shared": True}, "shared with another organisation"),
        ("C1", "U1", {"is_member": False}, "I am not in <#C1>"),
    ],
)
async def test_history_is_begun_by_an_administrator_alone_in_a_channel_of_both_and_else_a_sentence_says_why(
    office: Office, channel: str, user: str, marks: dict[str, Any], refusal: str
) -> None:
    office.slack.marks[channel] = marks
    assert refusal in await office.command(f"<#{channel}|x>", user=user, where="D1")
    assert office.durable.stored == []


@pytest.mark.parametrize(
    ("text", "channel", "who"),
    [("#ops", "C1", "Everyone in this workspace"), ("<#C2|pay>", "C2", "Only this channel")],
)
async def test_answer_to_the_command_says_before_it_starts_who_will_be_able_to_read_it(
    office: Office, text: str, channel: str, who: str
) -> None:
    office.slack.say("We deploy on Monday.", channel=channel)
    said = await office.command(text, where="D1")
    assert who in said
    assert f"<#{channel}>" in said
    assert await office.entries() == []
    await office.do_stored()
    # It is told where it happens: elsewhere, the name of a private channel would be given away.
    assert {where for where, _ in office.slack.shown.values()} == {channel}
    assert all(who in each for each in office.slack.said())


async def test_unknown_name_is_refused_like_a_private_channel_of_others(office: Office) -> None:
    assert await office.command("#nowhere") == await office.command("#pay", user="U3")


async def test_thread_is_one_document_with_its_title_link_author_date_and_channel(office: Office) -> None:
    head = _ts(office.slack.say("When do we deploy?\nAsking for <@U3>", user="U2"))
    office.slack.say("On Monday, see <https://a.example/p|the page> &amp; <#C1|ops>.", user="U3", thread=head)
    assert "1 thread." in await office.take_in()
    [entry] = await office.entries()
    assert (entry.title, entry.scope, entry.origin.added_by) == ("When do we deploy?", "public", "U1")
    assert entry.uri == f"https://t.slack.com/archives/C1/p{head.replace('.', '')}?thread_ts={head}&cid=C1"
    only = SearchFilter(channels=frozenset({"C1"}), authors=frozenset({"person u2"}))
    [passage] = await office.library.search("deploy", EVERYTHING, only=only)
    assert passage.text == (
        "person U2: When do we deploy?\nAsking for @person U3\n\n"
        "person U3: On Monday, see the page (https://a.example/p) & #ops."
    )
    assert passage.modified_at is not None
    assert passage.modified_at.timestamp() == pytest.approx(float(head) + 1)


async def test_exchange_answered_from_a_channels_history_never_becomes_training_data(
    office: Office, tmp_path: Path, engine: AsyncEngine
) -> None:
    office.slack.say("We deploy on Monday.")
    await office.take_in()
    added = await _add_message(office, "We deploy on Friday.")
    await office.hear(office.slack.edit(added, "We deploy on Sunday."))
    passages = await office.library.search("deploy on day", parse_audience("public"))
    assert {passage.text for passage in passages} == {"person U2: We deploy on Monday.", "We deploy on Sunday."}
    for passage in passages:
        await _liked_answer_from(passage, Journal(engine))
    on = TrainingSettings(training_enabled=True)
    done = await export(engine, tmp_path / "out", start=_DAY, end=_DAY + timedelta(1), settings=on)
    assert (done.withheld, sum(done.rows.values())) == ({"overheard_passage": 2}, 0)


async def _liked_answer_from(passage: Passage, journal: Journal) -> None:
    exchange = Exchange(
        exchange_id=passage.chunk_id, asked_at=_DAY, team="T1", channel="C1", asker="U1",
        scopes=frozenset({"public"}), question="When do we deploy?", thread=(),
        prompt=({"role": "user", "content": passage.text},), passages=(shown(passage),),
        decision=Decision(route=Route.RETRIEVE, probabilities={Route.RETRIEVE: 1.0}, reason="r"),
        answer="Then [1].", completion="Then [1].", sources=(),
    )  # fmt: skip
    await journal.record(exchange)
    await journal.add_feedback(
        Feedback(
            feedback_id=f"{passage.chunk_id}-1", exchange_id=passage.chunk_id, person="U1", kind="vote_up", at=_DAY
        )
    )


async def test_what_no_person_says_is_left_out(office: Office) -> None:
    office.slack.say("joined", subtype="channel_join")
    office.slack.say("We deploy on Friday.", user="UBOT", bot_id="BBOT")
    office.slack.say("Build passed.", user="U9", bot_id="B9", subtype="bot_message")
    office.slack.say("<@UBOT> on what day do we deploy?")
    office.slack.say("🙂")
    kept = _ts(office.slack.say("We deploy on Monday."))
    office.slack.say("So it is: deploy day.", user="UBOT", bot_id="BBOT", thread=kept)
    assert "1 thread." in await office.take_in()
    assert await office.texts() == {"person U2: We deploy on Monday."}


async def test_private_channels_thread_is_never_found_from_a_public_one(office: Office) -> None:
    office.slack.say("We deploy on Monday.", channel="C2")
    await office.take_in("<#C2|pay>")
    await office.hear(office.slack.say("And we deploy on Friday.", channel="C2"))
    assert await office.texts("channel:C2") == {
        "person U2: We deploy on Monday.",
        "person U2: And we deploy on Friday.",
    }
    assert await office.texts("public") == set()
    assert await office.texts("channel:C1") == set()


async def test_history_of_many_pages_that_is_killed_between_two_of_them_goes_on_and_has_each_thread_once(
    office: Office,
) -> None:
    office.slack.page = 3
    for number in range(10):
        office.slack.say(f"Deploy {number}.")
    answer = office.slack.replies["conversations.history"]
    asked: list[Json] = []

    def die_at_the_third(**window: Any) -> Json:
        if "oldest" in window:
            asked.append(window)
            if len(asked) == 3:
                raise KeyboardInterrupt
        return cast("Any", answer)(**window)

    office.slack.replies["conversations.history"] = die_at_the_third
    await office.command("#ops")
    with pytest.raises(KeyboardInterrupt):
        await office.do_stored()
    assert len(await office.entries()) == 6
    # Written while the bot was down: no event told of it.
    office.slack.say("Deploy 10.")
    await office.do_stored()
    assert await office.titles() == sorted(f"Deploy {number}." for number in range(11))
    assert len({entry.uri for entry in await office.entries()}) == 11
    assert [text for text in office.slack.texts() if "11 threads" in text] == office.slack.texts()
    # What was read before it was killed is not asked for again.
    read_again = [window["latest"] for window in asked[3:] if float(window["oldest"]) == 0]
    assert read_again[0] == asked[2]["latest"]


async def test_history_waits_for_as_long_as_slack_asks_and_reads_no_thread_twice(office: Office) -> None:
    office.slack.page = 2
    heads = [_ts(office.slack.say(f"Deploy {number}.")) for number in range(4)]
    for head in heads:
        office.slack.say("Yes.", thread=head)
    answer = office.slack.replies["conversations.replies"]
    read: list[str] = []

    def busy_at_the_third(**window: Any) -> Json:
        read.append(window["ts"])
        if len(read) == 3:
            raise SlackBusy("Slack takes no more calls")
        return cast("Any", answer)(**window)

    office.slack.replies["conversations.replies"] = busy_at_the_third
    await office.command("#ops")
    with pytest.raises(SlackBusy):
        await office.do_stored()
    await office.do_stored()
    assert read == [heads[3], heads[2], heads[1], heads[1], heads[0]]
    assert len(await office.entries()) == 4


async def test_history_taken_in_once_more_finds_what_changed_while_nobody_told(office: Office) -> None:
    deleted = _ts(office.slack.say("We deploy on Monday."))
    edited = _ts(office.slack.say("We deploy on Tuesday."))
    office.slack.say("We deploy on Friday.")
    await office.take_in()
    office.slack.delete(deleted)
    office.slack.edit(edited, "We deploy on Sunday.")
    await office.take_in()
    assert await office.titles() == ["We deploy on Friday.", "We deploy on Sunday."]


async def test_work_that_is_done_again_after_its_end_changes_nothing(office: Office) -> None:
    office.slack.say("We deploy on Monday.")
    await office.command("#ops")
    [arrival] = office.durable.stored
    await office.desk.do(arrival.id, arrival.kind, arrival.payload)
    calls = len([name for name, _ in office.slack.calls if name == "conversations.history"])
    await office.desk.do(arrival.id, arrival.kind, arrival.payload)
    assert len([name for name, _ in office.slack.calls if name == "conversations.history"]) == calls
    assert len(office.slack.texts()) == 1


async def test_message_of_a_channel_that_is_not_followed_is_no_concern(office: Office) -> None:
    assert not await office.hear(office.slack.say("We deploy on Monday."))
    assert await office.entries() == []


async def test_new_messages_replies_and_edits_are_taken_over(office: Office) -> None:
    await office.take_in()
    said = office.slack.say("We deploy on Monday.")
    await office.hear(said)
    await office.hear(office.slack.say("No: deploy on Tuesday.", thread=_ts(said)))
    assert await office.texts() == {"person U2: We deploy on Monday.\n\nperson U2: No: deploy on Tuesday."}
    await office.hear(office.slack.edit(_ts(said), "We deploy on Friday."))
    assert await office.texts() == {"person U2: We deploy on Friday.\n\nperson U2: No: deploy on Tuesday."}
    assert len(await office.entries()) == 1


async def test_deleted_messages_words_are_gone_and_a_thread_without_any_is_taken_out(office: Office) -> None:
    head = _ts(office.slack.say("We deploy on Monday."))
    reply = _ts(office.slack.say("No: deploy on Tuesday.", thread=head))
    await office.take_in()
    await office.hear(office.slack.delete(head))
    assert await office.texts() == {"person U2: No: deploy on Tuesday."}
    [entry] = await office.entries()
    assert "Monday" not in entry.title
    await office.hear(office.slack.delete(reply))
    assert await office.entries() == []
    assert await office.texts() == set()


async def test_what_changes_while_its_page_is_read_is_taken_in_as_it_is_then(office: Office) -> None:
    """The page holds what a message said when the page was fetched."""
    deleted = _ts(office.slack.say("We deploy on Monday."))
    edited = _ts(office.slack.say("We deploy on Tuesday."))
    office.slack.say("We deploy on Sunday.")
    take_in = office.library.ingest_text

    async def hear_meanwhile(document: Document, origin: Origin) -> IngestResult:
        result = await take_in(document, origin)
        if result.title == "We deploy on Sunday.":  # the first that is taken in
            await office.hear(office.slack.delete(deleted))
            await office.hear(office.slack.edit(edited, "We deploy on Friday."))
        return result

    office.library.ingest_text = hear_meanwhile
    await office.take_in()
    assert await office.titles() == ["We deploy on Friday.", "We deploy on Sunday."]


async def test_thread_that_somebody_took_out_stays_out_when_it_is_replied_to(office: Office) -> None:
    head = _ts(office.slack.say("We deploy on Monday."))
    await office.take_in()
    [entry] = await office.entries()
    payload = {"team": "T1", "channel": "C1", "user": "U1", "reference": str(entry.number)}
    await office.upkeep.do("w1", "remove", payload)
    await office.hear(office.slack.say("Really: deploy day.", thread=head))
    await office.hear(office.slack.edit(head, "We deploy on Friday."))
    assert await office.entries() == []


async def test_first_words_under_a_file_begin_a_document(office: Office) -> None:
    await office.take_in()
    head = office.slack.say("", subtype="file_share")
    await office.hear(head)
    await office.hear(office.slack.say("The plan to deploy on Monday.", thread=_ts(head)))
    assert await office.titles() == ["The plan to deploy on Monday."]


async def test_stopped_channel_keeps_its_documents_takes_in_no_more_and_still_loses_what_is_deleted(
    office: Office,
) -> None:
    head = _ts(office.slack.say("We deploy on Monday."))
    reply = _ts(office.slack.say("No: deploy on Tuesday.", thread=head))
    await office.take_in()
    await office.histories.stop("C1", office.slack.now())
    assert "I do not follow" in await office.command("stop #ops")
    assert not await office.hear(office.slack.say("We deploy on Sunday."))
    assert not await office.hear(office.slack.say("Deploy on Saturday.", thread=head))
    await office.hear(office.slack.delete(reply))
    assert await office.texts() == {"person U2: We deploy on Monday."}


async def test_stop_is_an_administrators_and_ends_reading_on_the_way(office: Office) -> None:
    office.slack.page = 1
    for number in range(3):
        office.slack.say(f"Deploy {number}.")
    assert "Only an administrator" in await office.command("stop #ops", user="U2")
    take_in = office.library.ingest_text

    async def stop_after_one(document: Document, origin: Origin) -> IngestResult:
        assert "no longer follow" in await office.command("stop #ops")
        return await take_in(document, origin)

    office.library.ingest_text = stop_after_one
    said = await office.take_in()
    assert "was stopped after" in said
    assert await office.titles() == ["Deploy 2."]


async def test_undo_takes_a_channels_threads_out_and_follows_it_no_more(office: Office) -> None:
    office.slack.say("We deploy on Monday.")
    await office.take_in()
    await office.hear(office.slack.say("We deploy on Tuesday."))
    await office.upkeep.do("w1", "undo", {"team": "T1", "channel": "C1", "user": "U1"})
    assert await office.entries() == []
    assert not await office.hear(office.slack.say("We deploy on Friday."))


async def test_refresh_reads_a_thread_again_in_slack(office: Office) -> None:
    said = _ts(office.slack.say("We deploy on Monday."))
    await office.take_in()
    office.slack.edit(said, "We deploy on Friday.")
    await office.upkeep.do("w1", "refresh", {"team": "T1", "channel": "C1", "user": "U1", "reference": "all"})
    assert "1 updated" in office.slack.texts()[-1]
    assert await office.texts() == {"person U2: We deploy on Friday."}


async def _add_message(office: Office, text: str, *, channel: str = "C1") -> str:
    """Somebody adds one message by the entry in its menu."""
    ts = _ts(office.slack.say(text, channel=channel))
    place = {"team": "T1", "channel": channel, "user": "U2", "thread_ts": ts, "after_ts": ts}
    await office.ingest.take_in("w0", {**place, "shared": {"ts": ts, "thread_ts": ts}})
    return ts


async def test_message_that_was_added_by_itself_follows_its_edit_and_goes_with_its_deletion(office: Office) -> None:
    ts = await _add_message(office, "We deploy on Monday.")
    await office.hear(office.slack.edit(ts, "We deploy on Friday."))
    assert await office.texts() == {"We deploy on Friday."}
    assert not await office.hear(office.slack.delete(_ts(office.slack.say("Unknown here."))))
    await office.hear(office.slack.delete(ts))
    assert await office.entries() == []


async def test_message_that_was_added_by_itself_and_its_thread_are_two_documents(office: Office) -> None:
    ts = await _add_message(office, "We deploy on Monday.")
    await office.take_in()
    await office.hear(office.slack.say("No: deploy on Tuesday.", thread=ts))
    places = {entry.origin.place.partition(":")[0] for entry in await office.entries()}
    assert places == {"slack-message", "slack-thread"}
    await office.hear(office.slack.delete(ts))
    assert await office.texts() == {"person U2: No: deploy on Tuesday."}


def _channel_event(kind: str, **more: Any) -> Json:
    event = {"type": kind, "channel": "C1", "event_ts": "1800000000.000100", **more}
    return {"type": "event_callback", "team_id": "T1", "event": event}


@pytest.mark.parametrize("kind", ["channel_deleted", "group_deleted"])
async def test_deleted_channel_takes_what_came_from_it_along(office: Office, kind: str) -> None:
    office.slack.say("We deploy on Monday.")
    office.slack.say("Elsewhere we deploy on Tuesday.", channel="C2")
    await _add_message(office, "We deploy on Sunday.")
    await office.take_in()
    await office.take_in("<#C2|pay>")
    await office.library.ingest_bytes(b"A page of deploy.", name="p.txt", uri="https://a.example/", scope="channel:C1")
    await office.library.ingest_bytes(b"A page for all.", name="p.txt", uri="https://b.example/", scope="public")
    assert await office.hear(_channel_event(kind))
    assert await office.titles() == ["Elsewhere we deploy on Tuesday.", "p"]


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("channel_archive", {"user": "U1"}),
        ("group_archive", {"user": "U1"}),
        ("channel_left", {}),
        ("group_left", {}),
        ("channel_shared", {"connected_team_id": "T9"}),
        ("member_left_channel", {"user": "UBOT"}),
    ],
)
async def test_channel_that_is_archived_left_or_shared_keeps_its_documents_and_is_followed_no_more(
    office: Office, kind: str, more: dict[str, Any]
) -> None:
    office.slack.say("We deploy on Monday.")
    await office.take_in()
    assert await office.hear(_channel_event(kind, **more))
    assert not await office.hear(office.slack.say("We deploy on Friday."))
    assert await office.texts() == {"person U2: We deploy on Monday."}


async def test_somebody_elses_leaving_changes_nothing(office: Office) -> None:
    await office.take_in()
    assert not await office.hear(_channel_event("member_left_channel", user="U2"))
    history = await office.histories.find("C1")
    assert history is not None
    assert history.is_followed


async def test_channel_that_is_shared_unheard_takes_in_nothing_new(office: Office) -> None:
    await office.take_in()
    office.slack.marks["C1"] = {"is_ext_shared": True}
    office.directory.forget()
    await office.hear(office.slack.say("We deploy on Monday."))
    assert await office.entries() == []
    assert not await office.hear(office.slack.say("We deploy on Friday."))


async def test_thread_of_a_channel_that_was_made_private_is_for_that_channel_alone_from_its_next_change_on(
    office: Office,
) -> None:
    head = _ts(office.slack.say("We deploy on Monday."))
    await office.take_in()
    office.slack.kinds["C1"] = "private"
    office.directory.forget()
    await office.hear(office.slack.say("But quietly: deploy day.", thread=head))
    assert await office.texts("public") == set()
    assert len(await office.texts("channel:C1")) == 1


async def test_status_tells_of_a_thread_that_could_not_be_read_and_the_history_goes_on(office: Office) -> None:
    office.slack.say("We deploy on Monday.")
    office.slack.say("We deploy on Tuesday.")
    take_in = office.library.ingest_text

    async def refuse_one(document: Document, origin: Origin) -> IngestResult:
        return await take_in(replace(document, text=" ") if "Tuesday" in document.text else document, origin)

    office.library.ingest_text = refuse_one
    assert "2 threads, 1 of them could not be read" in await office.take_in()
    [failure] = await office.ingests.failures("C1")
    assert "holds no text" in failure.reason


async def test_history_that_fails_says_so_where_it_was_told_and_can_be_gone_on_with(office: Office) -> None:
    office.slack.page = 1
    for number in range(3):
        office.slack.say(f"Deploy {number}.")
    await office.command("#ops")
    [arrival] = office.durable.stored
    take_in, office.library.ingest_text = office.library.ingest_text, cast("Any", None)
    with pytest.raises(TypeError):
        await office.do_stored()
    office.library.ingest_text = take_in
    await office.desk.own_up(arrival.id, arrival.kind, arrival.payload)
    [said] = office.slack.texts()
    assert "`/ingest #ops` goes on" in said
    office.durable.stored.clear()
    assert "3 threads" in await office.take_in()
    assert await office.titles() == ["Deploy 0.", "Deploy 1.", "Deploy 2."]
