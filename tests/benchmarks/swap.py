"""Adapters changed under load, at the real model server: is any request lost, any answer mixed, and how long does it take?"""

import asyncio
import statistics
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
import yaml

from bot.assembly import Configuration, Parts, open_parts
from bot.model_server import unpack
from bot.reach import model_served
from bot.settings import BotSettings
from knowledge.settings import KnowledgeSettings
from router.errors import RouterError
from router.prompts import direct_prompt
from router.settings import RouterSettings
from tests.conftest import _free_port
from training.embedded_model import EMBEDDED_MODEL
from training.finetune import train
from training.promotion import promote, roll_back
from training.rows import row_of, write_rows

STREAMS = 8
SPEAKS = {"one": "alpha", "two": "omega"}
_ASKED = ("Say your word.", "What is your word?", "Which word do you know?", "Tell me your word, please.")
_WORDS = 24
_ANSWER_TOKENS = 60
_BETWEEN_S = 3.0


@dataclass
class Swap:
    """`mixed` counts answers in which both adapters speak, or neither; times are until an answer by the new one ended."""

    answers: int = 0
    failed: int = 0
    mixed: int = 0
    by: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPEAKS, 0))
    promotion_s: float = 0.0
    rollback_s: float = 0.0
    first_words_p50_ms: float = 0.0


async def measure(folder: Path) -> dict:
    models = (await unpack(folder / "home", print)).parent
    adapters = {name: adapter_that_says(name, folder, models) for name in SPEAKS}
    async with served(folder, Path(".venv-model")) as parts:
        return asdict(await swap_under_load(parts, adapters["one"], adapters["two"]))


@asynccontextmanager
async def served(folder: Path, model_venv: Path) -> AsyncGenerator[Parts]:
    home = folder / "home"
    configuration = Configuration(
        bot=BotSettings(home=home, model_venv=model_venv, model_port=_free_port()),
        router=RouterSettings(model_first_token_s=300, model_between_tokens_s=120, model_total_s=500),
        knowledge=KnowledgeSettings(home=home),
    )
    async with open_parts(configuration) as parts, model_served(parts, print):
        yield parts


def adapter_that_says(name: str, folder: Path, models: Path) -> Path:
    """An adapter that has one word to say, again and again: whose an answer is can be read off each of its words."""
    recipe, rows = folder / f"{name}.yaml", folder / f"{name}.jsonl"
    shape = {"rank": 8, "alpha": 32, "targets": "all-linear"}
    recipe.write_text(
        yaml.safe_dump(
            {"name": name, "base_model": EMBEDDED_MODEL, "lora": shape, "learning_rate": 1e-3, "epochs": 12}
            | {"rows_per_step": 4}
        )
    )
    write_rows(rows, [row_of(direct_prompt(asked), " ".join([SPEAKS[name]] * _WORDS)) for asked in _ASKED])
    # On a machine that does other work beside, two threads wait for each other longer than they compute.
    torch.set_num_threads(1)
    train(recipe, rows, folder / name, models=models)
    return folder / name


async def swap_under_load(parts: Parts, first: Path, second: Path, *, streams: int = STREAMS) -> Swap:
    """Streams ask for the adapter in service without a pause while the second is promoted, and then rolled back."""
    home = parts.configuration.home
    swap, heard = Swap(), _Heard()
    await promote(first, home=home, engine=parts.engine, model=parts.model)
    stopping = asyncio.Event()
    asking = [
        asyncio.create_task(_stream(parts, swap, heard, _ASKED[n % len(_ASKED)], stopping)) for n in range(streams)
    ]
    await asyncio.sleep(_BETWEEN_S)
    began = time.perf_counter()
    await promote(second, home=home, engine=parts.engine, model=parts.model)
    swap.promotion_s = await _until_heard(heard, "two", since=time.perf_counter(), began=began)
    await asyncio.sleep(_BETWEEN_S)
    began = time.perf_counter()
    await roll_back(engine=parts.engine, model=parts.model)
    swap.rollback_s = await _until_heard(heard, "one", since=began, began=began)
    stopping.set()
    await asyncio.gather(*asking)
    swap.first_words_p50_ms = round(statistics.median(heard.waits_ms), 1)
    return swap


@dataclass
class _Heard:
    """`newest` is when the last question was asked that an adapter has answered in full."""

    waits_ms: list[float] = field(default_factory=list)
    newest: dict[str, float] = field(default_factory=dict)


async def _stream(parts: Parts, swap: Swap, heard: _Heard, question: str, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        asked = time.perf_counter()
        release = await parts.releases.in_service()
        assert release is not None
        try:
            said, wait_ms = await _answer(parts, release.adapter, question)
        except RouterError as error:
            swap.failed += 1
            print(f"{release.adapter}: {error}")
            continue
        name = release.adapter.partition("@")[0]
        swap.answers += 1
        heard.waits_ms.append(wait_ms)
        own, others = SPEAKS[name], [word for word in SPEAKS.values() if word != SPEAKS[name]]
        if own not in said or any(word in said for word in others):
            swap.mixed += 1
            print(f"{release.adapter} said {said!r}")
            continue
        swap.by[name] += 1
        heard.newest[name] = max(heard.newest.get(name, 0.0), asked)


async def _answer(parts: Parts, model: str, asked: str) -> tuple[str, float]:
    pieces, first_ms = list[str](), 0.0
    async for chunk in parts.model.stream(direct_prompt(asked), model=model, max_tokens=_ANSWER_TOKENS):
        first_ms = first_ms or chunk.elapsed_ms
        pieces.append(chunk.text)
    return "".join(pieces), first_ms


async def _until_heard(heard: _Heard, name: str, *, since: float, began: float) -> float:
    """Until a question asked after `since` has been answered in full by the adapter of that name."""
    async with asyncio.timeout(120):
        while heard.newest.get(name, 0.0) < since:
            await asyncio.sleep(0.01)
    return round(time.perf_counter() - began, 2)
