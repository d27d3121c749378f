"""What a document would be read as, named before it is read: of the same name, it is the same version."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from knowledge.kinds import kind_of
from knowledge.sources import Content, open_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprints:
    """`way` names how documents are read and cut: read or cut otherwise, the same bytes are another version.

    The title may come from the source's name, and the reader is chosen by name and announced type: all of it counts.
    """

    way: str
    max_bytes: int

    def of_content(self, content: Content, *, name: str) -> str:
        read_as = kind_of(name, content.content_type), content.is_web_page
        return self._named(hashlib.sha256(content.data).hexdigest(), name, *read_as)

    def of_file(self, path: Path, *, name: str) -> str:
        """As of its content, which is not held in memory. Raises SourceError and OSError."""
        with open_file(path, limit=self.max_bytes) as file:
            return self._named(hashlib.file_digest(file, "sha256").hexdigest(), name, kind_of(name), False)

    def _named(self, *what: str | bool | None) -> str:
        return hashlib.sha256(json.dumps([self.way, *what]).encode()).hexdigest()
