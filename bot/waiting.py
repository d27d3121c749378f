"""What work waits for, however long that takes: what is away and comes back."""

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.errors import SlackAmbiguous, SlackUnauthorized, SlackUnreachable
from knowledge.errors import CatalogueUnavailable, IndexUnavailable
from router.errors import JournalUnavailable

# Slack, the index or the database is away, the disk is full, or Slack does not take the token. Other errors of the
# database come again each time.
_PASSING = (
    SlackUnreachable,
    SlackAmbiguous,
    SlackUnauthorized,
    IndexUnavailable,
    OperationalError,
    InterfaceError,
    PoolTimeout,
    OSError,
)
# One error for all that a database says: what that was tells whether to wait.
_OF_A_DATABASE = (JournalUnavailable, CatalogueUnavailable)


def passes(error: Exception) -> bool:
    return isinstance(error.__cause__ if isinstance(error, _OF_A_DATABASE) else error, _PASSING)
