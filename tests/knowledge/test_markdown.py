import pytest

from knowledge.markdown import first_heading, split_front_matter, tidy


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("see [the guide](https://example.com/a_(b)) now", "see the guide now"),
        ('see [the guide]({% page "/guide" %}) now', "see the guide now"),
        ("[![Logo](a.png)](https://example.com)", "Logo"),
        ("[a][ref]\n\n[ref]: https://example.com", "a"),
        ('ask in {% slack_channel "people-ops" %}', "ask in people-ops"),
        ('{% image "_img/a.png" "the menu" %}', "the menu"),
        ("a {% comment %}never\nthis{% endcomment %}b", "a b"),
        ("{% raw %}kept{% endraw %} {{ page.url }}", "kept"),
        ("one<br>two <b>three</b> <!-- four -->", "one\ntwo three"),
        ("<script>alert(1)</script>text", "text"),
        ("Dear <your name>, a < b & c &gt; d", "Dear <your name>, a < b & c > d"),
        ("**bold** _it_ snake_case_name 2*3*4", "bold it snake_case_name 2*3*4"),
        ("Title\n=====\n\nSub\n---\ntext", "# Title\n\n## Sub\ntext"),
        ("<h2 id=x>Sub</h2>text", "## Sub\n\ntext"),
    ],
)
def test_what_a_reader_does_not_see_is_left_out(source: str, shown: str) -> None:
    assert tidy(source) == shown


def test_code_stays_as_it_is() -> None:
    source = "```yaml\nkey: ${{ secrets.X }} <b> [a](b)\n```\n\nuse `{{ x }}` and `**kwargs`"
    assert tidy(source) == source


def test_front_matter_gives_the_title_and_goes() -> None:
    assert split_front_matter('---\ntitle: "Travel: a guide"\nx: 1\n---\n\nText') == ("Travel: a guide", "\nText")
    assert split_front_matter("---\nx: 1\n---\nText") == (None, "Text")
    assert split_front_matter("Text\n---\ntitle: no\n---\n") == (None, "Text\n---\ntitle: no\n---\n")


@pytest.mark.parametrize(
    "block",
    [
        "title: Tea",
        "\ntitle: Tea\n",
        "# how it is shown\nlayout: page\ntitle: Tea\ntags:\n- drinks\n- four o'clock\n",
        'title: Tea\nabstract: >\n  Bring a cup.\n\n  Two, if you like.\nsome.key-2: "x"\n"quoted key": x\nempty:',
        "título: Té\ntitle: Tea\ndate created: 8 May",
        "title: Tea\nlinks: [\n  a,\n]\nmenu: {\n  b: c\n}",
    ],
)
def test_a_block_of_keys_is_front_matter(block: str) -> None:
    assert split_front_matter(f"---\n{block}\n---\nText") == ("Tea", "Text")


def test_front_matter_with_nothing_in_it_goes() -> None:
    assert split_front_matter("---\n\n---\nText") == (None, "Text")


@pytest.mark.parametrize(
    "block",
    [
        "\nBring your laptop on day one.\n",
        "Bring your laptop on day one.",
        "\nWhat to bring: a laptop.\n",
        "Note: bring these.\n\nA laptop, and a cup.",
        "- a laptop\n- a cup",
        "# Day one",
        "https://example.com/day-one",
        "12:30 is lunch",
        "    make install",
        "A laptop: bring it.\nTea: at four.",
    ],
)
def test_text_between_two_rules_is_no_front_matter(block: str) -> None:
    source = f"---\n{block}\n---\n\n# Second part"
    assert split_front_matter(source) == (None, source)


def test_the_first_heading_is_not_one_in_code() -> None:
    assert first_heading("```\n# comment\n```\n\n## Real ##\n") == "Real"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "evil", ["[" * 50_000, "<a " * 50_000, "{%" * 50_000, "*a" * 50_000, "`" * 50_001, "<!--" * 50_000]
)
def test_a_page_made_to_stall_does_not(evil: str) -> None:
    tidy(evil)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("evil", ["\n" * 200_000, "a:\n" * 100_000, "a" * 200_000, "a:" + " " * 200_000, "'" * 200_000])
def test_front_matter_made_to_stall_does_not(evil: str) -> None:
    split_front_matter(f"---\n{evil}\n---\n")
    split_front_matter(f"---\n{evil}\nText\n---\n")
