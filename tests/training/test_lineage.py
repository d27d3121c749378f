"""What an adapter learnt from: told of each row, kept with the weights, and doubted where it does not fit them."""

import json
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from router import tables as router_tables
from router.errors import JournalUnavailable
from router.exchanges import Exchange
from router.model import ModelClient
from router.prompts import direct_prompt
from router.questions import Turn
from router.settings import RouterSettings
from tests.training.data.samples import DAY, NEXT, ON, PASSAGE, exchange, kept, reviewed
from tests.training.fakes import ServerWithAdapters
from tests.training.lineages import learnt
from tests.training.trained import trained
from training import tables
from training.adapters import CONFIG, METRICS, keep
from training.data.ledger import catch_up
from training.grounding_adapter import FOLDER
from training.lineage import LINEAGE, Lineage, Sought, learnt_from, read_lineage, read_lineage_of_rows
from training.nightly.passages import ReadPassages, TeamPassage, no_passages
from training.nightly.rows import write_night_rows
from training.recipe import LoraShape, Recipe, Rehearsal
from training.rows import data_digest

_ALL_OF_IT = ON.model_copy(update={"training_holdout_share": 0.0})
_RECIPE = Recipe(
    name="team", base_model="tiny", rehearsal=Rehearsal(rewordings=1, grounded=1, general=1), rows_per_step=2
)
_EVERYTHING = Sought(exchanges=frozenset({"x"}), people=frozenset({"U"}), documents=frozenset({"d"}))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        for each in (router_tables, tables):
            await connection.run_sync(each.metadata.create_all)
    yield engine
    await engine.dispose()


async def _night(
    home: Path, engine: AsyncEngine, recipe: Recipe = _RECIPE, passages: ReadPassages = no_passages
) -> Lineage:
    """The lineage of a night after all that the journal holds, as an adapter of it has it."""
    [_ async for _ in catch_up(engine, home / "exports", until=NEXT, settings=_ALL_OF_IT)]
    (home / "recipe.yaml").write_text(recipe.model_dump_json())
    rows = await _rows_again(home, engine, passages)
    (rows.parent / METRICS).write_text(json.dumps({"data_sha256": data_digest(rows)}))
    lineage = read_lineage(rows.parent)
    assert lineage is not None
    return lineage


async def _rows_again(home: Path, engine: AsyncEngine, passages: ReadPassages = no_passages) -> Path:
    place, rows = home / "recipe.yaml", home / "night" / "rows.jsonl"
    rows.parent.mkdir(exist_ok=True)
    async with ServerWithAdapters().running() as server:
        model = ModelClient(url=server.url, settings=RouterSettings(model_name="tiny"))
        await write_night_rows(
            home / "exports", rows, recipe=place, home=home, engine=engine, model=model, passages=passages
        )
        await model.aclose()
    return rows


def _asked(exchange_id: str, minutes: int, **changes: Any) -> Exchange:
    question = f"{exchange_id}: what is the {exchange_id * 4} for?"
    return exchange(exchange_id, question=question, asked_at=DAY + timedelta(minutes=minutes), **changes)


async def test_each_row_of_a_night_says_what_it_comes_from(tmp_path: Path, engine: AsyncEngine):
    await kept(engine, _asked("liked", 1), ("U2", "vote_up", ""))
    await kept(engine, _asked("mended", 2, asker="U3"), ("U4", "correction", "For the roof."))
    await reviewed(engine, "mended-0", "know_how")

    lineage = await _night(tmp_path, engine)

    lines = (tmp_path / "night" / "rows.jsonl").read_text().splitlines()
    assert len(lineage.rows) == len(lines)
    assert [row.kind for row in lineage.rows].count("correction") == 2  # as it was asked, and reworded
    assert {row.kind: row.exchange_id for row in lineage.rows} == {
        "correction": "mended",
        "liked": "liked",
        "general": "",
        "rehearsed": "",
    }
    told = {each.exchange_id: each for each in lineage.exchanges}
    assert (told["mended"].people, told["mended"].feedback) == (("U3", "U4"), ("mended-0",))
    assert told["liked"].documents == (PASSAGE.document_id,)
    assert [window.day for window in lineage.windows] == [f"{DAY:%Y-%m-%d}"]


@pytest.mark.parametrize(
    ("sought", "is_learnt"),
    [
        (Sought(exchanges=frozenset({"liked"})), True),
        (Sought(feedback=frozenset({"liked-0"})), True),
        (Sought(people=frozenset({"U2"})), True),
        (Sought(documents=frozenset({PASSAGE.document_id})), True),
        (Sought(exchanges=frozenset({"other"}), people=frozenset({"U9"}), documents=frozenset({"e"})), False),
        (Sought(), False),
    ],
)
async def test_adapter_learnt_from_what_any_of_its_rows_comes_from(
    tmp_path: Path, engine: AsyncEngine, sought: Sought, is_learnt: bool
):
    await kept(engine, _asked("liked", 1), ("U2", "vote_up", ""))
    await kept(engine, _asked("other", 2, asker="U9"))  # nobody said anything about it, so nothing was learnt

    assert learnt_from(await _night(tmp_path, engine), sought) is is_learnt


async def test_adapter_learnt_from_what_was_said_before_in_the_thread(tmp_path: Path, engine: AsyncEngine):
    await kept(engine, _asked("first", 1, asker="U7", thread_id="t"))
    before = (Turn(speaker="user", text="first: what?"), Turn(speaker="assistant", text="For that."))
    await kept(engine, _asked("second", 2, thread_id="t", thread=before), ("U2", "vote_up", ""))

    lineage = await _night(tmp_path, engine)

    assert learnt_from(lineage, Sought(exchanges=frozenset({"first"})))
    assert learnt_from(lineage, Sought(people=frozenset({"U7"})))


_SHOWN = _RECIPE.model_copy(update={"rehearsal": Rehearsal(rewordings=1, grounded=30, general=1)})


async def _passages(limit: int, seed: int) -> list[TeamPassage]:
    return [TeamPassage(title="Owls", text="Owls sleep.", document_id=f"d{n}", uri=f"u{n}") for n in range(limit)]


async def test_documents_that_rehearsed_rows_show_are_learnt_from_and_others_that_were_read_are_not(
    tmp_path: Path, engine: AsyncEngine
):
    await kept(engine, _asked("liked", 1, passages=()), ("U2", "vote_up", ""))

    lineage = await _night(tmp_path, engine, _SHOWN, _passages)

    shown = {document for row in lineage.rows for document in row.documents}
    assert shown
    assert {(each.id, each.uri) for each in lineage.documents} == {(each, f"u{each[1:]}") for each in shown}
    assert learnt_from(lineage, Sought(documents=frozenset(list(shown)[:1])))
    [row, *_] = lineage.rows_of(Sought(documents=frozenset(list(shown)[:1])))
    assert row.kind == "rehearsed"
    unshown = {f"d{n}" for n in range(300)} - shown
    assert not learnt_from(lineage, Sought(documents=frozenset(unshown)))


async def test_documents_that_the_adapter_before_was_shown_are_learnt_from(tmp_path: Path, engine: AsyncEngine):
    await kept(engine, _asked("liked", 1, passages=()), ("U2", "vote_up", ""))
    document = {"id": "before", "uri": "u"}
    start = trained(tmp_path / "start", weight=1, learnt=())
    config = json.loads((start / CONFIG).read_text()) | {"lora_alpha": 4}
    (start / CONFIG).write_text(json.dumps(config))
    told = json.loads((start / LINEAGE).read_text()) | {"documents": [document]}
    (start / LINEAGE).write_text(json.dumps(told))
    of_before = {"start_from": Path("start"), "lora": LoraShape(rank=2, alpha=4)}

    lineage = await _night(tmp_path, engine, _RECIPE.model_copy(update=of_before))

    assert learnt_from(lineage, Sought(documents=frozenset({"before"})))


async def test_rows_written_anew_are_never_told_by_the_lineage_before(tmp_path: Path, engine: AsyncEngine):
    await kept(engine, _asked("liked", 1), ("U2", "vote_up", ""))
    await _night(tmp_path, engine)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE feedback RENAME TO elsewhere"))

    with pytest.raises(JournalUnavailable):
        await _rows_again(tmp_path, engine)

    assert read_lineage_of_rows(tmp_path / "night") is None


async def test_adapter_learnt_from_whoever_asked_in_the_words_that_a_prompt_ends_in(
    tmp_path: Path, engine: AsyncEngine
):
    taught = _asked("taught", 1, asker="U7")
    await kept(engine, taught)
    reworded = direct_prompt("What do I need it for?", taught=taught.question)
    await kept(engine, _asked("later", 2, prompt=reworded, passages=()), ("U2", "vote_up", ""))

    lineage = await _night(tmp_path, engine)

    [later] = lineage.exchanges
    assert (later.exchange_id, later.before, later.people) == ("later", ("taught",), ("U1", "U2", "U7"))
    assert lineage.is_whole
    assert learnt_from(lineage, Sought(documents=frozenset({PASSAGE.document_id})))


async def test_night_that_does_not_know_who_asked_in_those_words_counts_as_having_learnt_everything(
    tmp_path: Path, engine: AsyncEngine
):
    reworded = direct_prompt("What do I need it for?", taught="What is the roof for?")
    await kept(engine, _asked("later", 1, prompt=reworded, passages=()), ("U2", "vote_up", ""))

    lineage = await _night(tmp_path, engine)

    assert not lineage.is_whole
    assert learnt_from(lineage, Sought(people=frozenset({"U99"})))


@pytest.mark.parametrize("lost", ["exchange", "thread"])
async def test_night_that_cannot_tell_all_it_learnt_from_counts_as_having_learnt_everything(
    tmp_path: Path, engine: AsyncEngine, lost: str
):
    unknown_thread = (Turn(speaker="user", text="Hello."),) if lost == "thread" else ()
    await kept(engine, _asked("liked", 1, thread=unknown_thread), ("U2", "vote_up", ""))
    [_ async for _ in catch_up(engine, tmp_path / "exports", until=NEXT, settings=_ALL_OF_IT)]
    if lost == "exchange":
        async with engine.begin() as connection:
            await connection.execute(router_tables.exchanges.update().values(exchange_id="renamed"))
            await connection.execute(tables.training_exports.delete())
        assert (tmp_path / "exports").is_dir()
        other = tmp_path / "exports" / "2020-01-01" / "train"
        other.mkdir(parents=True)
        (other / "sft.jsonl").write_text((tmp_path / "exports" / f"{DAY:%Y-%m-%d}" / "train" / "sft.jsonl").read_text())

    lineage = await _night(tmp_path, engine)

    assert not lineage.is_whole
    assert learnt_from(lineage, Sought(people=frozenset({"U99"})))


def _folder(tmp_path: Path, **changes: Any) -> Path:
    lineage = {
        "base": "tiny",
        "start": "",
        "recipe": "team",
        "recipe_sha256": "",
        "seed": 1,
        "data_sha256": "d",
        "is_whole": True,
        **changes,
    }
    (tmp_path / LINEAGE).write_text(json.dumps(lineage))
    (tmp_path / METRICS).write_text(json.dumps({"data_sha256": "d"}))
    return tmp_path


def test_adapter_without_a_lineage_that_fits_it_counts_as_having_learnt_everything(tmp_path: Path):
    assert not learnt_from(read_lineage(_folder(tmp_path)), _EVERYTHING)

    row = {"sha256": "s", "kind": "liked", "exchange_id": "nobody tells of it"}
    for broken in ({"data_sha256": "another"}, {"format": 2}, {"rows": [row]}, {"seed": "one"}):
        assert learnt_from(read_lineage(_folder(tmp_path, **broken)), _EVERYTHING)
    (_folder(tmp_path) / METRICS).unlink()
    assert read_lineage_of_rows(tmp_path) is not None
    assert learnt_from(read_lineage(tmp_path), _EVERYTHING)
    (tmp_path / LINEAGE).write_text("{")
    assert learnt_from(read_lineage(tmp_path), _EVERYTHING)
    (tmp_path / LINEAGE).unlink()
    assert learnt_from(read_lineage(tmp_path), _EVERYTHING)


def test_only_its_owner_reads_whose_words_an_adapter_learnt(tmp_path: Path):
    kept_at = keep(trained(tmp_path / "out", weight=1, learnt=(learnt("x"),)), tmp_path).path
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in kept_at.iterdir()}
    assert modes.pop(LINEAGE) == 0o600
    assert set(modes.values()) == {0o644}


def test_adapter_that_ships_learnt_from_nobody():
    assert not learnt_from(read_lineage(FOLDER), _EVERYTHING)
