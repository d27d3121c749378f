import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.sentences import SentenceSplitter, split_sentences


def streamed(text: str, size: int = 3, longest: int = 600) -> list[str]:
    splitter = SentenceSplitter(longest=longest)
    pieces = [piece for at in range(0, len(text), size) for piece in splitter.feed(text[at : at + size])]
    return pieces + splitter.flush()


def test_sentence_is_released_when_the_next_word_begins():
    splitter = SentenceSplitter()
    assert splitter.feed("Leave is sixteen weeks.") == []
    assert splitter.feed(" ") == []
    assert splitter.feed("It") == ["Leave is sixteen weeks. "]
    assert splitter.flush() == ["It"]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("One. Two! Three? Four", ["One. ", "Two! ", "Three? ", "Four"]),
        ("Sixteen weeks. [1] Ask Dr. Smith. [2][3] End.", ["Sixteen weeks. [1] ", "Ask Dr. Smith. [2][3] ", "End."]),
        ("Sixteen. [source 1] End. (see 2)\nYes.", ["Sixteen. [source 1] ", "End. (see 2)\n", "Yes."]),
        ("Ask Ann. [sic] End. (Or not.) Yes", ["Ask Ann. ", "[sic] End. ", "(Or not.) ", "Yes"]),
        ("Sixteen weeks [1]. Then more.", ["Sixteen weeks [1]. ", "Then more."]),
        ("It is 3.5 days, e.g. Monday. Yes", ["It is 3.5 days, e.g. Monday. ", "Yes"]),
        ("At 5 p.m. we go. J. Smith. No. 5 is out. End", ["At 5 p.m. we go. ", "J. Smith. ", "No. 5 is out. ", "End"]),
        ("She said “stop.” Then left.", ["She said “stop.” ", "Then left."]),
        ("Steps:\n1. Ask.\n2. Wait.\n- rest\n\nEnd", ["Steps:\n", "1. Ask.\n", "2. Wait.\n", "- rest\n\n", "End"]),
        ("See:\n```py\na = 1. \nB()\n```\nDone. X", ["See:\n", "```py\na = 1. \nB()\n```\n", "Done. ", "X"]),
        ("休暇は十六週です。次の文。", ["休暇は十六週です。", "次の文。"]),
        ("Unclosed\n```\ncode. More\n", ["Unclosed\n", "```\ncode. More\n"]),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_text_is_cut_where_sentences_end(text: str, pieces: list[str], size: int):
    assert streamed(text, size) == pieces


def test_text_without_a_full_stop_is_released_too():
    text = "word " * 500
    pieces = streamed(text, longest=100)
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 100


def test_link_longer_than_a_piece_does_not_pass_in_two_halves():
    text = "x" * 96 + "https://evil.example/" + "y" * 100
    assert "https://evil" not in "".join(streamed(text, longest=100))


def test_long_code_is_cut_at_a_line():
    text = "```\n" + "a line. Of code\n" * 20 + "```\nEnd."
    pieces = streamed(text, longest=100)
    assert "".join(pieces) == text
    assert all(piece.endswith("\n") for piece in pieces[:-1])


@given(st.text(alphabet=' \n.!?[]`1aB。"', max_size=200), st.integers(1, 20))
def test_pieces_joined_are_the_text(text: str, size: int):
    assert "".join(streamed(text, size)) == text


@given(st.text(alphabet=" \n.?[1]`aB", max_size=120))
def test_pieces_do_not_depend_on_how_the_stream_was_cut(text: str):
    assert streamed(text, 1) == streamed(text, 7) == streamed(text, 1000)


@given(
    st.lists(st.sampled_from(["source ", "see", "sic", "[", "]", "(", ")", "1", " ", ".", "\n", "B"]), max_size=25),
    st.integers(1, 20),
)
def test_brackets_do_not_depend_on_how_the_stream_was_cut(parts: list[str], size: int):
    text = "".join(parts)
    assert streamed(text, 1) == streamed(text, size) == streamed(text, 1000)


def test_finished_text_gives_clean_sentences():
    assert split_sentences(" One.  Two.\n\nThree ") == ["One.", "Two.", "Three"]
