"""SIGTERM, as systemd and docker stop send it, ends a command as Ctrl-C does: what it opened is closed and removed."""

import asyncio
import os
import signal
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import typer

_T = TypeVar("_T")

EXIT_CODE = 128 + signal.SIGTERM
# Longer than ending a training and a model server takes, and shorter than the 90 s after which systemd kills.
_PATIENCE_S = 30.0


def run(work: Coroutine[Any, Any, _T], *, patience_s: float = _PATIENCE_S) -> _T:
    """As `asyncio.run`. SIGTERM cancels the work, and once it is closed raises typer.Exit.

    A thread can't be cancelled, and Python waits for it: after `patience_s` the process ends whatever it still does.
    """
    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(work)  # signals are the main thread's
    is_asked = False

    async def heeding() -> _T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def terminate(*_: object) -> None:
            nonlocal is_asked
            if is_asked or task is None:
                return  # cancelled twice, it would break off its closing
            is_asked = True
            signal.signal(signal.SIGALRM, _leave)
            signal.setitimer(signal.ITIMER_REAL, patience_s)
            with suppress(RuntimeError):  # the loop is closed, and the work over
                loop.call_soon_threadsafe(task.cancel)

        signal.signal(signal.SIGTERM, terminate)
        return await work

    before = signal.getsignal(signal.SIGTERM)
    try:
        result = asyncio.run(heeding())
    except asyncio.CancelledError:
        if not is_asked:
            raise
        # The timer stays: at its end Python waits for threads again.
        raise typer.Exit(EXIT_CODE) from None
    finally:
        signal.signal(signal.SIGTERM, before)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return result


def _leave(*_: object) -> None:
    os._exit(EXIT_CODE)
