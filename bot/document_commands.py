"""`tandem documents …` and `tandem index …`."""

from typing import Annotated

import typer

from bot.command_line import AsJson, absolute, finish, read_configuration
from bot.operations import ALL_DOCUMENTS

documents = typer.Typer(help="See to the documents that were taken in.", no_args_is_help=True)
index = typer.Typer(help="See to the index itself.", no_args_is_help=True)

OfAudience = Annotated[str, typer.Option("--audience", help="Those that public, or channel:ID, may read.")]
Reference = Annotated[str, typer.Argument(metavar="NUMBER_OR_LINK", help="Its number, address or path.")]


@documents.command("list")
def list_documents(
    audience: OfAudience = "public",
    failed: Annotated[
        bool,
        typer.Option("--failed", help="Those that failed three times, are not tried again by themselves, and why."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List them, the last added first."""
    from bot import errands

    if failed:
        finish(errands.list_set_aside(read_configuration(), audience, as_json=as_json))
        return
    finish(errands.list_documents(read_configuration(), audience, as_json=as_json))


@documents.command()
def remove(reference: Reference, audience: OfAudience = "public", as_json: AsJson = False) -> None:
    """Take one out of the index and the list."""
    from bot import errands

    finish(errands.remove(read_configuration(), _absolute(reference), audience, as_json=as_json))


@documents.command()
def refresh(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="NUMBER_OR_LINK", help="Its number, address or path; a place that was taken in; or all."
        ),
    ],
    audience: OfAudience = "public",
    as_json: AsJson = False,
) -> None:
    """Read one again, a folder, site or repository with what is new there, or all of them."""
    from bot import errands

    finish(errands.refresh(read_configuration(), _absolute(reference), audience, as_json=as_json))


@index.command("migrate")
def migrate_index(
    target: Annotated[str, typer.Option("--to", metavar="URL|embedded", help="Where to copy it to.")],
    source: Annotated[
        str, typer.Option("--from", metavar="URL|embedded", help="Where it is. Default: where the settings say.")
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Remove from the target what the source lacks.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the index to a Qdrant server, or from one, point for point; twice changes nothing. The bot must be stopped."""
    from bot import errands

    finish(errands.migrate_index(read_configuration(), source, target, replace=replace, as_json=as_json))


def _absolute(reference: str) -> str:
    """A path as its document has it, where there is such a file; a number, an address and `all` as they are."""
    is_other = "://" in reference or reference.isdecimal() or reference == ALL_DOCUMENTS
    return reference if is_other else absolute(reference)
