"""The short commands that need the parts: each does its work through the bot that runs, or in its stead, and prints."""

from dataclasses import asdict
from pathlib import Path

import typer

from bot.assembly import Configuration, open_database
from bot.control import RemoteOperations
from bot.errors import BotError
from bot.operations import Asked
from bot.printing import (
    describe,
    print_answer,
    print_documents,
    print_ingested,
    print_json,
    print_line,
    print_passages,
    print_set_aside,
    progress_bar,
    say,
)
from bot.reach import operations_of_several, reach_operations
from knowledge.in_service import ServiceRecord


async def ask(configuration: Configuration, asked: Asked, *, as_json: bool) -> None:
    with progress_bar() as bar:
        task = bar.add_task("opening", total=None)
        async with reach_operations(configuration, needs_model=True, progress=describe(bar, task)) as operations:
            async for event in operations.ask(asked):
                if "status" in event:
                    bar.update(task, description=event["status"])
                elif "answer" in event:
                    bar.stop()
                    print_json(event["answer"]) if as_json else print_answer(event["answer"])
    # Sentences are not printed as they come: a progress bar and a stream share one terminal badly.


async def search(configuration: Configuration, text: str, limit: int, audience: str, *, as_json: bool) -> None:
    with progress_bar() as bar:
        task = bar.add_task("searching", total=None)
        async with reach_operations(configuration, needs_model=False, progress=describe(bar, task)) as operations:
            found = await operations.search(text, limit=limit, audience=audience)
    print_json(found) if as_json else print_passages(found)


async def ingest(
    configuration: Configuration, places: list[str], audience: str, *, whole_site: bool, workers: int, as_json: bool
) -> None:
    found, failed = 0, 0
    with progress_bar() as bar:
        task = bar.add_task("taking in", total=None)
        opened = (
            operations_of_several(configuration, workers)
            if workers
            else reach_operations(configuration, needs_model=False, progress=describe(bar, task))
        )
        async with opened as operations:
            async for result in operations.ingest(places, scope=audience, whole_site=whole_site):
                found += 1
                failed += result["status"] == "failed"
                bar.advance(task)
                bar.update(task, description=f"taking in {Path(result['uri']).name}")
                print_json(result) if as_json else print_ingested(result)
    if not found:
        say(f"no document was found to take in: {', '.join(places)}")
    if failed:
        raise typer.Exit(1)


async def list_documents(configuration: Configuration, audience: str, *, as_json: bool) -> None:
    async with reach_operations(configuration, needs_model=False, progress=say) as operations:
        found = await operations.documents(audience=audience)
    print_json(found) if as_json else print_documents(found)


async def list_set_aside(configuration: Configuration, audience: str, *, as_json: bool) -> None:
    async with reach_operations(configuration, needs_model=False, progress=say) as operations:
        found = await operations.set_aside(audience=audience)
    print_json(found) if as_json else print_set_aside(found)


async def remove(configuration: Configuration, reference: str, audience: str, *, as_json: bool) -> None:
    async with reach_operations(configuration, needs_model=False, progress=say) as operations:
        removed = await operations.remove(reference, audience=audience)
    print_json(removed) if as_json else print_line(f"taken out: {removed['number']} {removed['title']}")


async def refresh(configuration: Configuration, reference: str, audience: str, *, as_json: bool) -> None:
    failed = 0
    async with reach_operations(configuration, needs_model=False, progress=say) as operations:
        async for result in operations.refresh(reference, audience=audience):
            failed += result["status"] == "failed"
            print_json(result) if as_json else print_ingested(result)
    if failed:
        raise typer.Exit(1)


async def migrate_index(
    configuration: Configuration, source: str, target: str, *, replace: bool, as_json: bool
) -> None:
    from knowledge.index import index_name  # noqa: PLC0415
    from knowledge.migration import EMBEDDED, migrate  # noqa: PLC0415 — LlamaIndex takes two seconds to import

    if await RemoteOperations(configuration.home).reachable():
        raise BotError("Tandem is running: stop it first, or what it takes in meanwhile would be missing in the copy")
    named = source or configuration.knowledge.qdrant_url or EMBEDDED
    async with open_database(configuration) as engine:
        in_service = await ServiceRecord(engine).read()
    with progress_bar() as bar:
        task = bar.add_task("opening", total=None)
        done = await migrate(
            configuration.knowledge,
            index_name(configuration.knowledge) if in_service is None else in_service.name,
            source=named,
            target=target,
            replace=replace,
            progress=lambda done, total: bar.update(task, description="copying", completed=done, total=total),
        )
    told = {"from": named, "to": target, **asdict(done)}
    then = "clear TANDEM_QDRANT_URL" if target == EMBEDDED else f"set TANDEM_QDRANT_URL={target}"
    print_json(told) if as_json else print_line(
        f"{done.points} passages are in {target}: {done.copied} copied, {done.unchanged} there already, "
        f"{done.removed} removed. To use it, {then} and start Tandem; the index at {named} was left as it is"
    )
