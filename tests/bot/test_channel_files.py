"""Files that people share in a channel that is taken in and followed."""

import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from bot.arrivals import Identity
from bot.errors import SlackRefused
from bot.thread_events import read_change
from tests.bot.channel_slack import Json
from tests.bot.office import Office

_ME = Identity(team="T1", user="UBOT", bot="BBOT")


def _ts(event: Json) -> str:
    return event["event"]["ts"]


async def _uris(office: Office) -> set[str]:
    return {entry.uri for entry in await office.entries()}


async def test_files_of_a_history_are_documents_of_their_own_that_open_at_their_messages(office: Office) -> None:
    head = _ts(office.slack.share("plan.md", "costs.csv", text="The plans for deploy day."))
    reply = _ts(office.slack.share("more.txt", thread=head))
    assert "1 thread and 3 files." in await office.take_in()
    link = f"https://t.slack.com/archives/C1/p{head.replace('.', '')}"
    assert await _uris(office) == {
        f"{link}?thread_ts={head}&cid=C1",
        f"{link}?file=F1",
        f"{link}?file=F2",
        f"https://t.slack.com/archives/C1/p{reply.replace('.', '')}?file=F3",
    }
    assert "Deploy as more.txt says." in await office.texts()


async def test_file_of_a_channel_has_its_readers_and_is_overheard(office: Office) -> None:
    office.slack.share("plan.md", channel="C2")
    office.slack.share("plan.md")
    await office.take_in("<#C2|pay>")
    await office.take_in()
    assert {(entry.scope, entry.origin.overheard, entry.origin.added_in) for entry in await office.entries()} == {
        ("channel:C2", True, "C2"),
        ("public", True, "C1"),
    }
    assert await office.texts("public") == {"Deploy as plan.md says."}
    [entry] = [each for each in await office.entries() if each.scope == "channel:C2"]
    assert "/C2/" in entry.uri


async def test_pictures_programs_and_what_is_kept_elsewhere_are_left_out(office: Office) -> None:
    office.slack.share("logo.png", "deploy.py", "settings.json", "film.mp4")
    elsewhere = {"id": "F9", "name": "sheet.csv", "mode": "external"}
    office.slack.say("", subtype="file_share", files=[elsewhere, {"id": "F10", "mode": "tombstone"}])
    assert "0 threads." in await office.take_in()
    assert office.slack.uploads.asked == []


async def test_file_of_a_bot_or_of_a_question_to_tandem_is_left_out(office: Office) -> None:
    office.slack.share("plan.md", user="U9", bot_id="B9")
    office.slack.share("plan.md", text="<@UBOT> when do we deploy?")
    await office.take_in()
    await office.hear(office.slack.share("plan.md", text="<@UBOT> and this?"))
    assert await office.entries() == []


async def test_archive_that_is_shared_is_taken_in_file_by_file_and_goes_whole(office: Office, zipped: bytes) -> None:
    event = office.slack.share("handbook.zip")
    office.slack.uploads.kept["F1"] = _with(office, "F1", data=zipped)
    await office.take_in()
    assert {uri.partition("#")[2] for uri in await _uris(office)} == {"leave.md", "pay.md"}
    await office.hear(office.slack.delete(_ts(event)))
    assert await office.entries() == []


@pytest.fixture
def zipped(tmp_path: Path) -> bytes:
    with zipfile.ZipFile(tmp_path / "handbook.zip", "w") as archive:
        archive.writestr("leave.md", "# Leave\n\nDeploy a leave.")
        archive.writestr("pay.md", "# Pay\n\nDeploy the pay.")
    return (tmp_path / "handbook.zip").read_bytes()


def _with(office: Office, file_id: str, **changed: Any) -> Any:
    return replace(office.slack.uploads.kept[file_id], **changed)


async def test_file_that_is_shared_later_is_taken_in(office: Office) -> None:
    await office.take_in()
    head = office.slack.share("plan.md")
    await office.hear(head)
    await office.hear(office.slack.share("more.txt", thread=_ts(head)))
    assert await office.titles() == ["more", "plan"]
    assert office.slack.uploads.asked == ["F1", "F2"]


async def test_file_goes_with_its_message_and_the_thread_stays(office: Office) -> None:
    head = _ts(office.slack.say("We deploy on Monday."))
    reply = _ts(office.slack.share("plan.md", text="As planned for deploy day.", thread=head))
    await office.take_in()
    await office.hear(office.slack.delete(reply))
    assert await office.texts() == {"person U2: We deploy on Monday."}


async def test_message_without_words_takes_its_file_along(office: Office) -> None:
    ts = _ts(office.slack.share("plan.md"))
    await office.take_in()
    await office.hear(office.slack.delete(ts))
    assert await office.entries() == []


async def test_file_that_is_deleted_in_slack_is_gone_wherever_it_was_shared_or_handed_over(office: Office) -> None:
    office.slack.share("plan.md", "costs.csv")
    await office.take_in()
    place = {"team": "T1", "channel": "C1", "user": "U2"}
    await office.ingest.take_in("w0", {**place, "urls": [], "files": ["F1"], "everyone": False})
    assert len(await office.entries()) == 3
    assert await office.hear(office.slack.delete_file("F1"))
    assert await office.titles() == ["costs"]


async def test_file_that_is_deleted_while_it_is_read_is_taken_out(office: Office) -> None:
    await office.take_in()
    take_in = office.library.ingest_bytes

    async def delete_meanwhile(*data: Any, **named: Any) -> Any:
        if named["name"] == "plan.md":
            await office.hear(office.slack.delete_file("F1"))
        return await take_in(*data, **named)

    event = office.slack.share("plan.md", "costs.csv")
    office.library.ingest_bytes = delete_meanwhile
    await office.hear(event)
    assert await office.titles() == ["costs"]


async def test_file_that_is_taken_off_its_message_is_taken_out(office: Office) -> None:
    ts = _ts(office.slack.share("plan.md", text="The plan for deploy day."))
    await office.take_in()
    before = dict(office.slack.said_in["C1"][ts])
    office.slack.said_in["C1"][ts]["files"] = []
    changed = {
        "type": "message", "subtype": "message_changed", "channel": "C1", "channel_type": "channel",
        "message": office.slack.said_in["C1"][ts], "previous_message": before, "ts": office.slack.now(),
    }  # fmt: skip
    assert await office.hear({"type": "event_callback", "team_id": "T1", "event": changed})
    assert await office.texts() == {"person U2: The plan for deploy day."}


async def test_file_that_somebody_took_out_stays_out(office: Office) -> None:
    head = _ts(office.slack.share("plan.md", text="The plan for deploy day."))
    await office.take_in()
    [entry] = [each for each in await office.entries() if each.title == "plan"]
    payload = {"team": "T1", "channel": "C1", "user": "U1", "reference": str(entry.number)}
    await office.upkeep.do("w1", "remove", payload)
    office.queue.kept.clear()  # done work is kept for a week
    await office.hear(office.slack.say("And so: deploy day.", thread=head))
    await office.hear(office.slack.edit(head, "The plan of deploy day."))
    assert await office.titles() == ["The plan of deploy day."]


async def test_history_taken_in_once_more_finds_files_that_are_gone_and_reads_no_other_again(office: Office) -> None:
    first = _ts(office.slack.share("plan.md", "costs.csv", text="Plans for deploy day."))
    second = _ts(office.slack.share("more.txt"))
    await office.take_in()
    office.slack.said_in["C1"][first]["files"] = [
        file for file in office.slack.said_in["C1"][first]["files"] if file["name"] == "costs.csv"
    ]
    office.slack.said_in["C1"][second]["files"] = []
    asked = list(office.slack.uploads.asked)
    await office.take_in()
    assert await office.titles() == ["Plans for deploy day.", "costs"]
    assert office.slack.uploads.asked == asked


async def test_files_that_were_shared_and_deleted_while_nobody_told_are_caught_up_with(office: Office) -> None:
    gone = _ts(office.slack.share("old.txt"))
    kept = _ts(office.slack.share("plan.md", text="Plans for deploy day."))
    await office.take_in()
    office.slack.pass_time(3_600)
    now = datetime.fromtimestamp(float(office.slack.now()), UTC)
    await office.histories.caught_up("C1", now)
    office.slack.pass_time(3_600)
    office.slack.delete(gone)
    office.slack.share("more.txt", thread=kept)
    office.slack.share("new.txt")
    await office.absences.look(now + timedelta(hours=2))
    await office.do_stored()
    assert await office.titles() == ["Plans for deploy day.", "more", "new", "plan"]


async def test_channel_that_was_made_private_has_its_files_read_again_for_its_own_people(office: Office) -> None:
    head = _ts(office.slack.share("plan.md", text="Plans for deploy day."))
    await office.take_in()
    office.slack.kinds["C1"] = "private"
    office.directory.forget()
    await office.hear(office.slack.say("But quietly: deploy day.", thread=head))
    assert await office.texts("public") == set()
    assert "Deploy as plan.md says." in await office.texts("channel:C1")


async def test_stopped_channel_takes_in_no_more_files_and_still_loses_those_that_are_deleted(office: Office) -> None:
    ts = _ts(office.slack.share("plan.md"))
    await office.take_in()
    await office.histories.stop("C1", office.slack.now())
    assert not await office.hear(office.slack.share("more.txt"))
    await office.hear(office.slack.delete(ts))
    assert await office.entries() == []


async def test_undo_takes_a_channels_files_out_with_its_threads(office: Office) -> None:
    office.slack.share("plan.md", text="Plans for deploy day.")
    await office.take_in()
    await office.upkeep.do("w1", "undo", {"team": "T1", "channel": "C1", "user": "U1"})
    assert await office.entries() == []


async def test_deleted_channel_takes_its_files_along(office: Office) -> None:
    office.slack.share("plan.md")
    await office.take_in()
    event = {"type": "channel_deleted", "channel": "C1", "event_ts": "1800000000.000100"}
    await office.hear({"type": "event_callback", "team_id": "T1", "event": event})
    assert await office.entries() == []


async def test_refresh_reads_a_file_again_at_its_message_and_misses_one_that_is_gone(office: Office) -> None:
    office.slack.share("plan.md", says="Deploy on Monday.")
    gone = _ts(office.slack.share("old.md"))
    await office.take_in()
    office.slack.uploads.kept["F1"] = _with(office, "F1", data=b"Deploy on Friday.")
    del office.slack.said_in["C1"][gone]
    permalink = cast("Any", office.slack.replies["chat.getPermalink"])

    def only_of_what_is_there(*, channel: str, message_ts: str) -> Json:
        if message_ts not in office.slack.said_in[channel]:
            raise SlackRefused("chat.getPermalink", "message_not_found")
        return permalink(channel=channel, message_ts=message_ts)

    office.slack.replies["chat.getPermalink"] = only_of_what_is_there
    for entry in await office.entries():
        payload = {"team": "T1", "channel": "C1", "user": "U1", "reference": str(entry.number)}
        await office.upkeep.do(f"w{entry.number}", "refresh", payload)
    assert await office.texts() == {"Deploy on Friday."}


async def test_file_that_cannot_be_read_is_told_by_its_name_and_the_others_are_taken_in(office: Office) -> None:
    office.slack.share("plan.md", "costs.csv")
    del office.slack.uploads.kept["F1"]
    assert "0 threads and 2 files, 1 of them could not be read" in await office.take_in()
    [failure] = await office.ingests.failures("C1")
    assert failure.name == "plan.md (F1)"
    assert await office.titles() == ["costs"]


async def test_file_of_a_channel_is_read_whoever_had_it_followed_and_not_where_it_is_shared_with_others(
    office: Office,
) -> None:
    await office.take_in()
    office.slack.people["U1"] = {"deleted": True}
    office.directory.forget()
    await office.hear(office.slack.share("plan.md"))
    assert await office.titles() == ["plan"]
    office.slack.marks["C1"] = {"is_ext_shared": True}
    office.directory.forget()
    await office.hear(office.slack.share("more.md"))
    assert await office.titles() == ["plan"]


def test_deletion_of_a_file_is_the_same_work_however_often_it_is_told() -> None:
    event = {"type": "file_deleted", "file_id": "F1", "event_ts": "1800000000.000100"}
    told = [
        read_change({"type": "event_callback", "team_id": "T1", "event": {**event, "event_ts": at}}, _ME)
        for at in ("1800000000.000100", "1800000060.000100")
    ]
    assert told[0] == told[1]
