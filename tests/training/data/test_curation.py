import tempfile
from collections.abc import AsyncGenerator, AsyncIterator

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.training.data.samples import DAY, NEXT, ON, exchange, kept
from training.data.curation import curate
from training.data.judging import JournalPage, JudgedPage, Judges
from training.data.members import Members


class Watched(Judges):
    """Judges that keep the pages that they were given."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[JournalPage] = []

    async def judged(self, pages: AsyncIterator[JournalPage]) -> AsyncGenerator[JudgedPage, None]:
        async for each in super().judged(self._kept(pages)):
            yield each

    async def _kept(self, pages: AsyncIterator[JournalPage]) -> AsyncIterator[JournalPage]:
        async for page in pages:
            self.pages.append(page)
            yield page


async def test_page_tells_which_of_its_own_questions_were_edited_and_nothing_of_others(engine: AsyncEngine):
    for name in ("x1", "x2"):
        await kept(engine, exchange(name), ("U1", "vote_up", ""))
    for name in ("x1:edit:2", "elsewhere:edit:2"):
        await kept(engine, exchange(name, asked_at=NEXT))
    with tempfile.TemporaryFile() as spool:
        async with Watched() as judges:
            curated = await curate(engine, Members(), spool, judges, start=DAY, end=NEXT, settings=ON)
    assert [page.edited for page in judges.pages] == [{"x1"}]
    assert curated.withheld == {"edited_question": 1}
