"""The bot's log file, and who may write what into it."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

OWN = ("bot", "router", "knowledge", "training", "tandem")
VENDORS = ("tandem.slack_sdk", "tandem.bolt")
_LARGEST_BYTES, _OLD_FILES = 10_000_000, 3


def keep(folder: Path, level: str) -> None:
    """Write to `folder`/tandem.log from now on. Raises OSError where that cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    file = RotatingFileHandler(folder / "tandem.log", maxBytes=_LARGEST_BYTES, backupCount=_OLD_FILES)
    logging.basicConfig(handlers=[file], format="%(asctime)s %(levelname)s %(name)s %(message)s")
    set_levels(level)


def set_levels(level: str) -> None:
    """Debugging is for our own modules: vendors then log whole requests, with what people wrote in them."""
    own = logging.getLevelNamesMapping()[level.upper()]
    vendors = max(own, logging.INFO)
    for name in OWN:
        logging.getLogger(name).setLevel(own)
    for name in ("", *VENDORS):
        logging.getLogger(name).setLevel(vendors)
    # The HTTP client names each address it calls; that is noise here, and addresses may hold what is private.
    logging.getLogger("httpx").setLevel(logging.WARNING)
