import os
from pathlib import Path

import pytest

from knowledge.errors import SourceNotFound, SourceRefused, SourceUnreadable
from knowledge.kinds import kind_of
from knowledge.sources import find_sources, read_file, source_again


def test_a_folder_gives_its_documents_in_order_and_nothing_hidden(tmp_path: Path) -> None:
    for name in ("b.md", "a/c.txt", ".git/x.md", "a/.hidden.md", "logo.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [source.name for source in find_sources(str(tmp_path))] == ["b.md", "c.txt"]


def test_a_link_out_of_the_folder_is_refused_and_one_inside_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("x")
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "real.md").write_text("x")
    (folder / "inside.md").symlink_to(folder / "real.md")
    (folder / "outside.md").symlink_to(tmp_path / "secret.md")
    (folder / "loop").symlink_to(folder)
    found = {source.name: source.refusal for source in find_sources(str(folder))}
    assert found["inside.md"] is None
    assert isinstance(found["outside.md"], SourceRefused)
    assert len(found) == 3


def test_a_link_to_itself_costs_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "a.md").symlink_to(tmp_path / "a.md")
    (tmp_path / "b.md").write_text("x")
    found = {source.name: source.refusal for source in find_sources(str(tmp_path))}
    assert [name for name, refusal in found.items() if refusal is None] == ["b.md"]


def test_a_file_is_one_document_however_its_place_is_written(tmp_path: Path) -> None:
    docs = tmp_path.resolve() / "docs"
    for folder in (docs, tmp_path / "work"):
        folder.mkdir()
    (docs / "leave.md").write_text("x")
    (tmp_path / "link").symlink_to(docs)
    places = ["docs/leave.md", "docs", "work/../docs/leave.md", "work/../docs", "link/leave.md", "link"]
    found = [source.uri for place in places for source in find_sources(f"{tmp_path}/{place}")]
    assert found == [(docs / "leave.md").as_uri()] * len(places)


def test_a_linked_file_is_known_by_the_name_it_was_given_under(tmp_path: Path) -> None:
    (tmp_path / "real.md").write_text("x")
    (tmp_path / "link.md").symlink_to(tmp_path / "real.md")
    [alone] = find_sources(str(tmp_path / "link.md"))
    assert alone.name == "link.md"
    assert alone in list(find_sources(str(tmp_path)))


def test_a_name_that_is_no_utf8_can_be_printed(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_text("x")
    for place in (path, tmp_path):
        [source] = find_sources(str(place))
        assert source.name == "caf\ufffd.txt"
        assert source.uri.endswith("caf%E9.txt")


def test_a_pipe_neither_hangs_nor_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert list(find_sources(str(tmp_path))) == []
    with pytest.raises(SourceRefused):
        list(find_sources(str(tmp_path / "pipe.md")))


@pytest.fixture
def too_deep(tmp_path: Path) -> Path:
    """A folder that nobody can list by its path, root neither; it holds a page."""
    levels = 4096 // 201 + 1
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 200, dir_fd=folder)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("lost.md", os.O_WRONLY | os.O_CREAT, dir_fd=folder))
    os.close(folder)
    return tmp_path.joinpath(*["d" * 200] * levels)


def test_a_folder_that_cannot_be_listed_says_so_and_costs_no_other_file(tmp_path: Path, too_deep: Path) -> None:
    (tmp_path / "a.md").write_text("x")
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "b.md").write_text("x")
    *read, refused = find_sources(str(tmp_path))
    assert [(source.name, source.refusal) for source in read] == [("a.md", None), ("b.md", None)]
    assert refused.path is not None
    assert too_deep.is_relative_to(refused.path)
    assert isinstance(refused.refusal, SourceUnreadable)
    assert "could not be read: File name too long" in str(refused.refusal)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111], ids=["closed", "no way into it", "no list of it"])
def test_a_folder_that_is_closed_to_us_says_so_and_costs_no_other_file(tmp_path: Path, mode: int) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "pay.md").write_text("x")
    (tmp_path / "open.md").write_text("x")
    closed.chmod(mode)
    try:
        found = {source.name: source.refusal for source in find_sources(str(tmp_path))}
        alone = [source.refusal for source in find_sources(str(closed))]
    finally:
        closed.chmod(0o700)
    refusals = [refusal for refusal in found.values() if refusal is not None]
    assert found["open.md"] is None
    assert [str(refusal) for refusal in refusals] == list(map(str, alone))
    assert len(found) == 2
    assert "change its permissions" in str(refusals[0])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_file_in_a_closed_folder_says_so(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "pay.md").write_text("x")
    closed.chmod(0)
    try:
        with pytest.raises(SourceUnreadable, match="“pay.md” may not be read by Tandem"):
            list(find_sources(str(closed / "pay.md")))
    finally:
        closed.chmod(0o700)


@pytest.mark.parametrize("name", ["x" * 300 + ".md", "d/" * 2100 + "x.md"])
def test_a_name_that_is_too_long_says_so(name: str) -> None:
    with pytest.raises(SourceUnreadable, match="could not be read: File name too long") as error:
        list(find_sources(f"/tmp/{name}"))
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("place", ["~no-such-user/x.md", "\ud800.md", "file.md/x.md"])
def test_a_place_that_cannot_be_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    (tmp_path / "file.md").write_text("x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceNotFound, match="There is no file or folder"):
        list(find_sources(place))


def test_a_link_to_itself_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.md").symlink_to(tmp_path / "a.md")
    with pytest.raises(SourceUnreadable, match="symbolic links"):
        list(find_sources(str(tmp_path / "a.md")))


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"12345")
    assert read_file(tmp_path / "a.txt", limit=5).data == b"12345"
    with pytest.raises(SourceRefused, match="larger than 4 bytes"):
        read_file(tmp_path / "a.txt", limit=4)


def test_a_file_that_went_away_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        read_file(tmp_path / "a.txt", limit=4)


def test_a_page_is_named_for_its_path_and_its_fragment_is_no_other_page() -> None:
    [source] = find_sources("https://example.com/a/caf%C3%A9.html#top")
    assert (source.uri, source.name) == ("https://example.com/a/caf%C3%A9.html", "café.html")


@pytest.mark.parametrize(
    "address",
    [
        "https://Example.com/x",
        "https://example.com:443/x",
        "HTTPS://EXAMPLE.COM.:443/x#part",
        "https://example.com/x#",
        "https://example.com/x#mail@example.com",
    ],
)
def test_a_page_is_one_document_however_its_address_is_written(address: str) -> None:
    [source] = find_sources(address)
    assert (source.uri, source.name) == ("https://example.com/x", "x")


def test_pages_that_may_differ_are_different_documents() -> None:
    addresses = ["https://example.com/x", "http://example.com/x", "https://example.com/X", "https://example.com/x?y"]
    assert [source.uri for address in addresses for source in find_sources(address)] == addresses


def test_a_page_on_a_port_of_its_own_is_one_that_an_admin_has_named() -> None:
    [source] = find_sources("http://Wiki:8080/", allow_hosts=("wiki:8080",))
    assert (source.uri, source.name) == ("http://wiki:8080/", "wiki")
    with pytest.raises(SourceRefused, match="Port 8080"):
        list(find_sources("http://wiki:8080/"))


@pytest.mark.parametrize("address", ["http://[handbook]/x", "https://example.org]/a", "https://example.org]/a#b"])
def test_an_address_that_cannot_be_read_is_refused(address: str) -> None:
    with pytest.raises(SourceRefused, match="not well formed"):
        list(find_sources(address))


@pytest.mark.parametrize(
    ("name", "content_type", "kind"),
    [
        ("a.MD", "", "text/markdown"),
        ("a.md", "text/plain; charset=utf-8", "text/markdown"),
        ("page", "text/html; charset=utf-8", "text/html"),
        ("report.pdf", "text/html", "text/html"),
        ("page", "text/plain", "text/plain"),
        ("page", "application/xhtml+xml", "text/html"),
        ("page", "application/epub+zip", "application/epub+zip"),
        ("a.exe", "application/octet-stream", None),
    ],
)
def test_a_kind_is_known_by_announcement_and_name(name: str, content_type: str, kind: str | None) -> None:
    assert kind_of(name, content_type) == kind


def test_link_of_what_was_handed_over_in_slack_is_not_read_as_a_page() -> None:
    """Without a token, Slack shows a sign-in page there, which would take the document's place."""
    uri = "https://team.slack.com/archives/C1/p1"
    with pytest.raises(SourceRefused, match="from there only"):
        source_again(uri, "slack-message:C1:1:1")
    assert source_again(uri, uri).uri == uri
