"""A person writes in the page, and looks where the answer comes."""

from playwright.async_api import Locator, Page, expect


async def ask_in_channel(page: Page, question: str) -> Locator:
    """Mention the bot in #general; the place in the opened thread where its answer comes."""
    closing = page.get_by_role("button", name="Close thread")
    if await closing.is_visible():
        await closing.click()
    composer = page.get_by_role("main").get_by_role("textbox")
    await composer.fill("")
    await composer.press_sequentially("@tan")
    await expect(page.get_by_role("option", name="@tandem")).to_be_visible()
    await composer.press("Enter")
    await composer.press_sequentially(question)
    await composer.press("Enter")
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread).to_contain_text(question)
    return thread.get_by_role("article", name="Tandem").first


async def say(place: Locator, text: str) -> None:
    """Write in a channel or a thread."""
    composer = place.get_by_role("textbox").last
    await composer.fill(text)
    if text.startswith("/"):
        await composer.press(
            "Escape"
        )  # no suggestion is taken in place of what was typed; elsewhere it closes the thread
    await composer.press("Enter")
