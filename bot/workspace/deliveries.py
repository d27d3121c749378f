"""Delivery of events: each until it is acknowledged, on Slack's schedule, across restarts of either side."""

import asyncio
import sqlite3
import time
from typing import cast

from bot.workspace.app_link import AppLink, Outcome
from bot.workspace.faults import Faults
from bot.workspace.state import decode
from bot.workspace.workspace import Workspace

# Seconds from a failure to the next attempt: at once, after a minute, after five; then it is given up.
RETRY_AFTER_S = (0.0, 60.0, 300.0)


class Deliveries:
    def __init__(self, workspace: Workspace, link: AppLink, faults: Faults) -> None:
        self._workspace = workspace
        self._link = link
        self._faults = faults
        self._attempts: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Send what is due, for ever."""
        due = self._workspace.events_due
        while True:
            due.clear()
            for row in self._take_due():
                task = asyncio.create_task(self._attempt(row))
                self._attempts[row["id"]] = task
                task.add_done_callback(lambda _, number=row["id"]: self._attempts.pop(number, None))
            try:
                async with asyncio.timeout(self._pause_s()):
                    await due.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        for task in list(self._attempts.values()):
            task.cancel()
        await asyncio.gather(*self._attempts.values(), return_exceptions=True)

    def _take_due(self) -> list[sqlite3.Row]:
        """Return what is due, and put its next look past this attempt: a restart finds it again, this loop does not."""
        state, now = self._workspace.state, time.time()
        rows = state.rows("SELECT * FROM deliveries WHERE state = 'pending' AND due <= ? ORDER BY id", now)
        for row in rows:
            state.write(
                "UPDATE deliveries SET due = ?, sent = coalesce(sent, ?) WHERE id = ?",
                *(now + 2 * self._workspace.options.ack_s, now, row["id"]),
            )
        return [row for row in rows if row["id"] not in self._attempts]

    def _pause_s(self) -> float | None:
        row = self._workspace.state.row("SELECT min(due) AS due FROM deliveries WHERE state = 'pending'")
        due = None if row is None else cast("float | None", row["due"])
        return None if due is None else max(0.0, due - time.time())

    async def _attempt(self, row: sqlite3.Row) -> None:
        payload = decode(row["payload"])
        copies = 2 if self._faults.take("events") else 1
        outcomes = await asyncio.gather(
            *(
                self._link.send("events_api", payload, attempt=row["attempt"], reason=row["reason"])
                for _ in range(copies)
            )
        )
        self._settle(row, next((outcome for outcome in outcomes if outcome.acknowledged), outcomes[0]))

    def _settle(self, row: sqlite3.Row, outcome: Outcome) -> None:
        state, now = self._workspace.state, time.time()
        if outcome.acknowledged:
            state.write("UPDATE deliveries SET state = 'acknowledged', settled = ? WHERE id = ?", now, row["id"])
        elif outcome.retry and row["attempt"] < len(RETRY_AFTER_S):
            due = now + RETRY_AFTER_S[int(row["attempt"])] * self._workspace.options.retry_scale
            state.write(
                "UPDATE deliveries SET attempt = attempt + 1, reason = ?, due = ? WHERE id = ?",
                *(outcome.reason, due, row["id"]),
            )
        else:
            state.write("UPDATE deliveries SET state = 'given_up', settled = ? WHERE id = ?", now, row["id"])
        # Once the task is out of `_attempts`: the loop is to see the new time.
        asyncio.get_running_loop().call_soon(self._workspace.events_due.set)
