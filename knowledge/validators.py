"""How a server names the version of a page that it sent (RFC 9110, section 8.8), to be asked for a newer one only."""

from collections.abc import Mapping
from dataclasses import dataclass

# Longer ones are not worth keeping.
_CHARS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """`url` is where the redirects led: of the same words from another address nothing follows."""

    url: str = ""
    etag: str = ""
    last_modified: str = ""

    def headers_for(self, url: str) -> dict[str, str]:
        """What asks this address for a newer version only; empty for an address that did not give these words."""
        if url != self.url:
            return {}
        named = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in named.items() if value}


NO_VALIDATOR = Validator()


def validator_of(url: str, headers: Mapping[str, str]) -> Validator:
    found = Validator(
        url=url,
        etag=_sendable(headers.get("etag", "")),
        last_modified=_sendable(headers.get("last-modified", "")),
    )
    return found if found.headers_for(url) else NO_VALIDATOR


def _sendable(value: str) -> str:
    return value if value.isascii() and value.isprintable() and len(value) <= _CHARS else ""
