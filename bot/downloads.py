"""Files that people uploaded to Slack. The token goes to Slack's own hosts and nowhere else."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from bot.errors import BotError
from bot.payloads import inner, optional
from bot.slack import Slack

_SLACK_HOSTS = (".slack.com", ".slack-files.com")
_CHUNK = 64 * 1024
_TIMEOUT_S = 120
_OK = 200


class NotDownloaded(BotError):
    """`str(error)` is a sentence for the person who uploaded the file; `name` is the file's, where it is known."""

    def __init__(self, sentence: str, *, name: str = "") -> None:
        super().__init__(sentence)
        self.name = name


class NoLongerThere(NotDownloaded):
    """Slack says that the file or the message was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    name: str
    uri: str
    data: bytes


class Downloads:
    def __init__(self, *, slack: Slack, token: str, api_url: str, max_bytes: int) -> None:
        self._slack = slack
        self._token = token
        self._api = urlsplit(api_url)
        self._max_bytes = max_bytes

    async def fetch(self, file_id: str) -> Upload:
        """Read an uploaded file. Raises NotDownloaded, SlackRefused, SlackUnauthorized, SlackUnreachable."""
        file = inner(await self._slack.read("files.info", file=file_id), "file")
        name = optional(file, "name") or file_id
        address = optional(file, "url_private_download") or optional(file, "url_private")
        if optional(file, "mode") == "external" or not self._is_slacks(address):
            raise NotDownloaded(
                f"{name} is kept outside Slack. Please send its address with `/ingest URL` instead.", name=name
            )
        data, kind = await self._read(address, name)
        if kind == "text/html" and optional(file, "mimetype") != "text/html":
            raise NotDownloaded(
                f"{name} could not be read: the bot lacks the right to read files (files:read). Please tell an administrator.",
                name=name,
            )
        return Upload(name=name, uri=optional(file, "permalink") or f"slack-file:{file_id}", data=data)

    def _is_slacks(self, address: str) -> bool:
        try:
            url = urlsplit(address)
            place = (url.scheme, url.hostname, url.port)
        except ValueError:
            return False
        if place == (self._api.scheme, self._api.hostname, self._api.port):
            return True
        return url.scheme == "https" and (url.hostname or "").endswith(_SLACK_HOSTS) and url.port in {None, 443}

    async def _read(self, address: str, name: str) -> tuple[bytes, str]:
        headers = {"Authorization": f"Bearer {self._token}"}
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                # A redirect could lead the token off Slack's hosts.
                session.get(address, headers=headers, allow_redirects=False) as response,
            ):
                if response.status != _OK:
                    raise NotDownloaded(
                        f"{name} could not be read: Slack answered {response.status}. Please upload it again.",
                        name=name,
                    )
                data = bytearray()
                async for chunk in response.content.iter_chunked(_CHUNK):
                    data.extend(chunk)
                    if len(data) > self._max_bytes:
                        raise NotDownloaded(
                            f"{name} is larger than {self._max_bytes:,} bytes. Please split it.", name=name
                        )
                return bytes(data), response.content_type
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotDownloaded(f"{name} could not be read from Slack. Please upload it again.", name=name) from error
