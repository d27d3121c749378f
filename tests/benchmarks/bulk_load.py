"""How much faster two processes load PDFs than one: `python -m tests.benchmarks.bulk_load DATABASE FOLDER`.

DATABASE is an empty PostgreSQL database, FOLDER holds PDFs, which are copied until there are 400. The index is what
stands in for a Qdrant server, and the embedding counts words: what is measured is reading, which most of a load is. The
processor's time is told too: this process lists the documents and is the index, the others read.
"""

import asyncio
import os
import resource
import statistics
import sys
import time
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.ext.asyncio import create_async_engine

import knowledge.tables
from bot.ingest_workers import IngestWorkers
from tests.bot import ingest_process
from tests.knowledge.qdrant_stand_in import qdrant_standing_in

_DOCUMENTS = 400
_ROUNDS = 3
_WHOSE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


async def main(database: str, folder: Path) -> None:
    ratios: list[float] = []
    with TemporaryDirectory() as copies:
        _copy(folder, Path(copies))
        for _ in range(_ROUNDS):
            one, two = [await _load(database, Path(copies), number) for number in (1, 2)]
            ratios.append(one / two)
            print(f"1 process {one:.1f} s, 2 processes {two:.1f} s, ratio {one / two:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f} of {_ROUNDS}")


def _copy(folder: Path, copies: Path) -> None:
    for number, path in enumerate(islice(cycle(sorted(folder.glob("*.pdf"))), _DOCUMENTS)):
        # What follows a PDF's end is no part of it, and makes the copy another file.
        (copies / f"{number:03}.pdf").write_bytes(path.read_bytes() + f"\n% {number}\n".encode())


async def _load(database: str, folder: Path, number: int) -> float:
    """Seconds for all of them, once the processes have started."""
    engine = create_async_engine(database)
    async with engine.begin() as connection:
        await connection.run_sync(knowledge.tables.metadata.drop_all)
        await connection.run_sync(knowledge.tables.metadata.create_all)
    await engine.dispose()
    spent = [_processor_s(whose) for whose in _WHOSE]
    with TemporaryDirectory() as home:
        async with qdrant_standing_in() as (_, url):
            os.environ |= {"TEST_DATABASE": database, "TEST_QDRANT": url, "TEST_HOME": home}
            library = ingest_process.library_of(database=database, qdrant=url, home=Path(home))
            async with IngestWorkers(number, main=ingest_process.main) as workers:
                begun = time.monotonic()
                results = [each async for each in library.ingest(str(folder), "public", workers=workers)]
                took = time.monotonic() - begun
            await library.close()
    here, theirs = (_processor_s(whose) - before for whose, before in zip(_WHOSE, spent, strict=True))
    print(f"  {number}: {took:.1f} s; of the processor, {here:.1f} s here and {theirs:.1f} s in the others", flush=True)
    assert len(results) == _DOCUMENTS
    return took


def _processor_s(whose: int) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
