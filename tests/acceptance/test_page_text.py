"""How the page turns the text of messages into elements, in the browser that does it."""

import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.acceptance.browsing import WorkspaceProcess, browsing

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

RENDER = """async ([kind, text]) => {
    const draw = (await import(`/static/${kind}.js`))[kind];
    const people = { U1: "ada" }, channels = { C1: "general" };
    const names = { me: "U9", user: (id) => people[id], channel: (id) => channels[id] };
    const place = document.createElement("div");
    place.append(...draw(text, names).flat(Infinity));
    for (const link of place.querySelectorAll("a")) for (const name of ["target", "rel", "title"]) link.removeAttribute(name);
    return place.innerHTML;
}"""

MRKDWN = [
    ("*bold* _slanted_ ~gone~", "<p><strong>bold</strong> <em>slanted</em> <s>gone</s></p>"),
    ("2*3*4 and snake_case_name", "<p>2*3*4 and snake_case_name</p>"),
    ("*not `bold* here`", "<p>*not <code>bold* here</code></p>"),
    ("*bold with _slant_*", "<p><strong>bold with <em>slant</em></strong></p>"),
    ("one\ntwo", "<p>one<br>two</p>"),
    ("&gt; said\n&gt; twice\nthen", "<blockquote>said<br>twice</blockquote><p>then</p>"),
    ("```a &lt; b\n*c*```", "<pre><code>a &lt; b\n*c*</code></pre>"),
    ("<@U1> in <#C1>", '<p><span class="mention">@ada</span> in <a class="mention" href="#as=U9&amp;in=C1">#general</a></p>'),
    ("<@U9>", '<p><span class="mention mention-me">@U9</span></p>'),
    ("<!here>", '<p><span class="mention mention-me">@here</span></p>'),
    ("<https://a.example/?x=1&amp;y=2|the &lt;page&gt;>", '<p><a href="https://a.example/?x=1&amp;y=2">the &lt;page&gt;</a></p>'),
    ("see https://a.example/x.", '<p>see <a href="https://a.example/x">https://a.example/x</a>.</p>'),
    ("<javascript:alert(1)|x>", '<p><span class="refused-link" title="This address is not a web link">x</span></p>'),
    ("&lt;b&gt;", "<p>&lt;b&gt;</p>"),
    (":tada: :no_such_thing:", "<p>🎉 :no_such_thing:</p>"),
]  # fmt: skip

MARKDOWN = [
    ("# One\n## Two", "<h3>One</h3><h4>Two</h4>"),
    ("**bold** *slanted* __bold__ _slanted_ ~~gone~~", "<p><strong>bold</strong> <em>slanted</em> <strong>bold</strong> <em>slanted</em> <s>gone</s></p>"),
    ("***both***", "<p><strong><em>both</em></strong></p>"),
    ("snake_case_name 2 * 3 * 4", "<p>snake_case_name 2 * 3 * 4</p>"),
    (r"\*plain\*", "<p>*plain*</p>"),
    ("`a **b**`", "<p><code>a **b**</code></p>"),
    ("- a\n- b\n  - c\n\nend", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><p>end</p>"),
    ("3. c\n4. d", '<ol start="3"><li>c</li><li>d</li></ol>'),
    ("- [ ] to do\n- [x] done", "<ul><li>☐ to do</li><li>☑ done</li></ul>"),
    ("> said\n> - by one", "<blockquote><p>said</p><ul><li>by one</li></ul></blockquote>"),
    ("```python\n<b>**x**</b>\n```", '<pre><code data-language="python">&lt;b&gt;**x**&lt;/b&gt;</code></pre>'),
    ("---", "<hr>"),
    ("[page](https://a.example/(x)) [1]", '<p><a href="https://a.example/(x)">page</a> [1]</p>'),
    ("![pixel](https://a.example/p.png)", '<p><a href="https://a.example/p.png">pixel</a></p>'),
    ("<b>tag</b> <@U1>", '<p>&lt;b&gt;tag&lt;/b&gt; <span class="mention">@ada</span></p>'),
    ("**still open", "<p>**still open</p>"),
    ("```\nstill open", "<pre><code>still open</code></pre>"),
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    workspace = WorkspaceProcess(home=tmp_path_factory.mktemp("workspace"))
    await workspace.start()
    async with browsing(chromium_path) as browser:
        page = await browser.new_page()
        # Any page of the same origin will do: the modules are imported by themselves.
        await page.goto(f"{workspace.address}/static/links.js")
        yield page
    await workspace.stop()


@pytest.mark.parametrize(("text", "expected"), MRKDWN)
async def test_mrkdwn_is_drawn_as_slack_draws_it(page: Page, text: str, expected: str) -> None:
    assert await page.evaluate(RENDER, ["mrkdwn", text]) == expected


@pytest.mark.parametrize(("text", "expected"), MARKDOWN)
async def test_markdown_is_drawn_also_where_it_is_unfinished(page: Page, text: str, expected: str) -> None:
    assert await page.evaluate(RENDER, ["markdown", text]) == expected


async def test_table_cells_keep_their_alignment_and_their_bars(page: Page) -> None:
    drawn = await page.evaluate(RENDER, ["markdown", "| Kind | Days |\n|:--|--:|\n| Paid \\| unpaid | **25** |"])
    assert '<th class="align-right">Days</th>' in drawn
    assert '<td class="align-left">Paid | unpaid</td><td class="align-right"><strong>25</strong></td>' in drawn


PIECES = [
    *("<script>", "<img src=x onerror=a()>", "](javascript:a())", "<javascript:a()|", "<data:x|", "https://e.example/", "<@U1>"),
    *("`", "```", "*", "**", "_", "~", "~~", "[", "]", "(", ")", "<", ">", "|", "&lt;", "&amp;", "!", "\\", "\n", "> ", "- ", "1. "),
    *("# ", "|--|", " ", "word", "é", "🚲", "\u202e", "\x00"),
]  # fmt: skip
ALLOWED_TAGS = {
    *("P", "BR", "STRONG", "EM", "S", "CODE", "PRE", "BLOCKQUOTE", "UL", "OL", "LI", "HR", "H3", "H4", "H5", "H6"),
    *("A", "SPAN", "DIV", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD", "TIME"),
}
SURVEY = """async (texts) => {
    const names = { me: "U9", user: () => "ada", channel: () => "general" };
    const seen = { tags: new Set(), protocols: new Set(), slowest: 0 };
    for (const kind of ["mrkdwn", "markdown"]) {
        const draw = (await import(`/static/${kind}.js`))[kind];
        for (const text of texts) {
            const place = document.createElement("div"), begun = performance.now();
            place.append(...draw(text, names).flat(Infinity));
            seen.slowest = Math.max(seen.slowest, performance.now() - begun);
            for (const node of place.querySelectorAll("*")) {
                seen.tags.add(node.tagName);
                if (node.tagName === "A") seen.protocols.add(node.protocol);
            }
        }
    }
    return { tags: [...seen.tags], protocols: [...seen.protocols], slowest: seen.slowest };
}"""


async def test_no_text_makes_another_element_or_another_kind_of_link(page: Page) -> None:
    dice = random.Random(20)
    texts = ["".join(dice.choices(PIECES, k=dice.randint(1, 40))) for _ in range(3000)]
    seen = await page.evaluate(SURVEY, texts)
    assert set(seen["tags"]) <= ALLOWED_TAGS
    assert set(seen["protocols"]) <= {"http:", "https:", "mailto:"}


@pytest.mark.parametrize(
    "piece", ["*", "_a", "[", "[x](", "`", "> ", ">", "- ", "~~", "<", "**a ", "|a", "1. \n ", "a*b_"]
)
async def test_longest_message_is_drawn_within_a_second_whatever_it_repeats(page: Page, piece: str) -> None:
    seen = await page.evaluate(SURVEY, [piece * (12_000 // len(piece))])
    assert seen["slowest"] < 1000
