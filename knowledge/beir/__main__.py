"""Data sets that others made, written in BEIR's layout: `python -m knowledge.beir xquad DATA OUT`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from knowledge.beir import chunking_eval, xquad
from knowledge.beir.dataset import Dataset, write_dataset
from knowledge.errors import KnowledgeError

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

DataFolder = Annotated[Path, typer.Argument(metavar="DATA", help="The folder of data sets, or the set's own in it.")]
OutFolder = Annotated[Path, typer.Argument(metavar="OUT", help="Where the data set is written.")]


@app.command("xquad")
def convert_xquad(data: DataFolder, out: OutFolder) -> None:
    """XQuAD's English questions, each with the paragraph that it was asked about."""
    _convert(data, out, name="xquad-en", convert=xquad.convert)


@app.command("chunking-eval")
def convert_chunking_eval(data: DataFolder, out: OutFolder) -> None:
    """The questions of chunking_evaluation, each with the passages that hold its spans."""
    _convert(data, out, name="chunking-eval", convert=chunking_eval.convert)


def _convert(data: Path, out: Path, *, name: str, convert: Callable[[Path], Dataset]) -> None:
    folder = data / name if (data / name).is_dir() else data
    try:
        dataset = convert(folder)
        write_dataset(dataset, out)
    except KnowledgeError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename}")
    typer.echo(f"{len(dataset.documents)} documents and {len(dataset.queries)} queries in {out}")


def _fail(line: str) -> NoReturn:
    typer.echo(line, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="python -m knowledge.beir")
