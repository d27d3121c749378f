"""The index in service opened, whichever the settings want: nothing that another process may still want is removed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from pydantic import SecretStr

from knowledge.changing import ChangingIndex, keep
from knowledge.embedding import open_embedding
from knowledge.errors import IndexUnavailable
from knowledge.following import FollowingIndex
from knowledge.in_service import InService, ServiceRecord
from knowledge.index import PassageIndex, index_name, open_index, open_store, remove_store
from knowledge.layout import PassageStore
from knowledge.settings import KnowledgeSettings
from knowledge.threaded import ThreadedEmbedding, UnitEmbedding

_log = logging.getLogger(__name__)

ServingIndex = PassageIndex | FollowingIndex | ChangingIndex
"""The index that answers, whatever goes on behind it."""


async def open_index_in_service(settings: KnowledgeSettings, record: ServiceRecord) -> ServingIndex:
    """The index in service; where it is another model's than the settings', with the one that is to replace it.

    A half-built index of another setting stays: a short command that was started without the service's settings would
    undo hours of its work. `build` removes it, which the service alone calls. Raises IndexUnavailable if another
    process owns one of them.
    """
    wanted = InService(name=index_name(settings), model=settings.embedding_model, url=settings.embedding_url)
    stored = await record.read()
    if stored is None:
        await record.begin(wanted)
        stored = await record.read() or wanted
    if stored.other and not stored.is_building:
        # Also where it is wanted again: a process may have been killed while it removed it.
        await remove_store(settings, stored.other)
        await record.swap(stored, replace(stored, other=""))
        stored = await record.read() or wanted
    if stored.name == wanted.name:
        return await _open_wanted(settings, record, stored, wanted)
    return await _open_both(settings, record, stored, wanted)


async def _open_wanted(
    settings: KnowledgeSettings, record: ServiceRecord, stored: InService, wanted: InService
) -> PassageIndex | FollowingIndex:
    index = await asyncio.to_thread(open_index, settings)
    current = replace(stored, model=wanted.model, url=wanted.url)
    if current != stored:
        await record.swap(stored, current)
    if not settings.qdrant_url and not stored.other:
        # Nobody else can put another one into service: this process owns it.
        return index
    return FollowingIndex(
        index=index,
        name=wanted.name,
        record=record,
        open_named=lambda noted: _open_named(settings, noted),
        discard=_discard(settings),
    )


async def _open_both(
    settings: KnowledgeSettings, record: ServiceRecord, stored: InService, wanted: InService
) -> ChangingIndex:
    store = await asyncio.to_thread(open_store, settings, stored.name)
    try:
        new = await asyncio.to_thread(open_index, settings)
    except IndexUnavailable:
        await store.aclose()
        raise
    embedding = await _embedding_of(stored, settings)
    serving = replace(stored, other=wanted.name, is_building=True, is_by_words=embedding is None)
    if stored.other in {"", wanted.name}:
        await record.swap(stored, serving)
    old = PassageIndex(store=store, embedding=embedding or await _stand_in(store), chunk_tokens=settings.chunk_tokens)
    return ChangingIndex(old=old, new=new, serving=serving, wanted=wanted, record=record, discard=_discard(settings))


def _discard(settings: KnowledgeSettings) -> Callable[[str], Awaitable[bool]]:
    """Of an embedded index, its lock says whether a process is building it; of a server's, nothing does."""

    async def remove(name: str) -> bool:
        await remove_store(settings, name)
        return True

    return keep if settings.qdrant_url else remove


async def _open_named(settings: KnowledgeSettings, noted: InService) -> PassageIndex:
    """An index that another process has put into service, with the model that it was made with."""
    embedding = await _embedding_of(noted, settings)
    if embedding is None:
        raise IndexUnavailable(
            f"Another process has put the index of {noted.model} into service, which cannot be loaded here: "
            "set TANDEM_EMBEDDING_MODEL and TANDEM_EMBEDDING_URL as it has them, and start this one again"
        )
    store = await asyncio.to_thread(open_store, settings, noted.name)
    return PassageIndex(store=store, embedding=embedding, chunk_tokens=settings.chunk_tokens)


async def _embedding_of(serving: InService, settings: KnowledgeSettings) -> ThreadedEmbedding | None:
    """What queries to the old index are embedded with; None where it cannot be loaded any more."""
    key = settings.embedding_api_key if serving.url == settings.embedding_url else SecretStr("")
    changes = {"embedding_model": serving.model, "embedding_url": serving.url, "embedding_api_key": key}
    try:
        embedding = open_embedding(settings.model_copy(update=changes))
        await embedding.aget_query_embedding("warm")
    except IndexUnavailable as error:
        _log.warning("%s is searched by words alone until the new index is built: %s", serving.name, error)
        return None
    return embedding


async def _stand_in(store: PassageStore) -> ThreadedEmbedding:
    ids, _ = await store.ids(None, 1)
    held = await store.points(ids)
    return UnitEmbedding(dimensions=len(held[0].dense) if held else 1)
