import io
import json
import stat
import tracemalloc
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.archives import archive_sources
from knowledge.errors import SourceError, SourceRefused, SourceUnreadable
from knowledge.settings import KnowledgeSettings
from knowledge.sources import Source


def packed(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, data in files.items():
                archive.writestr(zipfile.ZipInfo(name, (2024, 5, 2, 10, 0, 0)), data, method)
        return file.getvalue()


async def sources(data: bytes, **settings: object) -> list[Source]:
    opened = archive_sources(
        io.BytesIO(data), name="docs.zip", uri="file:///docs.zip", settings=KnowledgeSettings.model_validate(settings)
    )
    return [source async for source in opened]


async def refusals(data: bytes, **settings: object) -> dict[str, str]:
    """By name, what is said of each file that was not read."""
    return {found.name: str(found.refusal) for found in await sources(data, **settings) if found.refusal}


async def read(data: bytes, **settings: object) -> list[str]:
    return [found.name for found in await sources(data, **settings) if found.refusal is None]


async def test_an_archive_gives_its_documents_in_order_and_nothing_hidden() -> None:
    names = ["b.md", "a/c d.txt", "a/", ".git/x.md", "__MACOSX/a/._c.txt", "logo.png"]
    found = await sources(packed(dict.fromkeys(names, b"x")))
    assert [(source.name, source.uri) for source in found] == [
        ("c d.txt", "file:///docs.zip#a/c%20d.txt"),
        ("b.md", "file:///docs.zip#b.md"),
    ]
    content = found[0].content
    assert content is not None
    assert (content.data, content.modified_at) == (b"x", datetime(2024, 5, 2, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    "name",
    [
        "../a.md",
        "docs/../../a.md",
        "/etc/a.md",
        "//host/share/a.md",
        "..\\..\\a.md",
        "C:\\a.md",
        "c:a.md",
        "./a.md",
        "a//b.md",
        "a.md\x00.png",
        "a\n.md",
        "\u202edm.a.md",
        "../../bin/sh",
        f"{'a' * 300}.md",
        f"{'a/' * 600}b.md",
    ],
)
async def test_a_hostile_name_is_refused_alone_and_the_rest_is_read(name: str) -> None:
    data = packed({name.replace("\x00", "@"): b"x", "b.md": b"x"})
    # zipfile would not write a NUL.
    data = data.replace(b"a.md@.png", b"a.md\x00.png")
    assert await read(data) == ["b.md"]
    [(shown, said)] = (await refusals(data)).items()
    assert "leads out of the archive" in said
    assert shown.isprintable()
    assert len(shown) <= 200


@pytest.mark.data
async def test_a_naughty_name_never_stops_the_others(data_dir: Path) -> None:
    names = json.loads((data_dir / "security" / "blns" / "blns.json").read_text())
    data = packed({f"{number}/{name[:200]}.md": b"x" for number, name in enumerate(names) if "\0" not in name})
    found = await sources(data)
    assert all(source.content is not None or isinstance(source.refusal, SourceRefused) for source in found)
    assert len([source for source in found if source.content]) > 400


async def test_folders_written_with_backslashes_are_folders() -> None:
    [found] = await sources(packed({"docs\\a.md": b"x"}))
    assert (found.name, found.uri) == ("a.md", "file:///docs.zip#docs/a.md")


async def test_a_link_is_not_followed() -> None:
    link = zipfile.ZipInfo("a.md")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(link, "/etc/passwd")
        assert "is a link" in (await refusals(file.getvalue()))["a.md"]


async def test_of_two_files_of_one_name_the_first_is_read() -> None:
    data = packed({"a.md": b"first", "b.md": b"second"}).replace(b"b.md", b"a.md")
    [first, second] = await sources(data)
    assert first.content is not None
    assert first.content.data == b"first"
    assert isinstance(second.refusal, SourceRefused)


async def test_a_bomb_is_refused_by_its_ratio_without_being_unpacked() -> None:
    data = packed({"bomb.txt": bytes(15_000_000), "b.md": b"x"})
    tracemalloc.start()
    try:
        said = await refusals(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert said == {"bomb.txt": "“bomb.txt” unpacks to more than 200 times its size; it was not read"}
    assert peak < 3_000_000


async def test_a_file_that_holds_more_than_it_announces_is_unpacked_no_further() -> None:
    honest = packed({"a.txt": bytes(15_000_000)})
    size = (15_000_000).to_bytes(4, "little")
    assert honest.count(size) == 2
    tracemalloc.start()
    try:
        said = await refusals(honest.replace(size, (1000).to_bytes(4, "little")))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert said == {"a.txt": "“a.txt” is damaged in the archive"}
    assert peak < 3_000_000


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
async def test_packing_that_cannot_be_bounded_is_not_unpacked(method: int) -> None:
    assert "does not unpack" in (await refusals(packed({"a.md": b"x"}, method)))["a.md"]


async def test_a_file_with_a_password_says_so() -> None:
    data = packed({"a.md": b"x"})
    listed = data.index(b"PK\x01\x02")
    data = data[: listed + 8] + b"\x01" + data[listed + 9 :]
    assert "password" in (await refusals(data))["a.md"]


async def test_the_limits_on_size_are_those_of_a_document_and_of_the_archive() -> None:
    data = packed({"a.md": b"x" * 60, "b.md": b"x" * 60, "c.md": b"x" * 200})
    said = await refusals(data, max_document_bytes=100, place_max_bytes=100)
    assert "unpacks to more than 100 bytes" in said["b.md"]
    assert "larger than 100 bytes" in said["c.md"]
    assert await read(data, max_document_bytes=100, place_max_bytes=100) == ["a.md"]


async def test_too_many_documents_are_cut_off_and_it_is_said() -> None:
    data = packed({f"{number}.md": b"x" for number in range(5)})
    assert await read(data, place_max_documents=3) == ["0.md", "1.md", "2.md"]
    assert (await refusals(data, place_max_documents=3)) == {
        "docs.zip": "“docs.zip” holds more than 3 documents; the rest was not read"
    }


async def test_an_archive_that_lists_a_great_many_files_is_not_opened() -> None:
    with pytest.raises(SourceRefused, match="more files than"):
        await sources(packed({f"{number}.png": b"" for number in range(31)}), place_max_documents=3)


async def test_an_archive_within_another_is_read_and_no_deeper_one() -> None:
    deepest = packed({"d.md": b"x"})
    inner = packed({"c.md": b"x", "deepest.zip": deepest})
    found = await sources(packed({"inner.zip": inner, "z.md": b"x"}))
    assert [source.uri for source in found if source.content] == [
        "file:///docs.zip#inner.zip/c.md",
        "file:///docs.zip#z.md",
    ]
    [refused] = [source for source in found if source.refusal]
    assert "too deep" in str(refused.refusal)


async def test_the_limits_hold_for_all_archives_within_one() -> None:
    inner = packed({f"{number}.md": b"x" for number in range(5)})
    data = packed({"a.zip": inner, "b.zip": inner})
    assert len(await read(data, place_max_documents=7)) == 5


@pytest.mark.parametrize("data", [b"", b"no archive", packed({"a.md": b"x"})[:-10]])
async def test_what_is_no_archive_says_so(data: bytes) -> None:
    with pytest.raises(SourceUnreadable, match=r"“docs.zip” is damaged"):
        await sources(data)


async def test_damage_anywhere_ends_in_a_sentence() -> None:
    data = packed({"a.md": b"tea " * 20, "b.md": b"x"})
    for place in range(len(data)):
        try:
            await sources(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        except SourceError:
            continue
