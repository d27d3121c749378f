"""Documents listed, previewed, taken out and read again from Slack, over a real library and a Slack that remembers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

import bot.tables
import knowledge.tables
from bot.arrivals import Identity
from bot.channel_files import ChannelFiles
from bot.channel_histories import ChannelHistories
from bot.deliveries import Deliveries
from bot.directory import Directory
from bot.document_queue import DocumentQueue
from bot.document_reading import DocumentReader
from bot.documents import DocumentDesk
from bot.downloads import Downloads
from bot.errors import SlackRefused, UnknownDocument
from bot.failpoints import Failpoints
from bot.ingesting import IngestDesk
from bot.ingests import Ingests
from bot.operations import LocalOperations
from bot.pacer import Pacer
from bot.quarantine import Quarantine
from bot.refreshing import Refreshing
from bot.rendering import Page
from bot.slack import Slack
from bot.slack_documents import SlackDocuments
from bot.slack_threads import SlackThreads
from bot.stream import Outlet
from bot.thread_upkeep import ThreadUpkeep
from bot.upkeep import Upkeep
from knowledge.audience import Audience, parse_audience
from knowledge.catalogue import Catalogue
from knowledge.documents import Entry, IngestResult, Origin
from knowledge.edge_store import EdgeStore
from knowledge.fetching import Fetcher
from knowledge.fetching import Page as WebPage
from knowledge.index import PassageIndex
from knowledge.library import Library
from knowledge.parsing import Parser
from knowledge.register import KnownPlace
from knowledge.settings import KnowledgeSettings
from tests.bot.fakes import InlineQueue, ShowingSlack, channel, person
from tests.knowledge.fakes import WordEmbedding

_ALL = Audience(scopes=frozenset({"public", "channel:C1", "channel:C2"}))


class _Pages(Fetcher):
    """Stands for the web: each address holds what was put there, else its own name; this machine is none of it."""

    def __init__(self, settings: KnowledgeSettings) -> None:
        super().__init__(settings)
        self.held: dict[str, str] = {}

    async def fetch(self, url: str) -> WebPage:
        if "127.0.0.1" in url:
            return await super().fetch(url)
        text = self.held.get(url, f"<h1>{url.rpartition('/')[2]}</h1><p>Tea is at four.</p>")
        return WebPage(url=url, data=text.encode(), content_type="text/html")


class _Downloads(Downloads):
    async def _read(self, address: str, name: str) -> tuple[bytes, str]:
        return b"The kettle is upstairs.", "text/plain"


@dataclass
class _Place:
    library: Library
    pages: _Pages
    slack: ShowingSlack
    ingest: IngestDesk
    upkeep: Upkeep
    desk: DocumentDesk
    ingests: Ingests
    directory: Directory
    quarantine: Quarantine
    work: int = 0

    def become(self, kind: str = "public", **marks: Any) -> None:
        """The conversation is of this kind now, and the person has these marks."""
        self.slack.replies |= {"conversations.info": channel(kind), "users.info": person(**marks)}
        self.directory.forget()

    async def add(self, *urls: str, user: str = "U1", where: str = "C1", **more: Any) -> str:
        self.work += 1
        work_id = f"w{self.work}"
        place = {"team": "T1", "channel": where, "user": user}
        await self.ingest.take_in(work_id, {**place, "urls": list(urls), **more})
        return work_id

    async def ask(self, kind: str, reference: str = "", *, user: str = "U1", where: str = "C1", again: str = "") -> str:
        """What is said in the end; `again` does an earlier work once more."""
        self.work += not again
        payload = {"team": "T1", "channel": where, "user": user, "reference": reference}
        await self.upkeep.do(again or f"w{self.work}", kind, payload)
        return self.slack.texts()[-1]

    async def entries(self) -> list[Entry]:
        return await self.library.documents(_ALL)

    async def titles(self) -> set[str]:
        return {entry.title for entry in await self.entries()}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[_Place]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(bot.tables.metadata.create_all)
        await connection.run_sync(knowledge.tables.metadata.create_all)
    settings = KnowledgeSettings(home=tmp_path)
    pages = _Pages(settings)
    index = PassageIndex(store=EdgeStore(tmp_path / "edge"), embedding=WordEmbedding(), chunk_tokens=220)
    library = Library(
        index=index, catalogue=Catalogue(engine), parser=Parser(settings), fetcher=pages, settings=settings
    )
    shown = ShowingSlack()
    slack = cast("Slack", shown)
    directory, ingests = Directory(slack, team="T1"), Ingests(engine)
    outlet = Outlet(
        slack=slack, deliveries=Deliveries(engine), pacer=Pacer(interval_s=0), bot_user="UBOT", failpoints=Failpoints()
    )
    downloads = _Downloads(slack=slack, token="xoxb-", api_url="https://slack.com/api/", max_bytes=1_000)
    in_slack = SlackDocuments(slack=slack, downloads=downloads, directory=directory, bot_user="UBOT")
    parts = {"library": library, "directory": directory, "ingests": ingests}
    histories = ChannelHistories(engine)
    reader = SlackThreads(slack=slack, directory=directory, me=Identity(team="T1", user="UBOT", bot="BBOT"))
    queue, quarantine = InlineQueue(), Quarantine(engine)
    files = ChannelFiles(library=library, queue=cast("DocumentQueue", queue), directory=directory, ingests=ingests)
    threads = ThreadUpkeep(threads=reader, in_slack=in_slack, histories=histories, files=files, **parts)
    documents = DocumentReader(
        library=library, in_slack=in_slack, directory=directory, quarantine=quarantine, again_s=0
    )
    queue.run = lambda work_id, _, payload: documents.read(work_id, payload)
    yield _Place(
        library=library, pages=pages, slack=shown, directory=directory, ingests=ingests,
        ingest=IngestDesk(
            outlet=outlet, in_slack=in_slack, directory=directory, ingests=ingests, queue=cast("DocumentQueue", queue)
        ),
        upkeep=Upkeep(
            outlet=outlet, in_slack=in_slack, threads=threads, histories=histories, quarantine=quarantine,
            queue=cast("DocumentQueue", queue), **parts,
        ),
        desk=DocumentDesk(quarantine=quarantine, **parts), quarantine=quarantine,
    )  # fmt: skip
    await library.close()
    await engine.dispose()


def _said(page: Page) -> str:
    return "\n".join(str(block) for block in page.blocks)


async def _list(place: _Place, page: int = 1) -> str:
    return _said(await place.desk.listed(channel="C1", user="U1", page=page))


async def test_list_shows_number_title_passages_date_and_adder(place: _Place) -> None:
    await place.add("https://a.example/tea")
    [entry] = await place.entries()
    listed = await _list(place)
    assert f"*{entry.number}* <https://a.example/tea|tea>" in listed
    assert f"1 passage · added {entry.added_at.day} {entry.added_at:%b %Y} by <@U1> · for everyone" in listed


async def test_list_turns_pages_and_counts_what_can_be_read(place: _Place) -> None:
    await place.add(*(f"https://a.example/p{number}" for number in range(10)))
    await place.add(*(f"https://a.example/q{number}" for number in range(6)))
    first, second = await _list(place), await _list(place, 2)
    assert "16 documents can be read here, page 1 of 2" in first
    assert ("|q5>" in first, "|p0>" in first, "|p0>" in second) == (True, False, True)
    assert ("Older" in first, "Newer" in first, "Older" in second, "Newer" in second) == (True, False, False, True)
    assert await _list(place, 99) == second


async def _hide_one(place: _Place) -> Entry:
    """A document that only the private channel C1 may read; the conversation is a public one afterwards."""
    place.become("private")
    await place.add("https://a.example/pay")
    place.become()
    [entry] = await place.entries()
    return entry


async def test_private_document_is_not_listed_counted_or_named_in_a_public_channel(place: _Place) -> None:
    entry = await _hide_one(place)
    assert "There is no document yet" in await _list(place)
    status = _said(await place.desk.status(channel="C9", user="U1"))
    assert "0 documents can be read here" in status
    for reference in (str(entry.number), entry.uri):
        for kind in ("remove", "refresh"):
            said = await place.ask(kind, reference, where="C9")
            assert "There is no document" in said
            assert entry.title not in said.replace(reference, "")
    assert await place.entries() == [entry]


@pytest.mark.parametrize(
    ("kind", "marks", "refusal"),
    [("public", {"is_restricted": True}, "members of this workspace only"), ("private", {}, "not in this channel")],
)
@pytest.mark.parametrize("asked", ["remove", "undo", "refresh", "list", "status", "preview", "add"])
async def test_guests_and_people_outside_a_private_channel_see_and_change_nothing(
    place: _Place, asked: str, kind: str, marks: dict[str, Any], refusal: str
) -> None:
    await place.add("https://a.example/tea")
    [entry] = await place.entries()
    place.become(kind, **marks)
    place.slack.replies["conversations.members"] = {"members": []}
    match asked:
        case "list":
            said = await _list(place)
        case "status":
            said = _said(await place.desk.status(channel="C1", user="U1"))
        case "preview":
            said = _said(await place.desk.preview(channel="C1", user="U1", url="https://a.example/x"))
        case "add":
            await place.add("https://a.example/new")
            said = place.slack.texts()[-1]
        case _:
            said = await place.ask(asked, str(entry.number))
    assert refusal in said
    assert "tea" not in said
    assert await place.entries() == [entry]


async def test_adder_takes_out_by_number_and_a_later_search_finds_nothing(place: _Place) -> None:
    await place.add("https://a.example/tea")
    [entry] = await place.entries()
    said = await place.ask("remove", str(entry.number))
    assert f"<@U1> took *{entry.number}* " in said.replace("&lt;", "<").replace("&gt;", ">")
    assert await place.library.search("tea", _ALL) == []
    assert "There is no document yet" in await _list(place)


async def test_somebody_else_may_not_take_out_what_an_administrator_may(place: _Place) -> None:
    await place.add("https://a.example/tea")
    said = await place.ask("remove", "https://a.example/tea", user="U2")
    assert "who added it, and administrators" in said
    assert await place.titles() == {"tea"}
    place.become(is_admin=True)
    await place.ask("remove", "https://a.example/tea", user="U2")
    assert await place.titles() == set()


async def test_document_of_the_command_line_is_an_administrators_to_take_out(place: _Place, tmp_path: Path) -> None:
    (tmp_path / "tea.md").write_text("# Tea\n\nAt four.")
    _ = [result async for result in place.library.ingest(str(tmp_path / "tea.md"), "public")]
    [entry] = await place.entries()
    assert "Only administrators" in await place.ask("remove", str(entry.number))
    assert await place.entries() == [entry]


async def test_link_taken_in_for_two_kinds_of_readers_is_asked_for_by_number(place: _Place) -> None:
    await place.add("https://a.example/tea")
    place.become("private")
    await place.add("https://a.example/tea")
    said = await place.ask("remove", "https://a.example/tea")
    assert all(str(entry.number) in said for entry in await place.entries())
    assert len(await place.entries()) == 2


async def test_undo_takes_back_the_last_ingest_of_this_person_here_and_then_the_one_before(place: _Place) -> None:
    await place.add("https://a.example/one")
    await place.add("https://a.example/two", "https://a.example/three")
    await place.add("https://a.example/other", user="U2")
    await place.add("https://a.example/elsewhere", where="C2")
    await place.ask("undo")
    assert await place.titles() == {"one", "other", "elsewhere"}
    await place.ask("undo")
    assert await place.titles() == {"other", "elsewhere"}
    assert "nothing of yours here" in await place.ask("undo")


async def test_undo_done_again_after_a_crash_takes_back_no_more(place: _Place) -> None:
    await place.add("https://a.example/one")
    await place.add("https://a.example/two")
    await place.ask("undo")
    await place.ask("undo", again=f"w{place.work}")
    assert await place.titles() == {"one"}


async def test_undo_leaves_what_was_there_before(place: _Place) -> None:
    await place.add("https://a.example/tea", user="U2")
    await place.add("https://a.example/tea")
    assert "added nothing" in await place.ask("undo")
    assert await place.titles() == {"tea"}


async def test_undo_waits_for_what_is_still_being_read(place: _Place) -> None:
    await place.ingests.begin("w0", channel="C1", person="U1", documents=2)
    assert "still being read" in await place.ask("undo")
    await place.ingests.end("w0")
    assert "added nothing" in await place.ask("undo")


async def test_refresh_of_one_brings_what_its_page_says_now(place: _Place) -> None:
    await place.add("https://a.example/tea", "https://a.example/other")
    place.pages.held = {"https://a.example/tea": "<h1>tea</h1><p>Tea is at five.</p>"}
    said = await place.ask("refresh", "https://a.example/tea")
    assert "0 unchanged, 1 updated" in said
    assert {passage.text for passage in await place.library.search("tea", _ALL)} == {
        "Tea is at four.",
        "Tea is at five.",
    }


async def test_refresh_of_all_reads_what_can_be_read_here_and_no_more(place: _Place) -> None:
    await _hide_one(place)
    await place.add("https://a.example/tea", "https://a.example/other")
    assert "Read again: 2 unchanged, 0 updated" in await place.ask("refresh", "all")


async def test_uploaded_file_is_read_again_from_slack_and_a_deleted_one_stays_as_it_was(place: _Place) -> None:
    file = {
        "name": "kettle.txt",
        "url_private": "https://files.slack.com/kettle.txt",
        "permalink": "https://t.slack.com/F1",
    }
    place.slack.replies["files.info"] = {"file": file}
    await place.add(files=["F1"])
    assert "1 unchanged" in await place.ask("refresh", "all")
    place.slack.replies["files.info"] = SlackRefused("files.info", "file_deleted")
    assert "1 could not be read, and stays as before" in await place.ask("refresh", "all")
    assert len(await place.library.search("kettle", _ALL)) == 1


async def test_status_shows_what_is_being_read_and_why_something_failed(place: _Place) -> None:
    await place.add("http://127.0.0.1/x")
    await place.ingests.begin("w0", channel="C1", person="U2", documents=7)
    await place.ingests.progress("w0", 3)
    await place.ingests.begin("a channel", channel="C1", person="U3", documents=0)
    await place.ingests.progress("a channel", 5)
    said = _said(await place.desk.status(channel="C1", user="U1"))
    assert "3 of 7 read, for <@U2>" in said
    assert "5 threads read, for <@U3>" in said
    assert "http://127.0.0.1/x: " in said
    assert "http://127.0.0.1/x" not in _said(await place.desk.status(channel="C2", user="U1"))


async def test_failure_is_told_until_the_same_succeeds(place: _Place) -> None:
    await place.ingests.outcome("w0", "C1", {"https://a.example/tea"}, {"https://a.example/tea": "It was away."})
    await place.add("https://a.example/tea")
    assert "Nothing failed here" in _said(await place.desk.status(channel="C1", user="U1"))


@pytest.mark.parametrize(
    ("kind", "who"), [("public", "Everyone"), ("private", "Only this channel"), ("direct", "You would be asked")]
)
async def test_preview_says_what_would_be_read_and_by_whom_and_keeps_nothing(
    place: _Place, kind: str, who: str
) -> None:
    place.become(kind)
    said = _said(await place.desk.preview(channel="C1", user="U1", url="https://a.example/tea"))
    assert "<https://a.example/tea|tea>" in said
    assert "34 bytes, 1 passage. " in said
    assert "Tea is at four." in said
    assert who in said
    assert await place.entries() == []


async def test_preview_shows_a_pages_text_as_text_alone(place: _Place) -> None:
    place.pages.held = {"https://a.example/x": "<h1>x</h1><p>&lt;!channel&gt; &lt;https://evil.example|here&gt;</p>"}
    page = await place.desk.preview(channel="C1", user="U1", url="https://a.example/x")
    [begins] = [block for block in page.blocks if "evil" in str(block)]
    assert begins["text"]["type"] == "plain_text"


@pytest.mark.parametrize("url", ["/etc/passwd", "", "file:///etc/passwd", "http://127.0.0.1/"])
async def test_preview_of_what_is_no_public_page_says_so(place: _Place, url: str) -> None:
    said = _said(await place.desk.preview(channel="C1", user="U1", url=url))
    assert "Write the address of a page" in said or "would not be taken in" in said


_SENT = {"ts": "100.1", "user": "U2", "text": "The guest password is tulip. See <https://a.example/wifi|Wi-Fi>"}


async def _add_message(place: _Place, **message: Any) -> str:
    place.slack.replies["conversations.replies"] = {"messages": [{**_SENT, **message}]}
    place.slack.replies["chat.getPermalink"] = {"permalink": "https://t.slack.com/archives/C1/p1001"}
    await place.add(shared={"ts": "100.1", "thread_ts": "100.1"}, thread_ts="100.1", after_ts="100.1")
    return place.slack.texts()[-1]


async def test_message_is_added_with_its_words_and_its_links(place: _Place) -> None:
    await _add_message(place)
    assert await place.titles() == {"ada in #general: The guest password is tulip. See Wi-Fi…", "wifi"}
    [passage] = [each for each in await place.library.search("password", _ALL) if "tulip" in each.text]
    assert passage.uri == "https://t.slack.com/archives/C1/p1001"


async def test_message_of_nothing_but_a_link_adds_the_page_alone(place: _Place) -> None:
    await _add_message(place, text="<https://a.example/wifi>")
    assert await place.titles() == {"wifi"}


async def test_message_that_is_gone_or_empty_or_the_bots_own_adds_nothing(place: _Place) -> None:
    assert "nothing in this message" in await _add_message(place, text="🙂")
    assert "no longer there" in await _add_message(place, ts="100.2")
    assert "learn from myself" in await _add_message(place, user="UBOT")
    assert await place.entries() == []


_FILE = {"name": "f.txt", "url_private": "https://files.slack.com/f.txt", "permalink": "https://t.slack.com/F1"}


async def _overheard(place: _Place) -> dict[str, bool]:
    return {each.uri: each.overheard for each in await place.library.search("kettle tea tulip", _ALL)}


async def test_file_that_somebody_hands_over_is_not_overheard(place: _Place) -> None:
    place.slack.replies["files.info"] = {"file": _FILE}
    await place.add(files=["F1"])
    await place.ask("refresh", "all")
    assert await _overheard(place) == {"https://t.slack.com/F1": False}


async def test_message_and_its_file_that_somebody_adds_are_overheard_and_the_page_it_links_to_is_not(
    place: _Place,
) -> None:
    place.slack.replies["files.info"] = {"file": _FILE}
    await _add_message(place, files=[{"id": "F1"}])
    await place.ask("refresh", "all")
    assert await _overheard(place) == {
        "https://t.slack.com/F1": True,
        "https://t.slack.com/archives/C1/p1001": True,
        "https://a.example/wifi": False,
    }


async def test_message_read_again_brings_what_it_says_now(place: _Place) -> None:
    await _add_message(place, text="The guest password is tulip.")
    place.slack.replies["conversations.replies"] = {"messages": [{**_SENT, "text": "The guest password is rose."}]}
    assert "1 updated" in await place.ask("refresh", "all")
    assert {passage.text for passage in await place.library.search("password", parse_audience("public"))} == {
        "The guest password is rose."
    }


def _operations(place: _Place) -> LocalOperations:
    not_asked = cast("Any", None)
    return LocalOperations(
        router=not_asked, library=place.library, ingests=place.ingests, quarantine=place.quarantine, who_sees=not_asked
    )


async def test_command_line_lists_and_takes_out_what_the_audience_may_read(place: _Place) -> None:
    entry = await _hide_one(place)
    operations = _operations(place)
    assert await operations.documents(audience="public") == []
    with pytest.raises(UnknownDocument, match="there is no document"):
        await operations.remove(str(entry.number), audience="public")
    [listed] = await operations.documents(audience="channel:C1")
    assert (listed["number"], listed["title"], listed["added_by"]) == (entry.number, "pay", "U1")
    assert await operations.remove(str(entry.number), audience="channel:C1") == listed
    assert await place.entries() == []


async def test_command_line_reads_one_or_all_again(place: _Place) -> None:
    await place.add("https://a.example/tea", "https://a.example/other")
    operations = _operations(place)
    one = [result async for result in operations.refresh("https://a.example/tea", audience="public")]
    both = [result async for result in operations.refresh("all", audience="public")]
    assert [result["status"] for result in one + both] == ["unchanged"] * 3


async def test_place_that_is_due_is_read_again_by_itself_and_status_counts_what_changed(place: _Place) -> None:
    await place.add("https://a.example/tea", "https://a.example/leave")
    refreshing = Refreshing(library=place.library, upkeep=place.upkeep, quarantine=place.quarantine, hours=2)
    place.pages.held["https://a.example/tea"] = "<h1>Tea</h1><p>Tea is at five.</p>"
    now = datetime.now(UTC)
    await refreshing.read_due(now + timedelta(hours=1))
    assert "Read again last" not in _said(await place.desk.status(channel="C1", user="U1"))
    await refreshing.read_due(now + timedelta(hours=3))
    status = _said(await place.desk.status(channel="C1", user="U1"))
    assert "https://a.example/tea: 1 new or changed, 0 taken out, 0 failed" in status
    assert "https://a.example/leave: 0 new or changed" in status


async def test_one_place_that_fails_by_a_defect_keeps_no_other_from_being_read(
    place: _Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.add("https://a.example/tea", "https://a.example/leave")
    refresh_place, tried = place.library.refresh_place, list[str]()

    async def refresh(known: KnownPlace) -> AsyncIterator[IngestResult]:
        tried.append(known.place)
        if known.place.endswith("tea"):
            raise RuntimeError("a defect of ours")
        async for result in refresh_place(known):
            yield result

    monkeypatch.setattr(place.library, "refresh_place", refresh)
    await Refreshing(library=place.library, upkeep=place.upkeep, quarantine=place.quarantine, hours=1).read_due(
        datetime.now(UTC) + timedelta(hours=2)
    )
    assert tried == ["https://a.example/tea", "https://a.example/leave"]
    [read] = await place.library.places_read(_ALL, limit=5)
    assert read.place == "https://a.example/leave"


async def test_message_deleted_in_slack_is_taken_out_when_it_is_read_again(place: _Place) -> None:
    await place.library.ingest_bytes(
        b"Tea is at four.", name="message.md", uri="https://slack.example/p1", scope="public",
        origin=Origin(place="slack-message:C1:100.1:100.1", added_by="U1", added_in="C1"),
    )  # fmt: skip
    [entry] = await place.entries()
    assert "1 taken out" in await place.ask("refresh", str(entry.number))
    assert await place.entries() == []


_TEA = "https://a.example/tea"


async def _set_aside(place: _Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page fails three times by a defect, which is mended afterwards."""

    async def fail(url: str, *_: object) -> AsyncIterator[IngestResult]:
        raise RuntimeError(f"a defect of ours in {url}")
        yield

    with monkeypatch.context() as defect:
        defect.setattr(place.library, "ingest", fail)
        await place.add(_TEA)


async def test_what_is_set_aside_is_shown_by_status_and_the_command_line_to_those_who_may_read_it(
    place: _Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.become("private")
    await _set_aside(place, monkeypatch)
    assert "Reading this failed 3 times on my side" in place.slack.texts()[-1]
    status = _said(await place.desk.status(channel="C1", user="U1"))
    assert "*Set aside here" in status
    assert f"{_TEA} (3 tries" in status
    assert _TEA not in _said(await place.desk.status(channel="C2", user="U1"))
    operations = _operations(place)
    assert await operations.set_aside(audience="public") == []
    [told] = await operations.set_aside(audience="channel:C1")
    assert (told["place"], told["channel"], told["tries"]) == (_TEA, "C1", 3)
    assert told["reason"].startswith("Reading this failed 3 times")


async def test_refresh_by_name_tries_again_what_is_set_aside(place: _Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await _set_aside(place, monkeypatch)
    assert "There is no document" in await place.ask("refresh", "https://a.example/other")
    said = await place.ask("refresh", _TEA)
    assert "0 unchanged, 1 updated" in said
    assert await place.titles() == {"tea"}
    status = _said(await place.desk.status(channel="C1", user="U1"))
    assert "Set aside" not in status
    assert "Nothing failed here" in status


async def test_refresh_of_a_name_that_others_have_set_aside_tells_nothing_of_it(
    place: _Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.become("private")
    await _set_aside(place, monkeypatch)
    place.become()
    assert "There is no document" in await place.ask("refresh", _TEA, where="C9")
    assert await place.entries() == []


async def test_handing_over_again_tries_what_is_set_aside(place: _Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await _set_aside(place, monkeypatch)
    await place.add(_TEA)
    assert await place.titles() == {"tea"}
    assert await _operations(place).set_aside(audience="public") == []


async def test_known_page_that_is_set_aside_is_left_alone_by_the_schedule_and_by_refresh_of_all(
    place: _Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.add(_TEA, "https://a.example/leave")
    await _set_aside(place, monkeypatch)
    place.pages.held = {_TEA: "<h1>tea</h1><p>At five.</p>", "https://a.example/leave": "<h1>leave</h1><p>New.</p>"}
    refreshing = Refreshing(library=place.library, upkeep=place.upkeep, quarantine=place.quarantine, hours=1)
    await refreshing.read_due(datetime.now(UTC) + timedelta(hours=2))
    texts = {passage.text for passage in await place.library.search("tea four five new", _ALL)}
    assert texts == {"Tea is at four.", "New."}
    said = await place.ask("refresh", "all")
    assert "1 unchanged, 0 updated, 1 could not be read" in said
    assert "1 updated" in await place.ask("refresh", _TEA)


async def test_file_that_fails_is_set_aside_by_its_name_and_tried_again_by_it(
    place: _Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = {"name": "kettle.txt", "url_private": "https://files.slack.com/k", "permalink": "https://t.slack.com/F1"}
    place.slack.replies["files.info"] = {"file": file}

    async def fail(*_: object, **__: object) -> list[IngestResult]:
        raise RuntimeError("a defect of ours")

    with monkeypatch.context() as defect:
        defect.setattr(place.library, "ingest_bytes", fail)
        await place.add(files=["F1"])
    assert "kettle.txt" in place.slack.texts()[-1]
    assert "0 unchanged, 1 updated" in await place.ask("refresh", "kettle.txt")
    assert await place.quarantine.set_aside(_ALL) == []
