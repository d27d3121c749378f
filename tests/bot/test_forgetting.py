"""What is forgotten is gone from every place, and nothing that others said goes with it."""

import asyncio
import fcntl
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner, Result

import bot.tables
import knowledge.tables
import router.tables
from bot import cli, control
from bot.assembly import Configuration, open_database
from bot.errors import BotError
from bot.forgetting import forget_all
from bot.settings import BotSettings
from knowledge.settings import KnowledgeSettings
from router.journal import Journal
from router.prompts import direct_prompt
from router.questions import Turn
from router.releases import Releases
from router.settings import RouterSettings
from router.withdrawn import WITHDRAWN
from tests.bot.remembered import (
    ALL_OF_IT,
    DOCUMENT,
    add_adapter,
    add_delivery,
    add_document,
    add_passages,
    asked,
    documents_in_index,
    exported,
    page,
    promoted,
    showing,
)
from tests.bot.test_control import Scripted
from tests.training.data.samples import DAY, kept, reviewed
from training.data.consent import Consent
from training.data.corrections import fact_place
from training.forgetting.carried import PLACEHOLDER
from training.forgetting.plan import FOLDER, Target
from training.lineage import LearntDocument

_X, _USER = Target(kind="exchange", name="x"), Target(kind="user", name="U1")


both_databases = pytest.mark.parametrize("configuration", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def configuration(home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Configuration:
    """No model server is reached, and no bot runs."""
    home.mkdir()
    monkeypatch.setenv("TANDEM_MODEL_URL", "http://127.0.0.1:9")
    if getattr(request, "param", "sqlite") == "postgres":
        monkeypatch.setenv("TANDEM_DATABASE_URL", request.getfixturevalue("postgres_url"))
    return Configuration(
        bot=BotSettings(home=home),
        router=RouterSettings(model_url="http://127.0.0.1:9"),
        knowledge=KnowledgeSettings(home=home),
    )


@pytest.fixture
async def engine(configuration: Configuration) -> AsyncIterator[AsyncEngine]:
    async with open_database(configuration) as engine:
        yield engine


class RunningBot(Scripted):
    """Takes documents out of the catalogue and the index, and does `meanwhile` before.

    `passages` are what its index holds, by document.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__()
        self._engine = engine
        self.fails = False
        self.passages = {DOCUMENT: 3}

    async def meanwhile(self) -> None:
        return

    async def remove(self, reference: str, *, audience: str) -> dict[str, Any]:
        if self.fails:
            raise BotError("the bot was ended")
        await self.meanwhile()
        table = knowledge.tables.documents
        async with self._engine.begin() as connection:
            await connection.execute(table.delete().where(table.c.number == int(reference)))
        await self.clear_index([DOCUMENT])
        return {}

    async def indexed(self, document_ids: list[str]) -> dict[str, int]:
        return {each: count for each, count in self.passages.items() if each in document_ids}

    async def clear_index(self, document_ids: list[str]) -> None:
        for each in document_ids:
            self.passages.pop(each, None)


def _lines(home: Path) -> dict[str, list[bytes]]:
    """Each export's file of JSON lines."""
    return {str(path): path.read_bytes().splitlines() for path in sorted((home / "exports").rglob("*.jsonl"))}


async def _forget(target: Target, configuration: Configuration) -> dict[str, Any]:
    return await forget_all(configuration, target, ALL_OF_IT)


def _left(proof: dict[str, Any]) -> dict[str, int]:
    return {place: counts["left"] for place, counts in proof["places"].items() if counts["left"]}


async def _in_service(engine: AsyncEngine) -> str:
    release = await Releases(engine).in_service()
    return release.adapter if release else ""


@both_databases
async def test_forgotten_exchange_leaves_the_rows_of_others_byte_for_byte(
    configuration: Configuration, engine: AsyncEngine
):
    await kept(engine, asked("x"), ("U2", "correction", "For the roof."), ("U3", "vote_down", ""))
    await reviewed(engine, "x-0", "know_how")
    await kept(engine, asked("y"), ("U2", "vote_up", ""))
    await exported(configuration.home, engine)
    before = _lines(configuration.home)

    proof = await _forget(_X, configuration)

    assert _left(proof) == {}
    found = {place: counts["found"] for place, counts in proof["places"].items() if counts["found"]}
    assert found == {
        "votes and corrections": 2,
        "reviews": 1,
        "exchanges": 1,
        "places in the split": 1,
        "rows in exports": 9,
    }
    after = _lines(configuration.home)
    assert after == {
        path: [line for at, line in enumerate(lines) if b"x: what" not in line] for path, lines in before.items()
    }
    assert b"x: what" not in b"".join(line for lines in after.values() for line in lines)
    assert (await Journal(engine).exchange("y")) == asked("y")
    assert len(await Journal(engine).feedback_events("y")) == 1
    assert not list((configuration.home / FOLDER).iterdir())


@both_databases
async def test_forgotten_person_takes_their_words_from_the_prompts_of_others(
    configuration: Configuration, engine: AsyncEngine
):
    await kept(engine, asked("x", thread_id="t"), ("U2", "vote_up", ""))
    turns = (Turn(speaker="user", text=asked("x").question),)
    later = asked("y", asker="U2", thread_id="t", thread=turns, asked_at=DAY + timedelta(hours=2))
    await kept(engine, later, ("U1", "correction", "U1's own words"), ("U3", "vote_up", ""))
    await kept(engine, asked("z", asker="U3"), ("U2", "vote_up", ""))
    await Consent(engine).opt_out("U1", DAY)

    assert _left(await _forget(_USER, configuration)) == {}

    assert await Journal(engine).exchange("x") is None
    others = await Journal(engine).exchange("y")
    assert others is not None
    assert (others.question, others.answer) == (later.question, later.answer)
    assert (others.prompt, others.thread) == ((), (Turn(speaker="user", text=PLACEHOLDER["text"], overheard=True),))
    assert [event.person for event in await Journal(engine).feedback_events("y")] == ["U3"]
    assert await Journal(engine).exchange("z") == asked("z", asker="U3")
    assert (await Consent(engine).opted_out()).people == {"U1"}
    await exported(configuration.home, engine)
    assert b"y: what" not in b"".join(line for lines in _lines(configuration.home).values() for line in lines)


@both_databases
async def test_question_of_others_that_was_put_in_its_words_too_loses_them(
    configuration: Configuration, engine: AsyncEngine
):
    await kept(engine, asked("x"))
    prompt = tuple(direct_prompt("y: the roof?", taught=asked("x").question))
    await kept(engine, asked("y", asker="U2", channel="C2", prompt=prompt))

    assert _left(await _forget(_X, configuration)) == {}
    others = await Journal(engine).exchange("y")
    assert others is not None
    assert (others.question, others.prompt) == (asked("y").question, ())


@both_databases
async def test_row_of_a_later_day_that_repeats_it_goes_too(configuration: Configuration, engine: AsyncEngine):
    await kept(engine, asked("x", thread_id="t", asked_at=DAY - timedelta(days=1)))
    turns = (Turn(speaker="user", text=asked("x").question),)
    await kept(engine, asked("y", asker="U2", thread_id="t", thread=turns), ("U3", "vote_up", ""))
    await kept(engine, asked("z", asker="U2"), ("U3", "vote_up", ""))
    await exported(configuration.home, engine)
    rows = b"".join(line for lines in _lines(configuration.home).values() for line in lines)
    assert b"y: what" in rows

    assert _left(await _forget(_X, configuration)) == {}
    rows = b"".join(line for lines in _lines(configuration.home).values() for line in lines)
    assert b"y: what" not in rows
    assert b"z: what" in rows


@both_databases
async def test_adapters_that_learnt_from_it_go_and_the_latest_other_one_serves(
    configuration: Configuration, engine: AsyncEngine
):
    await kept(engine, asked("x"))
    folders = [add_adapter(configuration.home, f"team@{n}", *ids) for n, ids in enumerate((["y"], ["x", "y"], ["x"]))]
    for folder in folders:
        await promoted(engine, folder)

    proof = await _forget(_X, configuration)

    assert _left(proof) == {}
    assert (proof["withdrawn"], proof["in_service"]) == (["team@1", "team@2"], "team@0")
    assert await _in_service(engine) == "team@0"
    assert [path.name for path in folders[2].iterdir()] == [WITHDRAWN]
    assert any("model server" in each for each in proof["not_reached"])


@both_databases
async def test_forgotten_document_goes_with_the_exchanges_that_showed_it(
    configuration: Configuration, engine: AsyncEngine
):
    await add_document(engine)
    await kept(engine, asked("x", passages=showing(DOCUMENT)), ("U2", "vote_up", ""))
    await kept(engine, asked("y", passages=showing("00000000-0000-0000-0000-000000000002")), ("U2", "vote_up", ""))
    add_adapter(configuration.home, "team@1", "x")

    async with control.serving(configuration.home, RunningBot(engine)):
        proof = await _forget(Target(kind="document", name="7"), configuration)

    assert _left(proof) == {}
    assert proof["places"]["documents"]["found"] == 1
    assert proof["places"]["passages in the index"]["found"] == 3
    assert proof["withdrawn"] == ["team@1"]
    assert await Journal(engine).exchange("x") is None
    assert await Journal(engine).exchange("y") is not None


_SHOWN = LearntDocument(id=DOCUMENT, uri="https://wiki.example/leave")


async def test_adapter_whose_rehearsed_rows_showed_the_document_is_withdrawn(
    configuration: Configuration, engine: AsyncEngine
):
    await add_document(engine, uri=_SHOWN.uri)
    other = LearntDocument(id="00000000-0000-0000-0000-000000000002", uri="https://wiki.example/tea")
    await promoted(engine, add_adapter(configuration.home, "team@1", shown=(other,)))
    await promoted(engine, add_adapter(configuration.home, "team@2", shown=(other, _SHOWN)))

    async with control.serving(configuration.home, RunningBot(engine)):
        proof = await _forget(Target(kind="document", name="7"), configuration)

    assert _left(proof) == {}
    assert (proof["withdrawn"], await _in_service(engine)) == (["team@2"], "team@1")


@pytest.mark.parametrize("name", [_SHOWN.id, _SHOWN.uri])
async def test_document_that_only_a_lineage_still_knows_is_forgotten(
    configuration: Configuration, engine: AsyncEngine, name: str
):
    add_adapter(configuration.home, "team@1", shown=(_SHOWN,))

    proof = await _forget(Target(kind="document", name=name), configuration)

    assert _left(proof) == {}
    assert proof["withdrawn"] == ["team@1"]


@pytest.mark.parametrize("name", [_SHOWN.id, _SHOWN.uri])
async def test_document_that_a_night_at_work_shows_is_forgotten(
    configuration: Configuration, engine: AsyncEngine, name: str
):
    learner = add_adapter(configuration.home, "team@1", shown=(_SHOWN,))
    night = configuration.home / "nights" / "2026-01-01"
    night.mkdir(parents=True)
    (night / "lineage.json").write_bytes((learner / "lineage.json").read_bytes())
    (night / "rows.jsonl").write_text("{}")

    proof = await _forget(Target(kind="document", name=name), configuration)

    assert _left(proof) == {}
    assert proof["withdrawn"] == ["team@1"]
    assert not (night / "rows.jsonl").exists()


async def test_lineage_tells_of_documents_that_rehearsed_rows_show(configuration: Configuration, engine: AsyncEngine):
    await promoted(engine, add_adapter(configuration.home, "team@1", shown=(_SHOWN,)))
    add_adapter(configuration.home, "team@2", "y")

    [back] = json.loads((await _tandem("lineage", "--document", _SHOWN.uri, "--json")).stdout)
    assert (back["adapter"], back["documents"], back["rows"]) == ("team@1", [_SHOWN.uri], 1)
    assert f"1 rows, of {_SHOWN.uri}" in (await _tandem("lineage", "--document", _SHOWN.uri)).stdout
    assert f"{_SHOWN.uri}  shown in 1 rows" in (await _tandem("lineage")).stdout


async def test_passages_that_stay_in_the_index_are_told_as_left(configuration: Configuration, engine: AsyncEngine):
    class Forgetful(RunningBot):
        async def clear_index(self, document_ids: list[str]) -> None:
            return

    await add_document(engine)

    async with control.serving(configuration.home, Forgetful(engine)):
        result = await _tandem("forget", "--document", "7", "--json")

    assert _left(json.loads(result.stdout)) == {"passages in the index": 3}
    assert result.exit_code == 1


async def test_passages_of_a_document_that_the_catalogue_lost_go_too(configuration: Configuration, engine: AsyncEngine):
    mine, other = page("mine"), page("other")
    await add_passages(configuration.knowledge, mine, other)
    await kept(engine, asked("x", passages=showing(mine.id)))

    proof = await _forget(Target(kind="document", name=mine.id), configuration)

    assert proof["places"]["passages in the index"] == {"found": 1, "left": 0}
    assert documents_in_index(configuration.knowledge) == {other.id}


async def test_passages_that_no_catalogue_ever_listed_go_too(configuration: Configuration, engine: AsyncEngine):
    mine, also, other = (page(f"https://wiki.example/{name}") for name in ("mine", "also", "other"))
    await add_passages(configuration.knowledge, mine, also, other)

    by_id = await _forget(Target(kind="document", name=mine.id), configuration)
    by_link = await _forget(Target(kind="document", name=also.uri), configuration)

    assert (
        by_id["places"]["passages in the index"]
        == by_link["places"]["passages in the index"]
        == {"found": 1, "left": 0}
    )
    assert documents_in_index(configuration.knowledge) == {other.id}


@both_databases
async def test_correction_that_became_a_document_goes_too(configuration: Configuration, engine: AsyncEngine):
    await kept(engine, asked("x", asker="U2"), ("U1", "correction", "Only on Sundays."))
    place = fact_place(configuration.home, "x-0")
    place.parent.mkdir()
    place.write_text("Only on Sundays.")
    await add_document(engine, place=str(place), uri=str(place))
    await kept(engine, asked("y", asker="U2", passages=showing(DOCUMENT)))

    async with control.serving(configuration.home, RunningBot(engine)):
        assert _left(await _forget(_USER, configuration)) == {}

    assert not place.exists()
    assert await Journal(engine).exchange("x") is not None
    assert await Journal(engine).exchange("y") is None


@both_databases
async def test_killed_between_steps_it_comes_to_its_end_when_it_is_run_again(
    configuration: Configuration, engine: AsyncEngine
):
    await add_document(engine)
    await kept(engine, asked("x", passages=showing(DOCUMENT)), ("U2", "vote_up", ""))
    await kept(engine, asked("y", passages=()), ("U2", "vote_up", ""))
    await exported(configuration.home, engine)
    document = Target(kind="document", name="7")
    with (configuration.home / "exports" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BotError, match="exporting"):
            await _forget(document, configuration)
    assert await Journal(engine).exchange("x") is None  # and so nothing but its plan knows it
    ended = RunningBot(engine)
    ended.fails = True
    async with control.serving(configuration.home, ended):
        with pytest.raises(BotError, match="ended"):
            await _forget(document, configuration)

    async with control.serving(configuration.home, RunningBot(engine)):
        assert _left(await _forget(document, configuration)) == {}
    rows = b"".join(line for lines in _lines(configuration.home).values() for line in lines)
    assert b"x: what" not in rows
    assert b"y: what" in rows


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("exports/2026-01-01/train/kto.jsonl", '{"exchange_id": "x"}'),
        ("exports/2026-01-01/train/kto.jsonl", 'broken, of "x"'),
        ("exports/2026-01-01/train/chat.jsonl", '{"messages": []}'),
        ("exports/2026-01-01/train/sft.parquet", "no such file"),
        ("exports/2026-01-01/train/.dpo.jsonl.partial", "half a line"),
        ("nights/2026-01-01/rows.jsonl", "{}"),
        ("nights/2026-01-01/adapter/checkpoint", "{}"),
    ],
)
async def test_whatever_may_hold_it_is_found_and_deleted(
    configuration: Configuration, engine: AsyncEngine, file: str, content: str
):
    await kept(engine, asked("x"))
    planted = configuration.home / file
    planted.parent.mkdir(parents=True)
    planted.write_text(content)

    proof = await _forget(_X, configuration)

    assert sum(proof["places"][place]["found"] for place in ("rows in exports", "rows and weights of nights")) == 1
    assert _left(proof) == {}
    assert not planted.exists()


async def test_night_s_rows_of_other_things_stay(configuration: Configuration, engine: AsyncEngine):
    await kept(engine, asked("x"))
    other = add_adapter(configuration.home, "other@1", "y") / "lineage.json"
    night = configuration.home / "nights" / "2026-01-01"
    night.mkdir(parents=True)
    (night / "lineage.json").write_bytes(other.read_bytes())
    (night / "rows.jsonl").write_text("{}")

    assert _left(await _forget(_X, configuration)) == {}
    assert (night / "rows.jsonl").exists()


async def test_what_is_left_is_told_and_fails_the_command(configuration: Configuration, engine: AsyncEngine):
    class Busy(RunningBot):
        async def meanwhile(self) -> None:
            await kept(engine, asked("new", asker="U1"), ("U2", "vote_up", ""))

    await add_document(engine, place=str(fact_place(configuration.home, "y-0")))
    await kept(engine, asked("y", asker="U2"), ("U1", "correction", "Only on Sundays."))

    async with control.serving(configuration.home, Busy(engine)):
        result = await _tandem("forget", "--user", "U1", "--json")

    assert result.exit_code == 1
    assert _left(json.loads(result.stdout)) == {"exchanges": 1, "votes and corrections": 1}
    assert "some of it is left" in result.stderr
    assert (await _tandem("forget", "--user", "U1")).exit_code == 0


async def _tandem(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, cli.app, arguments)


@both_databases
async def test_what_nobody_knows_withdraws_nothing(configuration: Configuration, engine: AsyncEngine):
    silent = configuration.home / "adapters" / "silent@1"
    silent.mkdir(parents=True)
    with pytest.raises(BotError, match="nothing is known of exchange x"):
        await _forget(_X, configuration)
    assert not (silent / WITHDRAWN).exists()


@both_databases
async def test_question_as_it_arrived_keeps_neither_its_text_nor_its_asker(
    configuration: Configuration, engine: AsyncEngine
):
    await add_delivery(engine, "x", "U1")
    await add_delivery(engine, "y", "U2")

    assert _left(await _forget(_USER, configuration)) == {}

    table = bot.tables.deliveries.c
    async with engine.connect() as connection:
        rows = (await connection.execute(select(table.question_key, table.text, table.asker, table.state))).all()
    assert sorted(map(tuple, rows)) == [("x", "", "", "withdrawn"), ("y", "y?", "U2", "answered")]


async def test_lineage_is_told_from_the_adapter_and_back(configuration: Configuration, engine: AsyncEngine):
    await kept(engine, asked("x"))
    await promoted(engine, add_adapter(configuration.home, "team@1", "x"))
    add_adapter(configuration.home, "team@2", "y", people=("U2",))

    told = json.loads((await _tandem("lineage", "--json")).stdout)
    assert (told["adapter"], [each["exchange_id"] for each in told["exchanges"]]) == ("team@1", ["x"])
    [back] = json.loads((await _tandem("lineage", "--exchange", "x", "--json")).stdout)
    assert (back["adapter"], back["in_service"], back["rows"]) == ("team@1", True, 1)
    assert "team@2" in (await _tandem("lineage", "--user", "U2")).stdout
    assert (await _tandem("lineage", "team@3")).exit_code == 1
    assert (await _tandem("lineage", "team@1", "--user", "U2")).exit_code == 1
    assert (await _tandem("forget", "--exchange", "x", "--user", "U1")).exit_code == 1


@pytest.mark.parametrize(
    "beginning", ["slack", "slack:T1", "slack:T1:C1", "slack:T1:C1:", "slack:T1:C1:command", "cli"]
)
async def test_beginning_of_many_ids_is_not_taken_for_an_exchange(
    beginning: str, configuration: Configuration, engine: AsyncEngine
):
    for each in ("slack:T1:C1:1700000000.000100", "cli:5d1c"):
        await kept(engine, asked(each))

    told = await _tandem("forget", "--exchange", beginning)

    assert told.exit_code == 1
    assert "name one whole" in told.stderr
    async with engine.connect() as connection:
        assert len((await connection.execute(select(router.tables.exchanges.c.exchange_id))).all()) == 2
    assert (await _tandem("lineage", "--exchange", beginning)).exit_code == 1


async def test_exchange_goes_with_the_answers_by_other_routes_to_the_same_question(
    configuration: Configuration, engine: AsyncEngine
):
    for each in ("slack:T1:C1:1.1", "slack:T1:C1:1.1:redo:direct", "slack:T1:C1:1.11"):
        await kept(engine, asked(each))

    assert (await _tandem("forget", "--exchange", "slack:T1:C1:1.1")).exit_code == 0

    async with engine.connect() as connection:
        left = (await connection.execute(select(router.tables.exchanges.c.exchange_id))).scalars().all()
    assert left == ["slack:T1:C1:1.11"]
