"""What can go wrong on the way to an answer.

RouterError
├── ModelError            the model server did not answer; each child says how
│   ├── ModelUnavailable      no connection, a 5xx, a stream cut short, or the breaker is open
│   ├── ModelTimeout          one of the deadlines passed: to the first token, between tokens, in all
│   ├── ModelGarbled          what came back is no answer of a model server
│   └── ModelRefused          a 4xx: the request itself is wrong
│       └── ModelNotFound         the server does not know a model or adapter of this name
├── PolicyBroken          a policy could not decide; the router falls back to retrieval
├── PolicyRefused         a file is no policy, or no longer the one that its name says
├── NoEarlierRelease      there is none to roll back to
├── JournalUnavailable    SQL could not be written or read
├── UnknownExchange       feedback on an answer that the journal does not hold
├── SearchUnavailable     the documents cannot be searched now
├── ExamplesUnreadable    a file of examples is not as it should be; names the file and the line
└── PolicyUnreadable      a policy's file is not one, or not one for what is asked of it
"""


class RouterError(Exception):
    """Root of this package's errors. `str(error)` is one sentence that may be shown to a person."""


class ModelError(RouterError):
    """The model server did not give an answer."""


class ModelUnavailable(ModelError):
    def __init__(self) -> None:
        super().__init__("The model is not available right now. Please try again in a minute.")


class ModelTimeout(ModelError):
    def __init__(self) -> None:
        super().__init__("The model took too long to answer. Please try again in a minute.")


class ModelGarbled(ModelError):
    def __init__(self) -> None:
        super().__init__(
            "The model's answer could not be read. Please try again; tell an administrator if it stays so."
        )


class ModelRefused(ModelError):
    def __init__(self) -> None:
        super().__init__(
            "The model server refused the request. Please try a shorter question, or tell an administrator."
        )


class ModelNotFound(ModelRefused):
    """The server does not know a model or adapter of this name."""


class PolicyBroken(RouterError):
    """A policy could not decide."""


class PolicyRefused(RouterError):
    """A file is no policy, or no longer the one that its name says; the text says which and why."""


class NoEarlierRelease(RouterError):
    def __init__(self) -> None:
        super().__init__("No other policy was in service before this one, so there is nothing to roll back to.")


class JournalUnavailable(RouterError):
    def __init__(self) -> None:
        super().__init__("The database is not available right now. Please try again in a minute.")


class UnknownExchange(RouterError):
    def __init__(self) -> None:
        super().__init__("This answer is no longer on record, so feedback on it cannot be kept.")


class SearchUnavailable(RouterError):
    def __init__(self) -> None:
        super().__init__("The documents cannot be searched right now. Please try again in a minute.")


class ExamplesUnreadable(RouterError):
    """A file of examples cannot be read, or does not hold what a fit or an evaluation needs."""


class PolicyUnreadable(RouterError):
    """A learned policy cannot be read, or is not one for what is asked of it."""


def first_of(errors: BaseExceptionGroup[ModelError]) -> ModelError:
    """The first of what failed at the same time."""
    first = errors.exceptions[0]
    return first if isinstance(first, ModelError) else first_of(first)
