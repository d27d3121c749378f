"""The Slack side as one thing to start and stop; the composition root hands it what it stands on."""

# pyright: reportUnknownMemberType=false
# Bolt's Socket Mode handler is untyped.

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.absences import Absences
from bot.answering import Answering
from bot.app import build_app
from bot.arrivals import Identity, gave_up
from bot.catching_up import CatchUp
from bot.channel_command import ChannelCommands
from bot.channel_files import ChannelFiles
from bot.channel_histories import ChannelHistories
from bot.channel_reading import ChannelDesk
from bot.deliveries import Deliveries
from bot.directory import Directory
from bot.document_queue import DocumentQueue
from bot.document_reading import DocumentReader
from bot.documents import DocumentDesk
from bot.downloads import Downloads
from bot.durable import Durable
from bot.errors import BotError, NotStored, SlackError, SlackRefused, SlackUnauthorized
from bot.failpoints import Failpoints
from bot.feedback import FeedbackDesk
from bot.following import Following
from bot.http_mode import HttpMode
from bot.ingesting import IngestDesk
from bot.ingests import Ingests
from bot.intake import Intake
from bot.messages import History
from bot.overrides import OverrideDesk
from bot.pacer import Pacer
from bot.payloads import optional
from bot.quarantine import Quarantine
from bot.quotas import Quota
from bot.reasons import ReasonDesk
from bot.refreshing import Refreshing
from bot.releasing import PutIntoService, ReleaseDesk
from bot.schedules import Job
from bot.slack import Slack
from bot.slack_documents import SlackDocuments
from bot.slack_threads import SlackThreads
from bot.sources import SourceDesk
from bot.stream import Outlet
from bot.thread_upkeep import ThreadUpkeep
from bot.token_watch import watch_token
from bot.tokens import check_app_token
from bot.upkeep import Upkeep
from bot.whispers import Whispers
from bot.work import Work
from knowledge.library import Library
from router.journal import Journal
from router.router import Router

log = logging.getLogger("tandem.service")

# As many as the model server takes at once.
_SEATS = 16
_DRAIN_S = 25.0
_LOOK_EVERY_S = 10.0
# By then the pending work was taken up, and what has been taken up too often was set aside.
_RECOVERY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSettings:
    """How Slack is reached. `port` chooses HTTP mode, with `signing_secret`; else `app_token` opens Socket Mode.

    `durable_url` is the database of stored work for a synchronous driver (`sqlite:///…`, `postgresql://…`), and
    `executor_id` a name of this replica that outlives its restarts. A bot token that was refused is tried again every
    `look_every_s` seconds.
    """

    bot_token: str = field(repr=False)
    app_token: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)
    api_url: str = "https://slack.com/api/"
    host: str = "127.0.0.1"
    port: int | None = None
    durable_url: str = field(repr=False)
    executor_id: str = "bot-1"
    questions_per_minute: int = 20
    upload_bytes: int = 20_000_000
    seats: int = _SEATS
    drain_s: float = _DRAIN_S
    look_every_s: float = _LOOK_EVERY_S
    failpoint: str = ""
    nightly_hour_utc: int = 2
    refresh_hours: int = 0


class Connection(Protocol):
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def is_up(self) -> bool: ...


class SocketMode:
    def __init__(self, app: AsyncApp, app_token: str) -> None:
        self._handler = AsyncSocketModeHandler(app, app_token)

    async def start(self) -> None:
        await self._handler.connect_async()

    async def stop(self) -> None:
        await self._handler.close_async()

    async def is_up(self) -> bool:
        return await self._handler.client.is_connected()


class Bot:
    def __init__(
        self,
        *,
        slack: Slack,
        durable: Durable,
        intake: Intake,
        connection: Connection,
        settings: SlackSettings,
        nightly: Job | None,
        refreshing: Refreshing | None = None,
        absences: Absences | None = None,
    ) -> None:
        self._slack = slack
        self._durable = durable
        self._intake = intake
        self._connection = connection
        self._settings = settings
        self._nightly = nightly
        self._refreshing = refreshing
        self._absences = absences
        self._background: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take up what was left, then listen. Raises BotError with what to change."""
        self._durable.launch(
            nightly=self._nightly,
            nightly_hour_utc=self._settings.nightly_hour_utc,
            hourly=self._refreshing.read_due if self._refreshing else None,
        )
        await self._durable.catch_up(datetime.now(UTC))
        for _, kind, payload in await self._durable.waiting():
            self._intake.remember(kind, payload)
        await self._connection.start()
        self._background = [
            asyncio.create_task(self._own_up()),
            asyncio.create_task(watch_token(self._slack, self._intake, look_every_s=self._settings.look_every_s)),
        ]
        if self._absences is not None:
            self._background.append(asyncio.create_task(self._absences.watch(self.connected)))

    async def connected(self) -> bool:
        return self._intake.open and await self._connection.is_up()

    async def stop(self) -> None:
        """Take nothing more in, give what runs its time, and leave the rest for the next start."""
        for task in self._background:
            task.cancel()
        self._intake.open = False
        await self._connection.stop()
        if self._refreshing is not None:
            await self._refreshing.stop()
        if not await self._durable.drain(self._settings.drain_s):
            log.warning("some answers were not finished in time: they are taken up at the next start")
        await self._durable.close()
        await self._slack.close()

    async def _own_up(self) -> None:
        """Have it said that work was given up: such as ended the process each time it was taken up."""
        await asyncio.sleep(_RECOVERY_S)
        try:
            for work_id, kind, payload in await self._durable.given_up():
                if kind != "gave_up":
                    await self._durable.store(gave_up(work_id, kind, payload))
        except (NotStored, SQLAlchemyError, OSError):
            log.exception("work that was given up was not looked for")


async def open_bot(
    settings: SlackSettings,
    *,
    router: Router,
    library: Library,
    journal: Journal,
    engine: AsyncEngine,
    nightly: Job | None = None,
    put_into_service: PutIntoService | None = None,
    model_started: asyncio.Event | None = None,
) -> Bot:
    """Check the tokens and put the parts together; nothing listens before `start`. Raises BotError with what to change.

    Until `model_started` is set, questions are taken in and wait; without it the model is taken to be there.
    """
    if model_started is None:
        model_started = asyncio.Event()
        model_started.set()
    slack = Slack(token=settings.bot_token, api_url=settings.api_url)
    slack.open()
    try:
        me = await _identity(slack)
        if settings.port is None:
            await _try_app_token(settings)
    except BotError:
        await slack.close()
        raise
    failpoints = Failpoints(name=settings.failpoint)
    deliveries = Deliveries(engine)
    directory = Directory(slack, team=me.team)
    pacer = Pacer()
    outlet = Outlet(slack=slack, deliveries=deliveries, pacer=pacer, bot_user=me.user, failpoints=failpoints)
    history = History(journal=journal, deliveries=deliveries, slack=slack, directory=directory, bot_user=me.user)
    downloads = Downloads(
        slack=slack, token=settings.bot_token, api_url=settings.api_url, max_bytes=settings.upload_bytes
    )
    in_slack = SlackDocuments(slack=slack, downloads=downloads, directory=directory, bot_user=me.user)
    ingests, histories, quarantine = Ingests(engine), ChannelHistories(engine), Quarantine(engine)
    queue = DocumentQueue()
    files = ChannelFiles(library=library, queue=queue, directory=directory, ingests=ingests)
    threads = ThreadUpkeep(
        library=library,
        threads=SlackThreads(slack=slack, directory=directory, me=me),
        in_slack=in_slack,
        directory=directory,
        histories=histories,
        ingests=ingests,
        files=files,
    )
    upkeep = Upkeep(
        library=library,
        outlet=outlet,
        in_slack=in_slack,
        directory=directory,
        ingests=ingests,
        histories=histories,
        threads=threads,
        quarantine=quarantine,
        queue=queue,
    )
    answering = Answering(
        router=router,
        journal=journal,
        outlet=outlet,
        deliveries=deliveries,
        directory=directory,
        history=history,
        quota=Quota(settings.questions_per_minute),
        seats=settings.seats,
        model_started=model_started,
    )
    whispers = Whispers(slack=slack, pacer=pacer)
    work = Work(
        answering=answering,
        feedback=FeedbackDesk(journal=journal, directory=directory, whispers=whispers),
        overrides=OverrideDesk(
            answering=answering, journal=journal, deliveries=deliveries, directory=directory, whispers=whispers
        ),
        ingest=IngestDesk(outlet=outlet, in_slack=in_slack, directory=directory, ingests=ingests, queue=queue),
        documents=DocumentReader(library=library, in_slack=in_slack, directory=directory, quarantine=quarantine),
        upkeep=upkeep,
        channels=ChannelDesk(
            outlet=outlet,
            directory=directory,
            histories=histories,
            ingests=ingests,
            threads=threads,
            catching_up=CatchUp(directory=directory, histories=histories, ingests=ingests, threads=threads),
        ),
        releasing=ReleaseDesk(directory=directory, outlet=outlet, put_into_service=put_into_service or _no_adapters),
        deliveries=deliveries,
        slack=slack,
    )
    durable = Durable(
        database_url=settings.durable_url, executor_id=settings.executor_id, handler=work.do, documents=queue
    )
    following = Following(histories=histories, library=library, me=me)
    intake = Intake(durable=durable, deliveries=deliveries, following=following, me=me, failpoints=failpoints)
    app = build_app(
        slack=slack,
        token=settings.bot_token,
        me=me,
        intake=intake,
        durable=durable,
        directory=directory,
        sources=SourceDesk(journal=journal, directory=directory),
        reasons=ReasonDesk(journal=journal, directory=directory),
        documents=DocumentDesk(library=library, directory=directory, ingests=ingests, quarantine=quarantine),
        channels=ChannelCommands(directory=directory, histories=histories, durable=durable),
        signing_secret=settings.signing_secret if settings.port is not None else "",
    )
    connection = _connection(app, settings)
    hours = settings.refresh_hours
    refreshing = Refreshing(library=library, upkeep=upkeep, quarantine=quarantine, hours=hours) if hours else None
    return Bot(
        slack=slack,
        durable=durable,
        intake=intake,
        connection=connection,
        settings=settings,
        nightly=nightly,
        refreshing=refreshing,
        absences=Absences(histories=histories, durable=durable, team=me.team),
    )


async def _no_adapters(_adapter: str) -> None:
    raise BotError("This Tandem changes no adapters: use tandem promote or tandem rollback where it is run.")


async def _identity(slack: Slack) -> Identity:
    """Asked before anything listens: with a wrong token, every event would be acknowledged and lost."""
    try:
        found = await slack.read("auth.test")
    except (SlackRefused, SlackUnauthorized) as error:
        raise BotError(
            f"Slack refused SLACK_BOT_TOKEN ({error.code}): copy the bot token again from the app's page"
        ) from error
    except SlackError as error:
        raise BotError(f"{slack.api_url} was not reached: check SLACK_API_URL and the network") from error
    # Who is a member is told by the bot's own workspace: a token of a whole organisation has none, and would shut all out.
    if found.get("is_enterprise_install") or not optional(found, "team_id"):
        raise BotError("SLACK_BOT_TOKEN is of no workspace: install the app in one workspace, and copy its token")
    return Identity(team=optional(found, "team_id"), user=optional(found, "user_id"), bot=optional(found, "bot_id"))


async def _try_app_token(settings: SlackSettings) -> None:
    """Socket Mode's client would try a refused token for ever, and the start would never end."""
    try:
        await check_app_token(settings.app_token, settings.api_url)
    except SlackError:
        log.warning("whether SLACK_APP_TOKEN is good could not be asked: Socket Mode goes on trying")


def _connection(app: AsyncApp, settings: SlackSettings) -> Connection:
    if settings.port is not None:
        return HttpMode(app, signing_secret=settings.signing_secret, host=settings.host, port=settings.port)
    return SocketMode(app, settings.app_token)
