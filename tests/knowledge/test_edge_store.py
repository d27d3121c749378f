import subprocess
import sys
from pathlib import Path

import pytest

from knowledge import edge_shard
from knowledge.audience import EVERYONE
from knowledge.documents import Document
from knowledge.edge_store import EdgeStore
from knowledge.errors import IndexUnavailable
from knowledge.index import PassageIndex
from knowledge.layout import INDEXED_KEYS
from tests.knowledge.fakes import WordEmbedding

PAGE = Document(uri="file:///leave", title="Leave", text="holiday", scope="public")


def index_in(folder: Path) -> PassageIndex:
    return PassageIndex(store=EdgeStore(folder), embedding=WordEmbedding(), chunk_tokens=220)


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    index = index_in(tmp_path)
    await index.add(PAGE)
    await index.close()
    again = index_in(tmp_path)
    assert [passage.title for passage in await again.search("holiday", EVERYONE, limit=3)] == ["Leave"]
    await again.close()


async def test_an_older_index_gets_the_keys_that_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(edge_shard, "INDEXED_KEYS", {"scope": "keyword", "doc_id": "keyword"})
        index = index_in(tmp_path)
        await index.add(PAGE)
        await index.close()
    store = EdgeStore(tmp_path)
    assert store.client is not None
    assert store.client.info().payload_schema.keys() == INDEXED_KEYS.keys()
    await store.aclose()


def test_a_second_process_is_told_who_has_the_index(tmp_path: Path) -> None:
    code = f"import sys, knowledge.edge_store as s; store = s.EdgeStore(s.Path({str(tmp_path)!r})); print(1, flush=True); sys.stdin.read()"
    owner = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert owner.stdout is not None
        owner.stdout.readline()
        with pytest.raises(IndexUnavailable, match=f"process {owner.pid}"):
            EdgeStore(tmp_path)
    finally:
        owner.kill()
        owner.communicate()
    # The system let go of the lock with its owner.
    EdgeStore(tmp_path)


async def test_a_damaged_index_says_so_and_is_let_go(tmp_path: Path) -> None:
    (tmp_path / "shard").mkdir()
    (tmp_path / "shard" / "edge_config.json").write_text("{")
    for _ in range(2):
        with pytest.raises(IndexUnavailable, match="could not be opened"):
            EdgeStore(tmp_path)
