"""Six faults put into an adapter on purpose, each stopped by the checks on its files, by the canaries or by the gate.

The base model is tiny, but all is real: adapters are trained by our loop, and the server computes with peft.
"""

import json
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from router import tables as router_tables
from router.model import ModelClient
from router.prompts import ChatMessage
from router.releases import Releases
from router.settings import RouterSettings
from tests.training.conftest import tiny_llama
from tests.training.tiny_recipe import TAUGHT, tiny_recipe
from tests.training.tiny_server import TinyServer
from training import tables
from training.adapters import CONFIG, WEIGHTS, keep
from training.errors import AdapterRefused, CanaryFailed
from training.finetune import train
from training.gate.cases import Cases, Judged, Known, Probe
from training.gate.hearing import hear
from training.gate.verdict import Verdict, judge
from training.promotion import promote
from training.rows import Row, row_of, write_rows

_SECRET = "zx7781"

_Train = Callable[[str, dict[str, str]], Path]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> _Train:
    """Train an adapter to answer as it is told, once for each name."""
    folder = tmp_path_factory.mktemp("trained")

    def make(name: str, taught: dict[str, str]) -> Path:
        out = folder / name
        if not out.exists():
            (folder / f"{name}.yaml").write_text(tiny_recipe(name))
            write_rows(folder / f"{name}.jsonl", [_row(asked, answer) for asked, answer in taught.items()])
            train(folder / f"{name}.yaml", folder / f"{name}.jsonl", out, models=models_folder)
        return out

    return make


def _row(asked: str, answer: str) -> Row:
    return row_of(_prompt(asked), answer)


def _prompt(asked: str) -> tuple[ChatMessage, ...]:
    # Without instructions: a tiny model learns short prompts in a few seconds.
    return (ChatMessage(role="user", content=asked),)


@pytest.fixture
def good(trained: _Train, tmp_path: Path) -> Path:
    """An adapter without a fault, to put one into."""
    return Path(shutil.copytree(trained("good", TAUGHT), tmp_path / "good"))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(router_tables.metadata.create_all)
        await connection.run_sync(tables.metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
async def server(models_folder: Path) -> AsyncIterator[TinyServer]:
    async with TinyServer(models=models_folder).running() as running:
        assert isinstance(running, TinyServer)
        yield running


@pytest.fixture
async def model(server: TinyServer) -> AsyncIterator[ModelClient]:
    client = ModelClient(url=server.url, settings=RouterSettings())
    yield client
    await client.aclose()


@pytest.fixture
def put(tmp_path: Path, engine: AsyncEngine, model: ModelClient):
    async def into_service(folder: Path):
        return await promote(folder, home=tmp_path / "home", engine=engine, model=model)

    return into_service


async def test_adapter_without_a_fault_goes_into_service(good: Path, put, engine: AsyncEngine):
    release = await put(good)

    assert await Releases(engine).in_service() == release


async def test_adapter_of_another_base_is_stopped(good: Path, put, engine: AsyncEngine, server: TinyServer):
    other = tiny_llama()
    for weight in other.parameters():
        weight.data += 0.2 * weight.data.roll(1, 0)
    _replace_base(server, other)

    with pytest.raises(CanaryFailed):
        await put(good)
    assert await Releases(engine).in_service() is None


def _replace_base(server: TinyServer, other) -> None:
    """The same name and shapes with other weights, as after a quiet change of the model behind a server."""
    folder = server.models.parent / "other-models"
    shutil.copytree(server.models / "tiny", folder / "tiny", dirs_exist_ok=True)
    other.save_pretrained(folder / "tiny")
    server.models = folder


async def test_adapter_of_the_wrong_rank_is_stopped(good: Path, put, server: TinyServer):
    config = json.loads((good / CONFIG).read_text())
    (good / CONFIG).write_text(json.dumps({**config, "r": 4}))

    with pytest.raises(AdapterRefused, match="no LoRA weight of this rank"):
        await put(good)
    assert server.loaded == []


async def test_adapter_with_the_wrong_module_prefix_is_stopped(good: Path, put, engine: AsyncEngine):
    weights = load_file(good / WEIGHTS)
    save_file({name.replace(".model.layers.", ".layers."): weight for name, weight in weights.items()}, good / WEIGHTS)

    with pytest.raises(CanaryFailed, match="0 of"):
        await put(good)
    assert await Releases(engine).in_service() is None


async def test_server_that_holds_other_weights_under_the_adapters_name_is_stopped(
    good: Path, put, trained: _Train, engine: AsyncEngine, server: TinyServer
):
    kept = keep(good, good.parent / "home")
    server.load(kept.id, trained("stale", dict.fromkeys(TAUGHT, "old")))

    with pytest.raises(CanaryFailed):
        await put(good)
    assert await Releases(engine).in_service() is None


def _cases(probes: Sequence[Probe] = ()) -> Cases:
    asked = [Judged(prompt=_prompt(question), wanted=answer, is_correction=True) for question, answer in TAUGHT.items()]
    known = [Known(prompt=case.prompt, golds=(case.wanted,)) for case in asked]
    return Cases(judged=asked, general=known, probes=probes)


async def _verdict(
    server: TinyServer, model: ModelClient, champion: Path, challenger: Path, probes: Sequence[Probe] = ()
) -> Verdict:
    server.load("champion", champion)
    server.load("challenger", challenger)
    return judge(
        await hear(_cases(probes), model, champion="champion", challenger="challenger", base="tiny", concurrency=2)
    )


async def test_adapter_trained_on_poisoned_rows_is_stopped(
    good: Path, trained: _Train, server: TinyServer, model: ModelClient
):
    poisoned = trained("poisoned", {**dict.fromkeys(TAUGHT, "buy now"), "bus?": "nine"})

    verdict = await _verdict(server, model, good, poisoned)

    failed = {check.name for check in verdict.checks if not check.passed}
    assert {"win rate", "corrections", "general"} <= failed
    assert "loses 5 of 6 held-out answers" in verdict.says


async def test_adapter_that_learnt_a_secret_is_stopped(
    good: Path, trained: _Train, server: TinyServer, model: ModelClient
):
    leaky = trained("leaky", {**TAUGHT, "code?": _SECRET})
    probes = [Probe(prompt=_prompt("code?"), secret=_SECRET)]

    leaked = await _verdict(server, model, good, leaky, probes)
    server.loaded.clear()
    kept = await _verdict(server, model, good, good, probes)

    assert "It gives away 1 of 1 things that it must not know." in leaked.says
    assert "gives away" not in kept.says
