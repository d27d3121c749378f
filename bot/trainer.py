"""What commands share that call the trainer: where it is not installed, and how they end where it says that something is wrong."""

from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from bot import command_line, termination
from bot.command_line import fail
from training.errors import TrainingError

_T = TypeVar("_T")


def finish(work: Coroutine[Any, Any, _T]) -> _T:
    return plainly(lambda: termination.run(work))


def plainly(work: Callable[[], _T]) -> _T:
    """As for all commands; these may also meet the trainer's errors."""
    try:
        return command_line.plainly(work)
    except TrainingError as error:
        fail(str(error))


@contextmanager
def trainer_needed() -> Generator[None]:
    """Around imports of what a bot without a trainer does not have."""
    try:
        yield
    except ModuleNotFoundError as error:
        fail(
            f"the trainer is not installed ({error.name} is missing): run make install, or pip install tandem[training]"
        )
