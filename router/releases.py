"""Which adapter and which policy are in service: the last row of a history that is only ever appended to."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from router.errors import NoEarlierRelease
from router.tables import releases
from router.transactions import transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """`adapter` is its immutable name (`name@digest`) at the model server, `base` the model it was trained on, and
    `promoted_at` the time at which it was promoted; all empty, but for the time, where there was none yet.

    `policy` is the `name@digest` of the router's policy, empty for the one that comes with Tandem. `is_rollback` says that
    the adapter came by going back to it, and not by being promoted.
    """  # noqa: D205

    adapter: str
    path: str
    base: str
    promoted_at: datetime
    policy: str = ""
    is_rollback: bool = False
    released_at: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)

    def gone_back_to(self) -> "Release":
        """Its adapter once more, now; the policy in service is to stay."""
        now = datetime.now(UTC)
        return replace(self, policy="", promoted_at=now, released_at=now, is_rollback=True)


class Releases:
    """Every method raises JournalUnavailable when the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def in_service(self) -> Release | None:
        """None: nothing was ever promoted, and the base model answers by the policy that comes with Tandem."""
        async with transaction(self._engine) as connection:
            return await _last(connection)

    async def history(self) -> list[Release]:
        """All releases, the first one first."""
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(select(releases).order_by(releases.c.number))).all()
        return [_release(row) for row in rows]

    async def put_in_service(self, release: Release) -> None:
        """Promote an adapter, or roll back to an earlier one; the policy in service stays, unless the release names one."""
        async with transaction(self._engine) as connection:
            if not release.policy:
                last = await _last(connection)
                release = replace(release, policy=last.policy if last else "")
            await connection.execute(releases.insert().values(asdict(release)))

    async def put_policy(self, policy: str) -> Release:
        """Promote a policy, or with "" the one that comes with Tandem; the adapter in service stays."""
        async with transaction(self._engine) as connection:
            return await _put_policy(connection, policy)

    async def roll_policy_back(self, check: Callable[[str], object] = lambda _: None) -> Release:
        """Put the policy into service that was before this one first came, unless `check` raises.

        Raises NoEarlierRelease.
        """
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(select(releases.c.policy).order_by(releases.c.number))).scalars()
            # Before the first release, the policy that comes with Tandem was in service.
            served = ["", *rows]
            first = served.index(served[-1])
            if first == 0:
                raise NoEarlierRelease
            check(served[first - 1])
            return await _put_policy(connection, served[first - 1])


async def _put_policy(connection: AsyncConnection, policy: str) -> Release:
    now = datetime.now(UTC)
    last = await _last(connection) or Release(adapter="", path="", base="", promoted_at=now)
    release = replace(last, policy=policy, released_at=now)
    await connection.execute(releases.insert().values(asdict(release)))
    return release


async def _last(connection: AsyncConnection) -> Release | None:
    found = await connection.execute(select(releases).order_by(releases.c.number.desc()).limit(1))
    row = found.first()
    return None if row is None else _release(row)


def _release(row: Row[Any]) -> Release:
    return Release(
        adapter=row.adapter,
        path=row.path,
        base=row.base,
        promoted_at=row.promoted_at,
        policy=row.policy,
        is_rollback=row.is_rollback,
        released_at=row.released_at,
    )
