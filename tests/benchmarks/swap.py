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
    """`mixed` counts answers in which both adapters speak, or neither.

    An adapter is in service with the first words that it says to a question asked after the change; when the
    whole answer after a rollback had ended is told beside it: that is the speed of the model.
    """

    answers: int = 0
    failed: int = 0
    mixed: int = 0
    by: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPEAKS, 0))
    promotion_s: float = 0.0
    rollback_s: float = 0.0
    rollback_answered_s: float = 0.0
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
    swap, heard = Swap(), list[_Answer]()
    await promote(first, home=home, engine=parts.engine, model=parts.model)
    stopping = asyncio.Event()
    asking = [
        asyncio.create_task(_stream(parts, swap, heard, _ASKED[n % len(_ASKED)], stopping)) for n in range(streams)
    ]
    await asyncio.sleep(_BETWEEN_S)
    began = time.perf_counter()
    await promote(second, home=home, engine=parts.engine, model=parts.model)
    swap.promotion_s = _seconds(began, (await _answered_by("two", heard, since=time.perf_counter())).first_words)
    await asyncio.sleep(_BETWEEN_S)
    began = time.perf_counter()
    await roll_back(engine=parts.engine, model=parts.model)
    answer = await _answered_by("one", heard, since=began)
    swap.rollback_s, swap.rollback_answered_s = _seconds(began, answer.first_words), _seconds(began, answer.ended)
    stopping.set()
    await asyncio.gather(*asking)
    swap.first_words_p50_ms = round(statistics.median(1000 * (each.first_words - each.asked) for each in heard), 1)
    return swap


@dataclass(frozen=True)
class _Answer:
    """By the adapter of that name, with what the clock showed when it was asked for, begun and ended."""

    name: str
    asked: float
    first_words: float
    ended: float


async def _stream(parts: Parts, swap: Swap, heard: list[_Answer], question: str, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        asked = time.perf_counter()
        release = await parts.releases.in_service()
        assert release is not None
        name = release.adapter.partition("@")[0]
        try:
            said, first_words = await _answer(parts, release.adapter, question)
        except RouterError as error:
            swap.failed += 1
            print(f"{release.adapter}: {error}")
            continue
        swap.answers += 1
        own, others = SPEAKS[name], [word for word in SPEAKS.values() if word != SPEAKS[name]]
        if own not in said or any(word in said for word in others):
            swap.mixed += 1
            print(f"{release.adapter} said {said!r}")
            continue
        swap.by[name] += 1
        heard.append(_Answer(name, asked, first_words, time.perf_counter()))


async def _answer(parts: Parts, model: str, asked: str) -> tuple[str, float]:
    """What was said in full, and what the clock showed at its first words."""
    pieces, first_words = list[str](), 0.0
    async for chunk in parts.model.stream(direct_prompt(asked), model=model, max_tokens=_ANSWER_TOKENS):
        first_words = first_words or time.perf_counter()
        pieces.append(chunk.text)
    return "".join(pieces), first_words


async def _answered_by(name: str, heard: list[_Answer], *, since: float) -> _Answer:
    """The first one heard in full from that adapter to a question that was asked after `since`."""
    async with asyncio.timeout(120):
        while True:
            for answer in heard:
                if answer.name == name and answer.asked >= since:
                    return answer
            await asyncio.sleep(0.01)


def _seconds(began: float, ended: float) -> float:
    return round(ended - began, 2)
