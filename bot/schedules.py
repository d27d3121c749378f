"""What the bot does by the clock: once an hour, and once a night."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# DBOS's decorators lose the types of what they wrap.

from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from dbos import DBOS, SetWorkflowID

from bot.stored_work import HOURLY, NIGHTLY, apart, discard, runs_of

Job = Callable[[datetime], Awaitable[None]]
"""Is given the moment that it was due, in UTC."""

# Long enough for every redelivery to be known again; longer, it would only keep what people wrote.
_KEPT = timedelta(days=7)


class Schedules:
    """Registered before DBOS is launched, and applied after it."""

    def __init__(self, *, nightly: Job | None, nightly_hour_utc: int, hourly: Job | None) -> None:
        self._nightly = nightly
        self._hour = nightly_hour_utc
        self._hourly = hourly

    def register(self) -> None:
        self._night = DBOS.workflow(name=NIGHTLY)(_night(self._nightly))
        # Not taken up again after a crash: the next hour does what is left.
        self._each_hour = DBOS.workflow(name=HOURLY, max_recovery_attempts=0)(_hour(self._hourly))

    def apply(self) -> None:
        if self._hourly is None:
            DBOS.delete_schedule(HOURLY)
        else:
            DBOS.apply_schedules([{"schedule_name": HOURLY, "workflow_fn": self._each_hour, "schedule": "17 * * * *"}])
        if self._nightly is None:
            DBOS.delete_schedule(NIGHTLY)
        else:
            DBOS.apply_schedules(
                [{"schedule_name": NIGHTLY, "workflow_fn": self._night, "schedule": f"0 {self._hour} * * *"}]
            )

    async def catch_up(self, now: datetime) -> None:
        """After a time off, do the last night that was missed: once, and not on the very first day."""
        missed = last_due(now, self._hour)
        # The id is the scheduler's own, so that a start in the minute of the schedule does it once.
        work_id = f"sched-{NIGHTLY}-{missed.isoformat()}"
        known = await runs_of(NIGHTLY)
        if self._nightly is not None and known and work_id not in known:
            with SetWorkflowID(work_id):
                await DBOS.start_workflow_async(self._night, missed.isoformat(), None)


def last_due(now: datetime, hour_utc: int) -> datetime:
    """The last moment not after `now` at which the clock showed that hour, in UTC, whose days are all as long."""
    now = now.astimezone(UTC)
    today = now.replace(hour=hour_utc, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def _hour(job: Job | None) -> Callable[[datetime | str, Any], Coroutine[Any, Any, None]]:
    async def run(scheduled: datetime | str, _context: Any) -> None:
        if job is not None:
            await job(_moment(scheduled))

    return run


def _night(job: Job | None) -> Callable[[datetime | str, Any], Coroutine[Any, Any, None]]:
    async def run(scheduled: datetime | str, _context: Any) -> None:
        at = _moment(scheduled)
        if job is not None:
            await job(at)
        await apart(discard(at - _KEPT))

    return run


def _moment(scheduled: datetime | str) -> datetime:
    at = datetime.fromisoformat(scheduled) if isinstance(scheduled, str) else scheduled  # stored as JSON
    return at.astimezone(UTC)
