"""What happens in a followed channel while the bot is away for longer than Slack delivers it again."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from bot.absences import Absences
from bot.catching_up import CatchUp
from bot.errors import SlackBusy
from tests.bot.channel_slack import Json
from tests.bot.office import Office

_AN_HOUR = 3_600
_A_DAY = 24 * _AN_HOUR


def _ts(event: Json) -> str:
    return event["event"]["ts"]


def _now(office: Office) -> datetime:
    return datetime.fromtimestamp(float(office.slack.now()), UTC)


async def _go_away(office: Office, channel: str = "C1") -> None:
    """All is heard until now; of what follows, nobody tells."""
    office.slack.pass_time(_AN_HOUR)
    await office.histories.caught_up(channel, _now(office))
    office.slack.pass_time(_AN_HOUR)


async def _come_back(office: Office) -> list[str]:
    """The kinds of work that the return brings; it is done."""
    office.slack.pass_time(_AN_HOUR)
    await office.absences.look(_now(office))
    kinds = [arrival.kind for arrival in office.durable.stored]
    await office.do_stored()
    return kinds


def _catch_up(office: Office, **limits: Any) -> CatchUp:
    return CatchUp(
        directory=office.directory, histories=office.histories, ingests=office.ingests, threads=office.threads,
        **{"pause_s": 0, **limits},
    )  # fmt: skip


async def _come_back_with(catch_up: CatchUp, office: Office) -> None:
    await office.absences.look(_now(office))
    [arrival] = office.durable.stored
    await catch_up.do(arrival.id, arrival.payload)


def _calls(office: Office, method: str) -> int:
    return len([name for name, _ in office.slack.calls if name == method])


async def test_what_was_written_edited_and_deleted_meanwhile_is_taken_over(office: Office) -> None:
    edited = _ts(office.slack.say("We deploy on Monday."))
    deleted = _ts(office.slack.say("We deploy on Tuesday."))
    answered = _ts(office.slack.say("On which day do we deploy?"))
    office.slack.say("We deploy on Sunday.")
    said = await office.take_in()
    await _go_away(office)
    office.slack.edit(edited, "We deploy on Friday.")
    office.slack.delete(deleted)
    office.slack.say("On no day.", thread=answered)
    office.slack.say("Deploy day is over.")
    assert await _come_back(office) == ["catch_up"]
    assert await office.texts() == {
        "person U2: We deploy on Friday.",
        "person U2: On which day do we deploy?\n\nperson U2: On no day.",
        "person U2: We deploy on Sunday.",
        "person U2: Deploy day is over.",
    }
    # Nobody asked for it, and nobody is told.
    assert office.slack.texts()[-1] == said


async def test_reply_that_was_deleted_or_edited_meanwhile_is_gone_or_changed(office: Office) -> None:
    head = _ts(office.slack.say("On which day do we deploy?"))
    first = _ts(office.slack.say("On Monday.", thread=head))
    second = _ts(office.slack.say("On Tuesday.", thread=head))
    alone = _ts(office.slack.say("Deploy by day?"))
    last = _ts(office.slack.say("By night.", thread=alone))
    await office.take_in()
    await _go_away(office)
    office.slack.delete(first)
    office.slack.edit(second, "On Friday.")
    office.slack.delete(last)
    await _come_back(office)
    assert await office.texts() == {
        "person U2: On which day do we deploy?\n\nperson U2: On Friday.",
        "person U2: Deploy by day?",
    }


async def test_last_message_of_a_channel_that_was_deleted_meanwhile_is_taken_out(office: Office) -> None:
    deleted = _ts(office.slack.say("We deploy on Tuesday."))
    await office.take_in()
    await _go_away(office)
    office.slack.delete(deleted)
    await _come_back(office)
    assert await office.entries() == []


async def test_absence_as_short_as_slack_bridges_by_itself_asks_for_nothing(office: Office) -> None:
    await office.take_in()
    now = _now(office)
    await office.histories.caught_up("C1", now - timedelta(minutes=4))
    await office.absences.look(now)
    await office.absences.look(now + timedelta(minutes=1))
    await office.absences.look(now + timedelta(minutes=5))
    assert office.durable.stored == []
    history = await office.histories.find("C1")
    assert history is not None
    assert history.current_at == now + timedelta(minutes=5)


async def test_reconnect_after_a_long_silence_catches_up_in_the_same_process(office: Office) -> None:
    await office.take_in()
    now = _now(office)
    await office.histories.caught_up("C1", now)
    await office.absences.look(now)
    assert office.durable.stored == []
    office.slack.pass_time(_AN_HOUR)
    office.slack.say("We deploy on Monday.")
    assert await _come_back(office) == ["catch_up"]
    assert await office.titles() == ["We deploy on Monday."]


async def test_each_look_asks_for_the_same_work_until_it_is_done(office: Office) -> None:
    await office.take_in()
    await _go_away(office)
    now = _now(office)
    for minute in range(3):
        await office.absences.look(now + timedelta(minutes=minute))
    assert len(office.durable.stored) == 3
    assert len({arrival.id for arrival in office.durable.stored}) == 1
    await office.do_stored()
    history = await office.histories.find("C1")
    assert history is not None
    assert history.current_at == now
    await office.absences.look(now + timedelta(minutes=4))
    assert office.durable.stored == []


async def test_restart_amid_the_catching_up_leaves_no_gap(office: Office) -> None:
    """What is missed while the one absence is caught up with is another one."""
    await office.take_in()
    await _go_away(office)
    await office.absences.look(_now(office))
    office.slack.pass_time(_AN_HOUR)
    office.slack.say("We deploy on Monday.")
    restarted = Absences(histories=office.histories, durable=cast("Any", office.durable), team="T1")
    await restarted.look(_now(office))
    await office.do_stored()
    await restarted.look(_now(office))
    assert [arrival.kind for arrival in office.durable.stored] == ["catch_up"]


async def test_thread_that_somebody_took_out_stays_out(office: Office) -> None:
    office.slack.say("We deploy on Monday.")
    office.slack.pass_time(_A_DAY)
    await office.take_in()
    [entry] = await office.entries()
    payload = {"team": "T1", "channel": "C1", "user": "U1", "reference": str(entry.number)}
    await office.upkeep.do("w1", "remove", payload)
    await _go_away(office)
    await _come_back(office)
    assert await office.entries() == []


async def test_channel_that_is_not_followed_any_more_is_left_alone(office: Office) -> None:
    await office.take_in()
    await _go_away(office)
    await office.histories.stop("C1", office.slack.now())
    office.slack.say("We deploy on Monday.")
    assert await _come_back(office) == []
    assert await office.entries() == []


@pytest.mark.parametrize("marks", [{"is_ext_shared": True}, {"is_member": False}])
async def test_channel_that_was_shared_or_left_meanwhile_is_followed_no_more(
    office: Office, marks: dict[str, Any]
) -> None:
    office.slack.say("We deploy on Sunday.")
    await office.take_in()
    await _go_away(office)
    office.slack.say("We deploy on Monday.")
    office.slack.marks["C1"] = marks
    office.directory.forget()
    await _come_back(office)
    assert await office.titles() == ["We deploy on Sunday."]
    history = await office.histories.find("C1")
    assert history is not None
    assert not history.is_followed


async def test_private_channel_that_was_deleted_meanwhile_ends_nothing_but_its_following(office: Office) -> None:
    await office.take_in("<#C2|pay>")
    await _go_away(office, "C2")
    del office.slack.kinds["C2"]
    office.directory.forget()
    await _come_back(office)
    history = await office.histories.find("C2")
    assert history is not None
    assert not history.is_followed


async def test_message_that_was_added_by_itself_follows_what_happened_meanwhile(office: Office) -> None:
    deleted, edited = _ts(office.slack.say("We deploy on Monday.")), _ts(office.slack.say("We deploy on Sunday."))
    for number, ts in enumerate((deleted, edited)):
        place = {"team": "T1", "channel": "C1", "user": "U2", "thread_ts": ts, "after_ts": ts}
        await office.ingest.take_in(f"w{number}", {**place, "shared": {"ts": ts, "thread_ts": ts}})
    await office.take_in()
    await _go_away(office)
    office.slack.delete(deleted)
    office.slack.edit(edited, "We deploy on Friday.")
    await _come_back(office)
    assert await office.texts() == {"We deploy on Friday.", "person U2: We deploy on Friday."}


async def test_catching_up_that_waits_for_slack_goes_on_with_the_page_that_is_left(office: Office) -> None:
    office.slack.page = 2
    heads = [_ts(office.slack.say(f"Deploy {number}.")) for number in range(6)]
    for head in heads:
        office.slack.say("Yes, by day.", thread=head)
    await office.take_in()
    await _go_away(office)
    for head in heads:
        office.slack.say("No, by night.", thread=head)
    answer = office.slack.replies["conversations.replies"]
    read: list[str] = []

    def busy_at_the_fourth(**window: Any) -> Json:
        read.append(window["ts"])
        if len(read) == 4:
            raise SlackBusy("Slack takes no more calls")
        return cast("Any", answer)(**window)

    office.slack.replies["conversations.replies"] = busy_at_the_fourth
    with pytest.raises(SlackBusy):
        await _come_back(office)
    await office.do_stored()
    # The page on which it had to wait is read anew, and none before it.
    assert read == [heads[number] for number in (5, 4, 3, 2, 3, 2, 1, 0)]
    assert all("No, by night." in text for text in await office.texts())


async def test_what_changes_while_its_page_is_read_is_taken_over_as_it_is_then(office: Office) -> None:
    """The page holds what a message said when the page was fetched."""
    await office.take_in()
    await _go_away(office)
    edited = _ts(office.slack.say("We deploy on Tuesday."))
    office.slack.say("We deploy on Sunday.")
    take_in = office.library.ingest_text

    async def hear_meanwhile(document: Any, origin: Any) -> Any:
        result = await take_in(document, origin)
        if result.title == "We deploy on Sunday.":  # the first that is taken in
            await office.hear(office.slack.edit(edited, "We deploy on Friday."))
        return result

    office.library.ingest_text = hear_meanwhile
    await _come_back(office)
    assert await office.titles() == ["We deploy on Friday.", "We deploy on Sunday."]


async def test_it_looks_back_no_further_than_a_month_and_so_many_messages_but_reads_all_that_is_new(
    office: Office,
) -> None:
    office.slack.page = 2
    old = _ts(office.slack.say("Deploy on old Monday."))
    office.slack.pass_time(40 * _A_DAY)
    heads = [_ts(office.slack.say(f"Deploy {number}.")) for number in range(3)]
    await office.take_in()
    await _go_away(office)
    office.slack.delete(old)
    office.slack.delete(heads[0])
    office.slack.delete(heads[2])
    for number in range(10, 15):
        office.slack.say(f"Deploy {number}.")
    before = _calls(office, "conversations.history")
    await _come_back_with(_catch_up(office, most=3), office)
    # Five new ones and one from before are three pages; the next is more than was asked for.
    assert _calls(office, "conversations.history") - before == 3
    assert await office.titles() == sorted(
        ["Deploy on old Monday.", "Deploy 0.", "Deploy 1.", *(f"Deploy {number}." for number in range(10, 15))]
    )


async def test_catching_up_that_fails_is_told_by_status_and_the_channel_is_followed_from_then_on(
    office: Office,
) -> None:
    await office.take_in()
    await _go_away(office)
    now = _now(office)
    await office.absences.look(now)
    [arrival] = office.durable.stored
    await office.desk.own_up(arrival.id, arrival.kind, arrival.payload)
    [failure] = await office.ingests.failures("C1")
    assert failure.name == "What was written in this channel while I was away"
    history = await office.histories.find("C1")
    assert history is not None
    assert (history.current_at, history.is_followed) == (now, True)


async def test_work_that_is_done_again_after_its_end_asks_slack_for_nothing(office: Office) -> None:
    await office.take_in()
    await _go_away(office)
    await office.absences.look(_now(office))
    [arrival] = office.durable.stored
    await office.desk.do(arrival.id, arrival.kind, arrival.payload)
    calls = len(office.slack.calls)
    await office.desk.do(arrival.id, arrival.kind, arrival.payload)
    assert len(office.slack.calls) == calls


async def test_threads_of_a_page_are_asked_for_slowly(office: Office) -> None:
    """Slack answers so many questions for threads in a minute, and those of people come first."""
    for number in range(3):
        office.slack.say("By day.", thread=_ts(office.slack.say(f"Deploy {number}?")))
    office.slack.say("Deploy alone.")
    await office.take_in()
    await _go_away(office)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await _come_back_with(_catch_up(office, pause_s=0.3), office)
    assert loop.time() - begun >= 0.9
