"""`tandem run` while its model server is not there yet: the commands beside it work, and questions wait.

The sample handbook comes when the model is there, all of it, whatever was added before.
"""

import asyncio
import json
from pathlib import Path

import pytest

from bot.control import RemoteOperations
from tests.acceptance.tandem_process import TANDEM, TandemProcess, environment
from tests.conftest import _free_port
from tests.router.fakes import ScriptedModel

_SAMPLE = Path(__file__).resolve().parents[2] / "bot" / "sample" / "pages"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def test_commands_work_and_questions_wait_while_the_model_is_starting_and_then_the_sample_comes(
    tmp_path: Path,
) -> None:
    async with ScriptedModel(mode="error").running() as model:
        given = environment(
            tmp_path / "home",
            ports=(_free_port(), _free_port(), _free_port()),
            TANDEM_MODEL_URL=model.url,
            TANDEM_MODEL_NAME="base",
        )
        log = tmp_path / "tandem.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(TANDEM, "run", env=given, stdout=output, stderr=output)
        tandem = TandemProcess(process=process, environment=given, log=log)
        try:
            await _until_it_listens(tandem)
            code, found, errors = await tandem.run("search", "--json", "parental leave")
            assert (code, json.loads(found)) == (0, []), errors
            note = tmp_path / "note.md"
            note.write_text("# Note\n\nThe ferry sails at six.\n")
            code, _, errors = await tandem.run("ingest", str(note))
            assert code == 0, errors
            code, _, errors = await tandem.run("run")
            assert (code, "already runs" in errors) == (1, True), errors
            asking = asyncio.ensure_future(tandem.run("ask", "--json", "Hello!"))
            await asyncio.sleep(3)
            assert not asking.done()
            assert "the page is open at" in log.read_text()
            model.mode = "good"
            code, answer, errors = await asyncio.wait_for(asking, 60)
            assert code == 0, errors
            assert json.loads(answer)["route"] == "smalltalk"
            code, listed, errors = await tandem.run("documents", "list", "--json")
            assert code == 0, errors
            names = {Path(each["uri"]).name for each in json.loads(listed)}
            assert names == {"note.md", *(page.name for page in _SAMPLE.iterdir())}
        finally:
            assert await tandem.end() == 0


async def _until_it_listens(tandem: TandemProcess) -> None:
    remote = RemoteOperations(Path(tandem.environment["TANDEM_HOME"]))
    async with asyncio.timeout(120):
        while not await remote.reachable():
            assert tandem.process.returncode is None, tandem.log.read_text()
            await asyncio.sleep(0.1)
