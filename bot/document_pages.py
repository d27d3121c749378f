"""`/ingest list`, `status`, `preview` and `help` answered: what one person sees, and nobody else."""

# pyright: reportUnknownMemberType=false
# Bolt's decorators are untyped.

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.errors import SlackClientError
from sqlalchemy.exc import SQLAlchemyError

from bot.arrivals import NEWER_ACTION, OLDER_ACTION
from bot.documents import DocumentDesk
from bot.errors import SlackError
from bot.ingest_command import Command
from bot.ingest_form import HELP
from bot.payloads import Json, inner, objects, optional
from bot.rendering import Page, section
from knowledge.errors import KnowledgeError

log = logging.getLogger("tandem.documents")

_LOOKING = "One moment, I am looking…"
_NOT_SHOWN = "The documents could not be looked up. Please try again."
_WHICH_CHANNEL = "Say which channel: `/ingest stop #channel`."
_ALL_OF_IT = (
    "`/ingest undo` takes out all that you added here last, and stands alone. To take out one document: "
    "`/ingest remove 12345` or `/ingest remove https://…`."
)
_WHICH = "Say which: `/ingest {name} 12345` or `/ingest {name} https://…`. `/ingest list` shows the numbers."
# Of the three seconds that Slack waits for an acknowledgement.
_LOOK_S = 1.5
_PAGE_DIGITS = 6


def add_pages(app: AsyncApp, documents: DocumentDesk) -> None:
    """The buttons under a list. Before any other action's listener: the first that fits is taken."""

    async def turn(ack: AsyncAck, respond: AsyncRespond, body: Json) -> None:
        await ack()
        value = optional(next(iter(objects(body, "actions"))), "value")
        page = await _looked_up(
            documents.listed(
                channel=optional(inner(body, "channel"), "id"),
                user=optional(inner(body, "user"), "id"),
                page=_page_number(value),
            )
        )
        await _answer(respond, page, replace=True)

    app.action(NEWER_ACTION)(turn)
    app.action(OLDER_ACTION)(turn)


async def show(ack: AsyncAck, respond: AsyncRespond, documents: DocumentDesk, body: Json, command: Command) -> None:
    """Answer the person who wrote the command: at once, or as soon as it is known."""
    where = {"channel": optional(body, "channel_id"), "user": optional(body, "user_id")}
    match command.name:
        case "list":
            page = documents.listed(**where, page=_page_number(command.argument))
        case "status":
            page = documents.status(**where)
        case "preview":
            page = documents.preview(**where, url=command.argument)
        case "remove" | "refresh":
            await ack(_WHICH.format(name=command.name))
            return
        case "undo":
            await ack(_ALL_OF_IT)
            return
        case "stop":
            await ack(_WHICH_CHANNEL)
            return
        case _:
            await ack(HELP)
            return
    await answer_when_known(ack, respond, _looked_up(page))


async def answer_when_known(ack: AsyncAck, respond: AsyncRespond, page: Coroutine[Any, Any, Page]) -> None:
    """Show it with the acknowledgement where it is known in time, and afterwards where it is not."""
    looking = asyncio.create_task(page)
    await asyncio.wait({looking}, timeout=_LOOK_S)
    if looking.done():
        found = looking.result()
        await ack(text=found.text, blocks=found.blocks)
        return
    await ack(_LOOKING)
    await _answer(respond, await looking, replace=False)


async def _looked_up(page: Coroutine[Any, Any, Page]) -> Page:
    try:
        return await page
    except (KnowledgeError, SlackError, SQLAlchemyError, OSError) as error:
        log.warning("documents were not shown: %s", type(error).__name__)
        return Page(text=_NOT_SHOWN, blocks=[section(_NOT_SHOWN)])


async def _answer(respond: AsyncRespond, page: Page, *, replace: bool) -> None:
    try:
        await respond(text=page.text, blocks=page.blocks, response_type="ephemeral", replace_original=replace)
    except (aiohttp.ClientError, SlackClientError, TimeoutError) as error:
        log.warning("documents were not shown: %s", type(error).__name__)


def _page_number(text: str) -> int:
    return int(text[:_PAGE_DIGITS]) if text.isascii() and text.isdecimal() else 1
