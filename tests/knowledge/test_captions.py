import pytest

from knowledge.captions import read_captions

_TIMES = "00:00:01.000 --> 00:00:02.500 align:left"


@pytest.mark.parametrize(
    ("cues", "text"),
    [
        (f"{_TIMES}\nHello\nthere", "Hello there"),
        (f"intro\n{_TIMES}\nHello", "Hello"),
        (f"{_TIMES}\n<v.loud Ada Low>Hi</v>\n\n{_TIMES}\n<v Ben>Yes <i>indeed</i>", "Ada Low: Hi\n\nBen: Yes indeed"),
        (f"{_TIMES}\nWe go\n\n{_TIMES}\nWe go\n\n{_TIMES}\non", "We go on"),
        (f"{_TIMES}\n5 &lt; 6 <00:01.500>&amp; so on", "5 < 6 & so on"),
        (f"NOTE not said\n\nSTYLE\n::cue {{color: red}}\n\n{_TIMES}\nHi", "Hi"),
        (f"{_TIMES}\r\nHi\r\n\r\n{_TIMES}\r\nyou", "Hi you"),
        (f"{_TIMES}\n", ""),
    ],
)
def test_only_what_was_said_is_kept(cues: str, text: str) -> None:
    assert read_captions(f"WEBVTT\n\n{cues}") == text
