"""`tandem export`: exchanges and their feedback as files to train on and to measure with."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.assembly import Configuration, open_database
from bot.command_line import AsJson, fail, finish, read_configuration, trainer_needed
from bot.printing import print_json, print_line, print_mapping
from bot.settings import load_settings
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from training.data.export import Export


def export(
    out: Annotated[Path | None, typer.Option("--out", help="Folder for one window's files.")] = None,
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="Every day that is missing or has changed, each a folder of its own.")
    ] = False,
    since: Annotated[
        datetime | None, typer.Option(help="Start of the window, UTC. Default: a day before its end.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="End of the window, UTC. Default: the last midnight.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write exchanges and their feedback as training data, to train on and to measure with."""
    if catch_up == (out is not None):
        fail("say --out FOLDER for one window, or --catch-up for all days that are missing in Tandem's own folder")
    if since is not None and catch_up:
        fail("--since goes with --out: --catch-up takes all days that are missing or have changed")
    if out is None:
        finish(_catch_up(read_configuration(), until, as_json=as_json))
        return
    end = until.replace(tzinfo=UTC) if until else datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = since.replace(tzinfo=UTC) if since else end - timedelta(days=1)
    if start >= end:
        fail(f"the window is empty: it would begin on {start:%Y-%m-%d %H:%M} and end on {end:%Y-%m-%d %H:%M} (UTC)")
    if out.exists() and not out.is_dir():
        fail(f"{out} is no folder")
    finish(_export(read_configuration(), out, start, end, as_json=as_json))


async def _export(configuration: Configuration, out: Path, start: datetime, end: datetime, *, as_json: bool) -> None:
    with trainer_needed():
        from training.data.export import export as export_feedback
    async with open_database(configuration) as engine:
        done = await export_feedback(engine, out, start=start, end=end, settings=load_settings(TrainingSettings))
    _tell(done, as_json=as_json)


async def _catch_up(configuration: Configuration, until: datetime | None, *, as_json: bool) -> None:
    with trainer_needed():
        from training.data.ledger import catch_up
    end = until.replace(tzinfo=UTC) if until else datetime.now(UTC)
    settings = load_settings(TrainingSettings)
    days = 0
    async with open_database(configuration) as engine:
        async for done in catch_up(engine, configuration.home / "exports", until=end, settings=settings):
            days += 1
            _tell(done, as_json=as_json)
    if not days and not as_json:
        print_line("no day that is over (in UTC) is missing or has changed since the last export")


def _tell(done: "Export", *, as_json: bool) -> None:
    told = {"folder": str(done.folder), "rows": dict(done.rows), "withheld": dict(done.withheld)}
    print_json(told) if as_json else print_mapping(told)
