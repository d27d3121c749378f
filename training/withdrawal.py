"""Adapters that learnt from what is to be forgotten are taken out of service, and their weights deleted.

Each step may be cut off: what was marked before is taken out by the next run.
"""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from router.earlier import adapters_before
from router.errors import ModelError
from router.model import ModelClient
from router.releases import Release, Releases
from router.withdrawn import WITHDRAWN, WITHDRAWN_SAYS, is_withdrawn
from training.adapters import ADAPTERS, REPLAY, WEIGHTS, is_same_adapter
from training.grounding_adapter import FOLDER
from training.lineage import Lineage, Sought, learnt_from, read_lineage
from training.nightly.files import put_text


async def withdraw(
    sought: Sought,
    *,
    home: Path,
    engine: AsyncEngine,
    model: ModelClient | None,
    reached: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Withdraw every adapter that learnt from it, or may have, and return the names of those that are withdrawn now.

    The latest earlier one that did not comes into service, or none. Without a model server, what it still holds is not
    unloaded. `reached` is called after each step. Raises JournalUnavailable; again, it goes on.
    """
    folders = await adapter_folders(home, engine)
    learners = await asyncio.to_thread(_learners, folders, sought)
    for name in learners:
        await asyncio.to_thread(_mark, name, folders[name])
    reached("marked")
    await _change_service(engine, model)
    reached("service_changed")
    withdrawn = _withdrawn(folders)
    if model is not None:
        await _unload(withdrawn, model)
    reached("unloaded")
    await asyncio.to_thread(_empty, withdrawn, home)
    reached("weights_deleted")
    return learners


async def adapter_folders(home: Path, engine: AsyncEngine) -> Mapping[str, Path]:
    """Of every adapter that is kept, or was ever in service."""
    released = {each.adapter: Path(each.path) for each in await Releases(engine).history() if each.adapter}
    return released | await asyncio.to_thread(lambda: {folder.name: folder for folder in _kept(home)})


def lineage_of(folder: Path) -> Lineage | None:
    """As `read_lineage`; a copy of the adapter that ships has that one's, also where it was kept before it had any."""
    lineage = read_lineage(folder)
    return read_lineage(FOLDER) if lineage is None and is_same_adapter(folder, FOLDER) else lineage


async def learners_of(sought: Sought, *, home: Path, engine: AsyncEngine) -> list[str]:
    """The adapters that may still be served and learnt from it, or may have."""
    return await asyncio.to_thread(_learners, await adapter_folders(home, engine), sought)


async def remains_of(*, home: Path, engine: AsyncEngine, model: ModelClient | None) -> list[str]:
    """What is left of adapters that were withdrawn: weights, a place in service, a name at the model server."""
    withdrawn = _withdrawn(await adapter_folders(home, engine))
    release = await Releases(engine).in_service()
    served = {release.adapter} if release else set[str]()
    loaded = await _served(model)
    files = await asyncio.to_thread(lambda: {name for name, folder in withdrawn.items() if list(_others(folder))})
    return sorted(files | (withdrawn.keys() & (served | loaded)))


def _learners(folders: Mapping[str, Path], sought: Sought) -> list[str]:
    return sorted(
        name for name, folder in folders.items() if not is_withdrawn(folder) and learnt_from(lineage_of(folder), sought)
    )


def _withdrawn(folders: Mapping[str, Path]) -> Mapping[str, Path]:
    return {name: folder for name, folder in folders.items() if is_withdrawn(folder)}


def _kept(home: Path) -> Iterable[Path]:
    places = (home / ADAPTERS).glob("*@*")
    return sorted(place for place in places if place.is_dir() and not place.name.startswith("."))


def _mark(name: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    told = {"adapter": name, "reason": WITHDRAWN_SAYS, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    put_text(folder / WITHDRAWN, json.dumps(told) + "\n")


async def _change_service(engine: AsyncEngine, model: ModelClient | None) -> None:
    releases = Releases(engine)
    release = await releases.in_service()
    if release is None or not release.adapter or not is_withdrawn(Path(release.path)):
        return
    for earlier in await adapters_before(engine):
        if await _can_serve(earlier, model):
            await releases.put_in_service(earlier.gone_back_to())
            return
    await releases.put_in_service(Release(adapter="", path="", base="", promoted_at=datetime.now(UTC)))


async def _can_serve(release: Release, model: ModelClient | None) -> bool:
    """Where no model server is reached, the next one that starts loads it."""
    if not (Path(release.path) / WEIGHTS).is_file():
        return False
    if model is not None:
        try:
            await model.load_adapter(release.adapter, release.path)
        except ModelError:
            return False
    return True


async def _unload(withdrawn: Iterable[str], model: ModelClient) -> None:
    for name in sorted(await _served(model) & set(withdrawn)):
        await model.unload_adapter(name)


async def _served(model: ModelClient | None) -> set[str]:
    return set(await model.models()) if model is not None else set()


def _empty(withdrawn: Mapping[str, Path], home: Path) -> None:
    for name, folder in withdrawn.items():
        for path in _others(folder):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        (home / REPLAY / f"{name}.json").unlink(missing_ok=True)
    for begun in (home / ADAPTERS).glob(".incoming.*"):
        shutil.rmtree(begun, ignore_errors=True)


def _others(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.name != WITHDRAWN)
