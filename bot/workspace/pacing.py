"""Slack's rate limits: one post a second a channel, and the tiers of the other methods."""

import math
import time
from dataclasses import dataclass

from bot.workspace.errors import RateLimited

POST_PER_S = 1.0
POST_BURST = 4  # Slack lets short bursts through and gives no number; a client must not rely on more
# https://docs.slack.dev/apis/web-api/rate-limits: calls a minute, a method.
TIERS = {1: 1, 2: 20, 3: 50, 4: 100}


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Pacing:
    def __init__(self, *, enforced: bool) -> None:
        self._enforced = enforced
        self._buckets: dict[str, _Bucket] = {}

    def post(self, channel: str) -> None:
        """Count a post into `channel`. Raises RateLimited."""
        self._take(f"post:{channel}", per_s=POST_PER_S, burst=POST_BURST)

    def call(self, method: str, tier: int) -> None:
        """Count a call of `method`. Raises RateLimited."""
        self._take(f"call:{method}", per_s=TIERS[tier] / 60, burst=TIERS[tier])

    def _take(self, name: str, *, per_s: float, burst: int) -> None:
        if not self._enforced:
            return
        now = time.monotonic()
        bucket = self._buckets.setdefault(name, _Bucket(tokens=burst, at=now))
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.at) * per_s)
        bucket.at = now
        if bucket.tokens < 1:
            raise RateLimited(max(1, math.ceil((1 - bucket.tokens) / per_s)))
        bucket.tokens -= 1
