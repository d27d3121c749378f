import asyncio
import hashlib
import hmac

import pytest
from slack_bolt.async_app import AsyncApp

from bot.errors import SettingsError
from bot.http_mode import HttpMode, Refused, check_signature, read_text

_SECRET, _NOW = "8f742231b10e8888abcd99yyyzzz85a5", 1_531_420_618.0


def _sign(body: bytes, timestamp: str) -> str:
    return "v0=" + hmac.new(_SECRET.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def _check(body: bytes = b"{}", *, age_s: int = 0, **changed: str) -> None:
    timestamp = str(int(_NOW) - age_s)
    given = {"timestamp": timestamp, "signature": _sign(body, timestamp), **changed}
    check_signature(body, secret=_SECRET, now=_NOW, **given)


@pytest.mark.parametrize("age_s", [0, 299, 300, -299])
def test_slacks_signature_is_accepted_for_five_minutes(age_s: int) -> None:
    _check(age_s=age_s)


@pytest.mark.parametrize("age_s", [301, 302, 100_000, -302])
def test_an_old_or_future_request_is_refused(age_s: int) -> None:
    with pytest.raises(Refused, match="five minutes"):
        _check(age_s=age_s)


@pytest.mark.parametrize("timestamp", ["", "soon", "1e9", "-5", "١٢٣", "9" * 40, " 1531420618"])
def test_a_time_that_is_no_number_is_refused(timestamp: str) -> None:
    with pytest.raises(Refused) as refused:
        _check(timestamp=timestamp)
    assert refused.value.status == 401


@pytest.mark.parametrize("signature", ["", "v0=", "v0=" + "0" * 64, "v0=é" + "0" * 63, "\udcff", "V0=" + "0" * 64])
def test_a_forged_signature_is_refused(signature: str) -> None:
    with pytest.raises(Refused) as refused:
        _check(signature=signature)
    assert refused.value.status == 401


def test_a_changed_body_is_refused() -> None:
    timestamp = str(int(_NOW))
    with pytest.raises(Refused, match="does not match"):
        check_signature(b"{ }", timestamp=timestamp, signature=_sign(b"{}", timestamp), secret=_SECRET, now=_NOW)


def test_a_body_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(Refused, match="UTF-8"):
        read_text(b"\xff\xfe")


def test_without_a_secret_there_is_no_http_mode() -> None:
    app = AsyncApp(token="xoxb-1", request_verification_enabled=False)
    with pytest.raises(SettingsError, match="SLACK_SIGNING_SECRET"):
        HttpMode(app, signing_secret="", host="127.0.0.1", port=3000)


async def test_port_that_cannot_be_had_is_named_with_its_variable(free_port: int) -> None:
    app = AsyncApp(token="xoxb-1", request_verification_enabled=False)
    mode = HttpMode(app, signing_secret=_SECRET, host="127.0.0.1", port=free_port)
    other = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", free_port)
    async with other:
        with pytest.raises(SettingsError, match="TANDEM_SLACK_PORT"):
            await mode.start()
    await mode.stop()
