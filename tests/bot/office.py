"""#ops and #pay with their administrator, and all that takes in and follows what is said there, over a real library."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.absences import Absences
from bot.arrivals import Arrival, Identity
from bot.catching_up import CatchUp
from bot.channel_command import ChannelCommands, channel_request
from bot.channel_files import ChannelFiles
from bot.channel_histories import ChannelHistories
from bot.channel_reading import ChannelDesk
from bot.deliveries import Deliveries
from bot.directory import Directory
from bot.document_queue import DocumentQueue
from bot.document_reading import DocumentReader
from bot.downloads import Downloads
from bot.durable import Durable
from bot.failpoints import Failpoints
from bot.following import Following
from bot.ingesting import IngestDesk
from bot.ingests import Ingests
from bot.pacer import Pacer
from bot.quarantine import Quarantine
from bot.slack import Slack
from bot.slack_documents import SlackDocuments
from bot.slack_threads import SlackThreads
from bot.stream import Outlet
from bot.thread_upkeep import ThreadUpkeep
from bot.upkeep import Upkeep
from knowledge.audience import Audience, parse_audience
from knowledge.catalogue import Catalogue
from knowledge.documents import Entry
from knowledge.edge_store import EdgeStore
from knowledge.fetching import Fetcher
from knowledge.index import PassageIndex
from knowledge.library import Library
from knowledge.parsing import Parser
from knowledge.settings import KnowledgeSettings
from tests.bot.channel_slack import ChannelSlack, Json
from tests.bot.fakes import InlineQueue
from tests.knowledge.fakes import WordEmbedding

_ME = Identity(team="T1", user="UBOT", bot="BBOT")
EVERYTHING = Audience(scopes=frozenset({"public", "channel:C1", "channel:C2"}))


@dataclass
class StoredWork:
    """Stands for the stored work, which the test does when it wants to."""

    stored: list[Arrival] = field(default_factory=list[Arrival])

    async def store(self, arrival: Arrival) -> None:
        self.stored.append(arrival)


@dataclass
class Office:
    slack: ChannelSlack
    library: Library
    histories: ChannelHistories
    directory: Directory
    desk: ChannelDesk
    threads: ThreadUpkeep
    queue: InlineQueue
    ingest: IngestDesk
    upkeep: Upkeep
    commands: ChannelCommands
    following: Following
    durable: StoredWork
    ingests: Ingests
    absences: Absences
    work: int = 0

    async def command(self, text: str, *, user: str = "U1", where: str = "C1") -> str:
        """What the person is answered; nothing that it begins is done yet."""
        self.work += 1
        request = channel_request(text)
        assert request is not None, text
        place = {"team_id": "T1", "channel_id": where, "user_id": user, "trigger_id": f"t{self.work}"}
        return await self.commands.answer(place, request)

    async def do_stored(self) -> None:
        for arrival in self.durable.stored:
            await self.desk.do(arrival.id, arrival.kind, arrival.payload)
        self.durable.stored.clear()

    async def take_in(self, text: str = "<#C1|ops>") -> str:
        """What is said in the channel in the end."""
        await self.command(text)
        await self.do_stored()
        return self.slack.texts()[-1]

    async def hear(self, event: Json) -> bool:
        """Whether an event was of any concern; its work is done."""
        arrival = await self.following.read(event)
        if arrival is not None:
            await self.desk.do(arrival.id, arrival.kind, arrival.payload)
        return arrival is not None

    async def texts(self, audience: str = "public") -> set[str]:
        found = await self.library.search("deploy on day", parse_audience(audience), limit=20)
        return {passage.text for passage in found}

    async def entries(self) -> list[Entry]:
        return await self.library.documents(EVERYTHING)

    async def titles(self) -> list[str]:
        return sorted(entry.title for entry in await self.entries())


@asynccontextmanager
async def open_office(home: Path, engine: AsyncEngine) -> AsyncIterator[Office]:
    settings = KnowledgeSettings(home=home)
    index = PassageIndex(store=EdgeStore(home / "edge"), embedding=WordEmbedding(), chunk_tokens=220)
    library = Library(
        index=index, catalogue=Catalogue(engine), parser=Parser(settings), fetcher=Fetcher(settings), settings=settings
    )
    shown = ChannelSlack()
    slack, durable = cast("Slack", shown), StoredWork()
    directory, ingests, histories = Directory(slack, team="T1"), Ingests(engine), ChannelHistories(engine)
    outlet = Outlet(
        slack=slack, deliveries=Deliveries(engine), pacer=Pacer(interval_s=0), bot_user="UBOT", failpoints=Failpoints()
    )
    in_slack = SlackDocuments(
        slack=slack, downloads=cast("Downloads", shown.uploads), directory=directory, bot_user="UBOT"
    )
    queue = InlineQueue()
    files = ChannelFiles(library=library, queue=cast("DocumentQueue", queue), directory=directory, ingests=ingests)
    parts = {"directory": directory, "histories": histories, "ingests": ingests}
    upkeep = ThreadUpkeep(
        library=library,
        threads=SlackThreads(slack=slack, directory=directory, me=_ME),
        in_slack=in_slack,
        files=files,
        **parts,
    )
    documents = DocumentReader(
        library=library, in_slack=in_slack, directory=directory, quarantine=Quarantine(engine), again_s=0
    )
    queue.run = lambda work_id, _, payload: documents.read(work_id, payload)
    yield Office(
        slack=shown, library=library, threads=upkeep, queue=queue, histories=histories, directory=directory, ingests=ingests, durable=durable,
        desk=ChannelDesk(
            outlet=outlet, threads=upkeep, catching_up=CatchUp(threads=upkeep, pause_s=0, **parts), **parts
        ),
        ingest=IngestDesk(
            outlet=outlet, in_slack=in_slack, directory=directory, ingests=ingests, queue=cast("DocumentQueue", queue)
        ),
        upkeep=Upkeep(
            library=library, outlet=outlet, in_slack=in_slack, threads=upkeep, quarantine=Quarantine(engine),
            queue=cast("DocumentQueue", queue), **parts,
        ),
        commands=ChannelCommands(directory=directory, histories=histories, durable=cast("Durable", durable)),
        following=Following(histories=histories, library=library, me=_ME),
        absences=Absences(histories=histories, durable=cast("Durable", durable), team="T1"),
    )  # fmt: skip
    await library.close()
