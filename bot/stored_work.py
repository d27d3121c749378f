"""What DBOS keeps of stored work: looked up, and deleted."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# DBOS's inputs are untyped.

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from datetime import datetime
from typing import Any, TypeVar

from dbos import DBOS, WorkflowStatus

WORK = "work"
INGEST = "ingest"
DOCUMENT = "document"
HOURLY = "hourly"
NIGHTLY = "nightly"
GIVEN_UP = ["MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
UNDER_WAY = ["PENDING", "ENQUEUED", "DELAYED"]
_LISTED = 100
_FORGET_TIMEOUT_S = 30.0
_ACCEPTED = [WORK, INGEST]
_T = TypeVar("_T")

Stored = tuple[str, str, dict[str, Any]]
"""A piece of work: its id, its kind, its payload."""


async def listed(status: list[str]) -> list[Stored]:
    """What was accepted and has one of these states; the documents of an ingest are told with it."""
    found = await DBOS.list_workflows_async(
        status=status, name=_ACCEPTED, load_output=False, limit=_LISTED, sort_desc=True
    )
    return [(each.workflow_id, *each.input["args"][1:]) for each in found if each.input]


async def forget(key: str) -> None:
    """Delete what a deleted question asked, in all its versions; such as is under way is waited for.

    What is not done in time goes with all that is old.
    """
    deadline = asyncio.get_running_loop().time() + _FORGET_TIMEOUT_S
    while asyncio.get_running_loop().time() < deadline:
        versions = [each for each in await _ids(workflow_id_prefix=key) if _asks(each.workflow_id, key)]
        if not versions:
            return
        done = [each.workflow_id for each in versions if each.status not in UNDER_WAY]
        await DBOS.delete_workflows_async(done)
        await asyncio.sleep(0.1)


def _asks(work_id: str, key: str) -> bool:
    return work_id == key or work_id.startswith((f"{key}:edit:", f"{key}:gave-up", f"{key}:document:"))


async def discard(before: datetime) -> None:
    """Delete work that was done before then."""
    while done := await _ids(completed_before=before.isoformat(), name=[*_ACCEPTED, DOCUMENT, HOURLY], limit=_LISTED):
        await DBOS.delete_workflows_async([each.workflow_id for each in done])


async def runs_of(name: str) -> set[str]:
    """The ids of the last runs of what is done by the clock."""
    return {each.workflow_id for each in await _ids(name=name, limit=_LISTED, sort_desc=True)}


async def _ids(**which: Any) -> list[WorkflowStatus]:
    return await DBOS.list_workflows_async(**which, load_input=False, load_output=False)


async def apart(work: Coroutine[Any, Any, _T]) -> _T:
    """Outside the workflow that asks for it: DBOS would keep what is looked up as a step's outcome."""
    return await asyncio.create_task(work, context=Context())
