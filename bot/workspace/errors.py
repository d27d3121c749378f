"""What the workspace refuses.

SlackError          the method's own answer: HTTP 200, ok false, Slack's name of the error
└── RateLimited     HTTP 429 with Retry-After
"""

from typing import Any


class SlackError(Exception):
    """`details` are the further fields of the answer, such as `needed` and `provided` of missing_scope."""

    def __init__(self, error: str, *messages: str, **details: Any) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages
        self.details = details

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"ok": False, "error": self.error, **self.details}
        if self.messages:
            body["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in self.messages]}
        return body


class RateLimited(SlackError):
    def __init__(self, retry_after_s: int) -> None:
        super().__init__("ratelimited")
        self.retry_after_s = retry_after_s
