import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.workspace.driver import Workspace, running_workspace


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    """A workspace that knows no rate limits and retries a hundred times as fast."""
    options = ("--no-rate-limits", "--retry-scale", "0.01", "--ack-seconds", "0.5")
    async with running_workspace(tmp_path / "workspace", *options) as running:
        yield running


@pytest.fixture(autouse=True)
def quiet_vendors() -> None:
    logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)
    logging.getLogger("slack_bolt").setLevel(logging.CRITICAL)
