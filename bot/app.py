"""Bolt's side: who we are, intake first, then the listeners that answer within Slack's three seconds."""

# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false, reportUnusedFunction=false
# Bolt's decorators are untyped, and use the functions that they decorate.

import asyncio
import logging
import re
from typing import Any

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_bolt.authorization import AuthorizeResult
from sqlalchemy.exc import SQLAlchemyError

from bot.arrivals import (
    CORRECTION_ACTION,
    CORRECTION_VIEW,
    FEEDBACK_ACTION,
    INGEST_VIEW,
    SOURCE_ACTION,
    WHY_ACTION,
    Arrival,
    Identity,
)
from bot.channel_command import ChannelCommands, ChannelRequest, channel_request
from bot.directory import Directory
from bot.document_pages import add_pages, answer_when_known, show
from bot.documents import DocumentDesk
from bot.durable import Durable
from bot.errors import NotStored, SlackError, SlackRefused
from bot.feedback import correction_form, is_blank
from bot.ingest_command import spoken
from bot.ingest_form import HELP, ingest_form, missing_in_form
from bot.ingest_report import readers
from bot.intake import Intake
from bot.payloads import Json, inner, objects, optional
from bot.reasons import ReasonDesk
from bot.rendering import Page, button, section
from bot.slack import Slack
from bot.sources import SourceDesk

log = logging.getLogger("tandem.app")

_ANY = re.compile(r"[\s\S]*")
_ACCEPTED = 200
# Who may read changes with these; what was remembered about it is asked for anew.
_MEMBERSHIP_EVENTS = ("member_", "channel_", "group_", "user_", "team_", "shared_channel_")
_TAKEN = "I'm on it, and will say here what came of it. If nothing appears, invite me to this channel first."
_NO_FORM = "The form could not be opened. Please try again."
_NOT_BEGUN = "I could not find out who may read that channel, or not store this. Nothing was begun. Please try again."
_NO_SOURCE = "The source could not be opened in time. Please click again."
_NOTED = "Noted as a bad answer. To say what was wrong with it, press the button."
_NOT_A_MEMBER = (
    "I am not in this conversation, so I could not say here what came of it. Invite me to this channel first, "
    "or use `/ingest` in a direct message to me."
)
# Of the three seconds that Slack waits for an acknowledgement.
_LOOK_S = 1.5


def build_app(
    *,
    slack: Slack,
    token: str,
    me: Identity,
    intake: Intake,
    durable: Durable,
    directory: Directory,
    sources: SourceDesk,
    reasons: ReasonDesk,
    documents: DocumentDesk,
    channels: ChannelCommands,
    signing_secret: str,
) -> AsyncApp:
    """An app whose every request passes the intake. `signing_secret` is empty in Socket Mode, which has no signatures."""

    async def authorize() -> AuthorizeResult:
        # From the start's auth.test: Bolt's own would answer 200 to an event when its call fails, and lose it.
        return AuthorizeResult(
            enterprise_id=None, team_id=me.team, bot_id=me.bot, bot_user_id=me.user, bot_token=token, user_id=None
        )

    app = AsyncApp(
        client=slack.anonymous_client(),
        authorize=authorize,
        signing_secret=signing_secret,
        request_verification_enabled=bool(signing_secret),
        logger=logging.getLogger("tandem.bolt"),
    )
    _add_intake(app, intake)
    _add_events(app, directory)
    add_pages(app, documents)
    _add_actions(app, slack, durable, sources, reasons)
    _add_commands(app, slack, directory, documents, channels)
    _add_views(app)
    return app


def _add_intake(app: AsyncApp, intake: Intake) -> None:
    @app.middleware
    async def take_in(body: Json, context: Any, next_: Any) -> BoltResponse:
        status, arrival = await intake.take_in(body)
        if status != _ACCEPTED:
            return BoltResponse(status=status, body="")
        context["arrival"] = arrival
        return await next_()


def _add_events(app: AsyncApp, directory: Directory) -> None:
    @app.event(_ANY)
    async def acknowledge(event: Json) -> None:
        # All that an event asks was stored; Bolt acknowledges events that have a listener.
        if optional(event, "type").startswith(_MEMBERSHIP_EVENTS):
            directory.forget()


def _add_actions(app: AsyncApp, slack: Slack, durable: Durable, sources: SourceDesk, reasons: ReasonDesk) -> None:
    @app.action(FEEDBACK_ACTION)
    async def vote(ack: AsyncAck, body: Json, context: Any) -> None:
        await ack()
        arrival: Arrival | None = context["arrival"]
        if arrival is None or await durable.result(arrival.id) != "vote_down":
            return
        clicked = next(iter(objects(body, "actions")))
        exchange_id = optional(clicked, "value").partition(" ")[2]
        await _open_correction(slack, body, exchange_id)

    @app.action(CORRECTION_ACTION)
    async def correct(ack: AsyncAck, body: Json) -> None:
        await ack()
        await _open_correction(slack, body, optional(next(iter(objects(body, "actions"))), "value"))

    @app.action(SOURCE_ACTION)
    async def view_source(ack: AsyncAck, body: Json) -> None:
        await ack()
        if not await _open_form(slack, body, await sources.view(body)):
            await _whisper(slack, body, _NO_SOURCE)

    @app.action(WHY_ACTION)
    async def why(ack: AsyncAck, body: Json) -> None:
        await ack()
        told = await reasons.told(body)
        await _whisper(slack, body, told.text, blocks=told.blocks)

    @app.action(_ANY)
    async def acknowledge(ack: AsyncAck) -> None:
        await ack()


def _add_commands(
    app: AsyncApp, slack: Slack, directory: Directory, documents: DocumentDesk, channels: ChannelCommands
) -> None:
    @app.command(_ANY)
    async def ingest(ack: AsyncAck, respond: AsyncRespond, body: Json, context: Any) -> None:
        command, of_channel = spoken(optional(body, "text")), channel_request(optional(body, "text"))
        if context["arrival"] is not None:
            await ack(_TAKEN)
        elif of_channel is not None:
            await answer_when_known(ack, respond, _of_channel(channels, body, of_channel))
        elif command.name:
            await show(ack, respond, documents, body, command)
        elif command.argument:
            await ack(HELP)
        else:
            await _open_ingest_form(ack, slack, directory, body)


def _add_views(app: AsyncApp) -> None:
    @app.view(CORRECTION_VIEW)
    async def correction(ack: AsyncAck, body: Json) -> None:
        if is_blank(body):
            await ack(
                response_action="errors",
                errors={"should_have_said": "Say what was wrong, or what it should have said."},
            )
        else:
            await ack()

    @app.view(INGEST_VIEW)
    async def ingest(ack: AsyncAck, body: Json) -> None:
        missing = missing_in_form(body)
        if missing:
            await ack(response_action="errors", errors=missing)
        else:
            await ack()

    @app.view(_ANY)
    async def submitted(ack: AsyncAck) -> None:
        await ack()

    @app.view_closed(_ANY)
    async def closed(ack: AsyncAck) -> None:
        await ack()

    @app.shortcut(_ANY)
    async def shortcut(ack: AsyncAck) -> None:
        await ack()


async def _of_channel(channels: ChannelCommands, body: Json, request: ChannelRequest) -> Page:
    try:
        said = await channels.answer(body, request)
    except (SlackError, NotStored, SQLAlchemyError, OSError) as error:
        log.warning("a channel was not begun or stopped: %s", type(error).__name__)
        said = _NOT_BEGUN
    return Page(text=said, blocks=[section(said)])


async def _open_ingest_form(ack: AsyncAck, slack: Slack, directory: Directory, body: Json) -> None:
    channel = optional(body, "channel_id")
    try:
        async with asyncio.timeout(_LOOK_S):
            found = await directory.channel(channel)
    except (SlackError, TimeoutError) as error:
        # A conversation that is private to others is not known to the bot at all.
        unknown = isinstance(error, SlackRefused) and error.code == "channel_not_found"
        await ack(_NOT_A_MEMBER if unknown else _NO_FORM)
        return
    if not found.is_joined:
        await ack(_NOT_A_MEMBER)
        return
    await ack()
    if not await _open_form(slack, body, ingest_form(channel=channel, readers=readers(found).said)):
        await _whisper(slack, body, _NO_FORM)


async def _open_correction(slack: Slack, body: Json, exchange_id: str) -> None:
    form = correction_form(exchange_id, channel=_channel(body), thread_ts=_thread(body))
    if not await _open_form(slack, body, form):
        again = button("Say what was wrong", action_id=CORRECTION_ACTION, value=exchange_id)
        blocks = [section(_NOTED), {"type": "actions", "block_id": "correct", "elements": [again]}]
        await _whisper(slack, body, _NOTED, blocks=blocks)


async def _open_form(slack: Slack, body: Json, view: Json) -> bool:
    """A trigger lives three seconds: False where the form came too late, and has to be asked for by another click."""
    try:
        await slack.write("views.open", trigger_id=optional(body, "trigger_id"), view=view)
    except SlackError as error:
        log.warning("a form was not opened: %s", error)
        return False
    return True


async def _whisper(slack: Slack, body: Json, text: str, *, blocks: list[Json] | None = None) -> None:
    """Tell the one person who clicked, or wrote the command, where they did."""
    user = optional(body, "user_id") or optional(inner(body, "user"), "id")
    place = {"channel": _channel(body), "thread_ts": _thread(body) or None}
    try:
        await slack.write("chat.postEphemeral", **place, user=user, text=text, blocks=blocks)
    except SlackError as error:
        log.warning("a note was not shown: %s", error)


def _channel(body: Json) -> str:
    """Where a command was written, or a button clicked."""
    return optional(body, "channel_id") or optional(inner(body, "channel"), "id")


def _thread(body: Json) -> str:
    """The thread of a clicked button; a message that only one person sees is not sent along with its click."""
    return optional(inner(body, "message"), "thread_ts") or optional(inner(body, "container"), "thread_ts")
