"""Tasks that are done together or not at all."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


@asynccontextmanager
async def failing_as_one() -> AsyncGenerator[asyncio.TaskGroup]:
    """A group that the first error in it ends; that one is raised when all have ended, by itself and with its own cause."""
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except ExceptionGroup as errors:
        first = errors.exceptions[0]
    else:
        return
    # Raised among the others, it would have them for its cause.
    raise first
