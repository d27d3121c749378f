"""The stages of a night as the service puts them together."""

import json
import logging
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import control
from bot.assembly import Configuration, open_database
from bot.errors import BotError
from bot.night_stages import night_stages, passages_of_documents
from bot.nights import Night
from bot.settings import BotSettings
from knowledge.in_service import InService, ServiceRecord
from knowledge.settings import KnowledgeSettings
from router.model import ModelClient
from router.settings import RouterSettings
from tests.bot.test_control import Scripted
from tests.training.data.samples import ON
from tests.training.fakes import ServerWithAdapters
from training.lineage import read_lineage_of_rows


@pytest.fixture
def configuration(home: Path) -> Configuration:
    home.mkdir()
    return Configuration(bot=BotSettings(home=home), router=RouterSettings(), knowledge=KnowledgeSettings(home=home))


class Away(Scripted):
    async def learnable(self, *, limit: int, seed: int):
        raise BotError("the index is away")


async def test_night_reads_passages_from_the_bot_that_owns_the_index(configuration: Configuration):
    async with control.serving(configuration.home, Scripted()):
        found = await passages_of_documents(configuration, 2, 1)

    assert [each.document_id for each in found] == ["d0", "d1"]


async def test_night_with_other_settings_leaves_the_teams_index_alone(
    configuration: Configuration, caplog: pytest.LogCaptureFixture
):
    async with open_database(configuration) as engine:
        record = ServiceRecord(engine)
        await record.begin(InService(name="another", model="another", url=""))
        with caplog.at_level(logging.WARNING):
            assert list(await passages_of_documents(configuration, 2, 1)) == []
        assert await record.read() == InService(name="another", model="another", url="")

    assert "another index is in service" in caplog.text


async def test_night_whose_documents_cannot_be_read_goes_on_without_them_and_says_so(
    configuration: Configuration, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING):
        async with control.serving(configuration.home, Away()):
            assert list(await passages_of_documents(configuration, 2, 1)) == []

    assert "the index is away" in caplog.text


@pytest.mark.parametrize("is_wanted", [True, False])
async def test_rows_of_a_night_in_service_show_the_team_s_documents_where_that_is_wanted(
    configuration: Configuration, engine: AsyncEngine, is_wanted: bool
):
    switch = ON.model_copy(update={"training_documents": is_wanted})
    day = configuration.home / "exports" / "2026-03-01" / "train"
    day.mkdir(parents=True)
    said = {"prompt": [{"role": "user", "content": "Who?"}], "chosen": [{"role": "assistant", "content": "Ada."}]}
    pair = {"exchange_id": "x1", **said, "rejected": [{"role": "assistant", "content": "Nobody."}]}
    (day / "dpo.jsonl").write_text(json.dumps(pair) + "\n")
    async with (
        ServerWithAdapters(base="SmolLM2-135M-Instruct").running() as server,
        control.serving(configuration.home, Scripted()),
    ):
        model = ModelClient(url=server.url, settings=RouterSettings())
        [curate] = [each for each in night_stages(configuration, switch, engine, model) if each.name == "curate"]
        outcome = await curate.work(Night(id="nightly:2026-03-02", day=date(2026, 3, 2)), {})
        await model.aclose()

    lineage = read_lineage_of_rows(configuration.home / "nights" / "2026-03-02")
    assert outcome["rows"] > 1
    assert lineage is not None
    assert bool(lineage.documents) == is_wanted
