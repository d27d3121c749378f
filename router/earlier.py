"""The adapters that have been in service: what there is to go back to, and to keep loaded for it."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from router.releases import Release, Releases
from router.withdrawn import is_withdrawn


async def adapters_of(engine: AsyncEngine) -> list[Release]:
    """Each adapter once, from the last one back: the one in service first, where one is. Raises JournalUnavailable.

    Those that were withdrawn are not among them.
    """
    latest: dict[str, Release] = {}
    for release in reversed(await Releases(engine).history()):
        if release.adapter:
            latest.setdefault(release.adapter, release)
    return await _served(latest.values())


async def adapters_before(engine: AsyncEngine) -> list[Release]:
    """What a rollback goes back to, the nearest one first. Raises JournalUnavailable.

    Whatever was rolled back from is not among them until it is promoted anew; nor are those that were withdrawn.
    """
    history = await Releases(engine).history()
    stack: list[Release] = []
    for release in history:
        names = [each.adapter for each in stack]
        if not release.adapter or names[-1:] == [release.adapter]:
            continue
        if release.is_rollback and release.adapter in names:
            del stack[names.index(release.adapter) + 1 :]
        else:
            stack = [*(each for each in stack if each.adapter != release.adapter), release]
    in_service = history[-1].adapter if history else ""
    return await _served(each for each in reversed(stack) if each.adapter != in_service)


async def _served(releases: Iterable[Release]) -> list[Release]:
    return await asyncio.to_thread(lambda: [each for each in releases if not is_withdrawn(Path(each.path))])
