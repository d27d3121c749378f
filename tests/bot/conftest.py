import logging
from collections.abc import Iterator

import pytest

from bot import logs


@pytest.fixture
def levels() -> Iterator[None]:
    """Put all loggers' levels back after the test."""
    kept = {name: logging.getLogger(name).level for name in ("", *logs.OWN, *logs.VENDORS, "httpx")}
    yield
    for name, level in kept.items():
        logging.getLogger(name).setLevel(level)
