"""An adapter that learnt from what is forgotten goes out of service, and never comes back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from router import tables as router_tables
from router.earlier import adapters_of
from router.errors import JournalUnavailable
from router.model import ModelClient
from router.releases import Releases
from router.settings import RouterSettings
from router.withdrawn import WITHDRAWN
from tests.training.fakes import ServerWithAdapters
from tests.training.lineages import learnt
from tests.training.trained import ADAPTED, trained
from training import tables
from training.adapters import keep
from training.errors import AdapterRefused, NoEarlierAdapter
from training.grounding_adapter import FOLDER
from training.lineage import LINEAGE, Sought
from training.promotion import promote, put_into_service, roll_back
from training.withdrawal import learners_of, remains_of, withdraw

_X = Sought(exchanges=frozenset({"x"}))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        for each in (router_tables, tables):
            await connection.run_sync(each.metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
async def server() -> AsyncIterator[ServerWithAdapters]:
    async with ServerWithAdapters(adapted=ADAPTED).running() as running:
        yield running


@pytest.fixture
async def model(server: ServerWithAdapters) -> AsyncIterator[ModelClient]:
    client = ModelClient(url=server.url, settings=RouterSettings())
    yield client
    await client.aclose()


@pytest.fixture
async def three(tmp_path: Path, engine: AsyncEngine, model: ModelClient) -> list[str]:
    """Promoted one after the other: the first learnt from y, the second and third from x too."""
    lineages = ([learnt("y")], [learnt("y"), learnt("x")], [learnt("x")])
    folders = [trained(tmp_path / "out" / f"a{n}", weight=n, learnt=tuple(each)) for n, each in enumerate(lineages)]
    return [(await promote(each, home=tmp_path, engine=engine, model=model)).adapter for each in folders]


async def _in_service(engine: AsyncEngine) -> str:
    release = await Releases(engine).in_service()
    return release.adapter if release else ""


async def test_latest_adapter_that_did_not_learn_from_it_comes_into_service(
    three: list[str], tmp_path: Path, engine: AsyncEngine, model: ModelClient, server: ServerWithAdapters
):
    first, second, third = three

    assert await withdraw(_X, home=tmp_path, engine=engine, model=model) == sorted([second, third])

    assert await _in_service(engine) == first
    assert server.loaded == [first]
    assert [each.name for each in (tmp_path / "adapters" / third).iterdir()] == [WITHDRAWN]
    assert (tmp_path / "adapters" / first / LINEAGE).is_file()
    assert await remains_of(home=tmp_path, engine=engine, model=model) == []
    assert await learners_of(_X, home=tmp_path, engine=engine) == []


async def test_adapter_that_was_rolled_back_from_does_not_come_back_for_one_that_is_withdrawn(
    tmp_path: Path, engine: AsyncEngine, model: ModelClient
):
    lineages = ([learnt("y")], [learnt("x")], [learnt("y")])
    folders = [trained(tmp_path / "out" / f"a{n}", weight=n, learnt=tuple(each)) for n, each in enumerate(lineages)]
    first, second, _ = [(await promote(each, home=tmp_path, engine=engine, model=model)).adapter for each in folders]
    assert (await roll_back(engine=engine, model=model)).adapter == second

    assert await withdraw(_X, home=tmp_path, engine=engine, model=model) == [second]
    assert await _in_service(engine) == first


async def test_none_is_in_service_where_all_learnt_from_it(
    three: list[str], tmp_path: Path, engine: AsyncEngine, model: ModelClient, server: ServerWithAdapters
):
    await withdraw(Sought(people=frozenset({"U1"})), home=tmp_path, engine=engine, model=None)
    assert await _in_service(engine) == ""
    assert await remains_of(home=tmp_path, engine=engine, model=model) == sorted(three)  # still at the model server

    await withdraw(Sought(), home=tmp_path, engine=engine, model=model)
    assert server.loaded == []
    assert await remains_of(home=tmp_path, engine=engine, model=model) == []
    with pytest.raises(NoEarlierAdapter):
        await roll_back(engine=engine, model=model)


async def test_withdrawn_adapter_is_neither_gone_back_to_nor_promoted_again(
    three: list[str], tmp_path: Path, engine: AsyncEngine, model: ModelClient
):
    first, second, third = three
    await withdraw(_X, home=tmp_path, engine=engine, model=model)

    for adapter in (second, third):
        with pytest.raises(AdapterRefused, match="withdrawn: it learnt from what was forgotten"):
            await roll_back(engine=engine, model=model, to=adapter)
        with pytest.raises(AdapterRefused, match="withdrawn"):
            await put_into_service(adapter, home=tmp_path, engine=engine, model=model)
    with pytest.raises(AdapterRefused, match="withdrawn"):
        await promote(tmp_path / "out" / "a2", home=tmp_path, engine=engine, model=model)
    with pytest.raises(NoEarlierAdapter):
        await roll_back(engine=engine, model=model)
    assert [release.adapter for release in await adapters_of(engine)] == [first]


async def test_adapter_of_which_it_is_not_known_is_withdrawn(tmp_path: Path, engine: AsyncEngine, model: ModelClient):
    silent = await promote(
        trained(tmp_path / "out" / "silent", weight=1, learnt=None), home=tmp_path, engine=engine, model=model
    )
    broken = keep(trained(tmp_path / "out" / "broken", weight=2, learnt=()), tmp_path)
    (broken.path / LINEAGE).write_text("{")
    ships = keep(FOLDER, tmp_path)
    (ships.path / LINEAGE).unlink()  # as kept by a version that knew no lineage

    assert await withdraw(_X, home=tmp_path, engine=engine, model=model) == sorted([broken.id, silent.adapter])
    assert await _in_service(engine) == ""
    assert (ships.path / "adapter_model.safetensors").is_file()


class _Killed(Exception):
    pass


class _DyingModel(ModelClient):
    async def load_adapter(self, name: str, path: str) -> None:
        raise _Killed


async def test_withdrawal_that_was_cut_off_goes_on(
    three: list[str], tmp_path: Path, engine: AsyncEngine, model: ModelClient, server: ServerWithAdapters
):
    dying = _DyingModel(url=server.url, settings=RouterSettings())
    with pytest.raises(_Killed):
        await withdraw(_X, home=tmp_path, engine=engine, model=dying)
    await dying.aclose()
    assert await remains_of(home=tmp_path, engine=engine, model=model) == sorted(three[1:])

    assert await withdraw(_X, home=tmp_path, engine=engine, model=model) == []
    assert await _in_service(engine) == three[0]
    assert await remains_of(home=tmp_path, engine=engine, model=model) == []


async def test_nothing_is_said_to_be_clean_without_the_database(tmp_path: Path, engine: AsyncEngine):
    async with engine.begin() as connection:
        await connection.run_sync(router_tables.metadata.drop_all)
    with pytest.raises(JournalUnavailable):
        await remains_of(home=tmp_path, engine=engine, model=None)
