"""The nightly work as one durable workflow: a step a stage, each kept once it is done, whatever is killed in between."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# DBOS's decorators lose the types of what they wrap.

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from dbos import DBOS, SetWorkflowID

from bot.errors import BotError
from bot.executor import Executor
from bot.failpoints import Failpoints
from bot.shapes import Json

_log = logging.getLogger(__name__)
_NIGHT = "night"
_ENDED = "ended"
_UNDER_WAY = ("PENDING", "ENQUEUED")
_UNFORESEEN = "Something went wrong that nobody foresaw; the log of the night says more."

Outcomes = Mapping[str, Json]
"""By stage, what came of it. `ended` says why the stages after it have nothing to do, `failed` what went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """`id` names the run, `day` is its date in UTC. What an earlier attempt of the same run left is in its place."""

    id: str
    day: date


Work = Callable[[Night, Outcomes], Awaitable[Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`work` is done again when it was killed before its outcome was kept, so doing it twice must be as once.

    What it raises as a BotError is the night's outcome, and may be shown to people. A stage that `always` runs does so
    after a failure too.
    """

    name: str
    work: Work
    always: bool = False


class Nights:
    """An application of its own beside the bot: neither takes up the other's work."""

    def __init__(self, *, database_url: str, stages: Sequence[Stage], failpoints: Failpoints) -> None:
        self._executor = Executor(
            application="tandem-nightly", work_version="nightly-1", executor_id="nightly", database_url=database_url
        )
        self._stages = stages
        self._failpoints = failpoints
        self._running: set[asyncio.Task[Any]] = set()

    def launch(self) -> None:
        """Start, and take up what a killed run left. Must be called inside the event loop that is to run the stages."""
        self._executor.configure()
        self._night = DBOS.workflow(name=_NIGHT)(_as_function(self._run))
        DBOS.launch()

    async def run(self, day: date, *, again: bool = False) -> Outcomes:
        """Run the night of that date, and wait for it; one that was run already is told once more, unless `again`."""
        run_id = await self._id(day, again=again)
        await self._finish_others(run_id)
        with SetWorkflowID(run_id):
            handle = await DBOS.start_workflow_async(self._night, run_id, day.isoformat())
        return await handle.get_result(polling_interval_sec=0.2)

    async def was_run(self, day: date) -> bool:
        """Whether `run` would but tell what came of the night of that date."""
        status = await DBOS.get_workflow_status_async(await self._id(day, again=False))
        return status is not None and status.status not in _UNDER_WAY

    async def close(self) -> None:
        """A stage that still runs is broken off without an outcome, before what it stands on is closed."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._executor.close(wait_s=0)

    async def _finish_others(self, run_id: str) -> None:
        """A run that was killed has been taken up at the launch; two at once would train over each other."""
        waiting = await DBOS.list_workflows_async(
            name=_NIGHT, status=list(_UNDER_WAY), load_input=False, load_output=False
        )
        for each in waiting:
            if each.workflow_id != run_id:
                handle = await DBOS.retrieve_workflow_async(each.workflow_id)
                await handle.get_result(polling_interval_sec=0.2)

    async def _id(self, day: date, *, again: bool) -> str:
        """Of several runs of a date, the last one is meant; one that is not done yet is not begun anew."""
        first = last = new = f"nightly:{day.isoformat()}"
        number = 1
        while (status := await DBOS.get_workflow_status_async(new)) is not None:
            if status.status in _UNDER_WAY:
                return new
            last, number = new, number + 1
            new = f"{first}:{number}"
        return new if again else last

    async def _run(self, run_id: str, day: str) -> Outcomes:
        night = Night(id=run_id, day=date.fromisoformat(day))
        outcomes: dict[str, Json] = {}
        is_over = False
        for stage in self._stages:
            if is_over and not stage.always:
                continue
            outcomes[stage.name] = await DBOS.run_step_async(
                {"name": stage.name}, self._do, stage, night, dict(outcomes)
            )
            is_over = is_over or bool({"failed", _ENDED} & outcomes[stage.name].keys())
        return outcomes

    async def _do(self, stage: Stage, night: Night, outcomes: Outcomes) -> Json:
        work = asyncio.ensure_future(stage.work(night, outcomes))
        self._running.add(work)
        work.add_done_callback(self._running.discard)
        try:
            outcome = await work
        except BotError as error:
            _log.warning("%s of %s failed: %s", stage.name, night.id, error)
            outcome = {"failed": str(error)}
        except Exception:  # noqa: BLE001 — the edge of the process: the night goes on to its report
            _log.exception("%s of %s failed", stage.name, night.id)
            outcome = {"failed": _UNFORESEEN}
        # The worst moment to die: the work is done, and nobody knows.
        self._failpoints.reached(f"night_{stage.name}")
        return outcome


def _as_function(run: Callable[[str, str], Awaitable[Outcomes]]) -> Callable[[str, str], Coroutine[Any, Any, Outcomes]]:
    """DBOS marks what it wraps, and a bound method can't be marked."""

    async def night(run_id: str, day: str) -> Outcomes:
        return await run(run_id, day)

    return night
