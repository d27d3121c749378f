"""HTTP mode against the workspace: a true delivery is answered, and what is not Slack's gets a 401, never a 500."""

import asyncio
import hashlib
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.acceptance.trial import Workspace, bot, shown, workspace
from tests.conftest import _free_port
from tests.router.fakes import ScriptedModel

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


@dataclass
class Door:
    """The bot's port, knocked at as anybody on the network could."""

    place: Workspace
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/slack/events"

    def sign(self, body: bytes, timestamp: str) -> str:
        signed = b"v0:" + timestamp.encode() + b":" + body
        return "v0=" + hmac.new(self.place.tokens["signing_secret"].encode(), signed, hashlib.sha256).hexdigest()

    def headers(self, body: bytes, *, age_s: float = 0) -> dict[str, str]:
        timestamp = str(int(time.time() - age_s))
        signed = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": self.sign(body, timestamp)}
        return {"Content-Type": "application/json"} | signed

    async def knock(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        async with self.place.session.post(self.url, data=body, headers=headers) as response:
            return response.status, await response.text()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    folder: Path = tmp_path_factory.mktemp("http")
    port = _free_port()
    url = f"http://127.0.0.1:{port}/slack/events"
    database = f"sqlite+aiosqlite:///{folder / 'tandem.db'}"
    async with (
        ScriptedModel(reply="You have 31 days of paid leave a year [1].").running() as model,
        workspace(folder / "workspace", "--request-url", url, "--no-streaming", "--no-rate-limits") as place,
        bot(
            place,
            database_url=database,
            model_url=model.url,
            port=port,
            signing_secret=place.tokens["signing_secret"],
            questions_per_minute=3,
        ),
    ):
        yield Door(place, port)


async def test_question_is_answered_by_a_posted_message_where_streaming_is_unknown(door: Door) -> None:
    channel = await door.place.channel("general")
    asked = await door.place.say(channel, "@bot How many days of paid leave do I have?")
    (answer,) = await door.place.finished(channel, asked)
    assert "streaming_state" not in answer
    assert "31 days of paid leave a year [1]" in shown(answer)
    assert "Leave policy" in shown(answer)


async def test_person_who_asks_too_much_is_told_so_and_others_are_answered(door: Door) -> None:
    channel = await door.place.channel("handbook")
    asked = [await door.place.say(channel, "@bot How many days of leave do I have?", "jonas") for _ in range(4)]
    other = await door.place.say(channel, "@bot How many days of leave do I have?", "sam")
    told = [shown((await door.place.finished(channel, ts))[0]) for ts in asked]
    assert sum("wait a minute" in text for text in told) == 1
    assert "31 days" in shown((await door.place.finished(channel, other))[0])


async def test_forged_signature_is_refused(door: Door) -> None:
    body = b'{"type":"event_callback"}'
    status, said = await door.knock(body, door.headers(body) | {"X-Slack-Signature": "v0=" + "0" * 64})
    assert (status, json.loads(said)) == (401, {"error": "the signature does not match"})


async def test_unsigned_request_is_refused(door: Door) -> None:
    assert (await door.knock(b"{}", {}))[0] == 401


@pytest.mark.parametrize(("age_s", "status"), [(297, 200), (302, 401), (-400, 401)])
async def test_replayed_request_is_refused_after_five_minutes(door: Door, age_s: float, status: int) -> None:
    body = b'{"type":"url_verification","challenge":"x"}'
    assert (await door.knock(body, door.headers(body, age_s=age_s)))[0] == status


async def test_signed_body_that_is_not_utf_8_is_refused_with_a_reason(door: Door) -> None:
    body = b'{"type":"event_callback","text":"\xff\xfe"}'
    status, said = await door.knock(body, door.headers(body))
    assert (status, json.loads(said)) == (401, {"error": "the body is not UTF-8"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"payload=%7B",
        b"payload=[]",
        b'{"type":"event_callback"}',
        b'{"type":"block_actions"}',
    ],
)
async def test_signed_body_that_says_nothing_is_no_server_error(door: Door, body: bytes) -> None:
    status, said = await door.knock(body, door.headers(body))
    assert 400 <= status < 500
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "headers",
    [
        b"X-Slack-Request-Timestamp: soon\r\nX-Slack-Signature: v0=00\r\n",
        b"X-Slack-Request-Timestamp: 1\r\nX-Slack-Signature: v0=\xc3\xa9\r\n",
        b"X-Slack-Request-Timestamp: \xff\xfe\r\nX-Slack-Signature: \xff\r\n",
    ],
)
async def test_strange_bytes_in_the_headers_are_refused(door: Door, headers: bytes) -> None:
    status = await asyncio.to_thread(_raw, door.port, headers)
    assert status in {400, 401}


def _raw(port: int, headers: bytes) -> int:
    request = (
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n" + headers + b"\r\n{}"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        return int(connection.makefile("rb").readline().split()[1])
