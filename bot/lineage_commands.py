"""`tandem lineage` and `tandem forget`: what adapters learnt from, and how it is taken back."""

import sys
from typing import Annotated

import typer

from bot.assembly import Configuration, open_database
from bot.command_line import AsJson, fail, finish, plainly, read_configuration
from bot.deliveries import is_cut_off
from bot.printing import print_json, print_line, print_lineage, print_proof, say
from bot.settings import load_settings
from bot.shapes import Json
from router.releases import Releases
from training.forgetting.plan import Kind, Target, find, kept_plan
from training.lineage import learnt_from
from training.settings import TrainingSettings
from training.withdrawal import adapter_folders, lineage_of

Exchange = Annotated[str, typer.Option("--exchange", metavar="ID", help="An exchange's id, as the exports have it.")]
User = Annotated[str, typer.Option("--user", metavar="USER", help="A person's id in Slack, like U0123.")]
Document = Annotated[str, typer.Option("--document", metavar="DOCUMENT", help="A document's number, link or id.")]


def lineage(
    adapter: Annotated[str, typer.Argument(help="Its name, as name@digest. Default: the one in service.")] = "",
    exchange: Exchange = "",
    user: User = "",
    document: Document = "",
    as_json: AsJson = False,
) -> None:
    """Tell what an adapter learnt from, row by row; or which adapters learnt from an exchange, a person or a document."""
    target = _target(exchange, user, document) if exchange or user or document else None
    if adapter and target:
        fail("name an adapter, or what is looked for in all of them, and not both")
    configuration = read_configuration()
    if target is not None:
        found = finish(_learners(configuration, target))
        nobody = f"no adapter learnt from {target.kind} {target.name}"
        print_json(found) if as_json else print_line("\n".join(_learner_lines(found)) or nobody)
        return
    told = finish(_lineage(configuration, adapter))
    print_json(told) if as_json else print_lineage(told)


def forget(
    exchange: Exchange = "",
    user: User = "",
    document: Document = "",
    retrain: Annotated[bool, typer.Option("--retrain", help="Run a night at once, from what is left.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete an exchange, a person's words or a document, withdraw what learnt from it, and prove that nothing is left."""
    target = _target(exchange, user, document)
    configuration = read_configuration()
    from bot.forgetting import forget_all

    switch = plainly(lambda: load_settings(TrainingSettings))
    proof = finish(forget_all(configuration, target, switch))
    print_json(proof) if as_json else print_proof(proof)
    if any(place["left"] for place in proof["places"].values()):
        fail("some of it is left: run the command again, and see what the places say")
    if retrain:
        finish(_retrain(configuration))
    elif proof["withdrawn"]:
        say(
            "the next night trains an adapter from what is left; --retrain, or tandem nightly --once --again, does so now"
        )


def _target(exchange: str, user: str, document: str) -> Target:
    named = {"exchange": exchange, "user": user, "document": document}
    kinds: list[Kind] = ["exchange", "user", "document"]
    given = [Target(kind=kind, name=named[kind]) for kind in kinds if named[kind]]
    if len(given) != 1:
        fail("name one of --exchange, --user and --document")
    if is_cut_off(exchange):
        fail(f"“{exchange}” is the beginning of many exchanges' ids: name one whole, as the exports have it")
    return given[0]


async def _lineage(configuration: Configuration, adapter: str) -> Json:
    async with open_database(configuration) as engine:
        release = await Releases(engine).in_service()
        named = adapter or (release.adapter if release else "")
        folder = (await adapter_folders(configuration.home, engine)).get(named)
    if folder is None:
        fail(f"there is no adapter {named}" if named else "no adapter is in service: name one")
    told = lineage_of(folder)
    if told is None:
        fail(f"what {named} learnt from is not known, so it counts as one that learnt from everything")
    return {"adapter": named, **told.model_dump(mode="json")}


async def _learners(configuration: Configuration, target: Target) -> list[Json]:
    async with open_database(configuration) as engine:
        plan = await find(target, kept_plan(target, configuration.home), home=configuration.home, engine=engine)
        release = await Releases(engine).in_service()
        folders = await adapter_folders(configuration.home, engine)
    found: list[Json] = []
    for name, folder in sorted(folders.items()):
        told, sought = lineage_of(folder), plan.sought(target)
        if learnt_from(told, sought):
            found.append(
                {
                    "adapter": name,
                    "in_service": release is not None and release.adapter == name,
                    "is_known": told is not None and told.is_whole,
                    "exchanges": sorted({each.exchange_id for each in told.found(sought)}) if told else [],
                    "documents": sorted(each.uri for each in told.shown(sought)) if told else [],
                    "rows": len(told.rows_of(sought)) if told else 0,
                }
            )
    return found


def _learner_lines(found: list[Json]) -> list[str]:
    return [
        f"{each['adapter']}{' (in service)' if each['in_service'] else ''}: "
        + _of(each["rows"], each["exchanges"] + each["documents"])
        + ("" if each["is_known"] else " what it learnt from is not known in full")
        for each in found
    ]


def _of(rows: int, sources: list[str]) -> str:
    """Without rows of its own, it learnt from them as the adapter that it was trained on from."""
    if not sources:
        return ""
    return f"{f'{rows} rows' if rows else 'by the adapter before'}, of {', '.join(sources)}"


async def _retrain(configuration: Configuration) -> None:
    from bot.apart import last_words, run_apart
    from bot.night_command import NAME

    command = [sys.executable, "-m", "bot.cli", NAME, "--once", "--again"]
    log = await run_apart(command, home=configuration.home, name=NAME)
    say(f"the night has ended: {last_words(log)}")
