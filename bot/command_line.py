"""What all commands share: how one begins, and how it ends where something goes wrong."""

import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from sqlalchemy.exc import SQLAlchemyError

from bot import termination
from bot.assembly import Configuration, load_configuration
from bot.errors import BotError
from bot.printing import say_failure
from knowledge.errors import KnowledgeError
from router.errors import RouterError
from training.errors import TrainingError

_T = TypeVar("_T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def read_configuration() -> Configuration:
    if any(not _is_text(argument) for argument in sys.argv):
        fail("an argument of the command holds bytes that are not UTF-8: rename the file, or type it anew")
    return plainly(load_configuration)


def absolute(path: str) -> str:
    """A path of the person's own folder, which need not be the bot's, and the same one whichever folder it is typed in."""
    found = Path(path).absolute()
    return str(found.resolve() if ".." in found.parts else found)


def finish(work: Coroutine[Any, Any, _T]) -> _T:
    return plainly(lambda: termination.run(work))


def plainly(work: Callable[[], _T]) -> _T:
    """Do it; what goes wrong is one line for the person, and exit code 1."""
    try:
        return work()
    except (BotError, KnowledgeError, RouterError, TrainingError) as error:
        fail(str(error))
    except SQLAlchemyError as error:
        fail(database_failed(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except OSError as error:
        fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")


@contextmanager
def trainer_needed() -> Generator[None]:
    """Around imports of what a bot without a trainer does not have."""
    try:
        yield
    except ModuleNotFoundError as error:
        fail(
            f"the trainer is not installed ({error.name} is missing): run make install, or pip install tandem[training]"
        )


def database_failed(error: SQLAlchemyError) -> str:
    """Its own text would tell the statement, and what stood in it."""
    return f"the database failed ({type(error).__name__}): tandem doctor says whether it can be used"


def _is_text(argument: str) -> bool:
    # Python hands over bytes that are no UTF-8 as lone surrogates, which no file or database takes.
    return not any("\ud800" <= letter <= "\udfff" for letter in argument)


def fail(line: str) -> NoReturn:
    say_failure(line)
    raise typer.Exit(1)
