"""Data sets that others made, written as examples: `python -m router.datasets mtrag DATA OUT`."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from knowledge.errors import KnowledgeError
from knowledge.index import temporary_index
from knowledge.settings import KnowledgeSettings
from router.datasets import clinc150, kinds, mtrag
from router.errors import RouterError

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

DataFolder = Annotated[Path, typer.Argument(metavar="DATA", help="The folder of data sets, or the set's own in it.")]
OutFile = Annotated[Path, typer.Argument(metavar="OUT", help="The JSONL file to write.")]


@app.command("clinc150")
def convert_clinc150(data: DataFolder, out: OutFile) -> None:
    """CLINC150's requests with their intents, out-of-scope ones among them."""
    try:
        _write(clinc150.convert(_folder(data, "clinc150")), out)
    except (RouterError, OSError) as error:
        _fail(error)


@app.command("mtrag")
def convert_mtrag(data: DataFolder, out: OutFile) -> None:
    """MTRAG's turns with their threads, what a search finds for them, and whether they can be answered from it."""
    try:
        _write(asyncio.run(_search_mtrag(_folder(data, "mtrag-un"))), out)
    except (RouterError, KnowledgeError, OSError) as error:
        _fail(error)


@app.command("kinds")
def convert_kinds(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="The folder of data sets.")], out: OutFile
) -> None:
    """Small talk and sums out of CLINC150, and what is neither out of it and routing-wiki."""
    try:
        _write(kinds.convert(data), out)
    except (RouterError, OSError) as error:
        _fail(error)


async def _search_mtrag(folder: Path) -> list[Mapping[str, object]]:
    async with temporary_index(KnowledgeSettings()) as index:
        return [row async for row in mtrag.convert(folder, index)]


def _folder(data: Path, name: str) -> Path:
    return data / name if (data / name).is_dir() else data


def _write(rows: Iterable[Mapping[str, object]], out: Path) -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(lines), encoding="utf-8")
    typer.echo(f"{len(lines)} questions in {out}")


def _fail(error: Exception) -> NoReturn:
    told = f"{error.strerror or error}: {error.filename}" if isinstance(error, OSError) else str(error)
    typer.echo(told, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="python -m router.datasets")
