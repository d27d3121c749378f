import pytest
from aiohttp import web
from pydantic import SecretStr

from bot import control
from bot.assembly import Configuration, open_database
from bot.doctor import _index, _slack
from bot.errors import BotError
from bot.settings import BotSettings
from knowledge.in_service import InService, ServiceRecord
from knowledge.settings import KnowledgeSettings
from router.settings import RouterSettings
from tests.bot.test_control import Scripted


def _configuration(home, api_url: str) -> Configuration:
    bot = BotSettings(home=home).model_copy(
        update={"slack_bot_token": SecretStr("xoxb-1"), "slack_app_token": None, "slack_api_url": api_url}
    )
    return Configuration(bot=bot, router=RouterSettings(), knowledge=KnowledgeSettings(home=home))


@pytest.mark.parametrize("body", ["<html>Log in</html>", "[]", "null", ""])
async def test_address_that_is_no_slack_is_named_with_its_variable(tmp_path, body):
    async def page(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    with pytest.raises(BotError, match="SLACK_API_URL"):
        await _slack(_configuration(tmp_path, f"http://{host}:{port}/api/"))
    await runner.cleanup()


@pytest.mark.parametrize("address", ["http://[/", "slack.com/api/", "http://127.0.0.1:1/"])
async def test_address_that_is_none_is_named_with_its_variable(tmp_path, address):
    with pytest.raises(BotError, match="SLACK_API_URL"):
        await _slack(_configuration(tmp_path, address))


async def test_change_of_the_embedding_model_is_told_while_the_bot_runs(tmp_path):
    configuration = _configuration(tmp_path, "http://127.0.0.1:1/")
    async with open_database(configuration) as engine:
        await ServiceRecord(engine).put(
            InService(name="old", model="", url="", other="e5-small", is_building=True, done=2, total=8)
        )
    async with control.serving(tmp_path, Scripted()):
        told = await _index(configuration)
    assert told.startswith("open in the running bot; 25% of the passages are embedded anew for e5-small")
