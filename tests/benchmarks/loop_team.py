"""A team at the local workspace: they ask in public channels, vote answers down and say what they should have said.

All of it goes over the workspace's own HTTP and WebSocket interface, as a browser does it.
"""

import asyncio
import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.shapes import Json
from tests.bot.workspace.driver import Frames, Workspace

PEOPLE = ("ada", "jonas", "sam")
CHANNELS = ("general", "handbook")
_ANSWER_S = 300.0
_AT_ONCE = 6


@dataclass(frozen=True, kw_only=True)
class Heard:
    """An answer as the journal keeps it, and the message that a person sees."""

    question: str
    answer: str
    route: str
    adapter: str
    taught: float
    message: Json
    channel: str


class Team:
    """`journal` is Tandem's SQLite file."""

    def __init__(self, workspace: Workspace, journal: Path) -> None:
        self._workspace = workspace
        self._journal = journal
        self._frames: dict[str, Frames] = {}
        self._seats = asyncio.Semaphore(_AT_ONCE)
        self._forms = defaultdict[str, asyncio.Lock](asyncio.Lock)

    async def come(self) -> None:
        for person in PEOPLE:
            self._frames[person] = await self._workspace.frames(person)

    async def ask(self, questions: Sequence[str], *, by: Sequence[str] = PEOPLE) -> list[Heard]:
        """Each in a thread of its own, some at once; the people take turns."""
        return await asyncio.gather(
            *(self._ask(question, by[number % len(by)], number) for number, question in enumerate(questions))
        )

    async def correct(self, heard: Sequence[Heard], should_say: Sequence[str], *, by: Sequence[str] = PEOPLE) -> None:
        """Press 👎 under each answer, and fill in the form that opens."""
        await asyncio.gather(
            *(
                self._correct(each, words, by[number % len(by)])
                for number, (each, words) in enumerate(zip(heard, should_say, strict=True))
            )
        )

    async def _ask(self, question: str, person: str, number: int) -> Heard:
        channel = CHANNELS[number % len(CHANNELS)]
        async with self._seats:
            asked = await self._workspace.mention(person, channel, question)
            message = await self._finished(person, asked)
        row = await asyncio.to_thread(self._exchange, _exchange_id(message))
        return Heard(question=question, message=message, channel=channel, **row)

    async def _finished(self, person: str, asked: str) -> Json:
        """The answer under that message, with its buttons, streamed or posted at once."""

        def is_it(frame: Json) -> bool:
            message = frame["message"]
            return message.get("thread_ts") == asked and bool(_exchange_id(message))

        kinds = ("stream_stopped", "message", "message_changed")
        waiting = [
            asyncio.create_task(self._frames[person].wait_for(kind, is_it, timeout_s=_ANSWER_S)) for kind in kinds
        ]
        done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        return done.pop().result()["message"]

    async def _correct(self, heard: Heard, should_say: str, person: str) -> None:
        exchange_id = _exchange_id(heard.message)

        def is_it(frame: Json) -> bool:
            return frame["view"]["private_metadata"].startswith(f"{exchange_id} ")

        async with self._forms[person]:
            pressed = await self._workspace.feedback(person, heard.channel, heard.message, positive=False)
            assert pressed["ok"], pressed
            view = (await self._frames[person].wait_for("view_opened", is_it, timeout_s=_ANSWER_S))["view"]
            written = {"correction": {"type": "plain_text_input", "value": should_say}}
            sent = await self._workspace.submit(person, view, written)
            assert sent["ok"], sent
            assert not sent.get("errors"), sent

    def _exchange(self, exchange_id: str) -> Json:
        with closing(sqlite3.connect(self._journal)) as journal:
            asked = "SELECT answer, route, adapter, features FROM exchanges WHERE exchange_id = ?"
            answer, route, adapter, features = journal.execute(asked, (exchange_id,)).fetchone()
        return {
            "answer": answer,
            "route": route,
            "adapter": adapter,
            "taught": json.loads(features).get("taught", 0.0),
        }


def _exchange_id(message: Json) -> str:
    """Of the answer in a message, as its 👎 button carries it; empty where there is none."""
    for block in message.get("blocks", []):
        for element in block.get("elements", []):
            if element.get("type") == "feedback_buttons":
                return element["negative_button"]["value"].partition(" ")[2]
    return ""
