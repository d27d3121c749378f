"""What can go wrong on the documents side.

KnowledgeError
├── InvalidScope          an audience that is neither `public` nor `channel:ID`
├── InvalidFilter         a word like after:yesterday that narrows a search to nothing that there is
├── SourceError           a document could not be brought in; its text is fit for people
│   ├── SourceNotFound        no such file or page, or it could not be reached
│   │   └── SourceGone            its place is there, and says that it no longer holds it
│   ├── SourceRefused         a place or size that Tandem does not read (private address, too large)
│   │   └── SourceDisallowed      the site's robots.txt asks not to read it
│   ├── SourceUnreadable      the file is broken, encrypted or of an unknown kind
│   │   └── SourceWithheld        the page's server does not show it to Tandem
│   └── SourceTimeout         fetching or parsing took too long
├── DatasetUnreadable     a data set for measuring is not as it should be; its text names the file and the line
├── NotMigrated           an index is not copied, or the copy is not the same; says why, to operators
├── IndexUnavailable      the index cannot be reached or is owned by another process; its text is for operators
└── CatalogueUnavailable  SQL could not be written or read
"""


class KnowledgeError(Exception):
    """Root of this package's errors. `str(error)` is one sentence; all but IndexUnavailable's and NotMigrated's may be shown to a person."""


class InvalidScope(KnowledgeError):
    def __init__(self, scope: str) -> None:
        super().__init__(f"“{scope[:60]}” is no audience: write public or channel:ID")


class InvalidFilter(KnowledgeError):
    """A search is narrowed in a way that cannot be understood; says what to write instead."""


class SourceError(KnowledgeError):
    """A document could not be brought in."""


class SourceNotFound(SourceError):
    """There is no such file or page, or no way to it: a host without a name, a drive that is not mounted."""


class SourceGone(SourceNotFound):
    """Its place answers, and says that the document is not there: what was taken in from it has been deleted."""


class SourceRefused(SourceError):
    """The place or the size is one that Tandem does not read."""


class SourceDisallowed(SourceRefused):
    """The site's robots.txt asks not to read it."""


class SourceUnreadable(SourceError):
    """The file is broken, encrypted or of a kind that Tandem does not know."""


class SourceWithheld(SourceUnreadable):
    """The page's server does not show it to Tandem, but to others perhaps."""


class SourceTimeout(SourceError):
    """Fetching or parsing took longer than its limit."""


class DatasetUnreadable(KnowledgeError):
    """A data set for measuring retrieval lacks a file, or one of its lines is wrong."""


class IndexUnavailable(KnowledgeError):
    """The index cannot be reached, or another process owns it. `str(error)` tells operators what to look at."""


class NotMigrated(KnowledgeError):
    """One index is not copied into another, or the copy does not hold the same; says what to do."""


class CatalogueUnavailable(KnowledgeError):
    def __init__(self) -> None:
        super().__init__("The database with the list of documents is not available. Please try again in a minute.")
