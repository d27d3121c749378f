"""The benchmark's made-up index stands in the catalogue like any other, whatever columns that gains."""

import json
from pathlib import Path

import pytest

from tests.benchmarks import search_build


async def test_made_up_documents_are_listed_in_the_catalogue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await search_build.main(50, tmp_path)
    assert json.loads(capsys.readouterr().out)["chunks_per_second"] > 0
