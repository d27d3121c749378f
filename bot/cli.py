"""The `tandem` command: the composition root. Each command parses, calls, and prints.

What needs the trainer is imported where it is used, so that a bot without one starts.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import logs
from bot.assembly import Configuration, Parts, open_database
from bot.command_line import AsJson, absolute, fail, plainly, read_configuration
from bot.document_commands import documents, index
from bot.errors import ModelServerError
from bot.operations import Asked
from bot.printing import (
    print_findings,
    print_json,
    print_line,
    print_mapping,
    print_retrieval,
    progress_bar,
    say,
)
from bot.settings import load_settings
from bot.shapes import Json
from knowledge.settings import KnowledgeSettings
from router.errors import RouterError
from router.model import ModelClient
from router.releases import Release
from training.errors import TrainingError
from training.export import export as export_feedback
from training.settings import TrainingSettings

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
_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_DAYS_EXPORTED = 7
_PLACES = "Files, folders, zip archives, web pages; an address that ends in .git is a git repository, read whole."


class RouteChoice(StrEnum):
    AUTO = "auto"
    DIRECT = "direct"
    RETRIEVE = "retrieve"


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
    switch = _plainly(lambda: load_settings(TrainingSettings))
    _plainly(lambda: logs.keep(configuration.home / "logs", configuration.bot.log_level))

    async def nightly(parts: Parts, scheduled: datetime) -> None:
        await _export_last_days(parts, scheduled, switch)

    _finish(serve(configuration, first_adapter=_put_first_in_service, nightly=nightly, say=say))


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

    asked = Asked(text=text, user=user, channel=channel, route=route.value)
    _finish(errands.ask(read_configuration(), asked, as_json=as_json))


@app.command()
def search(
    text: str,
    limit: Annotated[int, typer.Option("-k", min=1, max=50, help="How many passages.")] = 5,
    audience: Annotated[str, typer.Option(help="public, or channel:ID.")] = "public",
    as_json: AsJson = False,
) -> None:
    """Find passages in the documents."""
    from bot import errands

    _finish(errands.search(read_configuration(), text, limit, audience, as_json=as_json))


@app.command()
def ingest(
    places: Annotated[list[str], typer.Argument(metavar="PATH_OR_URL…", help=_PLACES)],
    site: Annotated[bool, typer.Option("--site", help="Take in the whole website at and below each address.")] = False,
    audience: Annotated[str, typer.Option(help="Who may read it: public, or channel:ID.")] = "public",
    as_json: AsJson = False,
) -> None:
    """Take documents in; the same one twice changes nothing."""
    from bot import errands

    if not all(place.strip() for place in places):
        fail("an empty place was named, which would be this whole folder: name it as . if that is meant")
    named = [place if "://" in place else absolute(place) for place in places]
    _finish(errands.ingest(read_configuration(), named, audience, whole_site=site, as_json=as_json))


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", help="Folder for the JSONL files.")],
    since: Annotated[
        datetime | None, typer.Option(help="Start of the window, UTC. Default: a day before its end.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="End of the window, UTC. Default: the last midnight.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write exchanges and their feedback as training data."""
    end = until.replace(tzinfo=UTC) if until else datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = since.replace(tzinfo=UTC) if since else end - timedelta(days=1)
    manifest = _finish(_export(read_configuration(), out, start, end))
    if as_json:
        print_json(manifest)
    else:
        print_mapping(manifest)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, like training/recipes/grounding.yaml.")],
    data: Annotated[Path, typer.Option("--data", help="JSONL rows of prompt and completion.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the adapter.")],
    as_json: AsJson = False,
) -> None:
    """Fine-tune a LoRA adapter."""
    try:
        from training.finetune import Progress as Progressed
        from training.finetune import train as fine_tune
    except ModuleNotFoundError as error:
        fail(
            f"the trainer is not installed ({error.name} is missing): run make install, or pip install tandem[training]"
        )
    models = read_configuration().home / "model"
    with progress_bar() as bar:
        task = bar.add_task("training", total=None)

        def show(step: Progressed) -> None:
            bar.update(task, completed=step.step, total=step.steps, description=f"training, loss {step.loss:.3f}")

        metrics = _plainly(lambda: fine_tune(recipe, data, out, show, models=models))
    if as_json:
        print_json(asdict(metrics))
    else:
        print_line(f"adapter written to {out}, loss {metrics.last_loss:.3f}")


@app.command()
def promote(
    directory: Annotated[Path, typer.Argument(help="An adapter's folder.")],
    as_json: AsJson = False,
) -> None:
    """Put an adapter into service, once it is shown to answer as it was trained to."""
    release = _finish(_promote(read_configuration(), directory))
    print_json(release) if as_json else print_line(f"{release['adapter']} is in service")


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
    figures = _finish(_eval_retrieval(_plainly(lambda: load_settings(KnowledgeSettings)), directory))
    print_json(figures) if as_json else print_retrieval(figures)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check tokens, scopes, model, index, database and disk: what is wrong, and how to mend it."""
    from bot.doctor import examine

    findings = _finish(examine())
    told = [finding.as_json() for finding in findings]
    print_json(told) if as_json else print_findings(told)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


async def _export(configuration: Configuration, out: Path, start: datetime, end: datetime) -> Json:
    async with open_database(configuration) as engine:
        done = await export_feedback(engine, out, start=start, end=end, settings=load_settings(TrainingSettings))
    return {"folder": str(done.folder), "rows": dict(done.rows), "withheld": dict(done.withheld)}


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


async def _promote(configuration: Configuration, directory: Path) -> Json:
    model = ModelClient(url=configuration.model_url, settings=configuration.router)
    with progress_bar() as bar:
        bar.add_task("hearing what it answers", total=None)
        try:
            if not await model.ready():
                raise ModelServerError(_how_to_start_model(configuration))
            async with open_database(configuration) as engine:
                release = await _put_in_service(configuration, engine, model, directory)
        finally:
            await model.aclose()
    return {"adapter": release.adapter, "path": release.path, "base": release.base}


def _how_to_start_model(configuration: Configuration) -> str:
    nobody = f"no model server answers at {configuration.model_url}"
    if configuration.router.model_url:
        return f"{nobody}: start it, or correct TANDEM_MODEL_URL"
    return f"{nobody}: start tandem run first, which starts one"


async def _put_first_in_service(parts: Parts) -> None:
    """What does not work out here stops nothing: the base model answers, labelled, and the next start tries again."""
    from training.grounding_adapter import FOLDER

    try:
        await _put_in_service(parts.configuration, parts.engine, parts.model, FOLDER)
    except (RouterError, TrainingError) as error:
        say(f"the grounding adapter is not in service, and the base model answers: {error}")
        _log.warning("the grounding adapter is not in service: %s", error)


async def _put_in_service(
    configuration: Configuration, engine: AsyncEngine, model: ModelClient, directory: Path
) -> Release:
    from training.promotion import promote

    return await promote(directory, home=configuration.home, engine=engine, model=model)


async def _export_last_days(parts: Parts, scheduled: datetime, settings: TrainingSettings) -> None:
    """A folder a day, the last ones written anew: people vote and correct for days after the answer."""
    midnight = scheduled.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(1, _DAYS_EXPORTED + 1):
        start = midnight - timedelta(days=days)
        out = parts.configuration.home / "exports" / f"{start:%Y-%m-%d}"
        await export_feedback(parts.engine, out, start=start, end=start + timedelta(days=1), settings=settings)


def _finish(work: Coroutine[Any, Any, _T]) -> _T:
    return _plainly(lambda: asyncio.run(work))


def _plainly(work: Callable[[], _T]) -> _T:
    """As for all commands; those of this module may also meet the trainer's errors."""
    try:
        return plainly(work)
    except TrainingError as error:
        fail(str(error))
