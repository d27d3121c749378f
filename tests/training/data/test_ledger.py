import asyncio
import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import router.tables
import training.tables
from router.feedback import Feedback
from router.journal import Journal
from tests.training.data.samples import DAY, NEXT, ON, both, exchange, kept, reviewed, rows
from training.data.consent import Consent
from training.data.ledger import catch_up
from training.data.signatures import plain, sign
from training.errors import ExportBusy
from training.settings import TrainingSettings
from training.tables import training_clusters, training_members

CITIES = ["Bern", "Lima", "Oslo", "Rome", "Cairo", "Delhi", "Quito", "Accra", "Seoul", "Tunis", "Minsk", "Dakar"]
LATER = DAY + timedelta(days=3)
ROOT = Path(__file__).resolve().parents[3]


async def asked_on(engine: AsyncEngine, day: datetime, *names: str) -> None:
    """Liked answers, each to a question of its own."""
    for name in names:
        question = f"When does the office in {CITIES[len(name + str(day.day)) % 7]} close on {name * 3} day?"
        at = day + timedelta(hours=1)
        await kept(engine, exchange(name, question=question, asked_at=at), ("U1", "vote_up", ""))


async def caught_up(
    engine: AsyncEngine, folder: Path, settings: TrainingSettings = ON, until: datetime = LATER
) -> list[str]:
    return [done.folder.name async for done in catch_up(engine, folder, until=until, settings=settings)]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


async def late_vote(engine: AsyncEngine, exchange_id: str) -> None:
    at = DAY + timedelta(days=40)
    await Journal(engine).add_feedback(
        Feedback(feedback_id="late", exchange_id=exchange_id, person="U7", kind="vote_down", at=at)
    )


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    return tmp_path / "exports"


async def test_each_day_that_is_over_is_exported_once_the_oldest_first(engine: AsyncEngine, exports: Path):
    await asked_on(engine, NEXT, "second")
    await asked_on(engine, DAY, "first")
    await asked_on(engine, LATER, "today")
    assert await caught_up(engine, exports, until=LATER + timedelta(hours=5)) == ["2026-03-01", "2026-03-02"]
    assert await caught_up(engine, exports) == []
    assert await caught_up(engine, exports, until=LATER + timedelta(days=1)) == ["2026-03-04"]
    assert [row["exchange_id"] for row in both(exports / "2026-03-02", "sft.jsonl")] == ["second"]


async def test_late_vote_and_review_export_their_day_anew_and_no_other(engine: AsyncEngine, exports: Path):
    await asked_on(engine, DAY, "first")
    await kept(engine, exchange("other", asked_at=NEXT), ("U1", "correction", "Eighteen weeks [1]."))
    await caught_up(engine, exports)
    await late_vote(engine, "first")
    assert await caught_up(engine, exports) == ["2026-03-01"]
    assert both(exports / "2026-03-01", "sft.jsonl") == []
    await reviewed(engine, "other-0", "know_how")
    assert await caught_up(engine, exports) == ["2026-03-02"]
    assert len(both(exports / "2026-03-02", "dpo.jsonl")) == 1


async def test_question_that_is_edited_later_voids_what_was_said_about_its_first_answer(
    engine: AsyncEngine, exports: Path
):
    await kept(engine, exchange("slack:T1:C1:1"), ("U1", "vote_up", ""))
    await caught_up(engine, exports)
    await kept(
        engine, exchange("slack:T1:C1:1:edit:2", asked_at=NEXT, question="And of sick leave?"), ("U2", "vote_up", "")
    )
    assert await caught_up(engine, exports) == ["2026-03-01", "2026-03-02"]
    assert json.loads((exports / "2026-03-01" / "manifest.json").read_text())["withheld"] == {"edited_question": 1}
    assert len(both(exports / "2026-03-02", "sft.jsonl")) == 1


async def test_person_who_opts_out_is_taken_out_of_what_was_written(engine: AsyncEngine, exports: Path):
    await kept(engine, exchange("x1", asker="U9", question="Why does canary sing?"), ("U1", "vote_up", ""))
    await caught_up(engine, exports)
    assert any(b"canary" in data for data in files(exports).values())
    await Consent(engine).opt_out("U9", NEXT)
    assert await caught_up(engine, exports) == ["2026-03-01"]
    assert not any(b"canary" in data for data in files(exports).values())


async def test_question_that_is_deleted_is_taken_out_of_what_was_written(engine: AsyncEngine, exports: Path):
    await kept(engine, exchange("x1", question="Why does canary sing?"), ("U1", "vote_up", ""))
    await caught_up(engine, exports)
    await Journal(engine).remove("x1")
    assert await caught_up(engine, exports) == ["2026-03-01"]
    assert not any(b"canary" in data for data in files(exports).values())
    assert await caught_up(engine, exports) == []


async def test_files_that_were_lost_or_changed_are_written_again(engine: AsyncEngine, exports: Path):
    await asked_on(engine, DAY, "first")
    await caught_up(engine, exports)
    before = files(exports)
    (exports / "2026-03-01" / "manifest.json").write_text("{}")
    assert await caught_up(engine, exports) == ["2026-03-01"]
    assert files(exports) == before


async def test_switch_turned_off_empties_the_files_and_turned_on_again_brings_the_same(
    engine: AsyncEngine, exports: Path
):
    for day in (DAY, NEXT):
        await asked_on(engine, day, *(f"{day.day}x{n}" for n in range(6)))
    await caught_up(engine, exports)
    before = files(exports)
    assert len(await caught_up(engine, exports, TrainingSettings())) == 2
    assert not any(data for name, data in files(exports).items() if name.endswith(".jsonl"))
    await caught_up(engine, exports)
    assert files(exports) == before


async def test_only_one_process_exports_at_a_time(engine: AsyncEngine, exports: Path):
    await asked_on(engine, DAY, "first")
    async for _ in catch_up(engine, exports, until=LATER, settings=ON):
        with pytest.raises(ExportBusy):
            await caught_up(engine, exports)


async def test_manifest_vouches_for_the_files_and_for_the_split(engine: AsyncEngine, exports: Path):
    await asked_on(engine, DAY, *(f"x{n}" for n in range(12)))
    await caught_up(engine, exports, ON.model_copy(update={"training_holdout_share": 0.5}))
    folder = exports / "2026-03-01"
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, digest in manifest["sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written == {*manifest["sha256"], "manifest.json"}
    counted = {name: len(rows(folder, name)) for name in written if name.endswith(".jsonl")}
    assert counted == manifest["rows"]
    assert manifest["across_split"]["near_duplicates"] == 0
    assert manifest["across_split"]["closest"] < manifest["across_split"]["near_from"] == 0.7578
    assert manifest["examples"]["train"] + manifest["examples"]["holdout"] + sum(manifest["withheld"].values()) == 12


async def test_manifest_tells_of_near_duplicates_across_the_split_where_there_are_such(
    engine: AsyncEngine, exports: Path
):
    for name in ("x1", "x2"):  # of one question, on two sides since before: as no export places them
        await kept(engine, exchange(name, completion=f"It is {name}."), ("U1", "vote_up", ""))
    (signature,) = sign([plain(exchange("x1").question)])
    async with engine.begin() as connection:
        for name, split in (("x1", "train"), ("x2", "holdout")):
            await connection.execute(insert(training_clusters).values(cluster=name, split=split))
            member = {"exchange_id": name, "cluster": name, "thread_id": "", "start": DAY, "taught": name}
            await connection.execute(insert(training_members).values(**member, signature=signature))
    await caught_up(engine, exports)
    manifest = json.loads((exports / "2026-03-01" / "manifest.json").read_text())
    assert manifest["examples"] == {"train": 1, "holdout": 1}
    assert manifest["across_split"]["near_duplicates"] == 1
    assert manifest["across_split"]["closest"] == 1.0


async def test_question_whose_passage_was_not_found_waits_for_whoever_mends_the_search(
    engine: AsyncEngine, exports: Path
):
    poor = exchange("x1", searches=())
    await kept(engine, poor, ("U1", "vote_down", ""))
    await Journal(engine).add_feedback(
        Feedback(
            feedback_id="f", exchange_id="x1", person="U1", kind="correction", what_was_wrong=("sources",), at=NEXT
        )
    )
    await caught_up(engine, exports)
    (waiting,) = rows(exports / "2026-03-01", "retrieval.jsonl")
    assert (waiting["question"], waiting["documents"]) == ("How long is parental leave?", ["d"])
    assert both(exports / "2026-03-01", "kto.jsonl") == []


async def test_what_an_older_version_left_in_the_folder_of_a_day_goes(engine: AsyncEngine, exports: Path):
    await asked_on(engine, DAY, "first")
    (exports / "2026-03-01").mkdir(parents=True)
    (exports / "2026-03-01" / "sft.jsonl").write_text("canary")
    await caught_up(engine, exports)
    assert not (exports / "2026-03-01" / "sft.jsonl").exists()


@pytest.mark.slow
async def test_killed_at_any_step_and_run_again_it_ends_with_the_same_bytes(tmp_path: Path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        for tables in (router.tables, training.tables):
            await connection.run_sync(tables.metadata.create_all)
    for day in (DAY, NEXT):
        await asked_on(engine, day, *(f"{day.day}x{n}" for n in range(5)))
    await kept(engine, exchange("corrected", asked_at=NEXT), ("U1", "correction", "Eighteen weeks [1]."))
    await caught_up(engine, tmp_path / "exports", until=NEXT)
    # One day that was exported before and has changed, and one that is new.
    await late_vote(engine, "1x1")
    await reviewed(engine, "corrected-0", "know_how")
    await engine.dispose()
    arguments = [tmp_path / "tandem.db", tmp_path / "exports", LATER.astimezone(UTC).isoformat()]
    command = [sys.executable, "-m", "tests.training.data.export_process", *map(str, arguments)]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    outcomes = json.loads(done.stdout.splitlines()[-1])
    never_killed = outcomes.pop("never")
    assert never_killed[:2] == [0, 0]
    assert outcomes == {name: [9, 0, never_killed[2]] for name in outcomes}
    assert len(outcomes) == 18
