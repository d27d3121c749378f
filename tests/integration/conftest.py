"""The real parts once for all integration tests: vLLM with the embedded model and its grounding adapter, and an index."""

import json
from collections.abc import AsyncGenerator
from inspect import iscoroutinefunction
from pathlib import Path

import pytest
import pytest_asyncio

from bot.assembly import Configuration, Parts, open_parts
from bot.reach import model_served
from bot.settings import BotSettings
from knowledge.audience import PUBLIC
from knowledge.settings import KnowledgeSettings
from router.settings import RouterSettings
from tests.conftest import _free_port

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all of them, since they share the parts; and time enough for a model on two cores."""
    for item in items:
        if HERE in item.path.parents and isinstance(item, pytest.Function) and iscoroutinefunction(item.obj):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.timeout(600))
            if "served_parts" in item.fixturenames:
                item.add_marker(pytest.mark.alone)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served_parts(model_venv: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Parts]:
    """All that `tandem run` opens but Slack, with the adapter that ships in service."""
    from bot.adapter_commands import put_first_in_service  # noqa: PLC0415 — the trainer loads only where it is used

    home = tmp_path_factory.mktemp("home")
    configuration = Configuration(
        bot=BotSettings(home=home, model_venv=model_venv, model_port=_free_port()),
        # A continuous integration may be slow; how fast answers come is asserted where it is the promise.
        router=RouterSettings(model_first_token_s=300, model_between_tokens_s=120, model_total_s=500),
        knowledge=KnowledgeSettings(home=home),
    )
    async with open_parts(configuration) as parts, model_served(parts, print):
        await put_first_in_service(parts)
        yield parts


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def handbook_parts(served_parts: Parts, data_dir: Path) -> Parts:
    """The same, with all pages of the handbook taken in."""
    results = [
        result async for result in served_parts.library.ingest(str(data_dir / "team-handbook" / "pages"), PUBLIC)
    ]
    failed = [result for result in results if result.status == "failed"]
    assert not failed
    return served_parts


def read_cases(name: str) -> list[dict]:
    return json.loads((HERE / name).read_text())
