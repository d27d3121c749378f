"""A web page without what surrounds its text: menus, banners, footers."""

import copy
from dataclasses import dataclass

import trafilatura
from trafilatura.settings import DEFAULT_CONFIG


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
