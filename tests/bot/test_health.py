import httpx
import pytest

from bot import health
from bot.errors import PortTaken


async def _yes():
    return True


async def _no():
    return False


async def _broken():
    raise OSError("gone")


async def _get(port, page):
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://127.0.0.1:{port}{page}")


async def test_ready_when_every_part_is(free_port):
    async with health.serving(free_port, {"database": _yes, "model": _yes}):
        assert (await _get(free_port, "/readyz")).status_code == 200


@pytest.mark.parametrize("bad", [_no, _broken])
async def test_part_that_fails_makes_readiness_red_and_is_named(free_port, bad):
    async with health.serving(free_port, {"database": _yes, "model": bad}):
        answer = await _get(free_port, "/readyz")
        assert (answer.status_code, answer.json()["model"]) == (503, False)


async def test_process_is_healthy_though_a_part_fails(free_port):
    async with health.serving(free_port, {"model": _broken}):
        assert (await _get(free_port, "/healthz")).status_code == 200


async def test_port_in_use_is_named_with_its_variable(free_port):
    async with health.serving(free_port, {}):
        with pytest.raises(PortTaken, match=f"port {free_port} is in use.*TANDEM_HEALTH_PORT"):
            async with health.serving(free_port, {}):
                pass


async def test_note_is_told_and_makes_nothing_red(free_port):
    notes = {"index_change": lambda: "40% of the passages are embedded anew", "nothing": lambda: ""}
    async with health.serving(free_port, {"model": _yes}, notes):
        answer = await _get(free_port, "/readyz")
        assert answer.status_code == 200
        assert answer.json() == {"ok": True, "model": True, "index_change": "40% of the passages are embedded anew"}
