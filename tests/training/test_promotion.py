import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from router import tables as router_tables
from router.errors import JournalUnavailable
from router.model import ModelClient
from router.releases import Release, Releases
from router.settings import RouterSettings
from tests.training.fakes import ServerWithAdapters
from training import tables
from training.adapters import CANARIES, CONFIG, METRICS, WEIGHTS, keep
from training.canaries import Canary, canary_prompts, write_canaries
from training.errors import AdapterRefused, CanaryFailed, NoEarlierAdapter
from training.promotion import promote, roll_back
from training.rows import as_messages

_EXPECTED = [f"answer number {n} [1]." for n in range(len(canary_prompts()))]


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(router_tables.metadata.create_all)
        await connection.run_sync(tables.metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
async def server() -> AsyncIterator[ServerWithAdapters]:
    adapted = {prompt[-1]["content"]: answer for prompt, answer in zip(canary_prompts(), _EXPECTED, strict=True)}
    async with ServerWithAdapters(adapted=adapted).running() as running:
        yield running


@pytest.fixture
async def model(server: ServerWithAdapters) -> AsyncIterator[ModelClient]:
    client = ModelClient(url=server.url, settings=RouterSettings())
    yield client
    await client.aclose()


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "trial"
    folder.mkdir()
    (folder / CONFIG).write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": "maker/tiny", "r": 2}))
    save_file({"m.lora_A.weight": torch.ones(2, 4), "m.lora_B.weight": torch.ones(4, 2)}, folder / WEIGHTS)
    (folder / METRICS).write_text(json.dumps({"recipe": "trial", "data_sha256": "ab", "last_loss": 0.5}))
    _write_canaries(folder, _EXPECTED)
    return folder


def _write_canaries(folder: Path, expected: list[str]) -> None:
    write_canaries(
        folder / CANARIES,
        [
            Canary(prompt=as_messages(prompt), expected=answer)
            for prompt, answer in zip(canary_prompts(), expected, strict=True)
        ],
    )


async def test_adapter_that_answers_as_trained_is_put_into_service(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient, server: ServerWithAdapters
):
    release = await promote(adapter, home=tmp_path, engine=engine, model=model)

    in_service = await Releases(engine).in_service()
    assert in_service == release
    assert server.loaded == [release.adapter]
    assert Path(release.path).parent == tmp_path / "adapters"


async def test_adapter_is_recorded_with_what_it_learnt_from(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient
):
    await promote(adapter, home=tmp_path, engine=engine, model=model)
    release = await promote(adapter, home=tmp_path, engine=engine, model=model)

    async with engine.connect() as connection:
        [row] = (await connection.execute(select(tables.adapters))).all()
    assert (row.adapter, row.base, row.data_sha256, row.metrics["last_loss"]) == (
        release.adapter,
        "maker/tiny",
        "ab",
        0.5,
    )


async def test_adapter_served_as_the_base_model_is_not_put_into_service(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient, server: ServerWithAdapters
):
    server.deaf = True

    with pytest.raises(CanaryFailed, match="0 of"):
        await promote(adapter, home=tmp_path, engine=engine, model=model)
    assert await Releases(engine).in_service() is None


async def test_adapter_that_says_what_the_base_says_cannot_be_told_apart(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient
):
    _write_canaries(adapter, ["I do not know."] * len(_EXPECTED))

    with pytest.raises(CanaryFailed, match="cannot be told"):
        await promote(adapter, home=tmp_path, engine=engine, model=model)


async def test_one_answer_that_went_another_way_is_tolerated(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient
):
    _write_canaries(adapter, ["something else entirely here", *_EXPECTED[1:]])

    release = await promote(adapter, home=tmp_path, engine=engine, model=model)
    assert release.adapter.startswith("trial@")


async def test_adapter_of_another_base_is_refused_before_it_is_loaded(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient, server: ServerWithAdapters
):
    server.base = "other"

    with pytest.raises(AdapterRefused, match="trained on maker/tiny"):
        await promote(adapter, home=tmp_path, engine=engine, model=model)
    assert server.loaded == []
    assert not list((tmp_path / "adapters").iterdir())


async def test_nothing_is_kept_of_an_adapter_that_does_not_answer_as_trained(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient, server: ServerWithAdapters
):
    server.deaf = True

    with pytest.raises(CanaryFailed):
        await promote(adapter, home=tmp_path, engine=engine, model=model)
    assert not list((tmp_path / "adapters").iterdir())


async def test_adapter_that_was_kept_before_it_was_refused_stays(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient, server: ServerWithAdapters
):
    kept = keep(adapter, tmp_path)
    server.base = "other"

    with pytest.raises(AdapterRefused):
        await promote(adapter, home=tmp_path, engine=engine, model=model)
    assert (kept.path / WEIGHTS).is_file()


async def test_adapter_without_canaries_is_refused(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient, server: ServerWithAdapters
):
    (adapter / CANARIES).unlink()

    with pytest.raises(AdapterRefused, match=CANARIES):
        await promote(adapter, home=tmp_path, engine=engine, model=model)
    assert server.loaded == []
    assert not list((tmp_path / "adapters").iterdir())


async def test_adapter_is_put_into_service_once_its_canaries_are_written(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient
):
    keep(adapter, tmp_path)
    for expected in (["something else entirely here"] * len(_EXPECTED), ["I do not know."] * len(_EXPECTED)):
        _write_canaries(adapter, expected)
        with pytest.raises(CanaryFailed):
            await promote(adapter, home=tmp_path, engine=engine, model=model)
    _write_canaries(adapter, _EXPECTED)

    release = await promote(adapter, home=tmp_path, engine=engine, model=model)
    assert await Releases(engine).in_service() == release


async def test_adapter_that_cannot_be_recorded_says_that_the_database_is_missing(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient
):
    async with engine.begin() as connection:
        await connection.run_sync(tables.metadata.drop_all)

    with pytest.raises(JournalUnavailable):
        await promote(adapter, home=tmp_path, engine=engine, model=model)


async def test_adapter_that_fails_its_canaries_is_unloaded_but_never_one_that_was_served_before(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient, server: ServerWithAdapters
):
    server.deaf = True
    with pytest.raises(CanaryFailed):
        await promote(adapter, home=tmp_path, engine=engine, model=model)
    assert server.loaded == []

    server.deaf = False
    release = await promote(adapter, home=tmp_path, engine=engine, model=model)
    server.deaf = True
    with pytest.raises(CanaryFailed):
        await promote(adapter, home=tmp_path, engine=engine, model=model)
    assert server.loaded == [release.adapter]


async def _two_in_service(adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient) -> list[str]:
    first = await promote(adapter, home=tmp_path, engine=engine, model=model)
    second = await _another(adapter, 0, tmp_path, engine, model)
    return [first.adapter, second.adapter]


async def _another(adapter: Path, weight: int, home: Path, engine: AsyncEngine, model: ModelClient) -> Release:
    weights = {"m.lora_A.weight": torch.full((2, 4), float(weight)), "m.lora_B.weight": torch.ones(4, 2)}
    save_file(weights, adapter / WEIGHTS)
    return await promote(adapter, home=home, engine=engine, model=model)


async def test_rolling_back_puts_the_adapter_before_into_service_which_stayed_loaded(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient, server: ServerWithAdapters
):
    first, second = await _two_in_service(adapter, tmp_path, engine, model)
    assert server.loaded == [first, second]

    assert (await roll_back(engine=engine, model=model)).adapter == first
    in_service = await Releases(engine).in_service()
    assert in_service is not None
    assert in_service.adapter == first
    assert server.loaded == [first, second]
    with pytest.raises(NoEarlierAdapter, match="no adapter to go back to"):
        await roll_back(engine=engine, model=model)


async def test_rolling_back_again_goes_further_back_and_never_to_what_was_rejected(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient
):
    first, second = await _two_in_service(adapter, tmp_path, engine, model)
    third = (await _another(adapter, 3, tmp_path, engine, model)).adapter
    assert [(await roll_back(engine=engine, model=model)).adapter for _ in range(2)] == [second, first]
    with pytest.raises(NoEarlierAdapter):
        await roll_back(engine=engine, model=model)

    assert (await _another(adapter, 3, tmp_path, engine, model)).adapter == third
    assert (await roll_back(engine=engine, model=model)).adapter == first
    assert (await roll_back(engine=engine, model=model, to=third)).adapter == third


async def test_adapter_that_is_promoted_anew_is_rolled_back_to_the_one_before_it(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient
):
    names = [(await _another(adapter, weight, tmp_path, engine, model)).adapter for weight in (1, 2, 1)]
    assert (await roll_back(engine=engine, model=model)).adapter == names[1]
    with pytest.raises(NoEarlierAdapter):
        await roll_back(engine=engine, model=model)


async def test_adapter_that_the_server_forgot_is_loaded_again_before_it_is_back_in_service(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient, server: ServerWithAdapters
):
    first, _ = await _two_in_service(adapter, tmp_path, engine, model)
    server.loaded.clear()

    await roll_back(engine=engine, model=model, to=first)
    assert server.loaded == [first]


async def test_adapter_that_was_never_in_service_is_no_place_to_go_back_to(
    adapter: Path, tmp_path: Path, engine: AsyncEngine, model: ModelClient
):
    with pytest.raises(NoEarlierAdapter, match="no adapter to go back to"):
        await roll_back(engine=engine, model=model)
    release = await promote(adapter, home=tmp_path, engine=engine, model=model)
    with pytest.raises(NoEarlierAdapter, match=f"there are {release.adapter}"):
        await roll_back(engine=engine, model=model, to="team@0")
