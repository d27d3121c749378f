"""The supervisor, over a server that stands in for vLLM: a real process that answers /health."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

from bot import model_server, processes
from bot.errors import ModelServerError, PortTaken
from bot.model_server import MODEL_NAME, ModelServer
from bot.settings import BotSettings

STAND_IN = f"""#!{sys.executable}
import http.server, sys
port = int(sys.argv[sys.argv.index("--port") + 1])
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", port), Health).serve_forever()
"""


@pytest.fixture
def settings(tmp_path, free_port):
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(STAND_IN)
    python.chmod(0o755)
    model = tmp_path / "home" / "model" / MODEL_NAME
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    return BotSettings(home=tmp_path / "home", model_venv=tmp_path / "venv", model_port=free_port)


class Ready:
    def __init__(self):
        self.times = 0

    async def __call__(self):
        self.times += 1


@pytest.fixture
async def started(settings):
    ready = Ready()
    server = ModelServer(settings, on_ready=ready)
    await server.start()
    yield server, ready
    await server.stop()


def _pid(settings):
    server = processes.recorded(settings.home / "run" / "model-server.json")
    assert server is not None
    return server.pid


async def test_started_server_answers_and_is_ended(settings):
    server = ModelServer(settings, on_ready=Ready())
    await server.start()
    pid = _pid(settings)
    assert httpx.get(f"{server.url}/health").is_success
    await server.stop()
    assert not processes._group_runs(pid)


async def test_killed_server_comes_back_and_its_adapters_with_it(settings, started, monkeypatch):
    _, ready = started
    first = _pid(settings)
    os.killpg(first, signal.SIGKILL)
    for _ in range(400):
        await asyncio.sleep(0.05)
        if ready.times == 2:
            break
    assert _pid(settings) != first
    assert ready.times == 2


async def test_server_left_by_a_killed_bot_is_taken_over(settings, started):
    first = _pid(settings)
    successor = ModelServer(settings, on_ready=Ready())
    await successor.start()
    assert _pid(settings) == first
    await successor.stop()
    assert not processes._group_runs(first)


async def test_server_that_was_left_and_hangs_is_replaced(settings, started, monkeypatch):
    monkeypatch.setattr(model_server, "_ADOPT_TIMEOUT_S", 0.2)
    monkeypatch.setattr(model_server, "_HEALTH_TIMEOUT_S", 0.2)
    first = _pid(settings)
    os.killpg(first, signal.SIGSTOP)
    successor = ModelServer(settings, on_ready=Ready())
    await successor.start()
    assert _pid(settings) != first
    await successor.stop()


async def test_server_left_with_other_settings_is_replaced(settings, started):
    first = _pid(settings)
    successor = ModelServer(settings.model_copy(update={"model_threads": "0"}), on_ready=Ready())
    await successor.start()
    assert _pid(settings) != first
    assert not processes._group_runs(first)
    await successor.stop()


async def test_server_that_dies_at_start_is_reported_with_its_log(settings):
    (settings.model_venv / "bin" / "python").write_text("#!/bin/sh\nexit 3\n")
    server = ModelServer(settings, on_ready=Ready())
    with pytest.raises(ModelServerError, match="last words are in .*model-server.log"):
        await server.start()
    await server.stop()


async def test_missing_environment_is_named_with_what_to_do(settings):
    server = ModelServer(settings.model_copy(update={"model_venv": settings.home / "none"}), on_ready=Ready())
    with pytest.raises(ModelServerError, match="run make install"):
        await server.start()


async def test_port_in_use_is_named_with_its_variable(settings):
    other = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", settings.model_port)
    async with other:
        with pytest.raises(PortTaken, match="TANDEM_MODEL_PORT"):
            await ModelServer(settings, on_ready=Ready()).start()


async def test_slack_tokens_are_not_handed_to_the_model_server(settings, monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary")
    assert "SLACK_BOT_TOKEN" not in model_server.ModelServer(settings, on_ready=Ready())._environment()


@pytest.mark.parametrize(("fast", "dtype"), [(True, "bfloat16"), (False, "float32")])
async def test_number_type_is_the_processors_fast_one(settings, monkeypatch, fast, dtype):
    monkeypatch.setattr(model_server, "has_fast_bfloat16", lambda: fast)
    server = ModelServer(settings, on_ready=Ready())
    await server.start()
    try:
        assert f"--dtype {dtype}" in " ".join(_command(_pid(settings)))
    finally:
        await server.stop()


async def test_number_type_can_be_set(settings):
    server = ModelServer(settings.model_copy(update={"model_dtype": "float16"}), on_ready=Ready())
    await server.start()
    try:
        assert "--dtype float16" in " ".join(_command(_pid(settings)))
    finally:
        await server.stop()


def _command(pid):
    return Path(f"/proc/{pid}/cmdline").read_text("utf-8").split("\0")


@pytest.mark.model
async def test_unpacking_that_is_broken_off_leaves_nothing(tmp_path):
    unpacking = asyncio.create_task(model_server.unpack(tmp_path, print))
    async with asyncio.timeout(60):
        while not list(tmp_path.glob("model/.*")):
            await asyncio.sleep(0.05)
    unpacking.cancel()
    await asyncio.gather(unpacking, return_exceptions=True)

    assert not list((tmp_path / "model").iterdir())
