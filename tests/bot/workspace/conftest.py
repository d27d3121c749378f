import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bot.workspace.driver import Workspace, running_workspace

# No rate limits, and retries a thousand times as fast. Trigger ids outlive a busy machine.
FAST = ("--no-rate-limits", "--retry-scale", "0.001", "--trigger-seconds", "600")


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    """One for a single test, that waits but a little for acknowledgements."""
    async with running_workspace(tmp_path / "workspace", *FAST, "--ack-seconds", "0.5") as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_workspace(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workspace]:
    """One for all tests of a module, which must not mind what the others left there."""
    async with running_workspace(tmp_path_factory.mktemp("shared") / "workspace", *FAST) as running:
        yield running


@pytest.fixture(autouse=True)
def quiet_vendors() -> None:
    logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)
    logging.getLogger("slack_bolt").setLevel(logging.CRITICAL)
