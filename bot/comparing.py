"""What a comparison of ways to answer stands on: documents to search, and a model server."""

import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bot.assembly import Configuration, open_database, open_parts
from bot.errors import BotError
from bot.night_command import model_for_a_while
from bot.reach import model_served
from bot.settings import BotSettings
from knowledge.audience import PUBLIC
from knowledge.library import open_library
from router.evidence import Search
from router.model import ModelClient
from router.releases import Release, Releases

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """`adapter` is the one in service, `folder` a place for what is written meanwhile."""

    search: Search
    model: ModelClient
    adapter: Release
    folder: Path


@asynccontextmanager
async def ground(configuration: Configuration, texts: Mapping[str, str], say: Say) -> AsyncGenerator[Ground]:
    """Search `texts`, documents by title, in an index that is gone afterwards; with none, the team's own documents.

    Raises BotError where no adapter is in service, or a running bot has the team's index.
    """
    unhurried = replace(configuration, router=configuration.router.unhurried())
    with tempfile.TemporaryDirectory(prefix="tandem-compare-") as place:
        folder = Path(place)
        if not texts:
            async with open_parts(unhurried) as parts, model_served(parts, say):
                adapter = _in_service(await parts.releases.in_service())
                yield Ground(search=parts.library.search, model=parts.model, adapter=adapter, folder=folder)
            return
        async with open_database(configuration) as engine:
            adapter = _in_service(await Releases(engine).in_service())
        async with model_for_a_while(configuration, say) as model, _search(configuration, texts, folder, say) as search:
            await model.load_adapter(adapter.adapter, adapter.path)
            yield Ground(search=search, model=model, adapter=adapter, folder=folder)


def _in_service(release: Release | None) -> Release:
    if release is None or not release.adapter:
        raise BotError("no adapter is in service to compare with: tandem run puts the first one there")
    return release


@asynccontextmanager
async def _search(
    configuration: Configuration, texts: Mapping[str, str], folder: Path, say: Say
) -> AsyncGenerator[Search]:
    pages = folder / "pages"
    pages.mkdir()
    for number, (title, text) in enumerate(texts.items(), 1):
        (pages / f"{number:06}.md").write_text(f"# {' '.join(title.split())}\n\n{text}\n", "utf-8")
    settings = configuration.knowledge.model_copy(update={"home": folder, "qdrant_url": None})
    aside = Configuration(bot=BotSettings(home=folder), router=configuration.router, knowledge=settings)
    say(f"reading {len(texts)} documents")
    async with open_database(aside) as engine:
        library = await open_library(settings, engine)
        try:
            failed = [each.error async for each in library.ingest(str(pages), PUBLIC) if each.status == "failed"]
            if failed:
                raise BotError(f"{len(failed)} of the documents could not be read: {failed[0]}")
            yield library.search
        finally:
            await library.close()
