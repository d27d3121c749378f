"""The `tandem` command: the composition root. Each command parses, calls, and prints.

What needs the trainer is imported where it is used, so that a bot without one starts.
"""

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import logs
from bot.adapter_commands import compare, promote, put_first_in_service, put_named_in_service, rollback, train
from bot.command_line import AsJson, absolute, fail, finish, plainly, read_configuration
from bot.document_commands import documents, index
from bot.export_command import export
from bot.lineage_commands import forget, lineage
from bot.operations import Asked
from bot.printing import print_findings, print_json, print_line, print_retrieval, progress_bar, say
from bot.route_commands import route as routes
from bot.settings import BotSettings, load_settings, misspelt
from bot.shapes import Json
from bot.training_commands import consent, corrections
from knowledge.settings import KnowledgeSettings
from router.model import ModelClient
from router.settings import RouterSettings
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from bot.nights import Stage

app = typer.Typer(
    name="tandem",
    help="A self-hosted Slack assistant: your own model, your own documents, and a router that learns which to use.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
evaluating = typer.Typer(help="Measure how good the parts are.", no_args_is_help=True)
app.add_typer(evaluating, name="eval")
app.add_typer(documents, name="documents")
app.add_typer(index, name="index")
app.add_typer(routes, name="route")
app.add_typer(corrections, name="corrections")
app.add_typer(consent, name="consent")

_SETTINGS = (BotSettings, RouterSettings, KnowledgeSettings, TrainingSettings)
_PLACES = "Files, folders, zip archives, web pages; an address that ends in .git is a git repository, read whole."


class RouteChoice(StrEnum):
    AUTO = "auto"
    DIRECT = "direct"
    RETRIEVE = "retrieve"
    MULTI = "multi"


@app.callback()
def _begin(context: typer.Context) -> None:
    # What people wrote is read by this user alone. An adapter that was trained is for whoever serves it.
    if context.invoked_subcommand != "train":
        os.umask(0o077)


@app.command()
def run() -> None:
    """Start everything and serve until Ctrl-C."""
    from bot.run import serve

    configuration = read_configuration()
    # A wrong value is to stop the start, and not the first night.
    plainly(lambda: load_settings(TrainingSettings))
    for line in misspelt(_SETTINGS):
        say(line)
    plainly(lambda: logs.keep(configuration.home / "logs", configuration.bot.log_level))
    finish(serve(configuration, first_adapter=put_first_in_service, put_into_service=put_named_in_service, say=say))


@app.command()
def nightly(
    once: Annotated[bool, typer.Option("--once", help="Run one night now, and end.")] = False,
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Its date, UTC. Default: today's.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also where that date has had its night.")] = False,
    as_json: AsJson = False,
) -> None:
    """Turn feedback into a new adapter, try it, and put it into service if it is better: each night, or --once."""
    from bot.night_command import Asked as AskedNight
    from bot.night_command import run_each_night, run_once
    from bot.night_stages import is_missed, night_stages

    configuration = read_configuration()
    switch = plainly(lambda: load_settings(TrainingSettings))

    def stages(engine: AsyncEngine, model: ModelClient) -> "Sequence[Stage]":
        return night_stages(configuration, switch, engine, model)

    if not once:
        finish(run_each_night(configuration, stages, say, is_missed=partial(is_missed, configuration.home)))
        return
    asked = AskedNight(day=day.date() if day else None, again=again)
    night = finish(run_once(configuration, asked, stages, say))
    print_json(night.outcomes) if as_json else print_line(night.outcomes["report"]["says"])
    if night.has_failed and not night.is_new:
        another = f"tandem nightly --once{f' --date {night.day}' if day else ''} --again"
        fail(f"the night of {night.day} failed before, and was not tried again now: {another} runs another")
    if night.has_failed:
        raise typer.Exit(1)


@app.command()
def ask(
    text: str,
    user: Annotated[
        str, typer.Option("--as", help="Ask as this user: an id or a name. Default: see what is public.")
    ] = "",
    channel: Annotated[str, typer.Option("--in", help="Ask in this channel: an id or a name.")] = "",
    route: Annotated[RouteChoice, typer.Option(help="Choose the route yourself.")] = RouteChoice.AUTO,
    as_json: AsJson = False,
) -> None:
    """Answer one question."""
    from bot import errands

    if not text.strip():
        fail("the question is empty")
    asked = Asked(text=text, user=user, channel=channel, route=route.value)
    finish(errands.ask(read_configuration(), asked, as_json=as_json))


@app.command()
def search(
    text: str,
    limit: Annotated[int, typer.Option("-k", min=1, max=50, help="How many passages.")] = 5,
    audience: Annotated[str, typer.Option(help="public, or channel:ID.")] = "public",
    as_json: AsJson = False,
) -> None:
    """Find passages in the documents."""
    from bot import errands

    if not text.strip():
        fail("nothing was named to look for")
    finish(errands.search(read_configuration(), text, limit, audience, as_json=as_json))


@app.command()
def ingest(
    places: Annotated[list[str], typer.Argument(metavar="PATH_OR_URL…", help=_PLACES)],
    site: Annotated[bool, typer.Option("--site", help="Take in the whole website at and below each address.")] = False,
    audience: Annotated[str, typer.Option(help="Who may read it: public, or channel:ID.")] = "public",
    workers: Annotated[
        int, typer.Option(min=0, max=64, help="Processes that read at once, over PostgreSQL and Qdrant. Default: none.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Take documents in; the same one twice changes nothing."""
    from bot import errands

    if not all(place.strip() for place in places):
        fail("an empty place was named, which would be this whole folder: name it as . if that is meant")
    named = [place if "://" in place else absolute(place) for place in places]
    finish(errands.ingest(read_configuration(), named, audience, whole_site=site, workers=workers, as_json=as_json))


@evaluating.command("retrieval")
def eval_retrieval(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="A data set in BEIR's layout: corpus.jsonl, queries.jsonl and qrels/test.tsv."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Search a data set by meaning, by words and by both, in an index of its own, and compare what is found."""
    # No home is opened: the team's index is left alone, whoever has it.
    figures = finish(_eval_retrieval(plainly(lambda: load_settings(KnowledgeSettings)), directory))
    print_json(figures) if as_json else print_retrieval(figures)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check tokens, scopes, model, index, database and disk: what is wrong, and how to mend it."""
    from bot.doctor import examine

    findings = finish(examine(misspelt(_SETTINGS)))
    told = [finding.as_json() for finding in findings]
    print_json(told) if as_json else print_findings(told)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


for command in (export, train, promote, rollback, compare, lineage, forget):
    app.command()(command)


async def _eval_retrieval(settings: KnowledgeSettings, directory: Path) -> Json:
    from knowledge.beir.dataset import read_dataset
    from knowledge.evaluation import evaluate_retrieval
    from knowledge.index import temporary_index

    with progress_bar() as bar:
        task = bar.add_task("reading", total=None)

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        dataset = await asyncio.to_thread(read_dataset, directory)
        async with temporary_index(settings) as index:
            evaluation = await evaluate_retrieval(dataset, index, show)
    return {
        "dataset": str(directory),
        "store": "server" if settings.qdrant_url else "embedded",
        "documents": evaluation.documents,
        "passages": evaluation.passages,
        "queries": evaluation.queries,
        "modes": {
            mode.value: {**figures.measures, "latency_ms": {"p50": figures.p50_ms, "p95": figures.p95_ms}}
            for mode, figures in evaluation.modes.items()
        },
    }


if __name__ == "__main__":
    app()
