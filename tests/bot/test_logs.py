import logging
from collections.abc import Iterator

import pytest

from bot import logs


@pytest.fixture
def levels() -> Iterator[None]:
    kept = {name: logging.getLogger(name).level for name in ("", *logs.OWN, *logs.VENDORS, "httpx")}
    yield
    for name, level in kept.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize("name", ["tandem.slack_sdk", "tandem.bolt", "slack_sdk.web", "slack_bolt.App", "aiosqlite"])
def test_vendor_that_would_log_whole_requests_does_not_at_any_level(levels, name):
    logs.set_levels("debug")
    assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)


@pytest.mark.parametrize("name", ["bot.run", "tandem.answering", "router.writer", "knowledge.index"])
def test_own_modules_log_as_much_as_is_set(levels, name):
    logs.set_levels("debug")
    assert logging.getLogger(name).isEnabledFor(logging.DEBUG)
    logs.set_levels("error")
    assert not logging.getLogger(name).isEnabledFor(logging.WARNING)


@pytest.mark.parametrize("name", ["httpx"])
def test_addresses_that_are_called_are_not_logged(levels, name):
    logs.set_levels("debug")
    assert not logging.getLogger(name).isEnabledFor(logging.INFO)
