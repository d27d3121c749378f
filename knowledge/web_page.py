# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# lxml has no types.
"""A web page without what surrounds its text (menus, banners, footers), and where it leads."""

import copy
from dataclasses import dataclass
from urllib.parse import urljoin

import trafilatura
from lxml.etree import ParserError
from lxml.html import HTMLParser, document_fromstring
from trafilatura.settings import DEFAULT_CONFIG

# All links of a page together. The parser's answer has room for no more.
_LINKS_CHARS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPage:
    """The main text as Markdown, with what the page says of itself; each is empty where there is none.

    `date` is the day of its last change, or else of its publication, as YYYY-MM-DD.
    """

    title: str
    text: str
    author: str
    date: str


def read_web_page(html: str) -> WebPage:
    # Without the extensive search: it takes any year in the text for the page's date.
    about = trafilatura.extract_metadata(html, date_config={"extensive_search": False, "original_date": False})
    # A main text under its 250 characters it would give up for the whole page without form: menus, and tables as words.
    config = copy.deepcopy(DEFAULT_CONFIG)
    config["DEFAULT"]["MIN_EXTRACTED_SIZE"] = "1"
    text = trafilatura.extract(
        html,
        output_format="markdown",
        include_comments=False,
        include_formatting=True,
        favor_recall=True,
        config=config,
    )
    return WebPage(title=about.title or "", text=text or "", author=about.author or "", date=about.date or "")


def links_of(html: str) -> list[str]:
    """The links of a page in their order, each once, relative to the page's own address unless it names another."""
    try:
        tree = document_fromstring(html.encode(), parser=HTMLParser(encoding="utf-8"))
    except ParserError:
        # There is no element in it.
        return []
    base = next((str(found.get("href")) for found in tree.iter("base") if found.get("href")), "")
    links: dict[str, None] = {}
    room = _LINKS_CHARS
    for anchor in tree.iter("a", "area"):
        href = str(anchor.get("href") or "").partition("#")[0].strip()
        if not href or "nofollow" in str(anchor.get("rel") or "").lower().split():
            continue
        try:
            link = urljoin(base, href)
        except ValueError:
            continue
        if link not in links:
            room -= len(link)
            if room < 0:
                break
            links[link] = None
    return list(links)
