"""`tandem train`, `promote`, `rollback` and `compare`: how an adapter is made, put into service, and what it is worth."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.assembly import Configuration, Parts, open_database
from bot.command_line import AsJson, fail, finish, plainly, read_configuration, trainer_needed
from bot.errors import BotError, ModelServerError
from bot.printing import describe, print_comparison, print_json, print_line, progress_bar, say
from bot.shapes import Json
from router.errors import RouterError
from router.model import ModelClient
from router.releases import Release
from training.errors import TrainingError
from training.recipe import read_recipe

_log = logging.getLogger(__name__)


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, like training/recipes/grounding.yaml.")],
    data: Annotated[Path, typer.Option("--data", help="JSONL rows, as the recipe's method wants them.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the adapter.")],
    as_json: AsJson = False,
) -> None:
    """Fine-tune a LoRA adapter; begun again after it was killed, it goes on. Also under accelerate launch."""
    # Before the trainer is imported, which takes seconds.
    plainly(lambda: read_recipe(recipe))
    with trainer_needed():
        from training.finetune import train as fine_tune
        from training.loop import Progress as Progressed
        from training.processes import our_processes
    models = read_configuration().home / "model"
    if not our_processes().is_first:
        plainly(lambda: fine_tune(recipe, data, out, models=models))
        return
    with progress_bar() as bar:
        task = bar.add_task("training", total=None)

        def show(step: Progressed) -> None:
            bar.update(task, completed=step.step, total=step.steps, description=f"training, loss {step.loss:.3f}")

        metrics = plainly(lambda: fine_tune(recipe, data, out, show, models=models))
    if as_json:
        print_json(asdict(metrics))
    else:
        early = f", stopped early after {metrics.steps} steps" if metrics.stopped_early else ""
        print_line(f"adapter written to {out}, loss {metrics.last_loss:.3f}{early}")


def promote(
    directory: Annotated[Path, typer.Argument(help="An adapter's folder.")],
    as_json: AsJson = False,
) -> None:
    """Put an adapter into service, once it is shown to answer as it was trained to."""
    release = finish(_promote(read_configuration(), directory))
    print_json(release) if as_json else print_line(f"{release['adapter']} is in service")


def rollback(
    to: Annotated[
        str, typer.Option("--to", metavar="ADAPTER", help="An adapter that was in service. Default: the one before.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Put an earlier adapter back into service."""
    release = finish(_roll_back(read_configuration(), to))
    print_json(release) if as_json else print_line(f"{release['adapter']} is in service again")


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
    figures = finish(_compare(read_configuration(), data, plot, at_once))
    print_json(figures) if as_json else print_comparison(figures)


async def put_first_in_service(parts: Parts) -> None:
    """What does not work out here stops nothing: the base model answers, labelled, and the next start tries again."""
    from training.grounding_adapter import FOLDER

    try:
        await _put_in_service(parts.configuration, parts.engine, parts.model, FOLDER)
    except (RouterError, TrainingError) as error:
        say(f"the grounding adapter is not in service, and the base model answers: {error}")
        _log.warning("the grounding adapter is not in service: %s", error)


async def put_named_in_service(parts: Parts, adapter: str) -> None:
    """One that was in service before is gone back to; another one is heard first. Raises BotError."""
    from training.promotion import put_into_service

    try:
        await put_into_service(adapter, home=parts.configuration.home, engine=parts.engine, model=parts.model)
    except (RouterError, TrainingError) as error:
        raise BotError(str(error)) from error


async def _promote(configuration: Configuration, directory: Path) -> Json:
    with progress_bar() as bar:
        bar.add_task("hearing what it answers", total=None)
        async with _model_and_database(configuration) as (model, engine):
            return _release_json(await _put_in_service(configuration, engine, model, directory))


async def _put_in_service(
    configuration: Configuration, engine: AsyncEngine, model: ModelClient, directory: Path
) -> Release:
    from training.promotion import promote

    return await promote(directory, home=configuration.home, engine=engine, model=model)


async def _roll_back(configuration: Configuration, to: str) -> Json:
    from training.promotion import roll_back

    async with _model_and_database(configuration) as (model, engine):
        return _release_json(await roll_back(engine=engine, model=model, to=to))


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
