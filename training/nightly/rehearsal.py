"""What the adapter that each night starts from says to general messages: asked at the model server, sixteen at once.

It never changes, so each answer is asked for once and kept, by the adapter's digest and the message.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from router.model import ModelClient
from router.prompts import direct_prompt
from training.adapters import REPLAY, keep
from training.lora import start_folder
from training.nightly.files import put_text
from training.promotion import base_as_served, served_base
from training.recipe import Recipe
from training.replay import LONGEST_ANSWER, replay_prompts
from training.rows import Row, row_of
from training.tasks import failing_as_one

_AT_ONCE = 16


async def general_rows(recipe: Recipe, beside: Path, *, home: Path, model: ModelClient) -> list[Row]:
    """A row for each general message that the start adapter, or without one the base model, answers to the end.

    `beside` is the recipe's folder. Raises RecipeInvalid, AdapterRefused and ModelError.
    """
    prompts = replay_prompts(recipe.rehearsal.general)
    if not prompts:
        return []
    async with _served(recipe, beside, home=home, model=model) as name:
        place = home / REPLAY / f"{name}.json"
        known = await asyncio.to_thread(_read, place)
        missing = [prompt for prompt in prompts if prompt not in known]
        if missing:
            known = {**known, **await _answers(missing, model, name)}
            await asyncio.to_thread(_write, place, known)
    return [row_of(direct_prompt(prompt), known[prompt]) for prompt in prompts if known[prompt]]


@asynccontextmanager
async def _served(recipe: Recipe, beside: Path, *, home: Path, model: ModelClient) -> AsyncGenerator[str]:
    """The name to ask it by; one that nobody had loaded is not left behind."""
    served = await model.models()
    if recipe.start_from is None:
        yield base_as_served(recipe.base_model, served)
        return
    adapter = await asyncio.to_thread(keep, start_folder(recipe, beside), home)
    served_base(adapter, served)
    await model.load_adapter(adapter.id, str(adapter.path))
    try:
        yield adapter.id
    finally:
        if adapter.id not in served:
            await model.unload_adapter(adapter.id)


async def _answers(prompts: Sequence[str], model: ModelClient, name: str) -> dict[str, str]:
    """Empty where an answer does not come to its end, or goes round in circles: nobody is to learn that."""
    seats = asyncio.Semaphore(_AT_ONCE)

    async def answer(prompt: str) -> str:
        finish, pieces = None, list[str]()
        async with seats:
            async for chunk in model.stream(direct_prompt(prompt), model=name, max_tokens=LONGEST_ANSWER):
                finish = chunk.finish or finish
                pieces.append(chunk.text)
        return "".join(pieces).strip() if finish == "stop" else ""

    async with failing_as_one() as tasks:
        asked = {prompt: tasks.create_task(answer(prompt)) for prompt in prompts}
    return {prompt: each.result() for prompt, each in asked.items()}


def _read(place: Path) -> dict[str, str]:
    """What cannot be read is asked for anew."""
    try:
        return _ANSWERS.validate_json(place.read_bytes())
    except (OSError, ValidationError):
        return {}


def _write(place: Path, answers: Mapping[str, str]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    put_text(place, json.dumps(answers, indent=1, ensure_ascii=False) + "\n")


_ANSWERS: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])
