import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from llama_index.core.schema import MetadataMode, TextNode
from pydantic import ValidationError

from knowledge.chunking import HeadingChunker, as_node
from knowledge.documents import Document, chunk_id
from knowledge.embedding import open_embedding
from knowledge.settings import KnowledgeSettings
from knowledge.threaded import ThreadedEmbedding
from tests.knowledge.fakes import WordEmbedding

COUNT = WordEmbedding().count_tokens


def chunks(text: str, title: str = "Leave", *, chunk_tokens: int = 160) -> list[TextNode]:
    document = Document(uri="file:///leave.md", title=title, text=text, scope="public")
    node = as_node(document, content_hash=document.content_hash(chunk_tokens=chunk_tokens))
    return list(HeadingChunker(chunk_tokens=chunk_tokens, count_tokens=COUNT).chunks_of(node))


def words(number: int, name: str = "word") -> str:
    return " ".join(f"{name}{n}" for n in range(number)) + "."


def test_a_chunk_says_under_which_headings_it_stands() -> None:
    [first, second] = chunks(f"# Leave\n\n## Holidays\n\n{words(60)}\n\n### Abroad\n\n{words(60, 'far')}")
    assert first.metadata["section"] == "Holidays"
    assert second.metadata["section"] == "Holidays › Abroad"


def test_what_is_embedded_is_title_section_and_text_and_no_address() -> None:
    [chunk] = chunks("## Holidays\n\nTwenty-eight days.")
    assert chunk.get_content(MetadataMode.EMBED) == "Leave › Holidays\nTwenty-eight days."


def test_a_hash_in_code_is_no_heading() -> None:
    [chunk] = chunks("## Setup\n\n```sh\n# install\nmake install\n```\ndone")
    assert chunk.metadata["section"] == "Setup"
    assert "# install" in chunk.text


def test_very_short_sections_stand_together_with_their_headings() -> None:
    [chunk] = chunks("## Tea\n\n### When\n\nAt four.\n\n### Where\n\nIn the kitchen.")
    assert chunk.metadata["section"] == "Tea"
    assert chunk.text == "When\nAt four.\n\nWhere\nIn the kitchen."


def test_short_sections_of_one_page_stand_together_under_it_and_those_of_two_apart() -> None:
    page = "###### Page"
    [first, second] = chunks(
        f"## Tea\n\n{page} 1\n\nAt four.\n\n## Coffee\n\n{page} 1\n\nAt ten.\n\n{page} 2\n\nIn the kitchen."
    )
    assert (first.metadata["section"], first.text) == ("Page 1", "Tea\nAt four.\n\nCoffee\nAt ten.")
    assert (second.metadata["section"], second.text) == ("Coffee › Page 2", "In the kitchen.")


def test_a_heading_with_nothing_below_it_is_text() -> None:
    [first, second, third] = chunks(f"## Tea\n\n### At four\n\n## Hours\n\n{words(90)}\n\n# Closed on Fridays")
    assert (first.metadata["section"], first.text) == ("Tea", "At four")
    assert second.metadata["section"] == "Hours"
    assert (third.metadata["section"], third.text) == ("", "Closed on Fridays")


def test_a_long_section_is_cut_between_sentences() -> None:
    found = chunks(" ".join(words(30, name) for name in "abcdefgh"))
    assert len(found) > 1
    assert all(chunk.text.endswith(".") for chunk in found)


def table(rows: int) -> str:
    return "\n".join(["| Grade | Days |", "| --- | --- |", *(f"| grade{n} | days{n} |" for n in range(rows))])


def test_a_table_that_fits_is_not_cut() -> None:
    found = chunks(f"{words(120)}\n\n{table(12)}\n\n{words(120, 'far')}")
    assert [table(12) in chunk.text for chunk in found].count(True) == 1


def test_a_table_stands_with_the_sentence_that_leads_to_it() -> None:
    found = chunks(f"{words(150)}\n\nThese are the days of each grade:\n\n{table(12)}")
    assert found[-1].text == f"These are the days of each grade:\n\n{table(12)}"


def test_a_table_that_is_too_long_is_cut_between_rows_and_its_header_repeated() -> None:
    found = chunks(table(60))
    assert len(found) > 1
    rows = [line for chunk in found for line in chunk.text.split("\n")[2:]]
    assert all(chunk.text.startswith("| Grade | Days |\n| --- | --- |\n") for chunk in found)
    assert rows == table(60).split("\n")[2:]


def test_a_row_that_is_too_long_alone_is_cut_and_not_lost() -> None:
    found = chunks(f"{table(3)}\n| long | {words(300)} |\n| last | row |")
    assert all(COUNT(chunk.get_content(MetadataMode.EMBED)) <= 160 for chunk in found)
    assert "word299" in " ".join(chunk.text for chunk in found)
    assert found[-1].text == "| Grade | Days |\n| --- | --- |\n| last | row |"


def test_code_that_fits_is_not_cut() -> None:
    code = "```sh\n" + "\n\n".join(f"make step{n}" for n in range(30)) + "\n```"
    found = chunks(f"{words(130)}\n\n{code}\n\n{words(130, 'far')}")
    assert [code in chunk.text for chunk in found].count(True) == 1


def test_code_that_is_too_long_is_cut_between_lines_and_fenced_again() -> None:
    steps = [f"make step{n} again" for n in range(120)]
    found = chunks("~~~~sh\n" + "\n".join(steps) + "\n~~~~")
    assert len(found) > 1
    assert all(chunk.text.startswith("~~~~sh\n") and chunk.text.endswith("\n~~~~") for chunk in found)
    assert [line for chunk in found for line in chunk.text.split("\n")[1:-1]] == steps


def test_chunks_are_numbered_in_reading_order() -> None:
    found = chunks(f"# One\n\n{words(300)}\n\n# Two\n\n{table(60)}")
    assert [chunk.metadata["number"] for chunk in found] == list(range(len(found)))
    document_id = found[0].ref_doc_id or ""
    assert [chunk.node_id for chunk in found] == [
        chunk_id(document_id, found[0].metadata["content_hash"], number) for number in range(len(found))
    ]


@hypothesis_settings(max_examples=40, deadline=None)
@given(st.text(alphabet="ab #.\n-|`é漢", max_size=3000), st.text(alphabet="ab 漢", min_size=1, max_size=60))
def test_no_chunk_is_too_long_and_no_word_is_lost(text: str, title: str) -> None:
    found = chunks(text, title.strip() or "t")
    assert all(COUNT(chunk.get_content(MetadataMode.EMBED)) <= 160 for chunk in found)
    kept = "".join(chunk.text + chunk.metadata["section"] for chunk in found)
    assert kept.count("漢") >= sum(line.count("漢") for line in text.splitlines() if "#" not in line)


_LINES = ["| 漢 | b |", "|---|---|", "| 漢漢漢漢 " * 30, "```", "~~~sh", "a 漢 b.", "漢 " * 40, "", "  | x"]


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(_LINES), max_size=60).map("\n".join))
def test_no_row_and_no_line_of_code_is_lost(text: str) -> None:
    found = chunks(text)
    assert all(COUNT(chunk.get_content(MetadataMode.EMBED)) <= 160 for chunk in found)
    kept = "".join(chunk.text for chunk in found)
    assert kept.count("漢") >= text.count("漢")
    assert kept.count("x") >= text.count("x")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("evil", ["|" * 50_000, "|a|\n|-|\n" * 20_000, "```\n" * 50_000, "a|\n" * 50_000])
def test_a_page_made_to_stall_the_chunker_does_not(evil: str) -> None:
    assert chunks(evil)


def test_ids_follow_from_document_content_and_length() -> None:
    assert [chunk.node_id for chunk in chunks(words(300))] == [chunk.node_id for chunk in chunks(words(300))]
    assert chunks("one")[0].node_id != chunks("two")[0].node_id
    assert chunks("one")[0].node_id != chunks("one", chunk_tokens=161)[0].node_id


@pytest.fixture(scope="module")
def packaged() -> ThreadedEmbedding:
    return open_embedding(KnowledgeSettings())


def test_the_packaged_model_counts_every_token_once(packaged: ThreadedEmbedding) -> None:
    assert packaged.count_tokens("") == 0
    assert packaged.count_tokens("a") == 1
    assert packaged.count_tokens("tea " * 5000) == 5000


def test_chunks_fill_the_length_that_is_set_in_real_tokens(packaged: ThreadedEmbedding) -> None:
    document = Document(uri="file:///a.md", title="Tea", text="Tea is served at four. " * 200, scope="public")
    chunker = HeadingChunker(chunk_tokens=120, count_tokens=packaged.count_tokens)
    node = as_node(document, content_hash="h")
    lengths = [packaged.count_tokens(chunk.get_content(MetadataMode.EMBED)) for chunk in chunker.chunks_of(node)]
    assert all(length <= 118 for length in lengths)
    assert all(length > 100 for length in lengths[:-1])


@pytest.mark.parametrize("title", ["漢" * 120, "한국어 " * 30, "word " * 30])
def test_a_long_title_leaves_the_text_its_room(packaged: ThreadedEmbedding, title: str) -> None:
    document = Document(uri="file:///a.md", title=title, text="Tea is served at four. " * 50, scope="public")
    chunker = HeadingChunker(chunk_tokens=120, count_tokens=packaged.count_tokens)
    found = list(chunker.chunks_of(as_node(document, content_hash="h")))
    assert all(packaged.count_tokens(chunk.get_content(MetadataMode.EMBED)) <= 120 for chunk in found)
    assert " ".join(chunk.text for chunk in found).count("four.") == 50


def test_a_length_beyond_the_models_window_is_refused() -> None:
    with pytest.raises(ValidationError, match="256 tokens"):
        KnowledgeSettings(chunk_tokens=300)
    assert KnowledgeSettings(chunk_tokens=300, embedding_url="http://127.0.0.1:9/v1").chunk_tokens == 300
