import logging

import pytest

from bot import logs


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


def test_addresses_that_are_called_are_not_logged(levels):
    logs.set_levels("debug")
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
