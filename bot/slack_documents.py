"""What is kept in Slack and can be a document: an uploaded file, or a message that somebody adds."""

from dataclasses import dataclass, replace

from bot.directory import Directory
from bot.downloads import Downloads, NoLongerThere, NotDownloaded, Upload
from bot.errors import SlackRefused
from bot.ingest_form import addresses
from bot.messages import plain_text
from bot.payloads import Json, objects, optional, required
from bot.slack import Slack

_FILE, _MESSAGE, _ATTACHED = "slack-file:", "slack-message:", "slack-attached:"
_TITLE_CHARS = 60
NO_MESSAGE = {"message_not_found", "thread_not_found"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A message that somebody adds to the documents."""

    channel: str
    ts: str
    thread_ts: str

    @property
    def place(self) -> str:
        return f"{places_of_messages(self.channel)}{self.ts}:{self.thread_ts}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A file that was shared in a channel, by the message that brought it there and the thread of that.

    `name` is what people know it by; its place does not hold it.
    """

    channel: str
    thread_ts: str
    ts: str
    file_id: str
    name: str = ""

    @property
    def place(self) -> str:
        return f"{places_of_attached(self.channel, self.thread_ts)}{self.ts}:{self.file_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a message brings along: `has_text` beside its addresses and files."""

    has_text: bool
    files: list[str]
    urls: list[str]
    is_ours: bool


def file_place(file_id: str) -> str:
    return f"{_FILE}{file_id}"


def file_at(place: str) -> str:
    """The file's id; empty where the place is none of a file."""
    return place.removeprefix(_FILE) if place.startswith(_FILE) else ""


def places_of_messages(channel: str) -> str:
    """What the places of all messages begin with that were added to the documents in a channel."""
    return f"{_MESSAGE}{channel}:"


def places_of_attached(channel: str = "", thread_ts: str = "") -> str:
    """What the places of all files begin with that are attached in a channel, in one of its threads, or anywhere."""
    return "".join([_ATTACHED, *(f"{part}:" for part in (channel, thread_ts) if part)])


def attached_at(place: str) -> Attached | None:
    """The file that was taken in from this place; None for anything else."""
    if not place.startswith(_ATTACHED):
        return None
    channel, thread_ts, ts, file_id = place.removeprefix(_ATTACHED).split(":")
    return Attached(channel=channel, thread_ts=thread_ts, ts=ts, file_id=file_id)


def message_at(place: str) -> Shared:
    """The message that was added from this place."""
    channel, ts, thread_ts = place.removeprefix(_MESSAGE).split(":")
    return Shared(channel=channel, ts=ts, thread_ts=thread_ts)


def shortened(text: str) -> str:
    """How a text begins, in a line."""
    first = " ".join(text.split())
    return first if len(first) <= _TITLE_CHARS else f"{first[:_TITLE_CHARS].rsplit(' ', 1)[0]}…"


def is_in_slack(place: str) -> bool:
    return place.startswith((_FILE, _MESSAGE, _ATTACHED))


class SlackDocuments:
    """Raises NotDownloaded with a sentence for people, and what Slack's door raises where it can't be asked."""

    def __init__(self, *, slack: Slack, downloads: Downloads, directory: Directory, bot_user: str) -> None:
        self._slack = slack
        self._downloads = downloads
        self._directory = directory
        self._bot_user = bot_user

    async def file(self, file_id: str) -> Upload:
        try:
            return await self._downloads.fetch(file_id)
        except SlackRefused as error:
            if error.code == "file_deleted":
                raise NoLongerThere("The file is no longer there.") from error
            # Slack says so of files, too, that the bot may not see any more.
            gone = error.code == "file_not_found"
            said = "The file is no longer there." if gone else "Slack does not let me read this file."
            raise NotDownloaded(said) from error

    async def message(self, shared: Shared) -> Upload:
        """The message's text as a document, with a title of its author and first words."""
        message = await self._read(shared)
        text = await plain_text(optional(message, "text"), bot_user=self._bot_user, directory=self._directory)
        title = await self._title(shared, optional(message, "user"), text)
        found = await self._slack.read("chat.getPermalink", channel=shared.channel, message_ts=shared.ts)
        return Upload(name="message.md", uri=required(found, "permalink"), data=f"# {title}\n\n{text}".encode())

    async def attached(self, attached: Attached) -> Upload:
        """The file, under a link that opens the message that it is attached to."""
        upload = await self.file(attached.file_id)
        try:
            found = await self._slack.read("chat.getPermalink", channel=attached.channel, message_ts=attached.ts)
        except SlackRefused as error:
            if error.code not in NO_MESSAGE:
                raise
            raise NoLongerThere("The message with the file is no longer there.") from error
        link = required(found, "permalink")
        # Several may be attached to one message, and each is a document of its own.
        return replace(upload, uri=f"{link}{'&' if '?' in link else '?'}file={attached.file_id}")

    async def contents(self, shared: Shared) -> Contents:
        message = await self._read(shared)
        text = optional(message, "text")
        urls = addresses(text)
        words = await plain_text(text, bot_user=self._bot_user, directory=self._directory)
        for url in urls:
            words = words.replace(url, "")
        return Contents(
            has_text=any(character.isalnum() for character in words),
            files=[required(file, "id") for file in objects(message, "files")],
            urls=urls,
            is_ours=optional(message, "user") == self._bot_user,
        )

    async def again(self, place: str) -> Upload | None:
        """What was handed over at this place, as it is now; None where that is not in Slack."""
        if place.startswith(_FILE):
            return await self.file(place.removeprefix(_FILE))
        if place.startswith(_MESSAGE):
            return await self.message(message_at(place))
        attached = attached_at(place)
        if attached is not None:
            return await self.attached(attached)
        return None

    async def _read(self, shared: Shared) -> Json:
        window = {"oldest": shared.ts, "latest": shared.ts, "inclusive": True}
        try:
            page = await self._slack.read(
                "conversations.replies", channel=shared.channel, ts=shared.thread_ts or shared.ts, **window
            )
        except SlackRefused as error:
            if error.code not in NO_MESSAGE:
                raise
            page = {}
        for message in objects(page, "messages"):
            if optional(message, "ts") == shared.ts and optional(message, "subtype") != "tombstone":
                return message
        raise NoLongerThere("The message is no longer there.")

    async def _title(self, shared: Shared, author: str, text: str) -> str:
        begins = shortened(text)
        who = (await self._directory.person(author)).name if author else "A message"
        channel = (await self._directory.channel(shared.channel)).name
        return f"{who} in #{channel}: {begins}" if channel else f"{who}: {begins}"
