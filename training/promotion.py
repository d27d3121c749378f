"""Put an adapter into service: kept under its digest, loaded, heard to answer as trained, then pointed to; and go back.

Who is being answered goes on with the adapter that was asked: each has its own name at the model server, and none is
taken away from there while it may be gone back to.
"""

import asyncio
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from router.earlier import adapters_before, adapters_of
from router.model import ModelClient
from router.releases import Release, Releases
from router.transactions import transaction
from router.withdrawn import WITHDRAWN_SAYS, is_withdrawn
from training import canaries
from training.adapters import Adapter, keep
from training.errors import AdapterRefused, CanaryFailed, NoEarlierAdapter
from training.recipe import MAX_RANK
from training.tables import adapters


async def promote(
    directory: Path, *, home: Path, engine: AsyncEngine, model: ModelClient, max_rank: int = MAX_RANK
) -> Release:
    """Put the adapter in `directory` into service and return its release.

    Nothing changes for users until the last step. Raises AdapterRefused (CanaryFailed if the model server
    does not answer as the trainer did), ModelError and JournalUnavailable.
    """
    adapter = await load(directory, home=home, model=model, max_rank=max_rank)
    await _record(adapter, engine)
    release = Release(adapter=adapter.id, path=str(adapter.path), base=adapter.base, promoted_at=datetime.now(UTC))
    await Releases(engine).put_in_service(release)
    return release


async def load(directory: Path, *, home: Path, model: ModelClient, max_rank: int = MAX_RANK) -> Adapter:
    """Keep and load an adapter and hear its canaries, so that it can be asked; users notice nothing.

    Raises as `promote` does, without the database's. An adapter that came now and is refused is unloaded, and
    not kept.
    """
    adapter = await asyncio.to_thread(keep, directory, home, max_rank=max_rank)
    try:
        await _heard(adapter, model)
    except AdapterRefused:
        if adapter.is_new:
            await asyncio.to_thread(shutil.rmtree, adapter.path)
        raise
    return adapter


async def _heard(adapter: Adapter, model: ModelClient) -> None:
    served = await model.models()
    base = served_base(adapter, served)
    await model.load_adapter(adapter.id, str(adapter.path))
    try:
        canaries.check(
            adapter.canaries,
            served=await _answers(model, adapter.id, adapter.canaries),
            base=await _answers(model, base, adapter.canaries),
        )
    except CanaryFailed:
        if adapter.id not in served:
            await model.unload_adapter(adapter.id)
        raise


async def roll_back(*, engine: AsyncEngine, model: ModelClient, to: str = "") -> Release:
    """Put the adapter `to` back into service, by default the one before; it is loaded where the server forgot it.

    Again, it goes further back: never by itself to what was rolled back from. Raises NoEarlierAdapter, AdapterRefused for one
    that was withdrawn, ModelError and JournalUnavailable.
    """
    await _refuse_withdrawn(to, engine)
    wanted = await _named(to, engine) if to else await _before(engine)
    await model.load_adapter(wanted.adapter, wanted.path)
    release = wanted.gone_back_to()
    await Releases(engine).put_in_service(release)
    return release


async def put_into_service(adapter: str, *, home: Path, engine: AsyncEngine, model: ModelClient) -> Release:
    """By its name an adapter that is kept: one that was in service is gone back to, another one heard and promoted.

    Done twice, it is as done once. Raises as `promote` and `roll_back` do.
    """
    await _refuse_withdrawn(adapter, engine)
    known = await adapters_of(engine)
    if known and known[0].adapter == adapter == await _in_service(engine):
        return known[0]
    if any(release.adapter == adapter for release in known):
        return await roll_back(engine=engine, model=model, to=adapter)
    return await promote(home / "adapters" / adapter, home=home, engine=engine, model=model)


async def _refuse_withdrawn(adapter: str, engine: AsyncEngine) -> None:
    for release in await Releases(engine).history():
        if release.adapter == adapter != "" and await asyncio.to_thread(is_withdrawn, Path(release.path)):
            raise AdapterRefused(f"{adapter} was {WITHDRAWN_SAYS}")


async def _in_service(engine: AsyncEngine) -> str:
    release = await Releases(engine).in_service()
    return release.adapter if release else ""


async def _named(to: str, engine: AsyncEngine) -> Release:
    known = await adapters_of(engine)
    for release in known:
        if release.adapter == to:
            return release
    there_are = ", ".join(release.adapter for release in known) or "none"
    raise NoEarlierAdapter(f"No adapter {to} was ever in service: there are {there_are}")


async def _before(engine: AsyncEngine) -> Release:
    for release in await adapters_before(engine):
        return release
    raise NoEarlierAdapter("There is no adapter to go back to: no earlier one that may be served was in service")


def served_base(adapter: Adapter, served: Sequence[str]) -> str:
    """The adapter's base model as the server names it. Raises AdapterRefused where it serves another one."""
    return base_as_served(adapter.base, served)


def base_as_served(base: str, served: Sequence[str]) -> str:
    """In full, or by its last part. Raises AdapterRefused."""
    for name in (base, base.rsplit("/", 1)[-1]):
        if name in served:
            return name
    raise AdapterRefused(
        f"The adapter was trained on {base}, and the model server serves {', '.join(served) or 'nothing'}"
    )


async def _answers(model: ModelClient, name: str, asked: Sequence[canaries.Canary]) -> list[str]:
    return [
        (await model.complete(each.messages, model=name, max_tokens=canaries.CANARY_TOKENS)).strip() for each in asked
    ]


async def _record(adapter: Adapter, engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        known = await connection.execute(select(adapters.c.adapter).where(adapters.c.adapter == adapter.id))
        if known.first() is None:
            await connection.execute(
                adapters.insert().values(
                    adapter=adapter.id,
                    name=adapter.name,
                    digest=adapter.digest,
                    path=str(adapter.path),
                    base=adapter.base,
                    recipe=str(adapter.metrics.get("recipe", "")),
                    data_sha256=str(adapter.metrics.get("data_sha256", "")),
                    metrics=dict(adapter.metrics),
                    created_at=datetime.now(UTC),
                )
            )
