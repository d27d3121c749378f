"""`tandem route …`: why a message takes its route, which policy decides it, and what it learns from feedback."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bot.assembly import Configuration, open_database
from bot.command_line import AsJson, finish, read_configuration
from bot.operations import Asked
from bot.printing import print_decision, print_json, print_line, print_releases, say
from bot.reach import reach_operations
from bot.route_learning import evaluate, fit
from bot.shapes import Json, release_json
from knowledge.audience import EVERYONE
from router.errors import PolicyBroken, PolicyRefused
from router.in_service import InService, consisting_of, in_service
from router.policies import POLICY, Policies, checked, read_file
from router.questions import Question
from router.releases import Release, Releases

route = typer.Typer(help="See and change what decides how a question is answered.", no_args_is_help=True)
route.command()(fit)
route.command("eval")(evaluate)

_TRIED = "Who decides how a question is answered?"
_BUILT_IN = "the policy that comes with Tandem"


@route.command()
def explain(
    text: str,
    user: Annotated[str, typer.Option("--as", help="As this user: an id or a name.")] = "",
    channel: Annotated[str, typer.Option("--in", help="In this channel: an id or a name.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say by which route a message would be answered now, with the odds and what they come from."""
    told = finish(_explain(read_configuration(), Asked(text=text, user=user, channel=channel)))
    print_json(told) if as_json else print_decision(told)


@route.command()
def promote(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with policy.json in it, or that file.")],
    as_json: AsJson = False,
) -> None:
    """Put a policy into service, as route fit or refit wrote it; a running bot follows with its next question."""
    configuration = read_configuration()

    async def put(releases: Releases, policies: Policies) -> Release:
        path = directory / POLICY if directory.is_dir() else directory
        named = directory.resolve().name if directory.is_dir() else directory.stem
        name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in named.lower())
        data = read_file(path)
        await _try(consisting_of(policies, checked(data, str(path)), str(path)), configuration)
        return await releases.put_policy(policies.keep(data, name=name.strip("-")[:60] or "policy"))

    _release(put, configuration, as_json=as_json)


@route.command()
def rollback(as_json: AsJson = False) -> None:
    """Put the policy into service that was before the present one; the adapter stays."""

    async def back(releases: Releases, policies: Policies) -> Release:
        return await releases.roll_policy_back(lambda name: in_service(policies, name))

    _release(back, read_configuration(), as_json=as_json)


@route.command()
def history(as_json: AsJson = False) -> None:
    """List all releases with their adapter and policy, the last one first."""
    told = finish(_history(read_configuration()))
    print_json(told) if as_json else print_releases(told)


@route.command()
def refit(as_json: AsJson = False) -> None:
    """Learn from all feedback so far; what is learnt is put into service if it is surely better on what was held out."""
    told = finish(_refit(read_configuration()))
    if as_json:
        print_json(told)
        return
    print_line(f"{told['reason']} {told['outcomes']} outcomes, {told['held_out']} of them held out.")
    if told["loss_before"] is not None:
        print_line(f"log loss on those: {told['loss_before']:.4f} before, {told['loss_after']:.4f} after")
    if told["policy"]:
        print_line(f"{told['policy']} is in service")


def _release(
    change: Callable[[Releases, Policies], Awaitable[Release]], configuration: Configuration, *, as_json: bool
) -> None:
    told = finish(_changed(configuration, change))
    print_json(told) if as_json else print_line(f"{told['policy'] or _BUILT_IN} is in service")


async def _try(wanted: InService, configuration: Configuration) -> None:
    """Have it decide once, before it is kept. Raises PolicyRefused."""
    embedding, settings = wanted.prior.embedding, configuration.knowledge
    if embedding not in {"", settings.embedding_name}:
        raise PolicyRefused(
            f"{wanted.name} weighs embeddings of {embedding}, and {settings.embedding_name} is set: look at "
            "TANDEM_EMBEDDING_MODEL, or fit it with --no-embed"
        )
    vector: list[float] = []
    if embedding:
        from knowledge.embedding import open_embedding

        vector = await open_embedding(settings).aget_query_embedding(_TRIED)
    try:
        wanted.outlook(Question(text=_TRIED, audience=EVERYONE, asker=""), None, vector)
    except PolicyBroken as error:
        raise PolicyRefused(f"{wanted.name} cannot decide a question: its parts do not fit together") from error


async def _changed(configuration: Configuration, change: Callable[[Releases, Policies], Awaitable[Release]]) -> Json:
    async with open_database(configuration) as engine:
        return release_json(await change(Releases(engine), Policies(configuration.policies)))


async def _explain(configuration: Configuration, asked: Asked) -> Json:
    async with reach_operations(configuration, needs_model=False, progress=say) as operations:
        return await operations.explain(asked)


async def _history(configuration: Configuration) -> list[Json]:
    async with open_database(configuration) as engine:
        return [release_json(release) for release in reversed(await Releases(engine).history())]


async def _refit(configuration: Configuration) -> Json:
    from router.journal import Journal
    from router.refit import refit as learn

    async with open_database(configuration) as engine:
        policies = Policies(configuration.policies)
        return asdict(await learn(journal=Journal(engine), releases=Releases(engine), policies=policies))
