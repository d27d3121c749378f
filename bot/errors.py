"""What can go wrong on the Slack and command-line side.

BotError
├── SettingsError         a setting is wrong; the text names the variable and what to write
├── PortTaken             a port that Tandem needs is in use
├── ModelServerError      the embedded model could not be unpacked or its server not be started
├── ControlError          the running bot could not be asked, or answered with an error
├── WorkerError           a process that takes documents in could not begin, or what it needs is away
├── UnknownDocument       no document, or more than one, has this number or link
├── DatabaseError         the database cannot be opened or brought up to date
├── NightBusy             a night is under way already
├── NotStored             an event could not be written down, so it is not acknowledged
└── SlackError            Slack did not do what was asked
    ├── SlackRefused          it answered `ok: false`; `code` is its word for why
    ├── SlackUnauthorized     it does not take the token: nothing was done, and nothing will be until it does
    ├── SlackUnreachable      it was not reached: nothing was done there
    │   └── SlackBusy             it has had enough calls for now
    └── SlackAmbiguous        the request was sent, and no answer of Slack's came back: it may have been done
"""


class BotError(Exception):
    """Root of this package's errors. `str(error)` is for the person at the terminal: what to change."""


class SettingsError(BotError):
    """A setting is wrong; the text names the variable and what to write."""


class PortTaken(BotError):
    def __init__(self, port: int, variable: str) -> None:
        super().__init__(f"port {port} is in use: stop what listens there, or set {variable} to a free port")


class ModelServerError(BotError):
    """The embedded model could not be unpacked, or its server could not be started."""


class ControlError(BotError):
    """The running bot could not be asked, or it answered with an error."""


class WorkerError(BotError):
    """A process that takes documents in could not begin, or what all documents need is away."""


class UnknownDocument(BotError):
    """No document, or more than one, has this number or link."""


class DatabaseError(BotError):
    """The database cannot be opened or brought up to date."""


class NightBusy(BotError):
    """A night is under way already, and there is one at a time."""


class NotStored(BotError):
    """An event could not be written down, so it is not acknowledged, and Slack delivers it again."""


class SlackError(BotError):
    """Slack did not do what was asked."""


class SlackRefused(SlackError):
    def __init__(self, method: str, code: str) -> None:
        super().__init__(f"Slack refused {method}: {code}")
        self.method = method
        self.code = code


class SlackUnauthorized(SlackError):
    """Slack does not take the token, or no longer: nothing was done, and it says nothing about what was asked."""

    def __init__(self, method: str, code: str) -> None:
        super().__init__(f"Slack refused the token for {method}: {code}")
        self.method = method
        self.code = code


class SlackUnreachable(SlackError):
    """Slack was not reached: nothing was done there."""


class SlackBusy(SlackUnreachable):
    """Slack has had enough calls for now: nothing was done, and later it may be."""


class SlackAmbiguous(SlackError):
    """The request was sent, and the connection broke or the answer was not Slack's: it may or may not have been done."""
