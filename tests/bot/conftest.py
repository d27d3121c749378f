import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import logs


@pytest.fixture
def levels() -> Iterator[None]:
    """Put all loggers' levels back after the test."""
    kept = {name: logging.getLogger(name).level for name in ("", *logs.OWN, *logs.VENDORS, "httpx")}
    yield
    for name, level in kept.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own, read from a clean environment; what a command sets for its process is set back."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "TANDEM_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    mask = os.umask(0o022)
    yield tmp_path / "home"
    os.umask(mask)
