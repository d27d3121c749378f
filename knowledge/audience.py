"""Who may read what: a document has one scope, an audience is the set of scopes it may read."""

import re
from dataclasses import dataclass

from knowledge.errors import InvalidScope

PUBLIC = "public"
_CHANNEL_SCOPE = re.compile(r"channel:[A-Z0-9]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The scopes that everyone who will see an answer may read. Empty means nothing may be read."""

    scopes: frozenset[str]

    def may_read(self, scope: str) -> bool:
        return scope in self.scopes


NOBODY = Audience(scopes=frozenset())
EVERYONE = Audience(scopes=frozenset({PUBLIC}))


def parse_scope(text: str) -> str:
    """Check a scope as people write it: `public` or `channel:ID`.

    Raises InvalidScope for anything else: an unknown scope must never widen who may read.
    """
    if text == PUBLIC or _CHANNEL_SCOPE.fullmatch(text):
        return text
    raise InvalidScope(text)


def channel_scope(channel_id: str) -> str:
    return parse_scope(f"channel:{channel_id}")


def parse_audience(text: str) -> Audience:
    """The audience of a channel sees public documents and its own; `public` sees public ones only."""
    return Audience(scopes=frozenset({PUBLIC, parse_scope(text)}))
