"""Training data of a whole journal, from nothing: every day of it, curated, written and entered in the ledger."""

import asyncio
import json
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from bot.database import database_url, open_engine
from bot.settings import BotSettings
from tests.benchmarks.export_journal import DAYS, START
from tests.benchmarks.measuring import disk_mb, memory_with_processes_mb
from training.data.ledger import catch_up
from training.settings import TrainingSettings


async def main(home: Path) -> None:
    engine = open_engine(database_url(BotSettings(home=home)))
    settings = TrainingSettings(training_enabled=True)
    until = START + timedelta(days=DAYS)
    folders: list[Path] = []
    rows: Counter[str] = Counter()
    withheld: Counter[str] = Counter()
    began = time.perf_counter()
    async for done in catch_up(engine, home / "exports", until=until, settings=settings):
        folders.append(done.folder)
        rows.update(done.rows)
        withheld.update(done.withheld)
    seconds = time.perf_counter() - began
    manifest = json.loads((folders[-1] / "manifest.json").read_text())
    began = time.perf_counter()
    unchanged = [done async for done in catch_up(engine, home / "exports", until=until, settings=settings)]
    assert not unchanged
    await engine.dispose()
    figures = {
        "seconds": round(seconds, 1),
        "seconds_unchanged": round(time.perf_counter() - began, 1),
        "memory_mb": memory_with_processes_mb(),
        "written_mb": disk_mb(home / "exports"),
        "rows": dict(sorted(rows.items())),
        "withheld": dict(sorted(withheld.items())),
        "across_split": manifest["across_split"],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
