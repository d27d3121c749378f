"""A Slack whose channels remember what was said in them, and give the events that tell of it."""

from itertools import count
from typing import Any

from bot.downloads import Upload
from bot.errors import SlackRefused
from tests.bot import fakes

Json = dict[str, Any]


class Uploads:
    """Stands for the files that can be downloaded from Slack, by their ids."""

    def __init__(self) -> None:
        self.kept: dict[str, Upload] = {}
        self.asked: list[str] = []

    async def fetch(self, file_id: str) -> Upload:
        self.asked.append(file_id)
        if file_id not in self.kept:
            raise SlackRefused("files.info", "file_deleted")
        return self.kept[file_id]


class ChannelSlack(fakes.ShowingSlack):
    """#ops (C1, public) and #pay (C2, private) with U1, an administrator, and U2; U3 is outside of #pay.

    `kinds`, `marks` and `people` say what Slack tells of a channel or person besides; `page` is its most a page.
    """

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {"C1": "public", "C2": "private", "D1": "direct", "G1": "group"}
        self.names = {"C1": "ops", "C2": "pay"}
        self.marks: dict[str, Json] = {}
        self.people: dict[str, Json] = {"U1": {"is_admin": True}, "U2": {}, "U3": {"is_admin": True}}
        self.members = {"C2": ["U1", "U2", "UBOT"]}
        self.said_in: dict[str, dict[str, Json]] = {}
        self.page = 100
        self.uploads = Uploads()
        self._at = count(1_700_000_000)
        super().__init__()
        self.replies |= {
            "conversations.history": self._history, "conversations.replies": self._thread,
            "conversations.info": self._info, "conversations.members": self._members, "users.info": self._person,
            "users.conversations": self._conversations, "chat.getPermalink": self._permalink,
        }  # fmt: skip

    # What people do: each gives the event that the bot is told of it by.

    def say(self, text: str, *, channel: str = "C1", user: str = "U2", thread: str = "", **more: Any) -> Json:
        ts = self.now()
        message = {"ts": ts, "user": user, "text": text, **more}
        if thread:
            message["thread_ts"] = thread
        self.said_in.setdefault(channel, {})[ts] = message
        return self._event(channel, **{**message, "event_ts": ts})

    def share(self, *names: str, text: str = "", says: str = "", **more: Any) -> Json:
        """Somebody uploads files that hold what each `says`, with a comment."""
        files: list[Json] = []
        for name in names:
            file_id = f"F{len(self.uploads.kept) + 1}"
            link = f"https://t.slack.com/files/U2/{file_id}/{name}"
            self.uploads.kept[file_id] = Upload(name=name, uri=link, data=(says or f"Deploy as {name} says.").encode())
            files.append({"id": file_id, "name": name, "mode": "hosted"})
        return self.say(text, subtype="file_share", files=files, **more)

    def delete_file(self, file_id: str) -> Json:
        """The event that tells of it; in its messages something is left in its place."""
        del self.uploads.kept[file_id]
        for message in (each for said in self.said_in.values() for each in said.values()):
            message["files"] = [
                {"id": file["id"], "mode": "tombstone"} if file["id"] == file_id else file
                for file in message.get("files", [])
            ]
        event = {"type": "file_deleted", "file_id": file_id, "event_ts": self.now()}
        return {"type": "event_callback", "team_id": "T1", "event": event}

    def edit(self, ts: str, text: str, *, channel: str = "C1") -> Json:
        before = dict(self.said_in[channel][ts])
        message = {**before, "text": text, "edited": {"user": before["user"], "ts": self.now()}}
        self.said_in[channel][ts] = message
        return self._changed(channel, message, before)

    def delete(self, ts: str, *, channel: str = "C1") -> Json:
        before = self.said_in[channel].pop(ts)
        if any(each.get("thread_ts") == ts for each in self.said_in[channel].values()):
            stone = {"ts": ts, "user": "USLACKBOT", "subtype": "tombstone", "text": "This message was deleted."}
            self.said_in[channel][ts] = stone
            return self._changed(channel, stone, before)
        at = self.now()
        return self._event(
            channel, subtype="message_deleted", deleted_ts=ts, previous_message=before, ts=at, event_ts=at
        )

    def now(self) -> str:
        return f"{next(self._at)}.000100"

    def pass_time(self, seconds: int) -> None:
        self._at = count(next(self._at) + seconds)

    def _changed(self, channel: str, message: Json, before: Json) -> Json:
        at = self.now()
        return self._event(
            channel, subtype="message_changed", message=message, previous_message=before, ts=at, event_ts=at
        )

    def _event(self, channel: str, **event: Any) -> Json:
        letter = {"public": "channel", "private": "group", "direct": "im"}[self.kinds[channel]]
        whole = {"type": "message", "channel": channel, "channel_type": letter, **event}
        return {"type": "event_callback", "team_id": "T1", "event": whole}

    # What Slack answers.

    def _history(self, *, channel: str, oldest: str = "0", latest: str = "", limit: int = 100, **_: Any) -> Json:
        heads = [
            {**message, **self._thread_figures(channel, ts)}
            for ts, message in sorted(self.said_in.get(channel, {}).items(), reverse=True)
            if message.get("thread_ts", ts) == ts
            and float(oldest) < float(ts)
            and (not latest or ts < latest.zfill(15))
        ]
        most = min(limit, self.page)
        return {"messages": heads[:most], "has_more": len(heads) > most}

    def _thread_figures(self, channel: str, ts: str) -> Json:
        replies = [each for each in self.said_in[channel].values() if each.get("thread_ts") == ts]
        return {"thread_ts": ts, "reply_count": len(replies)} if replies else {}

    def _thread(self, *, channel: str, ts: str, **window: Any) -> Json:
        said = self.said_in.get(channel, {})
        found = [each for at, each in sorted(said.items()) if ts in {at, each.get("thread_ts")}]
        if not found:
            raise SlackRefused("conversations.replies", "thread_not_found")
        if "oldest" in window:
            found = [each for each in found if window["oldest"] <= each["ts"] <= window.get("latest", each["ts"])]
        return {"messages": found}

    def _info(self, *, channel: str, **_: Any) -> Json:
        if channel not in self.kinds:
            raise SlackRefused("conversations.info", "channel_not_found")
        more = {"id": channel, "name": self.names.get(channel, ""), **self.marks.get(channel, {})}
        return fakes.channel(self.kinds[channel], **more)

    def _members(self, *, channel: str, **_: Any) -> Json:
        return {"members": self.members.get(channel, [])}

    def _person(self, *, user: str) -> Json:
        return fakes.person(id=user, profile={"display_name": f"person {user}"}, **self.people.get(user, {}))

    def _conversations(self, **_: Any) -> Json:
        return {"channels": [{"id": channel, "name": name} for channel, name in self.names.items()]}

    def _permalink(self, *, channel: str, message_ts: str) -> Json:
        return {"permalink": f"https://t.slack.com/archives/{channel}/p{message_ts.replace('.', '')}"}
