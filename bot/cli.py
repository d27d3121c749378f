"""The `tandem` command: the composition root. Each command parses, calls, and prints.

What needs the trainer is imported where it is used, so that a bot without one starts.
"""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import logs, termination
from bot.assembly import Configuration, Parts, open_database
from bot.command_line import AsJson, absolute, fail, plainly, read_configuration
from bot.document_commands import documents, index
from bot.errors import BotError, ModelServerError
from bot.lineage_commands import forget, lineage
from bot.operations import Asked
from bot.printing import (
    describe,
    print_comparison,
    print_findings,
    print_json,
    print_line,
    print_mapping,
    print_retrieval,
    progress_bar,
    say,
)
from bot.route_commands import route as routes
from bot.settings import BotSettings, load_settings, misspelt
from bot.shapes import Json
from bot.training_commands import consent, corrections
from knowledge.settings import KnowledgeSettings
from router.errors import RouterError
from router.model import ModelClient
from router.releases import Release
from router.settings import RouterSettings
from training.errors import TrainingError
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
app.command()(lineage)
app.command()(forget)
_log = logging.getLogger(__name__)
_T = TypeVar("_T")

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
    _plainly(lambda: load_settings(TrainingSettings))
    for line in misspelt(_SETTINGS):
        say(line)
    _plainly(lambda: logs.keep(configuration.home / "logs", configuration.bot.log_level))
    _finish(serve(configuration, first_adapter=_put_first_in_service, put_into_service=_put_named_in_service, say=say))


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
    switch = _plainly(lambda: load_settings(TrainingSettings))

    def stages(engine: AsyncEngine, model: ModelClient) -> "Sequence[Stage]":
        return night_stages(configuration, switch, engine, model)

    if not once:
        _finish(run_each_night(configuration, stages, say, is_missed=partial(is_missed, configuration.home)))
        return
    asked = AskedNight(day=day.date() if day else None, again=again)
    night = _finish(run_once(configuration, asked, stages, say))
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
    _finish(errands.ingest(read_configuration(), named, audience, whole_site=site, workers=workers, as_json=as_json))


@app.command()
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
        _finish(_catch_up(read_configuration(), until, as_json=as_json))
        return
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
    data: Annotated[Path, typer.Option("--data", help="JSONL rows, as the recipe's method wants them.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the adapter.")],
    as_json: AsJson = False,
) -> None:
    """Fine-tune a LoRA adapter; begun again after it was killed, it goes on. Also under accelerate launch."""
    with _trainer_needed():
        from training.finetune import train as fine_tune
        from training.loop import Progress as Progressed
        from training.processes import our_processes
    models = read_configuration().home / "model"
    if not our_processes().is_first:
        _plainly(lambda: fine_tune(recipe, data, out, models=models))
        return
    with progress_bar() as bar:
        task = bar.add_task("training", total=None)

        def show(step: Progressed) -> None:
            bar.update(task, completed=step.step, total=step.steps, description=f"training, loss {step.loss:.3f}")

        metrics = _plainly(lambda: fine_tune(recipe, data, out, show, models=models))
    if as_json:
        print_json(asdict(metrics))
    else:
        early = f", stopped early after {metrics.steps} steps" if metrics.stopped_early else ""
        print_line(f"adapter written to {out}, loss {metrics.last_loss:.3f}{early}")


@app.command()
def promote(
    directory: Annotated[Path, typer.Argument(help="An adapter's folder.")],
    as_json: AsJson = False,
) -> None:
    """Put an adapter into service, once it is shown to answer as it was trained to."""
    release = _finish(_promote(read_configuration(), directory))
    print_json(release) if as_json else print_line(f"{release['adapter']} is in service")


@app.command()
def rollback(
    to: Annotated[
        str, typer.Option("--to", metavar="ADAPTER", help="An adapter that was in service. Default: the one before.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Put an earlier adapter back into service."""
    release = _finish(_roll_back(read_configuration(), to))
    print_json(release) if as_json else print_line(f"{release['adapter']} is in service again")


@app.command()
def compare(
    data: Annotated[Path, typer.Argument(help="JSON lines: question, answers, and optional documents, answerable.")],
    plot: Annotated[
        Path | None, typer.Option("--plot", dir_okay=False, help="Write the F1 of the four as an SVG.")
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Questions at once; latencies are under that load.")] = 4,
    as_json: AsJson = False,
) -> None:
    """Answer the team's own questions from the base model, the adapter, documents, and both, and compare."""
    if plot is not None and not plot.absolute().parent.is_dir():
        fail(f"there is no folder {plot.parent} to write the plot to")
    figures = _finish(_compare(read_configuration(), data, plot, at_once))
    print_json(figures) if as_json else print_comparison(figures)


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

    findings = _finish(examine(misspelt(_SETTINGS)))
    told = [finding.as_json() for finding in findings]
    print_json(told) if as_json else print_findings(told)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


async def _export(configuration: Configuration, out: Path, start: datetime, end: datetime) -> Json:
    with _trainer_needed():
        from training.data.export import export as export_feedback
    async with open_database(configuration) as engine:
        done = await export_feedback(engine, out, start=start, end=end, settings=load_settings(TrainingSettings))
    return {"folder": str(done.folder), "rows": dict(done.rows), "withheld": dict(done.withheld)}


async def _catch_up(configuration: Configuration, until: datetime | None, *, as_json: bool) -> None:
    with _trainer_needed():
        from training.data.ledger import catch_up
    end = until.replace(tzinfo=UTC) if until else datetime.now(UTC)
    settings = load_settings(TrainingSettings)
    days = 0
    async with open_database(configuration) as engine:
        async for done in catch_up(engine, configuration.home / "exports", until=end, settings=settings):
            days += 1
            told = {"folder": str(done.folder), "rows": dict(done.rows), "withheld": dict(done.withheld)}
            print_json(told) if as_json else print_mapping(told)
    if not days and not as_json:
        print_line("no day that is over (in UTC) is missing or has changed since the last export")


@contextmanager
def _trainer_needed() -> Generator[None]:
    """Around imports of what a bot without a trainer does not have."""
    try:
        yield
    except ModuleNotFoundError as error:
        fail(
            f"the trainer is not installed ({error.name} is missing): run make install, or pip install tandem[training]"
        )


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
    with progress_bar() as bar:
        bar.add_task("hearing what it answers", total=None)
        async with _model_and_database(configuration) as (model, engine):
            return _release_json(await _put_in_service(configuration, engine, model, directory))


async def _compare(configuration: Configuration, data: Path, plot: Path | None, at_once: int) -> Json:
    from bot.comparing import ground
    from training.comparison.arms import answers_of
    from training.comparison.corrected import corrected
    from training.comparison.questions import read_questions
    from training.comparison.scores import figures_of, plot_of, scores_of

    questions = read_questions(data)
    async with open_database(configuration) as engine:
        corrections = await corrected(engine)
    with progress_bar() as bar:
        task = bar.add_task("opening", total=None)
        texts = {each.title: each.text for each in questions.texts}
        async with ground(configuration, texts, describe(bar, task)) as given:
            exchanges = await answers_of(
                questions.asked,
                search=given.search,
                model=given.model,
                adapter=given.adapter,
                settings=configuration.router,
                folder=given.folder,
                at_once=at_once,
                progress=lambda done, total: bar.update(task, description="asking", completed=done, total=total),
            )
    scores = scores_of(questions.asked, exchanges)
    if plot is not None:
        await asyncio.to_thread(plot.write_text, plot_of(scores), "utf-8")
    return {
        "data": str(data),
        "adapter": given.adapter.adapter,
        "documents": "given" if texts else "the team's own",
        "questions": len(questions.asked),
        "answerable": sum(each.is_answerable for each in questions.asked),
        "at_once": at_once,
        "arms": {arm: figures_of(score) for arm, score in scores.items()},
        "corrections": asdict(corrections),
    }


async def _roll_back(configuration: Configuration, to: str) -> Json:
    from training.promotion import roll_back

    async with _model_and_database(configuration) as (model, engine):
        return _release_json(await roll_back(engine=engine, model=model, to=to))


def _release_json(release: Release) -> Json:
    return {"adapter": release.adapter, "path": release.path, "base": release.base}


@asynccontextmanager
async def _model_and_database(configuration: Configuration) -> AsyncGenerator[tuple[ModelClient, AsyncEngine]]:
    """Raises ModelServerError where no model server answers."""
    model = ModelClient(url=configuration.model_url, settings=configuration.router.unhurried())
    try:
        if not await model.ready():
            raise ModelServerError(_how_to_start_model(configuration))
        async with open_database(configuration) as engine:
            yield model, engine
    finally:
        await model.aclose()


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


async def _put_named_in_service(parts: Parts, adapter: str) -> None:
    """One that was in service before is gone back to; another one is heard first. Raises BotError."""
    from training.promotion import put_into_service

    try:
        await put_into_service(adapter, home=parts.configuration.home, engine=parts.engine, model=parts.model)
    except (RouterError, TrainingError) as error:
        raise BotError(str(error)) from error


def _finish(work: Coroutine[Any, Any, _T]) -> _T:
    return _plainly(lambda: termination.run(work))


def _plainly(work: Callable[[], _T]) -> _T:
    """As for all commands; those of this module may also meet the trainer's errors."""
    try:
        return plainly(work)
    except TrainingError as error:
        fail(str(error))


if __name__ == "__main__":
    app()
