"""`tandem corrections …` and `tandem consent …`: what people decide about training."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from enum import StrEnum
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer

from bot.assembly import Configuration, open_database
from bot.command_line import AsJson, fail, finish, read_configuration
from bot.operations import Operations
from bot.printing import print_json, print_line, say
from bot.reach import reach_operations
from bot.shapes import Json
from training.data.consent import Consent
from training.data.corrections import Correction, Corrections, Verdict, fact_place

corrections = typer.Typer(help="Review what people say that answers should have been.", no_args_is_help=True)
consent = typer.Typer(help="See to it that nothing is learnt from a person's words.", no_args_is_help=True)

CorrectionId = Annotated[str, typer.Argument(metavar="ID", help="The correction's id, as the list shows it.")]
CorrectionIds = Annotated[list[str], typer.Argument(metavar="ID…", help="Corrections' ids, as the list shows them.")]
Person = Annotated[str, typer.Argument(metavar="USER", help="The person's id in Slack, like U0123.")]
_ID = re.compile(r"(?P<mention><@)?(?P<id>[UW][A-Z0-9]{1,40})(?(mention)(?:\|[^<>|]*)?>)")


class Kind(StrEnum):
    FACT = "fact"
    KNOW_HOW = "know-how"


_VERDICTS: Mapping[Kind, Verdict] = {Kind.FACT: "fact", Kind.KNOW_HOW: "know_how"}


@corrections.command("list")
def list_corrections(as_json: AsJson = False) -> None:
    """List those that nobody has reviewed yet, the oldest first."""
    waiting = finish(_waiting(read_configuration()))
    if as_json:
        print_json(waiting)
        return
    for each in waiting:
        print_line(f"{each['id']}  {each['person']}, {each['at']}\n  asked: {each['question']}")
        print_line(f"  said: {each['said']}\n  should say: {each['should_say']}")
    if not waiting:
        say("no correction waits for a review")


@corrections.command()
def approve(
    correction_ids: CorrectionIds,
    kind: Annotated[
        Kind,
        typer.Option(
            "--as", help="know-how, which stays and goes to the weights; or a fact, which belongs into documents."
        ),
    ],
    audience: Annotated[
        str, typer.Option(help="Who may read a fact: public, or channel:ID. Default: who could read the answer.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Say that they are right, and what kind of knowledge they are. A fact is taken into the documents at once."""
    tell = _teller(f"approved as {kind.value}", as_json=as_json)
    finish(_review_each(read_configuration(), correction_ids, _VERDICTS[kind], tell, audience=audience))


@corrections.command()
def reject(correction_id: CorrectionId, as_json: AsJson = False) -> None:
    """Say that it is wrong: it then counts as no vote against the answer either."""
    finish(_review_each(read_configuration(), [correction_id], "rejected", _teller("rejected", as_json=as_json)))


@consent.command("list")
def list_opted_out(as_json: AsJson = False) -> None:
    """List the people who opted out."""
    people = finish(_opted_out(read_configuration()))
    print_json(people) if as_json else print_line("\n".join(people) or "nobody has opted out")


@consent.command("opt-out")
def opt_out(person: Person, as_json: AsJson = False) -> None:
    """Learn nothing from a person's words, and take them out of what was exported at the next export."""
    told = finish(_opt_out(read_configuration(), _known_by(person)))
    said = f"nothing is learnt from {told['person']} any more; tandem export --catch-up takes out what was exported"
    print_json(told) if as_json else print_line(said)


@consent.command("opt-in")
def opt_in(person: Person, as_json: AsJson = False) -> None:
    """Take that back."""
    told = finish(_opt_in(read_configuration(), person))
    print_json(told) if as_json else print_line(f"{told['person']} may be learnt from again")


def _known_by(person: str) -> str:
    """Their id: by anything else nobody would be protected, and nobody would notice."""
    found = _ID.fullmatch(person)
    if found is None:
        fail(
            f"“{person[:80]}” is no person's id in Slack, which is like U0123: their profile there has it, under ⋮ and Copy member ID"
        )
    return found["id"]


def _teller(said: str, *, as_json: bool) -> Callable[[Json], None]:
    return lambda reviewed: print_json(reviewed) if as_json else print_line(f"{said}: {reviewed['should_say']}")


async def _waiting(configuration: Configuration) -> list[Json]:
    async with open_database(configuration) as engine:
        return [_told(each) for each in await Corrections(engine).waiting()]


async def _review_each(
    configuration: Configuration,
    correction_ids: Sequence[str],
    verdict: Verdict,
    tell: Callable[[Json], None],
    *,
    audience: str = "",
) -> None:
    """Each is kept and told before the next one, which may fail. All facts are taken in at one opening of the index."""
    async with open_database(configuration) as engine, AsyncExitStack() as opened:
        reviewing, operations = Corrections(engine), None
        for correction_id in correction_ids:
            correction = await reviewing.find(correction_id)
            if verdict == "fact":
                scope = _scope(correction, audience)
                if operations is None:
                    reaching = reach_operations(configuration, needs_model=False, progress=say)
                    operations = await opened.enter_async_context(reaching)
                await _take_in(operations, _written(correction, configuration.home), scope)
            await reviewing.review(correction, verdict, reviewer=_reviewer(), at=datetime.now(UTC))
            tell(_told(correction) | {"verdict": verdict})


def _reviewer() -> str:
    """In a container the user may have no name."""
    try:
        return getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _scope(correction: Correction, audience: str) -> str:
    scope = audience or correction.scope
    if not scope:
        fail("who may read this fact? It was written where no document belongs: say --audience public or channel:ID")
    return scope


def _written(correction: Correction, home: Path) -> Path:
    """A file below TANDEM_HOME, so that whoever refreshes documents finds it, and an administrator can mend it."""
    place = fact_place(home, correction.feedback_id)
    place.parent.mkdir(mode=0o700, exist_ok=True)
    place.write_text(f"# {' '.join(correction.question.split())}\n\n{correction.should_say}\n", "utf-8")
    return place


async def _take_in(operations: Operations, place: Path, scope: str) -> None:
    results = [result async for result in operations.ingest([str(place)], scope=scope)]
    for result in results:
        if result["status"] == "failed":
            fail(f"the fact could not be taken in, and waits for another review: {result['error']}")


async def _opted_out(configuration: Configuration) -> list[str]:
    async with open_database(configuration) as engine:
        return sorted((await Consent(engine).opted_out()).people)


async def _opt_out(configuration: Configuration, person: str) -> Json:
    async with open_database(configuration) as engine:
        await Consent(engine).opt_out(person, datetime.now(UTC))
    return {"person": person, "opted_out": True}


async def _opt_in(configuration: Configuration, person: str) -> Json:
    """Whatever the list shows may be taken off it."""
    async with open_database(configuration) as engine:
        consents = Consent(engine)
        listed = (await consents.opted_out()).people
        person = person if person in listed else _known_by(person)
        await consents.opt_in(person)
    return {"person": person, "opted_out": False}


def _told(correction: Correction) -> Json:
    return {
        "id": correction.feedback_id,
        "exchange_id": correction.exchange_id,
        "person": correction.person,
        "at": correction.at.isoformat(timespec="seconds"),
        "question": correction.question,
        "said": correction.said,
        "should_say": correction.should_say,
        "verdict": correction.verdict,
    }
