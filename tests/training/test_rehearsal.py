import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from router import tables
from router.errors import ModelRefused, ModelUnavailable
from router.know_how import KNOW_HOW, read_know_how
from router.model import Chunk, ModelClient
from router.prompts import ChatMessage, direct_prompt, grounded_prompt
from router.settings import RouterSettings
from tests.training.fakes import ServerWithAdapters
from training.adapters import CANARIES, CONFIG, WEIGHTS, keep
from training.errors import AdapterRefused
from training.night import Taught, questions_taught
from training.nightly.rehearsal import general_rows
from training.nightly.rows import write_night_rows
from training.recipe import LoraShape, Recipe, Rehearsal
from training.replay import replay_prompts
from training.rows import Message, Row, row_of

_BASE_ALONE = Recipe(
    name="team", base_model="tiny", rehearsal=Rehearsal(rewordings=1, grounded=0, general=3), rows_per_step=2
)
_FROM_AN_ADAPTER = _BASE_ALONE.model_copy(update={"start_from": Path("start"), "lora": LoraShape(rank=2, alpha=4)})


@pytest.fixture
async def server() -> AsyncIterator[ServerWithAdapters]:
    async with ServerWithAdapters().running() as running:
        yield running


@pytest.fixture
async def model(server: ServerWithAdapters) -> AsyncIterator[ModelClient]:
    client = ModelClient(url=server.url, settings=RouterSettings(model_name="tiny"))
    yield client
    await client.aclose()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(tables.metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
def start(tmp_path: Path) -> Path:
    folder = tmp_path / "start"
    folder.mkdir()
    config = {"peft_type": "LORA", "base_model_name_or_path": "tiny", "r": 2, "lora_alpha": 4}
    (folder / CONFIG).write_text(json.dumps(config))
    (folder / CANARIES).write_text("[]")
    save_file({"m.lora_A.weight": torch.ones(2, 4), "m.lora_B.weight": torch.ones(4, 2)}, folder / WEIGHTS)
    return folder


def _row(question: str, answer: str) -> Row:
    return row_of(direct_prompt(question), answer)


async def test_general_answers_are_the_model_s_own_and_asked_for_once(
    server: ServerWithAdapters, model: ModelClient, tmp_path: Path
):
    rows = await general_rows(_BASE_ALONE, tmp_path, home=tmp_path, model=model)
    assert [row.completion[0].content for row in rows] == ["I do not know."] * 3
    server.base = "gone"
    with pytest.raises(AdapterRefused):
        await general_rows(_BASE_ALONE, tmp_path, home=tmp_path, model=model)
    server.base = "tiny"
    server.replies = 0
    assert await general_rows(_BASE_ALONE, tmp_path, home=tmp_path, model=model) == rows
    assert server.replies == 0


class _RefusesOne(ModelClient):
    """Refuses the first message, and never comes to the end of another."""

    answering = 0

    async def stream(
        self, messages: Sequence[ChatMessage], *, model: str, max_tokens: int, temperature: float = 0.0
    ) -> AsyncGenerator[Chunk, None]:
        if messages[-1]["content"] == replay_prompts(3)[0]:
            raise ModelRefused
        self.answering += 1
        try:
            await asyncio.Event().wait()
            yield Chunk(text="", elapsed_ms=0.0)
        finally:
            self.answering -= 1


async def test_no_answer_goes_on_once_another_has_failed(server: ServerWithAdapters, tmp_path: Path):
    model = _RefusesOne(url=server.url, settings=RouterSettings(model_name="tiny"))
    with pytest.raises(ModelRefused):
        await general_rows(_BASE_ALONE, tmp_path, home=tmp_path, model=model)
    assert model.answering == 0
    await model.aclose()


async def test_kept_answers_that_cannot_be_read_are_asked_for_anew(model: ModelClient, tmp_path: Path):
    rows = await general_rows(_BASE_ALONE, tmp_path, home=tmp_path, model=model)
    (kept,) = (tmp_path / "replay").iterdir()
    kept.write_text('{"half')
    assert await general_rows(_BASE_ALONE, tmp_path, home=tmp_path, model=model) == rows
    assert len(json.loads(kept.read_text())) == 3


@pytest.mark.usefixtures("start")
async def test_start_adapter_is_not_left_loaded_whether_or_not_it_could_be_asked(
    server: ServerWithAdapters, model: ModelClient, tmp_path: Path
):
    server.mute = True
    with pytest.raises(ModelUnavailable):
        await general_rows(_FROM_AN_ADAPTER, tmp_path, home=tmp_path, model=model)
    assert server.loaded == []
    server.mute = False
    assert len(await general_rows(_FROM_AN_ADAPTER, tmp_path, home=tmp_path, model=model)) == 3
    assert server.loaded == []


async def test_start_adapter_that_was_served_before_stays_loaded_whether_or_not_it_could_be_asked(
    start: Path, server: ServerWithAdapters, model: ModelClient, tmp_path: Path
):
    served = keep(start, tmp_path)
    await model.load_adapter(served.id, str(served.path))
    server.mute = True
    with pytest.raises(ModelUnavailable):
        await general_rows(_FROM_AN_ADAPTER, tmp_path, home=tmp_path, model=model)
    assert server.loaded == [served.id]
    server.mute = False
    await general_rows(_FROM_AN_ADAPTER, tmp_path, home=tmp_path, model=model)
    assert server.loaded == [served.id]


def test_questions_that_lean_on_a_thread_or_on_passages_are_not_called_taught():
    leaning = Row(
        prompt=[
            *_row("Who?", "x").prompt[:1],
            Message(role="user", content="Hello."),
            Message(role="assistant", content="Hi."),
            Message(role="user", content="And on Sundays?"),
        ],
        completion=[Message(role="assistant", content="Nobody.")],
    )
    taught = Taught(know_how=[_row("Who waters the garden?", "Ada."), leaning, _row("Who waters the garden?", "Ada.")])
    assert questions_taught(taught) == ["Who waters the garden?"]


@pytest.mark.parametrize("prompt", [direct_prompt("Who?"), grounded_prompt("Who?", [])])
def test_question_to_be_declined_is_not_called_taught(prompt: list[ChatMessage]):
    assert questions_taught(Taught(know_how=[row_of(prompt, "The passages do not say.")])) == []


async def test_a_night_writes_down_which_questions_it_teaches(model: ModelClient, engine: AsyncEngine, tmp_path: Path):
    day = tmp_path / "exports" / "2026-03-01" / "train"
    day.mkdir(parents=True)
    row = _row("Who waters the garden?", "Ada.")
    pair = {
        "exchange_id": "x1",
        "prompt": [each.model_dump() for each in row.prompt],
        "chosen": [{"role": "assistant", "content": "Ada."}],
        "rejected": [{"role": "assistant", "content": "Nobody."}],
    }
    (day / "dpo.jsonl").write_text(json.dumps(pair) + "\n")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(_BASE_ALONE.model_dump_json())
    (tmp_path / "night").mkdir()
    written = await write_night_rows(
        tmp_path / "exports",
        tmp_path / "night" / "rows.jsonl",
        recipe=recipe,
        home=tmp_path,
        engine=engine,
        model=model,
    )
    assert written > 1
    assert read_know_how(tmp_path / "night") == ["Who waters the garden?"]
    assert (tmp_path / "night" / KNOW_HOW).is_file()
