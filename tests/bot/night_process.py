"""A night as a process of its own, to be killed: each stage writes down that it ran, and what it knew of those before."""

import asyncio
import json
import sys
from datetime import date
from pathlib import Path

from bot.failpoints import STAGES, Failpoints
from bot.nights import Night, Nights, Outcomes, Stage
from bot.shapes import Json


async def main(folder: Path, failpoint: str) -> None:
    def stage(name: str) -> Stage:
        async def work(night: Night, outcomes: Outcomes) -> Json:
            with (folder / "ran.jsonl").open("a") as ran:
                ran.write(json.dumps({"stage": name, "night": night.id, "knew": list(outcomes)}) + "\n")
            return {"by": name}

        return Stage(name=name, work=work)

    nights = Nights(
        database_url=f"sqlite:///{folder / 'durable.db'}",
        stages=[stage(name) for name in STAGES],
        failpoints=Failpoints(name=failpoint),
    )
    nights.launch()
    print(json.dumps(await nights.run(date(2026, 11, 28))))
    await nights.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
