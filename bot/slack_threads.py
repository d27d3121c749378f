"""A thread in a channel as one document; a message that nobody has answered is a thread of one."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.arrivals import HUMAN_SUBTYPES, Identity, is_from_a_bot, mentions, storable
from bot.directory import Directory
from bot.errors import SlackRefused
from bot.messages import plain_text
from bot.paging import pages
from bot.payloads import Json, objects, optional, required
from bot.slack import Slack
from bot.slack_documents import NO_MESSAGE, Attached, attached_at, shortened
from knowledge.documents import Document
from knowledge.kinds import MARKDOWN, is_archive, is_document

# Later than any message: by Slack's clock, not by this machine's.
NEWEST = "9999999999.999999"
# Slack allows more a page, and advises against it.
_PAGE = 200
_PLACE = "slack-thread:"
_SOMEONE = "someone"
_DELETED, _ELSEWHERE = "tombstone", "external"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """`ts` is its first message's."""

    channel: str
    ts: str

    @property
    def place(self) -> str:
        return f"{places_of_threads(self.channel)}{self.ts}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A person's message, as it reads on the screen."""

    ts: str
    user: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What people say in a thread, and the files that they attach; both in its order."""

    said: list[Said]
    attached: list[Attached]


def places_of_threads(channel: str) -> str:
    """What the places of all threads of a channel begin with."""
    return f"{_PLACE}{channel}:"


def thread_at(place: str) -> Thread | None:
    """The thread that was taken in from this place; None for anything else."""
    if not place.startswith(_PLACE):
        return None
    channel, _, ts = place.removeprefix(_PLACE).partition(":")
    return Thread(channel=channel, ts=ts)


def is_head(message: Json) -> bool:
    """Not so for a reply that its author showed in the channel too."""
    return optional(message, "thread_ts") in {"", required(message, "ts")}


def is_answered(head: Json) -> bool:
    """Whether the thread that this message begins holds more than itself."""
    return bool(head.get("reply_count") or optional(head, "thread_ts"))


def is_attached(file: Json) -> bool:
    """Not so for what Slack leaves in the place of a deleted file."""
    return optional(file, "mode") != _DELETED


def thread_of(place: str) -> Thread | None:
    """The thread that was taken in from this place, or a file that is attached there; None for anything else."""
    attached = attached_at(place)
    return Thread(channel=attached.channel, ts=attached.thread_ts) if attached else thread_at(place)


class SlackThreads:
    """Raises what Slack's door raises."""

    def __init__(self, *, slack: Slack, directory: Directory, me: Identity) -> None:
        self._slack = slack
        self._directory = directory
        self._me = me

    async def history(self, channel: str, *, after: str, before: str) -> AsyncGenerator[list[Json]]:
        """Messages in a window of time, newest first. By time, since a cursor of Slack's does not outlive a restart."""
        has_more = True
        while has_more:
            page = await self._slack.read(
                "conversations.history", channel=channel, oldest=after, latest=before, limit=_PAGE
            )
            messages = objects(page, "messages")
            has_more = page.get("has_more") is True and bool(messages)
            if messages:
                yield messages
                before = required(messages[-1], "ts")

    async def read(self, thread: Thread, *, until: str = "") -> Conversation:
        """What is said and attached in it now, before `until`; nothing where it is gone."""
        found: dict[str, Json] = {}
        try:
            async for page in pages(self._slack, "conversations.replies", channel=thread.channel, ts=thread.ts):
                # By their time, since the first message of the thread may stand on each page.
                found |= {required(each, "ts"): each for each in objects(page, "messages")}
        except SlackRefused as error:
            if error.code not in NO_MESSAGE:
                raise
        return await self.conversation(thread, [found[ts] for ts in sorted(found) if not until or ts < until])

    async def conversation(self, thread: Thread, messages: Sequence[Json]) -> Conversation:
        """What of these is people's own: words, and documents among the files.

        A question to the bot is left out, as its answers are: found again, it would be answered from itself.
        """
        said: list[Said] = []
        attached: list[Attached] = []
        for message in messages:
            written = optional(message, "text")
            if message.get("subtype") not in HUMAN_SUBTYPES or is_from_a_bot(message, self._me):
                continue
            if mentions(written, self._me):
                continue
            ts = required(message, "ts")
            text = await plain_text(written, bot_user=self._me.user, directory=self._directory)
            if any(character.isalnum() for character in text):
                said.append(Said(ts=ts, user=optional(message, "user"), text=storable(text)))
            attached.extend(
                Attached(
                    channel=thread.channel,
                    thread_ts=thread.ts,
                    ts=ts,
                    file_id=required(file, "id"),
                    name=optional(file, "name"),
                )
                for file in objects(message, "files")
                if is_attached(file) and _is_document(file)
            )
        return Conversation(said=said, attached=attached)

    async def document(self, thread: Thread, said: Sequence[Said], *, scope: str, uri: str = "") -> Document:
        """`said` holds at least one message; `uri` is the link that it is known by, where it is known."""
        names = {user: await self._name(user) for user in dict.fromkeys(each.user for each in said)}
        return Document(
            uri=uri or await self._link(thread, said[0].ts),
            title=shortened(said[0].text.splitlines()[0]),
            text="\n\n".join(f"{names[each.user]}: {each.text}" for each in said),
            scope=scope,
            modified_at=datetime.fromtimestamp(float(said[-1].ts), UTC),
            kind=MARKDOWN,
            author=names[said[0].user],
            channel=thread.channel,
        )

    async def _link(self, thread: Thread, ts: str) -> str:
        """Opens the thread at this message; and is another link than the message's, which may be a document by itself."""
        found = await self._slack.read("chat.getPermalink", channel=thread.channel, message_ts=ts)
        link = required(found, "permalink")
        if "thread_ts=" in link:
            return link
        return f"{link}{'&' if '?' in link else '?'}thread_ts={thread.ts}&cid={thread.channel}"

    async def _name(self, user: str) -> str:
        try:
            return storable((await self._directory.person(user)).name) if user else _SOMEONE
        except SlackRefused:
            return _SOMEONE


def _is_document(file: Json) -> bool:
    """As in a folder, of which nobody named each file: pictures there are mostly illustrations."""
    name = optional(file, "name")
    return optional(file, "mode") != _ELSEWHERE and (is_document(name) or is_archive(name))
