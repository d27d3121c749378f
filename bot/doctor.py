"""`tandem doctor`: each part looked at by itself, what is wrong said with how to mend it."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import httpx
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot.assembly import Configuration, load_configuration, open_database
from bot.control import RemoteOperations
from bot.errors import BotError
from bot.model_server import MODEL_NAME
from bot.payloads import as_object
from bot.shapes import Json
from bot.tokens import check_app_token, read_tokens
from knowledge.audience import EVERYONE
from knowledge.errors import KnowledgeError
from knowledge.in_service import ServiceRecord
from knowledge.library import open_library
from router.errors import PolicyRefused, RouterError
from router.in_service import in_service
from router.model import ModelClient
from router.policies import Policies
from router.releases import Releases

# What deploy/slack-manifest.yaml asks for; without one of them a part of Tandem stays silent.
SCOPES = frozenset(
    {
        "app_mentions:read", "assistant:write", "channels:history", "channels:read", "chat:write", "commands",
        "files:read", "groups:history", "groups:read", "im:history", "im:read", "im:write", "users:read",
    }
)  # fmt: skip
_LEAST_FREE_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`text` says what was found, or what is wrong and what to do about it."""

    part: str
    ok: bool
    text: str

    def as_json(self) -> Json:
        return {"part": self.part, "ok": self.ok, "text": self.text}


async def examine(misspelt: Sequence[str] = ()) -> list[Finding]:
    """Look at every part; a wrong setting is the only finding, since the rest depends on it.

    `misspelt` has a line for each variable that is no setting and was meant to be one.
    """
    try:
        configuration = load_configuration()
    except BotError as error:
        return [Finding(part="settings", ok=False, text=str(error))]
    except OSError as error:
        said = f"TANDEM_HOME cannot be used ({error.strerror}: {error.filename}): name a folder that can be written"
        return [Finding(part="settings", ok=False, text=said)]
    settings = Finding(part="settings", ok=not misspelt, text="; ".join(misspelt) or "read")
    return [settings, *[found async for found in _findings(configuration)]]


async def _findings(configuration: Configuration) -> AsyncIterator[Finding]:
    parts: dict[str, Callable[[Configuration], Awaitable[str]]] = {
        "disk": _disk,
        "database": _database,
        "index": _index,
        "model": _model,
        "adapter": _adapter,
        "policy": _policy,
        "slack": _slack,
    }
    for part, look in parts.items():
        try:
            yield Finding(part=part, ok=True, text=await look(configuration))
        except (BotError, KnowledgeError, RouterError, OSError) as error:
            yield Finding(part=part, ok=False, text=str(error))
        except SQLAlchemyError:
            yield Finding(part=part, ok=False, text="the database could not be read: mend what is said of it above")


async def _disk(configuration: Configuration) -> str:
    free = shutil.disk_usage(configuration.home).free
    if free < _LEAST_FREE_BYTES:
        raise BotError(f"only {free / 1e9:.1f} GB are free at {configuration.home}: make room, or move TANDEM_HOME")
    return f"{free / 1e9:.0f} GB free at {configuration.home}"


async def _database(configuration: Configuration) -> str:
    async with open_database(configuration) as engine, engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    return configuration.database.render_as_string(hide_password=True)


async def _index(configuration: Configuration) -> str:
    async with open_database(configuration) as engine:
        if await RemoteOperations(configuration.home).reachable():
            in_service = await ServiceRecord(engine).read()
            change = None if in_service is None else in_service.change
            return f"open in the running bot{f'; {change}' if change else ''}"
        library = await open_library(configuration.knowledge, engine)
        try:
            change = library.index_change
            goes_on = f"; {change}; it goes on while tandem run is up" if change else ""
            return f"{await library.count(EVERYONE)} public documents{goes_on}"
        finally:
            await library.close()


async def _model(configuration: Configuration) -> str:
    model = ModelClient(url=configuration.model_url, settings=configuration.router)
    try:
        if await model.ready():
            return f"{configuration.model_url} serves {', '.join(await model.models())}"
    finally:
        await model.aclose()
    if configuration.router.model_url:
        raise BotError(f"no model server answers at {configuration.model_url}: start it, or correct TANDEM_MODEL_URL")
    if not (configuration.bot.model_venv.absolute() / "bin" / "python").exists():
        raise BotError(f"there is no vLLM at {configuration.bot.model_venv}: run make install, or set TANDEM_MODEL_URL")
    return f"{MODEL_NAME}, started by tandem run"


async def _adapter(configuration: Configuration) -> str:
    async with open_database(configuration) as engine:
        release = await Releases(engine).in_service()
    if release is None or not release.adapter:
        return "none: the base model answers until tandem run puts the first one into service"
    return f"{release.adapter} since {release.promoted_at:%Y-%m-%d %H:%M} UTC"


async def _policy(configuration: Configuration) -> str:
    async with open_database(configuration) as engine:
        release = await Releases(engine).in_service()
    name = release.policy if release else ""
    try:
        in_service(Policies(configuration.policies), name)
    except PolicyRefused as error:
        raise BotError(
            f"{error}: promote another with tandem route promote, or take it back by route rollback"
        ) from error
    return name or "the one that comes with Tandem"


async def _slack(configuration: Configuration) -> str:
    tokens = read_tokens(configuration.bot)
    if tokens is None:
        return "the local workspace, started by tandem run"
    async with httpx.AsyncClient(timeout=15) as client:
        try:
            answer = await client.post(
                f"{tokens.api_url.rstrip('/')}/auth.test", headers={"Authorization": f"Bearer {tokens.bot}"}
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if configuration.bot.local_workspace:
                return "the local workspace is not running now; tandem run starts it"
            raise BotError(f"{tokens.api_url} cannot be reached: check the network, or SLACK_API_URL") from error
    told = _as_slacks(answer, tokens.api_url)
    if not told.get("ok"):
        raise BotError(f"SLACK_BOT_TOKEN is refused ({told.get('error')}): install the app again and copy its token")
    granted = {scope.strip() for scope in answer.headers.get("x-oauth-scopes", "").split(",")} - {""}
    if granted and SCOPES - granted:
        raise BotError(
            f"scopes are missing ({', '.join(sorted(SCOPES - granted))}): update the app from "
            "deploy/slack-manifest.yaml and install it again"
        )
    if tokens.app:
        await check_app_token(tokens.app, tokens.api_url)
    return f"connected as {told.get('user')} in {told.get('team')}"


def _as_slacks(answer: httpx.Response, api_url: str) -> Json:
    try:
        told = as_object(answer.json())
    except ValueError:
        told = {}
    if "ok" not in told:
        raise BotError(f"{api_url} does not answer as Slack does: correct SLACK_API_URL")
    return told
